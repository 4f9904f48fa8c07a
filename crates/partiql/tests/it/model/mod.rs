//! Random queries against a model that knows no plans: nested loops over vectors of trees.
//!
//! The same query runs over the same documents with and without indexes, and through the model; all
//! three must give the same rows. `MODEL_QUERIES` says how many queries are tried, `MODEL_SEED` where
//! they begin.

use std::collections::BTreeMap;
use std::sync::Arc;

use everstrand_ion::{Document, Struct, Value};
use everstrand_partiql::plan::{AccessPlan, Kept, KeyRangePlan, Keys, Node, Plan, Statement};
use everstrand_partiql::{Options, execute, key, parse, plan};

use crate::memory::{MemoryTables, Sizes};
use crate::statements::run;

mod evaluate;
mod generate;
mod partitions;
mod query;

use evaluate::{Refused, may_be_no_boolean};
use everstrand_testkit::Random;
use query::Query;

/// The documents of the tables `t0`, `t1` and `t2`.
type World = Vec<Vec<Value>>;

const QUERIES_PER_WORLD: u64 = 25;

/// The error of a condition that is no boolean.
const NO_BOOLEAN: &str = "Expected boolean";

fn wanted(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(default)
}

/// Tables that hold a world; the ids of the documents of `t0` begin with `document` and their number
/// among all, so that the model can tell them.
fn tables_of(world: &World, indexes: &[(usize, String)]) -> MemoryTables {
    let mut tables = MemoryTables::default();
    let options = Options::default();
    for number in 0..world.len() {
        run(&mut tables, &format!("CREATE TABLE t{number}"), &[], &options).expect("create");
    }
    // Ids are given to documents before indexes, so that they do not depend on them.
    for (number, documents) in world.iter().enumerate() {
        for document in documents {
            let parameters = [Document::from(document)];
            run(&mut tables, &format!("INSERT INTO t{number} ?"), &parameters, &options).expect("insert");
        }
    }
    for (table, paths) in indexes {
        run(&mut tables, &format!("CREATE INDEX ON t{table} ({paths})"), &[], &options).expect("index");
    }
    tables
}

/// Rows in a form in which equal rows are the same.
fn canonical(rows: &[Value]) -> Vec<Vec<u8>> {
    rows.iter().map(|row| key::encode(&[Some(Document::from(row).root())])).collect()
}

fn rows_of(
    tables: &mut MemoryTables,
    query: &Query,
    spoil: bool,
    seen: &mut BTreeMap<&'static str, u64>,
) -> Result<Vec<Value>, String> {
    let (text, parameters) = query.print();
    let parameters: Vec<Document> = parameters.iter().map(Document::from).collect();
    let statement = parse(&text).map_err(|error| error.to_string())?;
    let mut plan =
        plan(&statement, &parameters, tables, &Options::default()).map_err(|error| error.to_string())?;
    visit(&mut plan, spoil, seen);
    let mut rows = execute(plan, parameters.into(), tables).map_err(|error| error.to_string())?;
    let mut all = Vec::new();
    while let Some(row) = rows.next(tables).map_err(|error| error.to_string())? {
        all.push(row.to_value());
    }
    Ok(all)
}

/// Counts the nodes of a plan; on request takes the equality out of its bounds.
fn visit(plan: &mut Plan, spoil: bool, seen: &mut BTreeMap<&'static str, u64>) {
    if let Statement::Query(query) = Arc::make_mut(&mut plan.statement) {
        if query.distinct {
            *seen.entry("distinct").or_default() += 1;
        }
        if query.limit.is_some() {
            *seen.entry("limit").or_default() += 1;
        }
        visit_node(&mut query.input, spoil, seen);
    }
}

fn visit_node(node: &mut Node, spoil: bool, seen: &mut BTreeMap<&'static str, u64>) {
    let name = match node {
        Node::Scan(scan) if scan.firsts => "first of each key",
        Node::Scan(scan) => match &mut scan.access {
            AccessPlan::Scan => "scan",
            AccessPlan::Documents(_) => "document lookup",
            AccessPlan::Union(_) => "index union",
            AccessPlan::Index(index) => {
                if index.order.is_some() {
                    *seen.entry("index order").or_default() += 1;
                }
                if index.equal.iter().any(|keys| !matches!(keys, Keys::One(_))) {
                    *seen.entry("index lookup of several keys").or_default() += 1;
                }
                match &mut index.range {
                    KeyRangePlan::All if index.equal.is_empty() => "index whole",
                    KeyRangePlan::All => "index lookup",
                    KeyRangePlan::Between { lower, upper } => {
                        if spoil {
                            for (_, inclusive) in lower.iter_mut().chain(upper.iter_mut()) {
                                *inclusive = false;
                            }
                        }
                        "index range"
                    }
                    KeyRangePlan::Like { .. } => "index prefix",
                    KeyRangePlan::Unknown => "index unknown",
                    KeyRangePlan::Known => "index known",
                }
            }
        },
        Node::One => "one row",
        Node::Iterate { .. } => "iterate",
        Node::FullJoin(join) => {
            visit_node(&mut join.left, spoil, seen);
            visit_node(&mut join.right, spoil, seen);
            "full join"
        }
        Node::Combine(combine) => {
            visit_node(&mut combine.left.input, spoil, seen);
            visit_node(&mut combine.right.input, spoil, seen);
            "set operation"
        }
        Node::Join { left, right, .. } => {
            visit_node(left, spoil, seen);
            visit_node(right, spoil, seen);
            "nested loop"
        }
        Node::HashJoin(join) => {
            visit_node(&mut join.left, spoil, seen);
            visit_node(&mut join.right, spoil, seen);
            if join.keys.known_may_fail { "hash join by keys that may fail" } else { "hash join" }
        }
        Node::HashLookup(lookup) => {
            visit_node(&mut lookup.input, spoil, seen);
            "hash lookup"
        }
        Node::Filter { input, .. } => {
            if let Node::Scan(scan) = &**input
                && scan.filter.is_some()
            {
                *seen.entry("filter of a scan").or_default() += 1;
                *seen.entry("whole filter of a scan").or_default() += u64::from(scan.filter_is_whole);
            }
            visit_node(input, spoil, seen);
            "filter"
        }
        Node::Group(group) => {
            visit_node(&mut group.input, spoil, seen);
            match &group.kept[..] {
                [] => "group",
                kept => {
                    for kept in kept {
                        let kind = match kept {
                            Kept::Rows => "kept count",
                            Kept::Keys(_) => "count of known keys",
                            Kept::DifferentKeys(_) => "count of different keys",
                            Kept::End(_) => "end of an index",
                        };
                        *seen.entry(kind).or_default() += 1;
                    }
                    "count of keys"
                }
            }
        }
        Node::Window(window) => {
            visit_node(&mut window.input, spoil, seen);
            "window"
        }
        Node::Sort { input, presorted, .. } => {
            visit_node(input, spoil, seen);
            if *presorted > 0 { "sort within runs" } else { "sort" }
        }
    };
    *seen.entry(name).or_default() += 1;
}

/// What a run of queries has shown.
#[derive(Default)]
struct Report {
    queries: u64,
    non_empty: u64,
    refused: u64,
    seen: BTreeMap<&'static str, u64>,
}

/// Tries queries until one differs; answers how.
fn search(seed: u64, queries: u64, spoil: bool) -> (Report, Option<String>) {
    let mut random = Random::new(seed);
    let mut report = Report::default();
    while report.queries < queries {
        let world = generate::world(&mut random);
        let indexes = generate::indexes(&mut random);
        let mut plain = tables_of(&world, &[]);
        let mut indexed = tables_of(&world, &indexes);
        for _ in 0..QUERIES_PER_WORLD {
            let query = generate::query(&mut random);
            // Other sizes choose other plans, and no other answers.
            indexed.sizes = match random.index(3) {
                0 => Sizes::Unknown,
                1 => Sizes::True,
                _ => Sizes::False(random.index(1 << 30) as u64),
            };
            report.queries += 1;
            if query.names.is_some() {
                *report.seen.entry("items called like fields").or_default() += 1;
            }
            if format!("{:?}", query.condition).contains("CompareRows") {
                *report.seen.entry("row values").or_default() += 1;
            }
            let expected = evaluate::rows(&world, &query);
            report.non_empty += u64::from(expected.as_ref().is_ok_and(|rows| !rows.is_empty()));
            report.refused += u64::from(expected.is_err());
            for (tables, name) in [(&mut plain, "without indexes"), (&mut indexed, "with indexes")] {
                let (expected, found) = match (&expected, rows_of(tables, &query, spoil, &mut report.seen)) {
                    (Ok(expected), Ok(found)) => (expected, found),
                    (Err(Refused), Err(error)) if error.contains("Expected number") => continue,
                    // Which rows are asked is the plan's; where none was no boolean the rows must be right.
                    (_, Err(error)) if error.contains(NO_BOOLEAN) && may_be_no_boolean(&world, &query) => {
                        *report.seen.entry("refused condition").or_default() += 1;
                        continue;
                    }
                    // LIMIT 0 asks for nothing.
                    (Err(Refused), Ok(found)) if found.is_empty() && query.window(1).is_empty() => continue,
                    (_, found) => {
                        return (report, Some(format!("{expected:?} {found:?}\n{}", query.print().0)));
                    }
                };
                if let Err(why) = agree(&query, expected, &found) {
                    let (text, parameters) = query.print();
                    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
                    let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
                    return (
                        report,
                        Some(format!(
                            "{name} {indexes:?}: {why}\n{text}\nparameters {}\nexpected\n{}\nfound\n{}\nworld {}",
                            Value::from(parameters),
                            expected.join("\n"),
                            found.join("\n"),
                            Value::from(world.iter().cloned().map(Value::from).collect::<Vec<_>>()),
                        )),
                    );
                }
            }
        }
    }
    (report, None)
}

/// Whether rows are those of the model: the same without regard to order, or where the query orders and
/// cuts them, as many, out of all, with the same order keys.
fn agree(query: &Query, expected: &[Value], found: &[Value]) -> Result<(), String> {
    if found.len() != query.window(expected.len()).len() {
        return Err(format!("{} rows instead of {}", found.len(), query.window(expected.len()).len()));
    }
    let (mut all, mut some) = (canonical(expected), canonical(found));
    all.sort();
    some.sort();
    // Each row that was found takes one out of those that are expected.
    let mut rest = all.iter();
    if !some.iter().all(|row| rest.any(|candidate| candidate == row)) {
        return Err("other rows".to_owned());
    }
    if !query.order.is_empty() {
        // NULL and MISSING are peers, in whatever order they come.
        let known = |row: &Value| {
            let keys = row.get("o").and_then(Value::as_struct).into_iter().flat_map(Struct::iter);
            Value::from(keys.filter(|(_, key)| !key.is_null()).cloned().collect::<Struct>())
        };
        let keys = |rows: &[Value]| rows.iter().map(known).collect::<Vec<_>>();
        let window = &expected[query.window(expected.len())];
        if canonical(&keys(window)) != canonical(&keys(found)) {
            return Err("another order".to_owned());
        }
    }
    Ok(())
}

#[test]
fn plans_give_the_rows_of_nested_loops() {
    let queries = wanted("MODEL_QUERIES", 10_000);
    let (report, difference) = search(wanted("MODEL_SEED", 1), queries, false);
    println!(
        "{} queries, {} with rows, {} refused; plan nodes seen: {:#?}",
        report.queries, report.non_empty, report.refused, report.seen
    );
    if let Some(difference) = difference {
        panic!("{difference}");
    }
    assert!(report.refused > 0, "no query adds up what is no number");
    assert!(report.non_empty * 10 >= report.queries * 3, "too many queries find nothing");
    for node in [
        "scan",
        "document lookup",
        "index lookup",
        "index lookup of several keys",
        "index range",
        "index prefix",
        "index unknown",
        "index order",
        "iterate",
        "nested loop",
        "hash join",
        "filter",
        "group",
        "count of keys",
        "kept count",
        "count of known keys",
        "count of different keys",
        "end of an index",
        "first of each key",
        "filter of a scan",
        "whole filter of a scan",
        "sort",
        "sort within runs",
        "distinct",
        "limit",
        "refused condition",
        "row values",
        "items called like fields",
    ] {
        assert!(report.seen.contains_key(node), "no plan with a node of the kind '{node}'");
    }
}

#[test]
fn a_planner_that_is_broken_on_purpose_is_found() {
    let (_, difference) = search(7, 1_000, true);
    assert!(difference.is_some(), "no query shows that bounds have lost their equality");
}

/// A row whose value is MISSING is a row: nested, a query of values has as many as one of structs.
#[test]
fn a_nested_query_has_as_many_rows_as_the_model() {
    let mut random = Random::new(wanted("MODEL_SEED", 5));
    let (mut queries, mut rows) = (0u64, 0usize);
    while queries < wanted("MODEL_NESTED", 200) {
        let world = generate::world(&mut random);
        let mut tables = tables_of(&world, &generate::indexes(&mut random));
        for _ in 0..QUERIES_PER_WORLD {
            let query = generate::query(&mut random);
            if query.distinct {
                continue;
            }
            let Ok(all) = evaluate::rows(&world, &query) else { continue };
            let expected = query.window(all.len()).len();
            for is_value in [true, false] {
                for (before, after, expected) in [
                    (
                        "SELECT VALUE q.n FROM (SELECT COUNT(*) AS n FROM ",
                        " AS s) AS q",
                        Value::from(expected as i64),
                    ),
                    ("SELECT VALUE SIZE(", ") FROM <<0>> AS o", Value::from(expected as i64)),
                    ("SELECT VALUE EXISTS(", ") FROM <<0>> AS o", Value::from(expected > 0)),
                ] {
                    let (text, parameters) = query.print_within(before, is_value, after);
                    let parameters: Vec<Document> = parameters.iter().map(Document::from).collect();
                    let outcome = match run(&mut tables, &text, &parameters, &Options::default()) {
                        Err(error)
                            if error.to_string().contains(NO_BOOLEAN)
                                && may_be_no_boolean(&world, &query) =>
                        {
                            continue;
                        }
                        outcome => outcome.unwrap_or_else(|error| panic!("{error}\n{text}")),
                    };
                    let found: Vec<Value> = outcome.rows.iter().map(Document::to_value).collect();
                    assert_eq!(found, [expected], "{text}");
                }
            }
            queries += 1;
            rows += expected;
        }
    }
    assert!(rows > 200, "too few rows");
}

#[test]
fn changes_meet_the_documents_of_their_condition() {
    let mut random = Random::new(wanted("MODEL_SEED", 3));
    let (mut changes, mut documents) = (0u64, 0usize);
    while changes < wanted("MODEL_CHANGES", 1_000) {
        let world = generate::world(&mut random);
        let indexes = generate::indexes(&mut random);
        let query = generate::change(&mut random);
        let query::Over::Table(table) = query.sources[0].over else { unreachable!("a table") };
        let first = 4 + world[..table].iter().map(Vec::len).sum::<usize>();
        let ids: Vec<Value> = evaluate::rows(&world, &query)
            .expect("no aggregates")
            .iter()
            .map(|row| row.get("f0").expect("an id").clone())
            .collect();
        let is_met = |number: usize| ids.contains(&Value::from(format!("document{}", first + number)));
        let operations: &[&str] = if query.sources.len() == 1 {
            &["SET s0.z = 1", "REMOVE s0.a", "REMOVE s0", "DELETE"]
        } else {
            &["SET s0.z = 1", "REMOVE s0.a", "REMOVE s0"]
        };
        let operation = *random.pick(operations);
        let expected: Vec<Value> = world[table]
            .iter()
            .enumerate()
            .filter_map(|(number, document)| {
                let mut fields = document.as_struct().expect("a struct").clone();
                match operation {
                    _ if !is_met(number) => {}
                    "SET s0.z = 1" => fields.push("z", 1i64),
                    "REMOVE s0.a" => fields.fields_mut().retain(|(name, _)| name.text() != Some("a")),
                    _ => return None,
                }
                Some(Value::from(fields))
            })
            .collect();
        let (text, parameters) = query.print_change(operation);
        let parameters: Vec<Document> = parameters.iter().map(Document::from).collect();
        for indexes in [&[][..], &indexes] {
            let mut tables = tables_of(&world, indexes);
            let outcome = match run(&mut tables, &text, &parameters, &Options::default()) {
                Err(error) if error.to_string().contains(NO_BOOLEAN) && may_be_no_boolean(&world, &query) => {
                    continue;
                }
                outcome => outcome.unwrap_or_else(|error| panic!("{error}\n{text}")),
            };
            let named: Vec<Value> = outcome
                .rows
                .iter()
                .map(|row| row.to_value().get("documentId").expect("an id").clone())
                .collect();
            assert_eq!(named.len(), ids.len(), "{text}\n{indexes:?}");
            assert!(ids.iter().all(|id| named.contains(id)), "{text}\n{indexes:?}");
            let select = format!("SELECT VALUE x FROM t{table} AS x");
            let after = run(&mut tables, &select, &[], &Options::default()).expect("select");
            let after: Vec<Value> = after.rows.iter().map(Document::to_value).collect();
            assert_eq!(after, expected, "{text}\n{indexes:?}");
        }
        changes += 1;
        documents += ids.len();
    }
    println!("{changes} changes of {documents} documents");
    assert!(documents > 500, "too few changes meet documents");
}
