//! Random joins and correlated queries against the same conditions in a form that no plan can take apart.
//!
//! A chain of CASE is asked once a row, after all sources were joined by nested loops in the order in which they are
//! written: `CASE WHEN a THEN CASE WHEN b THEN true ELSE false END ELSE false END`. Conditions that cannot fail stand
//! first in it, as the planner moves them there. `JOIN_QUERIES` says how many queries are tried, `JOIN_SEED` where they
//! begin.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use everstrand_ion::{Document, Value, text};
use everstrand_partiql::{BufferedBytes, Options, execute, key, parse, plan};
use everstrand_testkit::Random;

use crate::memory::{MemoryTables, Sizes};
use crate::statements::run;

/// Values that are alike for some expressions and fail in others.
const VALUES: [&str; 16] = [
    "0", "1", "2", "1.0", "2e0", "nan", "\"1\"", "\"2\"", "\"a\"", "\"A\"", "null", "true", "[1]", "{a: 1}",
    "1", "2",
];

fn tables(random: &mut Random) -> Vec<Vec<String>> {
    let mut number = 0;
    (0..3)
        .map(|_| {
            (0..1 + random.index(7))
                .map(|_| {
                    number += 1;
                    let mut document = format!("{{n: {number}");
                    for field in ["a", "b", "c"] {
                        if random.permille(850) {
                            let _ = write!(document, ", {field}: {}", random.pick::<&str>(&VALUES));
                        }
                    }
                    if random.permille(700) {
                        let _ = write!(document, ", l: [{}]", random.pick::<&str>(&VALUES));
                    }
                    document + "}"
                })
                .collect()
        })
        .collect()
}

fn memory(world: &[Vec<String>], indexes: &[(usize, &str)], sizes: Sizes) -> MemoryTables {
    let mut tables = MemoryTables::default();
    tables.sizes = sizes;
    let options = Options::default();
    for (number, documents) in world.iter().enumerate() {
        run(&mut tables, &format!("CREATE TABLE t{number}"), &[], &options).expect("create");
        for document in documents {
            let document = Document::from(text::read_one(document).expect("well formed"));
            run(&mut tables, &format!("INSERT INTO t{number} ?"), &[document], &options).expect("insert");
        }
    }
    for (table, field) in indexes {
        run(&mut tables, &format!("CREATE INDEX ON t{table} ({field})"), &[], &options).expect("index");
    }
    tables
}

/// A condition, and whether it cannot fail.
type Condition = (String, bool);

fn path(random: &mut Random, aliases: &[&str]) -> String {
    format!("{}.{}", random.pick::<&str>(aliases), random.pick::<&str>(&["a", "a", "b", "c"]))
}

/// An expression over some sources, and whether it cannot fail.
fn expression(random: &mut Random, aliases: &[&str]) -> Condition {
    let path = path(random, aliases);
    match random.index(12) {
        0..=4 => (path, true),
        5 => (format!("{path} + 1"), false),
        6 => (format!("CAST({path} AS INT)"), false),
        7 => (format!("LOWER({path})"), false),
        8 => (format!("2 / {path}"), false),
        9 => (format!("{path} || 'x'"), false),
        10 => (format!("COALESCE({path}, 1)"), false),
        _ => (format!("{path} - 1"), false),
    }
}

fn condition(random: &mut Random, aliases: &[&str], outer: &[&str]) -> Condition {
    let all: Vec<&str> = aliases.iter().chain(outer).copied().collect();
    let last = aliases[aliases.len() - 1..].to_vec();
    let ((left, left_total), (right, right_total)) = match random.index(8) {
        // Between two sources, or a source and the query around.
        0..=4 => (expression(random, &all), expression(random, &last)),
        5 => {
            (expression(random, aliases), (random.pick::<&str>(&["1", "2", "'a'", "1.0"]).to_string(), true))
        }
        _ => (expression(random, &all), expression(random, &all)),
    };
    let operator = *random.pick(&["=", "=", "=", "=", "=", "<", "<>"]);
    let (left, right) = if random.permille(500) { (left, right) } else { (right, left) };
    (format!("{left} {operator} {right}"), left_total && right_total)
}

fn conditions(random: &mut Random, aliases: &[&str], outer: &[&str]) -> Vec<Condition> {
    (0..1 + random.index(3)).map(|_| condition(random, aliases, outer)).collect()
}

/// The conditions joined by AND, and as a chain of CASE.
fn both(conditions: &[Condition]) -> [String; 2] {
    let texts: Vec<&str> = conditions.iter().map(|(text, _)| text.as_str()).collect();
    let mut sorted: Vec<&Condition> = conditions.iter().collect();
    sorted.sort_by_key(|(_, is_total)| !is_total);
    let chain = sorted
        .iter()
        .rev()
        .fold("true".to_owned(), |inner, (text, _)| format!("CASE WHEN {text} THEN {inner} ELSE false END"));
    [texts.join(" AND "), chain]
}

/// A query with a clause of conditions, once in each form.
fn query(random: &mut Random) -> [String; 2] {
    let join = |random: &mut Random, names: &[&str]| {
        let mut from = format!("t{} AS {}", random.index(3), names[0]);
        for name in &names[1..] {
            let _ = write!(from, ", t{} AS {name}", random.index(3));
        }
        from
    };
    match random.index(9) {
        0 | 1 => {
            let names = random.pick::<&[&str]>(&[&["x", "y"], &["x", "y", "z"]]);
            let from = join(random, names);
            let conditions = conditions(random, names, &[]);
            let items: Vec<String> = names.iter().map(|name| format!("{name}.n")).collect();
            let items = items.join(", ");
            both(&conditions).map(|clause| format!("SELECT VALUE [{items}] FROM {from} WHERE {clause}"))
        }
        2 => {
            let from = join(random, &["x"]);
            let right = random.index(3);
            let conditions = conditions(random, &["x", "y"], &[]);
            both(&conditions).map(|clause| {
                format!("SELECT x.n AS x, y.n AS y FROM {from} LEFT JOIN t{right} AS y ON {clause}")
            })
        }
        3 => {
            let from = join(random, &["x", "y"]);
            let conditions = conditions(random, &["x", "y", "e"], &[]);
            both(&conditions)
                .map(|clause| format!("SELECT VALUE [x.n, y.n, e] FROM {from}, @x.l AS e WHERE {clause}"))
        }
        kind => {
            let outer = random.index(3);
            let names = random.pick::<&[&str]>(&[&["y"], &["y"], &["y", "z"]]);
            let from = join(random, names);
            let conditions = conditions(random, names, &["x"]);
            let item = expression(random, &["y", "x"]).0;
            let field = path(random, &["x"]);
            both(&conditions).map(|clause| match kind {
                4 => format!("SELECT VALUE x.n FROM t{outer} AS x WHERE EXISTS (SELECT y.n FROM {from} WHERE {clause})"),
                5 => format!("SELECT VALUE x.n FROM t{outer} AS x WHERE NOT EXISTS (SELECT y.n FROM {from} WHERE {clause})"),
                6 => format!("SELECT VALUE x.n FROM t{outer} AS x WHERE {field} IN (SELECT VALUE y.a FROM {from} WHERE {clause})"),
                7 => format!("SELECT VALUE x.n FROM t{outer} AS x WHERE {field} NOT IN (SELECT VALUE {item} FROM {from} WHERE {clause})"),
                _ => format!(
                    "SELECT x.n AS n, (SELECT COUNT(*) FROM {from} WHERE {clause}) AS c, \
                     (SELECT MAX(y.a) FROM {from} WHERE {clause}) AS m, \
                     (SELECT VALUE y.n FROM {from} WHERE {clause}) AS l FROM t{outer} AS x"
                ),
            })
        }
    }
}

/// The rows in no order, or that the query fails.
fn rows(
    tables: &mut MemoryTables,
    text: &str,
    options: &Options,
    seen: &mut BTreeMap<&'static str, u64>,
) -> Result<Vec<Vec<u8>>, String> {
    let statement = parse(text).map_err(|error| error.to_string())?;
    let plan = plan(&statement, &[], tables, options).map_err(|error| format!("not planned: {error}"))?;
    let shown = format!(
        "{plan}{}",
        if format!("{plan:?}").contains("otherwise: Some") { "instead of an index" } else { "" }
    );
    for node in [
        "Hash join",
        "Left hash join",
        "Hash lookup",
        "Nested loop join",
        "Index lookup",
        "instead of an index",
    ] {
        *seen.entry(node).or_default() += u64::from(shown.contains(node));
    }
    let mut rows = execute(plan, Arc::from([]), tables).map_err(|error| error.to_string())?;
    let mut all = Vec::new();
    while let Some(row) = rows.next(tables).map_err(|error| error.to_string())? {
        all.push(sorted(row.to_value()));
    }
    all.sort();
    Ok(all)
}

/// A row whose nested bags, which have no order, are sorted.
fn sorted(row: Value) -> Vec<u8> {
    let list = row.get("l").and_then(Value::as_sequence).map(|items| {
        let mut items: Vec<Vec<u8>> = items.iter().map(encoded).collect();
        items.sort();
        items.concat()
    });
    match list {
        Some(list) => {
            let rest = [row.get("n"), row.get("c"), row.get("m")].into_iter().flatten();
            rest.flat_map(encoded).chain(list).collect()
        }
        None => encoded(&row),
    }
}

fn encoded(value: &Value) -> Vec<u8> {
    key::encode(&[Some(Document::from(value).root())])
}

#[test]
fn joins_and_correlated_queries_are_those_of_nested_loops() {
    let wanted = |variable: &str, default: u64| {
        std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(default)
    };
    let queries = wanted("JOIN_QUERIES", 1_200);
    let mut random = Random::new(wanted("JOIN_SEED", 1));
    let (mut tried, mut failed, mut non_empty) = (0, 0, 0);
    let mut seen = BTreeMap::new();
    let mut ignored = BTreeMap::new();
    let options = Options::default();
    let few = BufferedBytes::new(2_000, "held_bytes_max");
    let bounds = Options::new(true, few.clone());
    while tried < queries {
        let world = tables(&mut random);
        let mut indexes = Vec::new();
        for table in 0..3 {
            for field in ["a", "b"] {
                if random.permille(400) {
                    indexes.push((table, field));
                }
            }
        }
        let mut plain = memory(&world, &[], Sizes::Unknown);
        let false_sizes = Sizes::False(random.index(1 << 30) as u64);
        let mut others = [
            memory(&world, &[], Sizes::True),
            memory(&world, &[], false_sizes),
            memory(&world, &indexes, Sizes::Unknown),
            memory(&world, &indexes, Sizes::True),
            memory(&world, &indexes, false_sizes),
        ];
        for _ in 0..40 {
            let [text, chain] = query(&mut random);
            tried += 1;
            let expected = rows(&mut plain, &chain, &options, &mut ignored);
            failed += u64::from(expected.is_err());
            non_empty += u64::from(expected.as_ref().is_ok_and(|rows| !rows.is_empty()));
            for (number, tables) in others.iter_mut().enumerate() {
                let found = rows(tables, &text, &options, &mut seen);
                assert!(
                    found == expected || (found.is_err() && expected.is_err()),
                    "{number}: {expected:?}\n{found:?}\n{text}\n{indexes:?}\n{world:?}"
                );
                // Where little may be held, tables are given up, or the statement is refused, but no row is lost.
                let bounded = rows(tables, &text, &bounds, &mut ignored);
                assert_eq!(few.bytes(), 0, "{text}");
                assert!(
                    bounded == expected || bounded.is_err(),
                    "{number}, bounded: {expected:?}\n{bounded:?}\n{text}\n{indexes:?}\n{world:?}"
                );
            }
        }
    }
    println!("{tried} queries, {failed} fail, {non_empty} with rows; nodes {seen:#?}");
    assert!(failed * 10 > tried && non_empty * 4 > tried, "{failed} of {tried} fail, {non_empty} have rows");
    for (node, times) in seen {
        assert!(times > 0, "no plan has a {node}");
    }
}
