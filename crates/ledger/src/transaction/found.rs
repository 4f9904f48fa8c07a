//! Documents that a transaction found lately, as its snapshot has them. A statement usually changes a document that was
//! just found, and this saves it the second look.

use everstrand_journal::UniqueId;

use super::write_set::Base;
use crate::state::keys::Place;

/// So many documents are kept, each of at most so many bytes, because an open transaction should take little room.
const FOUND_MAX: usize = 8;
const BYTES_MAX: usize = 8 << 10;

/// The latest found documents, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Found(Vec<(UniqueId, Base)>);

impl Found {
    /// Keeps a document that was read.
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
