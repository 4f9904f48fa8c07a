//! The committed counts, and the judgement on what is counted now. All but reading and writing the file is pure.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::Failure;
use crate::callgrind::Instructions;
use crate::counted::Allocated;

/// How many instructions more a path may take, in hundredths. The same program takes the same number within 0.7,
/// because hash tables are seeded by chance; what a compiler makes of a change elsewhere has to fit as well.
const INSTRUCTIONS_TOLERANCE: f64 = 2.0;
/// How many more its hashing may take: as many bytes are hashed each time.
const HASHING_TOLERANCE: f64 = 0.5;
/// How many allocations and bytes more a path may take, in hundredths: they do not scatter at all.
const ALLOCATIONS_TOLERANCE: f64 = 0.5;

/// The command that writes the baseline anew.
pub(crate) const REWRITE: &str = "cargo run --release -p everstrand-guard -- rewrite";

/// What a path cost when the baseline was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    name: String,
    instructions: Instructions,
    allocated: Allocated,
}

/// The committed counts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Baseline {
    /// With what the instructions were compiled.
    pub(crate) compiler: String,
    rows: Vec<Row>,
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("baseline.txt")
}

impl Baseline {
    /// One without rows.
    pub(crate) fn new(compiler: String) -> Baseline {
        Baseline { compiler, rows: Vec::new() }
    }

    pub(crate) fn read() -> Result<Baseline, Failure> {
        let text = std::fs::read_to_string(file())?;
        Baseline::parse(&text)
            .ok_or_else(|| format!("the baseline cannot be read; write it anew: {REWRITE}").into())
    }

    pub(crate) fn write(&self) -> Result<(), Failure> {
        Ok(std::fs::write(file(), self.to_text())?)
    }

    pub(crate) fn insert(&mut self, name: &str, instructions: Instructions, allocated: Allocated) {
        self.rows.push(Row { name: name.to_owned(), instructions, allocated });
    }

    /// The row of a path.
    pub(crate) fn of(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    fn parse(text: &str) -> Option<Baseline> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let compiler = lines.next()?.strip_prefix("compiler ")?.to_owned();
        let row = |line: &str| {
            let mut words = line.split_whitespace();
            let mut word = || words.next();
            let name = word()?.to_owned();
            let instructions = Instructions { work: word()?.parse().ok()?, hashing: word()?.parse().ok()? };
            let allocated = Allocated { allocations: word()?.parse().ok()?, bytes: word()?.parse().ok()? };
            Some(Row { name, instructions, allocated })
        };
        Some(Baseline { compiler, rows: lines.map(row).collect::<Option<_>>()? })
    }

    /// The file's text.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!(
            "# What one operation of each path costs, in a release build. Written by {REWRITE}\n\
             compiler {}\n# {:<16} {:>12} {:>12} {:>12} {:>12}\n",
            self.compiler, "path", "instructions", "hashing", "allocations", "bytes"
        );
        for Row { name, instructions: Instructions { work, hashing }, allocated } in &self.rows {
            let Allocated { allocations, bytes } = allocated;
            let _ = writeln!(text, "{name:<18} {work:>12} {hashing:>12} {allocations:>12.2} {bytes:>12.2}");
        }
        text
    }
}

/// What came of comparing.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    lines: String,
    advice: String,
    grown: bool,
    shrunk: bool,
}

impl Compared {
    /// Compares the instructions of a path. `shows` are the commands that show where they went.
    pub(crate) fn instructions(&mut self, name: &str, before: Option<&Row>, now: Instructions, shows: &str) {
        let count = before.map(|row| row.instructions.work as f64);
        let grown = self.one(name, "instructions", count, now.work as f64, INSTRUCTIONS_TOLERANCE);
        let hashing = before.map(|row| row.instructions.hashing as f64);
        if self.one(name, "hashing", hashing, now.hashing as f64, HASHING_TOLERANCE) || grown {
            let _ = writeln!(self.advice, "\nWhere the instructions of {name} went:\n{shows}");
        }
    }

    /// Compares the allocations of a path and their bytes.
    pub(crate) fn allocations(&mut self, name: &str, before: Option<&Row>, now: Allocated) {
        let before = before.map(|row| row.allocated);
        let count = before.map(|before| before.allocations);
        let grown = self.one(name, "allocations", count, now.allocations, ALLOCATIONS_TOLERANCE);
        let bytes = before.map(|before| before.bytes);
        if self.one(name, "bytes", bytes, now.bytes, ALLOCATIONS_TOLERANCE) || grown {
            let _ = writeln!(
                self.advice,
                "\nWhere {name} allocates:\n\
                 CARGO_PROFILE_RELEASE_DEBUG=line-tables-only cargo build --release -p everstrand-guard\n\
                 valgrind --tool=dhat --dhat-out-file=dhat.out \
                 \"${{CARGO_TARGET_DIR:-target}}/release/everstrand-guard\" run {name}   # then open dhat.out in dh_view.html"
            );
        }
    }

    /// Whether it has grown beyond the tolerance.
    fn one(&mut self, name: &str, unit: &str, before: Option<f64>, now: f64, tolerance: f64) -> bool {
        let Some(before) = before else {
            self.grown = true;
            let _ = writeln!(self.lines, "{name:<18} {unit:<12} {:>12} {now:>12.2}  NOT IN THE BASELINE", "");
            return false;
        };
        // The file rounds to two digits.
        let (grown, shrunk) = (
            now > before * (1.0 + tolerance / 100.0) + 0.006,
            now < before * (1.0 - tolerance / 100.0) - 0.006,
        );
        self.grown |= grown;
        self.shrunk |= shrunk;
        let change = (now - before) * 100.0 / before.max(0.01);
        let mark = if grown {
            "  GROWN"
        } else if shrunk {
            "  less"
        } else {
            ""
        };
        let _ = writeln!(
            self.lines,
            "{name:<18} {unit:<12} before {before:>12.2}  now {now:>12.2}  {change:>+7.2} %, at most +{tolerance} %{mark}"
        );
        grown
    }

    /// Whether nothing has grown.
    pub(crate) fn holds(&self) -> bool {
        !self.grown
    }

    /// All comparisons, and what to do about them.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}{}", self.lines, self.advice);
        if self.grown {
            let _ = writeln!(
                text,
                "\nA path costs more than its baseline allows. Make it cheaper; or, where what it does now is worth that, \
                 write the baseline anew and say in the commit why:\n{REWRITE}"
            );
        } else if self.shrunk {
            let _ = writeln!(
                text,
                "\nSome paths cost less than their baseline. So that it stays so, write it anew:\n{REWRITE}"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline() -> Baseline {
        let mut baseline = Baseline::new("rustc 1.2.3 for x86_64".to_owned());
        let instructions = Instructions { work: 100_000, hashing: 3_000 };
        baseline.insert("commit", instructions, Allocated { allocations: 200.25, bytes: 1000.5 });
        baseline
    }

    #[test]
    fn the_file_reads_as_it_was_written() {
        assert_eq!(Baseline::parse(&baseline().to_text()), Some(baseline()));
        assert_eq!(Baseline::parse("compiler x\ncommit 1 2"), None);
    }

    #[test]
    fn what_grows_beyond_the_tolerance_fails_and_says_where_to_look() {
        let few = [(100_000, 3_000, true), (50_000, 2_000, true), (101_999, 3_000, true)];
        let many = [(102_001, 3_000, false), (100_000, 3_016, false)];
        for (work, hashing, holds) in few.into_iter().chain(many) {
            let mut compared = Compared::default();
            compared.instructions(
                "commit",
                baseline().of("commit"),
                Instructions { work, hashing },
                "look there",
            );
            assert_eq!(compared.holds(), holds, "{work} {hashing}");
            assert_eq!(compared.text().contains("look there"), !holds);
        }
    }

    #[test]
    fn one_allocation_more_fails() {
        for (allocations, bytes, holds) in
            [(200.25, 1000.5, true), (202.0, 1000.5, false), (200.25, 1010.0, false)]
        {
            let mut compared = Compared::default();
            compared.allocations("commit", baseline().of("commit"), Allocated { allocations, bytes });
            assert_eq!(compared.holds(), holds, "{allocations} {bytes}");
        }
    }

    #[test]
    fn a_path_without_a_baseline_fails() {
        let mut compared = Compared::default();
        compared.instructions("new", baseline().of("new"), Instructions { work: 1, hashing: 0 }, "");
        assert!(!compared.holds());
    }
}
