//! The syntax tree: what a statement says, before any name is looked up.
//!
//! The tree does not say how things were spelt: parentheses are gone, `a['b']` is `a.b`, `!=` is `<>`, and
//! quoted identifiers equal plain ones because the case of a name always matters. The tree does say where
//! things stand, because error texts name the place. Printing a tree and parsing the text gives an equal tree.
//!
//! Chains that can be long (`a OR b OR …`, paths, FROM lists) are lists. Everything else is at most
//! [`MAX_DEPTH`] deep, so that functions over a tree may recurse.

mod print;
mod print_call;
mod query;

use std::fmt::{self, Formatter};

use crate::expression::{self, Located, Names};
pub use crate::expression::{
    AggregateFunction, BinaryOperator, DatePart, FunctionForm, Quantifier, TrimSide, Type,
};
pub use crate::position::Position;
pub use query::{
    ClausedCall, Combined, CommonTable, Frame, FrameBound, FrameUnit, QueryExpression, Rows, SetOperator,
    Unexpected, Using, Window, With,
};

/// An expression as a statement has it.
pub type Expression = expression::Expression<Written>;

/// An operator of a chain as a statement has it.
pub type Link = expression::Link<Written>;

/// A step of a path as a statement has it.
pub type PathStep = expression::PathStep<Written>;

/// Names as a statement writes them.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {}

impl Names for Written {
    type Variable = Variable;
    type Function = FunctionForm;
    type Query = QueryExpression;
    type Claused = ClausedCall;

    fn form(function: &FunctionForm) -> FunctionForm {
        function.clone()
    }
}

/// A name within an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// The name.
    pub name: Identifier,
    /// Whether `@` stands before it, so that aliases are looked up before tables.
    pub local: bool,
}

impl Located for Variable {
    fn position(&self) -> Position {
        self.name.position
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.local { "@" } else { "" }, self.name)
    }
}

/// The deepest nesting of expressions and queries in one statement.
pub const MAX_DEPTH: usize = 64;

/// The most sources that one FROM clause may list.
pub const MAX_SOURCES: usize = 64;

/// A name and where it stands. Two identifiers are equal when their names are, quoted or not.
#[derive(Clone, Debug)]
pub struct Identifier {
    /// The name, without quotes.
    pub name: String,
    /// Where it stands.
    pub position: Position,
    /// Whether it stands between double quotes. Hints depend on it.
    pub is_quoted: bool,
}

impl PartialEq for Identifier {
    fn eq(&self, other: &Identifier) -> bool {
        self.name == other.name
    }
}

impl Eq for Identifier {}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `CREATE TABLE [IF NOT EXISTS] name [WITH (option = value, …)]`
    CreateTable {
        /// The new table.
        name: Identifier,
        /// `IF NOT EXISTS`
        if_not_exists: Option<Extension>,
        /// The options. The planner refuses all but `aws_tags`.
        options: Vec<(Identifier, Expression)>,
    },
    /// `CREATE [UNIQUE] INDEX [IF NOT EXISTS] [name] ON table (path, …)`
    CreateIndex {
        /// The name of the index. An extension.
        name: Option<Identifier>,
        /// `IF NOT EXISTS`
        if_not_exists: bool,
        /// What QLDB's grammar did not have before `ON`.
        extension: Option<Extension>,
        /// The table.
        table: Identifier,
        /// The indexed paths, each a list of field names.
        paths: Vec<Vec<Identifier>>,
        /// Whether no two documents may share a key. An extension.
        unique: bool,
        /// Where `INDEX` stands, or `UNIQUE` before it.
        position: Position,
    },
    /// `DROP INDEX "id" ON table WITH (purge = true)`, and `DROP INDEX [IF EXISTS] name [ON table]`.
    DropIndex {
        /// The id or the name of the index.
        index: Identifier,
        /// The table. QLDB's form has it.
        table: Option<Identifier>,
        /// `IF EXISTS`
        if_exists: bool,
        /// What is not in QLDB's form.
        extension: Option<Extension>,
    },
    /// `DROP TABLE [IF EXISTS] name`
    DropTable {
        /// The table.
        name: Identifier,
        /// `IF EXISTS`
        if_exists: Option<Extension>,
    },
    /// `UNDROP TABLE "id"`
    UndropTable {
        /// The table id.
        table_id: Identifier,
    },
    /// `INSERT INTO table …` as a statement of its own.
    Insert {
        /// The table. The planner refuses a path of more than one step.
        target: SimplePath,
        /// The values that are inserted.
        insertion: Insertion,
        /// `ON CONFLICT DO …`. An extension.
        on_conflict: Option<ConflictAction>,
    },
    /// UPDATE, DELETE and the FROM form.
    Modify(Box<Modify>),
    /// `EXEC procedure argument, …`
    Exec {
        /// The procedure.
        procedure: Identifier,
        /// The arguments.
        arguments: Vec<Expression>,
    },
    /// A query. Any expression but [`Expression::Query`] is a bare expression, which is an extension.
    Query(Expression),
    /// `EXPLAIN [ANALYZE] statement`. An extension.
    Explain {
        /// The statement that is explained. It is no EXPLAIN itself.
        statement: Box<Statement>,
        /// The word `ANALYZE`, if the statement is run and measured.
        analyze: Option<Identifier>,
        /// Where `EXPLAIN` stands.
        position: Position,
    },
}

/// A place where the statement has what QLDB's grammar did not, and the error that QLDB gave there. All extensions
/// compare equal, because they only say where things stand.
#[derive(Clone, Debug)]
pub struct Extension {
    /// The place.
    pub position: Position,
    /// What was found.
    pub found: String,
    /// The general message.
    pub kind: String,
}

impl PartialEq for Extension {
    fn eq(&self, _other: &Extension) -> bool {
        true
    }
}

/// A statement that finds documents and changes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Modify {
    /// The form in which it was written.
    pub form: ModifyForm,
    /// The table. In the FROM form nested collections of the table may follow.
    pub from: FromClause,
    /// The condition that a row must meet.
    pub condition: Option<Expression>,
    /// What is done to the document of each row.
    pub operation: Operation,
}

/// The three ways to write a [`Modify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModifyForm {
    /// `UPDATE t … operation WHERE …`
    Update,
    /// `DELETE FROM t … WHERE …`
    Delete,
    /// `FROM t, … WHERE … operation`
    From,
}

/// What a [`Modify`] does to each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// `SET path = value, …`
    Set(Vec<(SimplePath, Expression)>),
    /// `INSERT INTO path …`
    Insert {
        /// A list or struct within the document.
        target: SimplePath,
        /// The values that are inserted.
        insertion: Insertion,
    },
    /// `REMOVE path`
    Remove(SimplePath),
    /// `DELETE`. It only stands in [`ModifyForm::Delete`].
    Delete,
}

/// The values that an INSERT inserts.
#[derive(Clone, Debug, PartialEq)]
pub enum Insertion {
    /// `VALUE value [AT position]`: exactly one value.
    One {
        /// The value.
        value: Expression,
        /// A position in a list or a field's name in a struct.
        at: Option<Expression>,
    },
    /// `value`: a struct is one document, a list or a bag has a document in each element.
    Each(Expression),
    /// `(column, …) VALUES (value, …), …`: a document for each row. An extension.
    Rows {
        /// The names of the fields.
        columns: Vec<Identifier>,
        /// The values of each row.
        rows: Vec<Vec<Expression>>,
        /// Where `VALUES` stands.
        extension: Extension,
    },
    /// `(column, …) SELECT …`: a document for each row of the query. An extension.
    Query {
        /// The names of the fields.
        columns: Vec<Identifier>,
        /// The query.
        query: Expression,
        /// Where the query stands.
        extension: Extension,
    },
}

/// What happens when an inserted document has the same key in a unique index as another document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConflictAction {
    /// `DO REPLACE` instead of `DO NOTHING`.
    pub replace: bool,
    /// Where `ON` stands.
    pub position: Position,
}

/// A path of names and numbers. DML can change what stands at such a path.
#[derive(Clone, Debug, PartialEq)]
pub struct SimplePath {
    /// The first name.
    pub root: Identifier,
    /// The steps below it.
    pub steps: Vec<SimpleStep>,
}

/// A step of a [`SimplePath`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimpleStep {
    /// `.name` or `['name']`
    Field(String),
    /// `[n]`
    Index(u64),
}

/// `SELECT … [FROM …]`, or `PIVOT … FROM …`, which turns all rows into one struct.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Where `DISTINCT` stands, if it does. An extension.
    pub distinct: Option<Position>,
    /// The value that each row is turned into.
    pub projection: Projection,
    /// Where the rows come from.
    pub rows: Rows,
    /// `WHERE`
    pub condition: Option<Expression>,
    /// `GROUP BY`. An extension.
    pub group: Option<Group>,
    /// `HAVING`. An extension.
    pub having: Option<Expression>,
    /// `ORDER BY`. An extension.
    pub order: Option<Order>,
    /// `LIMIT`. An extension.
    pub limit: Option<Clause>,
    /// `OFFSET`. An extension.
    pub offset: Option<Clause>,
    /// Where `SELECT` stands.
    pub position: Position,
}

/// A clause of one expression, and where its keyword stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// The expression.
    pub value: Expression,
    /// Whether it is `FETCH FIRST … ROWS ONLY` instead of `LIMIT …`.
    pub is_fetch: bool,
    /// Where the keyword stands.
    pub position: Position,
}

/// The value that a query turns each row into.
#[derive(Clone, Debug, PartialEq)]
pub enum Projection {
    /// `SELECT VALUE e`
    Value(Expression),
    /// `SELECT *`
    Star,
    /// `SELECT item, …`
    Items(Vec<SelectItem>),
    /// `PIVOT value AT name`. An extension.
    Pivot {
        /// The value of a field.
        value: Expression,
        /// The name of the field.
        at: Expression,
    },
}

/// An item of a select list.
#[derive(Clone, Debug, PartialEq)]
pub enum SelectItem {
    /// `e [AS alias]`
    Expression {
        /// The expression.
        value: Expression,
        /// The name of the field, if the statement gives one.
        alias: Option<Identifier>,
    },
    /// `path.*`
    All(Expression),
}

/// A FROM clause: its terms from left to right. The join of the first is [`Join::Comma`].
#[derive(Clone, Debug, PartialEq)]
pub struct FromClause {
    /// The terms, at least one.
    pub terms: Vec<FromTerm>,
}

/// One source, and how it is joined with the sources before it.
#[derive(Clone, Debug, PartialEq)]
pub struct FromTerm {
    /// The kind of the join.
    pub join: Join,
    /// The source.
    pub source: FromSource,
    /// `ON`, if the join has it.
    pub condition: Option<Expression>,
    /// `USING (…)`, which stands instead of ON. An extension.
    pub using: Option<Using>,
    /// Where the first word of the join, or the comma, stands.
    pub position: Position,
}

/// How a source is joined with the sources before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// `,`
    Comma,
    /// `CROSS JOIN`
    Cross,
    /// `[INNER] JOIN … ON`
    Inner,
    /// `LEFT [OUTER] JOIN … ON`, or `LEFT CROSS JOIN` without ON. An extension.
    Left,
    /// `RIGHT [OUTER] JOIN … ON`, or `RIGHT CROSS JOIN` without ON. An extension.
    Right,
    /// `FULL [OUTER] JOIN … ON`, or `FULL CROSS JOIN` without ON. An extension.
    Full,
}

/// The source of a FROM term.
#[derive(Clone, Debug, PartialEq)]
pub enum FromSource {
    /// An expression and the names given to its elements.
    Item(Box<FromItem>),
    /// `( from list )`
    Nested(FromClause),
}

/// `[UNPIVOT] e [AS OF moment] [AS a] [AT b] [BY c]`
#[derive(Clone, Debug, PartialEq)]
pub struct FromItem {
    /// A table, a call of `history`, a path, a query or any other value.
    pub value: Expression,
    /// Where `UNPIVOT` stands, if it does.
    pub unpivot: Option<Position>,
    /// `AS OF`: a timestamp or a block's sequence number. An extension.
    pub as_of: Option<Clause>,
    /// The name of each element.
    pub alias: Option<Identifier>,
    /// The name of the place of each element: its position in a list, its name in a struct.
    pub at: Option<Identifier>,
    /// The name of the id of each document.
    pub by: Option<Identifier>,
    /// Where the item begins.
    pub position: Position,
}

/// `GROUP BY key [AS name], … [GROUP AS name]`
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The keys with their names.
    pub keys: Vec<(Expression, Option<Identifier>)>,
    /// The name of the group itself.
    pub group_as: Option<Identifier>,
    /// Where `GROUP` stands.
    pub position: Position,
}

/// `ORDER BY term, …`
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The terms, the most significant first.
    pub terms: Vec<OrderTerm>,
    /// Where `ORDER` stands.
    pub position: Position,
}

/// `e [ASC | DESC] [NULLS FIRST | NULLS LAST]`
#[derive(Clone, Debug, PartialEq)]
pub struct OrderTerm {
    /// What is compared.
    pub value: Expression,
    /// Whether the greatest value comes first.
    pub descending: bool,
    /// Whether NULL and MISSING come first. Without the clause they come last in ascending order and first in
    /// descending order.
    pub nulls_first: Option<bool>,
}

/// The last name of a variable or a path.
pub(crate) fn last_name(expression: &Expression) -> Option<&str> {
    match expression {
        Expression::Variable(variable) => Some(&variable.name.name),
        Expression::Path { steps, .. } => match steps.last() {
            Some(PathStep::Field(name)) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an expression is an aggregate over rows, which `COLL_SUM` and its like are not. With OVER it is none, because
/// it leaves the rows as they are.
pub(crate) fn is_aggregate(expression: &Expression) -> bool {
    match expression {
        Expression::Call { function, .. } => {
            matches!(function, FunctionForm::Aggregate { collection: false, .. })
        }
        Expression::Claused(call) => call.over.is_none(),
        _ => false,
    }
}
