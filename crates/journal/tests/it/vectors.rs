//! Real blocks, revisions, digests and proofs, which are not part of the repository, and synthetic ones, which are.

use std::collections::BTreeMap;
use std::path::PathBuf;

use everstrand_ion::{Document, Value, text};
use everstrand_journal::evidence::{Input, Role};
use everstrand_journal::tree::{Frontier, path_length};
use everstrand_journal::{
    BlockAddress, Check, Hash, Proof, check_foreign, check_revision, join, root, statement_digest,
    verify_files,
};
use everstrand_testkit::data::{evidence, vector};

everstrand_testkit::ignored_without_evidence!(
    a_real_block_and_its_edited_revision,
    every_changed_part_of_a_real_block_is_reported,
    real_receipts_verify,
    the_real_receipts_of_one_ledger_agree,
    a_real_revision_with_its_proof_in_ion_text_members,
    real_revisions,
    the_shape_of_a_redacted_revision,
    statement_digests,
);

fn read(file: PathBuf) -> Value {
    text::read_one(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_sequence).unwrap()
}

fn hash(value: &Value, name: &str) -> Hash {
    maybe_hash(value, name).unwrap()
}

fn maybe_hash(value: &Value, name: &str) -> Option<Hash> {
    Hash::from_slice(value.get(name).unwrap().as_bytes().unwrap())
}

fn nodes(value: &Value) -> Vec<Hash> {
    value
        .as_sequence()
        .unwrap()
        .iter()
        .map(|node| Hash::from_slice(node.as_bytes().unwrap()).unwrap())
        .collect()
}

fn revision_is_whole(revision: &Value) -> bool {
    check_revision(Document::from(revision).root()).unwrap().is_ok()
}

fn sample_is_whole(expected: bool, revisions: &[Value]) {
    assert!(!revisions.is_empty());
    for revision in revisions {
        assert_eq!(revision_is_whole(revision), expected, "{revision}");
    }
}

fn a_real_block_and_its_edited_revision() {
    let vector = read(evidence("02-streams-block-3.ion"));
    let payload = |name: &str| vector.get(name).unwrap().get("payload").unwrap().clone();
    let block = payload("block_summary");
    let checked = check_foreign(Document::from(&block).root(), None).unwrap();
    assert_eq!(checked.deviations, []);
    assert_eq!(checked.address.sequence_no, 3);
    assert_eq!(checked.shape.revisions_root_at, Some(1));
    assert_eq!(checked.shape.transaction_info_at, Some(3));
    let statements = items(block.get("transactionInfo").unwrap(), "statements");
    let said = statements[0].get("statement").unwrap().as_text().unwrap();
    assert_eq!(statement_digest(said, &[]), hash(&statements[0], "statementDigest"));

    let revision = |name: &str| payload(name).get("revision").unwrap().clone();
    assert!(revision_is_whole(&revision("revision_details_original")));
    let edited = vector.as_struct().unwrap().iter().find(|(name, value)| {
        name.text().unwrap().starts_with("revision_details")
            && name.text() != Some("revision_details_original")
            && value.get("payload").is_some()
    });
    let edited = edited.unwrap().1.get("payload").unwrap().get("revision").unwrap();
    assert!(!revision_is_whole(edited));
}

fn every_changed_part_of_a_real_block_is_reported() {
    let vector = read(evidence("02-streams-block-3.ion"));
    let block = vector.get("block_summary").unwrap().get("payload").unwrap().to_string();
    let edits = [
        ("Testing new 600", "Testing new 601", Check::TransactionInfo),
        ("startTime:2019-12-11T07:20:51.223Z", "startTime:2019-12-11T07:20:51.224Z", Check::TransactionInfo),
        ("LmcGQjLlfScQQxbz", "LmcGQjLlfScQQxba", Check::EntriesHash),
        ("entriesHash:{{RNGQGc", "entriesHash:{{RNGQGd", Check::EntriesHash),
        ("blockHash:{{lu425d", "blockHash:{{lu425e", Check::BlockHash),
        ("previousBlockHash:{{pV28as", "previousBlockHash:{{pV28at", Check::BlockHash),
        ("{hash:{{vJFOcsNRM14g", "{hash:{{vJFOcsNRM14h", Check::RevisionsRoot),
    ];
    for (from, to, check) in edits {
        assert!(block.contains(from), "{from}");
        let changed = text::read_one(&block.replacen(from, to, 1)).unwrap();
        let checked = check_foreign(Document::from(&changed).root(), None).unwrap();
        assert!(
            checked.deviations.iter().any(|deviation| deviation.check == check),
            "{to}: {:?}",
            checked.deviations
        );
    }
}

fn real_receipts_verify() {
    let vector = read(evidence("03-qldb-rest-api.ion"));
    let receipts = items(&vector, "receipts");
    assert_eq!(receipts.len(), 4);
    for receipt in receipts {
        let text = |name: &str| receipt.get(name).unwrap().to_string();
        let proof_text = receipt.get("proof_ion_text").unwrap().as_text().unwrap();
        let saved = format!(
            "{{blockAddress:{},digestTipAddress:{},digest:{},revisionHash:{},proof:{proof_text}}}",
            text("block_address"),
            text("digest_tip_address"),
            text("digest"),
            text("revision_hash")
        );
        let input = Input { name: "receipt", role: Role::Any, bytes: saved.as_bytes() };
        let report = verify_files(&[input], &[]).unwrap();
        assert!(report.is_verified(), "{report}");

        let expect = receipt.get("expect").unwrap();
        let proof = nodes(&text::read_one(proof_text).unwrap());
        let in_block = usize::try_from(expect.get("in_block_nodes").unwrap().as_i64().unwrap()).unwrap();
        let start = hash(receipt, "revision_hash");
        let block_hash = Proof { nodes: proof[..in_block].to_vec() }.fold(start);
        assert_eq!(block_hash, hash(expect, "block_hash"));
        let address = BlockAddress::try_from(receipt.get("block_address").unwrap()).unwrap();
        let tip = BlockAddress::try_from(receipt.get("digest_tip_address").unwrap()).unwrap();
        assert_eq!(path_length(address.sequence_no, tip.sequence_no), proof.len() - in_block);

        let changed = saved.replacen("revisionHash:{{", "revisionHash:{{AAAA", 1);
        let input = Input { name: "receipt", role: Role::Any, bytes: changed.as_bytes() };
        assert!(verify_files(&[input], &[]).is_err(), "a hash of another length is unusable");
        let mut other = start;
        other.0[5] ^= 1;
        let changed = saved.replacen(&start.to_string(), &other.to_string(), 1);
        let input = Input { name: "receipt", role: Role::Any, bytes: changed.as_bytes() };
        assert!(!verify_files(&[input], &[]).unwrap().is_verified());
    }
    sample_is_whole(true, items(&vector, "revisions"));
}

fn the_real_receipts_of_one_ledger_agree() {
    let vector = read(evidence("03-qldb-rest-api.ion"));
    let cross = vector.get("expect_cross").unwrap();
    let proof = |number: usize| {
        let text = items(&vector, "receipts")[number].get("proof_ion_text").unwrap().as_text().unwrap();
        nodes(&text::read_one(text).unwrap())
    };
    let (of_19, of_30) = (proof(0), proof(2));
    assert_eq!(of_19[2], hash(cross, "block_hash_18"));
    assert_eq!(of_19[3], of_19[2], "the block before an odd block is its neighbour in the tree too");
    assert!(of_19.contains(&hash(cross, "root_of_leaves_24_31")));
    assert!(of_30.contains(&hash(cross, "root_of_leaves_16_23")));
    assert!(
        of_19.contains(&hash(cross, "root_of_leaves_0_15"))
            && of_30.contains(&hash(cross, "root_of_leaves_0_15"))
    );
}

fn a_real_revision_with_its_proof_in_ion_text_members() {
    let vector = read(evidence("06-just4give.ion"));
    let member = |name: &str| vector.get(name).unwrap().as_text().unwrap();
    let expect = vector.get("expect").unwrap();
    let folded = hash(expect, "folded_root");
    let saved = format!(
        "{{\"Digest\":\"{folded}\",\"DigestTipAddress\":{{\"IonText\":\"{{strandId:\\\"BfvSL5DYUKE3spPDrWewCC\\\",sequenceNo:300}}\"}},\
         \"Revision\":{{\"IonText\":{:?}}},\"Proof\":{{\"IonText\":{:?}}}}}",
        member("revision_ion_text"),
        member("proof_ion_text")
    );
    let input = Input { name: "answer.json", role: Role::Any, bytes: saved.as_bytes() };
    let report = verify_files(&[input], &[]).unwrap();
    assert!(report.is_verified(), "{report}");
    let changed = saved.replacen("scanned", "scanner", 1);
    let input = Input { name: "answer.json", role: Role::Any, bytes: changed.as_bytes() };
    assert!(!verify_files(&[input], &[]).unwrap().is_verified());
}

fn real_revisions() {
    let vector = read(evidence("07-qldbguide-orders.ion"));
    sample_is_whole(true, std::slice::from_ref(vector.get("revision").unwrap()));
    let vector = read(evidence("09-qldb-wallet.ion"));
    sample_is_whole(true, items(&vector, "real"));
    sample_is_whole(false, items(&vector, "edited"));
    let vector = read(evidence("10-mini-driver-binary.ion"));
    let binary = vector.get("ion_binary").unwrap().as_bytes().unwrap();
    let row = Document::from_binary(binary).unwrap();
    assert_eq!(&row.to_value(), vector.get("decoded").unwrap());
    assert!(check_revision(row.root()).unwrap().is_err());
}

fn the_shape_of_a_redacted_revision() {
    let vector = read(evidence("13-redaction-blog.ion"));
    let (before, after) = (vector.get("before").unwrap(), vector.get("after").unwrap());
    assert_eq!(hash(before, "hash"), hash(after, "hash"));
    let fields: Vec<&str> = items(after, "fields").iter().map(|field| field.as_text().unwrap()).collect();
    assert_eq!(fields, ["blockAddress", "hash", "dataHash", "metadata"]);
}

fn statement_digests() {
    let vector = read(evidence("08-statement-digests.ion"));
    for sample in vector.as_sequence().unwrap() {
        let parameters: Vec<Document> = items(sample, "parameters").iter().map(Document::from).collect();
        let said = sample.get("statement").unwrap().as_text().unwrap();
        assert_eq!(statement_digest(said, &parameters), hash(sample, "statementDigest"), "{said}");
    }
}

#[test]
fn roots_and_paths() {
    use sha2::{Digest as _, Sha256};
    let vector = read(vector("14-merkle-shapes-synthetic.ion"));
    let leaf = |number: u32| Hash(Sha256::digest(number.to_be_bytes()).into());
    let number =
        |sample: &Value, name: &str| u32::try_from(sample.get(name).unwrap().as_i64().unwrap()).unwrap();
    let mut roots = BTreeMap::new();
    for sample in items(&vector, "roots") {
        let size = number(sample, "n");
        let leaves: Vec<Hash> = (0..size).map(leaf).collect();
        let mut frontier = Frontier::empty();
        leaves.iter().for_each(|&leaf| frontier.push(leaf));
        assert_eq!(root(&leaves), Some(hash(sample, "root")), "{size} leaves");
        assert_eq!(frontier.root(), Some(hash(sample, "root")), "{size} leaves");
        roots.insert(size, hash(sample, "root"));
    }
    for sample in items(&vector, "proofs") {
        let (size, index) = (number(sample, "n"), number(sample, "i"));
        let proof = Proof { nodes: nodes(sample.get("proof").unwrap()) };
        assert_eq!(proof.nodes.len(), path_length(u64::from(index), u64::from(size - 1)));
        let leaves: Vec<Hash> = (0..size).map(leaf).collect();
        assert_eq!(proof.fold(leaf(index)), root(&leaves).unwrap(), "leaf {index} of {size}");
        assert!(roots.get(&size).is_none_or(|&known| known == root(&leaves).unwrap()));
    }
}

#[test]
fn joins_of_two_hashes() {
    let vector = read(vector("15-dot-synthetic.ion"));
    for sample in vector.as_sequence().unwrap() {
        let (a, b) = (maybe_hash(sample, "a"), maybe_hash(sample, "b"));
        assert_eq!(join(a, b), maybe_hash(sample, "dot"), "{sample}");
        assert_eq!(join(b, a), maybe_hash(sample, "dot"), "{sample}");
    }
}

#[test]
fn hashes_of_values_at_the_edges() {
    let vector = read(vector("16-ion-hash-edge-cases.ion"));
    for sample in vector.as_sequence().unwrap() {
        let ion = sample.get("text").unwrap().as_text().unwrap();
        let value = text::read_one(ion).unwrap();
        assert_eq!(Hash(everstrand_ion::ion_hash(&value)), hash(sample, "sha256"), "{ion}");
        assert_eq!(Hash(Document::from(&value).ion_hash()), hash(sample, "sha256"), "{ion}");
    }
}
