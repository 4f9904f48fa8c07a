//! Statements as plans: queries, definitions and changes.

use everstrand_ion::Value;

use super::{Expression, Node, QueryPlan};
use crate::tables::{IndexDefinition, OnConflict, Source};

/// What a `Plan` does, and the rows that it answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// A query: each row is a value.
    Query(QueryPlan),
    /// A bare expression, which answers one row. An extension.
    Expression(Expression),
    /// Inserts documents. Answers a row `{documentId}` for each, in the order of the documents.
    Insert(InsertPlan),
    /// Changes or deletes documents. Answers a row `{documentId}` for each.
    Modify(Box<ModifyPlan>),
    /// Creates a table. Answers a row `{tableId}`, like all definitions.
    CreateTable {
        /// The name of the table.
        name: String,
        /// The value of `aws_tags`. The executor refuses all but a struct.
        tags: Option<Expression>,
        /// Whether a table of this name stays as it is.
        if_not_exists: bool,
    },
    /// Creates an index.
    CreateIndex(IndexDefinition),
    /// Drops an index.
    DropIndex {
        /// The id or the name of the index.
        index: String,
        /// The table's name. Without it the index may be of any active table.
        table: Option<String>,
        /// Whether nothing is done if there is no such index.
        if_exists: bool,
    },
    /// Makes a table inactive.
    DropTable {
        /// The table's name.
        name: String,
        /// Whether nothing is done if there is no such table.
        if_exists: bool,
    },
    /// Makes an inactive table active again.
    UndropTable {
        /// The table's id.
        table_id: String,
    },
    /// Runs a stored procedure and answers its rows.
    Exec {
        /// The name of the procedure, as it was written.
        procedure: String,
        /// The arguments.
        arguments: Vec<Expression>,
    },
    /// Answers these rows. They tell how another statement would run.
    Explain(Vec<Value>),
    /// Runs another statement, and answers rows that tell how it ran.
    Analyze(Box<Analyze>),
}

/// `EXPLAIN ANALYZE statement`
#[derive(Clone, Debug, PartialEq)]
pub struct Analyze {
    /// The statement that is run. It explains nothing itself.
    pub statement: Statement,
    /// Hints to the author of the statement.
    pub hints: Vec<String>,
}

impl Statement {
    /// What EXPLAIN shows of a definition: the operation and its detail.
    pub(super) fn definition(&self) -> (&'static str, String) {
        let unless = |if_not_exists: bool| if if_not_exists { " if it does not exist" } else { "" };
        let only = |if_exists: bool| if if_exists { " if it exists" } else { "" };
        match self {
            Statement::CreateTable { name, if_not_exists, .. } => {
                ("Create table", format!("{name}{}", unless(*if_not_exists)))
            }
            Statement::CreateIndex(IndexDefinition { table, name, paths, unique, if_not_exists }) => {
                let operation = if *unique { "Create unique index" } else { "Create index" };
                let name = name.as_ref().map_or_else(String::new, |name| format!("{name} on "));
                (operation, format!("{name}{table} {}{}", paths_text(paths), unless(*if_not_exists)))
            }
            Statement::DropIndex { index, table, if_exists } => {
                let table = table.as_ref().map_or_else(String::new, |table| format!(" of {table}"));
                ("Drop index", format!("{index}{table}{}", only(*if_exists)))
            }
            Statement::DropTable { name, if_exists } => ("Drop table", format!("{name}{}", only(*if_exists))),
            Statement::UndropTable { table_id } => ("Undrop table", table_id.clone()),
            _ => ("", String::new()),
        }
    }
}

/// The paths of an index as `[a, b.c]`.
pub(super) fn paths_text(paths: &[Vec<String>]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.join(".")).collect();
    format!("[{}]", paths.join(", "))
}

/// `INSERT INTO table`
#[derive(Clone, Debug, PartialEq)]
pub struct InsertPlan {
    /// The table, in its user view.
    pub table: Source,
    /// The name of the table. EXPLAIN shows it.
    pub name: String,
    /// The values that are inserted.
    pub insertion: Insertion,
    /// What happens when a unique index already has a key of a document.
    pub on_conflict: OnConflict,
}

/// The values that an INSERT inserts.
#[derive(Clone, Debug, PartialEq)]
pub enum Insertion {
    /// This value.
    One(Expression),
    /// Each element of a list or a bag. Any other value is inserted itself.
    Each(Expression),
}

/// UPDATE, DELETE and the FROM form. For each row of the input one operation is done to the document of `table`
/// in that row. All expressions see the documents as they were before the statement.
#[derive(Clone, Debug, PartialEq)]
pub struct ModifyPlan {
    /// The table, in its user view.
    pub table: Source,
    /// The number of slots in the frame.
    pub slots: usize,
    /// The node that yields the rows.
    pub input: Node,
    /// The slot of the document.
    pub document: usize,
    /// The slot of the id of the document.
    pub id: usize,
    /// What is done to the document.
    pub operation: Operation,
}

/// What is done to a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Assigns values. A value that is MISSING is refused.
    Set(Vec<(Target, Expression)>),
    /// Inserts one value into a list or struct.
    Insert {
        /// The container.
        target: Target,
        /// The value.
        value: Expression,
        /// The position in a list, which is the end by default, or the name of a field in a struct.
        at: Option<Expression>,
    },
    /// Appends each element of a list or a bag to a list. Any other value is appended itself.
    InsertEach {
        /// The container.
        target: Target,
        /// The values.
        values: Expression,
    },
    /// Removes the value at the target. A target without steps is the whole document.
    Remove(Target),
    /// Deletes the document.
    Delete,
}

/// A place in a document, as a path from its top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The steps; none for the whole document.
    pub steps: Vec<TargetStep>,
}

/// A step of a [`Target`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetStep {
    /// A field of a struct.
    Field(String),
    /// An element of a list.
    Index(u64),
    /// The element that is the current row of a nested source. This slot holds its position or the name of its field.
    /// The slot is MISSING if the source ranges over a single value; then there is no step.
    Place(usize),
}
