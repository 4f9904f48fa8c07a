//! Putting a whole segment file in place. It is written under a temporary name, synced and renamed, and then the
//! directory is synced. So a segment under its own name is never half-written. New segments, the copy after an unclean
//! stop, and redacted segments are all made in this way.

use std::io;
use std::sync::Arc;

use super::super::disk::{Disk, DiskFile, TEMPORARY, create_temporary, write_all_at};
use super::segment::{RECORD_HEADER_BYTES, SegmentHeader, file_name};

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// A file is filled with zeros ahead, each time by as much as it has already, within these bounds. So small ledgers
/// stay small, and no commit waits for more than the upper bound.
const FILL_BYTES_MIN: u64 = ZEROS.len() as u64;
const FILL_BYTES_MAX: u64 = 1024 * 1024;

/// Records are buffered up to so many bytes before they are written.
const BUFFER_BYTES: usize = 1024 * 1024;

/// Where the installation failed. A file that is left under a temporary name means nothing. The next opening or the
/// next attempt removes it.
#[derive(Debug)]
pub(super) enum InstallError {
    /// The name may belong to the old file or to the new one.
    Renaming(io::Error),
    /// The name belongs to the new file, but after a loss of power it may belong to the old one again.
    Syncing(io::Error),
}

impl InstallError {
    pub(super) fn into_inner(self) -> io::Error {
        match self {
            InstallError::Renaming(error) | InstallError::Syncing(error) => error,
        }
    }
}

/// A segment that is in place.
pub(super) struct Installed {
    pub(super) file: Arc<dyn DiskFile>,
    /// Where the next record goes.
    pub(super) end: u64,
    /// How far the file is filled with zeros.
    pub(super) filled: u64,
}

/// A segment being written under its temporary name.
pub(super) struct Installing<'a> {
    disk: &'a dyn Disk,
    name: String,
    file: Arc<dyn DiskFile>,
    written: u64,
    buffer: Vec<u8>,
}

impl<'a> Installing<'a> {
    pub(super) fn begin(disk: &'a dyn Disk, header: SegmentHeader) -> io::Result<Self> {
        let name = file_name(header.first_slot);
        let file = create_temporary(disk, &format!("{name}{TEMPORARY}"))?;
        Ok(Installing { disk, name, file, written: 0, buffer: header.encode().to_vec() })
    }

    /// Where the next appended byte goes.
    pub(super) fn end(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Appends whole records.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        write_all_at(&*self.file, self.written, &self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Fills the file with zeros, or adds the table if the segment is full, and syncs it under its temporary name.
    pub(super) fn prepare(mut self, table: Option<Vec<u8>>) -> io::Result<Prepared<'a>> {
        self.flush()?;
        let end = self.written;
        let filled = match table {
            None => fill(&*self.file, end, end)?,
            Some(table) => {
                self.buffer.resize(RECORD_HEADER_BYTES, 0);
                self.buffer.extend_from_slice(&table);
                self.flush()?;
                self.written
            }
        };
        self.file.sync_data()?;
        let installed = Installed { file: self.file, end, filled };
        Ok(Prepared { disk: self.disk, name: self.name, installed })
    }
}

/// A segment that is durable under its temporary name.
pub(super) struct Prepared<'a> {
    disk: &'a dyn Disk,
    name: String,
    installed: Installed,
}

impl Prepared<'_> {
    /// Gives it its own name, durably.
    pub(super) fn install(self) -> Result<Installed, InstallError> {
        let temporary = format!("{}{TEMPORARY}", self.name);
        self.disk.rename(&temporary, &self.name).map_err(InstallError::Renaming)?;
        self.disk.sync_directory().map_err(InstallError::Syncing)?;
        Ok(self.installed)
    }
}

/// Writes zeros from `filled` on up to `needed` and at least 64 KiB further, and answers how far.
pub(super) fn fill(file: &dyn DiskFile, mut filled: u64, needed: u64) -> io::Result<u64> {
    let target = (needed + filled.clamp(FILL_BYTES_MIN, FILL_BYTES_MAX)).next_multiple_of(FILL_BYTES_MIN);
    while filled < target {
        let step = (target - filled).min(FILL_BYTES_MIN);
        let step_bytes = usize::try_from(step).map_err(io::Error::other)?;
        write_all_at(file, filled, &ZEROS[..step_bytes])?;
        filled += step;
    }
    Ok(filled)
}
