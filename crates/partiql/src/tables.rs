//! All that a statement may ask of what it runs on.
//!
//! The language knows no ledger, no transaction and no catalogue: it asks a [`Tables`] for a source
//! by name and for rows of it, and hands documents to be written back. Whoever implements the trait
//! may note each answer, which is how a transaction learns what it has read.

use std::sync::Arc;

use everstrand_ion::{Document, Timestamp, Value};

/// Something that rows come from, resolved once per statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// What the rows look like and whether they may be written.
    pub kind: SourceKind,
    /// The table behind it; empty for the catalogue.
    pub table_id: Arc<str>,
    /// The indexes that may serve it: those that are online. Paths are paths in the user's document,
    /// also for the committed view, where the executor sees them below `data`.
    pub indexes: Arc<[Index]>,
    /// Read as the table stood then, instead of now.
    pub as_of: Option<AsOf>,
}

/// The views of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// The latest data of each document; the only one that DML may change.
    User,
    /// `_ql_committed_T`: `{blockAddress, hash, data, metadata}` of the latest revisions.
    Committed,
    /// `history(T)`: all revisions that were current at some time between the two, both inclusive.
    History {
        /// From when; from the beginning when absent.
        start: Option<Timestamp>,
        /// Until when; until now when absent.
        end: Option<Timestamp>,
    },
    /// `information_schema.user_tables`.
    UserTables,
}

/// A point in a ledger's past.
#[derive(Clone, Debug, PartialEq)]
pub enum AsOf {
    /// After the last block whose timestamp is not later.
    Timestamp(Timestamp),
    /// After the block of this sequence number.
    Block(u64),
}

/// An index of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    /// Its id, 22 characters.
    pub id: Arc<str>,
    /// The indexed paths in order, each a list of field names from the top of the document.
    pub paths: Vec<Vec<String>>,
    /// Whether no two documents may share a key.
    pub unique: bool,
}

/// How rows of a source are reached.
#[derive(Clone, Debug)]
pub enum Access {
    /// All of them, in order of appearance.
    Scan,
    /// The documents of these ids, in this order.
    Documents(Vec<Arc<str>>),
    /// Those with keys in these ranges of an index, range by range, each in key order.
    Index {
        /// Which index.
        index_id: Arc<str>,
        /// Which keys.
        ranges: Vec<KeyRange>,
        /// From the greatest key down.
        descending: bool,
    },
}

/// A range of an index: all keys that begin with `equal` and whose next part lies between the bounds.
/// Implementations find keys by [`crate::key`]; where a key was too long to be kept whole they may
/// yield rows outside the range, so the executor checks its condition again on every row.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct KeyRange {
    /// Values of the first paths of the index.
    pub equal: Vec<Value>,
    /// Lower bound of the next path, and whether it is part of the range.
    pub lower: Option<(Value, bool)>,
    /// Upper bound of the next path, and whether it is part of the range.
    pub upper: Option<(Value, bool)>,
}

/// One row of a source.
#[derive(Clone, Debug)]
pub struct Row {
    /// The document id, for `BY`; absent for rows of the catalogue.
    pub id: Option<Arc<str>>,
    /// The row as the source's kind shows it.
    pub value: Document,
    /// Where to go on after this row; only its implementor knows what it means.
    pub cursor: Cursor,
}

/// The place after a row in one access of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

/// What to do when an inserted document meets another under a unique index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// Refuse the statement.
    #[default]
    Refuse,
    /// Leave the other as it is.
    DoNothing,
    /// Make the document the next revision of the other.
    DoReplace,
}

/// Why tables did not answer.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// The author of the statement must act.
    #[error("{message}")]
    Refused {
        /// QLDB's code where one is known (`412`: table exists).
        code: Option<&'static str>,
        /// What is wrong.
        message: String,
    },
    /// Anything else; the language passes it on unseen.
    #[error(transparent)]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

/// The tables that a statement runs on. Writes of a statement are not seen by its own rows.
pub trait Tables {
    /// The user table or system view of this name, as it is now or was then.
    fn source(&mut self, name: &str, as_of: Option<AsOf>) -> Result<Option<Source>, TablesError>;

    /// `history(T)`, by the name of an active table or by the id of any table; the start is not later than
    /// the end, and neither lies in the future.
    fn history(
        &mut self,
        table: HistoryTable<'_>,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
    ) -> Result<Option<Source>, TablesError>;

    /// `information_schema.<name>`.
    fn information_schema(&mut self, name: &str) -> Result<Option<Source>, TablesError>;

    /// A table whose name differs from this one in upper and lower case alone. It is named in the text of an
    /// error, so asking is no read: the transaction does not depend on the answer.
    fn table_named_like(&self, name: &str) -> Option<String>;

    /// At most `limit` rows after the cursor; fewer only at the end.
    fn rows(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, TablesError>;

    /// How many rows come after the cursor, counted up to about `limit`, and where to go on if there may be
    /// more. Asked where the rows themselves are not wanted; who can tell without reading them, should.
    fn count(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(u64, Option<Cursor>), TablesError> {
        let rows = self.rows(source, access, after, limit)?;
        let last = rows.last().filter(|_| rows.len() >= limit);
        Ok((rows.len() as u64, last.map(|row| row.cursor.clone())))
    }

    /// Writes a new document, a struct, and answers its id; tables that are written are those of
    /// [`SourceKind::User`] as they are now. `None` where `on_conflict` left another in place.
    fn insert(
        &mut self,
        table: &Source,
        document: Document,
        on_conflict: OnConflict,
    ) -> Result<Option<Arc<str>>, TablesError>;

    /// Writes the next revision of a document.
    fn replace(&mut self, table: &Source, id: &str, document: Document) -> Result<(), TablesError>;

    /// Writes the last revision of a document, the one without data.
    fn delete(&mut self, table: &Source, id: &str) -> Result<(), TablesError>;

    /// Creates a table with tags (a struct) and answers its id.
    fn create_table(&mut self, name: &str, tags: Option<&Value>) -> Result<Arc<str>, TablesError>;

    /// Creates an index and answers the id of its table.
    fn create_index(
        &mut self,
        table: &str,
        paths: &[Vec<String>],
        unique: bool,
    ) -> Result<Arc<str>, TablesError>;

    /// Drops an index and answers the id of its table.
    fn drop_index(&mut self, index_id: &str, table: &str) -> Result<Arc<str>, TablesError>;

    /// Makes a table inactive and answers its id.
    fn drop_table(&mut self, name: &str) -> Result<Arc<str>, TablesError>;

    /// Makes an inactive table active again and answers its id.
    fn undrop_table(&mut self, table_id: &str) -> Result<Arc<str>, TablesError>;

    /// Runs a stored procedure; `None` when there is none of this name (compared ignoring case).
    fn procedure(&mut self, name: &str, arguments: &[Value]) -> Result<Option<Vec<Value>>, TablesError>;

    /// `TXID()`.
    fn transaction_id(&self) -> Arc<str>;

    /// `UTCNOW()`, the same for a whole statement.
    fn now(&self) -> Timestamp;

    /// An error when the statement should stop, asked every few rows.
    fn interrupted(&mut self) -> Result<(), TablesError>;
}

/// The first argument of `history`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryTable<'a> {
    /// An active table's name.
    Name(&'a str),
    /// Any table's id.
    Id(&'a str),
}
