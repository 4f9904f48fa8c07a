//! What a probe found.

use std::fmt;

/// What a store needs to be able to do, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without it the store cannot keep a journal.
    Journal,
    /// Without it nothing in the store can be redacted.
    Redaction,
    /// Without it the ledgers in the store cannot be listed.
    Listing,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// What must hold held.
    Holds,
    /// It did not hold.
    Fails,
    /// Nobody can say, because requests were not answered.
    Unknown,
}

/// One check.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was tried.
    pub name: &'static str,
    /// What a failure of it rules out.
    pub need: Need,
    /// Whether it held.
    pub seen: Seen,
    /// What was seen, with numbers.
    pub evidence: String,
}

/// What a probe found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The checks, in the order in which they were made.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether the store can be used for what the checks of `need` are about.
    pub fn is_fit_for(&self, need: Need) -> bool {
        self.checks.iter().all(|check| check.need != need || check.seen == Seen::Holds)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let seen = match check.seen {
                Seen::Holds => "holds  ",
                Seen::Fails => "FAILS  ",
                Seen::Unknown => "unknown",
            };
            writeln!(out, "{seen}  {:<44} {}", check.name, check.evidence)?;
        }
        let verdict = |need, fit: &str, unfit: &str| {
            if self.is_fit_for(need) { fit.to_owned() } else { unfit.to_owned() }
        };
        writeln!(out, "{}", verdict(Need::Journal, "fit for journals", "UNFIT for journals"))?;
        if self.is_fit_for(Need::Journal) {
            writeln!(out, "{}", verdict(Need::Redaction, "fit for redaction", "redaction is refused"))?;
            writeln!(
                out,
                "{}",
                verdict(Need::Listing, "fit for listing ledgers", "ledgers cannot be listed")
            )?;
        }
        Ok(())
    }
}
