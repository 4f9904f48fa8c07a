//! The public PartiQL conformance suite, run over this language.
//!
//! The suite's files lie in `conformance/suites`, or where `PARTIQL_TESTS_DIR` says. A case's environment becomes the FROM list of a query around
//! its statement, so that nothing but names differs from real use: rules N5 to N8, which no other
//! PartiQL has, are off. `skips.txt` names what is not run, by rule, with reasons; it may only shrink.

#[path = "conformance/case.rs"]
mod case;
#[path = "it/memory.rs"]
mod memory;
#[path = "conformance/skips.rs"]
mod skips;

use std::collections::BTreeMap;

use case::{Case, Outcome};
use everstrand_testkit::data;
use skips::Skips;

#[test]
fn conformance() {
    let root = data::suite("partiql-tests", "PARTIQL_TESTS_DIR");
    let skips = Skips::read(include_str!("conformance/skips.txt"));
    let show = std::env::var("PARTIQL_TESTS_SHOW").ok();
    let files = data::files(&root).into_iter();
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "ion"));
    let mut total = [0; 3];
    let mut by_reason: BTreeMap<&str, usize> = BTreeMap::new();
    let mut needless = Vec::new();
    for path in files {
        let file = path.strip_prefix(&root).expect("below the root").display().to_string();
        let file =
            file.replace("partiql-tests-data-extended/", "extended/").replace("partiql-tests-data/", "");
        let mut counts = [0; 3];
        for case in case::read(&path) {
            let excuse = match run(&case) {
                Outcome::Passed => {
                    counts[0] += 1;
                    if skips.names(&file, &case.name) {
                        needless.push(format!("{file}#{}", case.name));
                    }
                    continue;
                }
                Outcome::Failed(why) => {
                    let excuse = skips.excuse(&file, &case.name, &case.statements, &why);
                    if excuse.is_none() && show.as_deref().is_none_or(|show| file.contains(show)) {
                        let statements = case.statements.join("\n       ");
                        println!("FAILED {file}#{}\n       {statements}\n       {why}", case.name);
                    }
                    excuse
                }
            };
            match excuse {
                Some(reason) => {
                    counts[2] += 1;
                    *by_reason.entry(reason).or_default() += 1;
                }
                None => counts[1] += 1,
            }
        }
        println!("{file}: {} passed, {} failed, {} skipped", counts[0], counts[1], counts[2]);
        total.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
    }
    let [passed, failed, skipped] = total;
    println!("total: {passed} passed, {failed} failed, {skipped} skipped");
    for (reason, count) in by_reason {
        println!("  {count:5} {reason}");
    }
    assert!(needless.is_empty(), "these pass, take them from the list of skips:\n{}", needless.join("\n"));
    assert_eq!(failed, 0, "cases failed");
    // Of a suite that has more cases than this one had, the further ones may be skipped by a rule.
    let further = total.iter().sum::<usize>().saturating_sub(skips.most + skips.least_passed);
    assert!(
        skipped <= skips.most + further,
        "{skipped} cases are skipped, more than the {} that were and {further} further ones",
        skips.most
    );
    assert!(
        passed >= skips.least_passed,
        "{passed} cases passed, fewer than the {} that did",
        skips.least_passed
    );
}

/// Runs a case on a thread whose panic is a failure of the case.
fn run(case: &Case) -> Outcome {
    std::panic::catch_unwind(|| case.run()).unwrap_or_else(|_| Outcome::Failed("it panicked".to_owned()))
}
