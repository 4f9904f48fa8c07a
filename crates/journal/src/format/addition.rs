//! The addition of a slot: what the slot says beside its blocks.
//!
//! It is an Ion struct in canonical binary form, with at least one of these fields, in this order:
//!
//! ```text
//! {
//!   void: {ids: [id, …], time: int},        1 to 4096 ids in ascending order, none twice; milliseconds since 1970
//!   config: {write_format: int},            from 0 to 2^64 - 1
//!   seal: {deleted: true}                   or {continues_at: text}, 1 to 1024 bytes
//!   fork: {...}                             see `fork.rs`
//! }
//! ```
//!
//! One content has one encoding, and a reader refuses every other one, because the link covers the bytes. A reader also
//! refuses a field that it does not know: whoever writes behind a slot obeys all that the slot says.

use std::collections::BTreeSet;
use std::fmt;

use everstrand_ion::{Document, RawValue, Struct, Value};

use crate::format::fork::only;
use crate::format::{Fork, FormatError};
use crate::hashing::UniqueId;

/// What a slot says beside its blocks. At least one field is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addition {
    /// Transactions that are in no block and never will be.
    pub void: Option<Void>,
    /// Settings that hold from this slot on.
    pub config: Option<Settings>,
    /// The end of the journal: nothing follows this slot.
    pub seal: Option<Seal>,
    /// This is the first own slot of a restored ledger.
    pub fork: Option<Fork>,
}

/// Transactions that are in no block and never will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Void {
    /// In ascending order, none twice.
    ids: Vec<UniqueId>,
    time: i64,
}

/// Settings that hold from a slot on. At least one field is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The rules that writers follow from here on, by their number.
    pub write_format: Option<u64>,
}

/// Why nothing follows a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seal {
    /// The ledger was deleted.
    Deleted,
    /// The ledger goes on in another place, which this text names.
    ContinuesAt(String),
}

impl Void {
    /// The most transactions that one void names.
    pub const IDS_MAX: usize = 4096;

    /// A void of these transactions at a time in milliseconds since 1970-01-01T00:00Z. An error means that there is no
    /// transaction, or that there are more than [`Void::IDS_MAX`].
    pub fn new(ids: impl IntoIterator<Item = UniqueId>, time: i64) -> Result<Void, FormatError> {
        let ids: Vec<UniqueId> = ids.into_iter().collect::<BTreeSet<UniqueId>>().into_iter().collect();
        match ids.len() {
            1..=Void::IDS_MAX => Ok(Void { ids, time }),
            0 => Err(FormatError::new("a void names no transaction", 0)),
            more => Err(FormatError::new(format!("a void names {more} transactions, 4096 is the most"), 0)),
        }
    }

    /// The transactions, in ascending order.
    pub fn ids(&self) -> &[UniqueId] {
        &self.ids
    }

    /// The time of the void, in milliseconds since 1970-01-01T00:00Z.
    pub fn time(&self) -> i64 {
        self.time
    }

    /// Whether it names this transaction.
    pub fn names(&self, transaction_id: UniqueId) -> bool {
        self.ids.binary_search(&transaction_id).is_ok()
    }

    fn to_ion(&self) -> Value {
        let ids: Vec<Value> = self.ids.iter().map(|id| id.to_string().into()).collect();
        let mut fields = Struct::default();
        fields.push("ids", ids);
        fields.push("time", self.time);
        fields.into()
    }

    fn from_ion(value: RawValue<'_>) -> Result<Void, FormatError> {
        only(value, &["ids", "time"])?;
        let wrong = || FormatError::new("a void is no struct with ids and a time", 0);
        let ids = value.get("ids").ok_or_else(wrong)?.items().take(Void::IDS_MAX + 1);
        let ids = ids.map(|id| id.as_text()?.parse().ok()).collect::<Option<Vec<UniqueId>>>();
        let time = value.get("time").and_then(RawValue::as_i64);
        Void::new(ids.ok_or_else(wrong)?, time.ok_or_else(wrong)?)
    }
}

impl Settings {
    fn to_ion(self) -> Result<Value, FormatError> {
        let write_format =
            self.write_format.ok_or_else(|| FormatError::new("a config without a setting", 0))?;
        let mut fields = Struct::default();
        fields.push("write_format", write_format);
        Ok(fields.into())
    }

    fn from_ion(value: RawValue<'_>) -> Result<Settings, FormatError> {
        only(value, &["write_format"])?;
        let write_format = value.get("write_format").and_then(RawValue::as_int);
        let write_format = write_format.and_then(|number| number.as_u64());
        if write_format.is_none() {
            return Err(FormatError::new("a config's write_format is no number of 64 bits", 0));
        }
        Ok(Settings { write_format })
    }
}

impl Seal {
    /// The longest name of a place.
    pub const PLACE_BYTES_MAX: usize = 1024;

    fn to_ion(&self) -> Result<Value, FormatError> {
        let mut fields = Struct::default();
        match self {
            Seal::Deleted => fields.push("deleted", true),
            Seal::ContinuesAt(place) if (1..=Seal::PLACE_BYTES_MAX).contains(&place.len()) => {
                fields.push("continues_at", place.as_str());
            }
            Seal::ContinuesAt(_) => {
                return Err(FormatError::new("a seal names its place in 1 to 1024 bytes", 0));
            }
        }
        Ok(fields.into())
    }

    fn from_ion(value: RawValue<'_>) -> Result<Seal, FormatError> {
        only(value, &["deleted", "continues_at"])?;
        match (value.get("deleted"), value.get("continues_at").and_then(RawValue::as_text)) {
            (Some(deleted), None) if deleted.as_bool() == Some(true) => Ok(Seal::Deleted),
            (None, Some(place)) => Ok(Seal::ContinuesAt(place.to_owned())),
            _ => Err(FormatError::new("a seal says neither deleted nor where the ledger continues", 0)),
        }
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seal::Deleted => formatter.write_str("it was deleted"),
            Seal::ContinuesAt(place) => write!(formatter, "it continues at {place}"),
        }
    }
}

impl Addition {
    /// The most bytes of an encoded addition without a fork. A void of the most ids fits.
    pub const BYTES_MAX: usize = 128 << 10;
    /// The most bytes of one with a fork.
    pub const BYTES_MAX_WITH_FORK: usize = 4 << 20;

    /// The bytes. An error means that it says nothing, or that a text is too long.
    pub fn encode(&self) -> Result<Vec<u8>, FormatError> {
        let Addition { void, config, seal, fork } = self;
        let mut fields = Struct::default();
        if let Some(void) = void {
            fields.push("void", void.to_ion());
        }
        if let Some(config) = config {
            fields.push("config", config.to_ion()?);
        }
        if let Some(seal) = seal {
            fields.push("seal", seal.to_ion()?);
        }
        if let Some(fork) = fork {
            fields.push("fork", fork.to_ion()?);
        }
        if fields.iter().next().is_none() {
            return Err(FormatError::new("an addition says nothing", 0));
        }
        Ok(Document::from(Value::from(fields)).as_bytes().to_vec())
    }

    /// Reads an addition. An error means that the bytes are no addition that this version knows, or not in the one form
    /// in which it is written.
    pub fn decode(bytes: &[u8]) -> Result<Addition, FormatError> {
        let too_long =
            |max| FormatError::new(format!("an addition has {} bytes, {max} is the most", bytes.len()), 0);
        if bytes.len() > Addition::BYTES_MAX_WITH_FORK {
            return Err(too_long(Addition::BYTES_MAX_WITH_FORK));
        }
        let document =
            Document::from_canonical(bytes).map_err(|error| match bytes.len() > Addition::BYTES_MAX {
                true => too_long(Addition::BYTES_MAX),
                false => FormatError::new(error.message, error.offset),
            })?;
        let root = document.root();
        only(root, &["void", "config", "seal", "fork"])?;
        if bytes.len() > Addition::BYTES_MAX && root.get("fork").is_none() {
            return Err(too_long(Addition::BYTES_MAX));
        }
        let addition = Addition {
            void: root.get("void").map(Void::from_ion).transpose()?,
            config: root.get("config").map(Settings::from_ion).transpose()?,
            seal: root.get("seal").map(Seal::from_ion).transpose()?,
            fork: root.get("fork").map(Fork::from_ion).transpose()?,
        };
        if addition.encode()? != bytes {
            return Err(FormatError::new("an addition is not in the form in which it is written", 0));
        }
        Ok(addition)
    }
}
