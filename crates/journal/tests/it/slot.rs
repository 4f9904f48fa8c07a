//! Blocks and slots as bytes: they read back as they were written, and changed bytes are refused.

use std::sync::Arc;

use everstrand_ion::text;
use everstrand_journal::tree::Frontier;
use everstrand_journal::{
    Block, BlockKind, Draft, ForeignBlock, Hash, ProposedTransaction, RevisionData, Slot, SlotContent,
    SlotHeader, StoredData, WriterId, join, revision_hash, root,
};
use proptest::prelude::*;

use crate::samples::{blocks, chain, id, revision, slots, statement, transactions};

#[test]
fn a_slot_comes_back_as_it_was() {
    let blocks = blocks();
    for slot in slots(&blocks, 3) {
        let bytes = slot.encode().unwrap();
        let decoded = Slot::decode(bytes.clone()).unwrap();
        assert_eq!(decoded.header(), slot.header());
        assert_eq!(decoded.link(), slot.link());
        assert_eq!(decoded.frontier(), slot.frontier());
        assert_eq!(decoded.encode().unwrap(), bytes);
        let bytes = Arc::new(bytes);
        let mut end = bytes.len();
        for block in slot.blocks().iter().rev() {
            let start = end - block.as_bytes().len();
            let alone = Block::decode(Arc::clone(&bytes), start, end).unwrap();
            assert_eq!(alone.as_bytes(), block.as_bytes());
            assert_eq!(alone.hash(), block.hash());
            end = start;
        }
    }
}

#[test]
fn a_block_tells_what_the_transaction_did() {
    let blocks = blocks();
    for (block, transaction) in blocks.iter().skip(1).zip(transactions()) {
        assert_eq!(block.kind(), BlockKind::Transaction);
        assert_eq!(block.transaction_id(), transaction.transaction_id);
        let time = if transaction.revisions.is_empty() { 0 } else { transaction.transaction_time };
        assert_eq!(block.transaction_time(), time);
        assert_eq!(block.catalog_changes().unwrap(), transaction.catalog_changes);
        assert_eq!(block.redactions().collect::<Vec<_>>(), transaction.redactions);
        let said: Vec<&str> = block.statements().map(|statement| statement.statement).collect();
        assert_eq!(said, ["SELECT * FROM People"]);
        assert_eq!(block.revisions().len(), transaction.revisions.len());
        for (stored, proposed) in block.revisions().zip(&transaction.revisions) {
            assert_eq!(stored.document_id, proposed.document_id);
            assert_eq!(stored.version, proposed.version);
            assert_eq!((stored.table_id, stored.table_name), (proposed.table_id, &*proposed.table_name));
            assert_eq!(stored.statements().collect::<Vec<u32>>(), proposed.statements);
            let revision = block.revision(&stored).unwrap();
            assert_eq!(revision.computed_hash(), stored.hash);
            assert_eq!(
                revision.data,
                proposed.data.clone().map_or(RevisionData::Deleted, RevisionData::Data)
            );
        }
    }
}

#[test]
fn hashes_follow_the_rules_written_out_by_hand() {
    let blocks = blocks();
    let block = &blocks[2];
    let metadata = |number: u8| {
        format!("{{id:\"{}\",version:0,txTime:2023-11-14T22:13:22.000Z,txId:\"{}\"}}", id(number), id(102))
    };
    let hash = |ion: &str| Hash(everstrand_ion::ion_hash(&text::read_one(ion).unwrap()));
    let data = ["{name:\"Ann\",balance:75.25}", "{name:\"Bob\",tags:[a,\"b\",{{aGk=}}]}", "{name:\"Eve\"}"];
    let revisions: Vec<Hash> = (10..)
        .zip(data)
        .map(|(number, data)| revision_hash(Some(hash(data)), hash(&metadata(number))))
        .collect();
    let place = format!(
        "{{blockAddress:{{strandId:\"{}\",sequenceNo:2}},transactionId:\"{}\",blockTimestamp:2023-11-14T22:13:22.016Z}}",
        id(1),
        id(102)
    );
    let documents: Vec<String> = (10..13)
        .map(|number| {
            format!("'{}':{{tableName:\"People\",tableId:\"{}\",statements:[0]}}", id(number), id(2))
        })
        .collect();
    let info = format!(
        "{{statements:[{{statement:\"SELECT * FROM People\",startTime:2023-11-14T22:13:21.980Z,statementDigest:{{{{{}}}}}}}],documents:{{{}}}}}",
        hash("\"SELECT * FROM People\""),
        documents.join(",")
    );
    let entries = [
        Some(hash(&place)),
        root(&revisions),
        Some(hash("{formatVersion:\"pre-1\",stateRoot:null,catalogue:[]}")),
        Some(hash(&info)),
    ];
    assert_eq!(block.entries_hash_list().unwrap(), entries);
    assert_eq!(join(root(&entries), Some(blocks[1].hash())), Some(block.hash()));
}

#[test]
fn blocks_without_revisions_have_an_empty_entry() {
    let blocks = blocks();
    assert_eq!(blocks[0].kind(), BlockKind::Genesis);
    assert_eq!(blocks[0].previous_hash(), None);
    assert_eq!(blocks[0].entries_hash_list().unwrap().len(), 3);
    assert_eq!(blocks[0].entries_hash_list().unwrap()[1], None);
    let read_only = blocks.last().unwrap().entries_hash_list().unwrap();
    assert_eq!((read_only.len(), read_only[1]), (4, None));
    assert_eq!(blocks[5].entries_hash_list().unwrap().len(), 5, "a redaction has an entry of its own");
}

#[test]
fn the_shape_of_a_block_in_ion_text() {
    let blocks = blocks();
    let ion = blocks[1].to_ion().unwrap().to_string();
    let head = "{blockAddress:{strandId:\"";
    assert!(ion.starts_with(head), "{ion}");
    let fields = |value: &everstrand_ion::Value| -> Vec<String> {
        let fields = value.as_struct().unwrap();
        fields.iter().map(|(name, _)| name.text().unwrap().to_owned()).collect()
    };
    let value = blocks[1].to_ion().unwrap();
    let expected = [
        "blockAddress",
        "transactionId",
        "blockTimestamp",
        "blockHash",
        "entriesHash",
        "previousBlockHash",
        "entriesHashList",
        "transactionInfo",
        "revisions",
    ];
    assert_eq!(fields(&value), expected);
    let revisions = value.get("revisions").unwrap().as_sequence().unwrap();
    assert_eq!(revisions.len(), 2);
    assert!(revisions.iter().all(|revision| fields(revision) == ["hash"]), "catalog changes show as hashes");
    let inserted = blocks[2].to_ion().unwrap();
    let revision = &inserted.get("revisions").unwrap().as_sequence().unwrap()[0];
    assert_eq!(fields(revision), ["blockAddress", "hash", "data", "metadata"]);
    let deleted = blocks[4].to_ion().unwrap();
    let revision = &deleted.get("revisions").unwrap().as_sequence().unwrap()[0];
    assert_eq!(fields(revision), ["blockAddress", "hash", "metadata"]);
}

#[test]
fn a_revisions_path_leads_to_its_block() {
    for block in blocks() {
        for revision in block.revisions() {
            let path = block.revision_path(revision.document_id).unwrap().unwrap();
            let folded = path.into_iter().fold(revision.hash, everstrand_journal::dot);
            assert_eq!(folded, block.hash(), "block {}", block.address().sequence_no);
        }
        assert_eq!(block.revision_path(id(77)).unwrap(), None);
    }
}

#[test]
fn the_only_revision_of_a_block_is_three_nodes_from_its_hash() {
    let block = &blocks()[3];
    let revision = block.revisions().next().unwrap();
    assert_eq!(block.revisions().len(), 1);
    assert_eq!(block.revision_path(revision.document_id).unwrap().unwrap().len(), 3);
}

#[test]
fn a_redaction_empties_documents_and_changes_no_hash() {
    let blocks = blocks();
    for slot in slots(&blocks, 3) {
        let redacted = slot.redacted(&[(2, id(10)), (2, id(99)), (9, id(10))]).unwrap();
        assert_eq!(redacted.link(), slot.link());
        let again = Slot::decode(redacted.encode().unwrap()).unwrap();
        for (before, after) in slot.blocks().iter().zip(again.blocks()) {
            assert_eq!(before.hash(), after.hash());
            for (before, after) in before.revisions().zip(after.revisions()) {
                assert_eq!(before.hash, after.hash);
                assert_eq!(before.data.hash(), after.data.hash());
                let taken_out = before.document_id == id(10) && before.version == 0;
                assert_eq!(matches!(after.data, StoredData::Redacted(_)), taken_out);
            }
        }
    }
}

#[test]
fn every_flipped_bit_of_a_slot_is_refused() {
    for slot in slots(&blocks(), 7) {
        let bytes = slot.encode().unwrap();
        for byte in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[byte] ^= 1 << bit;
                assert!(Slot::decode(changed).is_err(), "byte {byte}, bit {bit}");
            }
        }
        for length in 0..bytes.len() {
            assert!(Slot::decode(bytes[..length].to_vec()).is_err(), "{length} bytes");
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(Slot::decode(longer).is_err());
    }
}

#[test]
fn blocks_without_a_length_are_refused_before_they_are_counted() {
    let blocks = blocks();
    let mut bytes = slots(&blocks[..1], 1)[0].encode().unwrap();
    let head = bytes.len() - blocks[0].as_bytes().len();
    // The head claims 2^31 blocks, and no bytes follow. The frontier of a tree of this size has one hash.
    bytes[12..16].copy_from_slice(&(1u32 << 31).to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[..head - 4]);
    bytes[head - 4..head].copy_from_slice(&checksum.to_le_bytes());
    bytes.truncate(head);
    bytes.resize(head + 32, 0);
    assert_eq!(Slot::decode(bytes).unwrap_err().message, "the frame is too short for a block");
}

#[test]
fn blocks_that_do_not_follow_one_another_make_no_slot() {
    let blocks = blocks();
    let header = SlotHeader {
        strand_id: id(1),
        slot: 0,
        writer: WriterId { id: id(9), attempt: 0 },
        previous_link: Hash([0; 32]),
        first_block_no: 0,
    };
    let slot = |blocks: Vec<Block>| Slot::new(header, &Frontier::empty(), SlotContent::Blocks(blocks));
    assert!(slot(blocks.clone()).is_ok());
    assert!(slot(vec![blocks[0].clone(), blocks[2].clone()]).is_err());
    assert!(slot(vec![blocks[1].clone()]).is_err());
    let other = chain(&[ProposedTransaction { transaction_id: id(55), ..Default::default() }]);
    assert!(slot(vec![blocks[0].clone(), other[1].clone(), blocks[2].clone()]).is_err());
    let mut frontier = Frontier::empty();
    frontier.push(Hash([1; 32]));
    assert!(Slot::new(header, &frontier, SlotContent::Blocks(blocks)).is_err());
}

#[test]
fn two_revisions_of_one_document_are_refused() {
    let twice = vec![revision(10, 0, None), revision(10, 1, None)];
    assert!(Draft::new(&ProposedTransaction { revisions: twice, ..Default::default() }).is_err());
}

#[test]
fn foreign_blocks_and_seals_come_back() {
    let blocks = blocks();
    let foreign: Vec<ForeignBlock> = blocks
        .iter()
        .map(|block| {
            let value = block.to_ion().unwrap();
            ForeignBlock::new((&value).into(), Some("{\"a\":1}"), None).unwrap()
        })
        .collect();
    let header = SlotHeader {
        strand_id: id(1),
        slot: 0,
        writer: WriterId { id: id(9), attempt: 0 },
        previous_link: Hash([0; 32]),
        first_block_no: 0,
    };
    let slot = Slot::new(header, &Frontier::empty(), SlotContent::Foreign(foreign)).unwrap();
    let decoded = Slot::decode(slot.encode().unwrap()).unwrap();
    let SlotContent::Foreign(again) = decoded.content() else { panic!("foreign blocks were expected") };
    for (block, foreign) in blocks.iter().zip(again) {
        assert_eq!(foreign.hash(), block.hash());
        assert_eq!(foreign.address(), block.address());
        assert_eq!(foreign.previous_hash(), block.previous_hash());
        assert_eq!(foreign.timestamp(), block.timestamp());
        assert_eq!(foreign.source(), Some("{\"a\":1}"));
        assert_eq!(foreign.value().to_value(), block.to_ion().unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_transaction_comes_back(
        said in prop::collection::vec((".{0,60}", any::<i64>()), 0..4),
        written in prop::collection::vec((any::<u64>(), prop::option::of("[ -~]{0,80}"), 0..3u32), 0..9),
        time in -4_000_000_000_000i64..4_000_000_000_000,
    ) {
        let statements: Vec<_> = said.iter().map(|(text, start)| statement(text, &[], start % 4_000_000_000_000)).collect();
        let revisions: Vec<_> = (0u8..).zip(&written).map(|(number, (version, data, statement))| {
            let mut revision = revision(number, *version, None);
            revision.data = data.as_ref().map(|text| (&everstrand_ion::Value::from(text.as_str())).into());
            revision.statements = vec![*statement; usize::try_from(*statement).unwrap()];
            revision
        }).collect();
        let transaction = ProposedTransaction {
            transaction_id: id(5), transaction_time: time, statements, revisions, ..Default::default()
        };
        let blocks = chain(std::slice::from_ref(&transaction));
        let slot = &slots(&blocks, 2)[0];
        let decoded = Slot::decode(slot.encode().unwrap()).unwrap();
        let block = &decoded.blocks()[1];
        prop_assert_eq!(block.as_bytes(), blocks[1].as_bytes());
        let texts: Vec<&str> = block.statements().map(|statement| statement.statement).collect();
        let expected: Vec<&str> = transaction.statements.iter().map(|statement| statement.statement.as_str()).collect();
        prop_assert_eq!(texts, expected);
        for (stored, proposed) in block.revisions().zip(&transaction.revisions) {
            let revision = block.revision(&stored).unwrap();
            prop_assert_eq!(revision.computed_hash(), stored.hash);
            prop_assert_eq!(revision.metadata.version, proposed.version);
        }
        prop_assert_eq!(join(root(&block.entries_hash_list().unwrap()), Some(blocks[0].hash())), Some(block.hash()));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(
        group in 1usize..8,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        for slot in slots(&blocks(), group) {
            let mut bytes = slot.encode().unwrap();
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let _ = Slot::decode(bytes.clone());
            bytes.truncate(cut.index(bytes.len()));
            let _ = Slot::decode(bytes.clone());
            let end = bytes.len();
            let _ = Block::decode(Arc::new(bytes), end / 2, end);
        }
    }
}
