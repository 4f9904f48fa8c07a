//! Opens the places of copies for a server, whose DeleteLedger removes the data keys there.

use std::path::Path;
use std::sync::Arc;

use everstrand_server::PlacesOfCopies;
use everstrand_stores::FolderStore;

use crate::store::Access;

/// The places of copies. A folder that is not there, for example on a disk that is not mounted,
/// is not made.
pub(crate) fn open_with(access: Access) -> PlacesOfCopies {
    PlacesOfCopies::new(move |location| {
        if !location.contains("://") && !Path::new(location).is_dir() {
            return Err(format!("there is no folder {location}"));
        }
        match location.contains("://") {
            true => access.open(location).map_err(|error| error.to_string()),
            false => match FolderStore::open(Path::new(location)) {
                Ok(store) => Ok(Arc::new(store)),
                Err(error) => Err(error.to_string()),
            },
        }
    })
}
