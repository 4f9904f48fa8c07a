//! What the executor runs. The planner has replaced names by slots, found every source, and chosen the access to
//! the rows of each table.
//!
//! Each query level has one *frame*: a row of slots. A node fills the slots of its sources, and the expressions of
//! that level read them. A nested query has a frame of its own. It reads the frames around it by `depth`: 0 is its
//! own frame, 1 the frame of the query that contains it, and so on.
//!
//! Rows are pulled: each node asks the node below it for the next row, which then stands in the frame. The right
//! side of a [`Node::Join`] begins again for each row of the left side, because it may read slots of the left.
//! A condition stays in the [`Node::Filter`] above a scan even if the access of the scan serves it, because an index
//! keeps long keys only in part and so finds rows beside the wanted ones.
//!
//! *Read I/Os*: each row that a [`Node::Scan`] yields counts one. A hash table is read once. It reports what a nested
//! loop would have read, which is the rows of the table once for each row that is looked up in it.

pub(crate) mod explain;
mod names;
mod places;
pub(crate) mod premises;
mod statement;
mod uses;
mod walk;
mod window;

use std::ops::Range;
use std::sync::Arc;

pub use crate::ast::{Frame, FrameBound, FrameUnit, SetOperator};
pub use names::{Coercion, Expression, Function, Link, NestedQuery, Never, PathStep, Resolved, Variable};
pub use places::{JoinKind, SourceSlots};
pub use premises::Plan;
pub use statement::{Analyze, InsertPlan, Insertion, ModifyPlan, Operation, Statement, Target, TargetStep};
pub use uses::{TableUse, UseKind};
pub use window::WindowKind;

use crate::expression::AggregateFunction;
use crate::position::Position;
use crate::tables::{Index, Source};

/// One query level.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryPlan {
    /// The number of slots in the frame.
    pub slots: usize,
    /// The node that yields the rows: joined, filtered, grouped and sorted.
    pub input: Node,
    /// The value that each row is turned into.
    pub projection: Projection,
    /// Whether the first of several equal results is yielded and the others are not.
    pub distinct: bool,
    /// How many results are skipped, counted after `distinct`. The expression reads no slot.
    pub offset: Option<Expression>,
    /// How many results are yielded, counted after `offset`. The expression reads no slot.
    pub limit: Option<Expression>,
    /// Whether each row of the one scan below makes a result. LIMIT then says how many rows to read, and OFFSET may skip
    /// rows unread.
    pub counts_rows: bool,
    /// Whether the query reads slots of frames around its own. If it does not, its result is always the same.
    pub correlated: bool,
    /// Whether computing its results cannot fail.
    pub is_total: bool,
}

/// The value that a query turns each row into.
#[derive(Clone, Debug, PartialEq)]
pub enum Projection {
    /// The value itself. MISSING becomes null in the result of a statement. In the bag of a nested query MISSING is
    /// an element like any other.
    Value(Expression),
    /// A struct with the fields of these items.
    Items(Vec<ProjectionItem>),
    /// A list of the values of these expressions, MISSING included. It is a row for [`Combine`].
    Row(Vec<Expression>),
}

/// An item of a select list.
#[derive(Clone, Debug, PartialEq)]
pub enum ProjectionItem {
    /// A field. It is left out if its value is MISSING.
    Field {
        /// The name of the field.
        name: Arc<str>,
        /// The value of the field.
        value: Expression,
    },
    /// All fields of a struct. Any other value but MISSING becomes a field `_N`, where N is the number of fields
    /// before it plus one.
    All(Expression),
    /// All fields of a struct but those of these names. Any other value makes no field.
    AllBut(Expression, Vec<Arc<str>>),
}

/// A step that yields rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// One row that fills no slot.
    One,
    /// Rows of a table or a view.
    Scan(Box<Scan>),
    /// The elements of a list or a bag. Any other value is its own only element.
    Iterate {
        /// The value. It may read slots of the sources to its left.
        value: Expression,
        /// Whether the rows are the fields of a struct instead. Any other value is taken for a struct with one field
        /// `_1`.
        unpivot: bool,
        /// The slots to fill.
        slots: SourceSlots,
    },
    /// All rows of the right side for each row of the left side.
    Join {
        /// The outer loop.
        left: Box<Node>,
        /// The inner loop. It begins again for each row of the left side.
        right: Box<Node>,
        /// Inner or left join.
        kind: JoinKind,
        /// The condition that a pair of rows must meet.
        condition: Option<Expression>,
        /// The slots that the right side fills. A left join fills them with NULL for a left row without a match.
        right_slots: Range<usize>,
        /// Whether the right side is read for the first row of the left only, and held for the others, because it
        /// yields the same rows for each.
        is_held: bool,
        /// About how many rows the planner expects, if it knows the sizes of the tables.
        estimate: Option<u64>,
    },
    /// The pairs of rows that match, found by a hash table of the rows on the right. The right side reads no slot of
    /// the left.
    HashJoin(Box<HashJoin>),
    /// The rows of a source whose keys equal values of the queries around it, found by a hash table.
    HashLookup(Box<HashLookup>),
    /// A full outer join.
    FullJoin(Box<FullJoin>),
    /// The results of two queries.
    Combine(Box<Combine>),
    /// The rows for which the condition is TRUE.
    Filter {
        /// The node whose rows are filtered.
        input: Box<Node>,
        /// The condition.
        condition: Expression,
    },
    /// One row for each group. Above it only the slots of the group are filled.
    Group(Box<Group>),
    /// The rows with the values of window functions.
    Window(Box<Window>),
    /// All rows in order. Equal rows keep the order in which they came.
    Sort {
        /// The node whose rows are sorted.
        input: Box<Node>,
        /// The keys, the most significant first.
        terms: Vec<SortTerm>,
        /// In the order of how many of the first terms the rows come already. Then only the rows that are equal in
        /// these terms are held at one time.
        presorted: usize,
    },
}

/// Rows of a table or a view.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// The table or view.
    pub source: Source,
    /// Its name as the statement has it. EXPLAIN shows it.
    pub name: String,
    /// The name that the statement gives its rows. EXPLAIN shows it.
    pub alias: Arc<str>,
    /// How the rows are reached.
    pub access: AccessPlan,
    /// The slots that a row fills. `at` is always MISSING.
    pub slots: SourceSlots,
    /// Conditions that the tables may check before they make a document of a row. They are the first of the filter above.
    pub filter: Option<Expression>,
    /// Whether they are all conditions of that filter.
    pub filter_is_whole: bool,
    /// Whether only the first of the rows with the same key is wanted. The executor may yield the others, too.
    pub firsts: bool,
    /// About how many rows the planner expects to be read each time, if it knows the size of the table.
    pub estimate: Option<u64>,
}

/// The pairs of a left and a right row that match. They come in the order of the left rows, and for each left row in
/// the order of the right rows.
#[derive(Clone, Debug, PartialEq)]
pub struct HashJoin {
    /// The side whose rows are looked up in the table.
    pub left: Node,
    /// The side that is read once, into the table.
    pub right: Node,
    /// Inner or left join.
    pub kind: JoinKind,
    /// What must hold for a pair.
    pub keys: HashKeys,
    /// A further condition that a pair of rows must meet.
    pub condition: Option<Expression>,
    /// The slots that the right side fills. A left join fills them with NULL for a left row without a match.
    pub right_slots: Vec<Range<usize>>,
    /// Whether the table is kept for the other executions of its query, because its rows are always the same.
    pub is_kept: bool,
    /// The right side as a nested loop reads it for each row of the left, by an index. It stands in for a table that
    /// would hold too many bytes.
    pub otherwise: Option<Node>,
    /// About how many rows the planner expects, if it knows the sizes of the tables.
    pub estimate: Option<u64>,
}

/// The rows of a source whose keys equal values that are known before, in a query that is run again and again. The
/// first run reads the source as if there were no table, because it may be the only one. The second makes the table,
/// and all others use it.
#[derive(Clone, Debug, PartialEq)]
pub struct HashLookup {
    /// The rows of the table. They are the same for each run.
    pub input: Node,
    /// What must hold for a row. The known side reads the queries around this one.
    pub keys: HashKeys,
    /// The slots that a row fills.
    pub slots: Range<usize>,
    /// The same rows without a table: for the first run, and if the table would hold too many bytes.
    pub otherwise: Node,
    /// About how many rows the planner expects for each run, if it knows the size of the table.
    pub estimate: Option<u64>,
}

/// What must hold for a row that is looked up, which is *known*, and a *held* row in a hash table.
///
/// Some keys can fail. A nested loop meets such a failure only if it evaluates the condition for a pair of rows, after
/// all conditions before it have been TRUE for the pair. The keys stand in the order of these conditions. If one fails
/// for a row, the row is paired with all rows of the other side. The conditions are then checked on the pairs, as a
/// nested loop does.
#[derive(Clone, Debug, PartialEq)]
pub struct HashKeys {
    /// The keys, at least one of them an equality.
    pub parts: Vec<HashKey>,
    /// Whether a key may fail for a known row. If none may, the table needs no rows that have no key.
    pub known_may_fail: bool,
}

impl HashKeys {
    /// The pairs of values that must be equal.
    pub(crate) fn equalities(&self) -> Vec<(Expression, Expression)> {
        let equalities = self.parts.iter().filter_map(|part| match part {
            HashKey::Equal(known, held) => Some((known.clone(), held.clone())),
            HashKey::Known(_) | HashKey::Held(_) => None,
        });
        equalities.collect()
    }
}

/// One of [`HashKeys`].
#[derive(Clone, Debug, PartialEq)]
pub enum HashKey {
    /// Two values that must be equal, of the known and of the held row. NULL and MISSING equal nothing.
    Equal(Expression, Expression),
    /// A condition on the known row. It is checked again on pairs.
    Known(Expression),
    /// A condition on the held row. It is checked again on pairs.
    Held(Expression),
}

/// How the rows of a table are reached. The planner chooses it once; the executor computes its values each time
/// that it begins to read.
#[derive(Clone, Debug, PartialEq)]
pub enum AccessPlan {
    /// Reads all rows.
    Scan,
    /// Looks documents up by their ids.
    Documents(Keys),
    /// Looks documents up in an index.
    Index(Box<IndexAccess>),
    /// The rows that any of these finds, each once: one for each operand of an OR. None of them is a union, and none
    /// reads all rows.
    Union(Vec<AccessPlan>),
}

/// A lookup of documents in an index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexAccess {
    /// The index.
    pub index: Index,
    /// The keys of the first paths. All combinations of their values are looked up.
    pub equal: Vec<Keys>,
    /// The wanted range of the path after those of `equal`. It is [`KeyRangePlan::All`] if there is no such path.
    pub range: KeyRangePlan,
    /// The order of that path in which rows must come, if they must. All keys of `equal` are then [`Keys::One`].
    pub order: Option<KeyOrder>,
}

/// The values that a key or an id may equal. NULL and MISSING equal nothing and so find no rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Keys {
    /// This value.
    One(Expression),
    /// Any of these values. Each row is found once, even if two values are equal.
    AnyOf(Vec<Expression>),
    /// Any element of this list or bag. Each row is found once. Any other value finds nothing.
    Each(Expression),
}

/// The wanted range of one path of an index.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyRangePlan {
    /// All values, with NULL and MISSING.
    All,
    /// Values between two bounds. A bound that is NULL or MISSING finds no row.
    Between {
        /// The lower bound, and whether it is included. Without a lower bound NULL and MISSING are not found either.
        lower: Option<(Expression, bool)>,
        /// The upper bound, and whether it is included.
        upper: Option<(Expression, bool)>,
    },
    /// Texts that may match a LIKE pattern, because they begin with the text before its first wildcard.
    Like {
        /// The pattern.
        pattern: Expression,
        /// The escape character.
        escape: Option<Expression>,
    },
    /// NULL and MISSING.
    Unknown,
    /// All values but NULL and MISSING.
    Known,
}

/// An order in which an index yields rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyOrder {
    /// Whether the greatest key comes first.
    pub descending: bool,
    /// Whether NULL and MISSING come first. They are the least keys of an index, so a descending read has to fetch
    /// them apart.
    pub nulls_first: bool,
}

/// One row for each group. Without keys there is exactly one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The node whose rows are grouped.
    pub input: Node,
    /// The keys. NULL and MISSING are one key, NULL.
    pub keys: Vec<GroupKey>,
    /// The aggregates that are computed for each group.
    pub aggregates: Vec<Aggregate>,
    /// `GROUP AS`: a bag with a struct for each row of the group.
    pub group_as: Option<GroupAs>,
    /// How each aggregate is answered without reading the rows of the one scan below, whose access serves all
    /// conditions. Empty if all rows must be read. The executor reads them, too, if a key is too long to be exact.
    pub kept: Vec<Kept>,
}

/// How an aggregate is answered without the rows that it is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// COUNT: as many as the access of the scan finds.
    Rows,
    /// COUNT of an indexed field: as many as this access finds.
    Keys(AccessPlan),
    /// COUNT(DISTINCT) of an indexed field: as many different keys as this access finds.
    DifferentKeys(AccessPlan),
    /// MIN or MAX of an indexed field: the first row of an access has the value.
    End(IndexEnd),
}

/// The end of a part of an index: the row with the least or the greatest value of one path.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexEnd {
    /// The access whose first row has the value.
    pub access: AccessPlan,
    /// The path of the value in the user's document.
    pub path: Vec<String>,
}

/// A key of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupKey {
    /// The value of the key.
    pub value: Expression,
    /// The slot that it fills.
    pub slot: usize,
    /// The name of the slot. EXPLAIN shows it.
    pub name: Arc<str>,
}

/// `GROUP AS name`
#[derive(Clone, Debug, PartialEq)]
pub struct GroupAs {
    /// The fields of a struct: the name of each source and the slot of its value.
    pub fields: Vec<(Arc<str>, usize)>,
    /// The slot that it fills.
    pub slot: usize,
}

/// One aggregate of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// The function.
    pub function: AggregateFunction,
    /// Whether equal values count once.
    pub distinct: bool,
    /// The argument. `COUNT(*)` has none.
    pub argument: Option<Expression>,
    /// The condition that a row must meet to be taken in.
    pub filter: Option<Expression>,
    /// The slot that it fills.
    pub slot: usize,
    /// The name of the slot. EXPLAIN shows it.
    pub name: Arc<str>,
    /// Where the call stands. Errors name it.
    pub position: Position,
}

/// A key of a sort.
#[derive(Clone, Debug, PartialEq)]
pub struct SortTerm {
    /// The value by which rows are compared.
    pub value: Expression,
    /// Whether the greatest value comes first.
    pub descending: bool,
    /// Whether NULL and MISSING come first.
    pub nulls_first: bool,
}

/// The results of two queries as rows. Both queries have the frame of this node around them and not within, as the
/// query of this node itself has.
#[derive(Clone, Debug, PartialEq)]
pub struct Combine {
    /// Which results are yielded.
    pub operator: SetOperator,
    /// Whether equal results are kept as often as they come. If not, MISSING becomes NULL.
    pub all: bool,
    /// The query whose results come first.
    pub left: QueryPlan,
    /// The other query.
    pub right: QueryPlan,
    /// The slots to fill: one for each item of a select list, or one for the whole result.
    pub slots: usize,
    /// Whether results are select lists. They are compared item by item.
    pub is_list: bool,
}

/// All pairs of rows that match, each left row without a match, and then each right row without a match. The right
/// side reads no slot of the left side. It is read once.
#[derive(Clone, Debug, PartialEq)]
pub struct FullJoin {
    /// The side whose rows are looked up.
    pub left: Node,
    /// The side that is held.
    pub right: Node,
    /// The values that must be equal, of the left and of the right row. NULL and MISSING equal nothing.
    pub keys: Vec<(Expression, Expression)>,
    /// A further condition that a pair of rows must meet.
    pub condition: Option<Expression>,
    /// The slots that the left side fills. They are NULL for a right row without a match.
    pub left_slots: Range<usize>,
    /// The slots that the right side fills. They are NULL for a left row without a match.
    pub right_slots: Range<usize>,
}

/// The same rows in the same order, each with the values of window functions. All rows are held meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The node whose rows are seen.
    pub input: Node,
    /// The functions, together where they see the rows in the same order.
    pub orders: Vec<WindowOrder>,
}

/// Functions that see the rows in the same partitions and the same order.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowOrder {
    /// Rows with equal values form a partition. NULL and MISSING are equal.
    pub partition: Vec<Expression>,
    /// The order of the rows of a partition. Rows that are equal in it are *peers*; without terms all rows are.
    pub order: Vec<SortTerm>,
    /// The functions.
    pub functions: Vec<WindowFunction>,
}

/// A window function.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowFunction {
    /// What it computes.
    pub kind: WindowKind,
    /// The arguments.
    pub arguments: Vec<Expression>,
    /// The condition that a row must meet to be aggregated.
    pub filter: Option<Expression>,
    /// The rows that it sees, if it looks at a frame. The number of rows in a bound reads no slot.
    pub frame: Frame<Expression>,
    /// The slot that it fills.
    pub slot: usize,
    /// The name of the slot. EXPLAIN shows it.
    pub name: Arc<str>,
    /// Where the call stands. Errors name it.
    pub position: Position,
}
