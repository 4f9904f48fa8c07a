//! A small file of Ion text that says how far a journal was audited, so that the next audit reads only the new blocks.

use std::error::Error;
use std::path::Path;

use everstrand_ion::{Data, Struct, Value, text};
use everstrand_journal::tree::Frontier;
use everstrand_journal::{Auditor, BlockAddress, Hash, SavedDigest};

/// The end of an audit.
pub(super) struct Remembered {
    /// The slot to begin with, where the journal has slots.
    pub(super) next_slot: Option<u64>,
    pub(super) last: BlockAddress,
    pub(super) last_hash: Hash,
    frontier: Frontier,
}

impl Remembered {
    /// The end of an audit, if a later audit can continue from it.
    pub(super) fn of(auditor: &Auditor, next_slot: Option<u64>) -> Option<Remembered> {
        let (last, last_hash) = auditor.tip()?;
        Some(Remembered { next_slot, last, last_hash, frontier: auditor.frontier()?.clone() })
    }

    /// An auditor that continues from here.
    pub(super) fn auditor(&self, digests: Vec<SavedDigest>) -> Auditor {
        Auditor::resume(digests, self.last, self.last_hash, self.frontier.clone())
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
        std::fs::write(file, text::write_pretty(&fields.into()) + "\n")
            .map_err(|error| format!("cannot write {}: {error}", file.display()))
    }

    fn from_ion(value: &Value) -> Option<Remembered> {
        let hash = |value: &Value| Some(Hash(value.as_bytes()?.try_into().ok()?));
        let last = BlockAddress::try_from(value.get("audited")?).ok()?;
        let hashes = value.get("frontier")?.as_sequence()?.iter().map(hash).collect::<Option<Vec<_>>>()?;
        Some(Remembered {
            next_slot: match value.get("nextSlot") {
                None => None,
                Some(slot) => Some(u64::try_from(slot.as_i64()?).ok()?),
            },
            last,
            last_hash: hash(value.get("blockHash")?)?,
            frontier: Frontier::from_parts(last.sequence_no.checked_add(1)?, hashes)?,
        })
    }
}
