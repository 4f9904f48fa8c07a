//! Foreign blocks: our own blocks, read as foreign ones, give the same answers.

use everstrand_ion::Document;
use everstrand_journal::tree::Frontier;
use everstrand_journal::{
    Check, ForeignBlock, Hash, JournalBlock, RevisionData, Slot, SlotContent, SlotHeader, WriterId,
    check_foreign,
};

use crate::samples::{blocks, id};

fn foreign() -> Vec<ForeignBlock> {
    let foreign = |block: &everstrand_journal::Block| {
        let value = Document::from(&block.to_ion().unwrap());
        ForeignBlock::new(value, None, Some(&block.catalog_changes().unwrap())).unwrap()
    };
    blocks().iter().map(foreign).collect()
}

fn slot(blocks: Vec<ForeignBlock>) -> Slot {
    let header = SlotHeader {
        strand_id: id(1),
        slot: 0,
        writer: WriterId { id: id(9), attempt: 0 },
        previous_link: Hash([0; 32]),
        first_block_no: 0,
    };
    let slot = Slot::new(header, &Frontier::empty(), SlotContent::Foreign(blocks)).unwrap();
    Slot::decode(slot.encode().unwrap()).unwrap()
}

#[test]
fn revisions_and_their_paths_are_those_of_the_block() {
    let slot = slot(foreign());
    let mut seen = 0;
    for (number, own) in blocks().into_iter().enumerate() {
        let Some(JournalBlock::Foreign(foreign)) = slot.block(number) else { panic!("block {number}") };
        assert_eq!(foreign.catalog_changes(), Some(&*own.catalog_changes().unwrap()));
        assert_eq!(foreign.transaction_id(), Some(own.transaction_id()));
        let revisions = foreign.revisions().unwrap();
        assert_eq!(revisions.len(), own.revisions().len());
        let own_block = JournalBlock::Own(own.clone());
        for (revision, stored) in revisions.iter().zip(own.revisions()) {
            let read = revision.stored();
            assert_eq!((read.table_id, read.table_name), (stored.table_id, stored.table_name));
            assert_eq!((read.document_id, read.version), (stored.document_id, stored.version));
            assert_eq!((read.hash, read.data), (stored.hash, stored.data));
            let id = stored.document_id;
            assert_eq!(foreign.revision(id).unwrap(), own_block.revision(id).unwrap());
            let path = own_block.revision_path(id).unwrap();
            assert!(path.is_some());
            assert_eq!(foreign.revision_path(id), path);
            seen += 1;
        }
        assert_eq!(foreign.revision(id(99)).unwrap(), None);
        assert_eq!(foreign.revision_path(id(99)), None);
    }
    assert!(seen > 4, "{seen} revisions");
}

#[test]
fn redacted_data_leaves_a_foreign_block_and_no_hash_changes() {
    let whole = slot(foreign());
    let redacted = whole.redacted(&[(2, id(11))]).unwrap();
    let redacted = Slot::decode(redacted.encode().unwrap()).unwrap();
    assert_eq!(redacted.link(), whole.link());
    let Some(JournalBlock::Foreign(block)) = redacted.block(2) else { panic!("a foreign block") };
    assert!(!block.value().to_value().to_string().contains("Bob"));
    assert!(block.value().to_value().to_string().contains("Ann"));
    assert!(matches!(block.revision(id(11)).unwrap().unwrap().data, RevisionData::Redacted(_)));
    assert!(matches!(block.revision(id(10)).unwrap().unwrap().data, RevisionData::Data(_)));
    assert_eq!(check_foreign(block.value().root(), block.catalog_changes()).unwrap().deviations, []);
}

#[test]
fn a_revision_whose_table_nobody_names_is_an_error() {
    let block = blocks()[2].to_ion().unwrap().to_string();
    let other = block.replacen("tableName", "tableTitle", 1);
    assert_ne!(block, other);
    let value = everstrand_ion::text::read_one(&other).unwrap();
    let block = ForeignBlock::new((&value).into(), None, None).unwrap();
    let error = block.revisions().unwrap_err().to_string();
    assert!(error.contains("whose table transactionInfo does not name"), "{error}");
}

#[test]
fn data_without_metadata_hides_behind_no_hash() {
    let block = blocks()[2].to_ion().unwrap().to_string();
    let changed = block.replacen("Bob", "Rob", 1).replace("metadata", "metadatum");
    let value = Document::from(&everstrand_ion::text::read_one(&changed).unwrap());
    let checked = check_foreign(value.root(), None).unwrap();
    assert_eq!(checked.shape.revisions_hash_only, 3);
    let checks = checked.deviations.iter().map(|deviation| deviation.check).collect::<Vec<Check>>();
    assert_eq!(checks, [Check::RevisionHash; 3], "{:?}", checked.deviations);
}
