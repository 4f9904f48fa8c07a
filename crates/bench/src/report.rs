//! Rounds of the same measurements, and the table made of them.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::measure::Sample;

/// All measurements, in the order of their first round.
#[derive(Default)]
pub(crate) struct Report {
    settings: Vec<String>,
    rows: Vec<Row>,
    ratios: Vec<Ratio>,
    skipped: Vec<(String, String)>,
}

/// The ratio of two rows, round by round.
struct Ratio {
    own: String,
    other: String,
    clients: u64,
    values: Vec<f64>,
}

struct Row {
    what: String,
    clients: Option<u64>,
    unit: &'static str,
    values: Vec<f64>,
    /// Units in one turn.
    factor: f64,
    p50: Vec<f64>,
    p99: Vec<f64>,
    conflicts: u64,
    /// Microseconds of processor time for one unit.
    processor: Vec<f64>,
    /// Syncs of the journal for a thousand units.
    syncs: Vec<f64>,
}

/// The row of the speed of light.
pub(crate) const LIGHT: &str = "Z: speed of light";

impl Report {
    /// Adds a sample of one round. `factor` is the number of units in one turn, `syncs` the number of the journal's syncs
    /// meanwhile.
    pub(crate) fn sample(
        &mut self,
        what: &str,
        clients: u64,
        unit: &'static str,
        sample: &Sample,
        factor: u64,
        syncs: Option<u64>,
    ) {
        let row = self.row(what, Some(clients), unit);
        row.factor = factor as f64;
        row.values.push(sample.per_second * row.factor);
        row.p50.push(sample.p50.as_secs_f64());
        row.p99.push(sample.p99.as_secs_f64());
        row.processor.push(sample.processor.as_secs_f64() * 1e6);
        row.conflicts += sample.conflicts;
        row.syncs.extend(syncs.map(|syncs| syncs as f64 * 1000.0 / sample.done.max(1) as f64));
    }

    /// Adds a number of one round.
    pub(crate) fn number(&mut self, what: &str, unit: &'static str, value: f64) {
        self.row(what, None, unit).values.push(value);
    }

    /// Notes a setting that the figures depend on.
    pub(crate) fn setting(&mut self, text: &str) {
        self.settings.push(text.to_owned());
    }

    /// Adds what could not be measured, and why.
    pub(crate) fn skipped(&mut self, what: &str, why: &str) {
        self.skipped.push((what.to_owned(), why.to_owned()));
    }

    /// Compares two rows, each round with the same round. Does nothing if one of them is missing.
    pub(crate) fn ratio(&mut self, own: &str, other: &str, clients: u64) {
        let values = |what| self.rows.iter().find(|row| row.what == what && row.clients == Some(clients));
        let (Some(first), Some(second)) = (values(own), values(other)) else { return };
        let values = first.values.iter().zip(&second.values).map(|(first, second)| first / second).collect();
        self.ratios.push(Ratio { own: own.to_owned(), other: other.to_owned(), clients, values });
    }

    /// Median, least and most of a row.
    pub(crate) fn figures(&self, what: &str, clients: u64) -> Option<(Spread, Spread)> {
        let row = self.rows.iter().find(|row| row.what == what && row.clients == Some(clients))?;
        Some((Spread::of(&row.values), Spread::of(&row.processor)))
    }

    /// The names of the rows that so many clients have, in order.
    pub(crate) fn names(&self, clients: u64) -> impl Iterator<Item = &str> {
        self.rows.iter().filter(move |row| row.clients == Some(clients)).map(|row| row.what.as_str())
    }

    /// Notes how long something took.
    pub(crate) fn time(&mut self, what: &str, time: Duration) {
        self.number(what, "ms", time.as_secs_f64() * 1000.0);
    }

    fn row(&mut self, what: &str, clients: Option<u64>, unit: &'static str) -> &mut Row {
        let place = self.rows.iter().position(|row| row.what == what && row.clients == clients);
        let place = place.unwrap_or_else(|| {
            self.rows.push(Row {
                what: what.to_owned(),
                clients,
                unit,
                values: Vec::new(),
                factor: 1.0,
                p50: Vec::new(),
                p99: Vec::new(),
                conflicts: 0,
                processor: Vec::new(),
                syncs: Vec::new(),
            });
            self.rows.len() - 1
        });
        &mut self.rows[place]
    }

    /// The table, in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut table = String::from(
            "| what | clients | median | min–max | unit | p50 | p99 | CPU each | ÷ Z | syncs per 1000 | conflicts |\n\
             |---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for row in &self.rows {
            let middle = median(&row.values);
            let light = self.rows.iter().find(|light| light.what == LIGHT && light.clients == row.clients);
            let of_light = light
                .filter(|_| !row.syncs.is_empty())
                .map(|light| middle / row.factor / median(&light.values));
            let Spread { least, most, .. } = Spread::of(&row.values);
            let time = |times: &[f64]| if times.is_empty() { String::new() } else { duration(median(times)) };
            let _ = writeln!(
                table,
                "| {} | {} | {} | {}–{} | {} | {} | {} | {} | {} | {} | {} |",
                row.what,
                row.clients.map_or(String::new(), |clients| clients.to_string()),
                number(middle),
                number(least),
                number(most),
                row.unit,
                time(&row.p50),
                time(&row.p99),
                if row.processor.is_empty() {
                    String::new()
                } else {
                    format!("{:.0} µs", median(&row.processor))
                },
                of_light.map_or(String::new(), |part| format!("{:.0} %", part * 100.0)),
                if row.syncs.is_empty() { String::new() } else { format!("{:.0}", median(&row.syncs)) },
                if row.conflicts == 0 { String::new() } else { row.conflicts.to_string() },
            );
        }
        for (what, why) in &self.skipped {
            let _ = writeln!(table, "| {what} | | {why} | | | | | | | | |");
        }
        if !self.ratios.is_empty() {
            table.push_str("\n| what | by | clients | ratio | min–max |\n|---|---|---|---|---|\n");
        }
        for Ratio { own, other, clients, values } in &self.ratios {
            let Spread { median, least, most } = Spread::of(values);
            let _ = writeln!(table, "| {own} | {other} | {clients} | {median:.2} | {least:.2}–{most:.2} |");
        }
        for setting in &self.settings {
            let _ = writeln!(table, "\n{setting}");
        }
        table
    }

    /// The same for programs, with the figures of every round.
    pub(crate) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "what": row.what, "clients": row.clients, "unit": row.unit, "values": row.values,
                "median": median(&row.values), "p50_seconds": row.p50, "p99_seconds": row.p99,
                "processor_microseconds": row.processor, "syncs_per_thousand": row.syncs, "conflicts": row.conflicts,
            })
        });
        let ratios = self.ratios.iter().map(|ratio| {
            json!({
                "what": ratio.own, "by": ratio.other, "clients": ratio.clients, "values": ratio.values,
                "median": median(&ratio.values),
            })
        });
        let skipped = self.skipped.iter().map(|(what, why)| json!({ "what": what, "why": why }));
        json!({
            "settings": self.settings, "rows": rows.collect::<Vec<_>>(), "ratios": ratios.collect::<Vec<_>>(),
            "skipped": skipped.collect::<Vec<_>>(),
        })
    }
}

/// The distribution of some values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of all rounds.
    pub(crate) fn of(values: &[f64]) -> Spread {
        let least = values.iter().copied().fold(f64::MAX, f64::min);
        let most = values.iter().copied().fold(0.0, f64::max);
        Spread { median: median(values), least, most }
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

pub(crate) fn number(value: f64) -> String {
    if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

fn duration(seconds: f64) -> String {
    if seconds < 0.001 { format!("{:.0} µs", seconds * 1e6) } else { format!("{:.2} ms", seconds * 1e3) }
}
