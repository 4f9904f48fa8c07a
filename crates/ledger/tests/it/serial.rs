//! Random transactions of several sessions against a model that runs them one after the other.
//!
//! The model is a list of documents. Whatever the sessions do at the same time, those that commit must
//! have seen and done what they would have seen and done alone, in the order of their commits. Where two
//! could not both be true, one must have been refused.

use std::sync::Arc;

use everstrand_ledger::storage::views::{Entry, Keyspace, ViewStore};
use everstrand_ledger::storage::{FjallView, FjallViewOptions, MemoryView, SealedView, SealedViewOptions};
use everstrand_ledger::{Ledger, LedgerError, Transaction};
use everstrand_sealing::SealingKey;
use everstrand_testkit::redb_view::{RedbView, RedbViewOptions};
use proptest::prelude::*;

use crate::support::{World, all, run};

const SESSIONS: usize = 3;

/// Few, so that sessions meet. At the beginning there is one document of each.
const KEYS: u8 = 6;

#[derive(Clone, Debug)]
enum Statement {
    Count,
    Values,
    Lookup(u8),
    LookupEither(u8, u8),
    Between(u8, u8),
    Insert(u8),
    Add(u8),
    Move(u8, u8),
    Delete(u8),
    AddToAll,
}

#[derive(Clone, Debug)]
enum Step {
    Run(Statement),
    Commit,
    Abort,
}

/// A document: what the index is on, and what is counted up.
type Row = (u8, u64);

impl Statement {
    fn text(&self) -> (&'static str, Vec<String>) {
        let (text, keys): (_, &[u8]) = match self {
            Statement::Count => ("SELECT VALUE v FROM (SELECT COUNT(*) AS v FROM t) AS c", &[]),
            Statement::Values => ("SELECT VALUE [k, v] FROM t", &[]),
            Statement::Lookup(key) => ("SELECT VALUE [k, v] FROM t WHERE k = ?", &[*key]),
            Statement::LookupEither(one, other) => {
                ("SELECT VALUE [k, v] FROM t WHERE k IN (?, ?)", &[*one, *other])
            }
            Statement::Between(low, high) => {
                ("SELECT VALUE [k, v] FROM t WHERE k >= ? AND k < ?", &[*low, *high])
            }
            Statement::Insert(key) => ("INSERT INTO t VALUE {'k': ?, 'v': 0}", &[*key]),
            Statement::Add(key) => ("UPDATE t SET v = v + 1 WHERE k = ?", &[*key]),
            Statement::Move(from, to) => ("UPDATE t SET k = ? WHERE k = ?", &[*to, *from]),
            Statement::Delete(key) => ("DELETE FROM t WHERE k = ?", &[*key]),
            Statement::AddToAll => ("UPDATE t SET v = v + 1", &[]),
        };
        (text, keys.iter().map(u8::to_string).collect())
    }

    /// What the statement answers, and does, where nobody else is.
    fn alone(&self, rows: &mut Vec<Row>) -> Vec<String> {
        let shown = |rows: &[Row], wanted: &dyn Fn(u8) -> bool| {
            let shown = rows.iter().filter(|(key, _)| wanted(*key));
            shown.map(|(key, value)| format!("[{key},{value}]")).collect::<Vec<String>>()
        };
        let changed = |rows: &mut Vec<Row>, wanted: &dyn Fn(u8) -> bool, change: &dyn Fn(&mut Row)| {
            let mut changed = 0;
            for row in rows.iter_mut().filter(|(key, _)| wanted(*key)) {
                change(row);
                changed += 1;
            }
            vec![changed.to_string()]
        };
        let mut answer = match self.clone() {
            Statement::Count => vec![rows.len().to_string()],
            Statement::Values => shown(rows, &|_| true),
            Statement::Lookup(wanted) => shown(rows, &|key| key == wanted),
            Statement::LookupEither(one, other) => shown(rows, &|key| key == one || key == other),
            Statement::Between(low, high) => shown(rows, &|key| low <= key && key < high),
            Statement::Insert(key) => {
                rows.push((key, 0));
                vec!["1".to_owned()]
            }
            Statement::Add(wanted) => changed(rows, &|key| key == wanted, &|row| row.1 += 1),
            Statement::Move(from, to) => changed(rows, &|key| key == from, &|row| row.0 = to),
            Statement::Delete(wanted) => {
                let before = rows.len();
                rows.retain(|(key, _)| *key != wanted);
                vec![(before - rows.len()).to_string()]
            }
            Statement::AddToAll => changed(rows, &|_| true, &|row| row.1 += 1),
        };
        answer.sort();
        answer
    }

    /// The same from a ledger: rows in any order, or how many documents were written.
    fn answer(&self, transaction: &mut Transaction) -> Result<Vec<String>, LedgerError> {
        let (text, keys) = self.text();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let mut answer = all(transaction, text, &keys)?;
        if !text.starts_with("SELECT") {
            answer = vec![answer.len().to_string()];
        }
        answer.sort();
        Ok(answer)
    }
}

fn key() -> impl Strategy<Value = u8> {
    0..KEYS
}

fn statement() -> impl Strategy<Value = Statement> {
    prop_oneof![
        1 => Just(Statement::Count),
        1 => Just(Statement::Values),
        4 => key().prop_map(Statement::Lookup),
        2 => (key(), key()).prop_map(|(one, other)| Statement::LookupEither(one, other)),
        2 => (key(), 0..=KEYS).prop_map(|(low, high)| Statement::Between(low, high)),
        4 => key().prop_map(Statement::Insert),
        4 => key().prop_map(Statement::Add),
        3 => (key(), key()).prop_map(|(from, to)| Statement::Move(from, to)),
        2 => key().prop_map(Statement::Delete),
        1 => Just(Statement::AddToAll),
    ]
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        6 => statement().prop_map(Step::Run),
        3 => Just(Step::Commit),
        1 => Just(Step::Abort),
    ];
    prop::collection::vec((0..SESSIONS, step), 1..120)
}

/// A session's open transaction, and what it said and heard.
#[derive(Default)]
struct Open {
    transaction: Option<Transaction>,
    heard: Vec<(Statement, Vec<String>)>,
}

/// Runs the steps and checks every commit against the model. Answers how many committed and how many
/// were refused.
fn check(ledger: &Ledger, steps: &[(usize, Step)]) -> Result<(usize, usize), TestCaseError> {
    let mut rows: Vec<Row> = (0..KEYS).map(|key| (key, 0)).collect();
    let mut sessions: Vec<Open> = (0..SESSIONS).map(|_| Open::default()).collect();
    let (mut committed, mut refused) = (0, 0);
    for (session, step) in steps {
        let open = &mut sessions[*session];
        match step {
            Step::Run(statement) => {
                let transaction = open.transaction.get_or_insert_with(|| ledger.start_transaction().unwrap());
                let answer = statement.answer(transaction).unwrap();
                open.heard.push((statement.clone(), answer));
            }
            Step::Abort => *open = Open::default(),
            Step::Commit => {
                let Open { transaction: Some(transaction), heard } = std::mem::take(open) else {
                    continue;
                };
                match transaction.commit_unchecked().wait() {
                    Err(LedgerError::OccConflict { .. }) => refused += 1,
                    Err(error) => return Err(TestCaseError::fail(error.to_string())),
                    Ok(_) => {
                        committed += 1;
                        for (statement, answer) in &heard {
                            let alone = statement.alone(&mut rows);
                            prop_assert_eq!(answer, &alone, "{:?} of {:?}", statement, heard);
                        }
                    }
                }
            }
        }
    }
    let mut stored = run(ledger, "SELECT VALUE [k, v] FROM t", &[]).unwrap();
    stored.sort();
    prop_assert_eq!(stored, Statement::Values.alone(&mut rows));
    Ok((committed, refused))
}

fn with_table(world: &World, indexed: bool) -> Ledger {
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    if indexed {
        run(&ledger, "CREATE INDEX ON t (k)", &[]).unwrap();
    }
    for key in 0..KEYS {
        run(&ledger, "INSERT INTO t VALUE {'k': ?, 'v': 0}", &[&key.to_string()]).unwrap();
    }
    ledger
}

/// Everything a view holds.
fn contents(views: &dyn ViewStore) -> Vec<Vec<Entry>> {
    use std::ops::Bound::Unbounded;
    let snapshot = views.snapshot().unwrap();
    let all = |keyspace| snapshot.range(keyspace, Unbounded, Unbounded, false, usize::MAX).unwrap();
    Keyspace::ALL.into_iter().map(all).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_commits_could_have_run_alone(steps in steps(), indexed in any::<bool>()) {
        let world = World::new();
        check(&with_table(&world, indexed), &steps)?;
    }

    #[test]
    fn the_journal_alone_gives_the_same_state(steps in steps()) {
        let mut world = World::new();
        let ledger = with_table(&world, true);
        check(&ledger, &steps)?;
        let digest = ledger.digest();
        drop(ledger);
        let live = contents(&*world.views);

        world.views = Arc::new(MemoryView::new());
        let ledger = world.open();
        prop_assert_eq!(ledger.digest(), digest);
        drop(ledger);
        prop_assert_eq!(contents(&*world.views), live);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn views_on_disk_hold_the_same(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let fjall = FjallView::open(folder.path().join("fjall"), FjallViewOptions::default()).unwrap();
        let redb = RedbView::open(folder.path().join("redb"), RedbViewOptions::default()).unwrap();
        let options = SealedViewOptions { unwritten_bytes: 1024, ..SealedViewOptions::default() };
        let sealed = SealedView::open(folder.path().join("sealed"), SealingKey::random(), options).unwrap();
        let views: [Arc<dyn ViewStore>; 3] = [Arc::new(fjall), Arc::new(redb), Arc::new(sealed)];
        let mut world = World::new();
        let mut counts = Vec::new();
        for views in views {
            world = World { views, ..World::new() };
            counts.push(check(&with_table(&world, true), &steps)?);
        }
        prop_assert!(counts.windows(2).all(|pair| pair[0] == pair[1]));
        let live = contents(&*world.views);
        world.views = Arc::new(MemoryView::new());
        drop(world.open());
        prop_assert_eq!(contents(&*world.views), live);
    }
}

#[test]
fn the_steps_commit_and_conflict() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut committed, mut refused) = (0, 0);
    for _ in 0..50 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let world = World::new();
        let counts = check(&with_table(&world, true), &steps).unwrap();
        committed += counts.0;
        refused += counts.1;
    }
    assert!(
        committed > 100 && refused > 20,
        "{committed} committed, {refused} refused: too few to show anything"
    );
}
