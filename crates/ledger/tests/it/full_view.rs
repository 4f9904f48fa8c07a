//! Row F25 of the failure table: the journal takes a commit, and the disk of the view is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use everstrand_ledger::storage::views::{Applied, Batch, ViewError, ViewSnapshot, ViewStore};
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_ledger::{Committing, LedgerError, LedgerOptions, Status};

use crate::fault_table::{audited, insert, numbers, wait_for_fault};
use crate::support::{World, all, run};

/// A view whose disk fills up.
struct FullView {
    inner: MemoryView,
    is_full: Arc<AtomicBool>,
    /// Whether there is a place for another view beside it.
    has_room: bool,
}

impl ViewStore for FullView {
    fn applied(&self) -> Result<Option<Applied>, ViewError> {
        self.inner.applied()
    }

    fn commit(&self, batch: &Batch, applied: Applied) -> Result<(), ViewError> {
        match self.is_full.load(Ordering::SeqCst) {
            true => Err(ViewError("no space left".into())),
            false => self.inner.commit(batch, applied),
        }
    }

    fn snapshot(&self) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        self.inner.snapshot()
    }

    fn persist(&self) -> Result<(), ViewError> {
        self.inner.persist()
    }

    fn fresh(&self) -> Result<Option<Arc<dyn ViewStore>>, ViewError> {
        let (inner, is_full) = (MemoryView::new(), self.is_full.clone());
        Ok(self.has_room.then(|| Arc::new(FullView { inner, is_full, has_room: true }) as Arc<dyn ViewStore>))
    }

    fn wipe(&self) -> Result<(), ViewError> {
        self.inner.wipe()
    }
}

/// When there is room again the view is built anew and commits go on, without a new opening.
#[test]
fn f25_a_view_that_failed_is_built_anew_while_reads_go_on() {
    for committing in [Committing::OnThread, Committing::ByCaller] {
        let is_full = Arc::new(AtomicBool::new(false));
        let view = FullView { inner: MemoryView::new(), is_full: is_full.clone(), has_room: true };
        let mut world = World::with(Arc::new(MemorySlots::new()), Arc::new(view));
        world.options.committing = committing;
        world.options.limits.transaction_millis = u64::MAX / 4;
        // The thread does not hear of a clock that is turned.
        world.options.idle_millis = 1;
        let ledger = world.open();
        let run = |statement: &str| {
            let mut transaction = ledger.start_transaction()?;
            let values = all(&mut transaction, statement, &[])?;
            let commit = transaction.commit_unchecked();
            // Nobody else does it.
            while committing == Committing::ByCaller && ledger.step() == Some(0) {}
            commit.wait().map(|_| values)
        };
        run("CREATE TABLE t").unwrap();
        run("INSERT INTO t << {'n': 1}, {'n': 2} >>").unwrap();
        run("CREATE INDEX ON t (n)").unwrap();
        while ledger.is_building_index() {
            ledger.step();
        }
        let mut expected = vec!["1".to_owned(), "2".to_owned()];
        for n in 3..6 {
            is_full.store(true, Ordering::SeqCst);
            run(&format!("INSERT INTO t VALUE {{'n': {n}}}")).unwrap();
            expected.push(n.to_string());
            while !matches!(ledger.status(), Status::Faulted(LedgerError::View(_))) {
                std::thread::yield_now();
            }
            // As long as it is full nothing changes, however often another is begun.
            for _ in 0..20 {
                world.clock.advance(10_000);
                assert!(matches!(run("INSERT INTO t VALUE {'n': 9}"), Err(LedgerError::Unavailable(_))));
                assert_eq!(run("SELECT VALUE n FROM t ORDER BY n").unwrap(), expected);
            }
            let older = ledger.start_transaction().unwrap();
            is_full.store(false, Ordering::SeqCst);
            while ledger.status() != Status::Open {
                world.clock.advance(10_000);
                ledger.step();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            let mut older = older;
            assert_eq!(all(&mut older, "SELECT VALUE n FROM t ORDER BY n", &[]).unwrap(), expected);
            assert_eq!(run("SELECT VALUE n FROM t WHERE n > 1 ORDER BY n").unwrap(), expected[1..]);
        }
        audited(&World { options: LedgerOptions::default(), ..world.clone() }, &ledger);
    }
}

#[test]
fn f25_a_view_that_cannot_take_a_commit_does_not_undo_it() {
    let is_full = Arc::new(AtomicBool::new(false));
    let view = FullView { inner: MemoryView::new(), is_full: is_full.clone(), has_room: false };
    let views = Arc::new(view);
    let world = World::with(Arc::new(MemorySlots::new()), views.clone());
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "CREATE INDEX ON t (n)", &[]).unwrap();
    for n in [1, 5, 6] {
        insert(&ledger, n).unwrap();
    }
    let older = ledger.start_transaction().unwrap();
    is_full.store(true, Ordering::SeqCst);
    // It is in the journal: it has happened.
    let statement = "UPDATE t SET n = 2 WHERE n = 5";
    run(&ledger, statement, &[]).unwrap();
    wait_for_fault(&ledger);
    assert!(matches!(insert(&ledger, 3), Err(LedgerError::Unavailable(_))));
    // What is served is the state after it, by scan, by index and by history, and its reads can be committed.
    assert_eq!(numbers(&ledger), [1, 2, 6]);
    assert_eq!(run(&ledger, "SELECT VALUE n FROM t WHERE n IN (1, 2, 5)", &[]).unwrap().len(), 2);
    assert_eq!(run(&ledger, "SELECT VALUE n FROM t WHERE n > 1 ORDER BY n DESC", &[]).unwrap(), ["6", "2"]);
    assert_eq!(run(&ledger, "SELECT VALUE h.data.n FROM history(t) AS h", &[]).unwrap().len(), 4);
    let tip = ledger.digest().digest_tip_address.sequence_no;
    assert!(ledger.block(tip).unwrap().is_some() && ledger.block_proof(tip, tip).is_ok());
    // Whoever read before it meets it as ever.
    let mut older = older;
    assert_eq!(all(&mut older, "SELECT VALUE n FROM t WHERE n = 5", &[]).unwrap(), ["5"]);
    assert!(matches!(older.commit_unchecked().wait(), Err(LedgerError::OccConflict { .. })));
    drop(ledger);
    is_full.store(false, Ordering::SeqCst);
    let ledger = world.open();
    assert_eq!(numbers(&ledger), [1, 2, 6]);
    audited(&world, &ledger);
}

/// Who closes a ledger whose last commit its view does not take is not kept waiting until it does.
#[test]
fn a_ledger_whose_view_fails_as_it_is_closed_closes() {
    for committing in [Committing::OnThread, Committing::ByCaller] {
        let is_full = Arc::new(AtomicBool::new(false));
        let view = FullView { inner: MemoryView::new(), is_full: is_full.clone(), has_room: true };
        let mut world = World::with(Arc::new(MemorySlots::new()), Arc::new(view));
        world.options.committing = committing;
        let ledger = world.open();
        let mut transaction = ledger.start_transaction().unwrap();
        transaction.execute("CREATE TABLE t", &[]).unwrap();
        is_full.store(true, Ordering::SeqCst);
        let commit = transaction.commit_unchecked();
        ledger.close();
        assert!(commit.wait().is_ok());
        assert_eq!(ledger.status(), Status::Closed);
        is_full.store(false, Ordering::SeqCst);
        drop(ledger);
        let again = World { options: LedgerOptions::default(), ..world.clone() }.open();
        insert(&again, 1).unwrap();
        audited(&world, &again);
    }
}
