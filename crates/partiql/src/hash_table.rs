//! A hash table of rows, and which of its rows may match a row.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::buffered_bytes::Charge;
use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::key;

/// The end of a chain of rows.
const NO_ROW: usize = usize::MAX;

/// The rows of a node, by the keys of each row.
#[derive(Debug)]
pub(crate) struct Table {
    /// The rows one after the other.
    values: Vec<Datum>,
    /// How many values a row has.
    width: usize,
    /// The first and the last row of each key.
    chains: HashMap<Vec<u8>, (usize, usize)>,
    /// For each row the next row with the same key.
    next: Vec<usize>,
    /// The rows that may match any row, because a key of theirs has failed.
    undecided: Vec<usize>,
    /// The read I/Os of reading the rows once. A nested loop has them again for each row that is looked up.
    pub(crate) read_ios: u64,
    charge: Charge,
}

/// A table that lasts as long as its statement.
#[derive(Debug)]
pub(crate) enum Kept {
    /// The query has run once, without the table.
    NotYet,
    /// The table.
    Table(Arc<Table>),
    /// The table would hold too many bytes.
    TooLarge,
}

/// The keys of one row.
pub(crate) enum Keyed {
    /// Rows with the same bytes match.
    Key(Vec<u8>),
    /// No row matches.
    Nothing,
    /// A key has failed, so that any row may match.
    Undecided,
}

/// The rows of a table that may match a row and have not been tried yet. They come in the order of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Matches {
    /// The rows of a chain and the undecided ones.
    Chain {
        /// The next row of the chain.
        row: usize,
        /// How many undecided rows were tried.
        undecided: usize,
    },
    /// All rows from this one on.
    All {
        /// The next row.
        row: usize,
    },
}

impl Table {
    /// A table without rows. Its rows have a value for each of these slots.
    pub(crate) fn new(slots: &[Range<usize>], charge: Charge) -> Table {
        Table {
            values: Vec::new(),
            width: slots.iter().map(Range::len).sum(),
            chains: HashMap::new(),
            next: Vec::new(),
            undecided: Vec::new(),
            read_ios: 0,
            charge,
        }
    }

    /// How many bytes it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.charge.used()
    }

    /// Adds the row that stands in these slots of the frame. `bytes` is what its values take.
    pub(crate) fn add(
        &mut self,
        keyed: Keyed,
        frame: &[Datum],
        slots: &[Range<usize>],
        bytes: usize,
    ) -> Result<(), PartiqlError> {
        let key = if let Keyed::Key(key) = &keyed { key::weight(key) } else { 0 };
        self.charge.take(bytes + key + size_of::<usize>(), "a join")?;
        let row = self.next.len();
        self.next.push(NO_ROW);
        for slots in slots {
            self.values.extend_from_slice(&frame[slots.clone()]);
        }
        match keyed {
            Keyed::Nothing => {}
            Keyed::Undecided => self.undecided.push(row),
            Keyed::Key(key) => {
                let (_, last) = self.chains.entry(key).or_insert((row, row));
                if *last != row {
                    self.next[*last] = row;
                    *last = row;
                }
            }
        }
        Ok(())
    }

    /// The rows that may match a row with these keys.
    pub(crate) fn matches(&self, keyed: Keyed) -> Matches {
        match keyed {
            Keyed::Undecided => Matches::All { row: 0 },
            Keyed::Nothing => Matches::Chain { row: NO_ROW, undecided: 0 },
            Keyed::Key(key) => {
                let row = self.chains.get(&key).map_or(NO_ROW, |(first, _)| *first);
                Matches::Chain { row, undecided: 0 }
            }
        }
    }

    /// Puts the next match into its slots of the frame. Answers `false` if there is none.
    pub(crate) fn next(&self, matches: &mut Matches, slots: &[Range<usize>], frame: &mut [Datum]) -> bool {
        let found = match matches {
            Matches::All { row } => std::mem::replace(row, row.saturating_add(1)),
            Matches::Chain { row, undecided } => match self.undecided.get(*undecided) {
                Some(next) if *next < *row => {
                    *undecided += 1;
                    *next
                }
                _ if *row == NO_ROW => return false,
                _ => std::mem::replace(row, self.next[*row]),
            },
        };
        if found >= self.next.len() {
            return false;
        }
        let mut from = found * self.width;
        for slots in slots {
            frame[slots.clone()].clone_from_slice(&self.values[from..from + slots.len()]);
            from += slots.len();
        }
        true
    }
}
