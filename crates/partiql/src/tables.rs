//! The tables on which a statement runs, as the language sees them.
//!
//! The language knows no ledger, no transaction and no catalog. It asks a [`Tables`] for a source by name and for
//! rows of the source, and hands it documents to write. An implementation may note each answer; so a transaction
//! learns what it has read.

use std::collections::BTreeSet;
use std::sync::Arc;

use everstrand_ion::{Document, RawValue, Timestamp, Value};

/// A table or view that rows come from. The planner resolves it once for each statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// What the rows look like, and whether they may be written.
    pub kind: SourceKind,
    /// The id of the table. It is empty for the catalog.
    pub table_id: Arc<str>,
    /// The indexes that may be used, which are those that are online. Their paths are paths in the user's document,
    /// also for the committed view, which shows that document below `data`.
    pub indexes: Arc<[Index]>,
    /// The point in the past at which the table is read, instead of now.
    pub as_of: Option<AsOf>,
}

/// The view of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// The latest data of each document. DML may only change this view.
    User,
    /// `_ql_committed_T`: `{blockAddress, hash, data, metadata}` of the latest revisions.
    Committed,
    /// `history(T)`: all revisions that were current at some time from `start` to `end`, both inclusive.
    History {
        /// The start. Without it the history begins with the first revision.
        start: Option<Timestamp>,
        /// The end. Without it the history ends now.
        end: Option<Timestamp>,
    },
    /// `DIFF(T, AS OF start, AS OF end)`: a row `{documentId, change, before, after}` for each document that differs after
    /// the two blocks. `before` and `after` are its revisions as the history shows them. `change` is `INSERT` if there was
    /// none before, `DELETE` if the document is gone after, else `UPDATE`.
    Diff {
        /// The block after which the changes begin.
        start: u64,
        /// The last block whose changes count. Without it all blocks count.
        end: Option<u64>,
    },
    /// `information_schema.user_tables`.
    UserTables,
}

/// A point in the past of a ledger.
#[derive(Clone, Debug, PartialEq)]
pub enum AsOf {
    /// After the last block whose timestamp is not later than this.
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

/// What CREATE INDEX asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexDefinition {
    /// The name of the table.
    pub table: String,
    /// The name of the index, if it gets one.
    pub name: Option<String>,
    /// The indexed paths in order, each a list of field names from the top of the document.
    pub paths: Vec<Vec<String>>,
    /// Whether no two documents may share a key.
    pub unique: bool,
    /// Whether nothing is done if there is an index of this name or, if it gets none, one with these paths.
    pub if_not_exists: bool,
}

/// Names of top-level fields.
pub type FieldNames = Arc<BTreeSet<Arc<str>>>;

/// How rows of a source are reached.
#[derive(Clone, Debug)]
pub enum Access {
    /// All rows, in the order in which their documents were inserted.
    Scan,
    /// The documents of these ids, in this order.
    Documents(Vec<Arc<str>>),
    /// The rows with keys in these ranges of an index, range by range, each range in the order of its keys.
    Index {
        /// The id of the index.
        index_id: Arc<str>,
        /// The ranges of keys.
        ranges: Vec<KeyRange>,
        /// Whether the greatest key comes first.
        descending: bool,
    },
}

/// A range of an index: all keys that begin with `equal` and whose next part lies between the bounds. Implementations
/// find keys by [`crate::key`]. If a key is too long to be kept whole, they may yield rows outside the range. The
/// executor therefore checks the condition on every row.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct KeyRange {
    /// Values of the first paths of the index.
    pub equal: Vec<Value>,
    /// The lower bound of the next path, and whether it is part of the range.
    pub lower: Option<(Value, bool)>,
    /// The upper bound of the next path, and whether it is part of the range.
    pub upper: Option<(Value, bool)>,
}

/// One row of a source.
#[derive(Clone, Debug)]
pub struct Row {
    /// The document id, which `BY` names. Rows of the catalog have none.
    pub id: Option<Arc<str>>,
    /// The row, as this view of the table shows it.
    pub value: Document,
    /// The place after this row. Only the implementation of [`Tables`] knows what it means.
    pub cursor: Cursor,
}

/// What [`Tables::rows_where`] answers.
#[derive(Clone, Debug)]
pub struct WantedRows {
    /// The rows, each with the number of rows between it and the one before that are not wanted.
    pub rows: Vec<(u64, Row)>,
    /// How many rows after the last one are not wanted.
    pub passed: u64,
    /// Where to go on, if there may be more rows.
    pub next: Option<Cursor>,
}

/// What [`Tables::count_keys`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysCounted {
    /// How many rows there are.
    pub rows: u64,
    /// How many different keys they have that no row before them has.
    pub keys: u64,
    /// Where to go on, if there may be more rows.
    pub next: Option<Cursor>,
}

/// The place after a row in one access of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

/// What happens when an inserted document has the same key in a unique index as another document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// The statement is refused.
    #[default]
    Refuse,
    /// The other document stays as it is.
    DoNothing,
    /// The inserted document becomes the next revision of the other.
    DoReplace,
}

/// Why tables do not answer.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// The statement asks for something that is not allowed. Its author must change it.
    #[error("{message}")]
    Refused {
        /// QLDB's code, if one is known, such as `412` for a table that exists already.
        code: Option<&'static str>,
        /// What is wrong.
        message: String,
    },
    /// Any other failure. The language passes it on unchanged.
    #[error(transparent)]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

/// The tables that a statement runs on. The executor writes only after it has read all rows of a statement.
///
/// Whoever has tables to read implements [`source`](Tables::source), [`rows`](Tables::rows) and [`now`](Tables::now).
/// The other methods have defaults: there are no views and no procedures, writes are refused, and nothing interrupts a
/// statement.
#[expect(unused_variables, reason = "the defaults ignore what they are asked")]
pub trait Tables {
    /// The user table or system view of this name, as it is now or was then.
    fn source(&mut self, name: &str, as_of: Option<AsOf>) -> Result<Option<Source>, TablesError>;

    /// At most `limit` rows after the cursor. Fewer rows mean the end.
    fn rows(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, TablesError>;

    /// [`rows`](Tables::rows) for a caller that needs neither the ids of the rows nor the cursors of any but the last.
    /// Of [`Access::Scan`] it may answer fewer rows, if they take much memory; only an empty answer means the end.
    fn rows_alone(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, TablesError> {
        self.rows(source, access, after, limit)
    }

    /// `UTCNOW()`, the same for a whole statement.
    fn now(&self) -> Timestamp;

    /// Nanoseconds since some fixed moment, never less than before. EXPLAIN ANALYZE tells times by it.
    fn monotonic_nanos(&self) -> u64 {
        0
    }

    /// How many rows come after the cursor, counted up to about `limit`, and the cursor to go on from if there may be
    /// more. Called for COUNT. Override it if you can count without reading documents.
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

    /// How many rows come after the cursor of an index, and how many different keys they have, counted up to about
    /// `limit` rows. A key that a row before the cursor has is not counted again. `None` if the tables cannot count so;
    /// then the rows are read. Called for COUNT(DISTINCT).
    fn count_keys(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Option<KeysCounted>, TablesError> {
        Ok(None)
    }

    /// [`rows`](Tables::rows) of an index, without those that have the same key as a row before them. `None` if the
    /// tables cannot leave them out without reading them; then all rows are read. Called for DISTINCT.
    fn first_rows(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Option<Vec<Row>>, TablesError> {
        Ok(None)
    }

    /// [`rows_alone`](Tables::rows_alone) of [`Access::Scan`], without the rows that are not `wanted`. At most `limit`
    /// wanted rows. `None` if the tables cannot look at rows before they make documents of them; then all rows are read.
    /// Override it if you can: most rows of a scan are not wanted.
    fn rows_where(
        &mut self,
        source: &Source,
        after: Option<&Cursor>,
        limit: usize,
        wanted: &mut dyn FnMut(RawValue<'_>) -> bool,
    ) -> Result<Option<WantedRows>, TablesError> {
        Ok(None)
    }

    /// Skips at most `limit` rows after the cursor, and answers how many, and the cursor after the last of them. The
    /// answer may be fewer for any reason; the rows after it are then read. Called for OFFSET. Override it if you can
    /// skip without reading documents.
    fn skip(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(u64, Option<Cursor>), TablesError> {
        Ok((0, after.cloned()))
    }

    /// Answers an error if the statement must stop. Called every few rows.
    fn interrupted(&mut self) -> Result<(), TablesError> {
        Ok(())
    }

    /// About how many rows a source has, if that is known without counting them. The planner orders sources by it. It
    /// decides no answer, so the transaction does not depend on it and need not note it as a read.
    fn rows_estimate(&mut self, source: &Source) -> Option<u64> {
        None
    }

    /// About how many different keys the first `paths` paths of an index have, if that is known. Like
    /// [`rows_estimate`](Tables::rows_estimate) it only helps the planner to choose.
    fn keys_estimate(&mut self, source: &Source, index: &Index, paths: usize) -> Option<u64> {
        None
    }

    /// `history(T)`, by the name of an active table or by the id of any table. The planner has checked that the start
    /// is not later than the end and that neither lies in the future.
    fn history(
        &mut self,
        table: HistoryTable<'_>,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
    ) -> Result<Option<Source>, TablesError> {
        Ok(None)
    }

    /// `DIFF(T, AS OF start [, AS OF end])`, by the name of a table that was active at the end or by the id of any table.
    fn diff(
        &mut self,
        table: HistoryTable<'_>,
        start: AsOf,
        end: Option<AsOf>,
    ) -> Result<Option<Source>, TablesError> {
        Ok(None)
    }

    /// `information_schema.<name>`.
    fn information_schema(&mut self, name: &str) -> Result<Option<Source>, TablesError> {
        Ok(None)
    }

    /// A table whose name differs from this one in case alone. Only the text of an error names it, so the transaction
    /// does not depend on the answer and need not note it as a read.
    fn table_named_like(&self, name: &str) -> Option<String> {
        None
    }

    /// Another spelling of the name of a top-level field: a field of one of the first documents of a table that
    /// differs from this name in case alone. `None` if one of these documents has a field of exactly this name. Only
    /// a hint names the answer, so the transaction does not depend on it and need not note it as a read.
    fn field_named_like(&mut self, table: &Source, name: &str) -> Result<Option<String>, TablesError> {
        Ok(None)
    }

    /// The names of all top-level fields that documents of a table have or ever had. Where a statement names a field
    /// without its source, and the query has several sources, these names decide which source is meant. `None` if they
    /// are not known; then the table may have any field.
    fn field_names(&mut self, table: &Source) -> Result<Option<FieldNames>, TablesError> {
        Ok(None)
    }

    /// Runs a stored procedure. `None` if there is none of this name; case does not matter.
    fn procedure(&mut self, name: &str, arguments: &[Value]) -> Result<Option<Vec<Value>>, TablesError> {
        Ok(None)
    }

    /// `TXID()`.
    fn transaction_id(&self) -> Arc<str> {
        "".into()
    }

    /// Writes a new document, which is a struct, and answers its id. The table is a [`SourceKind::User`] as it is now.
    /// Answers `None` if another document was left in place because of `on_conflict`.
    fn insert(
        &mut self,
        table: &Source,
        document: Document,
        on_conflict: OnConflict,
    ) -> Result<Option<Arc<str>>, TablesError> {
        read_only()
    }

    /// Writes the next revision of a document.
    fn replace(&mut self, table: &Source, id: &str, document: Document) -> Result<(), TablesError> {
        read_only()
    }

    /// Deletes a document: writes its last revision, which has no data.
    fn delete(&mut self, table: &Source, id: &str) -> Result<(), TablesError> {
        read_only()
    }

    /// Creates a table with tags, which are a struct, and answers its id.
    fn create_table(&mut self, name: &str, tags: Option<&Value>) -> Result<Arc<str>, TablesError> {
        read_only()
    }

    /// Creates an index and answers the id of its table.
    fn create_index(&mut self, index: &IndexDefinition) -> Result<Arc<str>, TablesError> {
        read_only()
    }

    /// Drops an index by its id or its name, of this table or of any active one, and answers the id of its table. If
    /// there is no such index it is refused, or with `if_exists` answers `None`.
    fn drop_index(
        &mut self,
        index: &str,
        table: Option<&str>,
        if_exists: bool,
    ) -> Result<Option<Arc<str>>, TablesError> {
        read_only()
    }

    /// Makes a table inactive and answers its id.
    fn drop_table(&mut self, name: &str) -> Result<Arc<str>, TablesError> {
        read_only()
    }

    /// Makes an inactive table active again and answers its id.
    fn undrop_table(&mut self, table_id: &str) -> Result<Arc<str>, TablesError> {
        read_only()
    }
}

/// The spelling of a top-level field in some documents, if it differs from a name in case alone and no document has a
/// field of exactly this name: what [`Tables::field_named_like`] answers.
pub fn spelling_in<'d>(documents: impl IntoIterator<Item = &'d Document>, name: &str) -> Option<String> {
    let mut found = None;
    for document in documents {
        for (field, _) in document.root().fields() {
            match field {
                Some(field) if field == name => return None,
                Some(field) if found.is_none() && field.eq_ignore_ascii_case(name) => {
                    found = Some(field.to_owned());
                }
                _ => {}
            }
        }
    }
    found
}

fn read_only<T>() -> Result<T, TablesError> {
    Err(TablesError::Refused { code: None, message: "These tables can only be read".to_owned() })
}

/// The first argument of `history` and of `DIFF`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryTable<'a> {
    /// An active table's name.
    Name(&'a str),
    /// Any table's id.
    Id(&'a str),
}
