//! What a transaction read, so that the committer can tell whether it still holds.
//!
//! A read that found nothing is noted too: a document id without a document, a range of index keys without entries,
//! a name without a table. A transaction that reads very much is noted to have read whole tables, because that is
//! safe and bounds the size of a read set.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use everstrand_journal::UniqueId;

/// So many documents, and so many spans of index keys, are noted one by one.
pub(crate) const NOTES_MAX: usize = 50_000;

/// Everything that one transaction read.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadSet {
    /// Documents, by id.
    pub(crate) documents: BTreeSet<UniqueId>,
    /// Tables read as a whole.
    pub(crate) tables: BTreeSet<UniqueId>,
    /// Tables of which superseded revisions were read. Those never change, but they may be redacted.
    pub(crate) histories: BTreeSet<UniqueId>,
    /// Spans of index keys.
    pub(crate) spans: Vec<Span>,
    /// Catalog entries by the name of the table.
    pub(crate) names: BTreeSet<Arc<str>>,
    /// Catalog entries by the id of the table.
    pub(crate) table_ids: BTreeSet<UniqueId>,
    /// The catalog as a whole.
    pub(crate) catalog: bool,
    /// Which block is the last.
    pub(crate) last_block: bool,
    /// The bytes of the spans' keys.
    pub(crate) key_bytes: usize,
}

/// About how many bytes a document takes in a read set, and a span without its keys.
const NOTE_BYTES: usize = 64;

/// All entries of an index between two keys. Each key begins with the id of its index, so that the keys of all
/// indexes are one ordered space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) lower: Bound<Vec<u8>>,
    pub(crate) upper: Bound<Vec<u8>>,
}

impl ReadSet {
    /// About how many bytes the read set takes.
    pub(crate) fn bytes(&self) -> usize {
        let notes = self.documents.len() + self.tables.len() + self.spans.len() + self.names.len();
        notes * NOTE_BYTES + self.key_bytes
    }

    /// Notes that a document of a table was asked for, whether it exists or not.
    pub(crate) fn document(&mut self, table: UniqueId, id: UniqueId) {
        if self.documents.len() < NOTES_MAX {
            self.documents.insert(id);
        } else if !self.documents.contains(&id) {
            self.tables.insert(table);
        }
    }

    /// Notes a span of index keys of a table. A span that begins where the last one ended makes that one longer. A
    /// span in which no key can lie is not noted.
    pub(crate) fn span(&mut self, table: UniqueId, lower: Bound<Vec<u8>>, upper: Bound<Vec<u8>>) {
        if is_empty(&lower, &upper) {
            return;
        }
        if let Some(last) = self.spans.last_mut() {
            let meets = match (&last.upper, &lower) {
                (Bound::Included(end), Bound::Included(start) | Bound::Excluded(start))
                | (Bound::Excluded(end), Bound::Included(start)) => end == start,
                _ => false,
            };
            if meets {
                self.key_bytes += length(&upper);
                self.key_bytes -= length(&last.upper);
                last.upper = upper;
                return;
            }
            if last.lower == lower && last.upper == upper {
                return;
            }
        }
        if self.spans.len() < NOTES_MAX {
            self.key_bytes += length(&lower) + length(&upper);
            self.spans.push(Span { lower, upper });
        } else {
            self.tables.insert(table);
        }
    }
}

fn length(bound: &Bound<Vec<u8>>) -> usize {
    match bound {
        Bound::Included(key) | Bound::Excluded(key) => key.len(),
        Bound::Unbounded => 0,
    }
}

/// Whether no key can lie between the two. An ordered map panics when it is asked for such a range.
fn is_empty(lower: &Bound<Vec<u8>>, upper: &Bound<Vec<u8>>) -> bool {
    match (lower, upper) {
        (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
        (
            Bound::Included(lower) | Bound::Excluded(lower),
            Bound::Included(upper) | Bound::Excluded(upper),
        ) => lower >= upper,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: UniqueId = UniqueId::from_bytes([7; 16]);

    fn included(key: &[u8]) -> Bound<Vec<u8>> {
        Bound::Included(key.to_vec())
    }

    fn excluded(key: &[u8]) -> Bound<Vec<u8>> {
        Bound::Excluded(key.to_vec())
    }

    #[test]
    fn parts_that_meet_are_one() {
        let mut reads = ReadSet::default();
        reads.span(TABLE, included(b"a"), included(b"c"));
        reads.span(TABLE, included(b"c"), included(b"f"));
        reads.span(TABLE, excluded(b"f"), excluded(b"h"));
        reads.span(TABLE, included(b"h"), Bound::Unbounded);
        assert_eq!(reads.spans, [Span { lower: included(b"a"), upper: Bound::Unbounded }]);
        assert_eq!(reads.bytes(), NOTE_BYTES + 1);
    }

    #[test]
    fn parts_that_do_not_meet_stay_apart() {
        let mut reads = ReadSet::default();
        reads.span(TABLE, included(b"a"), excluded(b"c"));
        reads.span(TABLE, excluded(b"c"), included(b"d"));
        reads.span(TABLE, included(b"z"), included(b"y"));
        reads.span(TABLE, included(b"x"), excluded(b"x"));
        reads.span(TABLE, included(b"d1"), included(b"e"));
        assert_eq!(reads.spans.len(), 3);
    }

    #[test]
    fn a_part_that_is_read_again_is_noted_once_and_a_longer_one_is_noted_too() {
        let mut reads = ReadSet::default();
        reads.span(TABLE, included(b"b"), excluded(b"c"));
        reads.span(TABLE, included(b"b"), excluded(b"c"));
        assert_eq!(reads.spans.len(), 1);
        reads.span(TABLE, included(b"b"), excluded(b"e"));
        reads.span(TABLE, included(b"a"), excluded(b"e"));
        assert_eq!(reads.spans.len(), 3);
    }

    #[test]
    fn reading_very_much_is_reading_the_table() {
        let mut reads = ReadSet::default();
        let id = |number: usize| UniqueId::from_bytes((number as u128).to_be_bytes());
        (0..NOTES_MAX).for_each(|number| reads.document(TABLE, id(number)));
        reads.document(TABLE, id(0));
        assert!(reads.tables.is_empty());
        reads.document(TABLE, id(NOTES_MAX));
        assert!(reads.tables.contains(&TABLE) && reads.documents.len() == NOTES_MAX);

        let mut reads = ReadSet::default();
        for number in 0..=NOTES_MAX {
            let key = (2 * number).to_be_bytes();
            reads.span(TABLE, included(&key), included(&key));
        }
        assert!(reads.tables.contains(&TABLE) && reads.spans.len() == NOTES_MAX);
    }
}
