//! Opens the places of copies: for commands that write there, and for a server, whose DeleteLedger removes the data keys there.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use everstrand_ledger::storage::SharedStore;
use everstrand_server::PlacesOfCopies;
use everstrand_stores::FolderStore;

use crate::store::Access;

/// Opens a place for writing. A folder that is not there is made.
pub(crate) fn open_to_write(location: &str, access: &Access) -> Result<Arc<dyn SharedStore>, Box<dyn Error>> {
    match location.contains("://") {
        true => access.open(location),
        false => Ok(Arc::new(FolderStore::open(Path::new(location))?)),
    }
}

/// The places of copies. A folder that is not there, for example on a disk that is not mounted,
/// is not made.
pub(crate) fn open_with(access: Access) -> PlacesOfCopies {
    PlacesOfCopies::new(move |location| {
        if !location.contains("://") && !Path::new(location).is_dir() {
            return Err(format!("there is no folder {location}"));
        }
        open_to_write(location, &access).map_err(|error| error.to_string())
    })
}
