//! Rows of the failure table that need several servers, a store that is silent for long, or one whose operator broke it.
//! `docs/testing.md` has the whole table, and `fault_table.rs` the rows that need one server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_ledger::{
    BufferedBytes, Checked, CommitFuture, Committed, Committing, Ledger, LedgerError, LedgerOptions, Status,
    ends_deleted, seal_deleted,
};

use crate::fault_table::audited;
use crate::support::{World, all, documents};

type Hook = Box<dyn FnOnce() + Send>;

/// A store to which things happen in the middle of a request, and whose operator may do what nobody should.
#[derive(Default)]
struct Store {
    slots: MemorySlots,
    /// Done when the next create arrives, before it takes effect.
    before_create: Mutex<Option<Hook>>,
    /// Done when the next read was made, before it is answered.
    after_read: Mutex<Option<Hook>>,
    /// What stands in these slots instead: other bytes, or nothing.
    changed: Mutex<BTreeMap<u64, Option<Vec<u8>>>>,
    /// How many requests go wrong from now on: creates leave their outcome open, reads fail.
    silent: Mutex<usize>,
}

impl Store {
    fn do_hook(hook: &Mutex<Option<Hook>>) {
        let hook = hook.lock().unwrap().take();
        if let Some(hook) = hook {
            hook();
        }
    }

    fn is_silent(&self) -> bool {
        let mut silent = self.silent.lock().unwrap();
        *silent = silent.saturating_sub(1);
        *silent > 0
    }

    fn fall_silent(&self) {
        *self.silent.lock().unwrap() = usize::MAX;
    }

    fn answer_again(&self) {
        *self.silent.lock().unwrap() = 0;
    }

    fn delete(&self, slot: u64) {
        self.changed.lock().unwrap().insert(slot, None);
    }

    fn overwrite(&self, slot: u64, bytes: Vec<u8>) {
        self.changed.lock().unwrap().insert(slot, Some(bytes));
    }

    fn restore(&self) {
        self.changed.lock().unwrap().clear();
    }
}

impl SlotStore for Store {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        Store::do_hook(&self.before_create);
        if self.is_silent() {
            return Err(SlotError::Unknown("503 Slow Down".to_owned()));
        }
        if let Some(changed) = self.changed.lock().unwrap().get_mut(&slot) {
            return Ok(match changed {
                Some(_) => Created::Exists,
                None => {
                    *changed = Some(bytes.to_vec());
                    Created::Won
                }
            });
        }
        self.slots.create(slot, bytes)
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        if self.is_silent() {
            return Err(SlotError::NotSent("503 Slow Down".to_owned()));
        }
        let changed = self.changed.lock().unwrap().get(&slot).cloned();
        let read = match changed {
            Some(changed) => Ok(changed),
            None => self.slots.read(slot),
        };
        Store::do_hook(&self.after_read);
        read
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        let last = self.slots.tip_hint()?;
        let changed = self.changed.lock().unwrap();
        Ok(last.and_then(|last| (0..=last).rev().find(|slot| changed.get(slot) != Some(&None))))
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        self.slots.redact(slot, stored, bytes)
    }
}

/// A server over a store, which the test drives.
#[derive(Clone)]
struct Server {
    world: World,
    ledger: Ledger,
}

impl Server {
    fn over(world: &World) -> Server {
        let options = LedgerOptions {
            is_shared: true,
            committing: Committing::ByCaller,
            unknown_outcome_attempts: u32::MAX,
            ..world.options.clone()
        };
        let world = World { views: Arc::new(MemoryView::new()), options, ..world.clone() };
        Server { ledger: world.open(), world }
    }

    /// Does what is under way, as far as that is possible within some steps.
    fn work(&self) {
        for _ in 0..200 {
            if self.ledger.step().is_none() {
                return;
            }
        }
    }

    fn begin(&self, statement: &str) -> CommitFuture {
        let mut transaction = self.ledger.start_transaction().unwrap();
        transaction.execute(statement, &[]).unwrap();
        transaction.commit_unchecked()
    }

    fn run(&self, statement: &str, parameters: &[&str]) -> Result<Vec<String>, LedgerError> {
        let mut transaction = self.ledger.start_transaction()?;
        let values = all(&mut transaction, statement, parameters)?;
        let committed = transaction.commit_unchecked();
        self.work();
        committed.wait().map(|_| values)
    }

    fn insert(&self, n: u64) {
        self.run("INSERT INTO t VALUE ?", &[&format!("{{n: {n}}}")]).unwrap();
    }

    /// A strict read: what a transaction sees that begins behind a barrier.
    fn read(&self, query: &str) -> Result<Vec<String>, LedgerError> {
        let barrier = self.ledger.read_barrier();
        self.work();
        barrier.wait()?;
        self.run(query, &[])
    }

    fn numbers(&self) -> Vec<String> {
        let mut numbers = self.read("SELECT VALUE n FROM t").unwrap();
        numbers.sort();
        numbers
    }
}

/// Two servers over one store, with an empty table.
fn two_servers() -> (Arc<Store>, World, Server, Server) {
    let store = Arc::new(Store::default());
    let world = World::with(store.clone(), Arc::new(MemoryView::new()));
    let one = Server::over(&world);
    one.run("CREATE TABLE t", &[]).unwrap();
    let two = Server::over(&world);
    (store, world, one, two)
}

/// [`audited`], with a server that drives itself.
fn audit(world: &World) {
    let world = World { views: Arc::new(MemoryView::new()), ..world.clone() };
    audited(&world, &world.open());
}

type Waiting = std::pin::Pin<Box<dyn Future<Output = Result<Committed, LedgerError>>>>;

/// A commit that is not answered yet.
fn unanswered(commit: CommitFuture) -> Waiting {
    let mut commit: Waiting = Box::pin(commit.into_future());
    if let Some(answer) = answer(&mut commit) {
        panic!("it is answered: {answer:?}");
    }
    commit
}

fn answer(commit: &mut Waiting) -> Option<Result<Committed, LedgerError>> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match commit.as_mut().poll(&mut context) {
        std::task::Poll::Ready(answer) => Some(answer),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn f11_while_the_store_throttles_nothing_is_answered_and_afterwards_all_is_in_order() {
    let store = Arc::new(Store::default());
    let mut world = World::with(store.clone(), Arc::new(MemoryView::new()));
    world.options.buffered_bytes = BufferedBytes::new(1 << 20, "buffered_bytes");
    let server = Server::over(&world);
    server.run("CREATE TABLE t", &[]).unwrap();
    store.fall_silent();
    let (mut waiting, document) = (Vec::new(), "x".repeat(100 << 10));
    let refusal = loop {
        let mut transaction = server.ledger.start_transaction().unwrap();
        let parameter = documents(&[&format!("{{n: {}, x: \"{document}\"}}", waiting.len())]);
        if let Err(refusal) = transaction.execute("INSERT INTO t VALUE ?", &parameter) {
            break refusal;
        }
        let pending = transaction.commit_unchecked();
        server.work();
        waiting.push(unanswered(pending));
        assert!(waiting.len() < 100, "what waits is not bounded");
    };
    assert!(matches!(refusal, LedgerError::LimitExceeded(_)), "{refusal}");
    store.answer_again();
    server.work();
    let answers = waiting.iter_mut().map(|commit| answer(commit).unwrap().unwrap());
    let blocks: Vec<u64> = answers.map(|committed| committed.block_address.unwrap().sequence_no).collect();
    assert!(blocks.len() > 2 && blocks.is_sorted(), "{blocks:?}");
    assert_eq!(server.numbers().len(), blocks.len());
    audit(&world);
}

#[test]
fn f12_f16_without_its_store_a_server_answers_no_strict_read_and_no_commit() {
    let (store, world, one, two) = two_servers();
    one.insert(1);
    store.fall_silent();
    let commit = one.begin("INSERT INTO t VALUE {'n': 2}");
    one.work();
    let mut commit = unanswered(commit);
    let read = two.read("SELECT * FROM t");
    assert!(matches!(read, Err(LedgerError::Unavailable(_))), "{read:?}");
    store.answer_again();
    one.work();
    assert!(answer(&mut commit).unwrap().is_ok());
    assert_eq!((one.numbers(), two.numbers()), (vec!["1".to_owned(), "2".to_owned()], one.numbers()));
    assert_eq!(one.ledger.digest(), two.ledger.digest());
    audit(&world);
}

#[test]
fn f14_two_servers_of_one_ledger_lose_nothing_and_agree() {
    let (_, world, one, two) = two_servers();
    let mut waiting = Vec::new();
    for n in 0..40 {
        let server = if n % 2 == 0 { &one } else { &two };
        waiting.push(server.begin(&format!("INSERT INTO t VALUE {{'n': {n}}}")));
        // Each does one action at a time, so that both are on their way to the same slot.
        for _ in 0..n % 5 {
            one.ledger.step();
            two.ledger.step();
        }
    }
    while one.ledger.step().is_some() | two.ledger.step().is_some() {}
    for commit in waiting {
        commit.wait().unwrap();
    }
    assert_eq!((one.numbers().len(), two.numbers().len()), (40, 40));
    assert_eq!(one.ledger.digest(), two.ledger.digest());
    // Only true conflicts fail.
    let [first, second] = [&one, &two].map(|server| server.begin("UPDATE t SET n = n + 100 WHERE n = 7"));
    while one.ledger.step().is_some() | two.ledger.step().is_some() {}
    assert!(first.wait().is_ok() != second.wait().is_ok());
    audit(&world);
}

#[test]
fn f15_a_server_without_clients_misses_nothing_when_they_come_back() {
    let (_, world, old, new) = two_servers();
    (0..5).for_each(|n| new.insert(n));
    assert_eq!(old.numbers().len(), 5);
    (5..9).for_each(|n| new.insert(n));
    // Its own commit finds the others' slots as well.
    old.insert(9);
    assert_eq!((old.numbers().len(), new.numbers().len()), (10, 10));
    audit(&world);
}

/// Frozen before its slot arrives, and long after its clock says that the transaction is over.
#[test]
fn f17_a_server_that_was_frozen_before_it_sent_its_slot_finds_it_taken() {
    for conflicts in [false, true] {
        let (store, world, one, two) = two_servers();
        one.insert(1);
        two.numbers();
        let meanwhile = if conflicts { "UPDATE t SET n = 5" } else { "INSERT INTO t VALUE {'n': 5}" };
        let statement = if conflicts { "UPDATE t SET n = 2" } else { "INSERT INTO t VALUE {'n': 2}" };
        let commit = one.begin(statement);
        let (clock, other) = (world.clock.clone(), two.clone());
        *store.before_create.lock().unwrap() = Some(Box::new(move || {
            clock.advance(5 * 60 * 1000);
            other.run(meanwhile, &[]).unwrap();
        }));
        one.work();
        match conflicts {
            true => assert!(matches!(commit.wait(), Err(LedgerError::OccConflict { .. }))),
            false => assert!(commit.wait().is_ok()),
        }
        assert_eq!(one.numbers(), two.numbers());
        audit(&world);
    }
}

#[test]
fn f17_a_server_that_was_frozen_in_a_strict_read_shows_no_old_state_to_who_comes_later() {
    let (store, world, one, two) = two_servers();
    let barrier = one.ledger.read_barrier();
    let (clock, other) = (world.clock.clone(), two.clone());
    // The read has found nothing, and is answered five minutes later.
    *store.after_read.lock().unwrap() = Some(Box::new(move || {
        clock.advance(5 * 60 * 1000);
        other.insert(1);
    }));
    one.ledger.step();
    // This reader comes when the other server has answered its commit, and must not join the read under way.
    let late = one.ledger.read_barrier();
    one.work();
    barrier.wait().unwrap();
    late.wait().unwrap();
    assert_eq!(one.run("SELECT VALUE n FROM t", &[]).unwrap(), ["1"]);
}

#[test]
fn f19b_a_stalled_server_that_fills_a_hole_finds_out_at_its_next_read() {
    let (store, _, stalled, two) = two_servers();
    two.insert(1);
    two.insert(2);
    let hole = store.tip_hint().unwrap().unwrap() - 1;
    store.delete(hole);
    // Nothing can tell it in time: the commit is acknowledged, and lost. Somebody deleted a slot.
    stalled.insert(3);
    let read = stalled.read("SELECT * FROM t");
    assert!(read.is_err(), "{read:?}");
    assert!(matches!(stalled.ledger.status(), Status::Faulted(LedgerError::Damaged(_))));
    let refused = stalled.run("INSERT INTO t VALUE {'n': 4}", &[]);
    assert!(refused.is_err(), "{refused:?}");
}

/// F20: the last slot is deleted; F21: or a delete marker hides it. The store alone shows nothing.
#[test]
fn f20_f21_a_deleted_last_slot_is_known_to_who_has_seen_it_and_to_nobody_else() {
    let (store, world, one, two) = two_servers();
    one.insert(1);
    two.insert(2);
    let (seen, last) = (two.ledger.digest(), store.tip_hint().unwrap().unwrap());
    store.delete(last);
    let cold = Server::over(&world);
    assert_eq!(cold.ledger.status(), Status::Open);
    assert_eq!(cold.numbers(), ["1"], "this is the silent hole");
    // A saved digest does not belong to this journal, and a server with a view says what is missing.
    let tip = seen.digest_tip_address.sequence_no;
    assert!(cold.ledger.digest_at(tip).is_err());
    two.ledger.close();
    let reopened = Ledger::open(
        two.world.slots.clone(),
        two.world.views.clone(),
        two.world.environment.clone(),
        two.world.options.clone(),
    );
    let missing = reopened.map(|_| ()).unwrap_err();
    assert!(matches!(missing, LedgerError::BlocksMissing(_)), "{missing}");
    // Removing the marker restores the ledger.
    store.restore();
    assert_eq!(two.world.open().digest(), seen);
}

#[test]
fn f22_an_overwritten_slot_is_found_and_never_served() {
    let (store, world, one, _) = two_servers();
    // The same slot of a journal that took another way.
    let fork = {
        let copy = MemorySlots::new();
        for (slot, bytes) in (0..).zip(store.read_many(0, usize::MAX).unwrap()) {
            copy.create(slot, &bytes).unwrap();
        }
        let world = World::with(Arc::new(copy), Arc::new(MemoryView::new()));
        Server::over(&world).insert(77);
        world.slots.read(world.slots.tip_hint().unwrap().unwrap()).unwrap().unwrap()
    };
    let slot = store.tip_hint().unwrap().unwrap() + 1;
    one.insert(1);
    one.insert(2);
    let mut flipped = store.read(slot).unwrap().unwrap();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for bytes in [fork, flipped] {
        store.overwrite(slot, bytes);
        let checked = one.world.open();
        assert!(matches!(checked.check_journal(0, usize::MAX), Ok(Checked::Damaged { .. })));
        assert!(matches!(checked.status(), Status::Faulted(LedgerError::Damaged(_))));
        let cold = Server::over(&world);
        assert!(matches!(cold.ledger.status(), Status::Faulted(LedgerError::Damaged(_))));
        assert!(cold.run("SELECT VALUE n FROM t WHERE n = 2", &[]).unwrap().is_empty());
        store.restore();
    }
}

#[test]
fn f30_of_a_seal_and_a_commit_one_gets_the_slot_and_nothing_follows_the_seal() {
    let (store, world, one, two) = two_servers();
    let commit = one.begin("INSERT INTO t VALUE {'n': 1}");
    let (slots, writer) = (world.slots.clone(), world.environment.ids.next());
    *store.before_create.lock().unwrap() = Some(Box::new(move || seal_deleted(&*slots, writer).unwrap()));
    one.work();
    assert!(matches!(commit.wait(), Err(LedgerError::Sealed(_))));
    let sealed = store.tip_hint().unwrap().unwrap();
    for server in [&one, &two] {
        let read = server.read("SELECT * FROM t");
        assert!(matches!(read, Err(LedgerError::Sealed(_))), "{read:?}");
        assert!(server.run("INSERT INTO t VALUE {'n': 2}", &[]).is_err());
    }
    assert_eq!(store.tip_hint().unwrap(), Some(sealed));

    // The other way round: the commit is first, and the seal goes behind it.
    let (store, world, one, two) = two_servers();
    let other = two.clone();
    *store.before_create.lock().unwrap() = Some(Box::new(move || other.insert(1)));
    seal_deleted(&*world.slots, world.environment.ids.next()).unwrap();
    assert!(ends_deleted(&*world.slots).unwrap());
    let fresh = World { views: Arc::new(MemoryView::new()), ..world.clone() }.open();
    assert_eq!(crate::support::run(&fresh, "SELECT VALUE n FROM t", &[]).unwrap(), ["1"]);
    drop(one);
}

/// While one server opens the ledger, another one redacts what it reads.
#[test]
fn f34_a_redaction_beside_a_replay_leaves_no_data_and_changes_no_digest() {
    for read in 0..8 {
        let (store, world, one, _) = two_servers();
        one.run("INSERT INTO t VALUE ?", &["{k: 1, secret: \"a very private thing\"}"]).unwrap();
        one.run("UPDATE t SET secret = 'nothing'", &[]).unwrap();
        let value = |query: &str| one.run(query, &[]).unwrap().remove(0);
        let first = "FROM history(t) AS h WHERE h.metadata.version = 0";
        let address = value(&format!("SELECT VALUE h.blockAddress {first}"));
        let table = value("SELECT VALUE tableId FROM information_schema.user_tables");
        let id = value(&format!("SELECT VALUE h.metadata.id {first}"));
        let before = one.ledger.digest();
        let proof = one.ledger.block_proof(2, before.digest_tip_address.sequence_no).unwrap();
        let writer = one.clone();
        // In the middle of the replay: after so many of its reads.
        fn after_reads(store: &Arc<Store>, reads: usize, hook: Hook) {
            let again = store.clone();
            *store.after_read.lock().unwrap() = Some(match reads {
                0 => hook,
                _ => Box::new(move || after_reads(&again, reads - 1, hook)),
            });
        }
        let redact: Hook = Box::new(move || {
            writer.run("EXEC REDACT_REVISION ?, ?, ?", &[&address, &table, &id]).unwrap();
            writer.work();
        });
        after_reads(&store, read, redact);
        let opened = Server::over(&world);
        opened.work();
        // The hook may be due still, if the replay needed fewer reads.
        let _ = store.read(0);
        while store.after_read.lock().unwrap().is_some() {
            let _ = store.read(0);
        }
        assert_eq!(opened.read("SELECT * FROM history(t)").unwrap().len(), 2);
        opened.work();
        one.work();
        let tip = before.digest_tip_address.sequence_no;
        for server in [&one, &opened] {
            assert_eq!(server.ledger.digest_at(tip).unwrap(), before);
            assert_eq!(server.ledger.block_proof(2, tip).unwrap(), proof);
            let history = server.run("SELECT * FROM history(t)", &[]).unwrap().join("");
            assert!(!history.contains("private"), "{history}");
        }
        for bytes in store.read_many(0, usize::MAX).unwrap() {
            assert!(!bytes.windows(20).any(|window| window == b"a very private thing"), "after {read} reads");
        }
        audit_digest(&world, &one);
    }
}

fn audit_digest(world: &World, server: &Server) {
    let rebuilt = World { views: Arc::new(MemoryView::new()), ..world.clone() }.open();
    assert_eq!(rebuilt.digest(), server.ledger.digest());
}
