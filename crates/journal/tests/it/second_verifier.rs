//! The verifier in Python, which was written from the documentation, gives the same verdicts as this crate.
//!
//! Skipped where there is no `python3`. `EVERSTRAND_RANDOM_LEDGERS=10000` makes it as many as wanted.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use everstrand_ion::Value;
use everstrand_journal::evidence::{Input, Role};
use everstrand_journal::export::{OutputFormat, catalog_entry};
use everstrand_journal::tree::{
    TileKey, TileReader, Tiles, block_path, consistency, root_at, verify_consistency,
};
use everstrand_journal::{
    Block, BlockAddress, Digest, Hash, ProposedTransaction, Seal, Slot, StoredRevision, verify_files,
};
use everstrand_testkit::Random;
use everstrand_testkit::data::evidence;

use crate::addition::{additions, after, begun, seal, void};
use crate::samples::{START, blocks, chain, id, revision, slots, statement};

everstrand_testkit::ignored_without_python!(
    the_second_verifier_audits_a_data_directory,
    the_second_verifier_reads_additions,
    the_second_verifier_audits_an_export_made_here,
    both_verifiers_agree_on_random_ledgers,
    both_verifiers_agree_on_what_continues_what,
);
everstrand_testkit::ignored_without_evidence!(the_second_verifier_holds_all_vectors);

fn verifier(script: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/verifier").join(script);
    let mut command = Command::new("python3");
    command.arg(path);
    command
}

fn run(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), text)
}

#[derive(Default)]
struct Store(std::collections::BTreeMap<TileKey, Vec<u8>>);

impl TileReader for Store {
    type Error = std::convert::Infallible;

    fn read(&self, key: TileKey) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(self.0.get(&key).cloned())
    }
}

fn random_blocks(numbers: &mut Random) -> Vec<Block> {
    let data = [
        "{a:1,b:\"x\\n\"}",
        "[1.50, -0., 2d3, 1e300, nan]",
        "{t:2020-02-29T23:59:59.999+01:00,d:2021-01T,n:null.clob}",
        "x::(a b {{\"clob\"}} {{aGVsbG8=}})",
        "{'\\u2603':'''long''',big:123456789012345678901234567890,neg:-1}",
        "false",
    ];
    let transactions: Vec<ProposedTransaction> = (0..numbers.below(12))
        .map(|_| {
            let mut documents: Vec<u8> = (0..numbers.below(6)).map(|_| numbers.byte()).collect();
            documents.sort_unstable();
            documents.dedup();
            let revisions = documents.into_iter().map(|document| {
                let picked = usize::try_from(numbers.below(7)).unwrap();
                revision(document, numbers.below(300), data.get(picked).copied())
            });
            ProposedTransaction {
                revisions: revisions.collect(),
                transaction_id: id(numbers.byte()),
                transaction_time: START + i64::try_from(numbers.below(100_000)).unwrap(),
                statements: vec![statement("UPDATE t SET a = ?", &["1"], START)],
                ..Default::default()
            }
        })
        .collect();
    chain(&transactions)
}

fn revision_line(block: &Block, revision: &StoredRevision<'_>, digest: &Digest, nodes: &[Hash]) -> String {
    let revision = block.revision(revision).unwrap().to_ion();
    format!("revision:{revision},{}", proof_members(digest, nodes))
}

fn proof_members(digest: &Digest, nodes: &[Hash]) -> String {
    let nodes: Vec<String> = nodes.iter().map(|node| format!("{{{{{node}}}}}")).collect();
    let tip = digest.digest_tip_address.to_ion();
    format!("digest:{{{{{}}}}},digestTipAddress:{tip},proof:[{}]", digest.digest, nodes.join(","))
}

/// Lines of evidence, right and wrong, each with the verdict of this crate.
fn lines(ledgers: u64) -> String {
    let mut numbers = Random::new(ledgers);
    let mut lines = String::new();
    for _ in 0..ledgers {
        let blocks = random_blocks(&mut numbers);
        let mut store = Store::default();
        let mut tiles = Tiles::new();
        for block in &blocks {
            store.0.extend(tiles.append(block.hash()).into_iter().map(|write| (write.key, write.value)));
        }
        let size = u64::try_from(blocks.len()).unwrap();
        let number = numbers.below(size);
        let tip = number + numbers.below(size - number);
        let block = &blocks[usize::try_from(number).unwrap()];
        let digest = Digest {
            digest: root_at(&store, size, tip).unwrap(),
            digest_tip_address: blocks[usize::try_from(tip).unwrap()].address(),
        };
        let path = block_path(&store, size, number, tip).unwrap().nodes;
        let mut evidence =
            vec![format!("block:{},{}", block.to_ion().unwrap(), proof_members(&digest, &path))];
        for revision in block.revisions() {
            let mut nodes = block.revision_path(revision.document_id).unwrap().unwrap();
            nodes.extend(&path);
            evidence.push(revision_line(block, &revision, &digest, &nodes));
        }
        for whole in evidence {
            let mut spoilt = whole.clone().into_bytes();
            let at = usize::try_from(numbers.below(u64::try_from(spoilt.len()).unwrap())).unwrap();
            if spoilt[at].is_ascii_digit() {
                spoilt[at] = if spoilt[at] == b'9' { b'8' } else { spoilt[at] + 1 };
            } else if spoilt[at].is_ascii_lowercase() {
                spoilt[at] = if spoilt[at] == b'z' { b'y' } else { spoilt[at] + 1 };
            }
            for line in [whole, String::from_utf8(spoilt).unwrap_or_default()] {
                let text = format!("{{{line}}}");
                let input = Input { name: "line", role: Role::Any, bytes: text.as_bytes() };
                // Evidence that one verifier cannot use at all is left out, because it has no verdict.
                if let Ok(report) = verify_files(&[input], &[]) {
                    writeln!(lines, "{{expect:{},{line}}}", report.is_verified()).unwrap();
                }
            }
        }
    }
    lines
}

fn both_verifiers_agree_on_random_ledgers() {
    let mut command = verifier("verify.py");
    let wanted = std::env::var("EVERSTRAND_RANDOM_LEDGERS").ok().and_then(|ledgers| ledgers.parse().ok());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines.ion");
    let lines = lines(wanted.unwrap_or(100));
    assert!(lines.contains("{expect:true") && lines.contains("{expect:false"));
    std::fs::write(&file, lines).unwrap();
    let (code, output) = run(command.arg("lines").arg(&file));
    assert_eq!(code, 0, "{output}");
}

/// Pairs of digests with their proofs, right and wrong, each with the verdict of this crate.
fn pairs(count: u64) -> String {
    let mut numbers = Random::new(count);
    let mut lines = String::new();
    let leaves: Vec<Hash> = (0..300).map(|_| Hash(std::array::from_fn(|_| numbers.byte()))).collect();
    let mut store = Store::default();
    let mut tiles = Tiles::new();
    for leaf in &leaves {
        store.0.extend(tiles.append(*leaf).into_iter().map(|write| (write.key, write.value)));
    }
    for _ in 0..count {
        let new_tip = numbers.below(300);
        let old_tip = numbers.below(new_tip + 1);
        let [old, new] = [old_tip, new_tip].map(|tip| Digest {
            digest: root_at(&store, 300, tip).unwrap(),
            digest_tip_address: BlockAddress { strand_id: id(1), sequence_no: tip },
        });
        let whole = consistency(&store, 300, old_tip, new_tip).unwrap();
        let mut spoilt = whole.clone();
        match (numbers.below(4), spoilt.len() as u64) {
            (_, 0) | (0, _) => spoilt.push(leaves[0]),
            (1, _) => drop(spoilt.pop()),
            (2, length) => spoilt[usize::try_from(numbers.below(length)).unwrap()] = leaves[1],
            (_, length) => drop(spoilt.remove(usize::try_from(numbers.below(length)).unwrap())),
        }
        for nodes in [whole, spoilt] {
            let expect = verify_consistency(&old, &new, &nodes);
            let members = proof_members(&new, &nodes);
            writeln!(lines, "{{expect:{expect},old:{},new:{{{members}}}}}", old.to_ion()).unwrap();
        }
    }
    lines
}

fn both_verifiers_agree_on_what_continues_what() {
    let mut command = verifier("prefix.py");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines.ion");
    let lines = pairs(500);
    assert!(lines.matches("{expect:true").count() == 500 && lines.contains("{expect:false"));
    std::fs::write(&file, lines).unwrap();
    let (code, output) = run(command.arg("lines").arg(&file));
    assert_eq!(code, 0, "{output}");
}

fn the_second_verifier_holds_all_vectors() {
    let mut command = verifier("vectors.py");
    let file = evidence("02-streams-block-3.ion");
    let (code, output) = run(command.arg(file.parent().unwrap()));
    assert_eq!(code, 0, "{output}");
}

/// A segment file with these slots, as the documentation describes it.
fn segment(slots: &[Vec<u8>]) -> Vec<u8> {
    let nonce = 77u64.to_le_bytes();
    let mut bytes = b"evslots\npre-1\0\0\0".to_vec();
    bytes.extend(0u64.to_le_bytes());
    bytes.extend(nonce);
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes.resize(64, 0);
    for (number, body) in (0u64..).zip(slots) {
        let mut head = u32::try_from(body.len()).unwrap().to_le_bytes().to_vec();
        head.extend(number.to_le_bytes());
        head.extend(nonce);
        head.extend(crc32c::crc32c(body).to_le_bytes());
        head.extend(1u32.to_le_bytes());
        let checksum = crc32c::crc32c(&head).to_le_bytes();
        head.splice(4..4, checksum);
        bytes.extend(head);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes.resize(bytes.len() + 256, 0);
    bytes
}

fn audit(folder: &Path, digests: &[PathBuf]) -> (i32, String) {
    run(verifier("verify.py").arg("audit").arg(folder).args(digests))
}

fn the_second_verifier_audits_a_data_directory() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    std::fs::create_dir(&journal).unwrap();
    let segment_file = journal.join("0000000000000000.segment");
    let blocks = blocks();
    let slots = slots(&blocks, 3);
    let encoded: Vec<Vec<u8>> = slots.iter().map(|slot| slot.encode().unwrap()).collect();
    std::fs::write(&segment_file, segment(&encoded)).unwrap();
    let digest = Digest {
        digest: slots.last().unwrap().frontier().root().unwrap(),
        digest_tip_address: blocks.last().unwrap().address(),
    };
    let digest_file = folder.path().join("digest.ion");
    std::fs::write(&digest_file, digest.to_ion().to_string()).unwrap();
    let (code, output) = audit(&journal, std::slice::from_ref(&digest_file));
    assert_eq!((code, output.contains("7 blocks, 0 deviations")), (0, true), "{output}");
    assert!(output.contains(&digest.digest.to_string()), "{output}");

    // Redacted, cut off, and changed with repaired checksums.
    let redacted: Vec<Vec<u8>> =
        slots.iter().map(|slot| slot.redacted(&[(2, id(10))]).unwrap().encode().unwrap()).collect();
    assert_ne!(redacted, encoded);
    std::fs::write(&segment_file, segment(&redacted)).unwrap();
    assert_eq!(audit(&journal, std::slice::from_ref(&digest_file)).0, 0);
    std::fs::write(&segment_file, segment(&encoded[..2])).unwrap();
    assert_eq!(audit(&journal, &[]).0, 0, "nothing inside a journal shows that its end is missing");
    assert_eq!(audit(&journal, std::slice::from_ref(&digest_file)).0, 1);
    let mut changed = encoded;
    let text = b"SELECT * FROM People";
    let at = changed[1].windows(text.len()).position(|window| window == text).unwrap();
    changed[1][at] = b'T';
    let block_start =
        changed[1].len() - slots[1].blocks().iter().map(|block| block.as_bytes().len()).sum::<usize>();
    let frame = usize::try_from(u32::from_le_bytes(
        changed[1][block_start + 12..block_start + 16].try_into().unwrap(),
    ));
    let end = block_start + frame.unwrap() - 4;
    let checksum = crc32c::crc32c(&changed[1][block_start..end]).to_le_bytes();
    changed[1][end..end + 4].copy_from_slice(&checksum);
    assert!(Slot::decode(changed[1].clone()).is_ok(), "only hashes show it");
    std::fs::write(&segment_file, segment(&changed)).unwrap();
    let (code, output) = audit(&journal, &[]);
    assert_eq!((code, output.contains("block 3: blockHash")), (1, true), "{output}");
}

fn the_second_verifier_reads_additions() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("0000000000000000.segment");
    let judge = |slots: &[&Slot]| {
        let encoded: Vec<Vec<u8>> = slots.iter().map(|slot| slot.encode().unwrap()).collect();
        std::fs::write(&file, segment(&encoded)).unwrap();
        audit(folder.path(), &[])
    };
    let (first, rest) = begun();
    for (name, addition) in additions() {
        for blocks in [&rest[..0], &rest[..2]] {
            let slot = after(&first, blocks, Some(addition.clone()));
            let (code, output) = judge(&[&first, &slot]);
            let expected = format!("{} blocks, 0 deviations", 3 + blocks.len());
            assert_eq!((code, output.contains(&expected)), (0, true), "{name}: {output}");
        }
    }
    let alone = after(&first, &[], Some(void(&[104])));
    let later = after(&alone, &rest, None);
    let (code, output) = judge(&[&first, &alone, &later]);
    assert_eq!((code, output.contains("block 4: void\n7 blocks, 1 deviations")), (1, true), "{output}");
    let beside = after(&first, &rest, Some(void(&[104])));
    assert!(judge(&[&first, &beside]).1.contains("block 4: void\n"));
    let sealing = after(&first, &[], Some(seal(Seal::Deleted)));
    let (code, output) = judge(&[&first, &sealing, &after(&sealing, &rest, None)]);
    assert_eq!((code, output.contains("slot 2: seal\n7 blocks, 1 deviations")), (1, true), "{output}");

    // Another addition of the same length, with a repaired checksum: the link shows it.
    let mut changed = alone.encode().unwrap();
    let at = changed.windows(22).position(|window| window == id(104).to_text()).unwrap();
    changed[at..at + 22].copy_from_slice(&id(105).to_text());
    let end = changed.len() - 4;
    let checksum = crc32c::crc32c(&changed[..end]).to_le_bytes();
    changed[end..].copy_from_slice(&checksum);
    std::fs::write(&file, segment(&[first.encode().unwrap(), changed])).unwrap();
    let (code, output) = audit(folder.path(), &[]);
    assert_eq!((code, output.contains("slot 1: link")), (1, true), "{output}");
}

fn the_second_verifier_audits_an_export_made_here() {
    let blocks = blocks();
    for format in [OutputFormat::IonText, OutputFormat::IonBinary] {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, values: Vec<Value>| {
            let mut bytes = Vec::new();
            values.iter().for_each(|value| format.write(value, &mut bytes));
            std::fs::write(folder.path().join(name), bytes).unwrap();
        };
        let shapes: Vec<Value> = blocks.iter().map(|block| block.to_ion().unwrap()).collect();
        let strand = id(1);
        write(&format!("{strand}.0-3.ion"), shapes[..4].to_vec());
        write(&format!("{strand}.4-6.ion"), shapes[4..].to_vec());
        let changes =
            blocks.iter().map(|block| (block.address().sequence_no, block.catalog_changes().unwrap()));
        let catalog = changes.filter(|(_, changes)| !changes.is_empty());
        write(
            "e.s.catalogue.ion",
            catalog.map(|(number, changes)| catalog_entry(number, &changes)).collect(),
        );
        let (code, output) = audit(folder.path(), &[]);
        assert_eq!(code, 0, "{output}");
        write("e.s.catalogue.ion", vec![catalog_entry(1, &[])]);
        let (code, output) = audit(folder.path(), &[]);
        assert_eq!((code, output.contains("block 1: system hashes")), (1, true), "{output}");
    }
}
