//! The folder of a journal's segments, opened for reading without a server.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::{DiskSlots, FileDisk, is_sealed};
use everstrand_server::DataKeys;

use crate::master_key;

/// Opens the slots in `DATA/LEDGER_ID/journal`, or in a copy of such a folder, for reading only, also beside a server that writes
/// them. The data key of an encrypted journal lies in the data folder, beside the ledger's folder.
pub(crate) fn open(folder: &Path) -> Result<Arc<dyn SlotStore>, Box<dyn Error>> {
    let disk = FileDisk::read_only(folder)?;
    let slots = Arc::new(DiskSlots::open_read_only(Arc::new(disk))?);
    let folder = folder.canonicalize()?;
    let mut above = folder.ancestors().skip(1);
    if let (Some(ledger), Some(data)) = (above.next(), above.next())
        && let Some(id) = ledger.file_name().and_then(|name| name.to_str()?.parse::<UniqueId>().ok())
    {
        let keys =
            DataKeys::in_folder(data, master_key::of_process()?).with_kms(master_key::kms_of_process()?);
        return Ok(keys.open_journal(id, slots).map_err(|why| format!("{}: {why}", folder.display()))?);
    }
    if slots.read(0)?.is_some_and(|first| is_sealed(&first)) {
        return Err(format!(
            "the journal in {} is encrypted, and its data key is not in the folder `keys` of its data folder; put the key there \
             from a backup",
            folder.display()
        )
        .into());
    }
    Ok(slots)
}
