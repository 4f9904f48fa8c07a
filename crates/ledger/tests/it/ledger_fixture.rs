//! A whole small ledger as the current format has it, slot by slot, so that a change of the format of blocks
//! is noticed and old ledgers keep opening. `UPDATE_GOLDENFILES=1` writes it anew.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use everstrand_journal::{Auditor, Slot};
use everstrand_ledger::Ledger;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_testkit::contract::slots_of;

use crate::support::{World, run};

const PATH: &str = "tests/fixtures/pre-1/ledger.txt";

const ABOUT: &str = "# A ledger of the format pre-1, written by crates/ledger/tests/it/ledger_fixture.rs: what it answers, its digest,
# and its slots in hexadecimal digits, 32 bytes a line. Slot 5 holds a revision whose data was redacted.
";

/// What the ledger was told; each a transaction, and each that writes a slot.
const STATEMENTS: [&str; 11] = [
    "CREATE TABLE People WITH (aws_tags = `{purpose: \"a fixture\"}`)",
    "CREATE INDEX ON People (name)",
    "CREATE TABLE Gone",
    "INSERT INTO Gone VALUE {'n': 1}",
    "INSERT INTO People << {'name': 'Ada', 'born': `1815-12-10T`}, {'name': 'Grace', 'langs': ['COBOL', 2.50, `{{aGk=}}`]} >>",
    "UPDATE People AS p SET p.born = `1906-12-09T` WHERE p.name = 'Grace'",
    "UPDATE People AS p SET p.name = null, p.note = `a::b::(c 1e0 nan)` WHERE p.name = 'Ada'",
    "DROP TABLE Gone",
    "CREATE UNIQUE INDEX ON People (born)",
    "INSERT INTO People VALUE {'name': 'Edsger', 'born': `1930-05-11T`}",
    "DELETE FROM People AS p WHERE p.name = 'Edsger'",
];

const QUERIES: [&str; 4] = [
    "SELECT * FROM information_schema.user_tables",
    "SELECT * FROM _ql_committed_People",
    "SELECT * FROM history(People)",
    "SELECT VALUE p.born FROM People AS p WHERE p.name = 'Grace'",
];

/// The ledger made anew, and its journal.
fn made() -> (World, Ledger) {
    let world = World::new();
    let ledger = world.open();
    for statement in STATEMENTS {
        world.clock.advance(1500);
        run(&ledger, statement, &[]).unwrap();
    }
    let one = |query: &str| run(&ledger, query, &[]).unwrap().remove(0);
    let table = one("SELECT VALUE tableId FROM information_schema.user_tables AS t WHERE t.name = 'People'");
    let first = "FROM history(People) AS h WHERE h.metadata.version = 0 AND h.data.name = 'Ada'";
    let (address, id) = (
        one(&format!("SELECT VALUE h.blockAddress {first}")),
        one(&format!("SELECT VALUE h.metadata.id {first}")),
    );
    run(&ledger, "EXEC REDACT_REVISION ?, ?, ?", &[&address, &table, &id]).unwrap();
    while ledger.is_redacting() {
        std::thread::yield_now();
    }
    (world, ledger)
}

/// What is in the file: the answers and the digest, then the slots.
fn text_of(world: &World, ledger: &Ledger) -> String {
    let mut text = answers(ledger);
    for (number, slot) in slots_of(&*world.slots).unwrap().iter().enumerate() {
        writeln!(text, "\nslot {number}").unwrap();
        for line in slot.chunks(32) {
            line.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
            text.push('\n');
        }
    }
    text
}

fn answers(ledger: &Ledger) -> String {
    let mut text = ABOUT.to_owned();
    for query in QUERIES {
        writeln!(text, "\n{query}").unwrap();
        for row in run(ledger, query, &[]).unwrap() {
            writeln!(text, "  {row}").unwrap();
        }
    }
    let digest = ledger.digest();
    write!(text, "\ndigest of block {}\n  ", digest.digest_tip_address.sequence_no).unwrap();
    digest.digest.as_bytes().iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
    text.push('\n');
    text
}

fn slots_in(text: &str) -> Vec<Vec<u8>> {
    let slots = text.split("\nslot ").skip(1);
    let bytes = |slot: &str| {
        let digits: String = slot.lines().skip(1).collect();
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        (0..digits.len()).step_by(2).map(byte).collect()
    };
    slots.map(bytes).collect()
}

#[test]
fn a_ledger_of_this_format_opens_and_answers() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(PATH);
    let (world, ledger) = made();
    let written_today = text_of(&world, &ledger);
    if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
        std::fs::write(&path, &written_today).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap();

    let slots = MemorySlots::new();
    let mut auditor = Auditor::new([]);
    for (number, bytes) in (0..).zip(slots_in(&stored)) {
        assert_eq!(auditor.slot(&Slot::decode(bytes.clone()).unwrap()), []);
        slots.create(number, &bytes).unwrap();
    }
    let digest = auditor.digest();
    let (summary, deviations) = auditor.finish();
    assert!(summary.is_clean() && deviations.is_empty(), "{deviations:?}");
    let opened = World { slots: Arc::new(slots), views: Arc::new(MemoryView::new()), ..world.clone() }.open();
    assert_eq!(Some(opened.digest()), digest);
    assert_eq!(
        answers(&opened),
        stored[..stored.find("\nslot ").unwrap()],
        "an old ledger answers otherwise"
    );
    run(&opened, "INSERT INTO People VALUE {'name': 'Barbara'}", &[]).unwrap();

    assert!(written_today == stored, "the format has changed: see UPDATE_GOLDENFILES in docs/testing.md");
}
