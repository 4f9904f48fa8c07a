//! Reads rows into a hash table, and computes the keys by which they are found.

use std::ops::Range;

use crate::error::{Category, PartiqlError};
use crate::eval::context::Context;
use crate::eval::expression::evaluate;
use crate::execute::frame::{self, Frame, Input, OuterScope};
use crate::hash_table::{Keyed, Matches, Table};
use crate::key;
use crate::plan::{Expression, HashKey, HashKeys, Node};

/// The node that is read into a table, and how.
pub(crate) struct Held<'p> {
    pub(crate) node: &'p Node,
    pub(crate) keys: &'p HashKeys,
    pub(crate) slots: &'p [Range<usize>],
}

impl Held<'_> {
    /// The table of the rows. `None` if it would hold too many bytes and something else can stand in for it.
    pub(crate) fn read<I: Input>(
        &self,
        may_be_refused: bool,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &Frame,
    ) -> Result<Option<Table>, PartiqlError> {
        let before = context.execution.read_ios;
        let held = context.held();
        let table = match self.table::<I>(may_be_refused, context, outer, frame.clone()) {
            Err(error)
                if may_be_refused && matches!(error.category(), Category::Limit | Category::Capacity) =>
            {
                None
            }
            table => table?,
        };
        if table.is_none() {
            context.release(held);
            context.execution.read_ios = before;
        }
        Ok(table)
    }

    fn table<I: Input>(
        &self,
        may_be_refused: bool,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        mut frame: Frame,
    ) -> Result<Option<Table>, PartiqlError> {
        let before = context.execution.read_ios;
        let mut table = Table::new(self.slots, context.execution.budget.charge());
        let mut state = I::start(self.node);
        while state.next(self.node, context, outer, &mut frame)? {
            let keyed = keyed(&self.keys.parts, false, context, outer, &frame)?;
            // A row without a key is only met by a row whose keys fail.
            if matches!(keyed, Keyed::Nothing) && !self.keys.known_may_fail {
                continue;
            }
            let bytes = self.slots.iter().map(|slots| frame::weight(&frame[slots.clone()], None)).sum();
            table.add(keyed, &frame, self.slots, bytes)?;
            // What something else can stand in for leaves bytes to the rest of the statement.
            if may_be_refused && table.bytes() > context.execution.budget.bytes_max() / 2 {
                return Ok(None);
            }
        }
        table.read_ios = context.execution.read_ios - before;
        Ok(Some(table))
    }
}

/// The rows of a table that may match the known row in the frame.
pub(crate) fn matches(
    table: &Table,
    keys: &HashKeys,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Matches, PartiqlError> {
    Ok(table.matches(keyed(&keys.parts, true, context, outer, frame)?))
}

/// The keys of a known or of a held row, in order up to the first that decides that no row matches.
fn keyed(
    keys: &[HashKey],
    is_known: bool,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Keyed, PartiqlError> {
    let mut bytes = Vec::new();
    for key in keys {
        let held = context.held();
        let outcome = match key {
            HashKey::Equal(known, held) => {
                append(if is_known { known } else { held }, &mut bytes, context, outer, frame)
            }
            HashKey::Known(condition) if is_known => outer.holds(context, frame, condition),
            HashKey::Held(condition) if !is_known => outer.holds(context, frame, condition),
            HashKey::Known(_) | HashKey::Held(_) => continue,
        };
        context.release(held);
        match outcome {
            Ok(true) => {}
            Ok(false) => return Ok(Keyed::Nothing),
            Err(error) if error.category() == Category::Evaluator => return Ok(Keyed::Undecided),
            Err(error) => return Err(error),
        }
    }
    Ok(Keyed::Key(bytes))
}

/// Appends the key of a value. Answers `false` if the value is NULL or MISSING, which equal nothing.
fn append(
    expression: &Expression,
    bytes: &mut Vec<u8>,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<bool, PartiqlError> {
    let value = context.selecting(|context| evaluate(context, outer.scope(frame), expression))?;
    if value.get().is_unknown() {
        return Ok(false);
    }
    key::write_part(context, bytes, value.get())?;
    Ok(true)
}
