//! What a copier reads in slots. Their bytes are passed on unchanged; here alone they are decoded.

use everstrand_journal::{
    Block, CheckedBlock, ForkedRedaction, FormatError, RedactedRevision, Slot, StoredData, UniqueId,
    check_slot, on_all_cores,
};
use everstrand_ledger::storage::slots::SlotStore;

use crate::error::CopyError;

/// Bytes of slots that are read and written at a time.
pub(crate) const BATCH_BYTES: usize = 8 << 20;

/// A revision: the number of its block, and its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) block: u64,
    pub(crate) document_id: UniqueId,
}

/// A slot that was read and checked by itself.
pub(crate) struct Checked {
    pub(crate) bytes: Vec<u8>,
    pub(crate) slot: Slot,
    pub(crate) blocks: Vec<CheckedBlock>,
}

/// The slot of a copy.
pub(crate) fn read(copy: &dyn SlotStore, slot: u64) -> Result<(Vec<u8>, Slot), CopyError> {
    let gone = || CopyError::Damaged(format!("slot {slot} is gone"));
    let bytes = copy.read(slot)?.ok_or_else(gone)?;
    let decoded = decode(&bytes).map_err(|error| CopyError::unreadable(slot, &error))?;
    Ok((bytes, decoded))
}

/// The slot in these bytes.
pub(crate) fn decode(bytes: &[u8]) -> Result<Slot, FormatError> {
    Slot::decode(bytes.to_vec())
}

/// Decodes slots and computes their hashes, on all cores.
pub(crate) fn check(batch: Vec<Vec<u8>>) -> Vec<Result<Checked, FormatError>> {
    let one = |bytes: Vec<u8>| {
        let slot = decode(&bytes)?;
        let blocks = check_slot(&slot);
        Ok(Checked { bytes, slot, blocks })
    };
    on_all_cores(batch, one)
}

/// A redaction that a slot tells of: a block of it carries it out, or its fork lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Redaction {
    pub(crate) place: Place,
    pub(crate) table_id: UniqueId,
    pub(crate) version: u64,
    /// The number of the block that says so, in the journal that had it.
    pub(crate) by: u64,
}

/// The redactions that blocks of a slot carry out.
pub(crate) fn redactions(slot: &Slot) -> Vec<Redaction> {
    let of_block = |block: &Block| {
        let by = block.address().sequence_no;
        let redaction = |of: RedactedRevision| Redaction {
            place: Place { block: of.block_address.sequence_no, document_id: of.document_id },
            table_id: of.table_id,
            version: of.version,
            by,
        };
        block.redactions().map(redaction).collect::<Vec<_>>()
    };
    slot.blocks().iter().flat_map(of_block).collect()
}

/// The redactions that the fork of a slot lists.
pub(crate) fn listed(slot: &Slot) -> Vec<Redaction> {
    let fork = slot.addition().and_then(|addition| addition.fork.as_ref());
    let redaction = |listed: &ForkedRedaction| Redaction {
        place: Place { block: listed.block, document_id: listed.document_id },
        table_id: listed.table_id,
        version: listed.version,
        by: listed.redacted_by,
    };
    fork.map_or(Vec::new(), |fork| fork.redactions.iter().map(redaction).collect())
}

/// All redactions that a slot tells of.
pub(crate) fn redacted_by(slot: &Slot) -> Vec<Redaction> {
    let mut all = redactions(slot);
    all.extend(listed(slot));
    all
}

/// The revisions of our own blocks whose data is gone. What another ledger emptied before its journal was imported is
/// not meant: only that ledger could say why.
pub(crate) fn emptied(slot: &Slot) -> impl Iterator<Item = Place> {
    slot.blocks().iter().flat_map(|block| {
        let number = block.address().sequence_no;
        block
            .revisions()
            .filter(|revision| matches!(revision.data, StoredData::Redacted(_)))
            .map(move |revision| Place { block: number, document_id: revision.document_id })
    })
}

/// The bytes of a slot without the data of these revisions; `None` if they are gone from it already.
pub(crate) fn without(
    number: u64,
    slot: &Slot,
    bytes: &[u8],
    places: &[Place],
) -> Result<Option<Vec<u8>>, CopyError> {
    let named: Vec<(u64, UniqueId)> = places.iter().map(|place| (place.block, place.document_id)).collect();
    let emptied = slot.redacted(&named).and_then(|slot| slot.encode());
    let emptied = emptied.map_err(|error| CopyError::unreadable(number, &error))?;
    Ok((emptied != bytes).then_some(emptied))
}
