//! Opening a journal: surveys the directory, and repairs what a crash may have left.

use std::io;
use std::sync::Arc;

use super::super::disk::{Disk, DiskFile, TEMPORARY, read_full_at, write_all_at};
use super::super::slots::SlotError;
use super::index::{Index, Offsets, Segment};
use super::install::{Installed, Installing};
use super::scan::{Damage, Scan, nonce_of_first_record, scan};
use super::segment::{
    SEGMENT_HEADER_BYTES, SegmentHeader, TRAILER_BYTES, Trailer, encode_table, file_name, first_slot_of,
};
use crate::planted::planted;

/// So many bytes are copied at once.
const COPY_BYTES: u64 = 1024 * 1024;

/// A journal after opening.
pub(super) struct Opened {
    pub(super) index: Index,
    /// The last segment; `None` if the journal is damaged, so that nothing may be written.
    pub(super) tail: Option<(SegmentHeader, Installed)>,
}

/// Opens for writing. The caller holds the directory's lock.
pub(super) fn open(disk: &dyn Disk, must_exist: bool) -> Result<Opened, SlotError> {
    for name in disk.list().map_err(cannot_open)? {
        if name.ends_with(TEMPORARY) {
            disk.remove(&name).map_err(cannot_open)?;
        }
    }
    let mut survey = survey(disk)?;
    if !survey.index.damages.is_empty() {
        return Ok(Opened { index: survey.index, tail: None });
    }
    for MissingTable { at, file, table } in &survey.missing_tables {
        // A table only saves time. If it cannot be written, the offsets stay in memory.
        if let Ok(table_at) = append_table(&**file, table) {
            survey.index.segments[*at].offsets = Offsets::Table { at: table_at };
        }
    }
    let Some(last) = survey.last else {
        if must_exist {
            return Err(SlotError::Denied("there is no journal where one has to be".into()));
        }
        let header = SegmentHeader { first_slot: 0, nonce: disk.nonce().map_err(cannot_open)? };
        let installed = install(disk, header, None)?;
        survey.index.segments.push(Segment::empty(header));
        survey.index.tail = Some(Arc::clone(&installed.file));
        return Ok(Opened { index: survey.index, tail: Some((header, installed)) });
    };
    let installed = if last.clean || planted!("unsynced-tail-is-trusted") {
        let filled = last.file.length().map_err(cannot_open)?;
        Installed { file: last.file, end: last.end, filled }
    } else {
        // After a failed sync, the bytes that the kernel shows may exist in memory only. A synced copy makes them
        // durable.
        install(disk, last.header, Some((&*last.file, last.end)))?
    };
    survey.index.tail = Some(Arc::clone(&installed.file));
    Ok(Opened { index: survey.index, tail: Some((last.header, installed)) })
}

/// Opens for reading, beside a process that may be writing.
pub(super) fn open_read_only(disk: &dyn Disk) -> Result<Index, SlotError> {
    let mut survey = self::survey(disk)?;
    // A record that looks damaged may have been half written when it was read, while the record behind it was read
    // later. A second survey then finds it whole, because a record is begun only when the one before it is whole.
    loop {
        if survey.index.damages.is_empty() {
            return Ok(survey.index);
        }
        let again = self::survey(disk)?;
        if again.index.damages == survey.index.damages {
            return Ok(again.index);
        }
        survey = again;
    }
}

pub(super) fn cannot_open(error: io::Error) -> SlotError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => SlotError::Full(error.to_string()),
        io::ErrorKind::WouldBlock => SlotError::Denied(error.to_string()),
        _ => SlotError::Denied(format!("it cannot be opened: {error}")),
    }
}

/// The content of the directory.
struct Survey {
    index: Index,
    last: Option<Last>,
    missing_tables: Vec<MissingTable>,
}

/// A full segment without a table.
struct MissingTable {
    /// Its position in the index.
    at: usize,
    file: Arc<dyn DiskFile>,
    table: Vec<u8>,
}

/// The last segment.
struct Last {
    header: SegmentHeader,
    file: Arc<dyn DiskFile>,
    end: u64,
    clean: bool,
}

fn survey(disk: &dyn Disk) -> Result<Survey, SlotError> {
    let names = disk.list().map_err(cannot_open)?;
    let first_slots: Vec<u64> = names.iter().filter_map(|name| first_slot_of(name)).collect();
    let mut survey = Survey { index: Index::default(), last: None, missing_tables: Vec::new() };
    for (at, &first_slot) in first_slots.iter().enumerate() {
        survey.segment(disk, first_slot, first_slots.get(at + 1).copied())?;
    }
    Ok(survey)
}

impl Survey {
    /// Adds the next segment. `following` is the first slot of the segment after it.
    fn segment(&mut self, disk: &dyn Disk, first_slot: u64, following: Option<u64>) -> Result<(), SlotError> {
        if first_slot > self.index.next {
            self.damage(self.index.next, first_slot, "no segment holds it".into());
        } else if first_slot < self.index.next {
            self.damage(first_slot, self.index.next, "two segments hold it".into());
        }
        let file = disk.open(&file_name(first_slot)).map_err(cannot_open)?;
        let Some(nonce) = nonce(&*file, first_slot)? else {
            let end = following.unwrap_or(first_slot + 1);
            self.damage(first_slot, end, "the head of its segment is damaged".into());
            self.index.next = end;
            return Ok(());
        };
        let trailer = trailer(&*file).map_err(cannot_open)?;
        if let (Some(following), Some(trailer)) = (following, trailer)
            && following - first_slot == u64::from(trailer.count)
        {
            let offsets = Offsets::Table { at: trailer.table };
            self.index.segments.push(Segment { first_slot, nonce, offsets });
            self.index.next = following;
            return Ok(());
        }
        let Scan { offsets, end, clean, damages } = scan(&*file, first_slot, nonce).map_err(cannot_open)?;
        self.index.next = first_slot + offsets.len() as u64;
        match following {
            // If slots are missing, the journal counts as damaged, and the table is not written.
            Some(_) => {
                let (at, table) = (self.index.segments.len(), encode_table(&offsets, end));
                self.missing_tables.push(MissingTable { at, file: Arc::clone(&file), table });
            }
            // A table is written only after the next segment exists, so that segment is missing.
            None if trailer.is_some() => {
                let next = self.index.next;
                self.damage(next, next + 1, "the segment that begins with it is missing".into());
            }
            None => {
                let header = SegmentHeader { first_slot, nonce };
                self.last = Some(Last { header, file, end, clean });
            }
        }
        self.index.damages.extend(damages);
        self.index.segments.push(Segment { first_slot, nonce, offsets: Offsets::Memory(offsets) });
        Ok(())
    }

    fn damage(&mut self, from: u64, to: u64, why: String) {
        self.index.damages.push(Damage { slots: from..to, why });
    }
}

/// The nonce of a segment. If the segment's head is damaged, the first record has the nonce too.
fn nonce(file: &dyn DiskFile, first_slot: u64) -> Result<Option<u64>, SlotError> {
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    let length = read_full_at(file, 0, &mut bytes).map_err(cannot_open)?;
    match SegmentHeader::decode(&bytes[..length])? {
        Some(header) if header.first_slot == first_slot => Ok(Some(header.nonce)),
        _ => nonce_of_first_record(file, first_slot).map_err(cannot_open),
    }
}

fn trailer(file: &dyn DiskFile) -> io::Result<Option<Trailer>> {
    let length = file.length()?;
    let mut bytes = [0; TRAILER_BYTES];
    let Some(offset) = length.checked_sub(TRAILER_BYTES as u64) else { return Ok(None) };
    let read = read_full_at(file, offset, &mut bytes)?;
    Ok(Trailer::decode(&bytes[..read], length))
}

/// Writes a table at the end of a full segment, and answers where. It is not synced, because opening scans a segment
/// without a table.
pub(super) fn append_table(file: &dyn DiskFile, table: &[u8]) -> io::Result<u64> {
    let at = file.length()?.next_multiple_of(8);
    write_all_at(file, at, table)?;
    Ok(at)
}

/// Puts a segment in place, with a copy of these records.
fn install(
    disk: &dyn Disk,
    header: SegmentHeader,
    records: Option<(&dyn DiskFile, u64)>,
) -> Result<Installed, SlotError> {
    let copied = || {
        let mut installing = Installing::begin(disk, header)?;
        if let Some((file, end)) = records {
            copy(file, end, &mut installing)?;
        }
        installing.prepare(None)
    };
    let prepared = copied().map_err(cannot_open)?;
    prepared.install().map_err(|error| cannot_open(error.into_inner()))
}

fn copy(file: &dyn DiskFile, end: u64, into: &mut Installing<'_>) -> io::Result<()> {
    while into.end() < end {
        let step = (end - into.end()).min(COPY_BYTES);
        // The file may end before `end`, within the zeros behind its last record.
        let mut buffer = vec![0; usize::try_from(step).map_err(io::Error::other)?];
        read_full_at(file, into.end(), &mut buffer)?;
        into.append(&buffer)?;
    }
    Ok(())
}
