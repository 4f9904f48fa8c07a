//! Reads and writes little-endian frames.
//!
//! All bounds are checked. Nothing is allocated by a length that the bytes merely claim, because a damaged or hostile
//! file may claim any length.

use crate::format::FormatError;
use crate::hashing::{Hash, UniqueId};

/// The version in every frame. It stays `pre-1` until a release promises to read the format for ever.
pub(crate) const VERSION: [u8; 5] = *b"pre-1";

/// Reads a frame from front to back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0 }
    }

    pub(crate) fn at(bytes: &'a [u8], at: usize) -> Reader<'a> {
        Reader { bytes, at }
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], FormatError> {
        let end = self.at.checked_add(length).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or_else(|| {
            FormatError::new(format!("{length} bytes are needed, {} are left", self.remaining()), self.at)
        })?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        Ok(self.take(N)?.try_into().expect("the length that was taken"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, FormatError> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, FormatError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, FormatError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn i64(&mut self) -> Result<i64, FormatError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    pub(crate) fn hash(&mut self) -> Result<Hash, FormatError> {
        Ok(Hash(self.array()?))
    }

    pub(crate) fn id(&mut self) -> Result<UniqueId, FormatError> {
        Ok(UniqueId::from_bytes(self.array()?))
    }

    /// Reads a length, and that many bytes.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], FormatError> {
        let length = self.u32()?;
        self.take(to_usize(length))
    }

    /// Reads a length, and that many bytes of UTF-8.
    pub(crate) fn text(&mut self) -> Result<&'a str, FormatError> {
        let at = self.at;
        std::str::from_utf8(self.bytes()?).map_err(|_| FormatError::new("a text is not UTF-8", at))
    }

    /// Reads bytes that must be `expected`; `what` names the whole in the error.
    pub(crate) fn expect(&mut self, expected: &[u8], what: &str) -> Result<(), FormatError> {
        let at = self.at;
        if self.take(expected.len())? == expected {
            return Ok(());
        }
        Err(FormatError::new(format!("this is not {what}"), at))
    }

    /// Reads a CRC-32C, which must be that of all bytes from `start` up to here.
    pub(crate) fn checksum_since(&mut self, start: usize, what: &str) -> Result<(), FormatError> {
        let at = self.at;
        let computed = crc32c::crc32c(&self.bytes[start.min(at)..at]);
        if self.u32()? == computed {
            return Ok(());
        }
        Err(FormatError::new(format!("the checksum of {what} does not match: the bytes were changed"), at))
    }
}

/// Writes what [`Reader`] reads.
pub(crate) trait Writer {
    fn put_u32(&mut self, number: u32);
    fn put_u64(&mut self, number: u64);
    fn put_i64(&mut self, number: i64);
    fn put_bytes(&mut self, bytes: &[u8]) -> Result<(), FormatError>;
    fn put_checksum_since(&mut self, start: usize);
}

impl Writer for Vec<u8> {
    fn put_u32(&mut self, number: u32) {
        self.extend_from_slice(&number.to_le_bytes());
    }

    fn put_u64(&mut self, number: u64) {
        self.extend_from_slice(&number.to_le_bytes());
    }

    fn put_i64(&mut self, number: i64) {
        self.extend_from_slice(&number.to_le_bytes());
    }

    fn put_bytes(&mut self, bytes: &[u8]) -> Result<(), FormatError> {
        let length = to_u32(bytes.len())?;
        self.put_u32(length);
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn put_checksum_since(&mut self, start: usize) {
        let checksum = crc32c::crc32c(&self[start..]);
        self.put_u32(checksum);
    }
}

pub(crate) fn to_usize(number: u32) -> usize {
    usize::try_from(number).expect("32 bits fit an address")
}

pub(crate) fn to_u32(number: usize) -> Result<u32, FormatError> {
    u32::try_from(number).map_err(|_| FormatError::new("more than 4 GiB do not fit a block", 0))
}
