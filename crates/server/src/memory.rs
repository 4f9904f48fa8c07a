//! One setting bounds the memory that clients can make the server use. It is divided so:
//!
//! ```text
//! 1/4  rows that statements hold to sort, group and join, and what open transactions have read and written
//! 1/4  blocks of the views' files, in one cache for all ledgers
//! 1/4  connections, 32 KiB each, which is also the bound of a request's head; 64 KiB each with TLS
//! 1/8  bodies of requests that are not answered yet
//! 1/8  answers that clients have not read yet
//! ```
//!
//! Some memory comes on top. A body is in memory twice while it is parsed, and an answer while it is encoded. Changes that views have
//! not written to files have a bound of their own, another quarter, and so have kept plans of statements, another eighth. Ledgers in
//! memory are not counted.

use std::fmt;
use std::str::FromStr;

/// The memory that clients can make the server use, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    bytes: usize,
}

/// The memory of a connection whose requests and answers are small.
pub(crate) const CONNECTION_BYTES: usize = 32 << 10;
/// The least size that can be divided, because an eighth of it must have room for one body of 16 MiB.
const BYTES_MIN: usize = 128 << 20;

impl Default for Memory {
    fn default() -> Memory {
        Memory { bytes: 256 << 20 }
    }
}

impl Memory {
    /// Bytes of the rows that all statements together may hold to sort, group and join.
    pub fn buffered_rows(self) -> usize {
        self.bytes / 4
    }

    /// Bytes of changes that the views of all ledgers keep until they write them to files. They come on top.
    pub fn unwritten_views(self) -> usize {
        self.bytes / 4
    }

    /// Bytes of the plans that all ledgers keep. They come on top.
    pub fn plans(self) -> usize {
        self.bytes / 8
    }

    /// Bytes of the cache that the views of all ledgers share.
    pub fn caches(self) -> usize {
        self.bytes / 4
    }

    /// The greatest number of open connections.
    pub fn connections(self) -> usize {
        self.bytes / 4 / CONNECTION_BYTES
    }

    /// The greatest number of open connections that speak TLS, which take twice the memory.
    pub fn tls_connections(self) -> usize {
        self.connections() / 2
    }

    /// Bytes of all bodies of requests together.
    pub fn bodies(self) -> usize {
        self.bytes / 8
    }

    /// Bytes of all unsent answers together.
    pub fn answers(self) -> usize {
        self.bytes / 8
    }
}

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Memory, String> {
        let digits = text.trim_end_matches(|character: char| !character.is_ascii_digit());
        let unit: u32 = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 10,
            "m" | "mb" | "mib" => 20,
            "g" | "gb" | "gib" => 30,
            "t" | "tb" | "tib" => 40,
            other => return Err(format!("there is no unit {other:?}; write a size as 256MiB or 1GiB")),
        };
        let number: usize =
            digits.parse().map_err(|_| format!("{text:?} is not a size; write one as 256MiB or 1GiB"))?;
        let bytes = number.checked_mul(1 << unit).ok_or_else(|| format!("{text} is too large"))?;
        match bytes >= BYTES_MIN {
            true => Ok(Memory { bytes }),
            false => Err(format!("{text} is too small: the server needs at least {}MiB", BYTES_MIN >> 20)),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}MiB", self.bytes >> 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_divided() {
        for (text, mib) in
            [("256MiB", 256), ("1GiB", 1024), ("1g", 1024), ("512 MB", 512), ("268435456", 256)]
        {
            let memory: Memory = text.parse().expect(text);
            assert_eq!(memory.to_string(), format!("{mib}MiB"));
            let connections = memory.connections() * CONNECTION_BYTES;
            let parts =
                memory.buffered_rows() + memory.caches() + connections + memory.bodies() + memory.answers();
            assert_eq!(parts, mib << 20, "the parts add up to the whole");
        }
        for text in ["", "MiB", "64MiB", "1XB", "-1GiB", "999999999999GiB"] {
            assert!(text.parse::<Memory>().is_err(), "{text}");
        }
    }
}
