//! Which change under way makes which reader fail: every kind of read against every kind of change.
//!
//! A transaction reads, another one changes something and commits, and the first one commits. `X` is a conflict, `.`
//! none. The scripts `occ_*` tell single cells as stories.

use std::fmt::Write;

use everstrand_ledger::{Ledger, LedgerError};

use crate::support::{World, run, texts};

/// Tables `t` (index on `k`) and `u`, documents A {k: 1}, B {k: 5}, D (deleted), dropped table `gone`.
const READS: &[(&str, &str)] = &[
    ("nothing", ""),
    ("insert", "INSERT INTO t VALUE {'k': 100}"),
    ("document by id", "SELECT t.v FROM t AS t BY id WHERE id = 'A'"),
    ("deleted one by id", "SELECT t.v FROM t AS t BY id WHERE id = 'D'"),
    ("index key of A", "SELECT v FROM t WHERE k = 1"),
    ("index key of none", "SELECT v FROM t WHERE k = 2"),
    ("index keys (IN)", "SELECT v FROM t WHERE k IN (1, 2)"),
    ("index range 0 to 4", "SELECT v FROM t WHERE k > 0 AND k < 4"),
    ("count of 0 to 4", "SELECT COUNT(*) FROM t WHERE k > 0 AND k < 4"),
    ("count of all", "SELECT COUNT(*) FROM t"),
    ("least key", "SELECT MIN(k) AS m FROM t"),
    ("greatest key", "SELECT MAX(k) AS m FROM t"),
    ("greatest below 4", "SELECT MAX(k) AS m FROM t WHERE k < 4"),
    ("keys 1 or 2 or 3", "SELECT v FROM t WHERE k = 1 OR (k > 1 AND k < 4)"),
    ("key 1, skipped", "SELECT v FROM t ORDER BY k LIMIT 1 OFFSET 1"),
    ("scan", "SELECT v FROM t WHERE v = 'a'"),
    ("committed by id", "SELECT c.data.v FROM _ql_committed_t AS c WHERE c.metadata.id = 'A'"),
    ("committed by key", "SELECT c.data.v FROM _ql_committed_t AS c WHERE c.data.k = 1"),
    ("committed scan", "SELECT COUNT(*) FROM _ql_committed_t AS c"),
    ("history of A", "SELECT h.hash FROM history(t) AS h WHERE h.metadata.id = 'A'"),
    ("history scan", "SELECT COUNT(*) FROM history(t) AS h"),
    ("update of A by id", "UPDATE t AS t BY id SET t.w = 7 WHERE id = 'A'"),
    ("update of A by key", "UPDATE t SET w = 7 WHERE k = 1"),
    ("delete of A by id", "DELETE FROM t AS t BY id WHERE id = 'A'"),
    ("AS OF block 4", "SELECT COUNT(*) FROM t AS OF 4 AS t"),
    ("AS OF block 40", "SELECT COUNT(*) FROM t AS OF 40 AS t"),
    ("DIFF of the past", "SELECT d.change FROM DIFF(t, AS OF 2, AS OF 4) AS d"),
    ("DIFF since block 2", "SELECT d.change FROM DIFF(t, AS OF 2) AS d"),
    ("DIFF of A", "SELECT d.change FROM DIFF(t, AS OF 2) AS d WHERE d.documentId = 'A'"),
    ("join t, u by keys", "SELECT t.v FROM t AS t, u AS u WHERE t.k = 1 AND u.k = 1"),
    ("catalog", "SELECT VALUE name FROM information_schema.user_tables"),
    ("no such table w", "SELECT * FROM w"),
];

/// A change's short name, and its statements.
const CHANGES: &[(&str, &[&str])] = &[
    ("insert k 2", &["INSERT INTO t VALUE {'k': 2}"]),
    ("insert k 50", &["INSERT INTO t VALUE {'k': 50}"]),
    ("A.v", &["UPDATE t AS t BY id SET t.v = 'z' WHERE id = 'A'"]),
    ("A.k to 50", &["UPDATE t AS t BY id SET t.k = 50 WHERE id = 'A'"]),
    ("B.v", &["UPDATE t AS t BY id SET t.v = 'z' WHERE id = 'B'"]),
    ("B.k to 2", &["UPDATE t AS t BY id SET t.k = 2 WHERE id = 'B'"]),
    ("delete A", &["DELETE FROM t AS t BY id WHERE id = 'A'"]),
    ("delete B", &["DELETE FROM t AS t BY id WHERE id = 'B'"]),
    ("insert, delete", &["INSERT INTO t VALUE {'k': 2, 'x': 1}", "DELETE FROM t WHERE x = 1"]),
    ("change u", &["UPDATE u SET v = 'z'", "INSERT INTO u VALUE {'k': 2}"]),
    ("read t", &["SELECT * FROM t"]),
    ("index on t", &["CREATE INDEX ON t (w)"]),
    ("drop index", &["DROP INDEX \"INDEX\" ON t WITH (purge = true)"]),
    ("index on u", &["CREATE INDEX ON u (w)"]),
    ("drop t", &["DROP TABLE t"]),
    ("create w", &["CREATE TABLE w"]),
    ("undrop", &["UNDROP TABLE \"GONE\""]),
];

/// Tables and documents by the names that the statements above use.
struct Names(Vec<(&'static str, String)>);

impl Names {
    fn put_into(&self, statement: &str) -> String {
        self.0.iter().fold(statement.to_owned(), |text, (name, id)| {
            text.replace(&format!("'{name}'"), &format!("'{id}'"))
                .replace(&format!("\"{name}\""), &format!("\"{id}\""))
        })
    }
}

fn filled() -> (Ledger, Names) {
    let ledger = World::new().open();
    let first = |statement: &str| run(&ledger, statement, &[]).unwrap().remove(0);
    first("CREATE TABLE t");
    first("CREATE INDEX ON t (k)");
    first("INSERT INTO t << {'k': 1, 'v': 'a'}, {'k': 5, 'v': 'b'}, {'k': 9, 'v': 'd'} >>");
    first("CREATE TABLE u");
    first("INSERT INTO u VALUE {'k': 1, 'v': 'a'}");
    first("CREATE TABLE gone");
    first("DROP TABLE gone");
    let id = |statement: &str| first(statement).trim_matches('"').to_owned();
    let document = |v: &str| id(&format!("SELECT VALUE id FROM t AS t BY id WHERE t.v = '{v}'"));
    let names = Names(vec![
        ("A", document("a")),
        ("B", document("b")),
        ("D", document("d")),
        ("GONE", id("SELECT VALUE tableId FROM information_schema.user_tables WHERE name = 'gone'")),
        ("INDEX", id("SELECT VALUE indexes[0].indexId FROM information_schema.user_tables WHERE name = 't'")),
    ]);
    first("DELETE FROM t WHERE v = 'd'");
    (ledger, names)
}

/// `X` or `.` for one read and one change; on request with a plan of the read that is there already.
fn cell(read: &str, change: &[&str], planned_before: bool) -> char {
    let (ledger, names) = filled();
    if planned_before {
        drop(ledger.start_transaction().unwrap().execute(&names.put_into(read), &[]));
    }
    let mut reader = ledger.start_transaction().unwrap();
    if !read.is_empty() {
        let answer = reader.execute(&names.put_into(read), &[]);
        assert_eq!(answer.is_err(), read.ends_with(" w") || read.contains("OF 40"), "{read}: {answer:?}");
    }
    let mut writer = ledger.start_transaction().unwrap();
    for statement in change {
        writer.execute(&names.put_into(statement), &[]).unwrap();
    }
    writer.commit_unchecked().wait().unwrap();
    match reader.commit_unchecked().wait() {
        Ok(_) => '.',
        Err(LedgerError::OccConflict { .. }) => 'X',
        Err(other) => panic!("{read} × {change:?}: {other}"),
    }
}

fn drawn(planned_before: bool) -> String {
    let mut table = String::new();
    for (number, (name, _)) in CHANGES.iter().enumerate() {
        writeln!(table, "{:20}{}{name}", "", "| ".repeat(number)).unwrap();
    }
    for (name, read) in READS {
        write!(table, "{name:20}").unwrap();
        for (_, change) in CHANGES {
            write!(table, "{} ", cell(read, change, planned_before)).unwrap();
        }
        table.truncate(table.trim_end().len());
        table.push('\n');
    }
    table
}

#[test]
fn every_kind_of_read_against_every_kind_of_change() {
    let expected = include_str!("../occ_table.txt");
    for planned_before in [false, true] {
        let drawn = drawn(planned_before);
        assert!(drawn == expected, "expected\n{expected}\nbut it is\n{drawn}");
    }
}

/// A join by ids reads the documents that another condition finds by an index, and no others of the table, whatever
/// order the sources are written in: so that it conflicts with their writers alone.
#[test]
fn a_join_reads_the_documents_that_an_index_finds() {
    for (extensions, sources) in [
        (false, "lines AS s, large AS d BY d_id"),
        (true, "lines AS s, large AS d BY d_id"),
        (true, "large AS d BY d_id, lines AS s"),
    ] {
        for (changed, conflicts) in [(4, true), (5, false)] {
            let mut world = World::new();
            world.options.extensions = extensions;
            let ledger = world.open();
            let all = |statement: &str| run(&ledger, statement, &[]).unwrap();
            all("CREATE TABLE lines");
            all("CREATE TABLE large");
            all("CREATE INDEX ON large (i)");
            for number in 0..10 {
                all(&format!("INSERT INTO large VALUE {{'i': {number}}}"));
            }
            for id in all("SELECT VALUE id FROM large BY id") {
                let id = id.trim_matches('"');
                all(&format!("INSERT INTO lines VALUE {{'d': '{id}'}}"));
            }
            let mut reader = ledger.start_transaction().unwrap();
            let join = format!("SELECT d.i FROM {sources} WHERE d_id = s.d AND d.i = 4");
            assert_eq!(texts(&reader.execute(&join, &[]).unwrap()), ["{i:4}"], "{join}");
            let mut writer = ledger.start_transaction().unwrap();
            writer.execute(&format!("UPDATE large SET x = 1 WHERE i = {changed}"), &[]).unwrap();
            writer.commit_unchecked().wait().unwrap();
            let is_refused = matches!(reader.commit_unchecked().wait(), Err(LedgerError::OccConflict { .. }));
            assert_eq!(is_refused, conflicts, "{join}, extensions: {extensions}, document {changed} changed");
        }
    }
}
