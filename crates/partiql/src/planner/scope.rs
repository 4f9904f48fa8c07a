//! The names of one query level, and the slots that hold their values.

use std::sync::Arc;

use super::items::NamedItems;
use crate::ast::{self, last_name};
use crate::error::PartiqlError;
use crate::plan::{self, SourceSlots};
use crate::position::Position;
use crate::tables::Source;

/// One query level while it is resolved.
#[derive(Default)]
pub(super) struct Scope<'a> {
    /// The names of the slots given out so far.
    pub(super) slot_names: Vec<Arc<str>>,
    /// The sources, from left to right.
    pub(super) sources: Vec<SourceNames>,
    /// The tables among the sources.
    pub(super) tables: Vec<Source>,
    /// The items of the select list.
    pub(super) items: NamedItems<'a>,
    /// The clause that is being resolved. It decides how a name is looked up.
    pub(super) clause: Clause,
    /// The names that USING gives to fields of several sources.
    pub(super) merged: Vec<Merged>,
    /// The window functions found so far, as written and resolved. `None` where none may stand.
    pub(super) windows: Option<FoundWindows<'a>>,
    /// The names and aggregates of the groups, once rows are grouped.
    pub(super) groups: Option<Groups<'a>>,
}

/// Which part of a query is being resolved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Clause {
    /// The value of a FROM item. A name means a table first.
    #[default]
    From,
    /// The clauses after FROM. A table is no value there.
    Rows,
    /// HAVING. A name that is no key may be an item of the select list.
    Having,
    /// ORDER BY. A name alone means an item of the select list first.
    Order,
}

/// The names that one source brings.
pub(super) struct SourceNames {
    /// The name of each element, given or taken from its expression.
    pub(super) alias: Arc<str>,
    /// The name of its place.
    pub(super) at: Option<Arc<str>>,
    /// The name of its document id.
    pub(super) by: Option<Arc<str>>,
    /// The slots of their values. `at` and `by` may have slots without having names.
    pub(super) slots: SourceSlots,
    /// Which fields the elements can have.
    pub(super) fields: SourceFields,
}

/// Which fields the elements of a source can have.
pub(super) enum SourceFields {
    /// Those that the documents of a table have or had.
    Table(Source),
    /// These and no others.
    Only(Vec<Arc<str>>),
    /// Nothing is known about them.
    Any,
}

/// The names that exist once rows are grouped.
pub(super) struct Groups<'a> {
    /// The keys.
    pub(super) keys: Vec<GroupKey<'a>>,
    /// The name of the group itself and its slot.
    pub(super) group_as: Option<(Arc<str>, usize)>,
    /// The aggregates found so far, as written and resolved.
    pub(super) aggregates: Vec<(&'a ast::Expression, plan::Aggregate)>,
}

/// A key of a group.
pub(super) struct GroupKey<'a> {
    /// The key as written.
    pub(super) expression: &'a ast::Expression,
    /// The key resolved.
    pub(super) value: plan::Expression,
    /// The key as a path from a slot, if it is one. By it `a` and `t.a` are known to be the same.
    pub(super) path: Option<(usize, Vec<Arc<str>>)>,
    /// Its name.
    pub(super) name: Option<Arc<str>>,
    /// Its slot.
    pub(super) slot: usize,
}

/// A name that USING gives to a field of several sources.
pub(super) struct Merged {
    pub(super) name: Arc<str>,
    /// The slots of the sources that have the field. The value is that of the first that is known.
    pub(super) values: Vec<usize>,
    /// The slots of all sources whose field of this name the value stands for.
    pub(super) stands_for: Vec<usize>,
}

/// The window functions of a query, as written and resolved.
pub(super) type FoundWindows<'a> = Vec<(&'a ast::Expression, OneWindow)>;

/// A window function with the order in which it sees rows.
pub(super) struct OneWindow {
    pub(super) partition: Vec<plan::Expression>,
    pub(super) order: Vec<plan::SortTerm>,
    pub(super) function: plan::WindowFunction,
}

/// A query that WITH names.
pub(super) struct CommonTable<'a> {
    pub(super) written: &'a ast::CommonTable,
    /// How many queries are around its WITH.
    pub(super) level: usize,
    /// The plan, for one more level than those around its WITH.
    pub(super) plan: Arc<plan::QueryPlan>,
}

impl<'a> Scope<'a> {
    /// How many names a lookup may have to compare.
    pub(super) fn len(&self) -> usize {
        self.groups.as_ref().map_or(0, |groups| groups.keys.len())
            + 3 * self.sources.len()
            + self.merged.len()
    }

    /// A new slot.
    pub(super) fn slot(&mut self, name: &str) -> usize {
        self.slot_names.push(name.into());
        self.slot_names.len() - 1
    }

    /// A new slot for a value without a name.
    pub(super) fn numbered_slot(&mut self, kind: &str) -> usize {
        let name = format!("{}_{}", kind.to_lowercase(), self.slot_names.len());
        self.slot(&name)
    }

    /// The slot that a name means on this level.
    pub(super) fn lookup(&self, name: &str) -> Option<usize> {
        if let Some(groups) = &self.groups {
            let key = groups.keys.iter().find(|key| key.name.as_deref() == Some(name));
            let group = groups.group_as.as_ref().filter(|(group, _)| **group == *name);
            return key.map(|key| key.slot).or(group.map(|(_, slot)| *slot));
        }
        self.source(name)
    }

    /// The slot that a source of this level fills for a name, whether or not rows are grouped.
    pub(super) fn source(&self, name: &str) -> Option<usize> {
        self.sources.iter().find_map(|source| {
            let is = |given: &Option<Arc<str>>| given.as_deref() == Some(name);
            if *source.alias == *name {
                Some(source.slots.value)
            } else if is(&source.at) {
                source.slots.at
            } else if is(&source.by) {
                source.slots.by
            } else {
                None
            }
        })
    }

    /// The names of the fields that `*` does not show of a source, because USING shows them once for all sources.
    pub(super) fn shown_by_using(&self, source: usize) -> Vec<Arc<str>> {
        let shown = self.merged.iter().filter(|merged| merged.stands_for.contains(&source));
        shown.map(|merged| Arc::clone(&merged.name)).collect()
    }

    /// N9: refuses a name that a source already has, in whatever case.
    pub(super) fn check_free(&self, name: &str, position: Position) -> Result<(), PartiqlError> {
        let is_same = |given: &str| given.eq_ignore_ascii_case(name);
        let taken = self.sources.iter().any(|source| {
            is_same(&source.alias)
                || source.at.as_deref().is_some_and(is_same)
                || source.by.as_deref().is_some_and(is_same)
        });
        if taken { Err(already_defined(name, position)) } else { Ok(()) }
    }
}

/// N9.
pub(super) fn already_defined(name: &str, position: Position) -> PartiqlError {
    PartiqlError::semantic(
        Some(position),
        format_args!("A variable named '{name}' was already defined in this scope"),
    )
}

/// S7: the name of a source without AS. It is the last name of its path, or `_N`.
pub(super) fn implied_name(expression: &ast::Expression, number: usize) -> Arc<str> {
    last_name(expression).map_or_else(|| format!("_{number}").into(), Arc::from)
}
