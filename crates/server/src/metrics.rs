//! The answer to `GET /metrics`: numbers in the text format of Prometheus.

use std::fmt::Write;

use everstrand_ledger::Ledger;

use crate::ledgers::LedgerOverview;
use crate::requests::family;
use crate::service::Service;

impl Service {
    /// All numbers, with their present values.
    pub(crate) fn metrics(&self) -> String {
        let now = self.clock.monotonic_millis();
        let ledgers = self.ledgers.all();
        let mut text = String::new();
        family(&mut text, "everstrand_build_info", "gauge", "1, with the version of the program.");
        let _ = writeln!(text, "everstrand_build_info{{Version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
        family(&mut text, "everstrand_sessions", "gauge", "Sessions that clients have open.");
        line(&mut text, "everstrand_sessions", None, self.sessions.count() as u64);
        let (beginning, long) = self.scheduler.waiting();
        let mut single = |name: &str, meaning: &str, value: usize| {
            family(&mut text, name, "gauge", meaning);
            line(&mut text, name, None, value as u64);
        };
        single("everstrand_statements_waiting", "Statements that wait to begin.", beginning);
        single(
            "everstrand_long_statements_waiting",
            "Statements that have run for more than 10 ms and wait for their next turn.",
            long,
        );
        let mut gauge = |name: &str, meaning: &str, value: &dyn Fn(&LedgerOverview) -> Option<u64>| {
            family(&mut text, name, "gauge", meaning);
            for known in &ledgers {
                if let Some(value) = value(known) {
                    line(&mut text, name, Some(&known.name), value);
                }
            }
        };
        gauge(
            "everstrand_ledger_writable",
            "Whether the ledger takes writes; of a closed ledger, whether no reason against it is known.",
            &|known| Some(u64::from(known.impaired.is_none())),
        );
        gauge(
            "everstrand_ledger_open",
            "Whether the ledger is open; the server opens it when somebody asks for it.",
            &|known| Some(u64::from(known.ledger.is_some())),
        );
        gauge("everstrand_ledger_blocks", "Blocks in the journal.", &|known| {
            Some(known.digest?.digest_tip_address.sequence_no.saturating_add(1))
        });
        gauge("everstrand_open_transactions", "Open transactions.", &|known| {
            known.ledger.as_ref().map_or(Some(0), |ledger| u64::try_from(ledger.open_transactions()).ok())
        });
        gauge(
            "everstrand_ledger_clock_behind_milliseconds",
            "By how much the clock is behind the time of the last block.",
            &|known| Some(known.ledger.as_ref().map_or(0, Ledger::clock_behind_millis)),
        );
        gauge(
            "everstrand_checkpoint_age_milliseconds",
            "Time since the last published checkpoint covered the whole journal.",
            &|known| self.published.age_millis(known.strand_id()?, now),
        );
        if !self.trails.is_empty() {
            let name = "everstrand_audit_trail_writable";
            family(&mut text, name, "gauge", "Whether the last line of the audit trail could be written.");
            line(&mut text, name, None, u64::from(self.trails.iter().all(|trail| trail.is_writable())));
            let name = "everstrand_audit_events_lost_total";
            family(&mut text, name, "counter", "Events of the session API that the audit trail lacks.");
            line(&mut text, name, None, self.trails.iter().map(|trail| trail.lost()).sum());
        }
        self.requests.write(&mut text);
        if self.config.checkpoints.is_some() {
            let name = "everstrand_checkpoint_failures_total";
            family(&mut text, name, "counter", "How often a checkpoint could not be published.");
            let published = || ledgers.iter().filter_map(|known| Some((&known.name, known.strand_id()?)));
            for (ledger, strand_id) in published() {
                line(&mut text, name, Some(ledger), self.published.failures(strand_id));
            }
            let name = "everstrand_checkpoint_contradicted";
            let meaning = "Whether the journal does not continue a published checkpoint: it is an older copy, or another history.";
            family(&mut text, name, "gauge", meaning);
            for (ledger, strand_id) in published() {
                let contradicted = self.published.contradiction(strand_id).is_some();
                line(&mut text, name, Some(ledger), u64::from(contradicted));
            }
        }
        text
    }
}

/// Writes one number. A ledger's name needs no escaping, because it has only letters, digits and hyphens.
fn line(text: &mut String, name: &str, ledger: Option<&str>, value: u64) {
    let _ = match ledger {
        Some(ledger) => writeln!(text, "{name}{{LedgerName=\"{ledger}\"}} {value}"),
        None => writeln!(text, "{name} {value}"),
    };
}
