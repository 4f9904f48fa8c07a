//! `EXEC REDACT_REVISION <block address>, '<table id>', '<document id>'` asks to remove the data of a superseded
//! revision. Its hash stays, so every digest and proof stays valid.

use std::ops::Bound;

use everstrand_ion::Value;
use everstrand_journal::{BlockAddress, RedactedRevision, RevisionData, UniqueId};

use super::scope::Scope;
use crate::authorize::TableAction;
use crate::error::LedgerError;
use crate::state::documents::from_history;
use crate::storage::views::Keyspace;

impl Scope<'_> {
    /// Checks the request, adds it to the write set, and answers the revision that will be redacted.
    pub(super) fn redact_revision(&mut self, arguments: &[Value]) -> Result<Value, LedgerError> {
        let [address, table_id, document_id] = arguments else {
            let message = format!("REDACT_REVISION expects 3 arguments, not {}", arguments.len());
            return Err(LedgerError::bad_request(message));
        };
        self.may_write()?;
        if let Some(why) = &self.core.options.redaction_refused {
            return Err(refused(why));
        }
        let block_address = BlockAddress::try_from(address).map_err(|error| refused(&error.to_string()))?;
        let table_id = id(table_id, "table id")?;
        let document_id = id(document_id, "document id")?;
        if block_address.strand_id != self.snapshot.head.strand_of(block_address.sequence_no) {
            return Err(refused("the block is of another strand"));
        }
        if self.work.writes.redactions().len() > 0 {
            return Err(refused("a transaction can redact one revision"));
        }
        self.work.reads.table_ids.insert(table_id);
        self.work.reads.document(table_id, document_id);
        let version = self.superseded_in(block_address.sequence_no, table_id, document_id)?;
        let revision = RedactedRevision { block_address, table_id, document_id, version };
        self.work.writes.redact(self.statement, revision);
        Ok(revision.to_ion())
    }

    /// The version of the superseded revision of a document in a block.
    fn superseded_in(
        &self,
        block: u64,
        table_id: UniqueId,
        document_id: UniqueId,
    ) -> Result<u64, LedgerError> {
        let view = &self.snapshot.view;
        let table = self.snapshot.head.catalog.by_id(table_id);
        let table = table.filter(|table| self.is_visible(table));
        let table = table.ok_or_else(|| refused(&format!("there is no table {table_id}")))?;
        self.require_on(TableAction::Redact, table)?;
        let place = self.snapshot.place(document_id)?;
        let place = place.filter(|place| place.table == table.number);
        let unknown = || refused(&format!("table {} has no document {document_id}", table.name));
        let place = place.ok_or_else(unknown)?;

        let (first, last) = (place.version(0), place.version(u64::MAX));
        let mut lower = Bound::Included(first.to_vec());
        loop {
            let from = lower.as_ref().map(Vec::as_slice);
            let entries = view.range(Keyspace::History, from, Bound::Included(&last), false, 100)?;
            let Some((reached, _)) = entries.last() else {
                let message = format!(
                    "block {block} has no revision of document {document_id} that is superseded; the current \
                     revision of a document cannot be redacted"
                );
                return Err(refused(&message));
            };
            lower = Bound::Excluded(reached.clone());
            for (_, stored) in &entries {
                let (_, revision) = from_history(stored)?;
                match revision.data {
                    _ if revision.block != block => {}
                    RevisionData::Data(_) => return Ok(revision.version),
                    RevisionData::Deleted => {
                        return Err(refused("a deleted document's last revision has no data"));
                    }
                    RevisionData::Redacted(_) => return Err(refused("the revision is redacted already")),
                }
            }
        }
    }
}

fn id(value: &Value, what: &str) -> Result<UniqueId, LedgerError> {
    let id = value.as_text().and_then(|text| text.parse().ok());
    id.ok_or_else(|| refused(&format!("the {what} must be a string of 22 characters")))
}

fn refused(why: &str) -> LedgerError {
    LedgerError::bad_request(format!("Cannot redact: {why}"))
}
