//! What proves a ledger's contents: digest, block, revision, and that one digest continues another. Ion travels as text in this API.

use serde::{Deserialize, Serialize};

use crate::wire;

/// One Ion value as text; the control API's `ValueHolder`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IonText {
    /// The text.
    #[serde(rename = "IonText")]
    pub text: String,
}

impl From<String> for IonText {
    fn from(text: String) -> IonText {
        IonText { text }
    }
}

/// Asks for the digest of a ledger as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetDigestRequest {
    /// The ledger.
    pub name: String,
}

/// The answer to GetDigest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetDigestResult {
    /// The 32 bytes that stand for the whole journal.
    #[serde(with = "wire::blob")]
    pub digest: Vec<u8>,
    /// The last block the digest covers.
    pub digest_tip_address: IonText,
}

/// Asks for a block, and for the proof that a digest covers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetBlockRequest {
    /// The ledger.
    #[serde(skip)]
    pub name: String,
    /// Strand and sequence number.
    pub block_address: IonText,
    /// The tip of the digest; without it there is no proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_tip_address: Option<IonText>,
}

/// The answer to GetBlock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetBlockResult {
    /// The block.
    pub block: IonText,
    /// The hashes from the block up to the digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<IonText>,
}

/// Asks for a document's revision in a block, and for its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetRevisionRequest {
    /// The ledger.
    #[serde(skip)]
    pub name: String,
    /// The block the revision stands in.
    pub block_address: IonText,
    /// The document.
    pub document_id: String,
    /// The tip of the digest; without it there is no proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_tip_address: Option<IonText>,
}

/// The answer to GetRevision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetRevisionResult {
    /// The revision.
    pub revision: IonText,
    /// The hashes from the revision up to the digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<IonText>,
}

/// Asks for the proof that what one digest covers is the beginning of what another covers. Not an operation of
/// QLDB's: ours, in the form of its neighbours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetConsistencyProofRequest {
    /// The ledger.
    #[serde(skip)]
    pub name: String,
    /// The tip of the older digest.
    pub old_digest_tip_address: IonText,
    /// The tip of the newer digest.
    pub digest_tip_address: IonText,
}

/// The answer to GetConsistencyProof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetConsistencyProofResult {
    /// The hashes that lead from the older digest to the newer one.
    pub proof: IonText,
}
