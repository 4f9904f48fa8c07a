//! What the ledger reads from a view may be anything: each entry of a real view is cut, changed and taken away,
//! and the ledger over it is opened, asked and written to. It answers or says what failed; it never panics, and
//! whatever it commits, its journal can be replayed. Tables and indexes as stored are never believed when changed.
//! That damaged files are noticed in the first place is the engines' part, by their checksums: see `views`.

use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use everstrand_journal::JournalBlock;
use everstrand_ledger::storage::views::{Applied, Batch, Keyspace, ViewError, ViewSnapshot, ViewStore};
use everstrand_ledger::storage::{FjallCache, FjallView, FjallViewOptions, MemorySlots, MemoryView};
use everstrand_ledger::{Ledger, LedgerError, Status};

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
    let slots = Arc::new(MemorySlots::new());
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

/// Counts how often it is distrusted.
struct CountingView {
    inner: Arc<MemoryView>,
    /// Of those that followed it, too.
    distrusts: Arc<AtomicUsize>,
    discarded: AtomicUsize,
}

impl CountingView {
    fn new(inner: Arc<MemoryView>, distrusts: Arc<AtomicUsize>) -> Arc<CountingView> {
        Arc::new(CountingView { inner, distrusts, discarded: AtomicUsize::new(0) })
    }
}

impl ViewStore for CountingView {
    fn applied(&self) -> Result<Option<Applied>, ViewError> {
        self.inner.applied()
    }

    fn commit(&self, batch: &Batch, applied: Applied) -> Result<(), ViewError> {
        self.inner.commit(batch, applied)
    }

    fn snapshot(&self) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        self.inner.snapshot()
    }

    fn persist(&self) -> Result<(), ViewError> {
        self.inner.persist()
    }

    fn distrust(&self, _why: &str) {
        self.distrusts.fetch_add(1, Ordering::SeqCst);
    }

    fn fresh(&self) -> Result<Option<Arc<dyn ViewStore>>, ViewError> {
        Ok(Some(CountingView::new(Arc::new(MemoryView::new()), self.distrusts.clone())))
    }

    fn discard(&self) {
        self.discarded.fetch_add(1, Ordering::SeqCst);
    }

    fn wipe(&self) -> Result<(), ViewError> {
        self.inner.wipe()
    }
}

/// Damage that a statement or a commit meets is said as what it is, and the view is not trusted again.
#[test]
fn damage_that_is_met_is_remembered() {
    for (keyspace, statement) in [
        (Keyspace::Documents, "SELECT * FROM t"),
        (Keyspace::History, "SELECT * FROM history(t)"),
        (Keyspace::Blocks, "SELECT * FROM t AS OF `2020-01-01T00:00:00Z`"),
        (Keyspace::Ids, "UPDATE t SET b = 'z'"),
    ] {
        let (world, view) = filled();
        let mut batch = Batch::default();
        for (_, key, value) in entries(&*view.snapshot().unwrap()).into_iter().filter(|it| it.0 == keyspace) {
            batch.put(keyspace, key, &value[..value.len() / 2]);
        }
        view.commit(&batch, view.applied().unwrap().unwrap()).unwrap();
        let counting = CountingView::new(view, Arc::default());
        let ledger = World { views: counting.clone(), ..world.clone() }.open();
        let mut older = ledger.start_transaction().unwrap();
        let met = run(&ledger, statement, &[]);
        let Err(error @ LedgerError::View(_)) = met else { panic!("{statement}: {met:?}") };
        assert!(error.to_string().contains("builds another view"), "what to do: {error}");
        assert_eq!(counting.distrusts.load(Ordering::SeqCst), 1, "{statement}");
        // Another is built, and takes its place.
        while counting.discarded.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        assert!(run(&ledger, statement, &[]).is_ok());
        // Whoever has the old one still meets its damage, which says nothing about the new one.
        assert!(matches!(older.execute(statement, &[]), Err(LedgerError::View(_))));
        assert_eq!(counting.distrusts.load(Ordering::SeqCst), 1, "{statement}");
        ledger.close();
        let replayed = World { views: Arc::new(MemoryView::new()), ..world }.open();
        assert_eq!((run(&replayed, statement, &[]).is_ok(), replayed.status()), (true, Status::Open));
    }
}

#[test]
fn a_transaction_whose_block_is_damaged_is_not_one_that_wrote_none() {
    let (world, view) = filled();
    let ledger = world.open();
    let Some(JournalBlock::Own(block)) = ledger.block(3).unwrap() else { panic!("it is the ledger's own") };
    assert_eq!(ledger.block_of_transaction(block.transaction_id()), Ok(Some(3)));
    drop(ledger);
    let mut batch = Batch::default();
    for (_, key, value) in
        entries(&*view.snapshot().unwrap()).into_iter().filter(|it| it.0 == Keyspace::Blocks)
    {
        batch.put(Keyspace::Blocks, key, &value[1..]);
    }
    view.commit(&batch, view.applied().unwrap().unwrap()).unwrap();
    let found = world.open().block_of_transaction(block.transaction_id());
    assert!(matches!(found, Err(LedgerError::View(_))), "{found:?}");
}

/// What a digest or a proof meets in the stored tree is the view's damage too, and not what the client asked wrong.
#[test]
fn damage_that_a_proof_meets_is_remembered() {
    type Ask = fn(&Ledger, u64) -> Result<(), LedgerError>;
    let asks: [Ask; 3] = [
        |ledger, tip| ledger.digest_at(tip).map(drop),
        |ledger, tip| ledger.block_proof(0, tip).map(drop),
        |ledger, tip| ledger.consistency_proof(0, tip).map(drop),
    ];
    for ask in asks {
        let (world, view) = filled();
        let mut batch = Batch::default();
        for (_, key, value) in
            entries(&*view.snapshot().unwrap()).into_iter().filter(|it| it.0 == Keyspace::Tiles)
        {
            // Opening looks at the leaves.
            batch.put(Keyspace::Tiles, key, &value[..32]);
        }
        view.commit(&batch, view.applied().unwrap().unwrap()).unwrap();
        let counting = CountingView::new(view, Arc::default());
        let ledger = World { views: counting.clone(), ..world }.open();
        let tip = ledger.digest().digest_tip_address.sequence_no;
        assert!(matches!(ask(&ledger, tip + 1), Err(LedgerError::BadRequest { .. })));
        assert_eq!(counting.distrusts.load(Ordering::SeqCst), 0);
        let met = ask(&ledger, tip);
        assert!(matches!(met, Err(LedgerError::View(_))), "{met:?}");
        while counting.discarded.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        assert_eq!(ask(&ledger, tip), Ok(()));
    }
}

/// A bit flips deep in one of the engine's files, where opening does not look.
#[test]
fn a_flipped_bit_is_mended_while_the_ledger_is_open() {
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let options = FjallViewOptions {
        cache: FjallCache::new(1 << 20),
        memtable_bytes: 64 * 1024,
        ..FjallViewOptions::default()
    };
    let view = || Arc::new(FjallView::open(directory.path().join("view"), options.clone()).unwrap());
    let slots = Arc::new(MemorySlots::new());
    let ledger = World::with(slots.clone(), view()).open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    let insert = |first: u32| {
        let row = |n| format!("{{'n': {n}, 'text': '{}'}}", format!("{n}").repeat(60));
        let rows = (first..first + 40).map(row).collect::<Vec<_>>().join(", ");
        run(&ledger, &format!("INSERT INTO t << {rows} >>"), &[]).unwrap();
    };
    // Until the engine's background has written some of it to a table.
    let mut rows = 0;
    while tables(directory.path()).is_empty() {
        insert(rows);
        rows += 40;
    }
    let expected = run(&ledger, "SELECT * FROM t", &[]).unwrap();
    drop(ledger);
    for table in tables(directory.path()) {
        let mut bytes = std::fs::read(&table).unwrap();
        let middle = bytes.len() / 3;
        bytes[middle] ^= 4;
        std::fs::write(&table, bytes).unwrap();
    }

    let ledger = World::with(slots.clone(), view()).open();
    let met = run(&ledger, "SELECT * FROM t", &[]);
    assert!(matches!(met, Err(LedgerError::View(_))), "{:?}", met.map(|rows| rows.len()));
    let mended = loop {
        match run(&ledger, "SELECT * FROM t", &[]) {
            Ok(rows) => break rows,
            Err(LedgerError::View(_)) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    };
    assert!(mended == expected);
    run(&ledger, "INSERT INTO t VALUE {'n': 0}", &[]).unwrap();
    drop(ledger);
    let ledger = World::with(slots, view()).open();
    assert_eq!(run(&ledger, "SELECT * FROM t", &[]).unwrap().len(), expected.len() + 1);
}

/// The engine's files of sorted entries, but for small ones, of which opening reads all.
fn tables(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| if path.is_dir() { tables(&path) } else { vec![path] };
    let is_table = |path: &PathBuf| {
        path.parent().is_some_and(|it| it.ends_with("tables"))
            && path.metadata().is_ok_and(|about| about.len() > 40_000)
    };
    entries.flat_map(below).filter(is_table).collect()
}
