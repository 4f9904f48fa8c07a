//! A ledger's record: what the server keeps of it beside its journal, such as its name, its state, its options and its tags.

use everstrand_ion::{Data, Struct, Value};
use everstrand_protocol::control::{LedgerState, PermissionsMode, Tags};
use everstrand_protocol::{Exception, ServiceError, send_command};

/// The tag that decides whether a ledger's language is QLDB's only. If the tag is absent, the service's configuration decides.
/// It is a tag because every client of QLDB can set tags.
pub(crate) const STRICT_TAG: &str = "everstrand:strict";
/// The greatest number of tags of a ledger.
const TAGS_MAX: usize = 50;

/// A ledger's record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// The name of the ledger's folder. It is not the strand id, and it is never used again.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) state: LedgerState,
    pub(crate) created_millis: i64,
    pub(crate) permissions_mode: PermissionsMode,
    pub(crate) deletion_protection: bool,
    pub(crate) tags: Tags,
    /// What the ledger was restored from, if it was.
    pub(crate) restored_from: Option<String>,
    /// The ARN of the KMS key that seals the ledger's data key. Without one the master key does, if there is one.
    pub(crate) kms_key: Option<String>,
    /// The slots that lie in clear, while the ledger is being encrypted.
    pub(crate) clear_slots: Option<ClearSlots>,
}

/// How far the encryption of a ledger that lay in clear has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClearSlots {
    /// The first slot that may lie in clear.
    pub(crate) from: u64,
    /// The number of slots that there were.
    pub(crate) of: u64,
}

impl Record {
    /// Whether the ledger's language is QLDB's only, if a tag says so.
    pub(crate) fn strict_by_tag(&self) -> Option<bool> {
        self.tags.get(STRICT_TAG).map(|strict| strict == "true")
    }

    /// The record as the file `meta` in the ledger's folder holds it.
    pub(crate) fn to_ion(&self) -> Value {
        let tags: Struct = self.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let mut fields = Struct::from_iter([
            ("ledgerId", Value::from(self.id.as_str())),
            ("name", Value::from(self.name.as_str())),
            ("state", Value::from(self.state.name())),
            ("createdMillis", Value::from(self.created_millis)),
            ("permissionsMode", Value::from(self.permissions_mode.name())),
            ("deletionProtection", Value::from(self.deletion_protection)),
            ("tags", Value::from(tags)),
        ]);
        if let Some(restored_from) = &self.restored_from {
            fields.push("restoredFrom", restored_from.as_str());
        }
        if let Some(kms_key) = &self.kms_key {
            fields.push("kmsKey", kms_key.as_str());
        }
        if let Some(ClearSlots { from, of }) = self.clear_slots {
            let slots = Struct::from_iter([("from", Value::from(from)), ("of", Value::from(of))]);
            fields.push("clearSlots", Value::from(slots));
        }
        Value::from(fields)
    }

    /// Reads what [`Record::to_ion`] wrote.
    pub(crate) fn from_ion(value: &Value) -> Option<Record> {
        let text = |field: &str| value.get(field)?.as_text().map(str::to_owned);
        let tags = value.get("tags")?.as_struct()?.iter();
        Some(Record {
            id: text("ledgerId")?,
            name: text("name")?,
            state: [LedgerState::Creating, LedgerState::Active, LedgerState::Deleting, LedgerState::Deleted]
                .into_iter()
                .find(|state| text("state").as_deref() == Some(state.name()))?,
            created_millis: value.get("createdMillis")?.as_i64()?,
            permissions_mode: [PermissionsMode::AllowAll, PermissionsMode::Standard]
                .into_iter()
                .find(|mode| text("permissionsMode").as_deref() == Some(mode.name()))?,
            deletion_protection: matches!(value.get("deletionProtection")?.data, Data::Bool(true)),
            tags: tags
                .map(|(key, value)| Some((key.text()?.to_owned(), value.as_text()?.to_owned())))
                .collect::<Option<_>>()?,
            restored_from: text("restoredFrom"),
            kms_key: text("kmsKey"),
            clear_slots: value.get("clearSlots").and_then(|slots| {
                let number = |field: &str| slots.get(field)?.as_i64()?.try_into().ok();
                Some(ClearSlots { from: number("from")?, of: number("of")? })
            }),
        })
    }
}

/// Refuses tags that a ledger may not have.
pub(crate) fn check_tags(tags: &Tags) -> Result<(), ServiceError> {
    let wrong = if tags.len() > TAGS_MAX {
        format!("A ledger may have at most {TAGS_MAX} tags, not {}", tags.len())
    } else if let Some(key) = tags.keys().find(|key| !(1..=128).contains(&key.chars().count())) {
        format!("The tag key {key:?} must have 1 to 128 characters")
    } else if let Some((key, _)) = tags.iter().find(|(_, value)| value.chars().count() > 256) {
        format!("The value of the tag {key:?} must have at most 256 characters")
    } else if tags.get(STRICT_TAG).is_some_and(|strict| strict != "true" && strict != "false") {
        format!("The value of the tag {STRICT_TAG:?} must be true or false")
    } else {
        return Ok(());
    };
    Err(ServiceError::new(Exception::InvalidParameter, wrong).with_parameter("Tags"))
}

/// Refuses what is no name for a ledger.
pub(crate) fn check_name(name: &str) -> Result<(), ServiceError> {
    if send_command::is_ledger_name(name) {
        return Ok(());
    }
    Err(ServiceError::bad_request(format!(
        "{name:?} is no name for a ledger: 1 to 32 letters, digits and hyphens, not only digits, \
         no hyphen at either end or twice in a row"
    )))
}
