//! What the committer gets of a transaction: a draft of its block, with all hashing and encoding done, and its
//! footprint.

use std::sync::Arc;

use everstrand_journal::{Draft, ProposedRevision, ProposedTransaction, StatementInfo, UniqueId};

use super::write_set::{WriteSet, Written};
use crate::error::LedgerError;
use crate::occ::recent_writes::Footprint;
use crate::state::catalog::{Catalog, Index};
use crate::state::index::{global_key, key_of};

/// The block of a transaction, without its place in the journal.
pub(super) fn draft(
    transaction_id: UniqueId,
    transaction_time: i64,
    statements: Vec<StatementInfo>,
    writes: &WriteSet,
) -> Result<Draft, LedgerError> {
    let draft = Draft::new(&ProposedTransaction {
        transaction_id,
        transaction_time,
        statements,
        catalog_changes: writes.changes().cloned().collect(),
        revisions: revisions(writes),
        redactions: writes.redactions().copied().collect(),
    });
    draft.map_err(|error| LedgerError::bad_request(error.to_string()))
}

/// One revision for each document that the transaction changes, in order of the documents' numbers.
fn revisions(writes: &WriteSet) -> Vec<ProposedRevision> {
    let mut written: Vec<_> = writes.iter().filter(|(_, written)| leaves_revision(written)).collect();
    written.sort_by_key(|(_, written)| written.number);
    let revision = |(document_id, written): (_, &Written)| ProposedRevision {
        document_id,
        version: written.base.as_ref().map_or(0, |base| base.version + 1),
        table_id: written.table.id,
        table_name: Arc::clone(&written.table.name),
        statements: written.statements.clone(),
        data: written.last().cloned(),
    };
    written.into_iter().map(revision).collect()
}

/// Whether the block has a revision of the document. A document that was inserted and deleted in one transaction has
/// none.
fn leaves_revision(written: &Written) -> bool {
    written.base.is_some() || written.last().is_some()
}

/// What a transaction changes on top of this catalog, in the terms in which transactions read.
pub(super) fn footprint(writes: &WriteSet, catalog: &Arc<Catalog>) -> Footprint {
    let catalog = writes.catalog().unwrap_or(catalog);
    let mut footprint = Footprint::default();
    for (id, written) in writes.iter().filter(|(_, written)| leaves_revision(written)) {
        footprint.documents.push(id);
        if !footprint.tables.contains(&written.table.id) {
            footprint.tables.push(written.table.id);
        }
        let indexes = catalog.by_id(written.table.id).map_or(&[][..], |table| &table.indexes);
        for index in indexes {
            footprint.keys.extend(moved_keys(index, written));
        }
    }
    for redaction in writes.redactions() {
        footprint.documents.push(redaction.document_id);
        footprint.histories.push(redaction.table_id);
    }
    for change in writes.changes() {
        let table_id = change.table_id();
        footprint.table_ids.push(table_id);
        if let Some(table) = catalog.by_id(table_id) {
            footprint.names.push(Arc::clone(&table.name));
        }
    }
    footprint
}

/// The index keys at which an entry is added or removed; none if the document keeps its key.
fn moved_keys(index: &Index, written: &Written) -> impl Iterator<Item = Vec<u8>> {
    let old = written.base.as_ref().map(|base| key_of(index, base.data.root()));
    let new = written.last().map(|data| key_of(index, data.root()));
    let moved = old != new;
    [old, new].into_iter().flatten().filter(move |_| moved).map(|key| global_key(index.id, &key))
}
