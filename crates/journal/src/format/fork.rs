//! The fork: what the first own slot of a restored ledger says of the ledger that it was restored from.
//!
//! ```text
//! fork: {
//!   ledger: text,                     the id of the ledger that was copied, 1 to 64 bytes
//!   strand: id,                       its newest strand at the block `block`; the slots before this one end with it
//!   block: int,                       the last block that was restored
//!   digest: blob,                     the digest at that block, 32 bytes
//!   slot: int, link: blob,            the slot that had that block, and its link. If it had later blocks as well, this slot
//!                                     carries its blocks up to that one; else it carries none
//!   redactions: [{block: int, table: id, document: id, version: int, by: int}, ...]
//! }                                   redactions that show although the block that says so was not restored; `by` is the
//!                                     number of that block in the journal that was copied
//! ```

use everstrand_ion::{Data, RawValue, Struct, Value};

use crate::format::FormatError;
use crate::hashing::{Hash, UniqueId};

/// Where a restored ledger came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The id of the ledger that was copied.
    pub ledger: String,
    /// Its strand at the last block that was restored.
    pub strand_id: UniqueId,
    /// The last block that was restored.
    pub block: u64,
    /// The digest at that block.
    pub digest: Hash,
    /// The slot that had that block.
    pub slot: u64,
    /// The link of that slot.
    pub link: Hash,
    /// Redactions that show although the block that says so was not restored, in order of block and document.
    pub redactions: Vec<ForkedRedaction>,
}

/// A redaction that came after the last block that was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForkedRedaction {
    /// The number of the revision's block.
    pub block: u64,
    /// The id of its document.
    pub document_id: UniqueId,
    /// The id of its table.
    pub table_id: UniqueId,
    /// Its version.
    pub version: u64,
    /// The number of the block that said so.
    pub redacted_by: u64,
}

impl Fork {
    /// The longest id of a ledger.
    const LEDGER_BYTES_MAX: usize = 64;
    /// The most redactions. A fork with so many fits into a slot.
    pub const REDACTIONS_MAX: usize = 20_000;

    pub(super) fn to_ion(&self) -> Result<Value, FormatError> {
        let sorted = self.redactions.windows(2).all(|pair| pair[0] < pair[1]);
        let fits = (1..=Fork::LEDGER_BYTES_MAX).contains(&self.ledger.len());
        if !fits || !sorted || self.redactions.len() > Fork::REDACTIONS_MAX {
            return Err(wrong());
        }
        let blob = |hash: Hash| Value::new(Data::Blob(hash.0.to_vec()));
        let redaction = |redaction: &ForkedRedaction| {
            Value::from(Struct::from_iter([
                ("block", Value::from(redaction.block)),
                ("table", Value::from(redaction.table_id.to_string())),
                ("document", Value::from(redaction.document_id.to_string())),
                ("version", Value::from(redaction.version)),
                ("by", Value::from(redaction.redacted_by)),
            ]))
        };
        Ok(Struct::from_iter([
            ("ledger", Value::from(self.ledger.as_str())),
            ("strand", Value::from(self.strand_id.to_string())),
            ("block", Value::from(self.block)),
            ("digest", blob(self.digest)),
            ("slot", Value::from(self.slot)),
            ("link", blob(self.link)),
            ("redactions", Value::from(self.redactions.iter().map(redaction).collect::<Vec<_>>())),
        ])
        .into())
    }

    pub(super) fn from_ion(value: RawValue<'_>) -> Result<Fork, FormatError> {
        only(value, &["ledger", "strand", "block", "digest", "slot", "link", "redactions"])?;
        let redactions = value.get("redactions").ok_or_else(wrong)?.items().take(Fork::REDACTIONS_MAX + 1);
        let redactions = redactions.map(|redaction| {
            only(redaction, &["block", "table", "document", "version", "by"])?;
            Ok(ForkedRedaction {
                block: number(redaction, "block")?,
                table_id: id(redaction, "table")?,
                document_id: id(redaction, "document")?,
                version: number(redaction, "version")?,
                redacted_by: number(redaction, "by")?,
            })
        });
        Ok(Fork {
            ledger: value.get("ledger").and_then(RawValue::as_text).ok_or_else(wrong)?.to_owned(),
            strand_id: id(value, "strand")?,
            block: number(value, "block")?,
            digest: hash(value, "digest")?,
            slot: number(value, "slot")?,
            link: hash(value, "link")?,
            redactions: redactions.collect::<Result<_, FormatError>>()?,
        })
    }
}

/// Refuses a struct that has a field with another name.
pub(super) fn only(value: RawValue<'_>, known: &[&str]) -> Result<(), FormatError> {
    match value.fields().map(|(name, _)| name.unwrap_or_default()).find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let name: String = name.chars().take(40).collect();
            let why = format!("an addition with {name:?} needs a newer version of this program");
            Err(FormatError::new(why, 0))
        }
    }
}

fn wrong() -> FormatError {
    FormatError::new("a fork does not say what it must say, in its order", 0)
}

fn number(value: RawValue<'_>, name: &str) -> Result<u64, FormatError> {
    let number = value.get(name).and_then(RawValue::as_int).and_then(|number| number.as_u64());
    number.ok_or_else(wrong)
}

fn id(value: RawValue<'_>, name: &str) -> Result<UniqueId, FormatError> {
    value.get(name).and_then(RawValue::as_text).and_then(|text| text.parse().ok()).ok_or_else(wrong)
}

fn hash(value: RawValue<'_>, name: &str) -> Result<Hash, FormatError> {
    value.get(name).and_then(Hash::from_ion).flatten().ok_or_else(wrong)
}
