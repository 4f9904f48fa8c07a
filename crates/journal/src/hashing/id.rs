//! The ids of strands, tables, documents, transactions and sessions: 22 characters.
//!
//! QLDB writes an id as two independent 64-bit halves. Each half has 11 digits of base 62 in the alphabet
//! `0-9A-Za-z`, padded with `0`. The 22 digits are not one 128-bit number, because most real ids would overflow it.

use std::fmt;
use std::str::FromStr;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const HALF: usize = 11;

/// An id of 128 bits, shown as 22 characters. It is unique because its bits are random.
///
/// Two ids are ordered as their texts are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct UniqueId([u8; 16]);

impl UniqueId {
    /// How many characters an id has.
    pub const TEXT_LENGTH: usize = 2 * HALF;

    /// The id with these bits, the most significant byte of each half first.
    pub const fn from_bytes(bytes: [u8; 16]) -> UniqueId {
        UniqueId(bytes)
    }

    /// The bits, most significant byte of each half first.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The 22 characters in ASCII, without an allocation.
    pub fn to_text(self) -> [u8; UniqueId::TEXT_LENGTH] {
        let mut text = [b'0'; UniqueId::TEXT_LENGTH];
        let (high, low) = self.halves();
        write_half(high, &mut text[..HALF]);
        write_half(low, &mut text[HALF..]);
        text
    }

    fn halves(self) -> (u64, u64) {
        let number = u128::from_be_bytes(self.0);
        let high = u64::try_from(number >> 64).expect("64 bits are left");
        let low = u64::try_from(number & u128::from(u64::MAX)).expect("64 bits are left");
        (high, low)
    }
}

/// The text is not an id of 22 characters, or one of its halves exceeds 64 bits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of 22 characters 0-9A-Za-z: {0:?}")]
pub struct InvalidId(String);

impl FromStr for UniqueId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<UniqueId, InvalidId> {
        let halves = || {
            let bytes = text.as_bytes();
            if bytes.len() != UniqueId::TEXT_LENGTH {
                return None;
            }
            Some((read_half(&bytes[..HALF])?, read_half(&bytes[HALF..])?))
        };
        let (high, low) = halves().ok_or_else(|| InvalidId(text.chars().take(40).collect()))?;
        Ok(UniqueId(((u128::from(high) << 64) | u128::from(low)).to_be_bytes()))
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece, because every request writes an id or two.
        formatter.write_str(str::from_utf8(&self.to_text()).expect("the digits are ASCII"))
    }
}

impl fmt::Debug for UniqueId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

fn write_half(mut number: u64, text: &mut [u8]) {
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(number % 62).expect("less than 62")];
        number /= 62;
    }
}

fn read_half(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0u64, |number, &character| {
        let digit = match character {
            b'0'..=b'9' => character - b'0',
            b'A'..=b'Z' => character - b'A' + 10,
            b'a'..=b'z' => character - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_ids_come_back_as_they_were() {
        for text in [
            "HgXAkLjAtV0HQ4lNYdzX60",
            "0007KbqoyqAIch6XRbQ4iA",
            "KmA3ZZca7vAIiJAK9S5Iwl",
            "9mov0fkSUqZ0wrn83488BF",
        ] {
            assert_eq!(text.parse::<UniqueId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(UniqueId::from_bytes([0; 16]).to_string(), "0".repeat(22));
        let last = UniqueId::from_bytes([0xFF; 16]);
        assert_eq!(last.to_string(), "LygHa16AHYFLygHa16AHYF");
        assert_eq!(last.to_string().parse::<UniqueId>().unwrap(), last);
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "LygHa16AHYGLygHa16AHYF",
            "short",
            "HgXAkLjAtV0HQ4lNYdzX6",
            "HgXAkLjAtV0HQ4lNYdzX600",
            "HgXAkLjAtV0HQ4lNYdzX6-",
        ] {
            assert!(text.parse::<UniqueId>().is_err(), "{text}");
        }
    }
}
