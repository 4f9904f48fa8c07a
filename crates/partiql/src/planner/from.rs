//! Resolves FROM: tables, views, history and nested collections, with the names that they bring.

use std::ops::Range;
use std::sync::Arc;

use everstrand_ion::{Data, Timestamp, Value};

use super::scope::{Clause, SourceFields, SourceNames, already_defined, implied_name};
use super::shape::conjuncts;
use super::{Planner, global_access_is_illegal};
use crate::ast::{self, FromClause, FromItem, FromSource, Identifier, Join, PathStep};
use crate::error::PartiqlError;
use crate::expression::FunctionForm;
use crate::plan::{Expression, JoinKind, SourceSlots};
use crate::position::Position;
use crate::tables::{AsOf, HistoryTable, Source};

/// A FROM clause whose names are resolved. Where conditions are checked is not decided yet.
#[derive(Clone)]
pub(super) struct Tree {
    pub(super) kind: TreeKind,
    /// The slots that it fills.
    pub(super) slots: Range<usize>,
}

/// A leaf or a join.
#[derive(Clone)]
pub(super) enum TreeKind {
    /// A table or a view.
    Table { source: Source, name: String, alias: Arc<str>, slots: SourceSlots },
    /// Any other value.
    Value { value: Expression, unpivot: bool, slots: SourceSlots },
    /// Two trees; the right may read the slots of the left.
    Join { left: Box<Tree>, right: Box<Tree>, kind: JoinKind, on: Vec<Expression> },
    /// A full join of two trees. Neither reads the slots of the other.
    Full { left: Box<Tree>, right: Box<Tree>, on: Vec<Expression> },
}

impl Tree {
    /// Whether it reads slots of sources on its left, apart from conditions that come from outside.
    pub(super) fn reads(&self, left_slots: &Range<usize>) -> bool {
        match &self.kind {
            TreeKind::Table { .. } => false,
            TreeKind::Value { value, .. } => value.reads(std::slice::from_ref(left_slots)),
            TreeKind::Join { left, right, on, .. } | TreeKind::Full { left, right, on } => {
                left.reads(left_slots)
                    || right.reads(left_slots)
                    || on.iter().any(|condition| condition.reads(std::slice::from_ref(left_slots)))
            }
        }
    }
}

impl<'a> Planner<'a> {
    /// Resolves a FROM clause into the innermost scope. With `places` every source gets slots for its place and its id,
    /// named or not, because DML must know which place in which document a row comes from.
    pub(super) fn sources(&mut self, from: &'a FromClause, places: bool) -> Result<Tree, PartiqlError> {
        let mut tree: Option<Tree> = None;
        for term in &from.terms {
            let right = match &term.source {
                FromSource::Item(item) => self.source_item(item, places)?,
                FromSource::Nested(from) => self.sources(from, places)?,
            };
            let Some(left) = tree else {
                tree = Some(right);
                continue;
            };
            self.check_join(term, &left, &right, places)?;
            let on = match &term.condition {
                None => self.using(term, &left.slots, &right.slots)?,
                Some(condition) => {
                    self.clause(Clause::Rows);
                    let condition = self.condition(condition)?;
                    self.clause(Clause::From);
                    conjuncts(condition)
                }
            };
            let slots = left.slots.start..right.slots.end;
            let (left, right) = (Box::new(left), Box::new(right));
            let kind = match term.join {
                Join::Comma | Join::Cross | Join::Inner => {
                    TreeKind::Join { left, right, kind: JoinKind::Inner, on }
                }
                Join::Left => TreeKind::Join { left, right, kind: JoinKind::Left, on },
                // A right join is the left join of its sides in the other order.
                Join::Right => TreeKind::Join { left: right, right: left, kind: JoinKind::Left, on },
                Join::Full => TreeKind::Full { left, right, on },
            };
            tree = Some(Tree { kind, slots });
        }
        Ok(tree.expect("the parser makes no FROM clause without a source"))
    }

    /// Refuses an outer join in a strict ledger, one in a statement that changes the documents of its rows, and one whose
    /// right side reads its left side.
    fn check_join(
        &self,
        term: &ast::FromTerm,
        left: &Tree,
        right: &Tree,
        is_change: bool,
    ) -> Result<(), PartiqlError> {
        if let Join::Left = term.join {
            self.extension(
                term.position,
                "unexpected token found, KEYWORD : left",
                "Only inner joins are supported",
            )?;
        }
        if let Join::Right | Join::Full = term.join {
            if !self.options.extensions {
                return Err(PartiqlError::semantic(Some(term.position), "RIGHT and FULL JOIN not supported"));
            }
            if is_change {
                return Err(PartiqlError::refused(
                    term.position,
                    "RIGHT JOIN and FULL JOIN have rows without a document, so a statement that changes documents takes none",
                ));
            }
            if right.reads(&left.slots) {
                return Err(PartiqlError::refused(
                    term.position,
                    "The right side of RIGHT JOIN and FULL JOIN may not read its left side, because it has rows without a left row",
                ));
            }
        }
        Ok(())
    }

    /// Notes which clause of the innermost query is resolved next.
    pub(super) fn clause(&mut self, clause: Clause) {
        self.scopes.last_mut().expect("a FROM clause is resolved into a scope").clause = clause;
    }

    fn source_item(&mut self, item: &'a FromItem, places: bool) -> Result<Tree, PartiqlError> {
        let common = self.common_table(item)?;
        let table = if item.unpivot.is_some() || common.is_some() { None } else { self.table(item)? };
        let value = match table {
            Some(_) => None,
            None if common.is_some() => common,
            None if item.as_of.is_some() => {
                if let ast::Expression::Variable(ast::Variable { name, local: false }) = &item.value {
                    return Err(self.no_such_variable(name));
                }
                return Err(PartiqlError::refused(
                    item.position,
                    "AS OF may only follow the name of a table",
                ));
            }
            None => Some(self.collection(&item.value)?),
        };
        let scope = self.scopes.last_mut().expect("a FROM clause is resolved into a scope");
        if scope.sources.len() >= ast::MAX_SOURCES {
            return Err(PartiqlError::limit(format!(
                "A FROM clause lists more than {} sources at line {}, column {}",
                ast::MAX_SOURCES,
                item.position.line,
                item.position.column
            )));
        }
        let alias = match &item.alias {
            Some(alias) => Arc::from(alias.name.as_str()),
            None => implied_name(&item.value, scope.sources.len() + 1),
        };
        let alias_position = item.alias.as_ref().map_or(item.position, |alias| alias.position);
        scope.check_free(&alias, alias_position)?;
        for (at, name) in [&item.at, &item.by].into_iter().enumerate() {
            let Some(name) = name else { continue };
            scope.check_free(&name.name, name.position)?;
            let earlier = item.at.as_ref().filter(|_| at == 1).map(|name| name.name.as_str());
            if [Some(&*alias), earlier]
                .into_iter()
                .flatten()
                .any(|other| other.eq_ignore_ascii_case(&name.name))
            {
                return Err(already_defined(&name.name, name.position));
            }
        }
        let at = item.at.as_ref().map(|name| name.name.as_str().into());
        let by = item.by.as_ref().map(|name| name.name.as_str().into());
        let slots = SourceSlots {
            value: scope.slot(&alias),
            at: (item.at.is_some() || places).then(|| scope.slot(at.as_deref().unwrap_or("place"))),
            by: (item.by.is_some() || places).then(|| scope.slot(by.as_deref().unwrap_or("id"))),
        };
        // The slots of a source follow each other, and so do those of the sources of a join: ranges of slots name them.
        let filled = slots.value..scope.slot_names.len();
        let fields = match (&table, &value) {
            (Some((source, _)), _) => SourceFields::of_table(source),
            (None, Some(value)) if item.unpivot.is_none() => SourceFields::of_collection(value),
            _ => SourceFields::Any,
        };
        scope.sources.push(SourceNames { alias: Arc::clone(&alias), at, by, slots, fields });
        let kind = match (table, value) {
            (Some((source, name)), _) => {
                scope.tables.push(source.clone());
                TreeKind::Table { source, name, alias, slots }
            }
            (None, Some(value)) => TreeKind::Value { value, unpivot: item.unpivot.is_some(), slots },
            (None, None) => unreachable!("a source is a table or a value"),
        };
        Ok(Tree { kind, slots: filled })
    }

    /// The table or view that a FROM item names, if it names one, and the name that EXPLAIN shows.
    fn table(&mut self, item: &'a FromItem) -> Result<Option<(Source, String)>, PartiqlError> {
        let function;
        let (source, name, shown) = match &item.value {
            ast::Expression::Variable(ast::Variable { name, local: false }) => {
                let as_of = item.as_of.as_ref().map(|as_of| self.as_of(as_of)).transpose()?.flatten();
                (self.source(&name.name, as_of)?, name, name.name.clone())
            }
            ast::Expression::Path { root, steps } if item.as_of.is_none() => match (&**root, &**steps) {
                (
                    ast::Expression::Variable(ast::Variable { name, local: false }),
                    [PathStep::Field(member)],
                ) if name.name == "information_schema" => {
                    let shown = format!("information_schema.{member}");
                    self.sources = None;
                    (self.tables.information_schema(member)?, name, shown)
                }
                _ => return Ok(None),
            },
            ast::Expression::Call { function: FunctionForm::Named(name), arguments, position }
                if item.as_of.is_none() && name.eq_ignore_ascii_case("history") =>
            {
                function = Identifier { name: name.to_string(), position: *position, is_quoted: false };
                (Some(self.history(arguments, *position)?), &function, item.value.to_string())
            }
            ast::Expression::Call { function: FunctionForm::Diff(as_of), arguments, position }
                if item.as_of.is_none() =>
            {
                let source;
                (source, function) = self.diff(arguments, *as_of, *position)?;
                (Some(source), &function, item.value.to_string())
            }
            _ => return Ok(None),
        };
        let Some(source) = source else { return Ok(None) };
        // N8
        if self.scopes.len() > 1 && !self.options.extensions {
            return Err(global_access_is_illegal(name));
        }
        self.uses_rows(&source);
        Ok(Some((source, shown)))
    }

    /// `AS OF moment`. `None` if the moment is a parameter that was not given.
    fn as_of(&mut self, clause: &'a ast::Clause) -> Result<Option<AsOf>, PartiqlError> {
        self.extension(
            clause.position,
            "expected identifier for alias, KEYWORD : of",
            "Expected identifier for alias",
        )?;
        self.moment(&clause.value, clause.position)
    }

    /// A moment after AS OF. `None` if it is a parameter that was not given.
    pub(super) fn moment(
        &mut self,
        moment: &'a ast::Expression,
        position: Position,
    ) -> Result<Option<AsOf>, PartiqlError> {
        if self.is_absent(moment) {
            return Ok(None);
        }
        match self.constant(moment)? {
            Some(Value { data: Data::Timestamp(timestamp), .. }) => Ok(Some(AsOf::Timestamp(timestamp))),
            Some(Value { data: Data::Int(block), .. }) if block.as_u64().is_some() => {
                Ok(block.as_u64().map(AsOf::Block))
            }
            _ => Err(PartiqlError::refused(
                position,
                "AS OF takes a timestamp or the sequence number of a block, as a literal or a parameter",
            )),
        }
    }

    /// H1 to H5: `history(table [, start [, end]])`.
    fn history(
        &mut self,
        arguments: &'a [ast::Expression],
        position: Position,
    ) -> Result<Source, PartiqlError> {
        // The bounds may be parameters. The plan holds their values and so cannot be used again.
        self.sources = None;
        let wrong = |message: &str| Err(PartiqlError::refused(position, message));
        let (table, start, end) = match arguments {
            [table] => (table, None, None),
            [table, start] => (table, Some(start), None),
            [table, start, end] => (table, Some(start), Some(end)),
            _ => return wrong("history takes a table, and optionally a start and an end"),
        };
        let start = self.history_bound(start, position)?;
        let end = self.history_bound(end, position)?;
        if let (Some(start), Some(end)) = (&start, &end)
            && start.instant_cmp(end).is_gt()
        {
            return wrong("history's start is later than its end");
        }
        let now = self.tables.now();
        if start.iter().chain(&end).any(|bound| bound.instant_cmp(&now).is_gt()) {
            return wrong("history's start and end must not lie in the future");
        }
        let (name, table) = match table {
            ast::Expression::Variable(variable) => {
                (variable.name.clone(), HistoryTable::Name(&variable.name.name))
            }
            ast::Expression::Literal { value, .. } => match &value.data {
                Data::String(id) => {
                    let name = Identifier { name: id.clone(), position, is_quoted: false };
                    (name, HistoryTable::Id(id))
                }
                _ => return wrong("history's first argument is the name of a table or the string of its id"),
            },
            _ => return wrong("history's first argument is the name of a table or the string of its id"),
        };
        let source = self.tables.history(table, start, end)?;
        source.ok_or_else(|| self.no_such_variable(&name))
    }

    fn history_bound(
        &mut self,
        bound: Option<&'a ast::Expression>,
        position: Position,
    ) -> Result<Option<Timestamp>, PartiqlError> {
        let Some(bound) = bound else { return Ok(None) };
        if self.is_absent(bound) {
            return Ok(None);
        }
        match self.constant(bound)? {
            Some(Value { data: Data::Timestamp(timestamp), .. }) => Ok(Some(timestamp)),
            _ => Err(PartiqlError::refused(
                position,
                "history's start and end are timestamps, as Ion literals or parameters",
            )),
        }
    }

    /// Whether the expression is a parameter that was not given. [`plan`](super::plan) reports it at the end.
    fn is_absent(&mut self, expression: &'a ast::Expression) -> bool {
        let ast::Expression::Parameter { index, .. } = expression else { return false };
        self.parameters_seen = self.parameters_seen.max(index + 1);
        *index >= self.parameters.len()
    }
}
