//! Verifies that the journal of an old digest is the beginning of a newer digest's journal. The proof has about log2(n) hashes for n
//! blocks.
//!
//! Both digests and the proof may have been saved. Otherwise a server, or the journal in a data folder, gives the proof, and its
//! present digest if no newer one was saved. Neither has to be trusted, because the proof is verified here.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use everstrand_driver::HttpTransport;
use everstrand_ion::{Struct, Value, text};
use everstrand_journal::evidence::{Evidence, Role};
use everstrand_journal::verify::{Outcome, Step, VerifyReport};
use everstrand_journal::{
    BlockAddress, CheckpointVerifier, Digest, Hash, Proof, Slot, SlotTree, UniqueId, verify_prefix,
};
use everstrand_ledger::storage::slots::{SlotError, SlotStore};
use everstrand_protocol::control::{ControlReply, ControlRequest, GetConsistencyProofRequest};
use tokio::runtime::Runtime;

use super::{Arguments, as_inputs, read};
use crate::audit::source::{self, Journal};
use crate::{journal_folder, remote};

/// Whether the arguments ask for a comparison of digests, and not for evidence of a revision or a block.
pub(super) fn is_asked(arguments: &Arguments) -> bool {
    arguments.digest.len() > 1
        || (arguments.document.is_none() && (arguments.data.is_some() || arguments.endpoint.is_some()))
}

/// Reads the digests, reads or makes the proof, and verifies.
pub(super) fn verify(
    arguments: &Arguments,
    keys: &[CheckpointVerifier],
) -> Result<VerifyReport, Box<dyn Error>> {
    let (old, new) = match arguments.digest.as_slice() {
        [old] => (old, None),
        [old, new] => (old, Some(new)),
        [] => return Err("give the old digest with --digest".into()),
        _ => return Err("give two digests at most".into()),
    };
    let old = Evidence::read(&as_inputs(&read(arguments, [old], Role::Digest)?))?;
    let old_tip =
        old.digest_tip_address.ok_or("the file of the older digest lacks the address of its tip")?;
    let mut files = read(arguments, new, Role::Digest)?;
    files.extend(read(arguments, &arguments.proof, Role::Proof)?);
    files.extend(read(arguments, &arguments.files, Role::Any)?);
    let mut newer = Evidence::read(&as_inputs(&files))?;
    let Some(source) = source_of(arguments)? else { return Ok(verify_prefix(&old, &newer, keys)?) };

    let now = source.digest()?;
    let end = now.digest_tip_address;
    if newer.digest.is_none() {
        newer.digest = Some(now.digest);
        newer.digest_tip_address = Some(end);
    }
    let new_tip =
        newer.digest_tip_address.ok_or("the file of the newer digest lacks the address of its tip")?;
    if let Some(failed) = beyond(&source, end, [old_tip, new_tip])? {
        return Ok(failed);
    }
    let in_order = old_tip.sequence_no <= new_tip.sequence_no;
    let nodes = if in_order { source.prove(old_tip, new_tip)? } else { Vec::new() };
    newer.proof = Some(Proof { nodes });
    let report = verify_prefix(&old, &newer, keys)?;
    if let (Some(file), Some(digest), Some(proof)) = (&arguments.save, newer.whole_digest(), &newer.proof) {
        save(file, digest, proof)?;
    }
    Ok(report)
}

/// The report of a failure, if the journal is shorter than a digest, or belongs to another ledger.
fn beyond(
    source: &Source,
    end: BlockAddress,
    tips: [BlockAddress; 2],
) -> Result<Option<VerifyReport>, Box<dyn Error>> {
    let mut why = None;
    for tip in tips {
        let (block, last) = (tip.sequence_no, end.sequence_no);
        if block > last {
            why = Some(format!(
                "the digest covers block {block}, the journal ends with block {last}: blocks are missing"
            ));
            break;
        }
        // A restored ledger has another strand up to the block up to which it was restored.
        if let Some(strand_id) = source.strand_of(block)?.filter(|strand_id| *strand_id != tip.strand_id) {
            why = Some(format!(
                "the digest is of strand {}, and block {block} of the journal of {strand_id}: it is another ledger's, or this \
                 ledger was restored to a block before the digest was saved",
                tip.strand_id
            ));
            break;
        }
    }
    let what = "the journal has all blocks that the digests cover".to_owned();
    let step = |why| Step { what, outcome: Outcome::Failed(why) };
    Ok(why.map(|why| VerifyReport { facts: Vec::new(), steps: vec![step(why)] }))
}

fn save(file: &Path, digest: Digest, proof: &Proof) -> Result<(), String> {
    let mut fields = Struct::default();
    for (name, value) in digest.to_ion().as_struct().into_iter().flat_map(|fields| fields.iter()) {
        fields.push(name.clone(), value.clone());
    }
    fields.push("proof", proof.to_ion());
    std::fs::write(file, text::write_pretty(&Value::from(fields)) + "\n")
        .map_err(|error| format!("cannot write {}: {error}", file.display()))
}

/// The server or the folder that has the journal.
enum Source {
    Server { transport: Box<HttpTransport>, runtime: Runtime, ledger: String },
    Slots(Arc<dyn SlotStore>),
}

fn source_of(arguments: &Arguments) -> Result<Option<Source>, Box<dyn Error>> {
    if let (Some(endpoint), Some(ledger)) = (&arguments.endpoint, &arguments.ledger) {
        return Ok(Some(Source::Server {
            transport: Box::new(arguments.certificates.transport(endpoint)?),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
            ledger: ledger.clone(),
        }));
    }
    let Some(data) = &arguments.data else { return Ok(None) };
    match source::find(data, arguments.ledger.as_deref(), &arguments.certificates)? {
        Journal::Slots(folder) => Ok(Some(Source::Slots(journal_folder::open(&folder)?))),
        _ => Err(format!(
            "{data} holds no ledger; if it holds an export, use `everstrand audit --digest OLD --digest NEW`"
        )
        .into()),
    }
}

impl Source {
    /// The digest of all blocks of the journal.
    fn digest(&self) -> Result<Digest, Box<dyn Error>> {
        match self {
            Source::Server { transport, runtime, ledger } => {
                runtime.block_on(remote::digest(transport, ledger))
            }
            Source::Slots(slots) => {
                let mut tree = tree(&**slots)?;
                let tip = tree.tip();
                Ok(tree.digest(tip)?)
            }
        }
    }

    /// The strand of a block. A server checks it itself.
    fn strand_of(&self, block: u64) -> Result<Option<UniqueId>, Box<dyn Error>> {
        match self {
            Source::Server { .. } => Ok(None),
            Source::Slots(slots) => Ok(Some(tree(&**slots)?.digest(block)?.digest_tip_address.strand_id)),
        }
    }

    fn prove(&self, old: BlockAddress, new: BlockAddress) -> Result<Vec<Hash>, Box<dyn Error>> {
        match self {
            Source::Server { transport, runtime, ledger } => {
                let request = ControlRequest::GetConsistencyProof(GetConsistencyProofRequest {
                    name: ledger.clone(),
                    old_digest_tip_address: text::write(&old.to_ion()).into(),
                    digest_tip_address: text::write(&new.to_ion()).into(),
                });
                let ControlReply::GetConsistencyProof(found) =
                    runtime.block_on(transport.control(&request))?
                else {
                    return Err("the server answered another request than GetConsistencyProof".into());
                };
                let proof = super::Input {
                    name: "the server's proof",
                    role: Role::Proof,
                    bytes: found.proof.text.as_bytes(),
                };
                Ok(Evidence::read(&[proof])?.proof.unwrap_or_default().nodes)
            }
            Source::Slots(slots) => Ok(tree(&**slots)?.consistency(old.sequence_no, new.sequence_no)?),
        }
    }
}

/// The tree of a journal, computed from its slots.
type Tree<'a> = SlotTree<Box<dyn FnMut(u64) -> Result<Slot, SlotError> + 'a>>;

fn tree(slots: &dyn SlotStore) -> Result<Tree<'_>, Box<dyn Error>> {
    let count = slots.tip_hint()?.map_or(0, |last| last + 1);
    let read = move |slot| {
        let corrupt = |why: String| SlotError::Corrupt { slot, why };
        let bytes = slots.read(slot)?.ok_or_else(|| corrupt("it is gone".to_owned()))?;
        Slot::decode(bytes).map_err(|error| corrupt(error.to_string()))
    };
    Ok(SlotTree::new(count, Box::new(read) as Box<_>)?)
}
