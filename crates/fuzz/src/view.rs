//! What a ledger reads from its view may be anything: the bytes say which entries of a real one are put
//! in the place of others, changed, cut, added to or taken away before the ledger is opened over it.

use std::cell::OnceCell;
use std::ops::Bound;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::views::{Applied, Batch, Keyspace, ViewStore};
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_ledger::{
    Committing, Environment, Ledger, LedgerError, LedgerOptions, ManualClock, SeededIds,
};

const HISTORY: [&str; 8] = [
    "CREATE TABLE t",
    "CREATE TABLE u",
    "CREATE INDEX ON t (a)",
    "CREATE UNIQUE INDEX ON u (a)",
    "INSERT INTO t << {'a': 1, 'b': 'x'}, {'a': 2, 'c': [1, 2.5, {'d': `2020T`}]}, {'b': null} >>",
    "INSERT INTO u << {'a': 1}, {'a': 3} >>",
    "UPDATE t SET b = 'y' WHERE a = 1",
    "DELETE FROM t WHERE a = 2",
];

const QUERIES: [&str; 11] = [
    "SELECT * FROM t",
    "SELECT * FROM t WHERE a = 1",
    "SELECT * FROM t WHERE a > 0 AND a < 9 ORDER BY a DESC",
    "SELECT COUNT(*) FROM t, u WHERE t.a = u.a",
    "SELECT * FROM _ql_committed_t",
    "SELECT * FROM history(t)",
    "SELECT * FROM information_schema.user_tables",
    "SELECT * FROM t AS OF 5",
    "UPDATE t SET b = 'z'",
    "INSERT INTO u VALUE {'a': 1}",
    "INSERT INTO t VALUE {'a': 7}",
];

/// A ledger that was closed.
struct Closed {
    slots: Vec<Vec<u8>>,
    entries: Vec<(Keyspace, Vec<u8>, Vec<u8>)>,
    applied: Applied,
}

thread_local! {
    static CLOSED: OnceCell<Closed> = const { OnceCell::new() };
}

/// Any bytes as changes of a view. The ledger over it answers or says what failed.
pub fn view(bytes: &[u8]) {
    CLOSED.with(|closed| {
        let closed = closed.get_or_init(filled);
        let (slots, view) = (Arc::new(MemorySlots::new()), Arc::new(MemoryView::new()));
        for (number, slot) in (0..).zip(&closed.slots) {
            slots.create(number, slot).expect("a journal in memory");
        }
        let mut entries = closed.entries.clone();
        change(&mut entries, bytes);
        let mut batch = Batch::default();
        for (keyspace, key, value) in entries {
            batch.put(keyspace, key, value);
        }
        // A key that no engine takes is refused, and nothing is stored.
        let _ = view.commit(&batch, closed.applied);
        // A view that cannot be read is built anew.
        let ledger = open(slots, view).expect("the journal is whole");
        for query in QUERIES {
            let _ = run(&ledger, query);
        }
        for sequence_no in 0..8 {
            let _ = ledger.block(sequence_no);
        }
        ledger.close();
    });
}

/// An edit is four bytes and what they say: which entry (two bytes), what to do, how long the rest is.
fn change(entries: &mut Vec<(Keyspace, Vec<u8>, Vec<u8>)>, mut bytes: &[u8]) {
    while let Some(([high, low, what, length], rest)) = bytes.split_first_chunk() {
        let (payload, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        bytes = rest;
        if entries.is_empty() {
            return;
        }
        let at = usize::from(u16::from_be_bytes([*high, *low])) % entries.len();
        let other = entries[usize::from(*length) % entries.len()].clone();
        let (_, key, value) = &mut entries[at];
        match what % 8 {
            0 => drop(entries.swap_remove(at)),
            1 => *value = payload.to_vec(),
            2 => value.truncate(payload.len()),
            3 => value.extend_from_slice(payload),
            4 => *value = other.2,
            5 => *key = other.1,
            6 => key.extend_from_slice(payload),
            _ => value.iter_mut().zip(payload).for_each(|(byte, other)| *byte ^= other),
        }
    }
}

fn filled() -> Closed {
    let (slots, view) = (Arc::new(MemorySlots::new()), Arc::new(MemoryView::new()));
    let ledger = open(slots.clone(), view.clone()).expect("a new ledger");
    for statement in HISTORY {
        run(&ledger, statement).expect("a statement of the history");
        while ledger.step().is_some() || ledger.is_building_index() {}
    }
    ledger.close();
    let snapshot = view.snapshot().expect("a view in memory");
    let all = |keyspace| {
        let range = snapshot.range(keyspace, Bound::Unbounded, Bound::Unbounded, false, usize::MAX);
        range.expect("a view in memory").into_iter().map(move |(key, value)| (keyspace, key, value))
    };
    Closed {
        slots: (0..).map_while(|slot| slots.read(slot).expect("a journal in memory")).collect(),
        entries: Keyspace::ALL.into_iter().flat_map(all).collect(),
        applied: view.applied().expect("a view in memory").expect("it is filled"),
    }
}

fn open(slots: Arc<MemorySlots>, view: Arc<MemoryView>) -> Result<Ledger, LedgerError> {
    let environment = Environment { clock: Arc::new(ManualClock::new(0)), ids: Arc::new(SeededIds::new(7)) };
    let options = LedgerOptions { committing: Committing::ByCaller, ..LedgerOptions::default() };
    Ledger::open(slots, view, environment, options)
}

/// A statement in a transaction of its own.
fn run(ledger: &Ledger, statement: &str) -> Result<(), LedgerError> {
    let mut transaction = ledger.start_transaction()?;
    let mut page = transaction.execute(statement, &[])?;
    while let Some(token) = page.next_page_token.take() {
        page = transaction.fetch_page(&token)?;
    }
    let mut commit = pin!(transaction.commit_unchecked().into_future());
    loop {
        match commit.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => return answer.map(drop),
            Poll::Pending => drop(ledger.step()),
        }
    }
}
