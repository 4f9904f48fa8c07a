//! What a transaction read, so that a commit can tell whether it still holds.
//!
//! What was *not* found is noted like what was: a document id without a document, a range of index
//! keys without entries, a name without a table.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use everstrand_journal::UniqueId;

/// Everything that one transaction read.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadSet {
    /// Documents, by id.
    pub(crate) documents: BTreeSet<UniqueId>,
    /// Tables read as a whole.
    pub(crate) tables: BTreeSet<UniqueId>,
    /// Parts of indexes.
    pub(crate) spans: Vec<Span>,
    /// Catalogue entries by the name of the table.
    pub(crate) names: BTreeSet<Arc<str>>,
    /// Catalogue entries by the id of the table.
    pub(crate) table_ids: BTreeSet<UniqueId>,
    /// The catalogue as a whole.
    pub(crate) catalogue: bool,
}

/// All entries of an index between two keys. The keys begin with the index's id, so that the keys of
/// all indexes are one ordered space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) lower: Bound<Vec<u8>>,
    pub(crate) upper: Bound<Vec<u8>>,
}

impl ReadSet {
    /// Notes a part of an index; one that goes on where the last one ended makes it longer. Where no key
    /// can lie nothing is noted, so every noted part is a range.
    pub(crate) fn span(&mut self, lower: Bound<Vec<u8>>, upper: Bound<Vec<u8>>) {
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
                last.upper = upper;
                return;
            }
            if last.lower == lower && last.upper == upper {
                return;
            }
        }
        self.spans.push(Span { lower, upper });
    }
}

/// Whether no key can lie between the two; an ordered map refuses such ranges.
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
