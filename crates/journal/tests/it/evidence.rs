//! Digests, revisions, blocks and proofs in the forms in which people saved them.

use everstrand_ion::{Document, Value, text};
use everstrand_journal::evidence::{Input, Role};
use everstrand_journal::export::OutputFormat;
use everstrand_journal::json::to_json;
use everstrand_journal::tree::{TileKey, TileReader, Tiles, block_path};
use everstrand_journal::verify::Outcome;
use everstrand_journal::{
    Checkpoint, CheckpointSigner, Digest, Hash, Proof, Revision, RevisionData, RevisionMetadata, origin,
    verify_files,
};

use crate::samples::{blocks, id};

#[derive(Default)]
struct Store(std::collections::BTreeMap<TileKey, Vec<u8>>);

impl TileReader for Store {
    type Error = std::convert::Infallible;

    fn read(&self, key: TileKey) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(self.0.get(&key).cloned())
    }
}

/// The answers of a ledger about the insert in block 2.
struct Saved {
    digest: Digest,
    block: Value,
    block_proof: Proof,
    revision: Value,
    revision_proof: Proof,
}

fn saved() -> Saved {
    let blocks = blocks();
    let mut store = Store::default();
    let mut tiles = Tiles::new();
    for block in &blocks {
        store.0.extend(tiles.append(block.hash()).into_iter().map(|write| (write.key, write.value)));
    }
    let digest = Digest {
        digest: tiles.frontier().root().unwrap(),
        digest_tip_address: blocks.last().unwrap().address(),
    };
    let block_proof = block_path(&store, 7, 2, 6).unwrap();
    let block = &blocks[2];
    let mut nodes = block.revision_path(id(11)).unwrap().unwrap();
    nodes.extend(&block_proof.nodes);
    let revision = block.revisions().find(|revision| revision.document_id == id(11)).unwrap();
    Saved {
        digest,
        block: block.to_ion().unwrap(),
        block_proof,
        revision: block.revision(&revision).unwrap().to_ion(),
        revision_proof: Proof { nodes },
    }
}

/// `Ok` says whether the verification passed, `Err` that the input cannot be used.
fn verify(files: &[(Role, &str)]) -> Result<bool, String> {
    let inputs: Vec<Input<'_>> = files
        .iter()
        .map(|(role, text)| Input { name: "file", role: *role, bytes: text.as_bytes() })
        .collect();
    let report = verify_files(&inputs, &[]).map_err(|error| error.to_string())?;
    Ok(report.is_verified())
}

fn quoted(ion: &Value) -> String {
    format!("{{\"IonText\":{:?}}}", ion.to_string())
}

#[test]
fn values_in_ion_and_json_text() {
    let saved = saved();
    let (digest, proof) = (saved.digest.to_ion(), saved.revision_proof.to_ion());
    for text in [Value::to_string as fn(&Value) -> String, everstrand_ion::text::write_pretty, to_json] {
        let files = [
            (Role::Digest, text(&digest)),
            (Role::Proof, text(&proof)),
            (Role::Revision, text(&saved.revision)),
        ];
        let files: Vec<(Role, &str)> = files.iter().map(|(role, text)| (*role, text.as_str())).collect();
        assert_eq!(verify(&files), Ok(true), "{files:?}");
        let proof = text(&saved.block_proof.to_ion());
        let files = [(Role::Digest, text(&digest)), (Role::Proof, proof), (Role::Block, text(&saved.block))];
        let files: Vec<(Role, &str)> = files.iter().map(|(role, text)| (*role, text.as_str())).collect();
        // JSON does not tell that a value of this block is a symbol, but the hash does.
        assert_eq!(verify(&files), Ok(true), "{files:?}");
    }
}

#[test]
fn the_json_of_sdks_and_of_the_aws_cli() {
    let saved = saved();
    let digest = format!(
        "{{\n    \"Digest\": \"{}\",\n    \"DigestTipAddress\": {}\n}}",
        saved.digest.digest,
        quoted(&saved.digest.digest_tip_address.to_ion())
    );
    let revision = format!(
        "{{\"Revision\":{},\"Proof\":{}}}",
        quoted(&saved.revision),
        quoted(&saved.revision_proof.to_ion())
    );
    let block =
        format!("{{\"Block\":{},\"Proof\":{}}}", quoted(&saved.block), quoted(&saved.block_proof.to_ion()));
    assert_eq!(verify(&[(Role::Digest, &digest), (Role::Revision, &revision)]), Ok(true));
    assert_eq!(verify(&[(Role::Any, &digest), (Role::Any, &block)]), Ok(true));
    let other = digest.replacen(&saved.digest.digest.to_string(), &Hash([1; 32]).to_string(), 1);
    assert_eq!(verify(&[(Role::Digest, &other), (Role::Revision, &revision)]), Ok(false));
    assert!(
        verify(&[(Role::Digest, &digest), (Role::Digest, &other), (Role::Any, &block)]).is_err(),
        "two digests"
    );
}

#[test]
fn the_consoles_file_and_a_bare_digest() {
    let saved = saved();
    let (proof, revision) = (saved.revision_proof.to_ion().to_string(), saved.revision.to_string());
    let evidence =
        |digest: &str| verify(&[(Role::Digest, digest), (Role::Proof, &proof), (Role::Revision, &revision)]);
    let console = format!(
        "{{\n  digest: {{{{{}}}}},\n  digestTipAddress: {},\n  ledger: \"vehicles\",\n  date: 2025-07-01T10:00:00Z\n}}\n",
        saved.digest.digest,
        saved.digest.digest_tip_address.to_ion()
    );
    assert_eq!(evidence(&console), Ok(true));
    assert_eq!(evidence(&format!("{}\n", saved.digest.digest)), Ok(true));
    assert_eq!(evidence(&format!("{{{{{}}}}}", saved.digest.digest)), Ok(true));
    assert_eq!(evidence(&Hash([3; 32]).to_string()), Ok(false));
    assert!(evidence("{ledger:\"vehicles\"}").is_err());
    assert!(evidence("nothing of use").is_err());
}

#[test]
fn a_signed_checkpoint_as_digest() {
    let saved = saved();
    let signer = CheckpointSigner::from_seed(&origin(id(1)), &[9; 32]).unwrap();
    let note = Checkpoint::new(saved.digest).signed(&signer).to_note();
    let (proof, revision) = (saved.revision_proof.to_ion().to_string(), saved.revision.to_string());
    let inputs =
        [(Role::Digest, note.as_str()), (Role::Proof, proof.as_str()), (Role::Revision, revision.as_str())];
    let inputs = inputs.map(|(role, text)| Input { name: "file", role, bytes: text.as_bytes() });
    let other = CheckpointSigner::from_seed("other", &[8; 32]).unwrap();
    assert!(verify_files(&inputs, &[]).unwrap().is_verified());
    assert!(verify_files(&inputs, &[other.verifier(), signer.verifier()]).unwrap().is_verified());
    let report = verify_files(&inputs, &[other.verifier()]).unwrap();
    assert!(!report.is_verified());
    assert!(report.to_string().contains("FAILED   the checkpoint is signed"), "{report}");
}

#[test]
fn a_proof_of_another_place_does_not_pass() {
    let saved = saved();
    let revision = saved.revision.to_string();
    let digest = saved.digest.to_ion().to_string();
    let mut longer = saved.block_proof.clone();
    longer.nodes.push(Hash([7; 32]));
    let block = saved.block.to_string();
    let folded = Digest {
        digest: longer
            .fold(Hash::from_slice(saved.block.get("blockHash").unwrap().as_bytes().unwrap()).unwrap()),
        ..saved.digest
    };
    // The hashes are right, but the number of nodes is not.
    let (folded, longer) = (folded.to_ion().to_string(), longer.to_ion().to_string());
    assert_eq!(verify(&[(Role::Digest, &folded), (Role::Proof, &longer), (Role::Block, &block)]), Ok(false));
    let earlier = digest.replacen("sequenceNo:6", "sequenceNo:1", 1);
    let proof = saved.revision_proof.to_ion().to_string();
    assert_eq!(
        verify(&[(Role::Digest, &earlier), (Role::Proof, &proof), (Role::Revision, &revision)]),
        Ok(false)
    );
    // The strand beside a digest is covered by no hash, and in a restored ledger it is another one than an old block's. So
    // the proof alone decides.
    let strand = digest.replacen(&id(1).to_string(), &id(2).to_string(), 1);
    assert_eq!(
        verify(&[(Role::Digest, &strand), (Role::Proof, &proof), (Role::Revision, &revision)]),
        Ok(true)
    );
    assert!(verify(&[(Role::Digest, &digest), (Role::Revision, &revision)]).is_err(), "without a proof");
    assert!(verify(&[(Role::Digest, &digest), (Role::Proof, &proof)]).is_err(), "without a revision");
}

/// A revision that is consistent in itself, but was never in the journal.
fn forged(saved: &Saved) -> String {
    let forged = saved.revision.to_string().replacen("Bob", "Rob", 1);
    let forged = Revision {
        block_address: None,
        hash: Hash([0; 32]),
        data: RevisionData::Data(Document::from(text::read_one(&forged).unwrap().get("data").unwrap())),
        metadata: RevisionMetadata::from_ion(saved.revision.get("metadata").unwrap()).unwrap(),
    };
    Revision { hash: forged.computed_hash(), ..forged }.to_ion().to_string()
}

#[test]
fn a_forged_revision_does_not_pass_by_the_hash_of_a_true_one() {
    let saved = saved();
    let (digest, proof) = (saved.digest.to_ion().to_string(), saved.revision_proof.to_ion());
    let hash = saved.revision.get("hash").unwrap();
    for forged in [forged(&saved), saved.revision.to_string().replacen("metadata", "metadatum", 1)] {
        for members in [
            format!("{{revision:{forged},revisionHash:{hash},proof:{proof}}}"),
            format!("{{revisionHash:{hash},revision:{forged},proof:{proof}}}"),
        ] {
            let verified = verify(&[(Role::Digest, &digest), (Role::Any, &members)]);
            assert_ne!(verified, Ok(true), "{members}");
        }
    }
    let true_one = format!("{{revision:{},revisionHash:{hash},proof:{proof}}}", saved.revision);
    assert_eq!(verify(&[(Role::Digest, &digest), (Role::Any, &true_one)]), Ok(true));
}

#[test]
fn a_block_beside_a_revision_is_said_not_to_be_checked() {
    let saved = saved();
    let texts = [
        (Role::Digest, saved.digest.to_ion().to_string()),
        (Role::Proof, saved.revision_proof.to_ion().to_string()),
        (Role::Revision, saved.revision.to_string()),
        (Role::Block, saved.block.to_string().replacen("SELECT", "DELETE", 1)),
    ];
    let inputs =
        texts.each_ref().map(|(role, text)| Input { name: "file", role: *role, bytes: text.as_bytes() });
    let report = verify_files(&inputs, &[]).unwrap();
    assert!(report.is_verified(), "{report}");
    assert!(
        report.to_string().contains("skipped  all hashes in the block are those of its content"),
        "{report}"
    );
}

#[test]
fn files_that_contradict_each_other_are_of_no_use() {
    let saved = saved();
    let texts = [
        (Role::Digest, saved.digest.to_ion().to_string()),
        (Role::Proof, saved.revision_proof.to_ion().to_string()),
        (Role::Revision, saved.revision.to_string()),
        (Role::Any, format!("{{blockAddress:{}}}", saved.revision.get("blockAddress").unwrap())),
    ];
    let files: Vec<(Role, &str)> = texts.iter().map(|(role, text)| (*role, text.as_str())).collect();
    let (twice, block_proof) = ([&files[..], &files[..]].concat(), saved.block_proof.to_ion().to_string());
    assert_eq!(verify(&twice), Ok(true), "the same twice");
    let others = [
        (Role::Proof, block_proof),
        (Role::Any, texts[3].1.replacen("sequenceNo:2", "sequenceNo:4", 1)),
        (Role::Digest, texts[0].1.replacen("sequenceNo:6", "sequenceNo:5", 1)),
        (Role::Revision, forged(&saved)),
    ];
    for (role, other) in &others {
        assert!(verify(&[&files[..], &[(*role, other)]].concat()).is_err(), "{other}");
    }
}

#[test]
fn every_changed_letter_of_evidence_is_noticed() {
    let saved = saved();
    let whole = format!(
        "{{revision:{},proof:{},digest:{{{{{}}}}},digestTipAddress:{}}}",
        saved.revision,
        saved.revision_proof.to_ion(),
        saved.digest.digest,
        saved.digest.digest_tip_address.to_ion()
    );
    assert_eq!(verify(&[(Role::Any, &whole)]), Ok(true));
    // No hash covers the block number of the digest's tip. The last letter of base64 has bits without meaning.
    let tip = whole.rfind("sequenceNo:6").unwrap() + "sequenceNo:".len();
    for at in (0..whole.len()).filter(|at| *at != tip && !whole[at + 1..].starts_with('=')) {
        let mut changed = whole.clone().into_bytes();
        changed[at] = match changed[at] {
            b'z' | b'Z' | b'9' => changed[at] - 1,
            byte if byte.is_ascii_alphanumeric() => byte + 1,
            _ => continue,
        };
        let changed = String::from_utf8(changed).unwrap();
        // A member with a misspelt name is ignored, and the step that needs it is reported as skipped.
        let input = Input { name: "file", role: Role::Any, bytes: changed.as_bytes() };
        let passed = verify_files(&[input], &[])
            .is_ok_and(|report| report.steps.iter().all(|step| step.outcome == Outcome::Passed));
        assert!(!passed, "{changed}");
    }
}

#[test]
fn binary_is_read_too() {
    let saved = saved();
    let mut bytes = [Vec::new(), Vec::new(), Vec::new()];
    OutputFormat::IonBinary.write(&saved.digest.to_ion(), &mut bytes[0]);
    OutputFormat::IonBinary.write(&saved.revision_proof.to_ion(), &mut bytes[1]);
    OutputFormat::IonBinary.write(&saved.revision, &mut bytes[2]);
    let roles = [Role::Digest, Role::Proof, Role::Revision];
    let inputs: Vec<Input<'_>> =
        roles.iter().zip(&bytes).map(|(&role, bytes)| Input { name: "file", role, bytes }).collect();
    assert!(verify_files(&inputs, &[]).unwrap().is_verified());
}
