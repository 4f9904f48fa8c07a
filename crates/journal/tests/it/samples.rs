//! A small ledger with all kinds of blocks, for the other tests.

use std::sync::Arc;

use everstrand_ion::{Document, text};
use everstrand_journal::tree::Frontier;
use everstrand_journal::{
    Block, BlockAddress, CatalogChange, Draft, Hash, ProposedRevision, ProposedTransaction, RedactedRevision,
    Slot, SlotContent, SlotHeader, StatementInfo, UniqueId, WriterId, genesis, statement_digest,
};

pub(crate) const START: i64 = 1_700_000_000_000;

pub(crate) fn id(number: u8) -> UniqueId {
    UniqueId::from_bytes([number; 16])
}

pub(crate) fn document(ion: &str) -> Document {
    Document::from(&text::read_one(ion).unwrap())
}

pub(crate) fn statement(text: &str, parameters: &[&str], start_time: i64) -> StatementInfo {
    let parameters: Vec<Document> = parameters.iter().map(|parameter| document(parameter)).collect();
    StatementInfo {
        statement: text.to_owned(),
        start_time,
        statement_digest: statement_digest(text, &parameters),
    }
}

pub(crate) fn revision(document_id: u8, version: u64, data: Option<&str>) -> ProposedRevision {
    ProposedRevision {
        document_id: id(document_id),
        version,
        table_id: id(2),
        table_name: Arc::from("People"),
        statements: vec![0],
        data: data.map(document),
    }
}

/// The transactions after block 0.
pub(crate) fn transactions() -> Vec<ProposedTransaction> {
    let at = |number: u8| ProposedTransaction {
        transaction_id: id(100 + number),
        transaction_time: START + 1000 * i64::from(number),
        statements: vec![statement("SELECT * FROM People", &[], START + 1000 * i64::from(number) - 20)],
        ..Default::default()
    };
    let table = CatalogChange::CreateTable { table_id: id(2), name: "People".to_owned(), tags: None };
    let index = CatalogChange::CreateIndex {
        index_id: id(3),
        table_id: id(2),
        name: None,
        paths: vec![vec!["name".to_owned()], vec!["address".to_owned(), "city".to_owned()]],
        unique: false,
    };
    vec![
        ProposedTransaction { catalog_changes: vec![table, index], ..at(1) },
        ProposedTransaction {
            revisions: vec![
                revision(10, 0, Some("{name:\"Ann\",balance:75.25}")),
                revision(11, 0, Some("{name:\"Bob\",tags:[a,\"b\",{{aGk=}}]}")),
                revision(12, 0, Some("{name:\"Eve\"}")),
            ],
            ..at(2)
        },
        ProposedTransaction {
            revisions: vec![revision(10, 1, Some("{name:\"Ann\",balance:80.00}"))],
            ..at(3)
        },
        ProposedTransaction { revisions: vec![revision(12, 1, None)], ..at(4) },
        ProposedTransaction {
            redactions: vec![RedactedRevision {
                block_address: BlockAddress { strand_id: id(1), sequence_no: 2 },
                table_id: id(2),
                document_id: id(10),
                version: 0,
            }],
            ..at(5)
        },
        at(6),
    ]
}

/// Block 0 and the blocks of the transactions.
pub(crate) fn blocks() -> Vec<Block> {
    chain(&transactions())
}

pub(crate) fn chain(transactions: &[ProposedTransaction]) -> Vec<Block> {
    let mut blocks = vec![genesis(id(1), id(100), START)];
    for transaction in transactions {
        let last = blocks.last().unwrap();
        let address = BlockAddress { sequence_no: last.address().sequence_no + 1, ..last.address() };
        let draft = Draft::new(transaction).unwrap();
        let sealed = draft.seal(address, transaction.transaction_time + 16, Some(last.hash()));
        blocks.push(sealed);
    }
    blocks
}

/// Slots with this number of blocks each.
pub(crate) fn slots(blocks: &[Block], group: usize) -> Vec<Slot> {
    let mut frontier = Frontier::empty();
    let mut previous_link = Hash([0; 32]);
    let mut slots = Vec::new();
    for (number, blocks) in (0..).zip(blocks.chunks(group)) {
        let header = SlotHeader {
            strand_id: id(1),
            slot: number,
            writer: WriterId { id: id(9), attempt: number },
            previous_link,
            first_block_no: blocks[0].address().sequence_no,
        };
        let slot = Slot::new(header, &frontier, SlotContent::Blocks(blocks.to_vec())).unwrap();
        frontier = slot.frontier().clone();
        previous_link = slot.link();
        slots.push(slot);
    }
    slots
}
