//! What one statement may cost: how long it is planned, how often it is asked whether to stop, and how much
//! it holds.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use everstrand_ion::{Document, text};
use everstrand_partiql::{BufferedBytes, Category, Options, parse, plan};

use crate::memory::MemoryTables;
use crate::statements::run;

/// How long this thread ran, which is not how long it waited for others; where that is not told, the time.
fn processor_time() -> Duration {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|told| told.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| BEGUN.elapsed(), Duration::from_nanos)
}

fn tables() -> MemoryTables {
    let mut tables = MemoryTables::default();
    for statement in ["CREATE TABLE t", "CREATE INDEX ON t (n)"] {
        run(&mut tables, statement, &[], &Options::default()).expect(statement);
    }
    tables
}

/// Fills up to 100,000 characters with a repeated part.
fn repeated(before: &str, part: impl Fn(usize) -> String, separator: &str, after: &str) -> String {
    let mut statement = before.to_owned();
    for number in 0.. {
        let part = part(number);
        if statement.len() + separator.len() + part.len() + after.len() > 100_000 {
            break;
        }
        if number > 0 {
            statement += separator;
        }
        statement += &part;
    }
    statement + after
}

/// Every statement of 100,000 characters is planned or refused in half a second; ten times that is granted to
/// a debug build on a busy machine.
#[test]
fn a_long_statement_is_planned_or_refused_soon() {
    let mut nested = "SIZE([1, 1, 1])".to_owned();
    for _ in 0..15 {
        nested = format!("(SELECT o.a[{nested}] AS v FROM t AS yk GROUP BY yk.k AS kk)");
    }
    let mut indexed = "o.a".to_owned();
    for _ in 0..60 {
        indexed = format!("o.a[{indexed}]");
    }
    let deep_sources = |levels: usize| {
        let list = (0..60).map(|n| format!("t AS a{levels}_{n}")).collect::<Vec<_>>().join(",");
        format!("SELECT VALUE 1 FROM {list}")
    };
    let name = |number: usize| format!("a{number}");
    let big_item = repeated("SELECT (", |_| "a".into(), " AND ", ") AS x FROM t ORDER BY ");
    let half = &big_item[..50_000];
    let half = format!("{} AS x FROM t ", &half[..half.rfind(" AND").unwrap_or(0)].replacen('(', "", 1));
    let aliases = |clause: &str| {
        let items = (0..6000).map(|n| format!("a AS a{n}")).collect::<Vec<_>>().join(",");
        let keys = (0..6000).map(name).collect::<Vec<_>>().join(",");
        format!("SELECT {items} FROM t {clause} {keys}")
    };
    let sources = (0..64).map(|n| format!("t AS s{n}")).collect::<Vec<_>>().join(",");
    let pair = |n: usize, more: &str| format!("s{}.a{more} = s{}.b", n * 7 % 64, n * 13 % 61);
    let many = [
        format!("SELECT VALUE {nested} FROM t AS o"),
        format!("SELECT {indexed} FROM t AS o GROUP BY o.a"),
        repeated("SELECT a FROM t GROUP BY ", name, ",", ""),
        repeated("SELECT ", |n| format!("COUNT(a{n})"), ",", " FROM t"),
        repeated("SELECT ", |n| format!("COUNT(a{n})"), ",", " FROM t WHERE n = 1"),
        repeated("SELECT ", name, ",", " FROM t"),
        repeated("SELECT * FROM t ORDER BY ", name, ",", ""),
        repeated("SELECT * FROM t WHERE ", |n| format!("n > {n}"), " AND ", ""),
        repeated("SELECT * FROM t WHERE ", |n| format!("n = {n}"), " OR ", ""),
        repeated("SELECT * FROM t WHERE n IN (", |n| n.to_string(), ",", ")"),
        repeated("SELECT COUNT(*) FROM ", |n| format!("(t AS b{n})"), ",", ""),
        repeated("SELECT COUNT(*) FROM ", |n| format!("(t AS b{n}, t AS c{n})"), ",", ""),
        repeated("EXPLAIN SELECT * FROM t WHERE n IN (", |n| n.to_string(), ",", ")"),
        repeated("EXPLAIN SELECT ", |n| format!("(SELECT VALUE a{n} FROM t AS y)"), ",", " FROM t AS a"),
        repeated("UPDATE t SET ", |n| format!("a{n} = {n}"), ",", ""),
        repeated("SELECT VALUE {", |n| format!("'a{n}': {n}"), ",", "} FROM t"),
        repeated("SELECT ", |_| "t".into(), ".", " FROM t"),
        repeated("SELECT CASE ", |n| format!("WHEN n={n} THEN n"), " ", " END FROM t"),
        repeated("SELECT ", |_| "(".into(), "", ""),
        repeated("SELECT ", |_| "-".into(), "", ""),
        repeated("SELECT ", |_| "`[".into(), "", ""),
        repeated("SELECT `", |_| "[".into(), "", "`"),
        repeated("SELECT '", |_| "'".into(), "'", "'"),
        repeated("SELECT /*", |_| "*".into(), " ", ""),
        repeated("SELECT 1", |_| "0".into(), "", " FROM t"),
        repeated("SELECT 1 = 1", |_| "0".into(), "", " AND 1d7 < 2 FROM t"),
        aliases("ORDER BY"),
        aliases("GROUP BY"),
        repeated("SELECT ", |n| format!("a{n}"), ",", " FROM t UNION SELECT 1 ORDER BY a1"),
        repeated("SELECT a FROM t UNION SELECT b FROM t ORDER BY ", |_| "a".into(), ",", ""),
        repeated("SELECT a FROM t", |_| "SELECT b FROM t".into(), " UNION ALL ", ""),
        repeated("WITH ", |n| format!("x{n} AS (SELECT {n} AS a)"), ",", " SELECT * FROM x1"),
        (0..60).fold("WITH x0 AS (SELECT 1 AS a)".to_owned(), |text, n| {
            format!("{text}, x{} AS (SELECT p.a FROM x{n} AS p, x{n} AS q)", n + 1)
        }) + " SELECT a FROM x60",
        (0..60).fold("EXPLAIN WITH x0 AS (SELECT 1 AS a)".to_owned(), |text, n| {
            format!("{text}, x{} AS (SELECT p.a FROM x{n} AS p, x{n} AS q)", n + 1)
        }) + " SELECT a FROM x60",
        (0..60).fold("SELECT (WITH x0 AS (SELECT t.a AS a)".to_owned(), |text, n| {
            format!("{text}, x{} AS (SELECT p.a FROM x{n} AS p, x{n} AS q)", n + 1)
        }) + " SELECT x60.a FROM x60) AS b FROM t",
        repeated("SELECT * FROM t JOIN t AS u USING (", name, ",", ")"),
        repeated("SELECT ", |n| format!("SUM(a{n}) OVER (PARTITION BY b{n})"), ",", " FROM t"),
        repeated("SELECT ", |n| format!("COUNT(*) FILTER (WHERE a{n})"), ",", " FROM t"),
        repeated("SELECT SUM(a) OVER (PARTITION BY ", name, ",", ") FROM t"),
        repeated(&format!("{half} ORDER BY "), |_| "x".into(), ",", ""),
        repeated(&format!("{half} GROUP BY "), |_| "x".into(), ",", ""),
        repeated(&format!("{half} GROUP BY "), |_| "1".into(), ",", ""),
        repeated(&format!("SELECT 1 FROM {sources} WHERE "), |n| pair(n, ""), " AND ", ""),
        repeated(&format!("SELECT 1 FROM {sources} WHERE "), |n| pair(n, " + 1"), " AND ", ""),
        repeated(&format!("SELECT 1 FROM {sources} WHERE "), |_| "s0.a + 1 = s1.b".into(), " AND ", ""),
        repeated(&format!("SELECT 1 FROM {sources} WHERE s7.a IN ("), |n| n.to_string(), ",", ")"),
        repeated(
            "SELECT 1 FROM t AS o WHERE ",
            |n| format!("EXISTS (SELECT 1 FROM t AS x, t AS y WHERE x.k = o.a{n} AND y.k = x.k)"),
            " AND ",
            "",
        ),
        (0..50).fold(deep_sources(0), |inner, level| {
            format!("{} WHERE EXISTS ({inner})", deep_sources(level + 1))
        }),
    ];
    let mut tables = tables();
    for statement in many {
        for extensions in [true, false] {
            let begun = processor_time();
            let planned = parse(&statement).and_then(|parsed| {
                plan(&parsed, &[], &mut tables, &Options { extensions, ..Options::default() })
            });
            let took = processor_time().saturating_sub(begun);
            let (start, end) = statement.split_at(statement.len().min(60));
            let end = &end[end.len().saturating_sub(20)..];
            assert!(took < Duration::from_secs(5), "{took:?} for {start}…{end}, {:?}", planned.err());
        }
    }
}

#[test]
fn planning_asks_whether_to_stop() {
    let statement = repeated("SELECT * FROM t WHERE ", |n| format!("n > {n}"), " AND ", "");
    let mut tables = tables();
    tables.interrupt_after = Some(0);
    let refused = plan(&parse(&statement).unwrap(), &[], &mut tables, &Options::default());
    assert_eq!(refused.unwrap_err().to_string(), "the statement was stopped");
}

/// A text of 6.5 MB from 400 characters.
const LONG: &str = "(SELECT VALUE v || v FROM (SELECT VALUE v || v FROM (SELECT VALUE v || v FROM \
    (SELECT VALUE v || v FROM (SELECT VALUE v || v FROM (SELECT VALUE v || v FROM (SELECT VALUE v || v FROM \
    (SELECT VALUE v || v FROM (SELECT VALUE v || v FROM (SELECT VALUE v || v FROM (SELECT VALUE v || v FROM \
    (SELECT VALUE v || v FROM (SELECT VALUE v || v FROM (SELECT VALUE '<a>' FROM <<1>>) AS v) AS v) AS v) AS v) \
    AS v) AS v) AS v) AS v) AS v) AS v) AS v) AS v) AS v)";

fn long(characters: usize) -> String {
    LONG.replace("<a>", &"a".repeat(characters))
}

/// How often a statement is asked, and that it stops where it is told so the last time.
fn asked(statement: &str, parameters: &[Document]) -> u64 {
    let ask = |times: u64| {
        let mut tables = tables();
        tables.interrupt_after = Some(times);
        let result = run(&mut tables, statement, parameters, &Options::default());
        (times - tables.interrupt_after.unwrap_or(0), result.err().map(|error| error.to_string()))
    };
    let (asked, error) = ask(u64::MAX);
    assert_eq!(error, None, "{}", &statement[..statement.len().min(200)]);
    if asked > 0 {
        assert_eq!(ask(asked - 1).1.as_deref(), Some("the statement was stopped"));
    }
    asked
}

/// One row, or one function of one row, that does much work is asked as often as many rows that do little.
#[test]
fn every_kind_of_work_asks_whether_to_stop() {
    let (x, a) = (long(30), "a".repeat(8000));
    let numbers = (0..10_000).map(|n| (n * 7919 % 10_000).to_string()).collect::<Vec<_>>().join(",");
    let list = Document::from(&text::read_one(&format!("[{numbers}]")).unwrap());
    let bag = "SELECT VALUE y FROM ? AS y";
    for (statement, parameters) in [
        (format!("SELECT VALUE x LIKE '%{a}b%' FROM {x} AS x"), 0),
        (format!("SELECT VALUE x LIKE '%{}_b%' FROM {x} AS x", "a".repeat(100)), 0),
        (format!("SELECT VALUE x LIKE '%b%' FROM {x} AS x"), 0),
        (format!("SELECT VALUE TRIM(BOTH 'abc' FROM x) FROM {x} AS x"), 0),
        (format!("SELECT VALUE UPPER(x) FROM {x} AS x"), 0),
        (format!("SELECT VALUE LOWER(x) FROM {x} AS x"), 0),
        (format!("SELECT VALUE [{}] FROM {x} AS x", vec!["CHAR_LENGTH(x)"; 50].join(",")), 0),
        (format!("SELECT VALUE [{}] FROM {x} AS x", vec!["SUBSTRING(x, 50000, 2)"; 50].join(",")), 0),
        (format!("SELECT VALUE [{}] FROM {x} AS x", vec!["x = x || ''"; 20].join(",")), 0),
        (format!("SELECT VALUE [{}] FROM {x} AS x", vec!["x < x || 'a'"; 20].join(",")), 0),
        (format!("SELECT VALUE [{}] FROM {x} AS x", vec!["CAST(x AS SYMBOL) = 'a'"; 20].join(",")), 0),
        ("SELECT VALUE -1 IN x FROM <<?>> AS x".into(), 1),
        ("SELECT VALUE x = x FROM <<?>> AS x".into(), 1),
        ("SELECT VALUE CAST(x AS BAG) = CAST(x AS BAG) FROM <<?>> AS x".into(), 1),
        ("SELECT VALUE SIZE(x) + SIZE(x) + SIZE(x) + SIZE(x) FROM <<?>> AS x".into(), 1),
        ("SELECT VALUE SIZE(x[*]) FROM <<?>> AS x".into(), 1),
        ("SELECT VALUE COLL_SUM(x) FROM <<?>> AS x".into(), 1),
        ("SELECT VALUE COLL_COUNT(DISTINCT x) FROM <<?>> AS x".into(), 1),
        (format!("SELECT y FROM ({bag}) AS y ORDER BY y"), 1),
        (format!("SELECT k FROM ({bag}) AS y GROUP BY y AS k"), 1),
        (format!("SELECT DISTINCT y FROM ({bag}) AS y"), 1),
        ("SELECT COUNT(*) FROM <<1>> AS a, (SELECT VALUE y FROM ? AS y) AS b WHERE a = b".into(), 1),
        (format!("{bag} UNION SELECT VALUE 1"), 1),
        (format!("SELECT VALUE 1 EXCEPT {bag}"), 1),
        (format!("SELECT VALUE 1 INTERSECT ALL {bag}"), 1),
        (format!("SELECT VALUE COUNT(*) FROM ({bag} UNION ALL SELECT VALUE 1) AS b"), 1),
        (format!("SELECT VALUE 1 FROM <<-1>> AS a FULL JOIN ({bag}) AS b ON a = b"), 1),
        (format!("SELECT VALUE 1 FROM <<-1>> AS a RIGHT JOIN ({bag}) AS b ON a = b"), 1),
        (format!("WITH b AS ({bag}) SELECT VALUE COUNT(*) FROM b"), 1),
        (format!("SELECT VALUE SUM(y) OVER (ORDER BY y ROWS 500 PRECEDING) FROM ({bag}) AS y"), 1),
        (format!("SELECT VALUE RANK() OVER (PARTITION BY y % 7 ORDER BY y) FROM ({bag}) AS y"), 1),
        (format!("SELECT VALUE COUNT(*) FILTER (WHERE y > 5) FROM ({bag}) AS y"), 1),
        (format!("SELECT VALUE [{}] FROM <<1>> AS x", vec!["x + 1"; 8000].join(",")), 0),
        (format!("SELECT VALUE {} FROM <<1>> AS x", vec!["x < 2"; 8000].join(" AND ")), 0),
        (format!("SELECT VALUE 1{} + x FROM <<1.5>> AS x", "1".repeat(8000)), 0),
    ] {
        let parameters = vec![list.clone(); parameters];
        let start = &statement[..statement.len().min(200)];
        // While the text is made it is asked, too.
        let made = if statement.contains(&x) {
            asked(&format!("SELECT VALUE SIZE([x]) FROM {x} AS x"), &[])
        } else {
            0
        };
        let asked = asked(&statement, &parameters);
        assert!(asked > made, "{asked} times, {made} of them before, for {start}");
    }
}

/// Whatever a statement puts together is refused at the first part that is too much.
#[test]
fn what_is_put_together_is_counted_while_it_is() {
    let x = long(100);
    let held = BufferedBytes::new(8 << 20, "held_bytes_max");
    let options = Options { held: held.clone(), ..Options::default() };
    let many = |part: &str| vec![part; 400].join(",");
    let numbers = (0..400).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let fields = (0..400).map(|n| format!("'a{n}': x")).collect::<Vec<_>>().join(",");
    for statement in [
        format!("SELECT VALUE SIZE(<<{}>>) FROM {x} AS x", many("x")),
        format!("SELECT VALUE [{}] FROM {x} AS x", many("x")),
        format!("SELECT VALUE {{{fields}}} FROM {x} AS x"),
        format!("SELECT {} FROM {x} AS x", many("x")),
        format!("SELECT VALUE 1 FROM {x} AS x ORDER BY {}", many("x || 'a'")),
        format!("SELECT VALUE 1 FROM {x} AS x GROUP BY {}", many("x")),
        format!("SELECT VALUE x || CAST(y AS STRING) FROM {x} AS x, [{numbers}] AS y UNION SELECT VALUE 1"),
        format!("SELECT VALUE 1 EXCEPT SELECT VALUE x || CAST(y AS STRING) FROM {x} AS x, [{numbers}] AS y"),
        format!("SELECT {} FROM {x} AS x UNION ALL SELECT {}", many("x || 'a'"), many("1")),
        format!(
            "SELECT 1 FROM <<1>> AS a FULL JOIN (SELECT {} FROM {x} AS x) AS b ON true",
            many("x || 'a'")
        ),
        format!("WITH b AS (SELECT {} FROM {x} AS x) SELECT 1 FROM b", many("x || 'a'")),
        format!("SELECT RANK() OVER (ORDER BY {}) FROM {x} AS x", many("x || 'a'")),
        format!("SELECT {} FROM {x} AS x", many("LAG(1, 1, x || 'a') OVER ()")),
        format!("INSERT INTO t (SELECT VALUE {{'a': [{}]}} FROM {x} AS x)", many("x")),
        format!("UPDATE t SET a = (SELECT VALUE [{}] FROM {x} AS x)", many("x")),
        format!("SELECT VALUE x IN ({}) FROM {x} AS x", many("x || 'a', 1")),
        format!("SELECT * FROM t WHERE n IN (SELECT VALUE y FROM {x} AS x, [{}] AS y)", many("x || 'a'")),
        format!("SELECT VALUE UPPER(x) || LOWER(x) || x || x || x || x || x || x || x FROM {x} AS x"),
    ] {
        let mut tables = tables();
        run(&mut tables, "INSERT INTO t {'n': 1}", &[], &options).unwrap();
        let start = &statement[..60];
        match run(&mut tables, &statement, &[], &options) {
            Err(error) => assert_eq!(error.category(), Category::Limit, "{start}: {error}"),
            // An IN that is looked through element by element holds one at a time.
            Ok(_) => assert!(statement.contains(" IN ("), "{start}"),
        }
        assert_eq!(held.bytes(), 0, "{start}");
    }
}

/// A text that is mentioned many times on the way to something small is no reason to refuse.
#[test]
fn what_is_needed_on_the_way_is_given_back() {
    let options = Options { held: BufferedBytes::new(8 << 20, "held_bytes_max"), ..Options::default() };
    let lengths = vec!["CHAR_LENGTH(UPPER(x) || 'a')"; 100].join(",");
    let statement = format!("SELECT VALUE SIZE([{lengths}]) FROM {} AS x", long(100));
    let rows = run(&mut tables(), &statement, &[], &options).expect("small enough").rows;
    assert_eq!(rows[0].to_value().to_string(), "100");
}
