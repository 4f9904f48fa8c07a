//! Rounds of the same measurements, and the table that they come to.

use std::fmt::Write as _;
use std::time::Duration;

use crate::measure::Sample;

/// What was measured, in the order in which it was first measured.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

struct Row {
    what: String,
    clients: Option<u64>,
    unit: &'static str,
    values: Vec<f64>,
    /// How many of the unit one turn was.
    factor: f64,
    p50: Vec<f64>,
    p99: Vec<f64>,
    conflicts: u64,
    /// Microseconds of processor time that each took.
    processor: Vec<f64>,
    /// Syncs of the journal for every thousand.
    syncs: Vec<f64>,
}

/// The row of the speed of light.
pub(crate) const LIGHT: &str = "Z: speed of light";

impl Report {
    /// Notes a sample of one round. `factor` is how many of the unit one turn was; `syncs` how often the journal was
    /// synced meanwhile.
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

    /// Notes a number of one round.
    pub(crate) fn number(&mut self, what: &str, unit: &'static str, value: f64) {
        self.row(what, None, unit).values.push(value);
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
            let (least, most) = row
                .values
                .iter()
                .fold((f64::MAX, 0f64), |(least, most), value| (least.min(*value), most.max(*value)));
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
        table
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn number(value: f64) -> String {
    if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

fn duration(seconds: f64) -> String {
    if seconds < 0.001 { format!("{:.0} µs", seconds * 1e6) } else { format!("{:.2} ms", seconds * 1e3) }
}
