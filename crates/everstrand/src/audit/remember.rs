//! A small file of Ion text that says how far a journal was audited, so that the next audit reads only the new blocks.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use everstrand_ion::{Data, Struct, Value, text};
use everstrand_journal::tree::Frontier;
use everstrand_journal::{Auditor, BlockAddress, Forbidden, Hash, SavedDigest, UniqueId};

/// The end of an audit.
pub(super) struct Remembered {
    /// The slot to begin with, where the journal has slots.
    pub(super) next_slot: Option<u64>,
    pub(super) last: BlockAddress,
    pub(super) last_hash: Hash,
    frontier: Frontier,
    /// What the slots before `next_slot` forbid.
    forbidden: Forbidden,
}

impl Remembered {
    /// The end of an audit, if a later audit can continue from it.
    pub(super) fn of(auditor: &Auditor, next_slot: Option<u64>) -> Option<Remembered> {
        let (last, last_hash) = auditor.tip()?;
        let (frontier, forbidden) = (auditor.frontier()?.clone(), auditor.forbidden().clone());
        Some(Remembered { next_slot, last, last_hash, frontier, forbidden })
    }

    /// An auditor that continues from here.
    pub(super) fn auditor(&self, digests: Vec<SavedDigest>) -> Auditor {
        Auditor::resume(digests, self.last, self.last_hash, self.frontier.clone())
            .with_forbidden(self.forbidden.clone())
    }

    /// Reads the file.
    pub(super) fn read(file: &Path) -> Result<Remembered, Box<dyn Error>> {
        let written = std::fs::read_to_string(file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let value = text::read_one(&written)?;
        Remembered::from_ion(&value)
            .ok_or_else(|| format!("{} does not say how far a journal was audited", file.display()).into())
    }

    /// Writes the file.
    pub(super) fn write(&self, file: &Path) -> Result<(), String> {
        let blob = |hash: &Hash| Value::new(Data::Blob(hash.0.to_vec()));
        let frontier: Vec<Value> = self.frontier.hashes().iter().map(blob).collect();
        let mut fields = Struct::default();
        fields.push("audited", self.last.to_ion());
        fields.push("blockHash", blob(&self.last_hash));
        fields.push("frontier", frontier);
        if let Some(slot) = self.next_slot {
            fields.push("nextSlot", slot);
        }
        if !self.forbidden.voided.is_empty() {
            let ids: Vec<Value> = self.forbidden.voided.iter().map(|id| id.to_string().into()).collect();
            fields.push("voided", ids);
        }
        if let Some(slot) = self.forbidden.sealed_by {
            fields.push("sealedBy", slot);
        }
        std::fs::write(file, text::write_pretty(&fields.into()) + "\n")
            .map_err(|error| format!("cannot write {}: {error}", file.display()))
    }

    fn from_ion(value: &Value) -> Option<Remembered> {
        let hash = |value: &Value| Some(Hash(value.as_bytes()?.try_into().ok()?));
        let last = BlockAddress::try_from(value.get("audited")?).ok()?;
        let hashes = value.get("frontier")?.as_sequence()?.iter().map(hash).collect::<Option<Vec<_>>>()?;
        let slot = |name: &str| match value.get(name) {
            None => Some(None),
            Some(slot) => Some(Some(u64::try_from(slot.as_i64()?).ok()?)),
        };
        let voided = match value.get("voided") {
            None => Some(BTreeSet::new()),
            Some(ids) => ids.as_sequence()?.iter().map(|id| id.as_text()?.parse::<UniqueId>().ok()).collect(),
        };
        Some(Remembered {
            next_slot: slot("nextSlot")?,
            forbidden: Forbidden { voided: voided?, sealed_by: slot("sealedBy")? },
            last,
            last_hash: hash(value.get("blockHash")?)?,
            frontier: Frontier::from_parts(last.sequence_no.checked_add(1)?, hashes)?,
        })
    }
}
