//! Real directories and files. With the openers of the view engines this is the only place of the ledger
//! that touches the file system.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskFile, DiskLock, TEMPORARY, write_all_at};

/// The kernel locks this file, and the lock ends with the process. The file itself stays and means nothing.
const LOCK: &str = "lock";

/// A directory of the file system.
pub struct FileDisk {
    path: PathBuf,
    read_only: bool,
}

impl FileDisk {
    /// The directory at `path`, created durably if it does not exist. Only the process's user can read a new directory
    /// and the new files in it, from the first byte on. (On a system without modes of files, everybody can who may
    /// enter the directory.) Existing files and directories keep their modes.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        create_directories(&path)?;
        Ok(FileDisk { path, read_only: false })
    }

    /// The directory at `path`, for reading only: nothing is created, written or locked.
    pub fn read_only(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        match fs::metadata(&path)?.is_dir() {
            true => Ok(FileDisk { path, read_only: true }),
            false => Err(io::Error::new(
                io::ErrorKind::NotADirectory,
                format!("{} is no directory", path.display()),
            )),
        }
    }

    /// Creates a file with this content unless its name exists. Answers whether it is this one; if not, another creator won. The
    /// file is whole as soon as it has its name, because it is written and synced under another name first. Its name is durable
    /// after [`Disk::sync_directory`].
    pub fn create_once(&self, name: &str, bytes: &[u8]) -> io::Result<bool> {
        let temporary = format!("{name}.{:016x}{TEMPORARY}", self.nonce()?);
        let file = self.create(&temporary)?;
        write_all_at(&*file, 0, bytes)?;
        file.sync_data()?;
        let linked = fs::hard_link(self.path.join(&temporary), self.path.join(name));
        self.remove(&temporary)?;
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            linked => linked.map(|()| true),
        }
    }

    fn writable(&self) -> io::Result<()> {
        match self.read_only {
            true => Err(io::Error::new(
                io::ErrorKind::ReadOnlyFilesystem,
                format!("{} was opened for reading only", self.path.display()),
            )),
            false => Ok(()),
        }
    }

    fn open_with(&self, name: &str, options: &mut OpenOptions) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.path.join(name);
        match options.read(true).open(&path) {
            Ok(file) => Ok(Arc::new(RealFile(file))),
            Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
        }
    }
}

impl Disk for FileDisk {
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.writable()?;
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        self.open_with(name, options.write(true).create_new(true))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.open_with(name, OpenOptions::new().write(!self.read_only))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.writable()?;
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.writable()?;
        fs::remove_file(self.path.join(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        names(&self.path)
    }

    fn sync_directory(&self) -> io::Result<()> {
        sync_directory(&self.path)
    }

    fn lock(&self) -> io::Result<Box<dyn DiskLock>> {
        self.writable()?;
        let path = self.path.join(LOCK);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        match FileLock::acquire(file) {
            Ok(lock) => Ok(Box::new(lock)),
            Err(TryLockError::WouldBlock) => Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("another process has {} open", self.path.display()),
            )),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn nonce(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(u64::from_le_bytes(bytes))
    }
}

/// A file of the file system.
pub(super) struct RealFile(File);

impl RealFile {
    /// Opens a file for reading and writing, created for the process's user only if it does not exist.
    pub(super) fn open_or_create(path: &Path) -> io::Result<RealFile> {
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.read(true).write(true).create(true).truncate(false).open(path).map(RealFile)
    }

    /// Cuts the file, or fills it with zeros up to this length.
    pub(super) fn set_length(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    /// Locks the file for this process, until it is unlocked or the process ends. Fails with `WouldBlock` if another
    /// process has locked it.
    pub(super) fn lock(&self) -> io::Result<()> {
        self.0.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
            TryLockError::Error(error) => error,
        })
    }

    /// Unlocks the file. Closing it alone would not be enough: see [`FileLock`].
    pub(super) fn unlock(&self) {
        let _ = self.0.unlock();
    }
}

impl DiskFile for RealFile {
    #[cfg(unix)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, buffer, offset)
    }

    #[cfg(unix)]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(&self.0, bytes, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.0, buffer, offset)
    }

    #[cfg(windows)]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_write(&self.0, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

/// A lock of a file, for this process alone. It ends when this is dropped or the process ends.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Locks a file. Fails at once if another process, or this one by another open file, has locked it.
    pub fn acquire(file: File) -> Result<FileLock, TryLockError> {
        file.try_lock().map(|()| FileLock(file))
    }
}

impl DiskLock for FileLock {}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing the file would not be enough, because a child process that another thread is starting has a copy of
        // each open file until it runs its own program. If unlocking fails, the end of the last copy unlocks.
        let _ = self.0.unlock();
    }
}

/// The names in a directory, sorted.
pub(super) fn names(path: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        // A name that is not UTF-8 is not a name of our files.
        if let Ok(name) = entry?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// All of a small file.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// Replaces the content of a small file. After a crash it may have its old content.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_data()?;
    fs::rename(temporary, path)
}

/// Whether something has this name.
pub(super) fn exists(path: &Path) -> bool {
    path.exists()
}

/// Creates an empty file, unless there is a file of this name.
pub(super) fn touch(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path).map(drop)
}

/// Removes a directory with its content, if it exists.
pub(super) fn remove_directory(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Creates a directory and the missing ones above it, and makes the name of each durable.
pub(super) fn create_directories(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_directories(parent)?;
    }
    match private_directory(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        other => other?,
    }
    sync_directory(parent.unwrap_or(Path::new(".")))
}

/// Creates a directory that only the process's user may enter, so that the files of libraries in it are private too.
fn private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Other systems cannot open a directory to sync it. Their file systems order the changes of names themselves.
#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A child process has a copy of each open file between its fork and the start of its own program.
    #[test]
    fn a_folder_can_be_locked_again_at_once_while_child_processes_start() {
        let folder = tempfile::tempdir().unwrap();
        let disk = FileDisk::create(folder.path()).unwrap();
        std::thread::scope(|scope| {
            let children = scope.spawn(|| {
                for _ in 0..100 {
                    std::process::Command::new("true").status().unwrap();
                }
            });
            while !children.is_finished() {
                drop(disk.lock().unwrap());
            }
        });
    }

    #[test]
    fn files_and_folders_are_never_open_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let disk = FileDisk::create(folder.path().join("data/ledger")).unwrap();
        disk.create("key").unwrap();
        for (name, expected) in [("data", 0o700), ("data/ledger", 0o700), ("data/ledger/key", 0o600)] {
            let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, expected, "{name}: {mode:o}");
        }
    }
}
