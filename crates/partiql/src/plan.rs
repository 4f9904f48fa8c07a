//! What the executor runs: names are gone, every variable is a slot, every source is known and the
//! way to its rows is chosen.
//!
//! Each query level has one *frame*: a row of slots. A node fills the slots of its sources, and all
//! expressions of that level read them. A nested query has a frame of its own and reaches those
//! around it by `depth`: 0 is its own frame, 1 the frame of the query that contains it, and so on.
//!
//! Rows are pulled. A node yields the frame once per row; the right side of a [`Node::Join`] is begun
//! anew for each row of the left, whose slots it may read. Conditions that an access already serves
//! stay in the [`Node::Filter`] above it, because long index keys are only approximate.
//!
//! *Read I/Os*: each row that a [`Node::Scan`] yields counts one. A [`Node::HashJoin`] reads its right
//! side once but reports what a nested loop would have read: its right side's reads once for each row
//! of the left.

pub(crate) mod explain;
mod names;
pub(crate) mod premises;
mod walk;

use std::ops::Range;
use std::sync::Arc;

use everstrand_ion::Value;

pub use names::{Coercion, Expression, Function, NestedQuery, PathStep, Resolved, Variable};
pub use premises::Plan;

use crate::expression::AggregateFunction;
use crate::position::Position;
use crate::tables::{Index, OnConflict, Source};

/// What a [`Plan`] does.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// A query: each row is a value.
    Query(QueryPlan),
    /// A bare expression, as one row. An extension.
    Expression(Expression),
    /// Inserts documents; a row `{documentId}` for each, in order.
    Insert(InsertPlan),
    /// Changes or deletes documents; a row `{documentId}` for each.
    Modify(Box<ModifyPlan>),
    /// A row `{tableId}`.
    CreateTable {
        /// Its name.
        name: String,
        /// The value of `aws_tags`; checked to be a struct when run.
        tags: Option<Expression>,
    },
    /// A row `{tableId}`.
    CreateIndex {
        /// The table's name.
        table: String,
        /// The paths, each a list of field names.
        paths: Vec<Vec<String>>,
        /// Whether no two documents may share a key.
        unique: bool,
    },
    /// A row `{tableId}`.
    DropIndex {
        /// The index id.
        index_id: String,
        /// The table's name.
        table: String,
    },
    /// A row `{tableId}`.
    DropTable {
        /// The table's name.
        name: String,
    },
    /// A row `{tableId}`.
    UndropTable {
        /// The table's id.
        table_id: String,
    },
    /// The rows that a stored procedure answers.
    Exec {
        /// The procedure's name as written.
        procedure: String,
        /// Its arguments.
        arguments: Vec<Expression>,
    },
    /// These rows, which tell how another statement would run.
    Explain(Vec<Value>),
}

/// One query level.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryPlan {
    /// How many slots its frame has.
    pub slots: usize,
    /// Where rows come from: joined, filtered, grouped and sorted.
    pub input: Node,
    /// What each row becomes.
    pub projection: Projection,
    /// Whether equal results are yielded once, the first of them.
    pub distinct: bool,
    /// How many results are skipped, after `distinct`. Reads no slot.
    pub offset: Option<Expression>,
    /// How many results are yielded, after `offset`. Reads no slot.
    pub limit: Option<Expression>,
    /// Whether it reads slots of outer frames; if not, its result is the same each time.
    pub correlated: bool,
}

/// What a query makes of each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Projection {
    /// The value itself; MISSING becomes null at the top, and stays an element of the bag of a query within
    /// others.
    Value(Expression),
    /// A struct.
    Items(Vec<ProjectionItem>),
}

/// An item of a select list.
#[derive(Clone, Debug, PartialEq)]
pub enum ProjectionItem {
    /// A field, left out where the value is MISSING.
    Field {
        /// Its name.
        name: Arc<str>,
        /// Its value.
        value: Expression,
    },
    /// All fields of a struct; any other value but MISSING as a field `_N`, N being the number of
    /// fields before it plus one.
    All(Expression),
}

/// Where rows come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Rows of a table or a view.
    Scan(Box<Scan>),
    /// Elements of a value: those of a list or a bag; any other value is one element.
    Iterate {
        /// The value; may read slots of sources to the left.
        value: Expression,
        /// Over the fields of a struct instead; any other value is a struct of one field `_1`.
        unpivot: bool,
        /// The slots to fill.
        slots: SourceSlots,
    },
    /// For each row of the left all rows of the right.
    Join {
        /// The outer loop.
        left: Box<Node>,
        /// The inner loop, begun anew for each row of the left.
        right: Box<Node>,
        /// Inner or left.
        kind: JoinKind,
        /// When a pair joins.
        condition: Option<Expression>,
        /// The slots that the right side fills; NULL where a left join finds no match.
        right_slots: Range<usize>,
    },
    /// The same rows in the same order, by a hash table over the right, which reads no slot of the
    /// left.
    HashJoin {
        /// Probes.
        left: Box<Node>,
        /// Is read once, into the table.
        right: Box<Node>,
        /// Inner or left.
        kind: JoinKind,
        /// What must be equal, left and right. NULL and MISSING never are.
        keys: Vec<(Expression, Expression)>,
        /// What else must hold of a pair.
        condition: Option<Expression>,
        /// The slots that the right side fills; NULL where a left join finds no match.
        right_slots: Range<usize>,
    },
    /// The rows for which the condition is TRUE.
    Filter {
        /// Whose rows.
        input: Box<Node>,
        /// The condition.
        condition: Expression,
    },
    /// One row per group. Only its own slots are filled afterwards.
    Group(Box<Group>),
    /// All rows in order; equal rows keep theirs.
    Sort {
        /// Whose rows.
        input: Box<Node>,
        /// The keys, the most significant first.
        terms: Vec<SortTerm>,
    },
}

/// Rows of a table or a view.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// Which.
    pub source: Source,
    /// Its name as the statement has it, for EXPLAIN.
    pub name: String,
    /// The name of its rows, for EXPLAIN.
    pub alias: Arc<str>,
    /// The way to the rows.
    pub access: AccessPlan,
    /// The slots to fill: the row, `at` always MISSING, the document id.
    pub slots: SourceSlots,
}

/// The slots that one source fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceSlots {
    /// The element.
    pub value: usize,
    /// Its place: the position in a list, the name of a field, MISSING otherwise.
    pub at: Option<usize>,
    /// The document id, MISSING for all but rows of tables.
    pub by: Option<usize>,
}

/// Inner or left outer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// Only pairs that match.
    Inner,
    /// Left rows without a match once, with NULL on the right.
    Left,
}

/// The way to the rows of a table, chosen once; values are computed each time it is begun.
#[derive(Clone, Debug, PartialEq)]
pub enum AccessPlan {
    /// All of them.
    Scan,
    /// Documents by their ids.
    Documents(Keys),
    /// Documents by their keys in an index.
    Index(Box<IndexAccess>),
}

/// Documents by their keys in an index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexAccess {
    /// Which index.
    pub index: Index,
    /// The keys of the first paths. Several [`Keys::Each`] mean all combinations.
    pub equal: Vec<Keys>,
    /// The part of the next path; [`KeyRangePlan::All`] when `equal` covers all paths.
    pub range: KeyRangePlan,
    /// Whether rows must come in the order of the next path; never with [`Keys::Each`].
    pub order: Option<KeyOrder>,
}

/// What a key or an id must equal. NULL and MISSING equal nothing, so they find no rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Keys {
    /// This value.
    One(Expression),
    /// Any of these values; each row is found once.
    AnyOf(Vec<Expression>),
    /// Any element of this list or bag; each row is found once. Any other value finds nothing.
    Each(Expression),
}

/// The wanted part of one path of an index.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyRangePlan {
    /// All of it, NULL and MISSING too.
    All,
    /// Values between two bounds. No row is found when a bound is NULL or MISSING.
    Between {
        /// Lower bound and whether it is included; NULL and MISSING are never found without it.
        lower: Option<(Expression, bool)>,
        /// Upper bound and whether it is included.
        upper: Option<(Expression, bool)>,
    },
    /// Texts that may match a LIKE pattern: those that begin as it does before its first wildcard.
    Like {
        /// The pattern.
        pattern: Expression,
        /// The escape character.
        escape: Option<Expression>,
    },
    /// NULL and MISSING.
    Unknown,
    /// Everything but NULL and MISSING.
    Known,
}

/// An order in which an index yields rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyOrder {
    /// From the greatest key down.
    pub descending: bool,
    /// Whether NULL and MISSING, which are the least keys, come before all else in this order too.
    pub nulls_first: bool,
}

/// One row per group; without keys exactly one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Whose rows.
    pub input: Node,
    /// The keys. NULL and MISSING are one key, NULL.
    pub keys: Vec<GroupKey>,
    /// What is computed for each group.
    pub aggregates: Vec<Aggregate>,
    /// `GROUP AS`: a bag of structs with these fields for each row.
    pub group_as: Option<GroupAs>,
    /// Whether all that is wanted is the number of rows of one scan whose access serves all conditions,
    /// so that its keys can be counted instead, where they are exact.
    pub counts_keys: bool,
}

/// A key of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupKey {
    /// Its value.
    pub value: Expression,
    /// The slot to fill.
    pub slot: usize,
    /// What the slot is called, for EXPLAIN.
    pub name: Arc<str>,
}

/// `GROUP AS name`
#[derive(Clone, Debug, PartialEq)]
pub struct GroupAs {
    /// Name and value slot of each source.
    pub fields: Vec<(Arc<str>, usize)>,
    /// The slot to fill.
    pub slot: usize,
}

/// One aggregate of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Which.
    pub function: AggregateFunction,
    /// Whether equal values count once.
    pub distinct: bool,
    /// The argument; absent for `COUNT(*)`.
    pub argument: Option<Expression>,
    /// The slot to fill.
    pub slot: usize,
    /// What the slot is called, for EXPLAIN.
    pub name: Arc<str>,
    /// Where the call stands, for errors.
    pub position: Position,
}

/// A key of a sort.
#[derive(Clone, Debug, PartialEq)]
pub struct SortTerm {
    /// What is compared.
    pub value: Expression,
    /// From the greatest down.
    pub descending: bool,
    /// Whether NULL and MISSING stand before all else.
    pub nulls_first: bool,
}

/// `INSERT INTO table`
#[derive(Clone, Debug, PartialEq)]
pub struct InsertPlan {
    /// The table, a user view.
    pub table: Source,
    /// Its name, for EXPLAIN.
    pub name: String,
    /// What is inserted.
    pub insertion: Insertion,
    /// What to do under a unique index.
    pub on_conflict: OnConflict,
}

/// What an INSERT inserts.
#[derive(Clone, Debug, PartialEq)]
pub enum Insertion {
    /// Exactly this value.
    One(Expression),
    /// This value if it is a struct, each of its elements if it is a list or a bag.
    Each(Expression),
}

/// UPDATE, DELETE and the FROM form: for each row of the input, one operation on the document of
/// `table` in that row. All expressions see the documents as they were before the statement.
#[derive(Clone, Debug, PartialEq)]
pub struct ModifyPlan {
    /// The table, a user view.
    pub table: Source,
    /// How many slots the frame has.
    pub slots: usize,
    /// The rows.
    pub input: Node,
    /// The slot of the document.
    pub document: usize,
    /// The slot of its id.
    pub id: usize,
    /// What is done.
    pub operation: Operation,
}

/// What is done to a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Assigns values; MISSING removes.
    Set(Vec<(Target, Expression)>),
    /// Inserts one value into a list or struct.
    Insert {
        /// The container.
        target: Target,
        /// The value.
        value: Expression,
        /// Position in a list (the end by default), name in a struct.
        at: Option<Expression>,
    },
    /// Appends a value, or each element of a list or bag, to a list.
    InsertEach {
        /// The container.
        target: Target,
        /// The values.
        values: Expression,
    },
    /// Removes what the target names; the document when the target has no steps.
    Remove(Target),
    /// Deletes the document.
    Delete,
}

/// A place in a document, from its top.
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
    /// The element that a nested source stands at: this slot holds its position or its field's name;
    /// MISSING when the source ranges over a single value, then there is no step.
    Place(usize),
}
