//! A small file that is replaced as a whole, for example a ledger's name, state and options. After a crash it holds
//! its old content or its new content, never a mixture.
//!
//! ```text
//! offset size
//!      0    8  magic "evmeta\n", one zero
//!      8    8  format "pre-1", filled with zeros
//!     16    4  length of the content
//!     20    4  CRC32C of the content
//!     24    4  CRC32C of the 24 bytes before
//!     28       content
//! ```

use std::io;

use super::FileDisk;
use super::disk::{Disk, TEMPORARY, create_temporary, read_full_at, write_all_at};

/// More than anybody needs here. A longer file counts as damaged.
const CONTENT_BYTES_MAX: usize = 16 * 1024 * 1024;

const MAGIC: &[u8; 8] = b"evmeta\n\0";
const FORMAT: &[u8; 8] = b"pre-1\0\0\0";
const HEADER_BYTES: usize = 28;

/// Why a small file was not read or replaced.
#[derive(Debug, thiserror::Error)]
pub enum MetaError {
    /// The disk failed. After a failed replacement the file holds the old content or the new one.
    #[error("{name}: {error}")]
    Io {
        /// Which file.
        name: String,
        /// What the disk said.
        error: io::Error,
    },
    /// The file is not as it was written.
    #[error("{name} is damaged: {why}")]
    Damaged {
        /// Which file.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Another version of the program wrote it.
    #[error("{name} has the format {format:?}; this program reads pre-1")]
    Format {
        /// Which file.
        name: String,
        /// What it says.
        format: String,
    },
}

/// The content of a file; `None` if it does not exist.
pub fn read(disk: &dyn Disk, name: &str) -> Result<Option<Vec<u8>>, MetaError> {
    let io = |error| MetaError::Io { name: name.into(), error };
    let damaged = |why| MetaError::Damaged { name: name.into(), why };
    let file = match disk.open(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io)?,
    };
    let length = usize::try_from(file.length().map_err(io)?).unwrap_or(usize::MAX);
    if length > HEADER_BYTES + CONTENT_BYTES_MAX {
        return Err(damaged("it is too long"));
    }
    let mut bytes = vec![0; length];
    let read = read_full_at(&*file, 0, &mut bytes).map_err(io)?;
    bytes.truncate(read);
    let Some((header, content)) = bytes.split_at_checked(HEADER_BYTES) else {
        return Err(damaged("it is too short"));
    };
    if header[..8] != *MAGIC || header[24..28] != crc32c::crc32c(&header[..24]).to_le_bytes() {
        return Err(damaged("its head is not as it was written"));
    }
    if header[8..16] != *FORMAT {
        let format = String::from_utf8_lossy(&header[8..16]).trim_end_matches('\0').to_owned();
        return Err(MetaError::Format { name: name.into(), format });
    }
    if header[16..24] != summary(content) {
        return Err(damaged("its content is not as it was written"));
    }
    Ok(Some(content.to_vec()))
}

/// Replaces the content of a file, durably.
pub fn replace(disk: &dyn Disk, name: &str, content: &[u8]) -> Result<(), MetaError> {
    let write = || {
        let bytes = with_header(content)?;
        let temporary = format!("{name}{TEMPORARY}");
        let file = create_temporary(disk, &temporary)?;
        write_all_at(&*file, 0, &bytes)?;
        file.sync_data()?;
        disk.rename(&temporary, name)?;
        disk.sync_directory()
    };
    write().map_err(|error| MetaError::Io { name: name.into(), error })
}

/// Creates a file durably, unless there is one. Answers whether it is this one; if not, another creator won.
pub fn create(disk: &FileDisk, name: &str, content: &[u8]) -> Result<bool, MetaError> {
    let write = || {
        let is_ours = disk.create_once(name, &with_header(content)?)?;
        disk.sync_directory()?;
        Ok(is_ours)
    };
    write().map_err(|error| MetaError::Io { name: name.into(), error })
}

fn with_header(content: &[u8]) -> io::Result<Vec<u8>> {
    if content.len() > CONTENT_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Vec::with_capacity(HEADER_BYTES + content.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(FORMAT);
    bytes.extend_from_slice(&summary(content));
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    bytes.extend_from_slice(content);
    Ok(bytes)
}

/// Length and checksum.
fn summary(content: &[u8]) -> [u8; 8] {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[4..].copy_from_slice(&crc32c::crc32c(content).to_le_bytes());
    bytes
}
