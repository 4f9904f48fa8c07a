//! What the additions of the slots so far forbid to the slots and blocks after them.

use std::collections::BTreeSet;

use crate::evidence::{Check, CheckedBlock, Deviation};
use crate::format::Slot;
use crate::hashing::UniqueId;

/// What the additions of the slots so far forbid to the slots and blocks after them. It grows by 16 bytes for each
/// transaction that a void names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forbidden {
    /// The transactions that no block may have.
    pub voided: BTreeSet<UniqueId>,
    /// The slot that nothing may follow.
    pub sealed_by: Option<u64>,
}

impl Forbidden {
    /// Takes what a slot forbids, also to its own blocks. Returns what is wrong with the slot itself.
    pub(super) fn slot(&mut self, slot: &Slot) -> Option<Deviation> {
        let number = slot.header().slot;
        let found = self.sealed_by.map(|sealed_by| {
            let detail = format!("slot {number} comes after slot {sealed_by}, which seals the journal");
            Deviation::new(Some(slot.header().first_block_no), Check::Seal, detail)
        });
        if let Some(addition) = slot.addition() {
            self.voided.extend(addition.void.iter().flat_map(|void| void.ids()));
            if addition.seal.is_some() {
                self.sealed_by.get_or_insert(number);
            }
        }
        found
    }

    /// What is wrong with a block of the last slot.
    pub(super) fn block(&self, block: &CheckedBlock) -> Option<Deviation> {
        let transaction_id = block.transaction_id.filter(|id| self.voided.contains(id))?;
        let detail = format!("transaction {transaction_id} is in a block, although a void names it");
        Some(Deviation::new(Some(block.address.sequence_no), Check::Void, detail))
    }
}
