//! Documents that a transaction found lately, as its snapshot has them: who changes a document has usually just
//! looked for it, and what a snapshot holds does not change.

use everstrand_journal::UniqueId;

use super::write_set::Base;
use crate::state::keys::Place;

/// How many are kept, and how long they may be: an open transaction takes little room.
const FOUND_MAX: usize = 8;
const BYTES_MAX: usize = 8 << 10;

/// The latest few, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Found(Vec<(UniqueId, Base)>);

impl Found {
    /// Notes a document that was read.
    pub(crate) fn note(&mut self, id: UniqueId, base: &Base) {
        if base.data.as_bytes().len() > BYTES_MAX {
            return;
        }
        if self.0.len() == FOUND_MAX {
            self.0.remove(0);
        }
        self.0.push((id, base.clone()));
    }

    /// The document of an id.
    pub(crate) fn by_id(&self, id: UniqueId) -> Option<&Base> {
        self.0.iter().find(|(found, _)| *found == id).map(|(_, base)| base)
    }

    /// The document at a place.
    pub(crate) fn at(&self, place: Place) -> Option<&(UniqueId, Base)> {
        self.0.iter().find(|(_, base)| base.place == place)
    }
}
