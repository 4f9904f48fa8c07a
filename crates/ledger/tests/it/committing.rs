//! What drives the commits: the committing thread or the caller, when the view is saved, and what is left when
//! the thread panics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::views::{Applied, Batch, ViewError, ViewSnapshot, ViewStore};
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_ledger::{Committing, LedgerError, Status};

use crate::support::{World, run};

/// A view that counts how often it was saved, and tells.
struct CountingView {
    view: MemoryView,
    saved: AtomicU64,
    built_anew: AtomicU64,
    told: Mutex<Sender<()>>,
}

impl CountingView {
    fn new() -> (Arc<CountingView>, Receiver<()>) {
        let (sender, receiver) = channel();
        let view = CountingView {
            view: MemoryView::new(),
            saved: AtomicU64::new(0),
            built_anew: AtomicU64::new(0),
            told: sender.into(),
        };
        (Arc::new(view), receiver)
    }
}

impl ViewStore for CountingView {
    fn applied(&self) -> Result<Option<Applied>, ViewError> {
        self.view.applied()
    }

    fn commit(&self, batch: &Batch, applied: Applied) -> Result<(), ViewError> {
        self.view.commit(batch, applied)
    }

    fn snapshot(&self) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        self.view.snapshot()
    }

    fn persist(&self) -> Result<(), ViewError> {
        self.saved.fetch_add(1, Ordering::SeqCst);
        let _ = self.told.lock().unwrap().send(());
        self.view.persist()
    }

    fn wipe(&self) -> Result<(), ViewError> {
        self.view.wipe()
    }

    fn fresh(&self) -> Result<Option<Arc<dyn ViewStore>>, ViewError> {
        self.built_anew.fetch_add(1, Ordering::SeqCst);
        self.view.fresh()
    }
}

#[test]
fn a_view_is_saved_some_time_after_it_changed_and_once() {
    let (view, _told) = CountingView::new();
    let mut world = World::with(Arc::new(MemorySlots::new()), view.clone());
    world.options.committing = Committing::ByCaller;
    world.options.persist_millis = 3000;
    let ledger = world.open();
    let step = || {
        while ledger.step().is_some() {}
        view.saved.load(Ordering::SeqCst)
    };
    let before = step();
    let commit = || {
        let mut transaction = ledger.start_transaction().unwrap();
        transaction.execute("SELECT * FROM information_schema.user_tables", &[]).unwrap();
        transaction.execute(&format!("CREATE TABLE t{}", step()), &[]).unwrap();
        let committed = transaction.commit_unchecked();
        step();
        committed.wait().unwrap();
    };
    for round in 0..3 {
        commit();
        world.clock.advance(2999);
        assert_eq!(step(), before + round, "not yet");
        world.clock.advance(1);
        assert_eq!(step(), before + round + 1);
        world.clock.advance(10_000);
        assert_eq!(step(), before + round + 1, "it has not changed since");
    }
    assert_eq!(view.built_anew.load(Ordering::SeqCst), 0, "nothing is wrong with it");
}

/// The thread saves the view before it rests, although the time for it has not come.
#[test]
fn a_view_is_saved_when_there_is_nothing_else_to_do() {
    let (view, told) = CountingView::new();
    let mut world = World::with(Arc::new(MemorySlots::new()), view);
    world.options.persist_millis = u64::MAX;
    world.options.idle_millis = 1;
    let ledger = world.open();
    while told.try_recv().is_ok() {}
    for table in ["a", "b", "c"] {
        run(&ledger, &format!("CREATE TABLE {table}"), &[]).unwrap();
        told.recv_timeout(Duration::from_secs(60)).unwrap();
    }
    assert_eq!(ledger.status(), Status::Open);
}

/// Between two commits it neither saves the view nor ends: others may follow at once.
#[test]
fn a_view_is_not_saved_at_every_pause() {
    let (view, told) = CountingView::new();
    let mut world = World::with(Arc::new(MemorySlots::new()), view);
    world.options.persist_millis = u64::MAX;
    world.options.idle_millis = 600_000;
    let ledger = world.open();
    while told.try_recv().is_ok() {}
    for number in 0..10 {
        run(&ledger, &format!("CREATE TABLE t{number}"), &[]).unwrap();
    }
    assert!(told.try_recv().is_err());
}

/// What goes wrong with a view, and with those that are begun in its place.
#[derive(Default)]
struct Faults {
    commit: AtomicBool,
    fresh: AtomicBool,
}

struct FailingView {
    view: MemoryView,
    faults: Arc<Faults>,
}

impl FailingView {
    fn new(faults: &Arc<Faults>) -> Arc<FailingView> {
        Arc::new(FailingView { view: MemoryView::new(), faults: Arc::clone(faults) })
    }
}

impl ViewStore for FailingView {
    fn applied(&self) -> Result<Option<Applied>, ViewError> {
        self.view.applied()
    }

    fn commit(&self, batch: &Batch, applied: Applied) -> Result<(), ViewError> {
        match self.faults.commit.load(Ordering::SeqCst) {
            true => Err(ViewError("no commit".into())),
            false => self.view.commit(batch, applied),
        }
    }

    fn snapshot(&self) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        self.view.snapshot()
    }

    fn persist(&self) -> Result<(), ViewError> {
        self.view.persist()
    }

    fn wipe(&self) -> Result<(), ViewError> {
        self.view.wipe()
    }

    fn fresh(&self) -> Result<Option<Arc<dyn ViewStore>>, ViewError> {
        match self.faults.fresh.load(Ordering::SeqCst) {
            true => Err(ViewError("no place for another".into())),
            false => Ok(Some(FailingView::new(&self.faults))),
        }
    }
}

/// The attempts to build a view anew become rarer, and after one that was successful there is a rest.
#[test]
fn a_view_is_not_built_anew_again_and_again() {
    let faults = Arc::new(Faults::default());
    let mut world = World::with(Arc::new(MemorySlots::new()), FailingView::new(&faults));
    world.options.committing = Committing::ByCaller;
    let ledger = world.open();
    let commit = |table: &str| {
        let mut transaction = ledger.start_transaction().unwrap();
        transaction.execute(&format!("CREATE TABLE {table}"), &[]).unwrap();
        transaction.commit_unchecked()
    };
    // The pauses before each of the attempts; the clock moves by no more than them.
    let pauses = |attempts: usize| {
        let mut pauses = Vec::new();
        while pauses.len() < attempts {
            match ledger.step() {
                Some(0) => {}
                Some(pause) => {
                    pauses.push(pause);
                    world.clock.advance(u32::try_from(pause).unwrap());
                }
                None => break,
            }
        }
        pauses
    };
    faults.commit.store(true, Ordering::SeqCst);
    faults.fresh.store(true, Ordering::SeqCst);
    let committed = commit("a");
    assert_eq!(pauses(9), [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    assert!(committed.wait().is_ok());
    assert!(matches!(ledger.status(), Status::Faulted(LedgerError::View(_))));
    faults.commit.store(false, Ordering::SeqCst);
    faults.fresh.store(false, Ordering::SeqCst);
    assert_eq!(pauses(1), [0; 0]);
    assert_eq!(ledger.status(), Status::Open);
    faults.commit.store(true, Ordering::SeqCst);
    let committed = commit("b");
    assert_eq!(pauses(1), [10_000]);
    assert!(committed.wait().is_ok());
}

/// A store whose creates panic when they are allowed to.
struct PanickingSlots {
    slots: MemorySlots,
    panics: Mutex<Option<Receiver<()>>>,
}

impl SlotStore for PanickingSlots {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        let panics = self.panics.lock().unwrap().take();
        if let Some(allowed) = panics {
            allowed.recv().unwrap();
            panic!("on purpose");
        }
        self.slots.create(slot, bytes)
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        self.slots.read(slot)
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        self.slots.tip_hint()
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        self.slots.redact(slot, stored, bytes)
    }
}

/// A panic is a bug; nobody waits for ever because of it, and nothing is written after it.
#[test]
fn a_panic_of_the_committing_thread_is_told_to_all_who_wait() {
    for closing in [false, true] {
        let (allow, allowed) = channel();
        let slots = Arc::new(PanickingSlots { slots: MemorySlots::new(), panics: Mutex::new(None) });
        let world = World::with(slots.clone(), Arc::new(MemoryView::new()));
        let ledger = world.open();
        run(&ledger, "CREATE TABLE t", &[]).unwrap();
        *slots.panics.lock().unwrap() = Some(allowed);
        let insert = || {
            let mut transaction = ledger.start_transaction().unwrap();
            transaction.execute("INSERT INTO t VALUE {'k': 1}", &[]).unwrap();
            transaction.commit_unchecked()
        };
        let on_its_way = insert();
        while slots.panics.lock().unwrap().is_some() {
            std::thread::yield_now();
        }
        let waiting = insert();
        std::thread::scope(|scope| {
            if closing {
                scope.spawn(|| ledger.close());
                while ledger.status() == Status::Open {
                    std::thread::yield_now();
                }
            }
            allow.send(()).unwrap();
        });
        assert!(matches!(on_its_way.wait(), Err(LedgerError::OutcomeUnknown(_))));
        // Its turn had not come.
        assert!(matches!(waiting.wait(), Err(LedgerError::Unavailable(_))));
        ledger.close();
        assert_eq!(ledger.status(), Status::Closed);
        assert_eq!(slots.tip_hint().unwrap(), Some(1));
        assert_eq!(run(&world.open(), "SELECT VALUE k FROM t", &[]).unwrap(), [""; 0]);
    }
}

#[test]
fn a_ledger_whose_thread_has_panicked_takes_no_commits() {
    let (allow, allowed) = channel();
    let slots = Arc::new(PanickingSlots { slots: MemorySlots::new(), panics: Mutex::new(None) });
    let world = World::with(slots.clone(), Arc::new(MemoryView::new()));
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    *slots.panics.lock().unwrap() = Some(allowed);
    allow.send(()).unwrap();
    assert!(run(&ledger, "INSERT INTO t VALUE {'k': 1}", &[]).is_err());
    while ledger.status() == Status::Open {
        std::thread::yield_now();
    }
    assert!(matches!(ledger.status(), Status::Faulted(LedgerError::Internal(_))));
    let refused = run(&ledger, "INSERT INTO t VALUE {'k': 1}", &[]);
    let Err(LedgerError::Unavailable(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("the committing thread failed"), "{why}");
    assert_eq!(run(&ledger, "SELECT VALUE k FROM t", &[]).unwrap(), [""; 0]);
}
