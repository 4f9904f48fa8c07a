//! How long the language takes, over a table in memory: `cargo bench -p everstrand-partiql`.
//!
//! `BENCH_DOCUMENTS` says how many documents the table has, a million by default. Times are the processor's,
//! where the system tells them, and medians of 25 batches.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everstrand_ion::{Document, Timestamp, Value, text};
use everstrand_partiql::tables::{
    Access, AsOf, Cursor, HistoryTable, Index, KeyRange, OnConflict, Row, Source, SourceKind, Tables,
    TablesError,
};
use everstrand_partiql::{Options, execute, key, parse, plan};

/// One table `Vehicle` with an index on `VIN` and one on `Year, Price`.
struct OneTable {
    documents: Vec<Document>,
    source: Source,
    entries: Vec<BTreeMap<Vec<u8>, usize>>,
}

impl OneTable {
    fn new(documents: usize) -> OneTable {
        let index = |id: &str, paths: &[&str]| Index {
            id: id.into(),
            paths: paths.iter().map(|path| vec![(*path).to_owned()]).collect(),
            unique: false,
        };
        let indexes = [index("vin", &["VIN"]), index("price", &["Year", "Price"])];
        let mut table = OneTable {
            documents: Vec::with_capacity(documents),
            entries: vec![BTreeMap::new(), BTreeMap::new()],
            source: Source {
                kind: SourceKind::User,
                table_id: "table".into(),
                indexes: Arc::new(indexes),
                as_of: None,
            },
        };
        for number in 0..documents {
            let (price, year) = ((number * 7919) % 100_000, 1990 + number % 30);
            let document = format!(
                "{{VIN: \"VIN{number:09}\", Type: Sedan, Year: {year}, Make: \"Make {}\", Price: {price}.00,
                  Owners: {{PrimaryOwner: {{PersonId: \"P{number}\"}}, SecondaryOwners: []}}}}",
                number % 50
            );
            let document = Document::from(text::read_one(&document).expect("well formed"));
            for (index, entries) in table.source.indexes.iter().zip(&mut table.entries) {
                let parts: Vec<_> =
                    index.paths.iter().map(|path| key::at_path(document.root(), path)).collect();
                let mut entry = key::encode(&parts);
                entry.extend_from_slice(&number.to_be_bytes());
                entries.insert(entry, number);
            }
            table.documents.push(document);
        }
        table
    }

    fn row(&self, number: usize, cursor: Vec<u8>) -> Row {
        let id = Arc::from(format!("{number:022}"));
        Row { id: Some(id), value: self.documents[number].clone(), cursor: Cursor(cursor) }
    }

    fn index_rows(
        &self,
        index_id: &str,
        ranges: &[KeyRange],
        descending: bool,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Vec<Row> {
        let index = self.source.indexes.iter().position(|index| &*index.id == index_id).expect("an index");
        let first = after.map_or(0, |cursor| usize::from(cursor.0[0]));
        let mut rows = Vec::new();
        for (number, range) in ranges.iter().enumerate().skip(first) {
            let (mut lower, mut upper) = key::range(range);
            if let Some(cursor) = after.filter(|_| number == first) {
                let passed = Bound::Excluded(cursor.0[1..].to_vec());
                *(if descending { &mut upper } else { &mut lower }) = passed;
            }
            let found = self.entries[index].range((lower, upper));
            let cursor = |key: &[u8]| [&[u8::try_from(number).expect("few ranges")], key].concat();
            let left = limit - rows.len();
            if descending {
                rows.extend(found.rev().take(left).map(|(key, number)| self.row(*number, cursor(key))));
            } else {
                rows.extend(found.take(left).map(|(key, number)| self.row(*number, cursor(key))));
            }
            if rows.len() == limit {
                break;
            }
        }
        rows
    }
}

impl Tables for OneTable {
    fn source(&mut self, name: &str, _as_of: Option<AsOf>) -> Result<Option<Source>, TablesError> {
        Ok((name == "Vehicle").then(|| self.source.clone()))
    }

    fn history(
        &mut self,
        _table: HistoryTable<'_>,
        _start: Option<Timestamp>,
        _end: Option<Timestamp>,
    ) -> Result<Option<Source>, TablesError> {
        Ok(None)
    }

    fn table_named_like(&self, _: &str) -> Option<String> {
        None
    }

    fn information_schema(&mut self, _name: &str) -> Result<Option<Source>, TablesError> {
        Ok(None)
    }

    fn rows(
        &mut self,
        _source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, TablesError> {
        Ok(match access {
            Access::Scan => {
                let first = after.map_or(0, |cursor| {
                    usize::from_be_bytes(cursor.0.as_slice().try_into().expect("a cursor of this table"))
                });
                let last = (first + limit).min(self.documents.len());
                (first..last).map(|number| self.row(number, (number + 1).to_be_bytes().to_vec())).collect()
            }
            Access::Documents(ids) => {
                assert!(after.is_none(), "few ids");
                let numbers = ids.iter().filter_map(|id| id.parse::<usize>().ok());
                numbers
                    .filter(|number| *number < self.documents.len())
                    .map(|number| self.row(number, Vec::new()))
                    .collect()
            }
            Access::Index { index_id, ranges, descending } => {
                self.index_rows(index_id, ranges, *descending, after, limit)
            }
        })
    }

    fn count(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(u64, Option<Cursor>), TablesError> {
        match access {
            Access::Scan => Ok((self.documents.len() as u64, None)),
            Access::Index { index_id, ranges, .. } if after.is_none() => {
                let index = self.source.indexes.iter().position(|index| index.id == *index_id);
                let entries = &self.entries[index.expect("an index")];
                let counted = ranges.iter().map(|range| entries.range(key::range(range)).count() as u64);
                Ok((counted.sum(), None))
            }
            _ => {
                let rows = self.rows(source, access, after, limit)?;
                let last = rows.last().filter(|_| rows.len() == limit);
                Ok((rows.len() as u64, last.map(|row| row.cursor.clone())))
            }
        }
    }

    fn insert(
        &mut self,
        _table: &Source,
        _document: Document,
        _on_conflict: OnConflict,
    ) -> Result<Option<Arc<str>>, TablesError> {
        Ok(None)
    }

    fn replace(&mut self, _table: &Source, _id: &str, document: Document) -> Result<(), TablesError> {
        black_box(document);
        Ok(())
    }

    fn delete(&mut self, _table: &Source, _id: &str) -> Result<(), TablesError> {
        Ok(())
    }

    fn create_table(&mut self, _name: &str, _tags: Option<&Value>) -> Result<Arc<str>, TablesError> {
        unimplemented!("not measured")
    }

    fn drop_table(&mut self, _name: &str) -> Result<Arc<str>, TablesError> {
        unimplemented!("not measured")
    }

    fn undrop_table(&mut self, _table_id: &str) -> Result<Arc<str>, TablesError> {
        unimplemented!("not measured")
    }

    fn procedure(&mut self, _name: &str, _arguments: &[Value]) -> Result<Option<Vec<Value>>, TablesError> {
        Ok(None)
    }

    fn transaction_id(&self) -> Arc<str> {
        "transaction".into()
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(0)
    }

    fn interrupted(&mut self) -> Result<(), TablesError> {
        Ok(())
    }
}

fn main() {
    let documents = std::env::var("BENCH_DOCUMENTS").ok().and_then(|number| number.parse().ok());
    let documents = documents.unwrap_or(1_000_000);
    let mut table = OneTable::new(documents);
    println!("{documents} documents of {} bytes", table.documents[0].as_bytes().len());

    let string = |text: &str| Document::from(Value::from(text));
    let int = |number: i64| Document::from(Value::from(number));
    let vin = string(&format!("VIN{:09}", documents / 2));
    let cases: [(&str, Vec<Document>); 11] = [
        ("SELECT * FROM Vehicle WHERE VIN = ?", vec![vin.clone()]),
        (
            "SELECT v.Owners.PrimaryOwner.PersonId FROM Vehicle AS v BY id WHERE id = '0000000000000000000007'",
            vec![],
        ),
        (
            "UPDATE Vehicle AS v SET v.Owners.PrimaryOwner.PersonId = ? WHERE v.VIN = ?",
            vec![string("P1"), vin],
        ),
        (
            "SELECT VIN, Price FROM Vehicle WHERE Year = ? AND Price BETWEEN ? AND ? ORDER BY Price LIMIT 50",
            vec![int(2001), int(20_000), int(90_000)],
        ),
        ("SELECT VIN, Price FROM Vehicle WHERE Year = ? ORDER BY Price DESC LIMIT 50", vec![int(2001)]),
        ("SELECT COUNT(*) FROM Vehicle", vec![]),
        ("SELECT COUNT(*) FROM Vehicle WHERE Year = ? AND Price > ?", vec![int(2001), int(50_000)]),
        ("SELECT COUNT(Make) FROM Vehicle WHERE Year = ? AND Price > ?", vec![int(2001), int(50_000)]),
        (
            "FROM Vehicle AS v WHERE v.VIN = ? INSERT INTO v.Owners.SecondaryOwners VALUE ?",
            vec![string(&format!("VIN{:09}", documents / 3)), string("P2")],
        ),
        ("SELECT VIN FROM Vehicle WHERE Owners.PrimaryOwner.PersonId = ?", vec![string("P77")]),
        (
            "SELECT Make, COUNT(*) AS n, MAX(v.Price) AS most FROM Vehicle AS v GROUP BY v.Make AS Make",
            vec![],
        ),
    ];
    let options = Options::default();
    // Before anything runs: what has run leaves caches and the heap in whatever state.
    let times: Vec<_> = cases
        .iter()
        .map(|(statement, parameters)| {
            let parsed = measure(|| parse(statement).expect("parse"));
            let tree = parse(statement).expect("parse");
            (parsed, measure(|| plan(&tree, parameters, &mut table, &options).expect("plan")))
        })
        .collect();
    for ((statement, parameters), (parsed, planned)) in cases.into_iter().zip(times) {
        let tree = parse(statement).expect("parse");
        let one = plan(&tree, &parameters, &mut table, &options).expect("plan");
        let parameters: Arc<[Document]> = parameters.into();
        let mut found = 0;
        let ran = measure(|| {
            let mut rows = execute(one.clone(), Arc::clone(&parameters), &mut table).expect("execute");
            found = 0;
            while let Some(row) = rows.next(&mut table).expect("row") {
                black_box(row);
                found += 1;
            }
        });
        println!("parse {parsed:>9.1?}  plan {planned:>9.1?}  run {ran:>9.1?}  {found:>3} rows  {statement}");
    }
}

/// The median time of one call, over batches of as many as fit in some milliseconds, after one that does not
/// count.
fn measure<T>(mut call: impl FnMut() -> T) -> Duration {
    const BATCHES: usize = 25;
    const BATCH: Duration = Duration::from_millis(20);
    black_box(call());
    let mut times = Vec::with_capacity(BATCHES);
    let begun = Instant::now();
    while times.len() < BATCHES && (times.is_empty() || begun.elapsed() < Duration::from_secs(3)) {
        let (batch, processor) = (Instant::now(), processor_time());
        let mut calls = 0u32;
        while calls == 0 || batch.elapsed() < BATCH {
            black_box(call());
            calls += 1;
        }
        let taken = match (processor, processor_time()) {
            (Some(before), Some(after)) => after - before,
            _ => batch.elapsed(),
        };
        times.push(taken / calls);
    }
    times.sort();
    times[times.len() / 2]
}

/// How long the processor has worked for this thread.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}
