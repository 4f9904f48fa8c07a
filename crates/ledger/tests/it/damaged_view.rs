//! What the ledger reads from a view may be anything: each entry of a real view is cut, changed and taken away,
//! and the ledger over it is opened, asked and written to. It answers or says what failed; it never panics, and
//! whatever it commits, its journal can be replayed. Tables and indexes as stored are never believed when changed.
//! That damaged files are noticed in the first place is the engines' part, by their checksums: see `views`.

use std::ops::Bound;
use std::sync::Arc;

use everstrand_ledger::storage::views::{Batch, Keyspace, ViewSnapshot, ViewStore};
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_ledger::{Ledger, link_of};

use crate::support::{World, run};

const QUERIES: [&str; 9] = [
    "SELECT * FROM t",
    "SELECT * FROM t WHERE a = 1",
    "SELECT * FROM t WHERE a > 0 AND a < 9 ORDER BY a DESC",
    "SELECT * FROM t BY id WHERE id = '0000000000000000000009'",
    "SELECT COUNT(*) FROM t, u WHERE t.a = u.a",
    "SELECT * FROM _ql_committed_t",
    "SELECT * FROM history(t)",
    "SELECT * FROM information_schema.user_tables",
    "SELECT * FROM t AS OF 3",
];

fn filled() -> (World, Arc<MemoryView>) {
    let view = Arc::new(MemoryView::new());
    let slots = Arc::new(MemorySlots::new(link_of));
    let world = World::with(slots, view.clone());
    let ledger = world.open();
    for statement in [
        "CREATE TABLE t",
        "CREATE TABLE u",
        "CREATE INDEX ON t (a)",
        "INSERT INTO t << {'a': 1, 'b': 'x'}, {'a': 2, 'c': [1, 2.5, {'d': `2020T`}]}, {'b': null} >>",
        "INSERT INTO u << {'a': 1}, {'a': 3} >>",
        "UPDATE t SET b = 'y' WHERE a = 1",
        "DELETE FROM t WHERE a = 2",
    ] {
        run(&ledger, statement, &[]).unwrap();
    }
    ledger.close();
    (world, view)
}

fn entries(snapshot: &dyn ViewSnapshot) -> Vec<(Keyspace, Vec<u8>, Vec<u8>)> {
    let all = |keyspace| {
        let range = snapshot.range(keyspace, Bound::Unbounded, Bound::Unbounded, false, usize::MAX).unwrap();
        range.into_iter().map(move |(key, value)| (keyspace, key, value))
    };
    Keyspace::ALL.into_iter().flat_map(all).collect()
}

/// Uses all of a ledger that reads the view; errors are answers too.
fn use_up(ledger: &Ledger) {
    for query in QUERIES {
        let _ = run(ledger, query, &[]);
    }
    let tip = ledger.digest().digest_tip_address.sequence_no;
    for sequence_no in 0..tip.min(10) {
        let _ = ledger.block(sequence_no);
    }
    let _ = run(ledger, "UPDATE t SET b = 'z'", &[]);
    let _ = run(ledger, "INSERT INTO t VALUE {'a': 7}", &[]);
    let _ = run(ledger, "SELECT * FROM history(t)", &[]);
    ledger.close();
}

fn answers(ledger: &Ledger) -> Vec<Vec<String>> {
    QUERIES.iter().map(|query| run(ledger, query, &[]).unwrap()).collect()
}

#[test]
fn no_entry_of_a_view_can_make_a_ledger_panic() {
    let (world, view) = filled();
    let expected = answers(&world.open());
    let count = entries(&*view.snapshot().unwrap()).len();
    assert!(count > 30, "{count} entries");
    for at in 0..count {
        for damage in 0..6 {
            let (world, view) = filled();
            let (keyspace, key, mut value) = entries(&*view.snapshot().unwrap()).swap_remove(at);
            let middle = value.len() / 2;
            match damage {
                0 => value.truncate(middle),
                1 => value.clear(),
                2 => value.iter_mut().for_each(|byte| *byte = 0xff),
                3 if !value.is_empty() => value[middle] ^= 0x55,
                4 => value.extend_from_slice(&[0xde; 40]),
                _ => value.iter_mut().take(10).for_each(|byte| *byte = byte.wrapping_add(1)),
            }
            let mut batch = Batch::default();
            match damage {
                5 => batch.delete(keyspace, key),
                _ => batch.put(keyspace, key, value),
            }
            let applied = view.applied().unwrap().unwrap();
            view.commit(&batch, applied).unwrap();
            // A state that cannot be read is built anew, so it opens whatever was damaged.
            let ledger = world.open();
            if keyspace == Keyspace::Catalog {
                assert_eq!(answers(&ledger), expected, "entry {at}, damage {damage}");
            }
            use_up(&ledger);
            let replayed = World { views: Arc::new(MemoryView::new()), ..world.clone() }.try_open();
            assert_eq!(
                replayed.map(|replayed| replayed.digest()),
                Ok(ledger.digest()),
                "entry {at} of {keyspace:?}, damage {damage}"
            );
        }
    }
}
