//! What clients say: few kinds of statements over few tables and keys, so that they meet.

use std::fmt;
use std::sync::Arc;

use everstrand_ion::{Document, Timestamp, text};

use crate::value::Key;

pub(crate) const TABLES: [&str; 3] = ["Account", "Branch", "Customer"];

/// A statement, in a form that both the language and the model understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Insert {
        table: &'static str,
        rows: Vec<Row>,
    },
    /// INSERT … ON CONFLICT, which minds unique indexes.
    Upsert {
        table: &'static str,
        row: Row,
        replace: bool,
    },
    Update {
        table: &'static str,
        change: Change,
        filter: Filter,
    },
    Delete {
        table: &'static str,
        filter: Filter,
    },
    Select {
        table: &'static str,
        filter: Filter,
    },
    /// Whole documents, byte by byte.
    Whole {
        table: &'static str,
        filter: Filter,
    },
    /// The table as it was.
    Past {
        table: &'static str,
        as_of: AsOf,
        filter: Filter,
    },
    Count {
        table: &'static str,
        filter: Filter,
    },
    Join {
        left: &'static str,
        right: &'static str,
        filter: Filter,
    },
    Committed {
        table: &'static str,
        filter: Filter,
    },
    History {
        table: &'static str,
    },
    Tables,
    CreateTable {
        table: &'static str,
    },
    DropTable {
        table: &'static str,
    },
    UndropTable {
        id: String,
    },
    CreateIndex {
        table: &'static str,
        field: &'static str,
        unique: bool,
    },
    DropIndex {
        table: &'static str,
        index: String,
    },
    Redact {
        strand: String,
        block: u64,
        table_id: String,
        id: String,
    },
}

/// A new document's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) k: Key,
    pub(crate) v: i64,
    /// Anything, in Ion text; makes documents of many sizes.
    pub(crate) s: Arc<str>,
}

/// A point in the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AsOf {
    Block(u64),
    Millis(i64),
}

/// Which documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    All,
    Key(Key),
    Keys(Key, Key),
    /// From the first key to the second, and whether each belongs to it.
    Range {
        low: Key,
        high: Key,
        with_low: bool,
        with_high: bool,
    },
    ValueFrom(i64),
    KeyAndValueFrom(Key, i64),
    Id(String),
}

/// What an update does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    AddValue(i64),
    SetValue(i64),
    SetKey(Key),
    AddKey(i64),
}

impl Operation {
    /// Its name among the counters.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Operation::Insert { .. } => "statement: insert",
            Operation::Upsert { .. } => "statement: insert on conflict",
            Operation::Update { filter, .. } => match filter {
                Filter::Id(_) => "statement: update by id",
                Filter::All | Filter::ValueFrom(_) => "statement: update by scan",
                _ => "statement: update by key",
            },
            Operation::Delete { filter: Filter::Id(_), .. } => "statement: delete by id",
            Operation::Delete { .. } => "statement: delete",
            Operation::Select { filter, .. } => match filter {
                Filter::All => "statement: select all",
                Filter::Key(_) | Filter::Keys(..) | Filter::KeyAndValueFrom(..) => "statement: select by key",
                Filter::Range { .. } => "statement: select by range",
                Filter::ValueFrom(_) => "statement: select by scan",
                Filter::Id(_) => "statement: select by id",
            },
            Operation::Whole { .. } => "statement: select whole documents",
            Operation::Past { as_of: AsOf::Block(_), .. } => "statement: as of a block",
            Operation::Past { as_of: AsOf::Millis(_), .. } => "statement: as of a time",
            Operation::Count { .. } => "statement: count",
            Operation::Join { .. } => "statement: join",
            Operation::Committed { .. } => "statement: committed view",
            Operation::History { .. } => "statement: history",
            Operation::Tables => "statement: user_tables",
            Operation::CreateTable { .. } => "statement: create table",
            Operation::DropTable { .. } => "statement: drop table",
            Operation::UndropTable { .. } => "statement: undrop table",
            Operation::CreateIndex { unique: true, .. } => "statement: create unique index",
            Operation::CreateIndex { .. } => "statement: create index",
            Operation::DropIndex { .. } => "statement: drop index",
            Operation::Redact { .. } => "statement: redact",
        }
    }

    /// Whether it leaves everything as it is.
    pub(crate) fn only_reads(&self) -> bool {
        matches!(
            self,
            Operation::Select { .. }
                | Operation::Whole { .. }
                | Operation::Past { .. }
                | Operation::Count { .. }
                | Operation::Join { .. }
                | Operation::Committed { .. }
                | Operation::History { .. }
                | Operation::Tables
        )
    }

    /// Whether its transaction says nothing after it: only its block tells whether a unique index holds.
    pub(crate) fn must_be_last(&self) -> bool {
        matches!(self, Operation::CreateIndex { unique: true, .. })
    }

    /// Its text, and its parameters in Ion text.
    pub(crate) fn partiql(&self) -> (String, Vec<String>) {
        match self {
            Operation::Insert { table, rows } => match rows.as_slice() {
                [row] => (format!("INSERT INTO {table} ?"), vec![row.to_ion()]),
                rows => {
                    let places = vec!["?"; rows.len()].join(", ");
                    let text = format!("INSERT INTO {table} << {places} >>");
                    (text, rows.iter().map(Row::to_ion).collect())
                }
            },
            Operation::Upsert { table, row, replace } => {
                let action = if *replace { "REPLACE" } else { "NOTHING" };
                (format!("INSERT INTO {table} VALUE ? ON CONFLICT DO {action}"), vec![row.to_ion()])
            }
            Operation::Update { table, change, filter } => {
                let (set, mut parameters) = match change {
                    Change::AddValue(by) => ("t.v = t.v + ?", vec![by.to_string()]),
                    Change::SetValue(to) => ("t.v = ?", vec![to.to_string()]),
                    Change::SetKey(to) => ("t.k = ?", vec![to.stored()]),
                    Change::AddKey(by) => ("t.k = t.k + ?", vec![by.to_string()]),
                };
                let (condition, more) = filter.partiql("t", "id");
                parameters.extend(more);
                (format!("UPDATE {table} AS t BY id SET {set}{condition}"), parameters)
            }
            Operation::Delete { table, filter } => {
                let (condition, parameters) = filter.partiql("t", "id");
                (format!("DELETE FROM {table} AS t BY id{condition}"), parameters)
            }
            Operation::Select { .. }
            | Operation::Whole { .. }
            | Operation::Past { .. }
            | Operation::Count { .. }
            | Operation::Join { .. }
            | Operation::Committed { .. }
            | Operation::History { .. }
            | Operation::Tables => self.query(),
            Operation::CreateTable { .. }
            | Operation::DropTable { .. }
            | Operation::UndropTable { .. }
            | Operation::CreateIndex { .. }
            | Operation::DropIndex { .. } => (self.definition(), Vec::new()),
            Operation::Redact { strand, block, table_id, id } => {
                let address = format!("{{strandId: \"{strand}\", sequenceNo: {block}}}");
                let parameters = vec![address, format!("\"{table_id}\""), format!("\"{id}\"")];
                ("EXEC REDACT_REVISION ?, ?, ?".to_owned(), parameters)
            }
        }
    }

    /// The text and the parameters of a query.
    fn query(&self) -> (String, Vec<String>) {
        match self {
            Operation::Select { table, filter } => {
                let (condition, parameters) = filter.partiql("t", "id");
                (format!("SELECT VALUE [id, t.k, t.v] FROM {table} AS t BY id{condition}"), parameters)
            }
            Operation::Whole { table, filter } => {
                let (condition, parameters) = filter.partiql("t", "id");
                (format!("SELECT VALUE t FROM {table} AS t BY id{condition}"), parameters)
            }
            Operation::Past { table, as_of, filter } => {
                let (condition, more) = filter.partiql("t", "id");
                let mut parameters = vec![match as_of {
                    AsOf::Block(block) => block.to_string(),
                    AsOf::Millis(millis) => text::write(&Timestamp::from_unix_millis(*millis).into()),
                }];
                parameters.extend(more);
                (
                    format!("SELECT VALUE [id, t.k, t.v] FROM {table} AS OF ? AS t BY id{condition}"),
                    parameters,
                )
            }
            Operation::Count { table, filter } => {
                let (condition, parameters) = filter.partiql("t", "id");
                (format!("SELECT COUNT(*) AS n FROM {table} AS t BY id{condition}"), parameters)
            }
            Operation::Join { left, right, filter } => {
                let (condition, parameters) = filter.partiql("t", "id");
                let condition = condition.replacen(" WHERE", " AND", 1);
                let text = format!(
                    "SELECT VALUE [t.k, t.v, u.v] FROM {left} AS t BY id, {right} AS u \
                     WHERE u.k = t.k{condition}"
                );
                (text, parameters)
            }
            Operation::Committed { table, filter } => {
                let (condition, parameters) = filter.partiql("t.data", "t.metadata.id");
                let text = format!(
                    "SELECT VALUE [t.metadata.id, t.metadata.version, t.data.k, t.data.v] \
                     FROM _ql_committed_{table} AS t{condition}"
                );
                (text, parameters)
            }
            Operation::History { table } => {
                let text = "SELECT VALUE [h.metadata.id, h.metadata.version, h.data IS MISSING]";
                (format!("{text} FROM history({table}) AS h"), Vec::new())
            }
            Operation::Tables => {
                let text = "SELECT VALUE [tableId, name, status] FROM information_schema.user_tables";
                (text.to_owned(), Vec::new())
            }
            _ => unreachable!("{self:?} is no query"),
        }
    }

    /// The text of a definition, which has no parameters.
    fn definition(&self) -> String {
        match self {
            Operation::CreateTable { table } => format!("CREATE TABLE {table}"),
            Operation::DropTable { table } => format!("DROP TABLE {table}"),
            Operation::UndropTable { id } => format!("UNDROP TABLE \"{id}\""),
            Operation::CreateIndex { table, field, unique } => {
                let unique = if *unique { "UNIQUE " } else { "" };
                format!("CREATE {unique}INDEX ON {table} ({field})")
            }
            Operation::DropIndex { table, index } => {
                format!("DROP INDEX \"{index}\" ON {table} WITH (purge = true)")
            }
            _ => unreachable!("{self:?} defines nothing"),
        }
    }
}

impl Row {
    /// Ion text, as it is stored.
    pub(crate) fn to_ion(&self) -> String {
        format!("{{k:{},v:{},s:{}}}", self.k.stored(), self.v, self.s)
    }
}

impl Filter {
    /// Its condition and its parameters, where `row` names a document and `id` its id.
    fn partiql(&self, row: &str, id: &str) -> (String, Vec<String>) {
        match self {
            Filter::All => (String::new(), Vec::new()),
            Filter::Key(key) => (format!(" WHERE {row}.k = ?"), vec![key.sought()]),
            Filter::Keys(one, other) => {
                (format!(" WHERE {row}.k IN (?, ?)"), vec![one.sought(), other.sought()])
            }
            Filter::Range { low, high, with_low: true, with_high: true } => {
                (format!(" WHERE {row}.k BETWEEN ? AND ?"), vec![low.sought(), high.sought()])
            }
            Filter::Range { low, high, with_low, with_high } => {
                let from = if *with_low { ">=" } else { ">" };
                let to = if *with_high { "<=" } else { "<" };
                let text = format!(" WHERE {row}.k {from} ? AND {row}.k {to} ?");
                (text, vec![low.sought(), high.sought()])
            }
            Filter::ValueFrom(value) => (format!(" WHERE {row}.v >= ?"), vec![value.to_string()]),
            Filter::KeyAndValueFrom(key, value) => {
                (format!(" WHERE {row}.k = ? AND {row}.v >= ?"), vec![key.sought(), value.to_string()])
            }
            Filter::Id(wanted) => (format!(" WHERE {id} = ?"), vec![format!("\"{wanted}\"")]),
        }
    }

    /// Whether a document belongs to it.
    pub(crate) fn holds(&self, document_id: &str, k: Key, v: i64) -> bool {
        let is = |key: &Key| k.number().is_some() && k == *key;
        match self {
            Filter::All => true,
            Filter::Key(key) => is(key),
            Filter::Keys(one, other) => is(one) || is(other),
            Filter::Range { low, high, with_low, with_high } => {
                let (Some(k), Some(low), Some(high)) = (k.number(), low.number(), high.number()) else {
                    return false;
                };
                let above = k > low || (*with_low && k == low);
                let below = k < high || (*with_high && k == high);
                above && below
            }
            Filter::ValueFrom(value) => v >= *value,
            Filter::KeyAndValueFrom(key, value) => is(key) && v >= *value,
            Filter::Id(id) => id == document_id,
        }
    }
}

/// Parameters as they go to the ledger.
pub(crate) fn documents(parameters: &[String]) -> Vec<Document> {
    let document = |parameter: &String| {
        Document::from(&text::read_one(parameter).expect("parameters are written as Ion"))
    };
    parameters.iter().map(document).collect()
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, parameters) = self.partiql();
        write!(formatter, "{text}")?;
        if !parameters.is_empty() {
            write!(formatter, "  ← {}", parameters.join(", "))?;
        }
        Ok(())
    }
}
