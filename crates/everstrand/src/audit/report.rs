//! Prints an audit while it runs. Deviations are printed at once, because there may be as many as blocks. A report to a
//! file collects the first of them.

use std::io::{self, IsTerminal, StdoutLock, Write};
use std::time::{Duration, Instant};

use everstrand_copies::Way;
use everstrand_ion::text;
use everstrand_journal::{AuditSummary, CheckedBlock, Deviation, hashes_only};
use serde_json::{Value, json};

use crate::progress;

/// The most deviations that a report to a file lists; the summary counts them all.
const COLLECTED_MAX: usize = 1000;

pub(super) const NO_DIGEST: &str =
    "no saved digest was compared, so blocks that were cut off at the end would not have been noticed";

pub(super) const UNCHECKED: &str =
    "this audit did not read all blocks that it covers; audit the whole journal, without --remember";

/// How to print.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Form {
    Text,
    JsonLines,
    HashesOnly,
}

/// The printer of one audit.
pub(crate) struct Report {
    form: Form,
    out: StdoutLock<'static>,
    began: Instant,
    /// When progress was last shown on the terminal, and whether a line of it stands there.
    shown: Instant,
    is_shown: bool,
    blocks: u64,
    /// How far the audit has come: parts of the journal, which are slots, blocks or bytes.
    way: Way,
    /// The first deviations, for a report to a file.
    pub(super) collected: Option<Vec<Deviation>>,
}

impl Report {
    /// Prints to the standard output, and progress to the standard error if that is a terminal.
    pub(crate) fn new(form: Form) -> Report {
        let now = Instant::now();
        let way = Way { slots: 0, bytes: 0, of_slots: None };
        Report {
            form,
            out: io::stdout().lock(),
            began: now,
            shown: now,
            is_shown: false,
            blocks: 0,
            way,
            collected: None,
        }
    }

    /// Notes how many parts there are to read.
    pub(crate) fn expect(&mut self, parts: u64) {
        self.way.of_slots = Some(parts);
    }

    /// Notes that parts of the journal were read, with so many bytes.
    pub(crate) fn advance(&mut self, parts: u64, bytes: usize) {
        self.way.slots += parts;
        self.way.bytes += bytes as u64;
    }

    /// Counts a checked block.
    pub(crate) fn block(&mut self, block: &CheckedBlock) -> io::Result<()> {
        self.blocks += 1;
        if self.form == Form::HashesOnly {
            writeln!(self.out, "{}", text::write(&hashes_only::describe(block)))?;
        }
        if self.shown.elapsed() > Duration::from_secs(1) && io::stderr().is_terminal() {
            (self.shown, self.is_shown) = (Instant::now(), true);
            eprint!("\r\x1b[K{}", self.progress(self.began.elapsed().as_secs_f64()));
        }
        Ok(())
    }

    fn progress(&self, seconds: f64) -> String {
        progress::line(&format!("{} blocks", self.blocks), &self.way, seconds)
    }

    /// Takes the line of progress from the terminal, because others follow.
    fn end_progress(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            eprint!("\r\x1b[K");
        }
    }

    /// Prints deviations.
    pub(crate) fn deviations(&mut self, found: &[Deviation]) -> io::Result<()> {
        if !found.is_empty() {
            self.end_progress();
        }
        for deviation in found {
            if let Some(collected) =
                self.collected.as_mut().filter(|collected| collected.len() < COLLECTED_MAX)
            {
                collected.push(deviation.clone());
            }
            match self.form {
                Form::Text => writeln!(self.out, "DEVIATION  {deviation}")?,
                Form::JsonLines => {
                    let line = json!({"deviation": {
                        "block": deviation.block_no,
                        "check": deviation.check.to_string(),
                        "detail": deviation.detail,
                    }});
                    writeln!(self.out, "{line}")?;
                }
                // The block's own line names the checks that it failed.
                Form::HashesOnly => {}
            }
        }
        Ok(())
    }

    /// Prints the summary.
    pub(crate) fn summary(&mut self, summary: &AuditSummary) -> io::Result<()> {
        self.end_progress();
        match self.form {
            Form::Text => self.text_summary(summary)?,
            Form::JsonLines => writeln!(self.out, "{}", json!({"summary": json_summary(summary)}))?,
            Form::HashesOnly => {
                let checks = json_summary(summary)["deviations"].take();
                writeln!(
                    self.out,
                    "{{blocks:{},revisions:{},deviations:{checks}}}",
                    summary.blocks, summary.revisions
                )?;
            }
        }
        self.out.flush()
    }

    fn text_summary(&mut self, summary: &AuditSummary) -> io::Result<()> {
        let seconds = self.began.elapsed().as_secs_f64();
        writeln!(
            self.out,
            "{} blocks with {} revisions of documents in {seconds:.1} s",
            summary.blocks, summary.revisions
        )?;
        if let (Some(first), Some(last)) = (summary.first, summary.last) {
            writeln!(
                self.out,
                "strand {}, blocks {} to {}",
                first.strand_id, first.sequence_no, last.sequence_no
            )?;
        }
        for (strand_id, fork) in &summary.forks {
            writeln!(
                self.out,
                "restored   from ledger {}, strand {}, up to block {}: from the next block on the strand is {strand_id}",
                fork.ledger, fork.strand_id, fork.block
            )?;
            for redaction in &fork.redactions {
                writeln!(
                    self.out,
                    "redacted   block {} shows document {} without its data: block {} of that ledger redacted it later",
                    redaction.block, redaction.document_id, redaction.redacted_by
                )?;
            }
        }
        if let Some(digest) = &summary.digest {
            writeln!(
                self.out,
                "digest {} at block {}",
                digest.digest, digest.digest_tip_address.sequence_no
            )?;
        }
        for name in &summary.digests_matched {
            writeln!(self.out, "ok         the journal agrees with {name}")?;
        }
        for name in &summary.digests_unchecked {
            writeln!(self.out, "unchecked  {name}: {UNCHECKED}")?;
        }
        if summary.digests_matched.is_empty() && summary.is_clean() {
            writeln!(self.out, "{NO_DIGEST}")?;
        }
        for (check, times) in &summary.deviations {
            writeln!(self.out, "{times} x {check}")?;
        }
        writeln!(self.out, "{}", verdict(summary))
    }
}

/// The last line of a report.
pub(super) fn verdict(summary: &AuditSummary) -> &'static str {
    match (summary.is_clean(), summary.is_complete()) {
        (true, true) => "no deviation",
        (true, false) => "INCOMPLETE: no deviation, but a saved digest could not be compared",
        (false, _) => "DEVIATIONS FOUND",
    }
}

fn json_summary(summary: &AuditSummary) -> Value {
    let address = |address: everstrand_journal::BlockAddress| json!({"strandId": address.strand_id.to_string(), "sequenceNo": address.sequence_no});
    let deviations: serde_json::Map<String, Value> =
        summary.deviations.iter().map(|(check, times)| (check.to_string(), json!(times))).collect();
    json!({
        "slots": summary.slots,
        "blocks": summary.blocks,
        "revisions": summary.revisions,
        "first": summary.first.map(address),
        "last": summary.last.map(address),
        "restoredFrom": summary.forks.iter().map(|(strand_id, fork)| json!({
            "ledger": fork.ledger, "strandId": fork.strand_id.to_string(), "block": fork.block,
            "newStrandId": strand_id.to_string(), "redactedLater": fork.redactions.len(),
        })).collect::<Vec<_>>(),
        "digest": summary.digest.map(|digest| digest.digest.to_string()),
        "digestsMatched": summary.digests_matched,
        "digestsUnchecked": summary.digests_unchecked,
        "deviations": deviations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_has_blocks_bytes_and_the_time_that_is_left() {
        let mut report = Report::new(Form::Text);
        report.expect(100);
        report.advance(25, 50_000_000);
        let expected = "0 blocks  [#####...............]  25 %  50.0 MB, 10.0 MB/s, 15 s left";
        assert_eq!(report.progress(5.0), expected);
    }
}
