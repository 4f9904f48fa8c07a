//! Compares this build with an earlier one. Both programs run the same workload in turn, round by round. Their printed
//! tables are compared, so the earlier program need not know about this.

use std::path::Path;
use std::process::Command;

use crate::Arguments;
use crate::measure::Failure;
use crate::report::{LIGHT, Spread, number};

/// A row as a program printed it.
#[derive(Debug, PartialEq)]
struct Printed {
    what: String,
    clients: String,
    unit: String,
    value: f64,
    /// Processor time of each, in microseconds.
    processor: Option<f64>,
}

/// A row over all rounds: of this build, of the earlier one, and one by the other.
#[derive(Default)]
struct Pair {
    what: String,
    clients: String,
    unit: String,
    /// Earlier and now, of each round.
    values: Vec<[f64; 2]>,
    processor: Vec<[f64; 2]>,
}

/// Runs a workload by both programs in turn and compares them.
pub(crate) fn compare(name: &str, earlier: &Path, arguments: &Arguments) -> Result<String, Failure> {
    let now = std::env::current_exe()?;
    let mut pairs: Vec<Pair> = Vec::new();
    for round in 0..arguments.rounds {
        eprintln!("{name}: round {} of {}", round + 1, arguments.rounds);
        let mut rows = [Vec::new(), Vec::new()];
        // Neither is always the first.
        for place in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            rows[place] = printed(&run(if place == 0 { earlier } else { &now }, name, arguments)?)?;
        }
        let [before, after] = rows;
        for row in after {
            let same = |other: &&Printed| {
                (&other.what, &other.clients, &other.unit) == (&row.what, &row.clients, &row.unit)
            };
            let Some(old) = before.iter().find(same) else { continue };
            let known = pairs.iter().position(|pair| pair.what == row.what && pair.clients == row.clients);
            let place = known.unwrap_or_else(|| {
                let (what, clients, unit) = (row.what.clone(), row.clients.clone(), row.unit.clone());
                pairs.push(Pair { what, clients, unit, ..Pair::default() });
                pairs.len() - 1
            });
            pairs[place].values.push([old.value, row.value]);
            pairs[place].processor.extend(old.processor.zip(row.processor).map(|(old, now)| [old, now]));
        }
    }
    if pairs.is_empty() {
        return Err("the two programs have printed no row in common".into());
    }
    Ok(table(&pairs))
}

/// What a program prints of one round. It gets only arguments that the earliest build understands.
fn run(program: &Path, name: &str, arguments: &Arguments) -> Result<String, Failure> {
    let clients: Vec<String> = arguments.clients.iter().map(u64::to_string).collect();
    let mut command = Command::new(program);
    command.args([name, "--rounds", "1", "--seconds", &arguments.seconds.to_string()]);
    command.args(["--documents", &arguments.documents.to_string(), "--clients", &clients.join(",")]);
    if arguments.embedded_only {
        command.arg("--embedded-only");
    }
    if let Some(folder) = &arguments.folder {
        command.arg("--folder").arg(folder);
    }
    let output = command.output().map_err(|error| format!("{}: {error}", program.display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{} {name}: {}", program.display(), String::from_utf8_lossy(&output.stderr).trim()).into())
}

/// The rows of the tables in a Markdown text that have a median, by the names of their columns.
fn printed(text: &str) -> Result<Vec<Printed>, Failure> {
    let mut columns: Vec<&str> = Vec::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        let Some(cells) = line.strip_prefix("| ").and_then(|rest| rest.strip_suffix('|')) else { continue };
        let cells: Vec<&str> = cells.split('|').map(str::trim).collect();
        if cells.first() == Some(&"what") {
            columns = cells;
            continue;
        }
        let cell = |name: &str| {
            let place = columns.iter().position(|column| *column == name)?;
            cells.get(place).copied().filter(|cell| !cell.is_empty())
        };
        let (Some(what), Some(Ok(value))) = (cell("what"), cell("median").map(str::parse)) else { continue };
        let processor = cell("CPU each").and_then(|time| time.strip_suffix(" µs")?.parse().ok());
        let text = |name| cell(name).unwrap_or_default().to_owned();
        rows.push(Printed {
            what: what.to_owned(),
            clients: text("clients"),
            unit: text("unit"),
            value,
            processor,
        });
    }
    if rows.is_empty() { Err("a program has printed no table".into()) } else { Ok(rows) }
}

fn table(pairs: &[Pair]) -> String {
    let mut table = String::from(
        "| what | clients | earlier | now | unit | now ÷ earlier | min–max | CPU each earlier | now | now ÷ earlier |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for Pair { what, clients, unit, values, processor } in pairs {
        let of = |pairs: &[[f64; 2]], place: usize| {
            Spread::of(&pairs.iter().map(|pair| pair[place]).collect::<Vec<_>>()).median
        };
        let [earlier, now] = [0, 1].map(|place| of(values, place));
        let rounds = Spread::of(&values.iter().map(|[earlier, now]| now / earlier).collect::<Vec<_>>());
        let times = match processor.is_empty() {
            true => " | | ".to_owned(),
            false => {
                let [earlier, now] = [0, 1].map(|place| of(processor, place));
                format!("{earlier:.0} µs | {now:.0} µs | {:.2}", now / earlier)
            }
        };
        // The speed of light is the same code in both, so its ratio's distance from one shows how far to trust the rest.
        let what = if what == LIGHT { format!("{LIGHT}, the same in both") } else { what.clone() };
        table.push_str(&format!(
            "| {what} | {clients} | {} | {} | {unit} | {:.2} | {:.2}–{:.2} | {times} |\n",
            number(earlier),
            number(now),
            now / earlier,
            rounds.least,
            rounds.most
        ));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
2 × Processor, load

## rmw

| what | clients | median | min–max | unit | p50 | p99 | CPU each | ÷ Z | syncs per 1000 | conflicts |
|---|---|---|---|---|---|---|---|---|---|---|
| read-modify-write, embedded | 16 | 18465 | 17277–22219 | tx/s | 765 µs | 1.70 ms | 86 µs | 32 % | 156 | 22 |
| longest proof |  | 672 | 672–672 | bytes |  |  |  |  |  |  |
";

    #[test]
    fn tables_are_read_by_the_names_of_their_columns() {
        let rows = printed(PRINTED).expect("a table");
        let first = Printed {
            what: "read-modify-write, embedded".to_owned(),
            clients: "16".to_owned(),
            unit: "tx/s".to_owned(),
            value: 18465.0,
            processor: Some(86.0),
        };
        assert_eq!(rows[0], first);
        assert_eq!((rows.len(), rows[1].value, rows[1].processor), (2, 672.0, None));
        assert!(printed("nothing").is_err());
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let pair = Pair {
            what: "commit".to_owned(),
            values: vec![[100.0, 150.0], [200.0, 220.0], [50.0, 100.0]],
            processor: vec![[80.0, 40.0]],
            ..Pair::default()
        };
        let table = table(&[pair]);
        assert!(table.contains("| 100 | 150 |  | 1.50 | 1.10–2.00 | 80 µs | 40 µs | 0.50 |"), "{table}");
    }
}
