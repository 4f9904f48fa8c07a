//! Scanning a segment from its first record to its end, and telling a torn end from damage.
//!
//! Each record is synced before the next is written, so a loss of power can tear only the last one. Bad bytes without
//! a valid record behind them are therefore the end of the journal. Bad bytes with a valid record behind them are
//! damage.

use std::io;
use std::ops::Range;

use super::super::disk::{DiskFile, read_full_at};
use super::segment::{RECORD_HEADER_BYTES, RecordHeader, RecordKind, SEGMENT_HEADER_BYTES};
use crate::planted::planted;

/// So many bytes are read at once. A longer record is read whole.
const WINDOW_BYTES: usize = 1024 * 1024;

/// No record header consists of zeros.
static ZEROS: [u8; 4096] = [0; 4096];

/// Slots that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) slots: Range<u64>,
    pub(super) why: String,
}

/// The content of a segment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// The offset of each slot's record, from the first slot on; 0 for a damaged one.
    pub(super) offsets: Vec<u32>,
    /// Where the last whole record ends.
    pub(super) end: u64,
    /// Whether the writer has closed the journal in order.
    pub(super) clean: bool,
    pub(super) damages: Vec<Damage>,
}

/// Reads all records of a segment and checks every byte of them.
pub(super) fn scan(file: &dyn DiskFile, first_slot: u64, nonce: u64) -> io::Result<Scan> {
    let mut window = Window::new(file);
    let mut scan = Scan { end: SEGMENT_HEADER_BYTES as u64, ..Scan::default() };
    loop {
        let next_slot = first_slot + scan.offsets.len() as u64;
        let found = match record_at(&mut window, scan.end, nonce)? {
            Some((header, whole)) if (whole || planted!("torn-tail-kept")) && header.slot == next_slot => {
                Some((scan.end, header))
            }
            _ => {
                let found = find_record(&mut window, scan.end, first_slot, next_slot, nonce)?;
                if let Some((offset, header)) = found {
                    let slots = next_slot..header.slot.max(next_slot + 1);
                    let why = format!(
                        "bytes {} to {} of the segment of slot {first_slot} are not as they were written",
                        scan.end, offset
                    );
                    scan.damages.push(Damage { slots, why });
                }
                found
            }
        };
        let Some((offset, header)) = found else { return Ok(scan) };
        let missing = usize::try_from(header.slot - next_slot).map_err(io::Error::other)?;
        scan.offsets.resize(scan.offsets.len() + missing, 0);
        if header.kind == RecordKind::CleanEnd {
            scan.end = offset;
            scan.clean = true;
            return Ok(scan);
        }
        scan.offsets.push(u32::try_from(offset).map_err(io::Error::other)?);
        scan.end = offset + header.extent();
    }
}

/// The nonce in the first record of a segment, for a segment whose head is damaged.
pub(super) fn nonce_of_first_record(file: &dyn DiskFile, first_slot: u64) -> io::Result<Option<u64>> {
    let mut bytes = [0; RECORD_HEADER_BYTES];
    let length = read_full_at(file, SEGMENT_HEADER_BYTES as u64, &mut bytes)?;
    let header = RecordHeader::decode(&bytes[..length]).filter(|header| header.slot == first_slot);
    Ok(header.map(|header| header.nonce))
}

/// The record that begins at `offset`, and whether its body is whole.
fn record_at(window: &mut Window<'_>, offset: u64, nonce: u64) -> io::Result<Option<(RecordHeader, bool)>> {
    let header = RecordHeader::decode(window.bytes(offset, RECORD_HEADER_BYTES)?);
    let Some(header) = header.filter(|header| header.nonce == nonce) else { return Ok(None) };
    let body = window.bytes(offset + RECORD_HEADER_BYTES as u64, header.length as usize)?;
    let whole = header.is_body(body);
    Ok(Some((header, whole)))
}

/// The first whole record at `offset` or behind it, of `next_slot` or a later slot.
fn find_record(
    window: &mut Window<'_>,
    mut offset: u64,
    first_slot: u64,
    next_slot: u64,
    nonce: u64,
) -> io::Result<Option<(u64, RecordHeader)>> {
    loop {
        // Most of the searched bytes are zeros that were filled ahead.
        let ahead = window.bytes(offset, ZEROS.len())?;
        let Some(bytes) = ahead.get(..RECORD_HEADER_BYTES) else { return Ok(None) };
        if *ahead == ZEROS[..ahead.len()] {
            offset += (ZEROS.len() - RECORD_HEADER_BYTES) as u64;
            continue;
        }
        if bytes[16..24] == nonce.to_le_bytes()
            && let Some((header, true)) = record_at(window, offset, nonce)?
            // The records of all slots before it must have had room, even if they had empty bodies.
            && (next_slot..=first_slot + offset / RECORD_HEADER_BYTES as u64).contains(&header.slot)
        {
            return Ok(Some((offset, header)));
        }
        offset += 8;
    }
}

/// A part of the file that is in memory.
struct Window<'a> {
    file: &'a dyn DiskFile,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    fn new(file: &'a dyn DiskFile) -> Self {
        Window { file, start: 0, bytes: Vec::new() }
    }

    /// The bytes at `offset`; fewer than `length` where the file ends.
    fn bytes(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let end = offset + length as u64;
        if offset < self.start || end > self.start + self.bytes.len() as u64 {
            self.fill(offset, length)?;
        }
        let from = usize::try_from(offset - self.start).map_err(io::Error::other)?.min(self.bytes.len());
        let to = (from + length).min(self.bytes.len());
        Ok(&self.bytes[from..to])
    }

    /// Reads from `offset` on. A damaged header may claim any length, so no more memory is taken than the file has
    /// bytes.
    fn fill(&mut self, offset: u64, length: usize) -> io::Result<()> {
        let left = self.file.length()?.saturating_sub(offset);
        let wanted = (length.max(WINDOW_BYTES) as u64).min(left);
        self.bytes = vec![0; usize::try_from(wanted).map_err(io::Error::other)?];
        let filled = read_full_at(self.file, offset, &mut self.bytes)?;
        self.bytes.truncate(filled);
        self.start = offset;
        Ok(())
    }
}
