//! The end of a transaction on its own thread: what it read and wrote becomes a proposal, with all
//! hashing and encoding done, or, if it only read, an answer.

use std::sync::Arc;

use everstrand_journal::{CatalogChange, Draft, ProposedRevision, ProposedTransaction, UniqueId};

use super::Transaction;
use super::write_set::{WriteSet, Written};
use crate::commit::future::{CommitFuture, Committed, pair};
use crate::commit::proposal::Proposal;
use crate::commit::validate::Touched;
use crate::error::LedgerError;
use crate::state::catalog::Index;
use crate::state::index::{global_key, key_of};

/// Commits a transaction whose digest was found right.
pub(crate) fn commit(transaction: Transaction) -> CommitFuture {
    let core = transaction.core();
    if transaction.work.writes.is_empty() && !core.options.record_reads {
        let committed = Committed {
            transaction_id: transaction.id,
            commit_digest: transaction.digest.value(),
            block_address: None,
        };
        let validated = core.validate(&transaction.work.reads, transaction.snapshot.head.tip.sequence_no);
        return CommitFuture::ready(validated.map(|()| committed));
    }
    let mut transaction = transaction;
    match propose(&mut transaction) {
        Err(error) => CommitFuture::ready(Err(error)),
        Ok(proposal) => {
            let (reply, future) = pair();
            transaction.ledger.submit(proposal, reply);
            future
        }
    }
}

fn propose(transaction: &mut Transaction) -> Result<Proposal, LedgerError> {
    let statements = std::mem::take(&mut transaction.statements);
    let reads = std::mem::take(&mut transaction.work.reads);
    let writes = &transaction.work.writes;
    let revisions = revisions(writes);
    let draft = Draft::new(&ProposedTransaction {
        transaction_id: transaction.id,
        transaction_time: transaction.core().now(),
        statements,
        catalog_changes: writes.changes().cloned().collect(),
        revisions,
        redactions: writes.redactions().copied().collect(),
    });
    Ok(Proposal {
        committed: Committed {
            transaction_id: transaction.id,
            commit_digest: transaction.digest.value(),
            block_address: None,
        },
        snapshot: Arc::clone(&transaction.snapshot),
        reads,
        touched: touched(transaction),
        draft: draft.map_err(|error| LedgerError::bad_request(error.to_string()))?,
    })
}

/// One revision for each document that the transaction leaves changed, in order of their ids.
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

/// A document that came and went in one transaction leaves nothing.
fn leaves_revision(written: &Written) -> bool {
    written.base.is_some() || written.last().is_some()
}

fn touched(transaction: &Transaction) -> Touched {
    let writes = &transaction.work.writes;
    let catalog = writes.catalog().unwrap_or(&transaction.snapshot.head.catalog);
    let mut touched = Touched::default();
    for (id, written) in writes.iter().filter(|(_, written)| leaves_revision(written)) {
        touched.documents.push(id);
        if !touched.tables.contains(&written.table.id) {
            touched.tables.push(written.table.id);
        }
        let indexes = catalog.by_id(written.table.id).map_or(&[][..], |table| &table.indexes);
        for index in indexes {
            touched.keys.extend(moved_keys(index, written));
        }
    }
    for redaction in writes.redactions() {
        touched.documents.push(redaction.document_id);
        touched.pasts.push(redaction.table_id);
    }
    for change in writes.changes() {
        let table_id = table_of(change);
        touched.table_ids.push(table_id);
        if let Some(table) = catalog.by_id(table_id) {
            touched.names.push(Arc::clone(&table.name));
        }
    }
    touched
}

fn table_of(change: &CatalogChange) -> UniqueId {
    match change {
        CatalogChange::CreateTable { table_id, .. }
        | CatalogChange::DropTable { table_id }
        | CatalogChange::UndropTable { table_id }
        | CatalogChange::CreateIndex { table_id, .. }
        | CatalogChange::DropIndex { table_id, .. } => *table_id,
    }
}

/// The keys at which an entry comes or goes; none when the document keeps its key.
fn moved_keys(index: &Index, written: &Written) -> impl Iterator<Item = Vec<u8>> {
    let old = written.base.as_ref().map(|base| key_of(index, base.data.root()));
    let new = written.last().map(|data| key_of(index, data.root()));
    let moved = old != new;
    [old, new].into_iter().flatten().filter(move |_| moved).map(|key| global_key(index.id, &key))
}
