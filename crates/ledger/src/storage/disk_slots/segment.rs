//! The bytes of a segment file: encodes, decodes and checks them, without I/O. Numbers are little-endian.
//!
//! ```text
//! segment   offset size
//!                0    8  magic "evslots\n"
//!                8    8  format "pre-1", filled with zeros
//!               16    8  number of the first slot
//!               24    8  nonce
//!               32    4  CRC32C of the 32 bytes before
//!               36   28  zeros
//!               64       records, each at a multiple of 8, then zeros written ahead
//!                        and behind a segment that is full, at the very end: the table
//!
//! record         0    4  length of the body
//!                4    4  CRC32C of this header without these four bytes
//!                8    8  slot
//!               16    8  nonce of the segment
//!               24    4  CRC32C of the body
//!               28    4  kind: 1 a slot, 2 the clean end (no body; its slot is the next one to come)
//!               32       body, then zeros up to a multiple of 8
//!
//! table          0  4·n  offset of each record
//!              4·n    8  magic "evtable\n"
//!                     8  where the last record ends
//!                     4  n
//!                     4  CRC32C of the 20 bytes before
//!                     8  zeros
//! ```
//!
//! The nonce is random and stays in the file. So neither the bytes of an older file nor a document that imitates a
//! record is taken for a record. A record header has its own checksum, so that damage in a body does not hide the
//! records behind it. The table only saves time. It is not synced, and a reader checks the record to which it leads.

use super::super::slots::SlotError;

pub(super) const SEGMENT_HEADER_BYTES: usize = 64;
pub(super) const RECORD_HEADER_BYTES: usize = 32;
pub(super) const TRAILER_BYTES: usize = 32;

/// The longest slot. A longer one is refused before anything is written.
pub(super) const BODY_BYTES_MAX: u32 = 256 * 1024 * 1024;

const SEGMENT_MAGIC: &[u8; 8] = b"evslots\n";
const TABLE_MAGIC: &[u8; 8] = b"evtable\n";
const FORMAT: &[u8; 8] = b"pre-1\0\0\0";
const SUFFIX: &str = ".segment";

/// A segment's file name. The names sort in the order of the segments.
pub(super) fn file_name(first_slot: u64) -> String {
    format!("{first_slot:016x}{SUFFIX}")
}

/// The first slot of the segment with this name; `None` for other files.
pub(super) fn first_slot_of(file_name: &str) -> Option<u64> {
    let digits = file_name.strip_suffix(SUFFIX).filter(|digits| digits.len() == 16)?;
    // Greater numbers are refused, so that sums with a slot number never overflow.
    u64::from_str_radix(digits, 16).ok().filter(|first_slot| *first_slot <= u64::MAX / 2)
}

/// The head of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) first_slot: u64,
    pub(super) nonce: u64,
}

impl SegmentHeader {
    pub(super) fn encode(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..8].copy_from_slice(SEGMENT_MAGIC);
        bytes[8..16].copy_from_slice(FORMAT);
        bytes[16..24].copy_from_slice(&self.first_slot.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.nonce.to_le_bytes());
        let check = crc32c::crc32c(&bytes[..32]);
        bytes[32..36].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// `Ok(None)` if the bytes are damaged. An error if they are whole but of another format.
    pub(super) fn decode(bytes: &[u8]) -> Result<Option<Self>, SlotError> {
        let Some(bytes) = bytes.get(..36) else { return Ok(None) };
        if bytes[..8] != *SEGMENT_MAGIC || crc32c::crc32c(&bytes[..32]) != u32_at(bytes, 32) {
            return Ok(None);
        }
        if bytes[8..16] != *FORMAT {
            let format = String::from_utf8_lossy(&bytes[8..16]);
            return Err(SlotError::Denied(format!(
                "its segments have the format {:?}; this program reads pre-1",
                format.trim_end_matches('\0')
            )));
        }
        Ok(Some(SegmentHeader { first_slot: u64_at(bytes, 16), nonce: u64_at(bytes, 24) }))
    }
}

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordKind {
    /// A slot's bytes.
    Slot,
    /// The mark of a clean end: everything before it is durable, and nothing comes behind it.
    CleanEnd,
}

/// The head of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) kind: RecordKind,
    pub(super) slot: u64,
    pub(super) nonce: u64,
    pub(super) length: u32,
    body_check: u32,
}

impl RecordHeader {
    /// `None` if the bytes are not a whole header.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..32)?;
        let kind = match u32_at(bytes, 28) {
            1 => RecordKind::Slot,
            2 => RecordKind::CleanEnd,
            _ => return None,
        };
        let length = u32_at(bytes, 0);
        let whole = header_check(bytes) == u32_at(bytes, 4) && length <= BODY_BYTES_MAX;
        whole.then(|| RecordHeader {
            kind,
            slot: u64_at(bytes, 8),
            nonce: u64_at(bytes, 16),
            length,
            body_check: u32_at(bytes, 24),
        })
    }

    /// Whether these are the bytes for which the header was written.
    pub(super) fn is_body(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.length as usize && crc32c::crc32c(bytes) == self.body_check
    }

    /// The bytes that the record takes in the file.
    pub(super) fn extent(&self) -> u64 {
        record_extent(self.length)
    }
}

/// The bytes that a record with a body of this length takes in the file.
pub(super) fn record_extent(length: u32) -> u64 {
    RECORD_HEADER_BYTES as u64 + u64::from(length).next_multiple_of(8)
}

/// A record. The caller has checked the body's length.
pub(super) fn encode_record(kind: RecordKind, slot: u64, nonce: u64, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("the caller has checked the length");
    let kind: u32 = match kind {
        RecordKind::Slot => 1,
        RecordKind::CleanEnd => 2,
    };
    let mut record = Vec::new();
    record.extend_from_slice(&length.to_le_bytes());
    record.extend_from_slice(&[0; 4]);
    record.extend_from_slice(&slot.to_le_bytes());
    record.extend_from_slice(&nonce.to_le_bytes());
    record.extend_from_slice(&crc32c::crc32c(body).to_le_bytes());
    record.extend_from_slice(&kind.to_le_bytes());
    let check = header_check(&record);
    record[4..8].copy_from_slice(&check.to_le_bytes());
    record.extend_from_slice(body);
    record.resize(record.len().next_multiple_of(8), 0);
    record
}

/// The table at the end of a full segment.
pub(super) fn encode_table(offsets: &[u32], records_end: u64) -> Vec<u8> {
    let mut bytes: Vec<u8> = offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect();
    let start = bytes.len();
    let count = u32::try_from(offsets.len()).expect("a segment is shorter than 4 GiB");
    bytes.extend_from_slice(TABLE_MAGIC);
    bytes.extend_from_slice(&records_end.to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    let check = crc32c::crc32c(&bytes[start..]);
    bytes.extend_from_slice(&check.to_le_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes
}

/// The end of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trailer {
    /// Where the table begins.
    pub(super) table: u64,
    pub(super) records_end: u64,
    pub(super) count: u32,
}

impl Trailer {
    /// Reads the last bytes of a file; `None` if they are not the end of a whole table.
    pub(super) fn decode(bytes: &[u8], file_length: u64) -> Option<Self> {
        let bytes = bytes.get(..32)?;
        if bytes[..8] != *TABLE_MAGIC || crc32c::crc32c(&bytes[..20]) != u32_at(bytes, 20) {
            return None;
        }
        let (records_end, count) = (u64_at(bytes, 8), u32_at(bytes, 16));
        let table = file_length.checked_sub(TRAILER_BYTES as u64 + 4 * u64::from(count))?;
        (records_end <= table).then_some(Trailer { table, records_end, count })
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn header_check(header: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[..4]), &header[8..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header's own checksum counts, whatever else would notice: damage is known before the body is read.
    #[test]
    fn a_record_header_with_any_bit_flipped_is_none() {
        let record = encode_record(RecordKind::Slot, 7, 9, b"a body");
        let header = RecordHeader::decode(&record).expect("it is whole");
        assert_eq!((header.kind, header.slot, header.nonce, header.length), (RecordKind::Slot, 7, 9, 6));
        assert_eq!((record.len() as u64, header.is_body(b"a body")), (header.extent(), true));
        for bit in 0..8 * RECORD_HEADER_BYTES {
            let mut flipped = record.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(RecordHeader::decode(&flipped), None, "bit {bit}");
        }
    }

    #[test]
    fn no_record_claims_more_than_the_longest_body() {
        for (length, is_whole) in [(BODY_BYTES_MAX, true), (BODY_BYTES_MAX + 1, false)] {
            let mut header = encode_record(RecordKind::Slot, 7, 9, b"");
            header[..4].copy_from_slice(&length.to_le_bytes());
            let check = header_check(&header);
            header[4..8].copy_from_slice(&check.to_le_bytes());
            assert_eq!(RecordHeader::decode(&header).is_some(), is_whole, "{length}");
        }
        assert_eq!(BODY_BYTES_MAX, 1 << 28);
    }

    #[test]
    fn a_table_says_where_it_begins_and_is_none_with_any_bit_flipped() {
        for offsets in [&[][..], &[64], &[64, 128, 192]] {
            let table = encode_table(offsets, 1000);
            let (file_length, trailer) = (1000 + table.len() as u64, &table[table.len() - TRAILER_BYTES..]);
            let decoded = Trailer::decode(trailer, file_length).expect("it is whole");
            let count = u32::try_from(offsets.len()).expect("it is small");
            assert_eq!(decoded, Trailer { table: 1000, records_end: 1000, count });
            assert_eq!(
                Trailer::decode(trailer, file_length - 1),
                None,
                "it would begin before the records' end"
            );
            assert_eq!(Trailer::decode(trailer, 10), None, "the file is shorter than the table");
            for bit in 0..8 * (TRAILER_BYTES - 8) {
                let mut flipped = trailer.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Trailer::decode(&flipped, file_length), None, "bit {bit}");
            }
        }
    }
}
