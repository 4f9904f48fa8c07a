//! Ledgers come, change and go; and the tags they wear.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::members::{EpochMillis, names};

names! {
    /// Who may run statements on a ledger.
    PermissionsMode { AllowAll = "ALLOW_ALL", Standard = "STANDARD" }
}
names! {
    /// Where a ledger stands between creation and deletion.
    LedgerState { Creating = "CREATING", Active = "ACTIVE", Deleting = "DELETING", Deleted = "DELETED" }
}
names! {
    /// Whether a ledger's key is at hand.
    EncryptionStatus { Enabled = "ENABLED", Updating = "UPDATING", KmsKeyInaccessible = "KMS_KEY_INACCESSIBLE" }
}

/// Tags in the order of their keys.
pub type Tags = BTreeMap<String, String>;

/// Asks for a new ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateLedgerRequest {
    /// The name, unique in account and region.
    pub name: String,
    /// Who may run statements.
    pub permissions_mode: PermissionsMode,
    /// Whether deletion must be allowed first; true when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// The key that encrypts the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// Tags of the new ledger.
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Whether its language is QLDB's and nothing else. QLDB had no such member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// The answer to CreateLedger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct CreateLedgerResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<LedgerState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_date_time: Option<EpochMillis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_mode: Option<PermissionsMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
}

/// Asks for a ledger's state and settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeLedgerRequest {
    /// The ledger.
    pub name: String,
}

/// The answer to DescribeLedger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct DescribeLedgerResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<LedgerState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_date_time: Option<EpochMillis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_mode: Option<PermissionsMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_description: Option<LedgerEncryptionDescription>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impaired: Option<String>,
}

/// The key of a ledger; absent where the service's own key is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct LedgerEncryptionDescription {
    pub kms_key_arn: String,
    pub encryption_status: EncryptionStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inaccessible_kms_key_date_time: Option<EpochMillis>,
}

/// Asks for the ledgers of account and region, page by page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListLedgersRequest {
    /// The most to answer, 1 to 100.
    pub max_results: Option<u32>,
    /// Where to go on.
    pub next_token: Option<String>,
}

/// The answer to ListLedgers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListLedgersResult {
    /// The ledgers.
    pub ledgers: Vec<LedgerSummary>,
    /// Where the list goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A ledger in a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct LedgerSummary {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<LedgerState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_date_time: Option<EpochMillis>,
}

/// Changes a ledger's settings; what is absent stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateLedgerRequest {
    /// The ledger.
    #[serde(skip)]
    pub name: String,
    /// Whether deletion must be allowed first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// The key that encrypts the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// Whether its language is QLDB's and nothing else. QLDB had no such member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// The answer to UpdateLedger. The permissions mode is not in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct UpdateLedgerResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<LedgerState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_date_time: Option<EpochMillis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_description: Option<LedgerEncryptionDescription>,
}

/// Changes who may run statements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateLedgerPermissionsModeRequest {
    /// The ledger.
    #[serde(skip)]
    pub name: String,
    /// The new mode.
    pub permissions_mode: PermissionsMode,
}

/// The answer to UpdateLedgerPermissionsMode.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct UpdateLedgerPermissionsModeResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_mode: Option<PermissionsMode>,
}

/// Deletes a ledger and all that is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteLedgerRequest {
    /// The ledger.
    pub name: String,
}

/// Adds tags to a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagResourceRequest {
    /// The ARN of a ledger, table or stream.
    #[serde(skip)]
    pub resource_arn: String,
    /// The tags.
    pub tags: Tags,
}

/// Takes tags away from a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntagResourceRequest {
    /// The ARN of a ledger, table or stream.
    pub resource_arn: String,
    /// The keys of the tags.
    pub tag_keys: Vec<String>,
}

/// Asks for a resource's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListTagsForResourceRequest {
    /// The ARN of a ledger, table or stream.
    pub resource_arn: String,
}

/// The answer to ListTagsForResource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListTagsForResourceResult {
    /// The tags.
    pub tags: Tags,
}
