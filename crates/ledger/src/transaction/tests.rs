//! Rows by every access, at once and a few at a time, beside what the transaction wrote.

use everstrand_ion::Value;
use everstrand_partiql::tables::{Access, AsOf, Cursor, KeyRange, Row, Source, SourceKind, Tables};

use super::*;
use crate::core::Environment;
use crate::ledger::Ledger;
use crate::limits::LedgerOptions;
use crate::storage::{MemorySlots, MemoryView};
use crate::{ManualClock, SeededIds};

fn run(ledger: &Ledger, statement: &str) {
    let mut transaction = ledger.start_transaction().unwrap();
    transaction.execute(statement, &[]).unwrap();
    transaction.commit_unchecked().wait().unwrap();
}

/// A ledger with changed, deleted and untouched documents, whose index holds every number from 0 to 3.
fn ledger() -> Ledger {
    let ledger = ledger_without_index();
    for table in ["t", "other"] {
        run(&ledger, &format!("CREATE INDEX ON {table} (k)"));
    }
    while ledger.is_building_index() {
        std::thread::yield_now();
    }
    ledger
}

fn ledger_without_index() -> Ledger {
    let environment =
        Environment { clock: Arc::new(ManualClock::new(1_000)), ids: Arc::new(SeededIds::new(7)) };
    let (slots, views) = (Arc::new(MemorySlots::new()), Arc::new(MemoryView::new()));
    let ledger = Ledger::open(slots, views, environment, LedgerOptions::default()).unwrap();
    for table in ["t", "other"] {
        run(&ledger, &format!("CREATE TABLE {table}"));
        for number in 0..12 {
            run(&ledger, &format!("INSERT INTO {table} VALUE {{'n': {number}, 'k': {}}}", number % 4));
        }
        run(&ledger, &format!("UPDATE {table} SET k = 3 WHERE n = 5"));
        run(&ledger, &format!("UPDATE {table} SET m = 1 WHERE n < 7"));
        run(&ledger, &format!("UPDATE {table} SET m = 2 WHERE n = 0 OR n = 11"));
        run(&ledger, &format!("DELETE FROM {table} WHERE n = 6 OR n = 10"));
    }
    ledger
}

/// A transaction on it that has written documents of both tables.
fn transaction(ledger: &Ledger) -> Transaction {
    let mut transaction = ledger.start_transaction().unwrap();
    for statement in [
        "INSERT INTO t << {'n': 20, 'k': 0}, {'n': 21, 'k': 2}, {'n': 22, 'k': 2}, {'n': 23, 'k': 3} >>",
        "INSERT INTO other << {'n': 30, 'k': 1}, {'n': 31, 'k': 2} >>",
        "UPDATE t SET k = 2 WHERE n = 1",
        "UPDATE t SET m = 3 WHERE n = 2",
        "DELETE FROM t WHERE n = 3 OR n = 4 OR n = 22",
        "UPDATE other SET k = 0 WHERE n = 8",
        // The last one sees all of that.
        "SELECT VALUE 1 FROM << 1 >>",
    ] {
        transaction.execute(statement, &[]).unwrap();
    }
    transaction
}

fn rows(
    transaction: &mut Transaction,
    source: &Source,
    access: &Access,
    after: Option<&Cursor>,
    limit: usize,
) -> Vec<Row> {
    let statement = u32::try_from(transaction.statements.len() - 1).unwrap();
    transaction.scope(statement).rows(source, access, after, limit).unwrap()
}

fn source(transaction: &mut Transaction, kind: SourceKind, as_of: Option<AsOf>) -> Source {
    let statement = u32::try_from(transaction.statements.len() - 1).unwrap();
    let source = transaction.scope(statement).source("t", None).unwrap().unwrap();
    Source { kind, as_of, ..source }
}

fn shown(rows: &[Row]) -> Vec<(Option<Arc<str>>, Value)> {
    rows.iter().map(|row| (row.id.clone(), row.value.to_value())).collect()
}

/// The numbers of the documents, in the order of the rows.
fn numbers(rows: &[Row]) -> Vec<i64> {
    let number = |row: &Row| row.value.to_value().get("n").and_then(Value::as_i64).unwrap();
    rows.iter().map(number).collect()
}

const HISTORY: SourceKind = SourceKind::History { start: None, end: None };

/// Every kind of source by every access that serves it.
fn accesses(transaction: &mut Transaction) -> Vec<(Source, Access)> {
    let block = transaction.snapshot.head.tip.block_no;
    let mut sources = vec![
        source(transaction, SourceKind::User, None),
        source(transaction, SourceKind::Committed, None),
        source(transaction, HISTORY, None),
        source(transaction, SourceKind::UserTables, None),
    ];
    for back in [0, 17, 20] {
        for kind in [SourceKind::User, SourceKind::Committed] {
            sources.push(source(transaction, kind, Some(AsOf::Block(block - back))));
        }
    }
    let user = sources[0].clone();
    let mut ids: Vec<Arc<str>> =
        rows(transaction, &user, &Access::Scan, None, 1000).into_iter().filter_map(|row| row.id).collect();
    let written: Vec<UniqueId> = transaction.work.writes.iter().map(|(id, _)| id).collect();
    ids.extend(written.iter().map(|id| id.to_string().into()));
    let history = sources[2].clone();
    ids.extend(rows(transaction, &history, &Access::Scan, None, 1000).into_iter().filter_map(|row| row.id));
    ids.extend(["nonsense".into(), UniqueId::from_bytes([9; 16]).to_string().into()]);
    let index_id = Arc::clone(&user.indexes[0].id);
    let key = |number: i64| Value::from(number);
    let ranges = [
        vec![KeyRange::default()],
        vec![KeyRange { equal: vec![key(2)], ..KeyRange::default() }],
        vec![
            KeyRange { equal: vec![key(0)], ..KeyRange::default() },
            KeyRange { lower: Some((key(1), false)), upper: Some((key(3), true)), ..KeyRange::default() },
        ],
        vec![KeyRange { lower: Some((key(0), false)), upper: Some((key(3), false)), ..KeyRange::default() }],
    ];
    let mut all = Vec::new();
    for source in sources {
        let is_past = source.as_of.is_some() || source.kind == HISTORY;
        if source.kind != SourceKind::UserTables {
            all.push((source.clone(), Access::Documents(ids.clone())));
            if !is_past {
                for (ranges, descending) in ranges.iter().flat_map(|ranges| [(ranges, false), (ranges, true)])
                {
                    let access =
                        Access::Index { index_id: Arc::clone(&index_id), ranges: ranges.clone(), descending };
                    all.push((source.clone(), access));
                }
            }
        }
        all.push((source, Access::Scan));
    }
    all
}

#[test]
fn rows_a_few_at_a_time_are_the_rows_at_once() {
    let ledger = ledger();
    let mut transaction = transaction(&ledger);
    for (source, access) in accesses(&mut transaction) {
        let all = rows(&mut transaction, &source, &access, None, 1000);
        assert!(!all.is_empty() || source.as_of.is_some(), "{source:?} by {access:?}");
        for limit in 1..=all.len() + 1 {
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let page = rows(&mut transaction, &source, &access, after.as_ref(), limit);
                assert!(page.len() <= limit);
                after = page.last().map(|row| row.cursor.clone());
                let ends = page.len() < limit;
                paged.extend(page);
                if ends {
                    break;
                }
            }
            assert_eq!(shown(&paged), shown(&all), "{limit} at a time, {source:?} by {access:?}");
        }
    }
}

#[test]
fn rows_that_are_counted_are_as_many_as_those_that_are_read() {
    let ledger = ledger();
    let mut transaction = transaction(&ledger);
    let statement = u32::try_from(transaction.statements.len() - 1).unwrap();
    for (source, access) in accesses(&mut transaction) {
        for statement in [0, 3, statement] {
            let mut scope = transaction.scope(statement);
            let all = scope.rows(&source, &access, None, 1000).unwrap().len();
            for limit in 1..=all + 2 {
                let (mut counted, mut after) = scope.count(&source, &access, None, limit).unwrap();
                // All documents of a table are counted at once, because their number is kept.
                if source.kind == SourceKind::Committed && !matches!(access, Access::Scan) {
                    assert!(counted <= limit as u64, "{limit} at a time, {source:?} by {access:?}");
                }
                while let Some(cursor) = after {
                    let (more, next) = scope.count(&source, &access, Some(&cursor), limit).unwrap();
                    (counted, after) = (counted + more, next);
                }
                assert_eq!(counted, all as u64, "{limit} at a time, {statement}, {source:?} by {access:?}");
            }
        }
    }
}

#[test]
fn documents_of_a_table_without_an_index_are_counted() {
    let ledger = ledger_without_index();
    let mut transaction = transaction(&ledger);
    for kind in [SourceKind::User, SourceKind::Committed] {
        let source = source(&mut transaction, kind, None);
        let all = rows(&mut transaction, &source, &Access::Scan, None, 1000).len();
        let statement = u32::try_from(transaction.statements.len() - 1).unwrap();
        let mut scope = transaction.scope(statement);
        for limit in 1..=all + 5 {
            let (mut counted, mut after) = scope.count(&source, &Access::Scan, None, limit).unwrap();
            while let Some(cursor) = after {
                let (more, next) = scope.count(&source, &Access::Scan, Some(&cursor), limit).unwrap();
                (counted, after) = (counted + more, next);
            }
            assert_eq!(counted, all as u64, "{limit} at a time, {source:?}");
        }
    }
}

#[test]
fn every_access_shows_what_the_transaction_wrote() {
    let ledger = ledger();
    let mut transaction = transaction(&ledger);
    let user = source(&mut transaction, SourceKind::User, None);
    let scanned = rows(&mut transaction, &user, &Access::Scan, None, 1000);
    assert_eq!(numbers(&scanned), [0, 1, 2, 5, 7, 8, 9, 11, 20, 21, 23]);
    let ids: Vec<Arc<str>> = scanned.iter().filter_map(|row| row.id.clone()).collect();
    let mut asked = ids.clone();
    // Documents of another table, the transaction's own and others, are none of this one.
    let other = Source {
        table_id: transaction.snapshot.head.catalog.active("other").unwrap().id_text.clone(),
        ..user.clone()
    };
    asked.extend(
        rows(&mut transaction, &other, &Access::Scan, None, 1000).into_iter().filter_map(|row| row.id),
    );
    assert!(asked.len() > ids.len() + 10);
    let by_id = rows(&mut transaction, &user, &Access::Documents(asked), None, 1000);
    assert_eq!(shown(&by_id), shown(&scanned));
    let index = |descending| Access::Index {
        index_id: Arc::clone(&user.indexes[0].id),
        ranges: vec![KeyRange::default()],
        descending,
    };
    let mut by_index = rows(&mut transaction, &user, &index(false), None, 1000);
    assert_eq!(numbers(&by_index), [0, 8, 20, 9, 1, 2, 21, 5, 7, 11, 23]);
    by_index.reverse();
    let down = rows(&mut transaction, &user, &index(true), None, 1000);
    assert_eq!(shown(&by_index), shown(&down));
    // The committed view knows nothing of it.
    let committed = source(&mut transaction, SourceKind::Committed, None);
    let row = rows(&mut transaction, &committed, &Access::Documents(ids), None, 1000);
    assert_eq!(row.len(), 8);
}

/// An unfinished result goes on while later statements write.
#[test]
fn a_statement_sees_nothing_of_later_ones() {
    let ledger = ledger();
    let mut transaction = transaction(&ledger);
    let mut other = ledger.start_transaction().unwrap();
    other.execute("SELECT VALUE 1 FROM << 1 >>", &[]).unwrap();
    for (source, access) in accesses(&mut transaction) {
        let first = transaction.scope(0).rows(&source, &access, None, 1000).unwrap();
        assert_eq!(
            shown(&first),
            shown(&rows(&mut other, &source, &access, None, 1000)),
            "{source:?} by {access:?}"
        );
    }
}

#[test]
fn a_document_that_was_deleted_has_no_next_revision() {
    let ledger = ledger();
    let mut transaction = transaction(&ledger);
    let user = source(&mut transaction, SourceKind::User, None);
    let deleted: Vec<UniqueId> = transaction
        .work
        .writes
        .iter()
        .filter(|(_, written)| written.last().is_none())
        .map(|(id, _)| id)
        .collect();
    assert_eq!(deleted.len(), 3);
    let document = Document::from(&everstrand_ion::text::read_one("{n: 1}").unwrap());
    for id in deleted {
        let mut scope = transaction.scope(0);
        assert!(scope.replace(&user, &id.to_string(), document.clone()).is_err());
        assert!(scope.delete(&user, &id.to_string()).is_err());
    }
}
