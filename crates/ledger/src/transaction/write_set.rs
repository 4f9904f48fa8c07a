//! What a transaction has written so far, by statement.
//!
//! Every write carries the number of its statement. A statement sees only what earlier statements wrote, so an
//! unfinished result does not change while it is read. If a statement fails, the writes with its number are removed.

use std::collections::BTreeMap;
use std::sync::Arc;

use everstrand_ion::Document;
use everstrand_journal::{CatalogChange, RedactedRevision, UniqueId};

use crate::state::catalog::{Catalog, Table};
use crate::state::keys::Place;

/// Everything that one transaction wrote.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteSet {
    documents: BTreeMap<UniqueId, Written>,
    /// New documents in order of insertion; `None` if the statement failed that inserted it.
    inserted: Vec<Option<UniqueId>>,
    /// Catalog changes with the catalog after each.
    changes: Vec<Change>,
    /// Revisions to be redacted, each with its statement.
    redactions: Vec<(u32, RedactedRevision)>,
    /// Bytes of all documents written.
    bytes: usize,
    /// About how many bytes the changes of the catalog take.
    change_bytes: usize,
}

/// About how many bytes a change of the catalog takes, and each table of the catalog after it.
const CHANGE_BYTES: usize = 256;
const TABLE_BYTES: usize = 64;

/// A document that was written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// Its table.
    pub(crate) table: Arc<Table>,
    /// The document in the snapshot; `None` for a new document.
    pub(crate) base: Option<Base>,
    /// Its number: the committed one, or for a new document one after all committed numbers.
    pub(crate) number: u64,
    /// The last write of each statement; `None` is a delete.
    versions: Vec<(u32, Option<Document>)>,
    /// Every statement that wrote it.
    pub(crate) statements: Vec<u32>,
}

/// A document as the snapshot has it.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) place: Place,
    pub(crate) version: u64,
    pub(crate) data: Document,
}

#[derive(Clone, Debug)]
struct Change {
    statement: u32,
    change: CatalogChange,
    after: Arc<Catalog>,
}

/// New documents have numbers from here on, after those of all committed documents.
pub(crate) const NEW_DOCUMENTS: u64 = 1 << 63;

impl WriteSet {
    /// Whether nothing was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.changes.is_empty() && self.redactions.is_empty()
    }

    /// How many documents were written.
    pub(crate) fn len(&self) -> usize {
        self.documents.len()
    }

    /// Bytes of all documents written.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// About how many bytes the write set takes: what was written, what the snapshot has of it, and the catalogs.
    pub(crate) fn kept_bytes(&self) -> usize {
        let bases: usize =
            self.documents.values().map(|written| size(written.base.as_ref().map(|base| &base.data))).sum();
        self.bytes + bases + self.change_bytes
    }

    /// A document that was written.
    pub(crate) fn get(&self, id: UniqueId) -> Option<&Written> {
        self.documents.get(&id)
    }

    /// All documents that were written, by id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (UniqueId, &Written)> {
        self.documents.iter().map(|(id, written)| (*id, written))
    }

    /// The new documents with this number or a greater one.
    pub(crate) fn inserted_from(&self, number: u64) -> impl Iterator<Item = (UniqueId, &Written)> {
        let skipped = usize::try_from(number.saturating_sub(NEW_DOCUMENTS)).unwrap_or(usize::MAX);
        self.inserted.iter().skip(skipped).flatten().filter_map(|id| Some((*id, self.documents.get(id)?)))
    }

    /// Writes a new document.
    pub(crate) fn insert(&mut self, statement: u32, id: UniqueId, table: Arc<Table>, data: Document) {
        let number = NEW_DOCUMENTS + self.inserted.len() as u64;
        self.inserted.push(Some(id));
        self.write(statement, id, Some(data), || Written {
            table,
            base: None,
            number,
            versions: Vec::new(),
            statements: Vec::new(),
        });
    }

    /// Writes the next state of a document that the snapshot or an earlier write has.
    pub(crate) fn replace(
        &mut self,
        statement: u32,
        id: UniqueId,
        data: Option<Document>,
        table: &Arc<Table>,
        base: Option<Base>,
    ) {
        self.write(statement, id, data, || Written {
            table: Arc::clone(table),
            number: base.as_ref().map_or(0, |base| base.place.number),
            base,
            versions: Vec::new(),
            statements: Vec::new(),
        });
    }

    fn write(&mut self, statement: u32, id: UniqueId, data: Option<Document>, new: impl FnOnce() -> Written) {
        let written = self.documents.entry(id).or_insert_with(new);
        self.bytes += size(data.as_ref());
        match written.versions.last_mut() {
            Some((last, version)) if *last == statement => {
                self.bytes -= size(version.as_ref());
                *version = data;
            }
            _ => {
                written.versions.push((statement, data));
                written.statements.push(statement);
            }
        }
    }

    /// Changes the catalog.
    pub(crate) fn change(&mut self, statement: u32, change: CatalogChange, after: Arc<Catalog>) {
        self.change_bytes += change_bytes(&after);
        self.changes.push(Change { statement, change, after });
    }

    /// The changes of the catalog, in order.
    pub(crate) fn changes(&self) -> impl ExactSizeIterator<Item = &CatalogChange> {
        self.changes.iter().map(|change| &change.change)
    }

    /// Adds a revision to be redacted.
    pub(crate) fn redact(&mut self, statement: u32, revision: RedactedRevision) {
        self.redactions.push((statement, revision));
    }

    /// The revisions to be redacted.
    pub(crate) fn redactions(&self) -> impl ExactSizeIterator<Item = &RedactedRevision> {
        self.redactions.iter().map(|(_, revision)| revision)
    }

    /// The catalog as a statement sees it; `None` if no earlier statement changed it.
    pub(crate) fn catalog_before(&self, statement: u32) -> Option<&Arc<Catalog>> {
        self.changes.iter().rev().find(|change| change.statement < statement).map(|change| &change.after)
    }

    /// The catalog after all changes; `None` if there are none.
    pub(crate) fn catalog(&self) -> Option<&Arc<Catalog>> {
        self.changes.last().map(|change| &change.after)
    }

    /// Removes everything that a failed statement wrote. No later statement may have written yet.
    pub(crate) fn take_back(&mut self, statement: u32) {
        let bytes = &mut self.bytes;
        self.documents.retain(|_, written| {
            if let Some((last, version)) = written.versions.last()
                && *last == statement
            {
                *bytes -= size(version.as_ref());
                written.versions.pop();
                written.statements.pop();
            }
            !written.versions.is_empty()
        });
        let documents = &self.documents;
        for id in &mut self.inserted {
            if id.is_some_and(|id| !documents.contains_key(&id)) {
                *id = None;
            }
        }
        let bytes = &mut self.change_bytes;
        self.changes.retain(|change| {
            let stays = change.statement != statement;
            if !stays {
                *bytes -= change_bytes(&change.after);
            }
            stays
        });
        self.redactions.retain(|(by, _)| *by != statement);
    }
}

impl Written {
    /// What a statement sees of it: `None` if no earlier statement wrote it, `Some(None)` if one deleted it.
    pub(crate) fn before(&self, statement: u32) -> Option<Option<&Document>> {
        self.versions.iter().rev().find(|(by, _)| *by < statement).map(|(_, data)| data.as_ref())
    }

    /// The last write; `None` is a delete.
    pub(crate) fn last(&self) -> Option<&Document> {
        self.versions.last().and_then(|(_, data)| data.as_ref())
    }
}

fn change_bytes(after: &Catalog) -> usize {
    CHANGE_BYTES + TABLE_BYTES * after.tables().len()
}

fn size(data: Option<&Document>) -> usize {
    data.map_or(0, |document| document.as_bytes().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> UniqueId {
        UniqueId::from_bytes([number; 16])
    }

    fn data(text: &str) -> Document {
        Document::from(&everstrand_ion::Value::from(text))
    }

    fn table() -> Arc<Table> {
        let mut catalog = Catalog::default();
        let change = CatalogChange::CreateTable { table_id: id(100), name: "t".to_owned(), tags: None };
        catalog.apply(&change, 1, 0).expect("it is the first");
        Arc::clone(&catalog.tables()[0])
    }

    #[test]
    fn a_statement_sees_what_those_before_it_wrote() {
        let mut writes = WriteSet::default();
        writes.insert(1, id(1), table(), data("one"));
        writes.replace(3, id(1), Some(data("three")), &table(), None);
        writes.replace(5, id(1), None, &table(), None);
        let written = writes.get(id(1)).expect("it was written");
        let seen: Vec<_> =
            (0..7).map(|statement| written.before(statement).map(Option::<&_>::cloned)).collect();
        let (one, three) = (Some(Some(data("one"))), Some(Some(data("three"))));
        assert_eq!(seen, [None, None, one.clone(), one, three.clone(), three, Some(None)]);
        assert_eq!(written.last(), None);
    }

    #[test]
    fn a_statement_sees_the_catalog_of_those_before_it() {
        let mut writes = WriteSet::default();
        let change = CatalogChange::DropTable { table_id: id(100) };
        for statement in [1, 4] {
            writes.change(statement, change.clone(), Arc::default());
        }
        let seen: Vec<bool> = (0..3).map(|statement| writes.catalog_before(statement).is_some()).collect();
        assert_eq!(seen, [false, false, true]);
        let (fourth, fifth) = (writes.catalog_before(4), writes.catalog_before(5));
        assert!(!Arc::ptr_eq(fourth.expect("that of 1"), fifth.expect("that of 4")));
    }

    #[test]
    fn the_last_write_of_a_statement_counts_and_all_of_it_can_be_taken_back() {
        let mut writes = WriteSet::default();
        let size = |text: &str| data(text).as_bytes().len();
        writes.insert(1, id(1), table(), data("first"));
        writes.insert(2, id(2), table(), data("a longer one"));
        writes.replace(2, id(2), Some(data("short")), &table(), None);
        writes.replace(2, id(1), Some(data("second")), &table(), None);
        assert_eq!(writes.get(id(2)).and_then(Written::last), Some(&data("short")));
        assert_eq!(writes.bytes(), size("first") + size("short") + size("second"));
        assert_eq!(writes.inserted_from(0).map(|(id, _)| id).collect::<Vec<_>>(), [id(1), id(2)]);
        writes.take_back(2);
        assert!(writes.get(id(2)).is_none());
        assert_eq!(writes.get(id(1)).and_then(Written::last), Some(&data("first")));
        assert_eq!((writes.bytes(), writes.len()), (size("first"), 1));
        assert_eq!(writes.inserted_from(0).map(|(id, _)| id).collect::<Vec<_>>(), [id(1)]);
        writes.take_back(1);
        assert!(writes.is_empty() && writes.bytes() == 0);
    }
}
