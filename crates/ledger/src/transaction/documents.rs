//! Statements that write documents, and the check of unique indexes.

use std::ops::Bound;
use std::sync::Arc;

use everstrand_ion::{Document, text};
use everstrand_journal::UniqueId;
use everstrand_partiql::tables::{OnConflict, Source};

use super::scope::Scope;
use super::write_set::Base;
use crate::error::{DuplicateKey, LedgerError};
use crate::planted::planted;
use crate::state::catalog::{Index, IndexStatus, Table};
use crate::state::documents::{id_and_data, id_version_and_data};
use crate::state::index::{global_key, prefixed, successor, unique_key_of, values_of};
use crate::state::keys::{self, Place};
use crate::storage::views::Keyspace;

impl Scope<'_> {
    /// INSERT of one document. Answers its id; `None` if ON CONFLICT DO NOTHING left another document in place.
    pub(super) fn write_new(
        &mut self,
        source: &Source,
        document: Document,
        on_conflict: OnConflict,
    ) -> Result<Option<Arc<str>>, LedgerError> {
        let table = self.table_of(source)?;
        self.check_document(&document)?;
        if let Some((index, other)) = self.conflicting(&table, &document, None)? {
            return match on_conflict {
                OnConflict::Refuse => Err(duplicate_key(&table, &index, &document)),
                OnConflict::DoNothing => Ok(None),
                OnConflict::DoReplace => {
                    let id: Arc<str> = other.to_string().into();
                    self.write_next(source, &id, Some(document))?;
                    Ok(Some(id))
                }
            };
        }
        let id = self.core.environment.ids.next();
        self.check_room(id)?;
        self.work.writes.insert(self.statement, id, table, document);
        self.check_bytes()?;
        Ok(Some(id.to_string().into()))
    }

    /// Writes the next revision of a document, or deletes it.
    pub(super) fn write_next(
        &mut self,
        source: &Source,
        id: &str,
        document: Option<Document>,
    ) -> Result<(), LedgerError> {
        let table = self.table_of(source)?;
        let unknown = || LedgerError::bad_request(format!("Table {} has no document {id}", table.name));
        let id: UniqueId = id.parse().map_err(|_| unknown())?;
        self.work.reads.document(table.id, id);
        let (base, current) = match self.work.writes.get(id) {
            Some(written) => (written.base.clone(), written.last().ok_or_else(unknown)?.clone()),
            None => {
                let base = self.committed(&table, id)?.ok_or_else(unknown)?;
                let current = base.data.clone();
                (Some(base), current)
            }
        };
        if let Some(document) = &document {
            self.check_document(document)?;
            if let Some((index, _)) = self.conflicting(&table, document, Some((id, &current)))? {
                return Err(duplicate_key(&table, &index, document));
            }
        }
        self.check_room(id)?;
        self.work.writes.replace(self.statement, id, document, &table, base);
        self.check_bytes()
    }

    /// The document of an id, as the snapshot has it.
    pub(super) fn committed(&mut self, table: &Table, id: UniqueId) -> Result<Option<Base>, LedgerError> {
        if let Some(base) = self.work.found.by_id(id) {
            return Ok(Some(base.clone()).filter(|base| base.place.table == table.number));
        }
        match self.snapshot.place(id)?.filter(|place| place.table == table.number) {
            Some(place) => Ok(self.committed_at(place)?.map(|(_, base)| base)),
            None => Ok(None),
        }
    }

    /// The document at a place, as the snapshot has it.
    pub(super) fn committed_at(&mut self, place: Place) -> Result<Option<(UniqueId, Base)>, LedgerError> {
        if let Some(found) = self.work.found.at(place) {
            return Ok(Some(found.clone()));
        }
        let Some(stored) = self.snapshot.view.get(Keyspace::Documents, &place.to_bytes())? else {
            return Ok(None);
        };
        let (id, version, data) = id_version_and_data(&stored)?;
        let Some(data) = data else { return Ok(None) };
        let base = Base { place, version, data };
        self.work.found.note(id, &base);
        Ok(Some((id, base)))
    }

    fn check_document(&self, document: &Document) -> Result<(), LedgerError> {
        let (size, bound) = (document.as_bytes().len(), self.core.options.limits.document_bytes);
        if size > bound {
            let message = format!("The document has {size} bytes, more than the limit of {bound}");
            return Err(LedgerError::bad_request(message));
        }
        Ok(())
    }

    fn check_room(&self, id: UniqueId) -> Result<(), LedgerError> {
        let bound = self.core.options.limits.documents_per_transaction;
        if self.work.writes.len() >= bound && self.work.writes.get(id).is_none() {
            let message = format!("The transaction exceeds the limit of {bound} documents");
            return Err(LedgerError::bad_request(message));
        }
        Ok(())
    }

    /// Called after the write, because a statement that fails is taken back.
    fn check_bytes(&self) -> Result<(), LedgerError> {
        let (size, bound) = (self.work.writes.bytes(), self.core.options.limits.transaction_bytes);
        if size > bound {
            let message = format!("The transaction writes {size} bytes, more than the limit of {bound}");
            return Err(LedgerError::bad_request(message));
        }
        Ok(())
    }

    /// Finds another document with the same key in a unique index. Each look into the index is noted in the read set,
    /// so that a transaction conflicts if another one takes the key meanwhile. A changed document may keep its key even
    /// if another document has the same one: earlier versions compared keys by another rule, so old journals have such
    /// documents, and they must stay changeable.
    fn conflicting(
        &mut self,
        table: &Table,
        document: &Document,
        changed: Option<(UniqueId, &Document)>,
    ) -> Result<Option<(Index, UniqueId)>, LedgerError> {
        let id = changed.map(|(id, _)| id);
        let enforced = |index: &&Index| index.unique && !matches!(index.status, IndexStatus::Failed(_));
        // Take the indexes from the present catalog: the given table may be older.
        let current = self.catalog().by_id(table.id).cloned();
        let indexes = current.iter().flat_map(|table| &table.indexes).filter(enforced);
        for index in indexes {
            let Some(key) = unique_key_of(index, document.root()) else {
                continue;
            };
            let global = global_key(index.id, &key);
            if !planted!("unique-key-not-noted") {
                self.work.reads.span(table.id, Bound::Included(global.clone()), Bound::Included(global));
            }
            if changed.and_then(|(_, current)| unique_key_of(index, current.root())).as_ref() == Some(&key) {
                continue;
            }
            let own = self.work.writes.iter().find(|(other, written)| {
                Some(*other) != id
                    && written.table.id == table.id
                    && written.last().and_then(|data| unique_key_of(index, data.root())).as_ref()
                        == Some(&key)
            });
            if let Some((other, _)) = own
                && !planted!("unique-forgets-own-writes")
            {
                return Ok(Some((index.clone(), other)));
            }
            if let Some(other) = self.committed_under(table, index, &key, id)? {
                return Ok(Some((index.clone(), other)));
            }
        }
        Ok(None)
    }

    /// A document that the snapshot has under this key, and that this transaction has not written.
    fn committed_under(
        &self,
        table: &Table,
        index: &Index,
        key: &[u8],
        id: Option<UniqueId>,
    ) -> Result<Option<UniqueId>, LedgerError> {
        let upper = successor(key).map_or(Bound::Unbounded, Bound::Excluded);
        let (lower, upper) = prefixed(&index.number.to_be_bytes(), &Bound::Included(key.to_vec()), &upper);
        let view = &self.snapshot.view;
        let (lower, upper) = (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
        // All entries but one may be of documents to which this transaction gave other keys.
        let most = self.work.writes.len() + 2;
        for (entry, _) in view.range(Keyspace::Indexes, lower, upper, false, most)? {
            let Some((_, number)) = keys::index_entry_parts(&entry) else {
                continue;
            };
            let place = Place { table: table.number, number };
            let Some(stored) = view.get(Keyspace::Documents, &place.to_bytes())? else {
                continue;
            };
            let (other, _) = id_and_data(&stored)?;
            if Some(other) != id && self.work.writes.get(other).is_none() {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }
}

fn duplicate_key(table: &Table, index: &Index, document: &Document) -> LedgerError {
    let expression = index.expression();
    let key = text::write(&values_of(index, document.root()));
    LedgerError::DuplicateKey(Box::new(DuplicateKey {
        table: table.name.to_string(),
        index: index.name.as_deref().map_or_else(|| expression.clone(), str::to_owned),
        expression,
        key: Some(key).filter(|key| key.len() <= DuplicateKey::KEY_BYTES_MAX),
    }))
}
