//! Where each slot lies. In memory are one entry for each segment and the offsets of the last segment. The offsets of
//! the other segments are read from the tables at their ends.

use std::io;
use std::sync::Arc;

use super::super::disk::{Disk, DiskFile, read_full_at};
use super::super::slots::SlotError;
use super::scan::Damage;
use super::segment::{SegmentHeader, file_name, u32_at};

/// What readers look at. A slot is added when it is durable, never before.
#[derive(Default)]
pub(super) struct Index {
    /// In order of their slots.
    pub(super) segments: Vec<Segment>,
    /// The first slot that does not exist.
    pub(super) next: u64,
    /// The file of the last segment, if it is open for writing.
    pub(super) tail: Option<Arc<dyn DiskFile>>,
    pub(super) damages: Vec<Damage>,
    /// A slot that could not be written. Only opening the journal again tells whether it exists.
    pub(super) unknown_slot: Option<u64>,
}

pub(super) struct Segment {
    pub(super) first_slot: u64,
    pub(super) nonce: u64,
    pub(super) offsets: Offsets,
}

/// Where the records of a segment lie.
pub(super) enum Offsets {
    Memory(Vec<u32>),
    /// In the file, from `at` on.
    Table {
        at: u64,
    },
}

/// Where a slot's record should be.
pub(super) struct Place {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) first_slot: u64,
    /// The first slot that is not in the segment.
    pub(super) segment_end: u64,
    pub(super) nonce: u64,
    pub(super) offset: u64,
}

impl Segment {
    pub(super) fn empty(header: SegmentHeader) -> Self {
        Segment { first_slot: header.first_slot, nonce: header.nonce, offsets: Offsets::Memory(Vec::new()) }
    }
}

impl Index {
    /// Where the slot lies; `None` if it does not exist.
    pub(super) fn place(
        &self,
        slot: u64,
        disk: &dyn Disk,
        files: &Files,
    ) -> Result<Option<Place>, SlotError> {
        if let Some(damage) = self.damages.iter().find(|damage| damage.slots.contains(&slot)) {
            return Err(SlotError::Corrupt { slot, why: damage.why.clone() });
        }
        if self.unknown_slot == Some(slot) {
            return Err(SlotError::Unknown(format!("writing slot {slot} failed; opening again decides")));
        }
        if slot >= self.next {
            return Ok(None);
        }
        let Some(at) = self.segment_of(slot) else {
            return Err(SlotError::Corrupt { slot, why: "no segment holds it".into() });
        };
        let segment = &self.segments[at];
        let (file, segment_end) = match (self.segments.get(at + 1), &self.tail) {
            (Some(following), _) => (files.open(disk, segment.first_slot), following.first_slot),
            (None, Some(tail)) => (Ok(Arc::clone(tail)), self.next),
            (None, None) => (files.open(disk, segment.first_slot), self.next),
        };
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                SlotError::Corrupt { slot, why: format!("its segment is gone: {error}") }
            }
            _ => cannot_read(slot, &error),
        })?;
        let within = slot - segment.first_slot;
        let offset = match &segment.offsets {
            Offsets::Memory(offsets) => {
                usize::try_from(within).ok().and_then(|within| offsets.get(within).copied()).unwrap_or(0)
            }
            Offsets::Table { at } => {
                let mut bytes = [0; 4];
                read_full_at(&*file, at + 4 * within, &mut bytes)
                    .map_err(|error| cannot_read(slot, &error))?;
                u32_at(&bytes, 0)
            }
        };
        Ok(Some(Place {
            file,
            first_slot: segment.first_slot,
            segment_end,
            nonce: segment.nonce,
            offset: offset.into(),
        }))
    }

    /// The position in [`Index::segments`] of the segment that should hold a slot.
    pub(super) fn segment_of(&self, slot: u64) -> Option<usize> {
        self.segments.partition_point(|segment| segment.first_slot <= slot).checked_sub(1)
    }
}

pub(super) fn cannot_read(slot: u64, error: &io::Error) -> SlotError {
    SlotError::Denied(format!("slot {slot} cannot be read: {error}"))
}

/// Keeps the files of the segments open that were read lately. It closes older ones, because a journal may have more
/// segments than a process may have open files.
#[derive(Default)]
pub(super) struct Files {
    /// The most recently read one last.
    open: std::sync::Mutex<Vec<(u64, Arc<dyn DiskFile>)>>,
}

impl Files {
    const OPEN_MAX: usize = 32;

    fn open(&self, disk: &dyn Disk, first_slot: u64) -> io::Result<Arc<dyn DiskFile>> {
        let mut open = self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let entry = match open.iter().position(|(first, _)| *first == first_slot) {
            Some(at) => open.remove(at),
            None => (first_slot, disk.open(&file_name(first_slot))?),
        };
        let file = Arc::clone(&entry.1);
        if open.len() >= Self::OPEN_MAX {
            open.remove(0);
        }
        open.push(entry);
        Ok(file)
    }

    /// Closes a segment's file, because its name now belongs to another file.
    pub(super) fn forget(&self, first_slot: u64) {
        let mut open = self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        open.retain(|(first, _)| *first != first_slot);
    }
}
