//! A small export in QLDB's layout. Its audit has no finding. A list beside it has edits, each with the check that must
//! find it; some edits cannot be found by any check.

use everstrand_ion::{Data, Decimal, Document, Int, Timestamp, Value, binary, text};
use everstrand_journal::evidence::{Evidence, Input, Role};
use everstrand_journal::export::{
    ExportFiles, OutputFormat, StartedManifest, read_blocks, read_completed_manifest,
};
use everstrand_journal::{
    AuditSummary, Auditor, BlockAddress, Check, Deviation, Digest, Hash, Proof, SavedDigest, check_foreign,
    join, root, verify_files,
};
use everstrand_testkit::data::{files, vector};

struct Export {
    blocks: Vec<Value>,
    expected: Value,
    digests: Vec<SavedDigest>,
}

fn hash(value: &Value, name: &str) -> Hash {
    Hash::from_slice(value.get(name).unwrap().as_bytes().unwrap()).unwrap()
}

fn number(value: &Value, name: &str) -> u64 {
    u64::try_from(value.get(name).unwrap().as_i64().unwrap()).unwrap()
}

fn proof(value: &Value) -> Proof {
    let nodes = value.get("proof").unwrap().as_sequence().unwrap();
    Proof { nodes: nodes.iter().map(|node| Hash::from_slice(node.as_bytes().unwrap()).unwrap()).collect() }
}

fn export_files() -> ExportFiles {
    let files = files(&vector("synthetic-export/journalExport"));
    ExportFiles::sort(files.iter().map(|file| file.to_str().unwrap().to_owned()))
}

fn export() -> Export {
    let files = export_files();
    let expected = std::fs::read_to_string(vector("synthetic-export/expected.ion")).unwrap();
    let expected = text::read_one(&expected).unwrap();
    let mut blocks = Vec::new();
    for object in &files.data {
        let bytes = std::fs::read(&object.name).unwrap();
        blocks.extend(read_blocks(&bytes).unwrap().map(|block| block.unwrap().value.to_value()));
    }
    let strand_id = expected.get("strandId").unwrap().as_text().unwrap().parse().unwrap();
    let digests = expected.get("digests").unwrap().as_sequence().unwrap();
    let digests = digests.iter().map(|saved| SavedDigest {
        digest: Digest {
            digest: hash(saved, "digest"),
            digest_tip_address: BlockAddress { strand_id, sequence_no: number(saved, "tip") },
        },
        name: format!("digest of block {}", number(saved, "tip")),
        proof: None,
    });
    Export { blocks, digests: digests.collect(), expected }
}

fn audit(blocks: &[Value], digests: &[SavedDigest]) -> (AuditSummary, Vec<Deviation>) {
    let mut auditor = Auditor::new(digests.to_vec());
    let mut found = Vec::new();
    for block in blocks {
        let checked = check_foreign(Document::from(block).root(), None).unwrap();
        found.extend(auditor.block(checked));
    }
    let (summary, rest) = auditor.finish();
    found.extend(rest);
    (summary, found)
}

#[test]
fn the_export_is_clean() {
    let export = export();
    let (summary, found) = audit(&export.blocks, &export.digests);
    assert_eq!(found, []);
    assert!(summary.is_clean());
    assert_eq!((summary.blocks, summary.digests_matched.len()), (15, export.digests.len()));
}

#[test]
fn the_manifests() {
    let files = export_files();
    assert_eq!(
        (files.started.len(), files.completed.len(), files.proofs.len(), files.data.len()),
        (1, 1, 1, 3)
    );
    let started = StartedManifest::read(&std::fs::read(&files.started[0]).unwrap()).unwrap();
    assert_eq!(started.ledger_name, "synthetic");
    assert_eq!(started.output_format, Some(OutputFormat::IonText));
    assert_eq!(started.to_ion().to_string(), std::fs::read_to_string(&files.started[0]).unwrap().trim());
    let keys = read_completed_manifest(&std::fs::read(&files.completed[0]).unwrap()).unwrap();
    assert_eq!(keys.len(), 3);
    assert!(files.missing(&keys).is_empty());
    let first: Vec<u64> = files.data.iter().map(|object| object.first).collect();
    assert_eq!(first, [0, 7, 10]);
    let short = ExportFiles { data: files.data[1..].to_vec(), ..files.clone() };
    assert_eq!(short.missing(&keys), [keys[0].as_str()]);
}

#[test]
fn the_proofs_beside_it() {
    let export = export();
    let digest_of = |tip: u64| {
        let saved = export.digests.iter().find(|saved| saved.digest.digest_tip_address.sequence_no == tip);
        saved.unwrap().digest.digest
    };
    for sample in export.expected.get("revision_proofs").unwrap().as_sequence().unwrap() {
        let block = &export.blocks[usize::try_from(number(sample, "block")).unwrap()];
        let index = usize::try_from(number(sample, "revision_index")).unwrap();
        let revision = &block.get("revisions").unwrap().as_sequence().unwrap()[index];
        assert_eq!(hash(revision, "hash"), hash(sample, "revision_hash"));
        assert_eq!(proof(sample).fold(hash(revision, "hash")), digest_of(number(sample, "tip")));
    }
    for sample in export.expected.get("block_proofs").unwrap().as_sequence().unwrap() {
        assert_eq!(proof(sample).fold(hash(sample, "block_hash")), digest_of(number(sample, "tip")));
    }
}

#[test]
fn the_migration_kits_proof_file() {
    let export = export();
    let files = export_files();
    let bytes = std::fs::read(&files.proofs[0]).unwrap();
    let saved = Input { name: "proofs.json", role: Role::Any, bytes: &bytes };
    let last = export.blocks.last().unwrap().to_string();
    let block = Input { name: "block.ion", role: Role::Block, bytes: last.as_bytes() };
    let report = verify_files(&[saved, block], &[]).unwrap();
    assert!(report.is_verified(), "{report}");
    let digest = Evidence::read(&[saved]).unwrap().saved_digest("proofs.json").unwrap();
    assert_eq!(digest.proof.as_ref().unwrap().0, 14);
    let (summary, found) = audit(&export.blocks, std::slice::from_ref(&digest));
    assert_eq!((found, summary.digests_matched.len()), (vec![], 1));
    // The same holds if the export does not begin with block 0, so that its digest cannot be computed.
    let (summary, found) = audit(&export.blocks[7..], &[digest]);
    assert_eq!((found, summary.digests_matched.len()), (vec![], 1));
}

#[test]
fn a_journal_whose_end_was_cut_off_is_only_seen_beside_a_digest() {
    let export = export();
    assert_eq!(audit(&export.blocks[..12], &[]).1, []);
    let (summary, found) = audit(&export.blocks[..12], &export.digests);
    assert_eq!(found.iter().map(|deviation| deviation.check).collect::<Vec<_>>(), [Check::Digest]);
    assert_eq!(summary.last.unwrap().sequence_no, 11);
}

#[test]
fn all_formats_hold_the_same_blocks() {
    let export = export();
    for format in [OutputFormat::IonText, OutputFormat::IonBinary, OutputFormat::Json] {
        let mut bytes = Vec::new();
        export.blocks.iter().for_each(|block| format.write(block, &mut bytes));
        assert_eq!(OutputFormat::detect(&bytes), format);
        let again: Vec<Value> =
            read_blocks(&bytes).unwrap().map(|block| block.unwrap().value.to_value()).collect();
        if format == OutputFormat::Json {
            let (summary, found) = audit(&again, &export.digests);
            let only_data = found.iter().all(|deviation| deviation.check == Check::RevisionHash);
            assert!(only_data, "{found:?}");
            assert_eq!(summary.digests_matched.len(), export.digests.len());
        } else {
            assert_eq!(again, export.blocks);
        }
    }
}

/// The value at a path of field names and indexes.
fn at<'a>(value: &'a mut Value, path: &[&str]) -> &'a mut Value {
    path.iter().fold(value, |value, step| match &mut value.data {
        Data::Struct(fields) => {
            let field = fields.fields_mut().iter_mut().find(|(name, _)| name.text() == Some(step));
            &mut field.unwrap().1
        }
        Data::List(items) => &mut items[step.parse::<usize>().unwrap()],
        _ => panic!("{step} of a scalar"),
    })
}

fn flip(value: &mut Value) {
    let Data::Blob(bytes) = &mut value.data else { panic!("a blob was expected") };
    bytes[7] ^= 1;
}

/// The edits in the vectors, in their order: what each does, and the checks that must find it. No check can find an edit
/// with an empty list.
#[test]
fn every_listed_edit() {
    let export = export();
    let listed: Vec<String> = export
        .expected
        .get("tampering")
        .unwrap()
        .as_sequence()
        .unwrap()
        .iter()
        .map(|sample| sample.get("edit").unwrap().as_text().unwrap().to_owned())
        .collect();
    type Edit = (&'static str, fn(&mut Vec<Value>), &'static [Check]);
    let edits: [Edit; 12] = [
        (
            "block 5, revisions[0].data.balance 75.25 -> 75.250",
            |blocks| {
                let balance = at(&mut blocks[5], &["revisions", "0", "data", "balance"]);
                assert_eq!(balance.to_string(), "75.25");
                *balance = Decimal::new(75_250i64, -3).into();
            },
            &[Check::RevisionHash],
        ),
        (
            "block 5, revisions[0].metadata.version 1 -> 2",
            |blocks| *at(&mut blocks[5], &["revisions", "0", "metadata", "version"]) = Int::from(2i64).into(),
            &[Check::RevisionHash],
        ),
        (
            "block 4, transactionInfo.statements[0].startTime + 1 ms",
            |blocks| {
                let time = at(&mut blocks[4], &["transactionInfo", "statements", "0", "startTime"]);
                let Data::Timestamp(start) = &time.data else { panic!("a timestamp was expected") };
                *time = Timestamp::from_unix_millis(start.unix_millis() + 1).into();
            },
            &[Check::TransactionInfo],
        ),
        (
            "block 2, one bit of dataHash",
            |blocks| flip(at(&mut blocks[2], &["revisions", "0", "dataHash"])),
            &[Check::RevisionHash],
        ),
        (
            "block 9, redactionInfo.revisions[0].version 0 -> 1",
            |blocks| {
                *at(&mut blocks[9], &["redactionInfo", "revisions", "0", "version"]) = Int::from(1i64).into()
            },
            &[Check::RedactionInfo],
        ),
        ("remove block 8", |blocks| drop(blocks.remove(8)), &[Check::BlockNumber, Check::PreviousBlockHash]),
        (
            "block 7, swap revisions[1] and revisions[2]",
            |blocks| swap(&mut blocks[7], 1, 2),
            &[Check::RevisionsRoot],
        ),
        ("block 7, swap revisions[0] and revisions[1]", |blocks| swap(&mut blocks[7], 0, 1), &[]),
        (
            "block 7, revisions[1].data.y 2025T -> 2025-01T",
            |blocks| {
                let year = at(&mut blocks[7], &["revisions", "1", "data", "y"]);
                assert_eq!(year.to_string(), "2025T");
                *year = text::read_one("2025-01T").unwrap();
            },
            &[Check::RevisionHash],
        ),
        (
            "block 7, reorder the fields of revisions[2].data",
            |blocks| {
                let Data::Struct(fields) = &mut at(&mut blocks[7], &["revisions", "2", "data"]).data else {
                    panic!("a struct was expected")
                };
                assert!(fields.len() > 1);
                fields.fields_mut().reverse();
            },
            &[],
        ),
        (
            "last block: change blockHash and nothing else",
            |blocks| flip(at(&mut blocks[14], &["blockHash"])),
            &[Check::BlockHash, Check::Digest],
        ),
        (
            "last block: change one system hash in entriesHashList and recompute entriesHash and blockHash",
            |blocks| {
                let block = &mut blocks[14];
                flip(at(block, &["entriesHashList", "0"]));
                let entries = block.get("entriesHashList").unwrap().as_sequence().unwrap();
                let entries: Vec<Option<Hash>> =
                    entries.iter().map(|entry| Hash::from_slice(entry.as_bytes().unwrap())).collect();
                let entries_hash = root(&entries);
                let block_hash = join(entries_hash, Some(hash(block, "previousBlockHash")));
                let blob = |hash: Option<Hash>| Value::new(Data::Blob(hash.unwrap().0.to_vec()));
                *at(block, &["entriesHash"]) = blob(entries_hash);
                *at(block, &["blockHash"]) = blob(block_hash);
            },
            &[Check::Digest],
        ),
    ];
    assert_eq!(listed, edits.iter().map(|(edit, ..)| (*edit).to_owned()).collect::<Vec<_>>());
    for (edit, apply, expected) in edits {
        let mut blocks = export.blocks.clone();
        apply(&mut blocks);
        let (summary, found) = audit(&blocks, &export.digests);
        let mut checks: Vec<Check> = summary.deviations.keys().copied().collect();
        checks.retain(|check| *check != Check::Digest || expected.contains(check));
        assert_eq!(checks, expected, "{edit}: {found:?}");
    }
}

fn swap(block: &mut Value, a: usize, b: usize) {
    let Data::List(revisions) = &mut at(block, &["revisions"]).data else { panic!("a list was expected") };
    revisions.swap(a, b);
}

#[test]
fn binary_and_text_have_the_same_hashes() {
    let export = export();
    for block in &export.blocks {
        let again = binary::read_one(&binary::write(block)).unwrap();
        assert_eq!(everstrand_ion::ion_hash(&again), everstrand_ion::ion_hash(block));
    }
}
