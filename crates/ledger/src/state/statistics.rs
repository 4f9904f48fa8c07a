//! How many documents each table has, and about how many different keys each index has. The planner chooses by these
//! numbers, and COUNT answers with the first of them.
//!
//! The number of documents is exact. For the keys of an index there is a HyperLogLog sketch: a key that is hashed to
//! many leading zeros is rare, so the most zeros seen tell how many keys there were. A sketch never forgets a key that
//! was removed, so its estimate is too high for a field that often changes.
//!
//! ```text
//! 'n' table:u32    documents:u64
//! 'k' index:u32    registers: 256 bytes
//! ```

use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;

use super::changes::Changes;
use super::checked_entry;
use super::keys::{self, IndexNumber, TableNumber};
use crate::storage::views::{Keyspace, ViewError, ViewSnapshot};

/// The number of registers of a sketch. The error of an estimate is about 1.04 / √256, which is 7 %.
const REGISTERS: usize = 256;

/// The statistics of all tables. A clone shares what it has in common with the original.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statistics {
    documents: OrdMap<TableNumber, u64>,
    sketches: OrdMap<IndexNumber, Arc<Sketch>>,
    /// What changed since it was stored.
    unsaved_tables: Vec<TableNumber>,
    unsaved_indexes: Vec<IndexNumber>,
}

impl Statistics {
    /// How many documents a table has.
    pub(crate) fn documents(&self, table: TableNumber) -> u64 {
        self.documents.get(&table).copied().unwrap_or(0)
    }

    /// About how many different keys an index has.
    pub(crate) fn keys(&self, index: IndexNumber) -> u64 {
        self.sketches.get(&index).map_or(0, |sketch| sketch.estimate())
    }

    /// A document of a table came or went: whether it was there before, and whether it is there now.
    pub(super) fn count(&mut self, table: TableNumber, before: bool, now: bool) {
        if before == now {
            return;
        }
        let documents = self.documents.entry(table).or_insert(0);
        *documents = if now { *documents + 1 } else { documents.saturating_sub(1) };
        note(&mut self.unsaved_tables, table);
    }

    /// An index got a key.
    pub(super) fn add_key(&mut self, index: IndexNumber, key: &[u8]) {
        let (register, zeros) = Sketch::place(key);
        let known = self.sketches.get(&index).map_or(0, |sketch| sketch.0[register]);
        if zeros > known {
            Arc::make_mut(self.sketches.entry(index).or_default()).0[register] = zeros;
            note(&mut self.unsaved_indexes, index);
        }
    }

    /// An index was dropped.
    pub(super) fn forget(&mut self, index: IndexNumber) {
        if self.sketches.remove(&index).is_some() {
            note(&mut self.unsaved_indexes, index);
        }
    }

    /// Writes what changed since the last time.
    pub(super) fn store(&mut self, changes: &mut Changes<'_>) {
        for table in self.unsaved_tables.drain(..) {
            let documents = self.documents.get(&table).copied().unwrap_or(0).to_be_bytes();
            checked_entry::put(changes, &keys::documents_count(table), documents.to_vec());
        }
        for index in self.unsaved_indexes.drain(..) {
            match self.sketches.get(&index) {
                Some(sketch) => checked_entry::put(changes, &keys::sketch(index), sketch.0.to_vec()),
                None => changes.delete(Keyspace::Catalog, keys::sketch(index)),
            }
        }
    }

    /// Reads what was written.
    pub(super) fn load(view: &dyn ViewSnapshot) -> Result<Statistics, ViewError> {
        let damaged = || ViewError("the stored statistics are damaged".to_owned());
        let mut statistics = Statistics::default();
        for (first, end) in [(keys::COUNTS, keys::COUNTS_END), (keys::SKETCHES, keys::SKETCHES_END)] {
            let entries = view.range(
                Keyspace::Catalog,
                Bound::Included(first),
                Bound::Excluded(end),
                false,
                usize::MAX,
            )?;
            for (key, value) in entries {
                let value = checked_entry::checked(&key, &value).ok_or_else(damaged)?;
                let number = key.get(1..).and_then(|number| number.try_into().ok()).map(u32::from_be_bytes);
                let number = number.ok_or_else(damaged)?;
                if first == keys::COUNTS {
                    let documents = value.try_into().map(u64::from_be_bytes).map_err(|_| damaged())?;
                    statistics.documents.insert(number, documents);
                } else {
                    let registers = value.try_into().map_err(|_| damaged())?;
                    statistics.sketches.insert(number, Arc::new(Sketch(registers)));
                }
            }
        }
        Ok(statistics)
    }
}

/// Notes a number once. There are few, so looking through all costs less than a tree. Mostly the last one comes again.
fn note(unsaved: &mut Vec<u32>, number: u32) {
    if unsaved.last() != Some(&number) && !unsaved.contains(&number) {
        unsaved.push(number);
    }
}

/// For each of the groups into which keys are hashed: one more than the most leading zeros of a key's hash.
#[derive(Clone, Debug, PartialEq)]
struct Sketch([u8; REGISTERS]);

impl Default for Sketch {
    fn default() -> Sketch {
        Sketch([0; REGISTERS])
    }
}

impl Sketch {
    /// The register of a key, and what it must be at least.
    fn place(key: &[u8]) -> (usize, u8) {
        // The checksum is of 32 bits and linear; the multiplications after it spread its bits. The hash must never
        // change, because sketches are stored.
        let mut hash = u64::from(crc32c::crc32c(key)) ^ ((key.len() as u64) << 32);
        for factor in [0xBF58_476D_1CE4_E5B9_u64, 0x94D0_49BB_1331_11EB] {
            hash = (hash ^ (hash >> 30)).wrapping_mul(factor);
        }
        hash ^= hash >> 31;
        let register = usize::from(hash.to_le_bytes()[0]);
        let zeros = (hash | (REGISTERS as u64 - 1)).leading_zeros();
        (register, u8::try_from(zeros + 1).unwrap_or(u8::MAX))
    }

    fn estimate(&self) -> u64 {
        let registers = REGISTERS as f64;
        let sum: f64 = self.0.iter().map(|zeros| (-f64::from(*zeros)).exp2()).sum();
        let raw = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / sum;
        let empty = self.0.iter().filter(|zeros| **zeros == 0).count();
        // Few keys leave registers empty, and their number then tells more.
        let estimate = match empty {
            1.. if raw <= 2.5 * registers => registers * (registers / empty as f64).ln(),
            _ => raw,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is small and not negative"
        )]
        let keys = estimate.round() as u64;
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_near_the_number_of_different_keys() {
        for count in [0u64, 1, 2, 10, 100, 1000, 30_000, 200_000] {
            let mut statistics = Statistics::default();
            for key in 0..count {
                // Each key comes twice.
                for _ in 0..2 {
                    statistics.add_key(7, &key.to_be_bytes());
                }
            }
            let estimate = statistics.keys(7);
            let error = (estimate as f64 - count as f64).abs() / (count.max(1) as f64);
            assert!(error < 0.2, "{count} keys are estimated as {estimate}");
            assert_eq!(statistics.keys(8), 0);
        }
    }

    #[test]
    fn documents_are_counted_as_they_come_and_go() {
        let mut statistics = Statistics::default();
        for (before, now) in [(false, true), (false, true), (true, true), (true, false), (false, false)] {
            statistics.count(3, before, now);
        }
        assert_eq!((statistics.documents(3), statistics.documents(4)), (1, 0));
    }
}
