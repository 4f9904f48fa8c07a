//! DIFF beside two scans of the past: the same documents, the same revisions, and a cost that follows from what changed.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everstrand_ion::{Value, text};
use everstrand_ledger::Ledger;
use everstrand_ledger::storage::views::{
    Applied, Batch, EachEntry, Keyspace, ViewError, ViewSnapshot, ViewStore,
};
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_testkit::Random;

use crate::support::{World, run};

/// The revisions of a table after a block, by the ids of their documents.
fn scanned(ledger: &Ledger, block: u64) -> BTreeMap<String, Value> {
    let rows = run(ledger, &format!("SELECT VALUE c FROM _ql_committed_t AS OF {block} AS c"), &[]).unwrap();
    rows.iter()
        .map(|row| {
            let revision = text::read_one(row).unwrap();
            let id = revision.get("metadata").and_then(|metadata| metadata.get("id")).unwrap();
            (id.as_text().unwrap().to_owned(), revision.clone())
        })
        .collect()
}

/// What DIFF says, by the ids of the documents.
fn differences(ledger: &Ledger, start: u64, end: Option<u64>) -> BTreeMap<String, Value> {
    let end = end.map_or(String::new(), |end| format!(", AS OF {end}"));
    let rows = run(ledger, &format!("SELECT VALUE d FROM DIFF(t, AS OF {start}{end}) AS d"), &[]).unwrap();
    let count = rows.len();
    let by_id: BTreeMap<String, Value> = rows
        .iter()
        .map(|row| {
            let row = text::read_one(row).unwrap();
            (row.get("documentId").and_then(Value::as_text).unwrap().to_owned(), row.clone())
        })
        .collect();
    assert_eq!(by_id.len(), count, "a document has one row");
    by_id
}

fn check(ledger: &Ledger, start: u64, end: u64, found: &BTreeMap<String, Value>) {
    let (before, after) = (scanned(ledger, start), scanned(ledger, end));
    let mut expected = 0;
    for id in before.keys().chain(after.keys().filter(|id| !before.contains_key(*id))) {
        let change = match (before.get(id), after.get(id)) {
            (Some(before), Some(after)) if before == after => continue,
            (Some(_), Some(_)) => "UPDATE",
            (Some(_), None) => "DELETE",
            (None, _) => "INSERT",
        };
        expected += 1;
        let row = found.get(id).unwrap_or_else(|| panic!("{id} between {start} and {end}: no row, {change}"));
        assert_eq!(row.get("change").and_then(Value::as_text), Some(change), "{id}, {start}, {end}");
        assert_eq!(row.get("before"), before.get(id), "{id} after block {start}");
        match after.get(id) {
            Some(after) => assert_eq!(row.get("after"), Some(after), "{id} after block {end}"),
            None => assert!(row.get("after").is_some_and(|after| after.get("data").is_none())),
        }
        let asked = format!(
            "SELECT VALUE d FROM DIFF(t, AS OF {start}, AS OF {end}) AS d WHERE d.documentId = '{id}'"
        );
        let alone = run(ledger, &asked, &[]).unwrap();
        assert_eq!(alone, [text::write(row)], "asked by its id");
    }
    assert_eq!(found.len(), expected, "between {start} and {end}");
}

/// A ledger with a random past, and its last block.
fn past(random: &mut Random, world: &World) -> (Ledger, u64) {
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "CREATE TABLE u", &[]).unwrap();
    let blocks = 10 + random.index(30);
    for _ in 0..blocks {
        let (low, high) = (random.index(8), random.index(12));
        let statement = match random.index(8) {
            0 | 1 => format!("INSERT INTO t << {{'k': {low}}}, {{'k': {high}}} >>"),
            2 | 3 => format!("UPDATE t SET v = {high} WHERE k = {low}"),
            4 => format!("DELETE FROM t WHERE k = {low}"),
            5 => "INSERT INTO u VALUE {'k': 1}".to_owned(),
            6 => format!("UPDATE t SET k = {high} WHERE k = {low}"),
            _ => {
                let old = "SELECT VALUE [h.blockAddress, h.metadata.id] FROM history(t) AS h \
                           WHERE h.dataHash IS MISSING AND h.data IS NOT MISSING";
                let old = run(&ledger, old, &[]).unwrap();
                if !old.is_empty() {
                    let revision = text::read_one(random.pick::<String>(&old)).unwrap();
                    let [address, id] = revision.as_sequence().unwrap() else { unreachable!("a pair") };
                    let table = run(
                        &ledger,
                        "SELECT VALUE tableId FROM information_schema.user_tables WHERE name = 't'",
                        &[],
                    );
                    let (address, id) = (text::write(address), text::write(id));
                    let parameters = [address.as_str(), &table.unwrap()[0], id.as_str()];
                    // The current revision of a document cannot be redacted.
                    let _ = run(&ledger, "EXEC REDACT_REVISION ?, ?, ?", &parameters);
                }
                continue;
            }
        };
        run(&ledger, &statement, &[]).unwrap();
    }
    let tip = ledger.digest().digest_tip_address.sequence_no;
    (ledger, tip)
}

/// Property: DIFF has a row for each document that differs between two scans of the past, and no other.
#[test]
fn it_finds_what_two_scans_of_the_past_find() {
    let seed = std::env::var("DIFF_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut random = Random::new(seed);
    let mut found = 0;
    for _ in 0..25 {
        let world = World::new();
        let (ledger, tip) = past(&mut random, &world);
        for _ in 0..12 {
            let one = 1 + random.index(tip as usize) as u64;
            let other = 1 + random.index(tip as usize) as u64;
            let (start, end) = (one.min(other), one.max(other));
            let rows = differences(&ledger, start, Some(end));
            found += rows.len();
            check(&ledger, start, end, &rows);
            assert_eq!(differences(&ledger, start, None), differences(&ledger, start, Some(tip)));
        }
    }
    assert!(found > 500, "too few differences: {found}");
}

/// More changes than one page and one batch of rows have, in one block and in many.
#[test]
fn it_goes_on_after_a_page() {
    let mut world = World::new();
    world.options.limits.set("documents-per-transaction=1000").unwrap();
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    let documents: Vec<String> = (0..300).map(|k| format!("{{'k': {k}}}")).collect();
    run(&ledger, &format!("INSERT INTO t << {} >>", documents.join(", ")), &[]).unwrap();
    for k in 0..200 {
        run(&ledger, &format!("UPDATE t SET v = 1 WHERE k = {k}"), &[]).unwrap();
    }
    let tip = ledger.digest().digest_tip_address.sequence_no;
    for (start, end) in [(1, tip), (2, tip), (1, 2), (50, 150)] {
        check(&ledger, start, end, &differences(&ledger, start, Some(end)));
    }
}

/// A view that counts how many entries it is asked for.
struct Counting(MemoryView, Arc<AtomicU64>);

struct CountingSnapshot(Box<dyn ViewSnapshot>, Arc<AtomicU64>);

impl ViewStore for Counting {
    fn applied(&self) -> Result<Option<Applied>, ViewError> {
        self.0.applied()
    }

    fn commit(&self, batch: &Batch, applied: Applied) -> Result<(), ViewError> {
        self.0.commit(batch, applied)
    }

    fn snapshot(&self) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        Ok(Box::new(CountingSnapshot(self.0.snapshot()?, Arc::clone(&self.1))))
    }

    fn persist(&self) -> Result<(), ViewError> {
        self.0.persist()
    }

    fn wipe(&self) -> Result<(), ViewError> {
        self.0.wipe()
    }
}

impl ViewSnapshot for CountingSnapshot {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.get(keyspace, key)
    }

    fn visit(
        &self,
        keyspace: Keyspace,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        descending: bool,
        limit: usize,
        each: &mut EachEntry<'_>,
    ) -> Result<(), ViewError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.visit(keyspace, lower, upper, descending, limit, &mut |key, value| {
            self.1.fetch_add(1, Ordering::Relaxed);
            each(key, value)
        })
    }
}

/// The cost follows from the changes between the two blocks, and not from the size of the table.
#[test]
fn it_reads_what_changed_and_not_the_table() {
    let asked = Arc::new(AtomicU64::new(0));
    let view = Counting(MemoryView::new(), Arc::clone(&asked));
    let mut world = World::with(Arc::new(MemorySlots::new()), Arc::new(view));
    world.options.limits.set("documents-per-transaction=5000").unwrap();
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "CREATE INDEX ON t (k)", &[]).unwrap();
    let documents: Vec<String> = (0..3000).map(|k| format!("{{'k': {k}}}")).collect();
    run(&ledger, &format!("INSERT INTO t << {} >>", documents.join(", ")), &[]).unwrap();
    let start = ledger.digest().digest_tip_address.sequence_no;
    for k in [5, 7, 5] {
        run(&ledger, &format!("UPDATE t SET v = 1 WHERE k = {k}"), &[]).unwrap();
    }
    asked.store(0, Ordering::Relaxed);
    assert_eq!(differences(&ledger, start, None).len(), 2);
    let changes = asked.swap(0, Ordering::Relaxed);
    assert!(changes <= 40, "{changes} entries for three revisions");
    scanned(&ledger, start);
    assert!(asked.load(Ordering::Relaxed) > 3000, "a scan reads the table");
}
