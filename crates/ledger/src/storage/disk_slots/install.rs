//! Putting a whole segment file in place: written under another name, synced, renamed, and the directory
//! synced. A segment that has its own name is therefore never half-written. New segments, the copy made
//! after an unclean stop and redaction all go this way.

use std::io;
use std::sync::Arc;

use super::super::disk::{Disk, DiskFile, TEMPORARY, create_temporary, write_all_at};
use super::segment::{RECORD_HEADER_BYTES, SegmentHeader, file_name};

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Zeros are written ahead in steps: as much as there is already, within these bounds. Small ledgers stay
/// small, and no single commit waits for more than the upper one.
const FILL_BYTES_MIN: u64 = ZEROS.len() as u64;
const FILL_BYTES_MAX: u64 = 1024 * 1024;

/// Records are gathered up to here before they are written.
const BUFFER_BYTES: usize = 1024 * 1024;

/// Where giving the name failed. What is left under a temporary name means nothing and is removed or
/// overwritten at the next chance.
#[derive(Debug)]
pub(super) enum InstallError {
    /// The name may say the old thing or the new one.
    Renaming(io::Error),
    /// The name says the new thing, but perhaps not after a loss of power.
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
    /// How far the file is filled.
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

    /// Whole records.
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

    /// Fills up with zeros or, if the segment is full, adds its table; afterwards all of it is durable
    /// under the temporary name.
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

/// A segment that is durable but has not its name yet.
pub(super) struct Prepared<'a> {
    disk: &'a dyn Disk,
    name: String,
    installed: Installed,
}

impl Prepared<'_> {
    /// Gives it its name, durably.
    pub(super) fn install(self) -> Result<Installed, InstallError> {
        let temporary = format!("{}{TEMPORARY}", self.name);
        self.disk.rename(&temporary, &self.name).map_err(InstallError::Renaming)?;
        self.disk.sync_directory().map_err(InstallError::Syncing)?;
        Ok(self.installed)
    }
}

/// Writes zeros from `filled` on up to `needed` and at least 64 KiB further; says how far.
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
