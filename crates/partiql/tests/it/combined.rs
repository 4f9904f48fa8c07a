//! Set operations, outer joins and window functions over random rows, beside the plainest way to compute them.

use std::cmp::Ordering;

use everstrand_ion::{Document, Value};
use everstrand_partiql::Options;
use everstrand_testkit::Random;

use crate::memory::MemoryTables;
use crate::statements::run;

/// A value of a field; `None` is absent or NULL.
type Cell = Option<i64>;
type Row = Vec<Cell>;

/// Rows of two fields `a` and `b`, and the statement that inserts them into a table, each with its number `n`.
fn rows(random: &mut Random, table: &str) -> (Vec<Row>, Option<String>) {
    let cell = |random: &mut Random| random.permille(800).then(|| random.index(4) as i64);
    let rows: Vec<Row> = (0..random.index(9)).map(|_| vec![cell(random), cell(random)]).collect();
    let documents: Vec<String> = rows
        .iter()
        .enumerate()
        .map(|(n, row)| {
            let mut fields = vec![format!("'n': {n}")];
            for (name, cell) in ["a", "b"].into_iter().zip(row) {
                match cell {
                    Some(value) => fields.push(format!("'{name}': {value}")),
                    None if random.permille(500) => fields.push(format!("'{name}': null")),
                    None => {}
                }
            }
            format!("{{{}}}", fields.join(", "))
        })
        .collect();
    let insert = format!("INSERT INTO {table} << {} >>", documents.join(", "));
    (rows, (!documents.is_empty()).then_some(insert))
}

struct World {
    tables: MemoryTables,
    t: Vec<Row>,
    u: Vec<Row>,
}

impl World {
    fn new(random: &mut Random) -> World {
        let mut tables = MemoryTables::default();
        let ((t, of_t), (u, of_u)) = (rows(random, "t"), rows(random, "u"));
        let mut statements = vec!["CREATE TABLE t".to_owned(), "CREATE TABLE u".to_owned()];
        statements.extend(of_t.into_iter().chain(of_u));
        if random.permille(500) {
            statements.push("CREATE INDEX ON t (a)".to_owned());
            statements.push("CREATE INDEX ON u (a)".to_owned());
        }
        for statement in &statements {
            run(&mut tables, statement, &[], &Options::default()).expect(statement);
        }
        World { tables, t, u }
    }

    /// The rows of a statement, as cells of these fields.
    fn found(&mut self, statement: &str, fields: &[&str]) -> Vec<Row> {
        let rows = run(&mut self.tables, statement, &[], &Options::default()).expect(statement).rows;
        let cell = |row: &Value, field: &str| row.get(field).and_then(Value::as_i64);
        let rows: Vec<Value> = rows.iter().map(Document::to_value).collect();
        rows.iter().map(|row| fields.iter().map(|field| cell(row, field)).collect()).collect()
    }
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort();
    rows
}

#[test]
fn set_operations_are_those_of_multisets() {
    let mut random = Random::new(11);
    for _ in 0..150 {
        let mut world = World::new(&mut random);
        for (operator, all) in [
            ("UNION", false),
            ("UNION", true),
            ("EXCEPT", false),
            ("EXCEPT", true),
            ("INTERSECT", false),
            ("INTERSECT", true),
        ] {
            let count = |rows: &[Row], row: &Row| rows.iter().filter(|other| *other == row).count();
            let mut candidates = sorted([world.t.clone(), world.u.clone()].concat());
            candidates.dedup();
            let expected = candidates.into_iter().flat_map(|row| {
                let (left, right) = (count(&world.t, &row), count(&world.u, &row));
                let times = match (operator, all) {
                    ("UNION", true) => left + right,
                    ("UNION", false) => 1,
                    ("EXCEPT", true) => left.saturating_sub(right),
                    ("EXCEPT", false) => usize::from(left > 0 && right == 0),
                    (_, true) => left.min(right),
                    (_, false) => usize::from(left > 0 && right > 0),
                };
                std::iter::repeat_n(row, times)
            });
            let expected: Vec<Row> = expected.collect();
            let all = if all { " ALL" } else { "" };
            let statement = format!("SELECT a, b FROM t {operator}{all} SELECT a AS c, b FROM u");
            assert_eq!(sorted(world.found(&statement, &["a", "b"])), expected, "{statement}");
            let nested = format!(
                "SELECT q.a, q.b FROM (SELECT x.a, x.b FROM t AS x {operator}{all} SELECT y.a, y.b FROM u AS y) AS q"
            );
            assert_eq!(sorted(world.found(&nested, &["a", "b"])), expected, "{nested}");
        }
    }
}

#[test]
fn outer_joins_are_those_of_nested_loops() {
    let mut random = Random::new(12);
    for _ in 0..150 {
        let mut world = World::new(&mut random);
        for (condition, holds) in [
            ("t.a = u.a", (|t, u| t[0].is_some() && t[0] == u[0]) as fn(&Row, &Row) -> bool),
            ("t.a = u.a AND t.b < u.b", |t, u| {
                t[0].is_some() && t[0] == u[0] && matches!((t[1], u[1]), (Some(t), Some(u)) if t < u)
            }),
            ("t.a < u.b", |t, u| matches!((t[0], u[1]), (Some(t), Some(u)) if t < u)),
            ("u.b = 1", |_, u| u[1] == Some(1)),
            ("t.b = u.b AND t.a = u.a", |t, u| t[0].is_some() && t[1].is_some() && t == u),
        ] {
            for kind in ["LEFT", "RIGHT", "FULL"] {
                let mut expected: Vec<Row> = Vec::new();
                let mut matched = vec![false; world.u.len()];
                for t in &world.t {
                    let mut is_matched = false;
                    for (at, u) in world.u.iter().enumerate() {
                        if holds(t, u) {
                            expected.push([t.clone(), u.clone()].concat());
                            (is_matched, matched[at]) = (true, true);
                        }
                    }
                    if !is_matched && kind != "RIGHT" {
                        expected.push(vec![t[0], t[1], None, None]);
                    }
                }
                for (u, is_matched) in world.u.iter().zip(&matched) {
                    if !is_matched && kind != "LEFT" {
                        expected.push(vec![None, None, u[0], u[1]]);
                    }
                }
                let items = "SELECT t.a AS a, t.b AS b, u.a AS c, u.b AS d";
                let statement = format!("{items} FROM t {kind} JOIN u ON {condition}");
                let found = world.found(&statement, &["a", "b", "c", "d"]);
                assert_eq!(sorted(found), sorted(expected.clone()), "{statement}");
                let expected = expected.into_iter().filter(|row| row[3].is_none());
                let filtered = format!("{statement} WHERE u.b IS NULL");
                let found = world.found(&filtered, &["a", "b", "c", "d"]);
                assert_eq!(sorted(found), sorted(expected.collect()), "{filtered}");
            }
        }
    }
}

/// NULL comes last.
fn order(left: Cell, right: Cell) -> Ordering {
    (left.is_none(), left).cmp(&(right.is_none(), right))
}

/// Whether a place of a partition is in the frame of another.
type IsIn = Box<dyn Fn(usize, usize) -> bool>;

#[test]
fn window_functions_are_those_of_a_look_at_every_row() {
    let mut random = Random::new(13);
    for _ in 0..150 {
        let mut world = World::new(&mut random);
        let (before, after) = (random.index(4), random.index(4));
        let frames: [(String, IsIn); 5] = [
            (String::new(), Box::new(|_, _| true)),
            (
                format!("ROWS BETWEEN {before} PRECEDING AND {after} FOLLOWING"),
                Box::new(move |here, there| there + before >= here && there <= here + after),
            ),
            (
                format!("ROWS {before} PRECEDING"),
                Box::new(move |here, there| there + before >= here && there <= here),
            ),
            (
                "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING".to_owned(),
                Box::new(|here, there| there >= here),
            ),
            (
                format!("ROWS BETWEEN {after} FOLLOWING AND UNBOUNDED FOLLOWING"),
                Box::new(move |here, there| there >= here + after),
            ),
        ];
        // The rows of each partition of `a`, ordered by `b` and number.
        let mut numbers: Vec<usize> = (0..world.t.len()).collect();
        numbers
            .sort_by(|one, other| order(world.t[*one][1], world.t[*other][1]).then_with(|| one.cmp(other)));
        for (frame, is_in) in &frames {
            let order_by = if frame.is_empty() { "ORDER BY t.b" } else { "ORDER BY t.b, t.n" };
            let over = format!("OVER (PARTITION BY t.a {order_by} {frame})");
            let plain = "OVER (PARTITION BY t.a ORDER BY t.b)";
            let statement = format!(
                "SELECT t.n AS n, SUM(t.b) {over} AS s, COUNT(*) {over} AS c, MIN(t.n) {over} AS low, MAX(t.n) {over} AS high, \
                 RANK() {plain} AS r, DENSE_RANK() {plain} AS d, ROW_NUMBER() OVER (PARTITION BY t.a ORDER BY t.b, t.n) AS w, \
                 LAG(t.n, 2) OVER (PARTITION BY t.a ORDER BY t.b, t.n) AS l FROM t"
            );
            let fields = ["n", "s", "c", "low", "high", "r", "d", "w", "l"];
            let found = world.found(&statement, &fields);
            let mut expected = Vec::new();
            for n in 0..world.t.len() {
                let partition: Vec<usize> =
                    numbers.iter().copied().filter(|other| world.t[*other][0] == world.t[n][0]).collect();
                let here = partition.iter().position(|other| *other == n).expect("it is there");
                let key = |n: usize| world.t[n][1];
                let seen =
                    partition.iter().copied().enumerate().filter(|(there, other)| match frame.is_empty() {
                        true => order(key(*other), key(n)).is_le(),
                        false => is_in(here, *there),
                    });
                let seen: Vec<usize> = seen.map(|(_, other)| other).collect();
                let values: Vec<i64> = seen.iter().filter_map(|other| key(*other)).collect();
                let number = |number: usize| Some(number as i64);
                let less: Vec<Cell> = partition
                    .iter()
                    .map(|other| key(*other))
                    .filter(|other| order(*other, key(n)).is_lt())
                    .collect();
                let mut different = less.clone();
                different.dedup();
                expected.push(vec![
                    number(n),
                    (!values.is_empty()).then(|| values.iter().sum()),
                    number(seen.len()),
                    seen.iter().min().and_then(|n| number(*n)),
                    seen.iter().max().and_then(|n| number(*n)),
                    number(less.len() + 1),
                    number(different.len() + 1),
                    number(here + 1),
                    here.checked_sub(2).and_then(|place| number(partition[place])),
                ]);
            }
            assert_eq!(sorted(found), expected, "{statement}\n{:?}", world.t);
        }
    }
}

/// What WITH names gives the rows that the query itself gives in its place.
#[test]
fn a_query_of_with_is_the_query() {
    let mut random = Random::new(14);
    for _ in 0..100 {
        let mut world = World::new(&mut random);
        let query = *random.pick(&[
            "SELECT x.a, x.b FROM t AS x WHERE x.a > 1",
            "SELECT x.a, COUNT(*) AS b FROM t AS x GROUP BY x.a",
            "SELECT x.a, x.b FROM t AS x UNION SELECT y.a, y.b FROM u AS y",
        ]);
        let body = "FROM {x} AS p JOIN {x} AS q ON p.a = q.b";
        let inlined = format!("SELECT p.a, q.b {}", body.replace("{x}", &format!("({query})")));
        let named = format!("WITH w AS ({query}) SELECT p.a, q.b {}", body.replace("{x}", "w"));
        let expected = sorted(world.found(&inlined, &["a", "b"]));
        assert_eq!(sorted(world.found(&named, &["a", "b"])), expected, "{named}");
    }
}
