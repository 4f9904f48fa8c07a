//! A ledger from its opening to its closing: many threads, futures, followers, doubtful views.

use std::future::Future;
use std::ops::Bound::Unbounded;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use everstrand_ion::Document;
use everstrand_journal::Digest;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::views::{Applied, Batch, Keyspace};
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_ledger::{Checked, Clock, Environment, Ledger, LedgerError, Pace, Status};

use crate::support::{World, all, documents, run};

/// Nothing that was acknowledged is lost, and nothing is counted twice.
#[test]
fn threads_count_up_together() {
    const THREADS: u64 = 8;
    const TIMES: u64 = 50;
    let world = World::new();
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "CREATE INDEX ON t (k)", &[]).unwrap();
    run(&ledger, "INSERT INTO t << {'k': 0, 'v': 0}, {'k': 1, 'v': 0}, {'k': 2, 'v': 0} >>", &[]).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let ledger = &ledger;
            scope.spawn(move || {
                for time in 0..TIMES {
                    let key = ((thread + time) % 3).to_string();
                    let add = || run(ledger, "UPDATE t SET v = v + 1 WHERE k = ?", &[&key]);
                    loop {
                        match add() {
                            Ok(changed) => break assert_eq!(changed.len(), 1),
                            Err(LedgerError::OccConflict { .. }) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            });
        }
    });
    let counted = run(&ledger, "SELECT VALUE v FROM t", &[]).unwrap();
    let sum: u64 = counted.iter().map(|value| value.parse::<u64>().unwrap()).sum();
    assert_eq!(sum, THREADS * TIMES);

    // Every block is chained, proven and in one slot; the slots hold no less than the blocks.
    let digest = ledger.digest();
    let tip = digest.digest_tip_address.sequence_no;
    assert_eq!(tip, 3 + THREADS * TIMES);
    for number in (0..=tip).step_by(7) {
        let block = ledger.block(number).unwrap().unwrap();
        assert_eq!(ledger.block_proof(number, tip).unwrap().fold(block.hash()), digest.digest);
    }
}

#[test]
fn inserts_of_many_threads_share_slots_and_never_conflict() {
    let world = World::new();
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    run(&ledger, "INSERT INTO t VALUE {'k': 1}", &[]).unwrap();
                }
            });
        }
    });
    assert_eq!(run(&ledger, "SELECT VALUE k FROM t", &[]).unwrap().len(), 400);
    assert_eq!(ledger.digest().digest_tip_address.sequence_no, 401);
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: IntoFuture>(future: F) -> F::Output {
    let mut future = pin!(future.into_future());
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn a_commit_is_a_future_and_dropping_it_does_not_undo_it() {
    let world = World::new();
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    let insert = || {
        let mut transaction = ledger.start_transaction().unwrap();
        transaction.execute("INSERT INTO t VALUE {'k': 1}", &[]).unwrap();
        transaction.commit_unchecked()
    };
    let committed = block_on(insert()).unwrap();
    assert_eq!(committed.block_address.unwrap().sequence_no, 2);
    drop(insert());
    ledger.close();
    assert_eq!(world.open().digest().digest_tip_address.sequence_no, 3);
}

#[test]
fn closing_finishes_what_waits_and_refuses_what_comes() {
    let world = World::new();
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    let mut late = ledger.start_transaction().unwrap();
    late.execute("INSERT INTO t VALUE {'k': 1}", &[]).unwrap();
    let commits: Vec<_> = (0..20)
        .map(|_| {
            let mut transaction = ledger.start_transaction().unwrap();
            transaction.execute("INSERT INTO t VALUE {'k': 1}", &[]).unwrap();
            transaction.commit_unchecked()
        })
        .collect();
    ledger.close();
    for commit in commits {
        commit.wait().unwrap();
    }
    assert_eq!(late.commit_unchecked().wait(), Err(LedgerError::Closed));
    assert_eq!(ledger.start_transaction().unwrap_err(), LedgerError::Closed);
    assert_eq!(ledger.status(), Status::Closed);
    drop(ledger);
    assert_eq!(run(&world.open(), "SELECT VALUE k FROM t", &[]).unwrap().len(), 20);
}

#[test]
fn a_follower_gets_every_block_once() {
    let world = World::new();
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    let mut subscription = ledger.subscribe(0);
    std::thread::scope(|scope| {
        let follower = scope.spawn(move || {
            let mut numbers = Vec::new();
            while numbers.len() < 32 {
                if let Some(block) = subscription.next(Duration::from_secs(10)).unwrap() {
                    numbers.push(block.address().sequence_no);
                }
            }
            (numbers, subscription)
        });
        for _ in 0..30 {
            run(&ledger, "INSERT INTO t VALUE {'k': 1}", &[]).unwrap();
        }
        let (numbers, mut subscription) = follower.join().unwrap();
        assert!(numbers.into_iter().eq(0..32));
        assert!(subscription.next(Duration::from_millis(1)).unwrap().is_none());
        assert_eq!(subscription.position(), 32);
        ledger.close();
        assert!(subscription.next(Duration::from_secs(10)).unwrap().is_none());
    });
}

fn filled(world: &World) -> (Vec<String>, Digest) {
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "CREATE INDEX ON t (k)", &[]).unwrap();
    for number in 0..10 {
        run(&ledger, "INSERT INTO t VALUE {'k': ?}", &[&number.to_string()]).unwrap();
    }
    (run(&ledger, "SELECT VALUE k FROM t", &[]).unwrap(), ledger.digest())
}

fn answers(world: &World) -> (Vec<String>, Digest) {
    let ledger = world.open();
    let one = run(&ledger, "SELECT VALUE k FROM t WHERE k = 7", &[]).unwrap();
    assert_eq!(one, ["7"]);
    (run(&ledger, "SELECT VALUE k FROM t", &[]).unwrap(), ledger.digest())
}

#[test]
fn a_doubtful_view_is_built_anew() {
    let world = World::new();
    let expected = filled(&world);
    assert_eq!(answers(&world), expected);

    // Another ledger's, of the same length.
    let other = World::new();
    other.environment.ids.next();
    filled(&other);
    assert_eq!(answers(&World { views: other.views.clone(), ..world.clone() }), expected);

    // Of a slot that the journal does not have, or has with another link.
    for (slot, link) in [(1000, [0; 32]), (5, [0; 32])] {
        let batch = Batch::default();
        world.views.commit(&batch, Applied { slot, link }).unwrap();
        assert_eq!(answers(&world), expected);
    }

    // With the right slot and link, but without the rest of it, keyspace by keyspace.
    for keyspace in [Keyspace::Catalog, Keyspace::Tiles] {
        let applied = world.views.applied().unwrap().unwrap();
        let mut batch = Batch::default();
        let entries =
            world.views.snapshot().unwrap().range(keyspace, Unbounded, Unbounded, false, 1000).unwrap();
        entries.into_iter().for_each(|(key, _)| batch.delete(keyspace, key));
        world.views.commit(&batch, applied).unwrap();
        assert_eq!(answers(&world), expected, "{keyspace:?}");
    }
}

#[test]
fn another_ledgers_journal_is_not_mixed_in() {
    let (one, other) = (World::new(), World::new());
    other.environment.ids.next();
    filled(&one);
    filled(&other);
    let mixed = MemorySlots::new();
    for slot in 0..20 {
        let from = if slot < 5 { &one } else { &other };
        if let Some(bytes) = from.slots.read(slot).unwrap() {
            mixed.create(slot, &bytes).unwrap();
        }
    }
    let world = World::with(Arc::new(mixed), Arc::new(MemoryView::new()));
    let ledger = world.open();
    let status = ledger.status();
    assert!(
        matches!(&status, Status::Faulted(LedgerError::Damaged(why)) if why.contains("slot 5")),
        "{status:?}"
    );
    assert_eq!(ledger.digest().digest_tip_address.sequence_no, 4, "what lies before it is this ledger's");
}

/// A clock that goes back changes nothing that is written: times stand still until it has caught up.
#[test]
fn time_never_goes_back() {
    let world = World::new();
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "INSERT INTO t VALUE {'n': 0}", &[]).unwrap();
    let hour = 3_600_000;
    let began = world.environment.clock.unix_millis();
    world.clock.set_unix_millis(began + hour);
    run(&ledger, "UPDATE t SET n = 1", &[]).unwrap();
    assert_eq!(ledger.clock_behind_millis(), 0);
    world.clock.set_unix_millis(began - hour);
    assert_eq!(ledger.clock_behind_millis(), 2 * 3_600_000);
    run(&ledger, "UPDATE t SET n = 2", &[]).unwrap();
    let times =
        run(&ledger, "SELECT VALUE h.metadata.txTime FROM history(t) AS h ORDER BY h.metadata.version", &[]);
    let times = times.unwrap();
    assert_eq!(times, ["2020-01-01T00:00:00.000Z", "2020-01-01T01:00:00.000Z", "2020-01-01T01:00:00.000Z"]);
    // What a client with the right time asks for is not in the future, though it is by this clock.
    let recent = "SELECT VALUE h.data.n FROM history(t, `2020-01-01T00:30Z`, `2020-01-01T00:59Z`) AS h";
    assert_eq!(run(&ledger, recent, &[]).unwrap(), ["0"]);
    assert_eq!(run(&ledger, "SELECT VALUE utcnow() FROM t", &[]).unwrap(), ["2020-01-01T01:00:00.000Z"]);
    let future = "SELECT VALUE h.data.n FROM history(t, `2020-01-01T00:30Z`, `2020-01-01T02:00Z`) AS h";
    assert!(run(&ledger, future, &[]).is_err());
}

/// A journal that is read again and turns out damaged takes no more slots, and what was read before is still served.
#[test]
fn a_ledger_whose_journal_is_found_damaged_takes_no_more_writes() {
    let world = World::new();
    filled(&world);
    let damaged = MemorySlots::new();
    let last = world.slots.tip_hint().unwrap().unwrap();
    for slot in 0..=last {
        let mut bytes = world.slots.read(slot).unwrap().unwrap();
        if slot == 3 {
            bytes.pop();
        }
        damaged.create(slot, &bytes).unwrap();
    }
    let whole = world.open();
    assert_eq!(whole.check_journal(0, 1 << 20), Ok(Checked::UpTo(last + 1)));
    assert_eq!(whole.check_journal(last + 1, 1 << 20), Ok(Checked::All(last + 1)));
    drop(whole);
    let world = World { slots: Arc::new(damaged), ..world };
    let ledger = world.open();
    assert_eq!(ledger.status(), Status::Open, "opening does not read it all");
    let found = ledger.check_journal(0, 1 << 20).unwrap();
    assert!(matches!(&found, Checked::Damaged { slot: 3, .. }), "{found:?}");
    assert!(matches!(ledger.status(), Status::Faulted(LedgerError::Damaged(_))));
    let refused = run(&ledger, "INSERT INTO t VALUE {'n': 0}", &[]).unwrap_err();
    assert!(refused.to_string().contains("slot 3"), "{refused}");
    assert!(!run(&ledger, "SELECT * FROM t", &[]).unwrap().is_empty());
}

/// Each look at it takes a millisecond.
#[derive(Default)]
struct RunningClock(AtomicU64);

impl Clock for RunningClock {
    fn unix_millis(&self) -> i64 {
        1_577_836_800_000
    }

    fn monotonic_millis(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

fn with_running_clock() -> Ledger {
    let mut world = World::new();
    world.options.limits.documents_per_transaction = 1000;
    world.environment =
        Environment { clock: Arc::new(RunningClock::default()), ids: world.environment.ids.clone() };
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    let many = vec!["{'k': 1}"; 500].join(", ");
    run(&ledger, &format!("INSERT INTO t << {many} >>"), &[]).unwrap();
    ledger
}

const RUNAWAY: &str = "SELECT COUNT(*) FROM t AS a, t AS b, t AS c, t AS d, t AS e";

#[test]
fn a_runaway_statement_ends_with_its_transaction() {
    let ledger = with_running_clock();
    let mut session = ledger.start_session();
    let id = session.start_transaction().unwrap();
    let error = session.execute(&id, RUNAWAY, &[]).unwrap_err();
    assert_eq!(error, LedgerError::TransactionExpired { transaction_id: id.to_string() });
    assert!(session.is_dead());
}

/// Also where no session stands before it.
#[test]
fn an_expired_transaction_refuses_everything() {
    let mut world = World::new();
    world.options.limits.page_values = 1;
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "INSERT INTO t << {'k': 1}, {'k': 2} >>", &[]).unwrap();
    let mut transaction = ledger.start_transaction().unwrap();
    let token = transaction.execute("SELECT * FROM t", &[]).unwrap().next_page_token.unwrap();
    transaction.execute("INSERT INTO t VALUE {'k': 3}", &[]).unwrap();
    world.clock.advance(30_000);
    let expired = LedgerError::TransactionExpired { transaction_id: transaction.id().to_string() };
    assert_eq!(transaction.execute("SELECT * FROM t", &[]).unwrap_err(), expired);
    assert_eq!(transaction.fetch_page(&token).unwrap_err(), expired);
    assert_eq!(transaction.commit_unchecked().wait().unwrap_err(), expired);
    assert_eq!(run(&ledger, "SELECT * FROM t", &[]).unwrap().len(), 2);
}

#[test]
fn another_thread_can_stop_a_statement() {
    let world = World::new();
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    for _ in 0..10 {
        run(&ledger, &format!("INSERT INTO t << {} >>", vec!["{'k': 1}"; 40].join(", ")), &[]).unwrap();
    }
    let mut transaction = ledger.start_transaction().unwrap();
    let interrupt = transaction.interrupt();
    std::thread::scope(|scope| {
        let statement = scope.spawn(|| transaction.execute(RUNAWAY, &[]).unwrap_err());
        std::thread::sleep(Duration::from_millis(20));
        interrupt.stop();
        assert_eq!(statement.join().unwrap(), LedgerError::Interrupted);
    });
    assert_eq!(transaction.commit_unchecked().wait(), Err(LedgerError::Interrupted));
}

#[test]
fn a_page_ends_by_its_bytes_too() {
    let mut world = World::new();
    world.options.limits.page_bytes = 1000;
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    for _ in 0..7 {
        run(&ledger, "INSERT INTO t VALUE {'text': ?}", &[&format!("\"{}\"", "x".repeat(400))]).unwrap();
    }
    // One that is greater than a page has a page of its own.
    run(&ledger, "INSERT INTO t VALUE {'text': ?}", &[&format!("\"{}\"", "x".repeat(4000))]).unwrap();
    let mut transaction = ledger.start_transaction().unwrap();
    let mut page = transaction.execute("SELECT * FROM t", &[]).unwrap();
    let mut sizes = vec![page.values.len()];
    while let Some(token) = page.next_page_token.take() {
        page = transaction.fetch_page(&token).unwrap();
        sizes.push(page.values.len());
        assert!(matches!(transaction.fetch_page(&token), Err(LedgerError::InvalidPageToken)));
    }
    assert_eq!(sizes, [2, 2, 2, 1, 1]);
}

#[test]
fn a_dropped_index_leaves_nothing() {
    let world = World::new();
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "CREATE INDEX ON t (k)", &[]).unwrap();
    run(&ledger, "CREATE INDEX ON t (n)", &[]).unwrap();
    for _ in 0..30 {
        run(&ledger, &format!("INSERT INTO t << {} >>", vec!["{'k': 1, 'n': 2}"; 40].join(", ")), &[])
            .unwrap();
    }
    let index = "SELECT VALUE indexes[0].indexId FROM information_schema.user_tables";
    let index = run(&ledger, index, &[]).unwrap().remove(0);
    run(&ledger, &format!("DROP INDEX {index} ON t WITH (purge = true)"), &[]).unwrap();
    drop(ledger);
    let ledger = world.open();
    let entries = || {
        let view = world.views.snapshot().unwrap();
        view.range(Keyspace::Indexes, Unbounded, Unbounded, false, 10_000).unwrap().len()
    };
    while entries() > 1200 {
        std::thread::yield_now();
    }
    assert_eq!(run(&ledger, "SELECT VALUE n FROM t WHERE n = 2", &[]).unwrap().len(), 1200);
    assert_eq!(entries(), 1200);
}

/// `{blob bool clob decimal float int list null sexp string struct symbol timestamp}` × {plain, typed
/// null, annotated, annotated null}, and what only exactness shows.
const VALUES: [&str; 46] = [
    "{{YmxvYg==}}",
    "null.blob",
    "a::{{YmxvYg==}}",
    "a::null.blob",
    "true",
    "null.bool",
    "a::false",
    "a::null.bool",
    "{{\"clob\"}}",
    "null.clob",
    "a::{{\"clob\"}}",
    "a::null.clob",
    "1.50",
    "-0.0",
    "0d-7",
    "null.decimal",
    "a::1.5",
    "a::null.decimal",
    "1.5e0",
    "-0e0",
    "nan",
    "null.float",
    "a::2e0",
    "7",
    "null.int",
    "a::b::7",
    "12345678901234567890123",
    "[1,[2,a::3],null]",
    "null.list",
    "a::[]",
    "null",
    "a::null",
    "(a 1 \"s\")",
    "null.sexp",
    "\"text \\u2028 \\0\"",
    "null.string",
    "a::\"x\"",
    "{b:1,a:2,b:a::3}",
    "null.struct",
    "a::{}",
    "sym",
    "'a b'",
    "null.symbol",
    "2020-01-01T00:00:00.120-00:00",
    "2020-02T",
    "a::null.timestamp",
];

#[test]
fn every_value_comes_back_as_it_was() {
    let mut world = World::new();
    world.options.limits.page_values = 7;
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "CREATE INDEX ON t (v)", &[]).unwrap();
    for (number, value) in VALUES.iter().enumerate() {
        let number = number.to_string();
        run(&ledger, "INSERT INTO t VALUE {'n': ?, 'v': ?, 'side': 0}", &[&number, value]).unwrap();
        // One field is changed beside it, and it is replaced by itself.
        run(&ledger, "UPDATE t SET side = 1 WHERE n = ?", &[&number]).unwrap();
        run(&ledger, "UPDATE t SET v = ? WHERE n = ?", &[value, &number]).unwrap();
    }
    drop(ledger);
    let ledger = world.open();
    let mut transaction = ledger.start_transaction().unwrap();
    for (number, value) in VALUES.iter().enumerate() {
        let number = number.to_string();
        let wanted = documents(&[value]);
        let statements = [
            "SELECT VALUE t.v FROM t AS t WHERE t.n = ?",
            "SELECT VALUE c.data.v FROM _ql_committed_t AS c WHERE c.data.n = ?",
            "SELECT VALUE h.data.v FROM history(t) AS h WHERE h.data.n = ?",
        ];
        for statement in statements {
            let page = transaction.execute(statement, &documents(&[&number])).unwrap();
            assert!(!page.values.is_empty());
            for found in &page.values {
                assert_eq!(found.as_bytes(), wanted[0].as_bytes(), "{value} by {statement}");
            }
        }
        // By the index: equal to itself, but for what is equal to nothing.
        let found = all(&mut transaction, "SELECT VALUE t.n FROM t AS t WHERE t.v = ?", &[value]).unwrap();
        let unknown = value.contains("null") && !value.starts_with('[');
        assert_eq!(found.contains(&number), !unknown, "{value} by itself: {found:?}");
    }
    // All of them, over the boundaries of pages.
    let mut page = transaction.execute("SELECT VALUE t.v FROM t AS t", &[]).unwrap();
    let mut found = std::mem::take(&mut page.values);
    while let Some(token) = page.next_page_token.take() {
        page = transaction.fetch_page(&token).unwrap();
        found.append(&mut page.values);
    }
    let bytes = |values: &[Document]| values.iter().map(|v| v.as_bytes().to_vec()).collect::<Vec<_>>();
    assert_eq!(bytes(&found), bytes(&documents(&VALUES)));
}

/// Counts how often a statement's turn was over, and lets it go on or not.
#[derive(Default)]
struct Turns {
    over: AtomicU64,
    full: AtomicBool,
}

impl Pace for Turns {
    fn turn_is_over(&self, at_most: Duration) -> Result<(), LedgerError> {
        assert!(at_most <= Duration::from_secs(30), "{at_most:?}");
        self.over.fetch_add(1, Ordering::Relaxed);
        match self.full.load(Ordering::Relaxed) {
            true => Err(LedgerError::Busy("others run".to_owned())),
            false => Ok(()),
        }
    }
}

/// A clock that has moved on by a millisecond whenever it is looked at.
struct Restless(AtomicU64);

impl Clock for Restless {
    fn unix_millis(&self) -> i64 {
        0
    }

    fn monotonic_millis(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// A statement asks after each 10 ms whether others should run first, and ends when it may not go on.
#[test]
fn only_long_statements_ask_whether_others_should_run_first() {
    let mut world = World::new();
    world.environment.clock = Arc::new(Restless(AtomicU64::new(0)));
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    for _ in 0..2 {
        let forty = vec!["{'v': 1}"; 40].join(", ");
        run(&ledger, &format!("INSERT INTO t << {forty} >>"), &[]).unwrap();
    }
    let turns = Arc::new(Turns::default());
    let mut session = ledger.start_session();
    session.set_pace(Some(turns.clone()));
    let id = session.start_transaction().unwrap();
    session.execute(&id, "SELECT VALUE v FROM t", &[]).unwrap();
    assert_eq!(turns.over.load(Ordering::Relaxed), 0);
    let long = "SELECT COUNT(*) FROM t AS a, t AS b WHERE a.v < b.v + 1";
    session.execute(&id, long, &[]).unwrap();
    // 6400 pairs, asked about every 64 at least, each of which looks at the clock.
    let over = turns.over.load(Ordering::Relaxed);
    assert!((3..1000).contains(&over), "its turn was over {over} times");
    turns.full.store(true, Ordering::Relaxed);
    assert_eq!(session.execute(&id, long, &[]), Err(LedgerError::Busy("others run".to_owned())));
    // The transaction goes on.
    session.execute(&id, "SELECT VALUE v FROM t", &[]).unwrap();
}
