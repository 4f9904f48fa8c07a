//! A journal that begins with the blocks of another ledger: the same content, the same digests, and new
//! blocks on top.

use std::sync::Arc;

use everstrand_ion::Document;
use everstrand_journal::{Auditor, Digest, ForeignBlock, JournalBlock, Slot, UniqueId, check_slot};
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_ledger::{Importer, Ledger, LedgerError};

use crate::support::{World, run};

const HISTORY: [&str; 13] = [
    "CREATE TABLE Person",
    "CREATE INDEX ON Person (name)",
    "INSERT INTO Person << {'name': 'Ann', 'balance': 75.25}, {'name': 'Bob'}, {'name': 'Eve', 'born': `1990T`} >>",
    "CREATE TABLE Car",
    "INSERT INTO Car VALUE {'vin': 'X1', 'secret': ?}",
    "UPDATE Person SET balance = 80.00 WHERE name = 'Ann'",
    "UPDATE Car SET secret = null",
    "DELETE FROM Person WHERE name = 'Eve'",
    "CREATE TABLE Gone",
    "INSERT INTO Gone VALUE {'old': true}",
    "DROP TABLE Gone",
    "CREATE TABLE Gone",
    "INSERT INTO Gone VALUE {'old': false}",
];

const QUESTIONS: [&str; 6] = [
    "SELECT * FROM _ql_committed_Person",
    "SELECT * FROM _ql_committed_Car",
    "SELECT * FROM history(Person)",
    "SELECT * FROM Gone",
    "SELECT * FROM Person WHERE name = 'Bob'",
    "SELECT * FROM Person AS OF 4",
];

fn original() -> Ledger {
    let ledger = World::new().open();
    for statement in HISTORY {
        let parameters: &[&str] = if statement.contains('?') { &["\"a very private thing\""] } else { &[] };
        run(&ledger, statement, parameters).unwrap();
        while ledger.is_building_index() {
            std::thread::yield_now();
        }
    }
    ledger
}

/// The blocks of a ledger in QLDB's shape; with what they did to the catalog only where it `is_known`.
fn exported(ledger: &Ledger, is_known: bool) -> Vec<ForeignBlock> {
    let shape = |block: JournalBlock| {
        let value = Document::from(&block.to_ion().unwrap());
        let catalog = block.catalog_changes().unwrap().filter(|_| is_known);
        ForeignBlock::new(value, None, catalog.as_deref()).unwrap()
    };
    (0..).map_while(|number| ledger.block(number).unwrap()).map(shape).collect()
}

fn import(slots: &dyn SlotStore, blocks: Vec<ForeignBlock>) -> Result<Option<Digest>, LedgerError> {
    let mut importer = Importer::new(slots, UniqueId::from_bytes([7; 16]))?;
    blocks.into_iter().try_for_each(|block| importer.push(block))?;
    importer.finish()
}

fn imported(blocks: Vec<ForeignBlock>) -> (World, Ledger) {
    let slots = Arc::new(MemorySlots::new());
    let digest = import(&*slots, blocks).unwrap().unwrap();
    let world = World::with(slots, Arc::new(MemoryView::new()));
    let ledger = world.open();
    assert_eq!(ledger.digest(), digest);
    (world, ledger)
}

fn answers(ledger: &Ledger) -> Vec<Vec<String>> {
    QUESTIONS.iter().map(|question| run(ledger, question, &[]).unwrap()).collect()
}

#[test]
fn an_imported_ledger_answers_as_the_first_one_and_goes_on() {
    let first = original();
    for is_known in [true, false] {
        let (world, ledger) = imported(exported(&first, is_known));
        assert_eq!(ledger.digest(), first.digest());
        assert_eq!(answers(&ledger), answers(&first));
        let tip = first.digest().digest_tip_address.sequence_no;
        let id: UniqueId = run(&first, "SELECT VALUE id FROM Person AS p BY id WHERE p.name = 'Ann'", &[])
            .unwrap()[0]
            .trim_matches('"')
            .parse()
            .unwrap();
        assert_eq!(ledger.revision(3, id).unwrap(), first.revision(3, id).unwrap());
        assert_eq!(ledger.revision_proof(3, id, tip).unwrap(), first.revision_proof(3, id, tip).unwrap());

        // What is written now follows what was imported.
        if !is_known {
            run(&ledger, "CREATE INDEX ON Person (name)", &[]).unwrap();
            while ledger.is_building_index() {
                std::thread::yield_now();
            }
        }
        run(&ledger, "UPDATE Person SET balance = 90 WHERE name = 'Ann'", &[]).unwrap();
        run(&ledger, "INSERT INTO Person VALUE {'name': 'New'}", &[]).unwrap();
        let history = run(
            &ledger,
            "SELECT VALUE h.data.balance FROM history(Person) AS h BY id WHERE id = ?",
            &[&format!("\"{id}\"")],
        );
        assert_eq!(history.unwrap(), ["75.25", "80.00", "90"]);
        assert_eq!(ledger.digest_at(tip).unwrap(), first.digest());

        // Everything is built from the journal again, and an auditor finds nothing.
        let answered = answers(&ledger);
        ledger.close();
        let again = World { views: Arc::new(MemoryView::new()), ..world.clone() }.open();
        assert_eq!(answers(&again), answered);
        let mut auditor = Auditor::new(Vec::new());
        for bytes in (0..).map_while(|slot| world.slots.read(slot).unwrap()) {
            let slot = Slot::decode(bytes).unwrap();
            let checked = check_slot(&slot);
            assert_eq!(auditor.checked_slot(&slot, checked), []);
        }
        assert_eq!(auditor.digest(), Some(again.digest()));
    }
}

#[test]
fn known_changes_of_the_catalog_are_taken_as_they_were() {
    let first = original();
    let tables = "SELECT name, tableId, indexes, status FROM information_schema.user_tables";
    let (_, ledger) = imported(exported(&first, true));
    assert_eq!(run(&ledger, tables, &[]).unwrap(), run(&first, tables, &[]).unwrap());
    // QLDB's blocks do not say: a table is there from its first document on, and a second one of its name in its place.
    let (_, ledger) = imported(exported(&first, false));
    let names = "SELECT name, status FROM information_schema.user_tables";
    assert_eq!(run(&ledger, names, &[]).unwrap(), run(&first, names, &[]).unwrap());
}

#[test]
fn imported_data_can_be_redacted() {
    let first = original();
    let (world, ledger) = imported(exported(&first, false));
    let holds = |secret: &[u8]| {
        let slots = (0..).map_while(|slot| world.slots.read(slot).unwrap());
        slots.into_iter().any(|slot| slot.windows(secret.len()).any(|window| window == secret))
    };
    assert!(holds(b"a very private thing"));
    let digest = ledger.digest();
    let text = |question: &str| run(&ledger, question, &[]).unwrap().remove(0);
    let table = text("SELECT VALUE tableId FROM information_schema.user_tables WHERE name = 'Car'");
    let id = text("SELECT VALUE id FROM Car AS c BY id");
    let address = text("SELECT VALUE h.blockAddress FROM history(Car) AS h WHERE h.metadata.version = 0");
    run(&ledger, "EXEC REDACT_REVISION ?, ?, ?", &[&address, &table, &id]).unwrap();
    while ledger.is_redacting() {
        std::thread::yield_now();
    }
    assert!(!holds(b"a very private thing"));
    assert_eq!(ledger.digest_at(digest.digest_tip_address.sequence_no).unwrap(), digest);
}

#[test]
fn what_is_not_a_whole_journal_is_refused() {
    let blocks = exported(&original(), false);
    let refusal = |blocks: Vec<ForeignBlock>| import(&MemorySlots::new(), blocks).unwrap_err().to_string();
    let without_the_first = refusal(blocks[1..].to_vec());
    assert!(without_the_first.contains("block 1: block 0 comes next"), "{without_the_first}");
    let with_a_gap = refusal([&blocks[..3], &blocks[4..]].concat());
    assert!(with_a_gap.contains("block 4: block 3 comes next"), "{with_a_gap}");
    let other = World::new().open();
    run(&other, "CREATE TABLE Other", &[]).unwrap();
    let of_two = refusal([&exported(&other, false)[..2], &blocks[2..]].concat());
    assert!(of_two.contains("block 2: it does not follow"), "{of_two}");

    let world = World::new();
    world.open().close();
    let onto_another = import(&*world.slots, blocks).unwrap_err().to_string();
    assert!(onto_another.contains("the journal has blocks already"), "{onto_another}");
}
