//! A journal of which every slot is encrypted, over any other slot store.
//!
//! A slot that was never sealed is read as it is, because a ledger may become encrypted while it exists.

use std::sync::Arc;

use everstrand_journal::UniqueId;
use everstrand_sealing::SealingKey;

use super::sealed_form::{HEADER_BYTES, SealedHeader, is_sealed, seal_if_clear};
use super::slots::{Created, SlotError, SlotStore, check_redaction};

/// A journal that is sealed under a data key.
pub struct SealedSlots {
    inner: Arc<dyn SlotStore>,
    journal_id: UniqueId,
    key: SealingKey,
}

impl SealedSlots {
    /// Seals what is written to `inner`, which holds the journal with this id.
    pub fn new(inner: Arc<dyn SlotStore>, journal_id: UniqueId, key: SealingKey) -> SealedSlots {
        SealedSlots { inner, journal_id, key }
    }

    fn seal(&self, slot: u64, replacement: u64, clear: &[u8]) -> Vec<u8> {
        SealedHeader { journal_id: *self.journal_id.as_bytes(), slot, replacement }.seal(&self.key, clear)
    }

    /// The store of what is sealed.
    pub fn stored(&self) -> &Arc<dyn SlotStore> {
        &self.inner
    }

    /// The stored form of a slot: what was read, if it is sealed already.
    pub fn seal_if_clear(&self, slot: u64, held: Vec<u8>) -> Vec<u8> {
        seal_if_clear(self.journal_id, &self.key, slot, held)
    }

    /// What a slot says, of which these bytes are stored.
    pub fn open(&self, slot: u64, stored: Vec<u8>) -> Result<Vec<u8>, SlotError> {
        if !is_sealed(&stored) {
            return Ok(stored);
        }
        let corrupt = |why: String| SlotError::Corrupt { slot, why };
        let (header, sealed) = SealedHeader::decode(&stored).map_err(corrupt)?;
        if header.slot != slot || header.journal_id != *self.journal_id.as_bytes() {
            return Err(corrupt("a slot of another place lies here".into()));
        }
        self.key.open(&stored[..HEADER_BYTES], sealed).map_err(|error| corrupt(error.to_string()))
    }
}

impl SlotStore for SealedSlots {
    /// Each call seals with another nonce. That is sound after an unknown outcome too, because whichever of the two
    /// forms the store kept, both are opened to the same bytes.
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        self.inner.create(slot, &self.seal(slot, 0, bytes))
    }

    fn create_many(&self, from: u64, slots: &[Vec<u8>]) -> Result<usize, SlotError> {
        let sealed: Vec<_> = (from..).zip(slots).map(|(slot, bytes)| self.seal(slot, 0, bytes)).collect();
        self.inner.create_many(from, &sealed)
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        self.inner.read(slot)?.map(|stored| self.open(slot, stored)).transpose()
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        self.inner.tip_hint()
    }

    fn damage(&self) -> Option<SlotError> {
        self.inner.damage()
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        let held = self.inner.read(slot)?.ok_or_else(|| SlotError::absent(slot))?;
        check_redaction(slot, &self.open(slot, held.clone())?, stored, bytes)?;
        let replaced = SealedHeader::decode(&held).map_or(0, |(header, _)| header.replacement);
        self.inner.redact(slot, &held, &self.seal(slot, replaced + 1, bytes))
    }

    fn read_many(&self, from: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, SlotError> {
        let stored = self.inner.read_many(from, bytes_max)?;
        (from..).zip(stored).map(|(slot, stored)| self.open(slot, stored)).collect()
    }
}
