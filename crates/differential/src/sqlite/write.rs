//! Random queries with SQLite's answers as a file of sqllogictest, so that they are tested where there is no SQLite.

use std::fmt::Write as _;

use everstrand_testkit::Random;

use super::engines::Sqlite;
use super::generate;
use super::value::Cell;
use super::world::World;

/// A file of queries about one world, each with SQLite's answer.
pub(super) fn file(seed: u64, queries: usize) -> String {
    let mut random = Random::new(seed);
    // The format shows the values of a row by their places, so no field may be absent.
    let world = World::random(&mut random, false);
    let sqlite = Sqlite::of(&world);
    let mut text = format!(
        "# Random queries with SQLite's answers.\n# cargo run -p everstrand-differential -- sqlite --write-tests FOLDER --seed {seed}\n"
    );
    for statement in world.script() {
        write!(text, "\nstatement ok\n{statement}\n").expect("a text");
    }
    let mut written = 0;
    while written < queries {
        let query = generate::query(&mut random.split());
        let printed = query.tree.print();
        // Values of other kinds than the format's are left out, and long answers.
        let Ok((_, rows)) = sqlite.cells(&printed.sqlite, &printed.parameters) else { continue };
        let cells = rows.iter().map(Vec::len).sum::<usize>();
        // `*` shows no column of a document that is not there.
        let is_star = printed.constructs.contains("SELECT *");
        if !printed.parameters.is_empty() || is_star || cells == 0 || cells > 40 {
            continue;
        }
        let types: String = (0..rows[0].len()).map(|place| kind(&rows, place)).collect();
        let shown: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().zip(types.chars()).map(|(cell, kind)| shown(cell, kind)).collect())
            .collect();
        if shown.concat().iter().any(|value| value.contains('\n')) {
            continue;
        }
        let (sorted, values) = match query.is_ordered {
            true => ("nosort", shown),
            false => {
                let mut values = shown;
                values.sort();
                ("rowsort", values)
            }
        };
        write!(text, "\nquery {types} {sorted}\n{}\n----\n{}\n", printed.ours, values.concat().join("\n"))
            .expect("a text");
        written += 1;
    }
    text
}

/// The type of a column: that of all its values.
fn kind(rows: &[Vec<Cell>], place: usize) -> char {
    let has = |wanted: fn(&Cell) -> bool| rows.iter().any(|row| wanted(&row[place]));
    match () {
        () if has(|cell| matches!(cell, Cell::Text(_))) => 'T',
        () if has(|cell| matches!(cell, Cell::Real(_))) => 'R',
        () => 'I',
    }
}

fn shown(cell: &Cell, kind: char) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Text(text) if text.is_empty() => "(empty)".to_owned(),
        Cell::Text(text) => text.clone(),
        Cell::Int(number) if kind == 'R' => format!("{number}.000"),
        Cell::Int(number) => number.to_string(),
        Cell::Real(number) => format!("{:.3}", number + 0.0),
    }
}
