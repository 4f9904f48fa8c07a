//! Applying the blocks of another ledger.
//!
//! QLDB's blocks do not say what they did to the catalog. They only say to which table each document belongs. So the
//! changes are guessed: a table is created at the first revision of its documents; if a name appears with another
//! table id, the earlier table of that name was dropped; if a dropped table has a new revision, it was undropped. The
//! indexes remain unknown, so the operator creates them after the import. Exports made by this program name the
//! changes, and then nothing is guessed.

use everstrand_journal::{CatalogChange, ForeignBlock, ForeignRevision};

use super::State;
use super::catalog::Catalog;
use super::changes::Changes;
use super::documents::Origin;
use super::keys;
use crate::storage::views::Keyspace;

impl State {
    /// Applies the next block, which another ledger made. See [`State::apply_block`].
    pub(super) fn apply_foreign(
        &mut self,
        block: &ForeignBlock,
        index_in_slot: u64,
        changes: &mut Changes<'_>,
    ) -> Result<(), String> {
        let address = block.address();
        self.check_next(address, block.previous_hash())?;
        let block_no = address.sequence_no;
        let known = block.catalog_changes().unwrap_or_default();
        self.change_catalog(block_no, known, changes)?;
        for revision in block.revisions().map_err(|error| error.to_string())? {
            let guessed = table_changes(&self.head.catalog, &revision);
            self.change_catalog(block_no, &guessed, changes)?;
            let metadata = &revision.revision.metadata;
            let origin = Origin {
                block: block_no,
                transaction_id: metadata.tx_id,
                time: metadata.tx_time.unix_millis(),
            };
            self.head.apply_revision(origin, &revision.stored(), changes)?;
        }
        self.head.build_unique_indexes(known, changes).map_err(|error| error.to_string())?;
        if let Some(id) = block.transaction_id() {
            changes.put(Keyspace::Blocks, keys::transaction(id), block_no.to_be_bytes());
        }
        self.append(address, block.hash(), block.timestamp(), index_in_slot, changes);
        Ok(())
    }
}

/// The changes of the catalog that must have come before this revision, as far as they were not applied yet.
fn table_changes(catalog: &Catalog, revision: &ForeignRevision) -> Vec<CatalogChange> {
    let (table_id, name) = (revision.table_id, &revision.table_name);
    let own = match catalog.by_id(table_id) {
        Some(table) if table.is_active() => return Vec::new(),
        Some(_) => CatalogChange::UndropTable { table_id },
        None => CatalogChange::CreateTable { table_id, name: name.clone(), tags: None },
    };
    let before = catalog.active(name).map(|table| CatalogChange::DropTable { table_id: table.id });
    before.into_iter().chain([own]).collect()
}
