//! The stored form of an encrypted slot:
//!
//! ```text
//! offset size
//!      0    8  magic "evsealed"
//!      8    8  format "pre-1", filled with zeros
//!     16   16  journal id
//!     32    8  slot number, little-endian
//!     40    8  replacement number, little-endian: 0 when the slot was created, 1 after its first redaction
//!     48       nonce of 24 bytes, ciphertext, tag of 16 bytes
//! ```
//!
//! The first 48 bytes are in clear, and are sealed with the rest. So a slot that was moved to another place, or to
//! another ledger's journal, cannot be opened. An older ciphertext of a slot that is put back into its place can be
//! opened; only the hash of the slot, or of a redacted revision, shows that.

use everstrand_journal::{Slot, UniqueId};
use everstrand_sealing::{SEALED_BYTES_MORE, SealingKey};

const MAGIC: &[u8; 8] = b"evsealed";
const FORMAT: &[u8; 8] = b"pre-1\0\0\0";
pub(super) const HEADER_BYTES: usize = 48;

/// Whether these are the stored bytes of an encrypted slot.
pub fn is_sealed(stored: &[u8]) -> bool {
    stored.starts_with(MAGIC)
}

/// Whether `bytes` may replace `stored` in its place, as far as this shows without a key: as the same slot of the same
/// journal, and never in clear once it was sealed. `None` if both are in clear.
pub(super) fn may_replace(stored: &[u8], bytes: &[u8]) -> Option<bool> {
    let header = |bytes| SealedHeader::decode(bytes).map(|(header, _)| header);
    match (is_sealed(stored), is_sealed(bytes)) {
        (false, false) => None,
        (true, false) => Some(false),
        // A ledger becomes encrypted.
        (false, true) => {
            let number = Slot::decode(stored.to_vec()).map(|slot| slot.header().slot);
            Some(header(bytes).is_ok_and(|header| number.is_ok_and(|number| number == header.slot)))
        }
        (true, true) => Some(header(stored).is_ok_and(|held| {
            header(bytes).is_ok_and(|new| {
                (held.journal_id, held.slot) == (new.journal_id, new.slot)
                    && held.replacement < new.replacement
            })
        })),
    }
}

/// The clear part of a sealed slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SealedHeader {
    pub(super) journal_id: [u8; 16],
    pub(super) slot: u64,
    pub(super) replacement: u64,
}

/// The stored form of a slot that may be sealed already.
pub(super) fn seal_if_clear(journal_id: UniqueId, key: &SealingKey, slot: u64, held: Vec<u8>) -> Vec<u8> {
    match is_sealed(&held) {
        true => held,
        false => SealedHeader { journal_id: *journal_id.as_bytes(), slot, replacement: 0 }.seal(key, &held),
    }
}

impl SealedHeader {
    /// The stored form of a slot.
    pub(super) fn seal(self, key: &SealingKey, clear: &[u8]) -> Vec<u8> {
        let header = self.encode();
        let mut stored = Vec::with_capacity(HEADER_BYTES + clear.len() + SEALED_BYTES_MORE);
        stored.extend_from_slice(&header);
        key.seal_into(&header, clear, &mut stored);
        stored
    }

    fn encode(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(FORMAT);
        bytes[16..32].copy_from_slice(&self.journal_id);
        bytes[32..40].copy_from_slice(&self.slot.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.replacement.to_le_bytes());
        bytes
    }

    /// The header and what is sealed behind it.
    pub(super) fn decode(stored: &[u8]) -> Result<(SealedHeader, &[u8]), String> {
        let Some((header, sealed)) = stored.split_at_checked(HEADER_BYTES).filter(|_| is_sealed(stored))
        else {
            return Err("it is not a whole encrypted slot".into());
        };
        if header[8..16] != *FORMAT {
            let format = String::from_utf8_lossy(&header[8..16]);
            let format = format.trim_end_matches('\0');
            return Err(format!("it is encrypted in the format {format:?}; this program reads pre-1"));
        }
        let number = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("8 bytes"));
        let journal_id = header[16..32].try_into().expect("16 bytes");
        Ok((SealedHeader { journal_id, slot: number(32), replacement: number(40) }, sealed))
    }
}
