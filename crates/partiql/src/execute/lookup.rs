//! Looks rows up in a hash table by values of the queries around, in a query that is run again and again.

use std::sync::Arc;

use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::execute::frame::{Frame, Input, OuterScope};
use crate::execute::table::{self, Held};
use crate::hash_table::{Kept, Matches, Table};
use crate::plan::HashLookup;

/// The state of one run.
#[derive(Debug)]
pub(crate) struct HashLookupState<I> {
    rows: Option<Rows<I>>,
}

#[derive(Debug)]
enum Rows<I> {
    Table(Arc<Table>, Matches),
    Loop(I),
}

impl<I: Input> HashLookupState<I> {
    pub(crate) fn new() -> HashLookupState<I> {
        HashLookupState { rows: None }
    }

    pub(crate) fn next(
        &mut self,
        lookup: &HashLookup,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        let rows = match &mut self.rows {
            Some(rows) => rows,
            None => self.rows.insert(match table_of::<I>(lookup, context, outer, frame)? {
                Some(table) => {
                    let matches = table::matches(&table, &lookup.keys, context, outer, frame)?;
                    Rows::Table(table, matches)
                }
                None => Rows::Loop(I::start(&lookup.otherwise)),
            }),
        };
        match rows {
            Rows::Loop(state) => state.next(&lookup.otherwise, context, outer, frame),
            Rows::Table(table, matches) => {
                context.step()?;
                Ok(table.next(matches, std::slice::from_ref(&lookup.slots), frame))
            }
        }
    }
}

/// The table, from the second run on. `None` in the first run, and if the table would hold too many bytes.
fn table_of<I: Input>(
    lookup: &HashLookup,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<Arc<Table>>, PartiqlError> {
    let address = std::ptr::from_ref(lookup).addr();
    let kept = match context.execution.tables.get(&address) {
        None => Kept::NotYet,
        Some(Kept::TooLarge) => return Ok(None),
        Some(Kept::Table(table)) => {
            let table = Arc::clone(table);
            context.execution.read_ios += table.read_ios;
            return Ok(Some(table));
        }
        Some(Kept::NotYet) => {
            let slots = std::slice::from_ref(&lookup.slots);
            let held = Held { node: &lookup.input, keys: &lookup.keys, slots };
            match held.read::<I>(true, context, outer, frame)? {
                Some(table) => Kept::Table(Arc::new(table)),
                None => Kept::TooLarge,
            }
        }
    };
    let table = if let Kept::Table(table) = &kept { Some(Arc::clone(table)) } else { None };
    context.execution.tables.insert(address, kept);
    Ok(table)
}
