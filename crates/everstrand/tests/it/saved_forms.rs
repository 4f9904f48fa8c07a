//! `everstrand verify` on evidence in the forms in which people kept it: what SDKs and the AWS CLI printed, the
//! console's file, the migration kit's proof, a signed checkpoint, and receipts that QLDB itself gave.

use everstrand_ion::{Value, text};
use everstrand_journal::{BlockAddress, Checkpoint, CheckpointSigner, Digest, Hash, origin};
use everstrand_testkit::data::{evidence, vector};
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

#[tokio::test]
async fn bytes_as_programs_without_ion_write_them() {
    let saved = ledger_and_evidence().await;
    let digest = text::read_one(&saved.digest).expect("a digest");
    let hash = digest.get("digest").and_then(Value::as_bytes).expect("a hash").to_vec();
    let tip = json!({"IonText": digest.get("digestTipAddress").expect("a tip").to_string()});
    let array = json!(hash);
    let members: serde_json::Map<_, _> =
        hash.iter().enumerate().map(|(at, byte)| (at.to_string(), json!(byte))).collect();
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let forms = [json!(members), json!({"type": "Buffer", "data": array}), array, json!(digits)];
    let revision = saved.file("revision.ion", &saved.revision);
    let proof = saved.file("proof.ion", &saved.revision_proof);
    for form in &forms {
        for tip_address in ["DigestTipAddress", "tipAddress"] {
            let content = json!({"Digest": form, tip_address: tip}).to_string();
            let digest = saved.file("digest.json", &content);
            let (code, printed) = everstrand(&["verify", "--digest", &digest, &revision, "--proof", &proof]);
            assert_eq!(code, 0, "{content}: {printed}");
            let (code, printed) = everstrand(&["audit", &saved.data(), "--digest", &digest]);
            assert_eq!(
                (code, printed.contains("the journal agrees with")),
                (0, true),
                "{content}: {printed}"
            );
        }
        let alone = saved.file("digest", &form.to_string());
        let (code, printed) = everstrand(&["verify", "--digest", &alone, &revision, "--proof", &proof]);
        assert_eq!(code, 0, "{form}: {printed}");
    }

    // A revision and a proof of an object whose bytes are a Uint8Array.
    let as_members = |value: &Value| {
        let bytes = value.as_bytes().expect("bytes");
        json!(
            bytes
                .iter()
                .enumerate()
                .map(|(at, byte)| (at.to_string(), json!(byte)))
                .collect::<serde_json::Map<_, _>>()
        )
    };
    let value = text::read_one(&saved.revision).expect("a revision");
    let nodes = text::read_one(&saved.revision_proof).expect("a proof");
    let nodes: Vec<_> = nodes.as_sequence().expect("a list").iter().map(as_members).collect();
    let member = |value: &Value, name: &str| value.get(name).expect("a member").clone();
    let text_of = |value: &Value, name: &str| member(value, name).as_text().map(str::to_owned);
    let (address, metadata, data) =
        (member(&value, "blockAddress"), member(&value, "metadata"), member(&value, "data"));
    let object = json!({"proof": nodes, "revision": {
        "blockAddress": {"strandId": text_of(&address, "strandId"), "sequenceNo": member(&address, "sequenceNo").as_i64()},
        "hash": as_members(&member(&value, "hash")),
        "data": {"word": text_of(&data, "word"), "number": member(&data, "number").as_i64()},
        "metadata": {
            "id": text_of(&metadata, "id"),
            "version": member(&metadata, "version").as_i64(),
            "txTime": member(&metadata, "txTime").to_string(),
            "txId": text_of(&metadata, "txId"),
        },
    }});
    let digest = saved.file("digest.json", &json!({"digest": forms[0], "tipAddress": tip}).to_string());
    let evidence = saved.file("object.json", &object.to_string());
    let (code, printed) = everstrand(&["verify", "--digest", &digest, &evidence]);
    assert_eq!(code, 0, "{object}: {printed}");
    let forged = saved.file("object.json", &object.to_string().replace("xyzzy", "xyzzz"));
    let (code, printed) = everstrand(&["verify", "--digest", &digest, &forged]);
    assert_eq!(code, 1, "{printed}");

    for (printed_by, what_to_do) in [
        ("{'Digest': b'\\x82\\n', 'DigestTipAddress': {'IonText': '{strandId:\"a\"}'}}", "json.dumps"),
        ("{ Digest: Uint8Array(32) [ 130, 10 ] }", "JSON.stringify"),
        ("{ Digest: <Buffer 82 0a> }", "JSON.stringify"),
    ] {
        let file = saved.file("printed", printed_by);
        let (code, printed) = everstrand(&["verify", "--digest", &file, &revision, "--proof", &proof]);
        assert_eq!((code, printed.contains(what_to_do)), (2, true), "{printed_by}: {printed}");
    }
}

everstrand_testkit::ignored_without_evidence!(receipts_that_qldb_gave);

fn receipts_that_qldb_gave() {
    let file = evidence("03-qldb-rest-api.ion");
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
    let export = vector("synthetic-export/journalExport");
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
