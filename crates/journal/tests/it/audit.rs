//! Audits of our own journals. Every change of bytes that a hash covers is found, even if the checksums were repaired.

use std::num::NonZeroUsize;

use everstrand_ion::{Document, Timestamp};
use everstrand_journal::export::{
    ExportFiles, OutputFormat, StartedManifest, read_blocks, read_catalog, read_completed_manifest,
};
use everstrand_journal::hashes_only::{OpenQuestion, answers, describe};
use everstrand_journal::tree::Frontier;
use everstrand_journal::{
    AuditSummary, Auditor, Block, CatalogChange, Check, CheckedBlock, Deviation, Digest, ExportWriter,
    ForeignBlock, FormatError, Hash, JournalBlock, SavedDigest, Slot, SlotContent, SlotHeader, audit_slots,
    check_block, check_foreign,
};

use crate::samples::{START, blocks, id, slots};

fn audit(slots: &[Slot], digests: Vec<SavedDigest>) -> (AuditSummary, Vec<Deviation>) {
    let mut auditor = Auditor::new(digests);
    let mut found: Vec<Deviation> = slots.iter().flat_map(|slot| auditor.slot(slot)).collect();
    let (summary, rest) = auditor.finish();
    found.extend(rest);
    (summary, found)
}

fn saved(blocks: &[Block]) -> SavedDigest {
    let mut frontier = Frontier::empty();
    blocks.iter().for_each(|block| frontier.push(block.hash()));
    let digest = frontier.root().unwrap();
    let digest_tip_address = blocks.last().unwrap().address();
    SavedDigest { digest: Digest { digest, digest_tip_address }, name: "digest".to_owned(), proof: None }
}

#[test]
fn a_journal_made_here_is_clean() {
    let blocks = blocks();
    for group in 1..=blocks.len() {
        let (summary, found) = audit(&slots(&blocks, group), vec![saved(&blocks), saved(&blocks[..3])]);
        assert_eq!(found, []);
        assert_eq!((summary.blocks, summary.revisions, summary.digests_matched.len()), (7, 5, 2));
        assert_eq!(summary.digest, Some(saved(&blocks).digest));
    }
}

#[test]
fn an_audit_goes_on_where_another_one_stopped() {
    let blocks = blocks();
    let slots = slots(&blocks, 2);
    let mut first = Auditor::new([]);
    assert!(first.slot(&slots[0]).is_empty());
    let tip = slots[0].blocks().last().unwrap();
    let mut rest = Auditor::resume([saved(&blocks)], tip.address(), tip.hash(), slots[0].frontier().clone());
    let found: Vec<Deviation> = slots[1..].iter().flat_map(|slot| rest.slot(slot)).collect();
    assert_eq!(found, []);
    assert_eq!(rest.finish().0.digests_matched, ["digest"]);
}

#[test]
fn slots_are_audited_side_by_side_as_one_by_one() {
    let blocks = blocks();
    let mut encoded: Vec<Result<Vec<u8>, FormatError>> =
        slots(&blocks, 1).iter().map(|slot| Ok(slot.encode().unwrap())).collect();
    let run = |slots: Vec<Result<Vec<u8>, FormatError>>, workers: usize| {
        let mut auditor = Auditor::new([saved(&blocks)]);
        let mut found = Vec::new();
        let workers = NonZeroUsize::new(workers).unwrap();
        audit_slots(&mut auditor, slots, workers, |_, deviations| found.extend(deviations));
        let (summary, rest) = auditor.finish();
        found.extend(rest);
        (summary, found)
    };
    for workers in 1..5 {
        let (summary, found) = run(encoded.clone(), workers);
        assert_eq!((found, summary.slots, summary.digests_matched.len()), (vec![], 7, 1));
    }
    encoded[3].as_mut().unwrap()[200] ^= 1;
    let (summary, found) = run(encoded, 2);
    assert_eq!(found[0].check, Check::Encoding, "{found:?}");
    assert_eq!((found[0].block_no, summary.blocks), (Some(3), 6));
}

#[test]
fn an_export_is_written_read_and_audited() {
    let blocks = blocks();
    for format in [None, Some(OutputFormat::IonBinary), Some(OutputFormat::Json)] {
        let time = Timestamp::from_unix_millis(START);
        let manifest = StartedManifest {
            ledger_name: "people".to_owned(),
            export_id: id(50).to_string(),
            inclusive_start_time: time.clone(),
            exclusive_end_time: time.clone(),
            bucket: "folder".to_owned(),
            prefix: "exports/".to_owned(),
            object_encryption_type: "NO_ENCRYPTION".to_owned(),
            output_format: format,
        };
        let mut writer = ExportWriter::new(manifest.clone(), id(1), time, 3000);
        let mut objects = vec![writer.started()];
        for block in &blocks {
            objects.extend(writer.push(&JournalBlock::Own(block.clone())).unwrap());
        }
        objects.extend(writer.finish());
        assert_eq!(StartedManifest::read(&objects[0].bytes).unwrap(), manifest);
        let bytes = |name: &str| &objects.iter().find(|object| object.key == name).unwrap().bytes;
        let files = ExportFiles::sort(objects.iter().map(|object| object.key.clone()));
        assert!(files.data.len() > 1, "{files:?}");
        assert!(files.data[0].name.starts_with(&format!("exports/2023/11/14/22/{}.0-", id(1))), "{files:?}");
        let keys = read_completed_manifest(bytes(&files.completed[0])).unwrap();
        assert_eq!(keys, files.data.iter().map(|object| object.name.clone()).collect::<Vec<_>>());
        let catalog = read_catalog(bytes(&files.catalogs[0])).unwrap();
        let mut auditor = Auditor::new([saved(&blocks)]);
        for object in &files.data {
            for block in read_blocks(bytes(&object.name)).unwrap() {
                let block = block.unwrap();
                assert_eq!(block.source.is_some(), format == Some(OutputFormat::Json));
                let number = block.value.root().get("blockAddress").unwrap().get("sequenceNo").unwrap();
                let number = u64::try_from(number.as_i64().unwrap()).unwrap();
                let changes = catalog.get(&number).map_or(&[][..], Vec::as_slice);
                let found = auditor.block(check_foreign(block.value.root(), Some(changes)).unwrap());
                assert_eq!(found, [], "{format:?}");
            }
        }
        assert_eq!(auditor.finish().0.digests_matched, ["digest"]);
    }
}

#[test]
fn a_missing_slot_and_a_foreign_one_are_seen() {
    let blocks = blocks();
    let whole = slots(&blocks, 2);
    let checks = |slots: &[Slot]| audit(slots, vec![]).0.deviations.into_keys().collect::<Vec<Check>>();
    let gap = [whole[0].clone(), whole[2].clone()];
    assert_eq!(checks(&gap), [Check::Slot, Check::BlockNumber, Check::PreviousBlockHash]);
    let header = SlotHeader { previous_link: Hash([5; 32]), ..*whole[1].header() };
    let unlinked = Slot::new(header, whole[0].frontier(), whole[1].content().clone()).unwrap();
    assert_eq!(checks(&[whole[0].clone(), unlinked]), [Check::Slot]);
    let mut other_tree = Frontier::empty();
    other_tree.push(Hash([1; 32]));
    other_tree.push(Hash([2; 32]));
    let other = Slot::new(*whole[1].header(), &other_tree, whole[1].content().clone()).unwrap();
    assert_eq!(checks(&[whole[0].clone(), other]), [Check::Frontier]);
    let header = SlotHeader { strand_id: id(2), ..*whole[1].header() };
    let other = Slot::new(header, whole[0].frontier(), whole[1].content().clone()).unwrap();
    assert_eq!(checks(&[whole[0].clone(), other]), [Check::Slot], "of another journal");
}

#[test]
fn nothing_follows_the_last_number_of_a_slot() {
    let whole = slots(&blocks(), 2);
    let header = SlotHeader { slot: u64::MAX, ..*whole[0].header() };
    let last = Slot::new(header, &Frontier::empty(), whole[0].content().clone()).unwrap();
    let header = SlotHeader { slot: 0, previous_link: last.link(), ..*whole[1].header() };
    let next = Slot::new(header, whole[0].frontier(), whole[1].content().clone()).unwrap();
    let (_, found) = audit(&[last, next], vec![]);
    assert_eq!(found.iter().map(|deviation| deviation.check).collect::<Vec<Check>>(), [Check::Slot]);
}

/// Repairs both checksums of a block, as somebody does who wants to hide a change.
fn repair(bytes: &mut [u8]) -> Option<()> {
    let length = |bytes: &[u8], at: usize| {
        Some(usize::try_from(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().unwrap())).unwrap())
    };
    let mut start = 0;
    for at in [12, length(bytes, 12)?] {
        let end = start + length(bytes, at)?;
        let part = bytes.get_mut(start..end)?;
        let (part, checksum) = part.split_at_mut_checked(part.len().checked_sub(4)?)?;
        checksum.copy_from_slice(&crc32c::crc32c(part).to_le_bytes());
        start = end;
    }
    Some(())
}

/// The bytes of a block that no hash covers: reserved bytes, lengths and checksums. A block with another value there
/// cannot be read. `docs/journal-format.md` lists them.
fn uncovered(block: &Block, at: usize) -> bool {
    let bytes = block.as_bytes();
    let frame = usize::try_from(u32::from_le_bytes(bytes[12..16].try_into().unwrap())).unwrap();
    (frame - 4..frame).contains(&at) || at + 4 >= bytes.len()
}

#[test]
fn every_bit_that_a_hash_covers_is_audited_even_with_repaired_checksums() {
    let blocks = blocks();
    let checked: Vec<CheckedBlock> = blocks.iter().map(check_block).collect();
    for (index, block) in blocks.iter().enumerate() {
        for at in 0..block.as_bytes().len() {
            for bit in 0..8 {
                let mut bytes = block.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                if uncovered(block, at) || repair(&mut bytes).is_none() {
                    continue;
                }
                let end = bytes.len();
                let Ok(changed) = Block::decode(std::sync::Arc::new(bytes), 0, end) else { continue };
                let mut checked = checked.clone();
                checked[index] = check_block(&changed);
                let mut auditor = Auditor::new([saved(&blocks)]);
                let mut found: Vec<Deviation> =
                    checked.into_iter().flat_map(|block| auditor.block(block)).collect();
                found.extend(auditor.finish().1);
                assert!(!found.is_empty(), "block {index}, byte {at}, bit {bit}");
            }
        }
    }
}

#[test]
fn exports_of_our_own_blocks_pass_all_checks_with_the_catalog() {
    for block in blocks() {
        let changes: Vec<CatalogChange> = block.catalog_changes().unwrap();
        let value = Document::from(&block.to_ion().unwrap());
        let checked = check_foreign(value.root(), Some(&changes)).unwrap();
        assert_eq!(checked.deviations, []);
        assert_eq!(checked.hash, block.hash());
        if !changes.is_empty() {
            let checked = check_foreign(value.root(), Some(&[])).unwrap();
            let checks: Vec<Check> = checked.deviations.iter().map(|deviation| deviation.check).collect();
            assert_eq!(checks, [Check::SystemHashes]);
        }
    }
}

#[test]
fn place_transaction_and_time_of_an_exported_block_are_bound_by_its_first_entry() {
    let block = &blocks()[6];
    let text = block.to_ion().unwrap().to_string();
    for (from, to) in
        [("sequenceNo:6", "sequenceNo:7"), (".016Z", ".017Z"), ("transactionId:\"", "transactionId:\"")]
    {
        let mut changed = text.replacen(from, to, 1);
        if from == to {
            changed = text.replacen(&id(106).to_string(), &id(107).to_string(), 1);
        }
        let changed = Document::from(&everstrand_ion::text::read_one(&changed).unwrap());
        assert_eq!(check_foreign(changed.root(), None).unwrap().deviations, [], "nothing else covers them");
        let checked = check_foreign(changed.root(), Some(&[])).unwrap();
        assert_eq!(
            checked.deviations.iter().map(|deviation| deviation.check).collect::<Vec<_>>(),
            [Check::SystemHashes]
        );
    }
}

#[test]
fn foreign_slots_are_audited_by_their_own_rules() {
    let blocks = blocks();
    let foreign: Vec<ForeignBlock> = blocks
        .iter()
        .map(|block| ForeignBlock::new((&block.to_ion().unwrap()).into(), None, None).unwrap())
        .collect();
    let header = *slots(&blocks, 7)[0].header();
    let slot = Slot::new(header, &Frontier::empty(), SlotContent::Foreign(foreign)).unwrap();
    let (summary, found) = audit(&[slot], vec![saved(&blocks)]);
    assert_eq!(found, []);
    assert_eq!((summary.blocks, summary.digests_matched.len()), (7, 1));
}

#[test]
fn the_report_without_data_tells_shapes_and_answers() {
    let lines: Vec<(String, Vec<OpenQuestion>)> = blocks()
        .iter()
        .map(|block| {
            let checked = check_foreign(Document::from(&block.to_ion().unwrap()).root(), None).unwrap();
            (describe(&checked).to_string(), answers(&checked))
        })
        .collect();
    assert_eq!(
        lines[0].1,
        [OpenQuestion::FirstBlock, OpenQuestion::BlockWithoutTransactionInfo, OpenQuestion::EmptyEntries]
    );
    assert_eq!(lines[1].1, [OpenQuestion::CatalogBlock]);
    assert_eq!(lines[2].1, []);
    assert_eq!(lines[4].1, [OpenQuestion::DeletedRevisionHash]);
    assert!(lines[4].0.contains("deletes:{'H(metadata)':1}"), "{}", lines[4].0);
    assert_eq!(
        lines[5].1,
        [OpenQuestion::ReadOnlyBlock, OpenQuestion::RedactionBlock, OpenQuestion::EmptyEntries]
    );
    for (line, _) in lines {
        for data in ["Ann", "People", "SELECT", &id(10).to_string(), "2023", "{{"] {
            assert!(!line.contains(data), "{line}");
        }
    }
}
