//! Operations that create, describe, change and delete ledgers, and those on tags.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::members::{EpochMillis, names};

names! {
    /// Who may run statements on a ledger.
    PermissionsMode { AllowAll = "ALLOW_ALL", Standard = "STANDARD" }
}
names! {
    /// The state of a ledger, from its creation to its deletion.
    LedgerState { Creating = "CREATING", Active = "ACTIVE", Deleting = "DELETING", Deleted = "DELETED" }
}
names! {
    /// Whether the service can use the key of a ledger.
    EncryptionStatus { Enabled = "ENABLED", Updating = "UPDATING", KmsKeyInaccessible = "KMS_KEY_INACCESSIBLE" }
}

/// Tags: keys and values, in the order of the keys.
pub type Tags = BTreeMap<String, String>;

/// Asks for a new ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateLedgerRequest {
    /// The name, which no other ledger may have.
    pub name: String,
    /// Who may run statements.
    pub permissions_mode: PermissionsMode,
    /// Whether the ledger is protected from deletion; true if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// The key that encrypts the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// Tags of the new ledger.
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Whether the ledger accepts QLDB's language only, without our extensions. QLDB did not have this member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// The answer to CreateLedger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateLedgerResult {
    /// The name of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The ARN of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The state of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<LedgerState>,
    /// The time at which the ledger was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_date_time: Option<EpochMillis>,
    /// Who may run statements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_mode: Option<PermissionsMode>,
    /// Whether the ledger is protected from deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// The ARN of the key that encrypts the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
}

/// Asks for a ledger's state and settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeLedgerRequest {
    /// The name of the ledger.
    pub name: String,
}

/// The answer to DescribeLedger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeLedgerResult {
    /// The name of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The ARN of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The state of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<LedgerState>,
    /// The time at which the ledger was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_date_time: Option<EpochMillis>,
    /// Who may run statements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_mode: Option<PermissionsMode>,
    /// Whether the ledger is protected from deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// The key that encrypts the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_description: Option<LedgerEncryptionDescription>,
    /// Whether the ledger accepts QLDB's language only. QLDB did not have this member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    /// The ledger, strand and block that the ledger was restored from; absent if it was not restored. QLDB did not have this
    /// member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored_from: Option<String>,
    /// What of an encrypted ledger lies in clear still, because its encryption is not finished; absent if nothing does. QLDB did not
    /// have this member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lies_in_clear: Option<String>,
    /// Why the ledger does not work as it should; absent if it does. QLDB did not have this member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impaired: Option<String>,
}

/// The key that encrypts a ledger. It is absent if the service's own key does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LedgerEncryptionDescription {
    /// The ARN of the key that encrypts the ledger.
    pub kms_key_arn: String,
    /// Whether the service can use the key.
    pub encryption_status: EncryptionStatus,
    /// The time at which the service lost access to the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inaccessible_kms_key_date_time: Option<EpochMillis>,
}

/// Asks for all ledgers, page by page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListLedgersRequest {
    /// The most ledgers in an answer, 1 to 100.
    pub max_results: Option<u32>,
    /// The token from the page before.
    pub next_token: Option<String>,
}

/// The answer to ListLedgers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListLedgersResult {
    /// The ledgers.
    pub ledgers: Vec<LedgerSummary>,
    /// The token of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A ledger in a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LedgerSummary {
    /// The name of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The state of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<LedgerState>,
    /// The time at which the ledger was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_date_time: Option<EpochMillis>,
}

/// Changes the settings of a ledger. A setting that is absent does not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateLedgerRequest {
    /// The name of the ledger.
    #[serde(skip)]
    pub name: String,
    /// Whether the ledger is protected from deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// The key that encrypts the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// Whether the ledger accepts QLDB's language only, without our extensions. QLDB did not have this member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// The answer to UpdateLedger, which does not have the permissions mode.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateLedgerResult {
    /// The name of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The ARN of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The state of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<LedgerState>,
    /// The time at which the ledger was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_date_time: Option<EpochMillis>,
    /// Whether the ledger is protected from deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// The key that encrypts the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_description: Option<LedgerEncryptionDescription>,
}

/// Changes who may run statements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateLedgerPermissionsModeRequest {
    /// The name of the ledger.
    #[serde(skip)]
    pub name: String,
    /// The new mode.
    pub permissions_mode: PermissionsMode,
}

/// The answer to UpdateLedgerPermissionsMode.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateLedgerPermissionsModeResult {
    /// The name of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The ARN of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Who may run statements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_mode: Option<PermissionsMode>,
}

/// Deletes a ledger with everything in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteLedgerRequest {
    /// The name of the ledger.
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

/// Removes tags from a resource.
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
