//! Digests, blocks, revisions and their proofs. Ion values are text in this API.

use serde::{Deserialize, Serialize};

use crate::wire;

/// An Ion value as text. QLDB's model calls it `ValueHolder`.
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

/// Asks for the current digest of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetDigestRequest {
    /// The name of the ledger.
    pub name: String,
}

/// The answer to GetDigest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetDigestResult {
    /// The digest, 32 bytes.
    #[serde(with = "wire::blob")]
    pub digest: Vec<u8>,
    /// The address of the last block that the digest covers.
    pub digest_tip_address: IonText,
}

/// Asks for a block, and for the proof that a digest covers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetBlockRequest {
    /// The name of the ledger.
    #[serde(skip)]
    pub name: String,
    /// The address of the block.
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
    /// The hashes that lead from the block to the digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<IonText>,
}

/// Asks for a document's revision in a block, and for its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetRevisionRequest {
    /// The name of the ledger.
    #[serde(skip)]
    pub name: String,
    /// The address of the block that holds the revision.
    pub block_address: IonText,
    /// The id of the document.
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
    /// The hashes that lead from the revision to the digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<IonText>,
}

/// Asks for the proof that the journal under one digest is the beginning of the journal under another. QLDB did not have
/// this operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetConsistencyProofRequest {
    /// The name of the ledger.
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
