//! An audit's report to a file: what was audited, the verdict, the digests that were compared, and the first deviations.

use everstrand_journal::{AuditSummary, Deviation};

use super::Arguments;
use super::report::{NO_DIGEST, Report, UNCHECKED, verdict};
use crate::report_file::ReportFile;
use crate::saved;

impl Report {
    /// Collects deviations from now on.
    pub(super) fn collect(&mut self) {
        self.collected = Some(Vec::new());
    }

    /// Writes the report of an audit that has ended.
    pub(super) fn write(
        &self,
        mut file: ReportFile,
        arguments: &Arguments,
        summary: &AuditSummary,
    ) -> Result<(), String> {
        file.verdict(verdict(summary));
        if summary.digests_matched.is_empty() {
            file.note(NO_DIGEST);
        }
        file.table("What was audited", ["fact", "value"], &facts(arguments, summary));
        let digest =
            |name: &String, outcome: &str| [saved::without_query(name).to_owned(), outcome.to_owned()];
        let matched = summary.digests_matched.iter().map(|name| digest(name, "the journal agrees with it"));
        let unchecked = summary.digests_unchecked.iter().map(|name| digest(name, UNCHECKED));
        let digests: Vec<_> = matched.chain(unchecked).collect();
        file.table("Saved digests", ["digest", "outcome"], &digests);
        let counts = summary.deviations.iter().map(|(check, times)| [check.to_string(), times.to_string()]);
        file.table("Deviations by check", ["check", "how often"], &counts.collect::<Vec<_>>());
        let listed = self.collected.as_deref().unwrap_or_default();
        let row = |deviation: &Deviation| {
            let block = deviation.block_no.map_or_else(String::new, |number| number.to_string());
            [block, deviation.check.to_string(), deviation.detail.clone()]
        };
        file.table(
            "Deviations",
            ["block", "check", "what was found"],
            &listed.iter().map(row).collect::<Vec<_>>(),
        );
        let all: u64 = summary.deviations.values().sum();
        if all > listed.len() as u64 {
            file.note(&format!("Only the first {} of {all} deviations are listed.", listed.len()));
        }
        file.finish()
    }
}

fn facts(arguments: &Arguments, summary: &AuditSummary) -> Vec<[String; 2]> {
    let mut facts = vec![["journal".to_owned(), saved::without_query(&arguments.source).to_owned()]];
    let mut add = |name: &str, value: String| facts.push([name.to_owned(), value]);
    if let Some(ledger) = &arguments.ledger {
        add("ledger", ledger.clone());
    }
    add("blocks", summary.blocks.to_string());
    add("revisions of documents", summary.revisions.to_string());
    if let (Some(first), Some(last)) = (summary.first, summary.last) {
        add("strand", first.strand_id.to_string());
        add("first and last block", format!("{} to {}", first.sequence_no, last.sequence_no));
    }
    for (strand_id, fork) in &summary.forks {
        let fork = format!("ledger {}, strand {}, block {}", fork.ledger, fork.strand_id, fork.block);
        add("restored from", format!("{fork}; behind it the strand is {strand_id}"));
    }
    if let Some(digest) = &summary.digest {
        add("digest that the blocks give", digest.digest.to_string());
        add("at block", digest.digest_tip_address.sequence_no.to_string());
    }
    if let Some(file) = &arguments.remember {
        add("audit continued from", file.display().to_string());
    }
    facts
}
