//! Digests, blocks, revisions and their proofs, asked of the service and verified here.

use everstrand_ion::{Document, Value, text};
use everstrand_journal::evidence::{Evidence, Input, Role};
use everstrand_journal::{BlockAddress, Digest, Hash, Proof};
use everstrand_protocol::control::{
    ControlReply, ControlRequest, GetBlockRequest, GetConsistencyProofRequest, GetDigestRequest,
    GetRevisionRequest,
};

use crate::driver::QldbDriver;
use crate::error::Error;
use crate::transport::{ControlTransport, Transport};

/// A block or a revision, as the service sent it, with its proof.
#[derive(Clone, Debug, PartialEq)]
pub struct Proven {
    /// The block or the revision in QLDB's shape.
    pub document: Document,
    /// The hashes that lead from it to the digest that was asked for; `None` if no digest was.
    pub proof: Option<Proof>,
}

impl<T: Transport + ControlTransport> QldbDriver<T> {
    /// The present digest of the ledger. An error means that the service refused, or did not answer.
    pub async fn get_digest(&self) -> Result<Digest, Error> {
        let request = ControlRequest::GetDigest(GetDigestRequest { name: self.ledger_name().to_owned() });
        let ControlReply::GetDigest(found) = self.control(&request).await? else {
            return Err(unexpected("GetDigest"));
        };
        let tip = value(&found.digest_tip_address.text)?;
        let digest = Hash::from_slice(&found.digest);
        Ok(Digest {
            digest: digest.ok_or_else(|| not_verified("the digest does not have 32 bytes"))?,
            digest_tip_address: BlockAddress::try_from(&tip).map_err(not_verified)?,
        })
    }

    /// A block, with its proof under the digest of `tip` if one is named. An error means that the service refused, or did not
    /// answer; nothing is verified here, [`verify`] does.
    pub async fn get_block(&self, address: BlockAddress, tip: Option<BlockAddress>) -> Result<Proven, Error> {
        let request = ControlRequest::GetBlock(GetBlockRequest {
            name: self.ledger_name().to_owned(),
            block_address: written(address),
            digest_tip_address: tip.map(written),
        });
        let ControlReply::GetBlock(found) = self.control(&request).await? else {
            return Err(unexpected("GetBlock"));
        };
        proven(&found.block.text, found.proof.map(|proof| proof.text))
    }

    /// The revision of a document in a block, with its proof under the digest of `tip` if one is named. It fails as
    /// [`get_block`](QldbDriver::get_block) does.
    pub async fn get_revision(
        &self,
        address: BlockAddress,
        document_id: &str,
        tip: Option<BlockAddress>,
    ) -> Result<Proven, Error> {
        let request = ControlRequest::GetRevision(GetRevisionRequest {
            name: self.ledger_name().to_owned(),
            block_address: written(address),
            document_id: document_id.to_owned(),
            digest_tip_address: tip.map(written),
        });
        let ControlReply::GetRevision(found) = self.control(&request).await? else {
            return Err(unexpected("GetRevision"));
        };
        proven(&found.revision.text, found.proof.map(|proof| proof.text))
    }

    /// The proof that the journal under the digest of `old` is the beginning of the journal under that of `new`. QLDB has no
    /// such operation. It fails as [`get_block`](QldbDriver::get_block) does.
    pub async fn get_consistency_proof(&self, old: BlockAddress, new: BlockAddress) -> Result<Proof, Error> {
        let request = ControlRequest::GetConsistencyProof(GetConsistencyProofRequest {
            name: self.ledger_name().to_owned(),
            old_digest_tip_address: written(old),
            digest_tip_address: written(new),
        });
        let ControlReply::GetConsistencyProof(found) = self.control(&request).await? else {
            return Err(unexpected("GetConsistencyProof"));
        };
        proof(&found.proof.text)
    }

    async fn control(&self, request: &ControlRequest) -> Result<ControlReply, Error> {
        Ok(self.transport().control(request).await?)
    }
}

/// Verifies offline that a block or a revision is one that a digest covers: its hashes are those of what it shows, and its
/// proof leads to the digest. [`Error::NotVerified`] says which step failed.
pub fn verify(proven: &Proven, digest: &Digest) -> Result<(), Error> {
    let proof = proven.proof.clone().ok_or_else(|| not_verified("there is no proof"))?;
    let role =
        if proven.document.root().get("transactionId").is_some() { Role::Block } else { Role::Revision };
    let input = Input { name: "the service's answer", role, bytes: proven.document.as_bytes() };
    let mut evidence = Evidence::read(&[input]).map_err(not_verified)?;
    evidence.digest = Some(digest.digest);
    evidence.digest_tip_address = Some(digest.digest_tip_address);
    evidence.proof = Some(proof);
    let report = everstrand_journal::verify::verify(&evidence, &[]).map_err(not_verified)?;
    if report.is_verified() { Ok(()) } else { Err(not_verified(report)) }
}

pub(crate) fn not_verified(why: impl ToString) -> Error {
    Error::NotVerified(why.to_string())
}

fn written(address: BlockAddress) -> everstrand_protocol::control::IonText {
    text::write(&address.to_ion()).into()
}

fn value(written: &str) -> Result<Value, Error> {
    Ok(text::read_one(written)?)
}

fn proven(document: &str, nodes: Option<String>) -> Result<Proven, Error> {
    let document = Document::from(&value(document)?);
    Ok(Proven { document, proof: nodes.as_deref().map(proof).transpose()? })
}

fn proof(written: &str) -> Result<Proof, Error> {
    let value = value(written)?;
    let nodes = value.as_sequence().ok_or_else(|| not_verified("the proof is no list"))?;
    let node = |node: &Value| node.as_bytes().and_then(Hash::from_slice);
    let nodes = nodes.iter().map(node).collect::<Option<Vec<_>>>();
    Ok(Proof { nodes: nodes.ok_or_else(|| not_verified("a node of the proof does not have 32 bytes"))? })
}

fn unexpected(sent: &'static str) -> Error {
    Error::UnexpectedReply { sent, received: "another operation" }
}
