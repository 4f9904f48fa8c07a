//! One directory of files, as the journal needs it. All failures of storage are behind this trait, so that a disk in
//! memory can produce them on purpose.
//!
//! A disk promises what a POSIX file system promises and no more. Until its file is synced, a write may be lost, torn
//! or kept in part. Until its directory is synced, a name may be lost. After a failed sync nothing is known about
//! the file, and a later successful sync of it proves nothing.

use std::io;
use std::sync::Arc;

/// A flat directory. Names are plain file names.
pub trait Disk: Send + Sync {
    /// Creates an empty file for reading and writing. Fails with `AlreadyExists` if there is one.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens an existing file.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Renames a file, and atomically replaces a file of the new name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The names of all files, sorted.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Syncs the directory, which makes created, renamed and removed names durable.
    fn sync_directory(&self) -> io::Result<()>;

    /// Locks the directory for this process until the lock is dropped or the process ends. Fails with `WouldBlock` if
    /// another process has locked it.
    fn lock(&self) -> io::Result<Box<dyn DiskLock>>;

    /// A random number, which no other call is likely to have given.
    fn nonce(&self) -> io::Result<u64>;
}

/// An open file. It stays readable when another file gets its name.
pub trait DiskFile: Send + Sync {
    /// Reads into `buffer` from `offset` on, and answers how many bytes. Fewer bytes than asked for are no error; 0
    /// bytes mean the end of the file.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes some of `bytes` at `offset`, and answers how many. The file grows as needed.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Syncs the file's bytes and length.
    fn sync_data(&self) -> io::Result<()>;

    /// Its length in bytes.
    fn length(&self) -> io::Result<u64>;
}

/// A locked directory. Dropping this unlocks it.
pub trait DiskLock: Send + Sync {}

/// The name of a file that is being written ends in this. The file means nothing until it is renamed.
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

/// Fills `buffer` as far as the file reaches, and answers how far.
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

/// Creates a file to be renamed later. Replaces one that an interrupted attempt left behind.
pub(super) fn create_temporary(disk: &dyn Disk, name: &str) -> io::Result<Arc<dyn DiskFile>> {
    match disk.create(name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.remove(name)?;
            disk.create(name)
        }
        other => other,
    }
}
