//! One directory of files, seen as the journal needs it. Everything that can go wrong with storage goes
//! wrong behind this trait, so that a twin can make it go wrong on purpose.
//!
//! What holds of it is what holds of a POSIX file system and no more: a write may be lost, torn or kept in
//! part until its file is synced, a name until its directory is; after a failed sync nothing is known, and a
//! later successful sync of the same file proves nothing.

use std::io;
use std::sync::Arc;

/// A flat directory. Names are plain file names.
pub trait Disk: Send + Sync {
    /// A new, empty file for reading and writing; fails with `AlreadyExists`.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// A file that is there.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives a file another name; a file of that name is replaced in the same instant.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The names of all files, sorted.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes names durable: what was created, renamed or removed.
    fn sync_directory(&self) -> io::Result<()>;

    /// Takes the directory for this process alone until the answer is dropped or the process ends;
    /// `WouldBlock` when somebody has it.
    fn lock(&self) -> io::Result<Box<dyn DiskLock>>;

    /// A number that no other call is likely to have given.
    fn nonce(&self) -> io::Result<u64>;
}

/// An open file. It stays readable when its name is given to another one.
pub trait DiskFile: Send + Sync {
    /// Reads into `buffer` from `offset` on; fewer bytes than asked for are no error, none mean the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes some of `bytes` at `offset` and says how many; the file grows as needed.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Makes the file's bytes and length durable.
    fn sync_data(&self) -> io::Result<()>;

    /// Its length in bytes.
    fn length(&self) -> io::Result<u64>;
}

/// A directory taken; dropping it gives it back.
pub trait DiskLock: Send + Sync {}

/// Ends in this are files being written; they mean nothing until they are renamed.
pub(super) const TEMPORARY: &str = ".tmp";

/// Writes all of `bytes`.
pub(super) fn write_all_at(file: &dyn DiskFile, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(offset, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                offset += written as u64;
                bytes = bytes.get(written..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fills `buffer` as far as the file reaches and says how far.
pub(super) fn read_full_at(file: &dyn DiskFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(offset + filled as u64, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A new file to be renamed later, in place of one that an interrupted attempt left behind.
pub(super) fn create_temporary(disk: &dyn Disk, name: &str) -> io::Result<Arc<dyn DiskFile>> {
    match disk.create(name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.remove(name)?;
            disk.create(name)
        }
        other => other,
    }
}
