//! The journal as its auditor sees it: beside a running server or after one, never through it, and held to the
//! digests that were saved before.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use everstrand::ion::text;
use everstrand::journal::evidence::{Input, Role};
use everstrand::journal::verify_files;
use everstrand::journal::{Auditor, BlockAddress, Digest, FormatError, Hash, SavedDigest, audit_slots};
use everstrand::ledger::storage::slots::SlotStore;
use everstrand::ledger::storage::{DiskSlots, FileDisk};
use everstrand::protocol::control::{
    ControlReply, ControlRequest, GetBlockRequest, GetDigestRequest, IonText,
};

use everstrand::server::DataKeys;
use everstrand_sealing::MasterKey;

use crate::process::{LEDGER, Server, program, run_to_end};

/// How much of a journal is read at once.
const BYTES_AT_ONCE: usize = 1 << 20;

/// The journal's folder of the only ledger in a data folder.
pub(crate) fn folder(data: &Path) -> PathBuf {
    let entries =
        std::fs::read_dir(data).expect("a data folder").map(|entry| entry.expect("an entry").path());
    let journals: Vec<PathBuf> =
        entries.map(|path| path.join("journal")).filter(|path| path.is_dir()).collect();
    let [journal] = journals.as_slice() else { panic!("{journals:?} are not one journal") };
    journal.clone()
}

/// How many slots the journal has.
pub(crate) fn slots(data: &Path) -> u64 {
    open(data).tip_hint().expect("a journal").map_or(0, |last| last + 1)
}

/// Audits the journal with the library, against digests; answers how many blocks it has.
pub(crate) fn audit(data: &Path, digests: &[Digest]) -> u64 {
    let saved = digests.iter().map(|digest| SavedDigest {
        digest: *digest,
        name: format!("the digest at block {}", digest.digest_tip_address.sequence_no),
        proof: None,
    });
    let mut auditor = Auditor::new(saved);
    let slots = open(data);
    let last = slots.tip_hint().expect("a journal").expect("a slot");
    let mut next = 0;
    let batches = std::iter::from_fn(|| {
        let many =
            if next > last { Vec::new() } else { slots.read_many(next, BYTES_AT_ONCE).expect("slots") };
        next += many.len() as u64;
        (!many.is_empty()).then_some(many)
    });
    let workers = std::num::NonZero::new(2).expect("two");
    let bytes = batches.flatten().map(Ok::<Vec<u8>, FormatError>);
    audit_slots(&mut auditor, bytes, workers, |_, found| assert!(found.is_empty(), "{found:?}"));
    let (summary, found) = auditor.finish();
    assert!(found.is_empty(), "{found:?}");
    assert!(summary.is_clean());
    assert_eq!(summary.digests_matched.len(), digests.len(), "{summary:?}");
    assert!(summary.slots > last, "{summary:?}");
    summary.blocks
}

/// Audits the data folder with the program, as an operator does, against digests.
pub(crate) fn audit_with_program(data: &Path, digests: &[Digest]) {
    let files = tempfile::tempdir().expect("a folder");
    let mut command = program();
    command.arg("audit").arg(data);
    for (number, digest) in digests.iter().enumerate() {
        let file = files.path().join(format!("digest-{number}.ion"));
        std::fs::write(&file, text::write(&digest.to_ion())).expect("a file");
        command.arg("--digest").arg(file);
    }
    let (status, stdout, stderr) = run_to_end(&mut command);
    assert_eq!(status.code(), Some(0), "{stdout}{stderr}");
}

/// The digest as the control API gives it.
pub(crate) async fn digest(server: &Server) -> Digest {
    let request = ControlRequest::GetDigest(GetDigestRequest { name: LEDGER.to_owned() });
    let ControlReply::GetDigest(result) = server.control(request).await else { panic!("another reply") };
    let address = text::read_one(&result.digest_tip_address.text).expect("Ion");
    Digest {
        digest: Hash(result.digest.try_into().expect("32 bytes")),
        digest_tip_address: BlockAddress::try_from(&address).expect("an address"),
    }
}

/// Verifies with the proofs of the control API that a digest covers a block.
pub(crate) async fn verify_block(server: &Server, sequence_no: u64, digest: &Digest) {
    let strand_id = digest.digest_tip_address.strand_id;
    let address = |address: BlockAddress| IonText::from(text::write(&address.to_ion()));
    let request = ControlRequest::GetBlock(GetBlockRequest {
        name: LEDGER.to_owned(),
        block_address: address(BlockAddress { strand_id, sequence_no }),
        digest_tip_address: Some(address(digest.digest_tip_address)),
    });
    let ControlReply::GetBlock(result) = server.control(request).await else { panic!("another reply") };
    let saved = text::write(&digest.to_ion());
    let proof = result.proof.expect("a proof was asked for").text;
    let inputs = [
        Input { name: "block", role: Role::Block, bytes: result.block.text.as_bytes() },
        Input { name: "proof", role: Role::Proof, bytes: proof.as_bytes() },
        Input { name: "digest", role: Role::Digest, bytes: saved.as_bytes() },
    ];
    let report = verify_files(&inputs, &[]).expect("usable evidence");
    assert!(report.is_verified(), "block {sequence_no}: {report}");
}

fn open(data: &Path) -> Arc<dyn SlotStore> {
    let folder = folder(data);
    let disk = FileDisk::read_only(&folder).expect("a journal");
    let slots = Arc::new(DiskSlots::open_read_only(Arc::new(disk)).expect("a journal"));
    let id = folder.parent().and_then(|ledger| ledger.file_name()?.to_str()).expect("a ledger's folder");
    DataKeys::in_folder(data, master_key())
        .open_journal(id.parse().expect("an id"), slots)
        .expect("its data key")
}

/// The variable makes the servers of all tests encrypt their ledgers.
fn master_key() -> Option<MasterKey> {
    let variable = "EVERSTRAND_MASTER_KEY";
    let key = std::env::var(variable).ok()?;
    Some(MasterKey::from_text(&key, variable).expect("a master key"))
}

/// Whether the ledgers of this run are encrypted.
pub(crate) fn is_encrypted() -> bool {
    master_key().is_some()
}
