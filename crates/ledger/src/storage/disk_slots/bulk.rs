//! Many slots at once, for whoever copies a journal: they become a segment of their own, which is written, synced and
//! renamed as a whole. One sync is enough, and after a crash either all of them exist or none.

use std::sync::Arc;

use super::super::slots::{Created, SlotError, SlotStore};
use super::index::{Offsets, Segment};
use super::install::Installing;
use super::open::cannot_open;
use super::segment::{RecordKind, SegmentHeader, encode_record, file_name};
use super::{DiskSlots, Tail, Writer, body_length, not_written, stopped};

/// Fewer slots are appended to the last segment, because each segment is a file.
const SLOTS_MIN: usize = 64;

impl DiskSlots {
    /// Makes all slots that this store shows durable. Of a journal that another process writes, the last ones may not be
    /// synced yet, and a copy must not have a slot that its source can still lose.
    pub fn make_durable(&self) -> Result<(), SlotError> {
        let Some(last) = self.index().segments.last().map(|segment| segment.first_slot) else {
            return Ok(());
        };
        let file = self.disk.open(&file_name(last)).map_err(cannot_open)?;
        file.sync_data().and_then(|()| self.disk.sync_directory()).map_err(cannot_open)
    }

    /// Creates these slots, see [`SlotStore::create_many`].
    pub(super) fn create_segment(&self, from: u64, slots: &[Vec<u8>]) -> Result<usize, SlotError> {
        if slots.len() < SLOTS_MIN {
            for (created, bytes) in slots.iter().enumerate() {
                match self.create(from.saturating_add(created as u64), bytes) {
                    Ok(Created::Won) => {}
                    Err(error) if created == 0 => return Err(error),
                    Ok(Created::Exists) | Err(_) => return Ok(created),
                }
            }
            return Ok(slots.len());
        }
        let mut writer = self.writer();
        let next = self.index().next;
        if from < next {
            return Ok(0);
        }
        let tail = match &mut *writer {
            Writer::Open(tail) => tail,
            Writer::Refusing(why) => return Err(SlotError::Denied(why.clone())),
        };
        if from > next {
            return Err(SlotError::gap(from, next));
        }
        slots.iter().try_for_each(|bytes| body_length(bytes).map(drop))?;
        match self.install_segment(tail, from, slots) {
            Ok(created) => Ok(created),
            Err((error, refuse)) => {
                if refuse {
                    *writer = Writer::Refusing(stopped(&error));
                }
                Err(error)
            }
        }
    }

    /// An error says whether the store must refuse all further writes.
    fn install_segment(
        &self,
        tail: &mut Tail,
        from: u64,
        slots: &[Vec<u8>],
    ) -> Result<usize, (SlotError, bool)> {
        let replaces_empty = tail.header.first_slot == from;
        let prepare = || {
            let header = SegmentHeader { first_slot: from, nonce: self.disk.nonce()? };
            let mut installing = Installing::begin(&*self.disk, header)?;
            let mut offsets = Vec::with_capacity(slots.len());
            for (slot, body) in (from..).zip(slots) {
                // A segment's offsets have 32 bits. The slots that do not fit are left to the next call.
                let end = installing.end() + body.len() as u64;
                if !offsets.is_empty() && end > self.segment_bytes {
                    break;
                }
                offsets.push(u32::try_from(installing.end()).map_err(std::io::Error::other)?);
                installing.append(&encode_record(RecordKind::Slot, slot, header.nonce, body))?;
            }
            Ok((header, offsets, installing.prepare(None)?))
        };
        let (header, offsets, prepared) = prepare().map_err(|error| (not_written(&error), false))?;
        // Locked before the rename, so that no reader opens the new file and looks up the old offsets.
        let mut index = self.index_mut();
        let installed = prepared.install().map_err(|error| {
            index.unknown_slot = Some(from);
            (SlotError::Unknown(error.into_inner().to_string()), true)
        })?;
        self.files.forget(from);
        let full = std::mem::replace(tail, Tail::new(header, installed));
        if replaces_empty {
            index.segments.pop();
        } else {
            full.append_table_to(&mut index);
        }
        let created = offsets.len();
        let (first_slot, nonce) = (header.first_slot, header.nonce);
        index.segments.push(Segment { first_slot, nonce, offsets: Offsets::Memory(offsets) });
        index.tail = Some(Arc::clone(&tail.file));
        index.next = from + created as u64;
        Ok(created)
    }
}
