//! What a slot of another writer changed, in the terms in which transactions read. Its writer knew that of each
//! transaction; we compute it from the slot and from what the slot changed in our view.

use std::collections::BTreeMap;
use std::sync::Arc;

use everstrand_journal::{Slot, SlotContent, UniqueId};

use crate::occ::recent_writes::Footprint;
use crate::planted::planted;
use crate::state::catalog::Catalog;
use crate::state::index::global_key;
use crate::state::keys;
use crate::storage::views::{Batch, Keyspace};

/// What a slot changed; `None` if that cannot be known, because its blocks are imported ones. `before` and `after` are
/// the catalogs around it, and `batch` is what it changed in the view.
pub(super) fn footprint(
    slot: &Slot,
    batch: &Batch,
    (before, after): (&Arc<Catalog>, &Arc<Catalog>),
) -> Option<Footprint> {
    let SlotContent::Blocks(blocks) = slot.content() else { return None };
    let mut footprint = Footprint::default();
    let add = |ids: &mut Vec<UniqueId>, id| {
        if !ids.contains(&id) {
            ids.push(id);
        }
    };
    for block in blocks {
        for revision in block.revisions() {
            footprint.documents.push(revision.document_id);
            add(&mut footprint.tables, revision.table_id);
        }
        for redaction in block.redactions() {
            footprint.documents.push(redaction.document_id);
            add(&mut footprint.histories, redaction.table_id);
        }
        for change in block.catalog_changes().ok()? {
            let table_id = change.table_id();
            add(&mut footprint.table_ids, table_id);
            let table = after.by_id(table_id);
            footprint.names.extend(table.map(|table| Arc::clone(&table.name)));
        }
    }
    // A transaction reads an index only when it is finished here, and then all that the slot changed in it is in the
    // batch.
    let ids: BTreeMap<_, _> = [before, after].into_iter().flat_map(|catalog| index_ids(catalog)).collect();
    for (keyspace, entry, _) in &batch.changes {
        if *keyspace == Keyspace::Indexes
            && !planted!("foreign-keys-not-noted")
            && let Some(index) = keys::index_of_entry(entry).and_then(|number| ids.get(&number))
            && let Some((key, _)) = keys::index_entry_parts(entry)
        {
            footprint.keys.push(global_key(*index, key));
        }
    }
    Some(footprint)
}

fn index_ids(catalog: &Catalog) -> impl Iterator<Item = (keys::IndexNumber, UniqueId)> {
    catalog.tables().iter().flat_map(|table| &table.indexes).map(|index| (index.number, index.id))
}
