//! What a transaction read and a later block changed: the reason of a conflict.
//!
//! It names tables, documents and indexes, and never what is in a document. An index key is a part of a document, so
//! only its index is named.

use std::fmt;
use std::sync::Arc;

use everstrand_journal::UniqueId;

use crate::state::catalog::Catalog;

/// What a transaction read and a later block changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Changed {
    /// A document that the transaction read, or looked for.
    Document {
        /// The document's id.
        id: UniqueId,
        /// Its table; `None` if the block changed documents of several tables.
        table: Option<Arc<str>>,
    },
    /// A document of a table that the transaction scanned. A query that no index serves scans its table.
    ScannedTable {
        /// The table.
        table: Arc<str>,
    },
    /// A superseded revision that was redacted, of a table whose superseded revisions the transaction read.
    History {
        /// The table.
        table: Arc<str>,
    },
    /// A key, or a range of keys, that the transaction looked up in an index.
    IndexKey {
        /// The index's table; `None` if the table was created meanwhile.
        table: Option<Arc<str>>,
        /// The index's fields, as the catalog shows them: `[VIN]`.
        index: String,
    },
    /// The definition of a table: the table, or one of its indexes, was created or dropped.
    Definition {
        /// The table.
        table: Arc<str>,
    },
    /// The catalog, which the transaction read as a whole.
    Catalog,
    /// Which block is the last, in a query `AS OF` the future.
    LastBlock,
    /// Nobody knows: the transaction is older than the changes that the ledger remembers.
    Forgotten,
    /// The transaction itself: somebody asked what became of it before it was committed, and was answered that it never
    /// will be.
    Void,
}

impl Changed {
    pub(super) fn document(id: UniqueId, tables: &[UniqueId], catalog: &Catalog) -> Changed {
        let table = match tables {
            [table] => Some(name_of(*table, catalog)),
            _ => None,
        };
        Changed::Document { id, table }
    }

    pub(super) fn scanned_table(id: UniqueId, catalog: &Catalog) -> Changed {
        Changed::ScannedTable { table: name_of(id, catalog) }
    }

    pub(super) fn history(id: UniqueId, catalog: &Catalog) -> Changed {
        Changed::History { table: name_of(id, catalog) }
    }

    pub(super) fn definition(id: UniqueId, catalog: &Catalog) -> Changed {
        Changed::Definition { table: name_of(id, catalog) }
    }

    /// The index of a key, which begins with the id of its index.
    pub(super) fn index_key(key: &[u8], catalog: &Catalog) -> Changed {
        let indexes =
            catalog.tables().iter().flat_map(|table| table.indexes.iter().map(move |index| (table, index)));
        match indexes.into_iter().find(|(_, index)| key.starts_with(index.id.as_bytes())) {
            Some((table, index)) => {
                Changed::IndexKey { table: Some(Arc::clone(&table.name)), index: index.expression() }
            }
            None => Changed::IndexKey { table: None, index: String::new() },
        }
    }
}

/// The name of a table, or its id if the transaction's catalog does not have it.
fn name_of(table: UniqueId, catalog: &Catalog) -> Arc<str> {
    match catalog.by_id(table) {
        Some(table) => Arc::clone(&table.name),
        None => table.to_string().into(),
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Changed::Document { id, table: Some(table) } => {
                write!(formatter, "document {id} of table {table}")
            }
            Changed::Document { id, table: None } => write!(formatter, "document {id}"),
            Changed::ScannedTable { table } => write!(formatter, "table {table}, which was scanned,"),
            Changed::History { table } => write!(formatter, "the history of table {table}"),
            Changed::IndexKey { table: Some(table), index } => {
                write!(formatter, "a key of index {index} of table {table}")
            }
            Changed::IndexKey { table: None, .. } => formatter.write_str("an index key"),
            Changed::Definition { table } => write!(formatter, "the definition of table {table}"),
            Changed::Catalog => formatter.write_str("the catalog"),
            Changed::LastBlock => formatter.write_str("the last block"),
            Changed::Forgotten => formatter.write_str("something that the ledger no longer remembers"),
            Changed::Void => {
                formatter.write_str("the transaction's outcome, which was asked for and decided,")
            }
        }
    }
}
