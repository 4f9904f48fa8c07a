//! Random statements that are valid and cost much: doubled texts, lists of lists, nested queries, cross joins,
//! long IN lists, LIKE patterns of thousands of characters. None may panic, none may hold much more than it
//! may, and none may do much between two questions whether to stop.
//!
//! `EVERSTRAND_EXPENSIVE_SECONDS=600` goes on for so long; `EVERSTRAND_EXPENSIVE_SEED=N` begins with another seed.

use std::alloc::System;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use everstrand_ion::Document;
use everstrand_partiql::{BufferedBytes, Options, execute, parse, plan};
use everstrand_testkit::Random;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[path = "../it/memory.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod memory;
mod watched;

use watched::Watched;

#[global_allocator]
static ALLOCATED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const HELD_BYTES_MAX: usize = 16 << 20;

/// How much more than it may hold a statement takes at most, for what is made of it: documents of values, keys of
/// both sides of a comparison, and vectors that grow.
const FACTOR: usize = 5;

/// Release builds stop within 100 ms; ten times that is granted to a debug build beside other work.
const STOPPED_WITHIN: Duration = Duration::from_secs(1);

/// When a statement is told to stop.
const RUNS_FOR: Duration = Duration::from_millis(300);

fn allocated() -> usize {
    let stats = ALLOCATED.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

/// Where a statement is being made of random parts.
struct Generator {
    random: Random,
    text: String,
    names: u32,
}

impl Generator {
    fn below(&mut self, bound: usize) -> usize {
        self.random.index(bound)
    }

    fn count(&mut self) -> usize {
        let largest = 1 << self.below(11);
        1 + self.below(largest)
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    /// The same part again and again, or different ones.
    fn list(&mut self, names: &[String], depth: usize) {
        let start = self.text.len();
        self.expression(names, depth);
        let part = self.text[start..].to_owned();
        let same = self.below(2) == 0;
        for _ in 0..self.count() {
            if self.text.len() + part.len() > 90_000 {
                break;
            }
            self.put(", ");
            if same {
                self.put(&part);
            } else {
                self.expression(names, depth);
            }
        }
    }

    fn word(&mut self) {
        let (letter, count) = (["a", "ab", "ä", "%", "_", "Σ"][self.below(6)], self.count());
        self.put("'");
        self.text.push_str(&letter.repeat(count));
        self.put("'");
    }

    fn leaf(&mut self, names: &[String]) {
        match self.below(6) {
            0 => self.word(),
            1 => {
                let (digit, count) = (1 + self.below(9), self.count());
                let _ = write!(self.text, "{}", digit.to_string().repeat(count));
            }
            2 if !names.is_empty() => {
                let name = names[self.below(names.len())].clone();
                let field = ["a", "n", "list", "text"][self.below(4)];
                let _ = write!(self.text, "{name}.{field}");
            }
            _ if !names.is_empty() => {
                let name = names[self.below(names.len())].clone();
                self.put(&name);
            }
            _ => self.put("1"),
        }
    }

    fn wrapped(&mut self, before: &str, names: &[String], depth: usize, after: &str) {
        self.put(before);
        self.expression(names, depth);
        self.put(after);
    }

    fn expression(&mut self, names: &[String], depth: usize) {
        if depth == 0 || self.text.len() > 90_000 {
            return self.leaf(names);
        }
        let depth = depth - 1;
        match self.below(24) {
            18 => self.long_text(names, depth),
            19 => {
                let quantifier = [" <= ALL (", " > ANY (", " = SOME ("][self.below(3)];
                self.wrapped("(", names, depth, quantifier);
                self.wrapped("[", names, depth, "]))");
            }
            0..=3 => self.text_of(names, depth),
            4 | 5 => self.number(names, depth),
            6 => {
                self.put("CAST([");
                self.list(names, depth);
                self.put("] AS BAG)");
            }
            7 => self.wrapped("SIZE(<<", names, depth, ">>)"),
            8 => {
                self.put("[");
                self.list(names, depth);
                self.put("]");
            }
            9 => {
                self.put("<<");
                self.list(names, depth);
                self.put(">>");
            }
            10 => {
                self.put("{'a': ");
                self.expression(names, depth);
                self.wrapped(", 'list': ", names, depth, "}");
            }
            11 => {
                self.wrapped("(", names, depth, " IN (");
                self.list(names, depth);
                self.put("))");
            }
            12 => {
                self.put("(");
                self.text_of(names, depth);
                self.put(" LIKE ");
                self.word();
                self.put(")");
            }
            13 | 14 => {
                self.put("(");
                self.query(names, depth);
                self.put(")");
            }
            15 => {
                self.put("EXISTS(");
                self.query(names, depth);
                self.put(")");
            }
            16 => {
                self.put("COLL_COUNT(DISTINCT [");
                self.list(names, depth);
                self.put("])");
            }
            17 => {
                self.put("COLL_MAX([");
                self.list(names, depth);
                self.put("])");
            }
            _ => {
                let operator = [" = ", " < ", " <> "][self.below(3)];
                self.wrapped("(", names, depth, operator);
                self.expression(names, depth);
                self.put(")");
            }
        }
    }

    /// A function that makes a text of several.
    fn long_text(&mut self, names: &[String], depth: usize) {
        let function = ["CONCAT(", "REPLACE(", "GREATEST(", "POSITION("][self.below(4)];
        self.put(function);
        self.text_of(names, depth);
        self.put(", ");
        self.text_of(names, depth);
        if matches!(function, "REPLACE(" | "CONCAT(") {
            self.put(", ");
            self.text_of(names, depth);
        }
        self.put(")");
    }

    fn text_of(&mut self, names: &[String], depth: usize) {
        if depth == 0 || self.text.len() > 90_000 {
            return self.word();
        }
        let depth = depth - 1;
        let (before, after) = [
            ("UPPER(", ")"),
            ("LOWER(", ")"),
            ("SUBSTRING(", ", 2, 100000)"),
            ("TRIM(BOTH 'abcdefghijklmnopqrstuvwxyz' FROM ", ")"),
            ("CAST(", " AS STRING)"),
            ("REPLACE(", ", 'a', 'bbbbbbbbbbbbbbbb')"),
            ("RIGHT(", ", -1)"),
        ][self.below(7)];
        match self.below(4) {
            0 => self.word(),
            1 if !names.is_empty() => {
                let name = &names[self.below(names.len())];
                let _ = write!(self.text, "(CASE WHEN {name} IS STRING THEN {name} ELSE 'x' END)");
            }
            2 => {
                self.put("(");
                self.text_of(names, depth);
                self.put(" || ");
                self.text_of(names, depth);
                self.put(")");
            }
            _ => {
                self.put(before);
                self.text_of(names, depth);
                self.put(after);
            }
        }
    }

    fn number(&mut self, names: &[String], depth: usize) {
        if depth == 0 {
            return self.put("7");
        }
        match self.below(5) {
            4 => {
                let (before, after) =
                    [("SQRT(ABS(", "))"), ("ROUND(", ", 3)"), ("POWER(", ", 7)"), ("FLOOR(", ")")]
                        [self.below(4)];
                self.put(before);
                self.number(names, depth - 1);
                self.put(after);
            }
            0 => {
                let (digit, count) = (1 + self.below(9), self.count());
                let _ = write!(self.text, "{}.5", digit.to_string().repeat(count));
            }
            1 => {
                self.put("CHAR_LENGTH(");
                self.text_of(names, depth);
                self.put(")");
            }
            2 => {
                self.put("SIZE([");
                self.list(names, depth - 1);
                self.put("])");
            }
            _ => {
                let operator = [" + ", " * ", " / ", " - "][self.below(4)];
                self.put("(");
                self.number(names, depth - 1);
                self.put(operator);
                self.number(names, depth - 1);
                self.put(")");
            }
        }
    }

    /// A text that is doubled so many times.
    fn doubled(&mut self) {
        let times = self.below(18);
        for _ in 0..times {
            self.put("(SELECT VALUE v || v FROM ");
        }
        self.put("<<'some text'>>");
        for _ in 0..times {
            self.put(" AS v)");
        }
    }

    fn query(&mut self, outer: &[String], depth: usize) {
        let start = self.text.len();
        let mut names = outer.to_vec();
        let mut from = String::from(" FROM ");
        for number in 0..1 + self.below(4) {
            let name = self.name();
            let before = self.text.len();
            match self.below(5) {
                0 | 1 => self.put("t"),
                2 => self.doubled(),
                _ => self.wrapped("(", &names, depth.min(2), ")"),
            }
            let source = self.text.split_off(before);
            let _ = match (&*source, number > 0 && self.below(3) == 0) {
                ("t", true) => {
                    let (kind, last) = (["FULL", "RIGHT", "LEFT"][self.below(3)], names.last());
                    let last = last.cloned().unwrap_or_default();
                    write!(from, " {kind} JOIN t AS {name} ON {name}.n = {last}.n")
                }
                _ => write!(from, "{}{source} AS {name}", if number > 0 { ", " } else { "" }),
            };
            names.push(name);
        }
        self.text.truncate(start);
        let has_groups = self.below(5) == 0;
        let select = if self.below(6) == 0 { "SELECT DISTINCT " } else { "SELECT " };
        self.put(select);
        if has_groups {
            self.put("VALUE k");
        } else if self.below(6) == 0 {
            self.window(&names, depth.min(2));
        } else if !outer.is_empty() || self.below(2) == 0 {
            self.put("VALUE ");
            self.expression(&names, depth);
        } else {
            self.list(&names, depth);
        }
        self.put(&from);
        if self.below(3) == 0 {
            self.put(" WHERE ");
            self.expression(&names, depth);
            self.put(" IS NOT MISSING");
        }
        if has_groups {
            let last = names.last().cloned().unwrap_or_default();
            self.wrapped(" GROUP BY [", &names, depth, &format!(", {last}] AS k"));
        } else if self.below(4) == 0 {
            let last = names.last().cloned().unwrap_or_default();
            self.wrapped(" ORDER BY [", &names, depth, &format!(", {last}]"));
        }
        if self.below(8) == 0 {
            self.put(" LIMIT 10");
        }
    }

    /// A window function or an aggregate with FILTER, as an item.
    fn window(&mut self, names: &[String], depth: usize) {
        let name = names.last().cloned().unwrap_or_default();
        let function = ["SUM(1)", "COUNT(*)", "MAX(", "RANK()", "LAG(", "LAST_VALUE("][self.below(6)];
        self.put("VALUE ");
        self.put(function);
        if function.ends_with('(') {
            self.expression(names, depth);
            self.put(")");
        }
        self.wrapped(" OVER (PARTITION BY ", names, depth, &format!(" ORDER BY {name}"));
        let frame = ["", " ROWS 5 PRECEDING", " ROWS BETWEEN 100 PRECEDING AND 100 FOLLOWING"][self.below(3)];
        self.put(frame);
        self.put(")");
    }

    /// Several queries with operators between them, or a query that is named several times.
    fn combined(&mut self, depth: usize) {
        if self.below(3) == 0 {
            let name = self.name();
            let _ = write!(self.text, "WITH {name} AS (");
            self.query(&[], depth);
            let _ = write!(self.text, ") SELECT VALUE a FROM {name} AS a, {name} AS b LIMIT 100");
            return;
        }
        self.put("(");
        self.query(&[], depth);
        for _ in 0..1 + self.below(3) {
            let operator = [") UNION (", ") UNION ALL (", ") EXCEPT (", ") INTERSECT ALL ("][self.below(4)];
            self.put(operator);
            self.query(&[], depth);
        }
        self.put(")");
    }

    fn statement(&mut self) {
        let depth = 2 + self.below(4);
        match self.below(9) {
            8 => self.combined(depth.min(3)),
            0 => {
                self.put("INSERT INTO t (");
                self.query(&[], depth);
                self.put(")");
            }
            1 => {
                self.put("UPDATE t AS u SET a = ");
                self.expression(&["u".to_owned()], depth);
            }
            2 => {
                self.put("EXPLAIN ");
                self.query(&[], depth);
            }
            _ => self.query(&[], depth),
        }
    }
}

/// The highest that the allocated bytes were, looked at every millisecond and at every question.
struct Highest {
    bytes: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

impl Highest {
    fn watch() -> Highest {
        let highest = Highest { bytes: Arc::default(), is_over: Arc::default() };
        let (bytes, is_over) = (Arc::clone(&highest.bytes), Arc::clone(&highest.is_over));
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                bytes.fetch_max(allocated(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        highest
    }
}

/// Runs a statement to its end, or until it is told to stop; answers what became of it.
fn run(statement: &str, tables: &mut Watched, options: &Options) -> String {
    let result = parse(statement).and_then(|parsed| {
        let plan = plan(&parsed, &[], tables, options)?;
        let mut rows = execute(plan, Arc::from([]), tables)?;
        let mut page: Vec<Document> = Vec::new();
        while let Some(row) = rows.next(tables)? {
            page.push(row);
            if page.len() == 200 || page.iter().map(|row| row.as_bytes().len()).sum::<usize>() > 4 << 20 {
                page.clear();
            }
        }
        Ok(())
    });
    result.map_or_else(|error| error.to_string(), |()| "answered".to_owned())
}

#[test]
fn expensive_statements_are_answered_refused_or_stopped() {
    let variable = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seconds = variable("EVERSTRAND_EXPENSIVE_SECONDS").unwrap_or(10);
    let first = variable("EVERSTRAND_EXPENSIVE_SEED").unwrap_or(0);
    let ends = Instant::now() + Duration::from_secs(seconds);
    let highest = Highest::watch();
    let (mut answered, mut refused, mut stopped, mut held) = (0, 0, 0, 0);
    let (mut longest, mut largest) = (Duration::ZERO, 0);
    for seed in first.. {
        if Instant::now() > ends {
            break;
        }
        let mut generator = Generator { random: Random::new(seed), text: String::new(), names: 0 };
        generator.statement();
        let statement = generator.text;
        // The ledger takes no longer ones.
        if statement.len() > 100_000 {
            continue;
        }
        let options =
            Options { held: BufferedBytes::new(HELD_BYTES_MAX, "held_bytes_max"), ..Options::default() };
        let mut tables = Watched::new();
        let before = allocated();
        highest.bytes.store(before, Ordering::Relaxed);
        tables.begin(RUNS_FOR, Arc::clone(&highest.bytes), allocated);
        let what = run(&statement, &mut tables, &options);
        let gap = tables.longest_gap();
        let bytes = highest.bytes.load(Ordering::Relaxed).saturating_sub(before);
        let shown = &statement[..statement.floor_char_boundary(300)];
        assert!(gap <= STOPPED_WITHIN, "seed {seed}: {gap:?} between two questions; {what}; {shown}");
        assert!(bytes <= FACTOR * HELD_BYTES_MAX, "seed {seed}: {bytes} bytes; {what}; {shown}");
        assert_eq!(options.held.bytes(), 0, "seed {seed}: bytes are still counted; {shown}");
        longest = longest.max(gap);
        largest = largest.max(bytes);
        match &*what {
            "answered" => answered += 1,
            watched::STOPPED => stopped += 1,
            other if other.contains("held_bytes_max") => held += 1,
            other => {
                if std::env::var("EVERSTRAND_EXPENSIVE_SHOWS").is_ok() {
                    println!("seed {seed}: {other}");
                }
                refused += 1;
            }
        }
    }
    highest.is_over.store(true, Ordering::Relaxed);
    println!(
        "{answered} answered, {held} held too much, {refused} refused otherwise, {stopped} stopped; \
         at most {longest:?} between two questions and {largest} bytes"
    );
    assert!(answered > 0 && held > 0, "the statements are too cheap or too wrong");
}
