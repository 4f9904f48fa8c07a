//! Fixed seeds, each a world of its own, and that the same seed gives the same world.

use everstrand_simulator::{Counters, Lines, run};

/// Enough for every kind of trouble to come up somewhere, and short enough for every run of the tests.
const SEEDS: u64 = 100;
const STEPS: u64 = 1500;

#[test]
fn nothing_is_lost_and_everything_is_serializable() {
    let worlds: Vec<_> = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..2)
            .map(|part| {
                scope.spawn(move || {
                    (0..SEEDS)
                        .filter(|seed| seed % 2 == part)
                        .map(|seed| run(seed, STEPS, Lines::Forget))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("a failure is answered, not thrown")).collect()
    });
    let mut counters = Counters::default();
    let mut failures = Vec::new();
    for world in worlds {
        match world {
            Ok(report) => counters.add(&report.counters),
            Err(failure) => failures.push(failure.to_string()),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // A world in which nothing happens proves nothing.
    for what in [
        "committed with a block",
        "committed without a block",
        "commit with unknown outcome",
        "answer: conflict",
        "answer: expired",
        "page fetched",
        "power lost",
        "process killed",
        "service closed",
        "disk fault planned",
        "ledger at fault",
        "view built anew beside",
        "view half built",
        "clock jump",
        "view of another ledger",
        "view wiped",
        "commit of another process",
        "too late, refused",
        "request repeated",
        "answer lost",
        "two servers on one journal",
        "view in a B-tree",
        "unique indexes",
        "keys: numbers",
        "keys: texts",
        "keys: long texts",
        "keys: times",
        "keys: lists",
        "statement: insert",
        "statement: insert on conflict",
        "statement: update by id",
        "statement: update by key",
        "statement: update by scan",
        "statement: delete",
        "statement: delete by id",
        "statement: select all",
        "statement: select by id",
        "statement: select by key",
        "statement: select by range",
        "statement: select by scan",
        "statement: select whole documents",
        "statement: as of a block",
        "statement: as of a time",
        "statement: count",
        "statement: join",
        "statement: committed view",
        "statement: history",
        "statement: user_tables",
        "statement: create table",
        "statement: drop table",
        "statement: undrop table",
        "statement: create index",
        "statement: create unique index",
        "statement: drop index",
        "statement: redact",
    ] {
        assert!(counters.get(what) > 0, "{SEEDS} seeds without any of: {what}\n{counters}");
    }
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let mut first_lines = std::collections::BTreeSet::new();
    for seed in 0..12 {
        let [one, other] = [(); 2].map(|()| run(seed, STEPS, Lines::Keep).expect("all is well"));
        assert!(one.lines.len() > 300, "seed {seed} has {} lines", one.lines.len());
        let differs = one.lines.iter().zip(&other.lines).position(|(one, other)| one != other);
        if let Some(at) = differs {
            panic!("seed {seed}, line {at}:\n{}{}", one.lines[at], other.lines[at]);
        }
        assert_eq!(one.lines.len(), other.lines.len(), "seed {seed}");
        assert_eq!((one.trace, one.counters), (other.trace, other.counters), "seed {seed}");
        first_lines.insert(one.lines[1].clone() + &one.lines[0]);
    }
    assert_eq!(first_lines.len(), 12, "each seed is a world of its own");
}

#[test]
fn minutes_that_are_over_count_no_seeds() {
    let simulator = std::process::Command::new(env!("CARGO_BIN_EXE_everstrand-simulator"))
        .args(["--minutes", "0", "--quiet"])
        .output()
        .expect("the program runs");
    let printed = String::from_utf8_lossy(&simulator.stdout);
    assert!(printed.starts_with("0 seeds, "), "{printed}");
}
