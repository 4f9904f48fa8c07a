//! `everstrand verify` on evidence in the forms in which people kept it: what SDKs and the AWS CLI printed, the
//! console's file, the migration kit's proof, a signed checkpoint, and receipts that QLDB itself gave.

use std::path::{Path, PathBuf};

use everstrand_ion::{Value, text};
use everstrand_journal::{BlockAddress, Checkpoint, CheckpointSigner, Digest, Hash, origin};
use serde_json::json;

use crate::evidence::{everstrand, ledger_and_evidence};

#[tokio::test]
async fn the_json_of_sdks_the_consoles_file_and_a_checkpoint() {
    let saved = ledger_and_evidence().await;
    let digest = text::read_one(&saved.digest).expect("a digest");
    let hash = Hash::from_slice(digest.get("digest").and_then(Value::as_bytes).expect("a hash")).expect("32");
    let tip = digest.get("digestTipAddress").expect("a tip");
    let digest_tip_address = BlockAddress::try_from(tip).expect("an address");

    let sdk = json!({"Digest": hash.to_string(), "DigestTipAddress": {"IonText": tip.to_string()}});
    let console = format!(
        "{{digest:{{{{{hash}}}}},digestTipAddress:{tip},ledger:\"evidence\",date:2025-07-01T10:00:00Z}}"
    );
    let signer = CheckpointSigner::from_seed(&origin(digest_tip_address.strand_id), &[9; 32]).expect("a key");
    let note = Checkpoint::new(Digest { digest: hash, digest_tip_address }).signed(&signer).to_note();
    let key = signer.verifier().to_string();

    let answer = json!({
        "Revision": {"IonText": saved.revision}, "Proof": {"IonText": saved.revision_proof},
    });
    let revision = saved.file("get-revision.json", &format!("{answer:#}"));
    let answer = json!({"Block": {"IonText": saved.block}, "Proof": {"IonText": saved.block_proof}});
    let block = saved.file("get-block.json", &format!("{answer:#}"));
    let forged = saved.file("forged.json", &answer.to_string().replace("number:7", "number:8"));
    for (name, content) in
        [("digest.json", &format!("{sdk:#}")), ("console.ion.txt", &console), ("note", &note)]
    {
        let digest = saved.file(name, content);
        for evidence in [&revision, &block] {
            let (code, printed) = everstrand(&["verify", "--digest", &digest, evidence, "--key", &key]);
            assert_eq!(code, 0, "{name}, {evidence}: {printed}");
        }
        let (code, printed) = everstrand(&["verify", "--digest", &digest, &forged]);
        assert_eq!((code, printed.contains("FAILED")), (1, true), "{name}: {printed}");
    }
    let other = CheckpointSigner::from_seed("other", &[8; 32]).expect("a key").verifier().to_string();
    let note = saved.file("note", &note);
    let (code, printed) = everstrand(&["verify", "--digest", &note, &revision, "--key", &other]);
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains("FAILED   the checkpoint is signed"), "{printed}");
}

#[test]
fn receipts_that_qldb_gave() {
    let Some(file) = vector("03-qldb-rest-api.ion") else { return };
    let receipts = text::read_one(&std::fs::read_to_string(file).expect("a file")).expect("Ion");
    let folder = tempfile::tempdir().expect("a folder");
    for receipt in receipts.get("receipts").and_then(Value::as_sequence).expect("receipts") {
        let member = |name: &str| receipt.get(name).expect("a member").clone();
        let saved = format!(
            "{{blockAddress:{},digestTipAddress:{},digest:{},revisionHash:{},proof:{}}}",
            member("block_address"),
            member("digest_tip_address"),
            member("digest"),
            member("revision_hash"),
            member("proof_ion_text").as_text().expect("text"),
        );
        let path = folder.path().join("receipt.ion");
        let verify = |content: &str| {
            std::fs::write(&path, content).expect("written");
            everstrand(&["verify", &path.display().to_string()])
        };
        let (code, printed) = verify(&saved);
        assert_eq!(code, 0, "{printed}");
        let (code, printed) = verify(&saved.replacen("sequenceNo:", "sequenceNo:1", 1));
        assert_eq!(code, 1, "the number of its block was changed: {printed}");
    }
}

#[test]
fn the_proof_file_of_the_migration_kit() {
    let Some(export) = vector("synthetic-export/journalExport") else { return };
    let kept = "HiceNkmtAQe0mhC93UU9l9.9lq2AAsrIjB2y229Dhjnbr.completed.manifest\
                HiceNkmtAQe0mhC93UU9l9.9lq2AAsrIjB2y229Dhjnbr.proofs.json";
    let kept = export.join(kept).display().to_string();
    let blocks = std::fs::read_to_string(export.join("2025/07/01/12/9lq2AAsrIjB2y229Dhjnbr.10-14.ion"));
    let blocks = text::read_all(&blocks.expect("a data object")).expect("Ion");
    let folder = tempfile::tempdir().expect("a folder");
    let verify = |block: &Value| {
        let path = folder.path().join("block.ion");
        std::fs::write(&path, block.to_string()).expect("written");
        everstrand(&["verify", &kept, "--block", &path.display().to_string()])
    };
    let (code, printed) = verify(blocks.last().expect("a block"));
    assert_eq!(code, 0, "{printed}");
    let (code, printed) = verify(&blocks[0]);
    assert_ne!(code, 0, "it proves the last block only: {printed}");

    let export = export.display().to_string();
    let (code, printed) = everstrand(&["audit", &export, "--digest", &kept]);
    assert_eq!((code, printed.contains("the journal agrees with")), (0, true), "{printed}");
}

/// Test data of others; it is not part of the repository.
fn vector(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors").join(name);
    if path.exists() {
        return Some(path);
    }
    let message = format!("{} is not there", path.display());
    assert!(std::env::var_os("REQUIRE_VECTORS").is_none_or(|value| value != "1"), "{message}");
    eprintln!("passed over: {message}");
    None
}
