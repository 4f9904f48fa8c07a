//! The operations of the control API that prove a ledger's content: digests, blocks, revisions and proofs, as Ion text in
//! QLDB's form.

use everstrand_ion::{Value, text};
use everstrand_journal::{BlockAddress, Proof, UniqueId};
use everstrand_ledger::{Ledger, LedgerError};
use everstrand_protocol::control::{
    GetBlockRequest, GetBlockResult, GetConsistencyProofRequest, GetConsistencyProofResult, GetDigestRequest,
    GetDigestResult, GetRevisionRequest, GetRevisionResult, IonText,
};
use everstrand_protocol::{Exception, ServiceError};

use crate::control::Control;

impl Control {
    pub(crate) fn get_digest(&self, request: &GetDigestRequest) -> Result<GetDigestResult, ServiceError> {
        let digest = self.ledgers.open_current(&request.name)?.digest();
        Ok(GetDigestResult {
            digest: digest.digest.0.to_vec(),
            digest_tip_address: IonText::from(text::write(&digest.digest_tip_address.to_ion())),
        })
    }

    pub(crate) fn get_block(&self, request: &GetBlockRequest) -> Result<GetBlockResult, ServiceError> {
        let ledger = self.ledgers.open_current(&request.name)?;
        let address = block_address(&ledger, "BlockAddress", &request.block_address)?;
        let tip = tip(&ledger, address, request.digest_tip_address.as_ref())?;
        let block =
            ledger.block(address.sequence_no).map_err(failed)?.ok_or_else(|| no_block("BlockAddress"))?;
        let proof =
            tip.map(|tip| ledger.block_proof(address.sequence_no, tip)).transpose().map_err(failed)?;
        let shown = block.to_ion().map_err(|error| failed(LedgerError::Damaged(error.to_string())))?;
        Ok(GetBlockResult { block: IonText::from(text::write(&shown)), proof: proof.map(proof_text) })
    }

    pub(crate) fn get_revision(
        &self,
        request: &GetRevisionRequest,
    ) -> Result<GetRevisionResult, ServiceError> {
        let ledger = self.ledgers.open_current(&request.name)?;
        let address = block_address(&ledger, "BlockAddress", &request.block_address)?;
        let document: UniqueId = request.document_id.parse().map_err(|_| {
            invalid(
                "DocumentId",
                &format!("{} is not a document id: it must have 22 letters and digits", request.document_id),
            )
        })?;
        let tip = tip(&ledger, address, request.digest_tip_address.as_ref())?;
        let absent = || {
            invalid(
                "DocumentId",
                &format!("block {} has no revision of document {document}", address.sequence_no),
            )
        };
        let revision = ledger.revision(address.sequence_no, document).map_err(failed)?.ok_or_else(absent)?;
        let proof = match tip {
            None => None,
            Some(tip) => {
                let proof = ledger.revision_proof(address.sequence_no, document, tip).map_err(failed)?;
                Some(proof_text(proof.ok_or_else(absent)?))
            }
        };
        Ok(GetRevisionResult { revision: IonText::from(text::write(&revision.to_ion())), proof })
    }

    pub(crate) fn get_consistency_proof(
        &self,
        request: &GetConsistencyProofRequest,
    ) -> Result<GetConsistencyProofResult, ServiceError> {
        if self.ledgers.is_strict(&self.ledgers.describe(&request.name)?.0) {
            let unknown = "QLDB has no operation GetConsistencyProof, and this ledger is strict: it has QLDB's operations only";
            return Err(ServiceError::new(Exception::UnknownOperation, unknown).with_http_status(404));
        }
        let ledger = self.ledgers.open_current(&request.name)?;
        let old = block_address(&ledger, "OldDigestTipAddress", &request.old_digest_tip_address)?;
        let tip = block_address(&ledger, "DigestTipAddress", &request.digest_tip_address)?;
        if old.sequence_no > tip.sequence_no {
            let message =
                "The sequence number of the older digest's tip address is after that of the newer digest's.";
            return Err(invalid("OldDigestTipAddress", message));
        }
        let proof = ledger.consistency_proof(old.sequence_no, tip.sequence_no).map_err(failed)?;
        Ok(GetConsistencyProofResult { proof: proof_text(proof) })
    }
}

/// Reads a block address, which must be of this ledger and within its journal.
fn block_address(ledger: &Ledger, parameter: &str, given: &IonText) -> Result<BlockAddress, ServiceError> {
    let value = text::read_one(&given.text)
        .map_err(|_| invalid(parameter, "The provided Ion value is not valid and cannot be parsed."))?;
    let strand = value.get("strandId").and_then(Value::as_text);
    let address = BlockAddress::try_from(&value);
    if let Some(message) = of_the_ledger_before(ledger, address.as_ref().ok()) {
        return Err(invalid(parameter, &message));
    }
    let own = address.as_ref().map_or(ledger.strand_id(), |address| ledger.strand_of(address.sequence_no));
    // The strand of a restored ledger names all of its blocks, also those that have the strand of the copied one.
    if strand.is_some_and(|strand| ![own, ledger.strand_id()].iter().any(|id| id.to_string() == strand)) {
        return Err(invalid(parameter, "The Strand ID of the provided block address is not valid."));
    }
    let address = address.map_err(|_| invalid(parameter, "The provided block address is not valid."))?;
    if address.sequence_no > ledger.digest().digest_tip_address.sequence_no {
        return Err(if parameter == "BlockAddress" {
            no_block(parameter)
        } else {
            let beyond = "The sequence number of the provided digest tip address is beyond the strand's latest \
                          committed record.";
            invalid(parameter, beyond)
        });
    }
    Ok(address)
}

/// Why a restored ledger lacks a block of the ledger that it was restored from, if the address names one.
fn of_the_ledger_before(ledger: &Ledger, address: Option<&BlockAddress>) -> Option<String> {
    let address = address?;
    let parts = ledger.restored_from();
    let part = parts.iter().find(|part| part.strand_id == address.strand_id)?;
    (address.sequence_no > part.last_block).then(|| {
        format!(
            "Block {} of strand {} is after block {}, up to which this ledger was restored from ledger {}; this ledger never \
             had it. A digest that was saved after that block belongs to that ledger",
            address.sequence_no, part.strand_id, part.last_block, part.ledger
        )
    })
}

/// The number of the block at the tip that a proof shall lead to, if the request names one. It must not be before the proven
/// block.
fn tip(ledger: &Ledger, block: BlockAddress, given: Option<&IonText>) -> Result<Option<u64>, ServiceError> {
    let Some(given) = given else { return Ok(None) };
    let tip = block_address(ledger, "DigestTipAddress", given)?.sequence_no;
    if tip < block.sequence_no {
        return Err(invalid(
            "DigestTipAddress",
            "The sequence number of the provided digest tip address is before the provided block address.",
        ));
    }
    Ok(Some(tip))
}

fn proof_text(proof: Proof) -> IonText {
    IonText::from(text::write(&proof.to_ion()))
}

fn no_block(parameter: &str) -> ServiceError {
    invalid(
        parameter,
        "The provided block address is not valid: the ledger has no block of this sequence number.",
    )
}

fn invalid(parameter: &str, message: &str) -> ServiceError {
    ServiceError::new(Exception::InvalidParameter, message).with_parameter(parameter)
}

fn failed(error: LedgerError) -> ServiceError {
    match error {
        LedgerError::BadRequest { message, .. } => ServiceError::new(Exception::InvalidParameter, message),
        LedgerError::Unavailable(_) => ServiceError::new(Exception::ServiceUnavailable, error.to_string()),
        other => crate::ledger_errors::service_error(other),
    }
}
