//! The documents of a file, one after the other: JSON Lines, CSV, Ion text and Ion binary.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everstrand_ion::{Document, Struct, Value, binary, text};

/// The forms of a file.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Format {
    /// One JSON object a line. A number with a point is a decimal, one with an exponent a float
    Json,
    /// The first line names the fields; each value is a text, and an empty one is left out
    Csv,
    /// Ion, text or binary. The whole file is held in memory
    Ion,
}

impl Format {
    /// The form that the name of a file suggests.
    pub(super) fn of(file: &Path) -> Format {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Format::Csv,
            Some("ion" | "10n") => Format::Ion,
            _ => Format::Json,
        }
    }
}

/// One document, or what stands in its place.
pub(super) struct Read {
    /// Its line or its place in the file, from 1.
    pub(super) number: u64,
    /// As it stands in the file.
    pub(super) text: String,
    /// The error says why it is none.
    pub(super) document: Result<Document, String>,
}

type Documents = Box<dyn Iterator<Item = io::Result<Read>>>;

/// Counts the bytes that are read.
struct Counting<R> {
    input: R,
    read: Arc<AtomicU64>,
}

impl<R: io::Read> io::Read for Counting<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(bytes)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Opens a file, whose bytes are counted as they are read. `-` is standard input.
pub(super) fn open(file: &Path, format: Format, read: Arc<AtomicU64>) -> io::Result<Documents> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
    let input: Box<dyn io::Read> = match file.to_str() {
        Some("-") => Box::new(io::stdin().lock()),
        _ => Box::new(File::open(file).map_err(named)?),
    };
    let input = Counting { input, read };
    Ok(match format {
        Format::Json => Box::new(json(BufReader::with_capacity(1 << 16, input))),
        Format::Csv => Box::new(csv(input)?),
        Format::Ion => Box::new(ion(input)?),
    })
}

fn json(input: impl BufRead) -> impl Iterator<Item = io::Result<Read>> {
    input.lines().zip(1..).filter_map(|(line, number)| match line {
        Ok(line) if line.trim().is_empty() => None,
        Ok(text) => {
            let document = text::read_one(&text).map(Document::from).map_err(|error| error.to_string());
            Some(Ok(Read { number, text, document }))
        }
        Err(error) => Some(Err(error)),
    })
}

fn csv(input: impl io::Read) -> io::Result<impl Iterator<Item = io::Result<Read>>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let names = reader.headers()?.clone();
    Ok(reader.into_records().zip(2..).map(move |(record, number)| {
        let record = record?;
        let text = record.iter().collect::<Vec<_>>().join(",");
        let document = if record.len() > names.len() {
            Err(format!("it has {} values, and the first line names {} fields", record.len(), names.len()))
        } else {
            let present = names.iter().zip(&record).filter(|(_, value)| !value.is_empty());
            Ok(Document::from(Value::from(present.collect::<Struct>())))
        };
        Ok(Read { number, text, document })
    }))
}

fn ion(mut input: impl io::Read) -> io::Result<impl Iterator<Item = io::Result<Read>>> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    let values = if bytes.starts_with(&[0xE0, 1, 0, 0xEA]) {
        binary::read_all(&bytes)
    } else {
        std::str::from_utf8(&bytes).map_err(io::Error::other).map(text::read_all)?
    };
    let values = values.map_err(io::Error::other)?;
    Ok(values.into_iter().zip(1..).map(|(value, number)| {
        Ok(Read { number, text: text::write(&value), document: Ok(Document::from(&value)) })
    }))
}
