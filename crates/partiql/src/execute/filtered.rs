//! Scans whose conditions the tables check before they make documents of rows.

use std::sync::Arc;

use everstrand_ion::Timestamp;

use crate::datum::value_ref::ValueRef;
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::eval::expression;
use crate::execute::frame::{Frame, OuterScope};
use crate::plan::Scan;
use crate::tables::{Access, AsOf, Cursor, Row, Source, Tables, TablesError, WantedRows};

/// What a condition asks of the tables while they lend it a row. It may ask nothing, and whether the statement must stop
/// is asked between two batches of rows.
struct Busy;

impl Tables for Busy {
    fn source(&mut self, _: &str, _: Option<AsOf>) -> Result<Option<Source>, TablesError> {
        Ok(None)
    }

    fn rows(
        &mut self,
        _: &Source,
        _: &Access,
        _: Option<&Cursor>,
        _: usize,
    ) -> Result<Vec<Row>, TablesError> {
        Ok(Vec::new())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(0)
    }

    fn transaction_id(&self) -> Arc<str> {
        Arc::from("")
    }
}

/// The next rows of a scan that meet its filter. `None` if it has none, or if the tables cannot check it.
pub(super) fn filtered(
    scan: &Scan,
    after: Option<&Cursor>,
    limit: usize,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<WantedRows>, PartiqlError> {
    let Some(filter) = &scan.filter else { return Ok(None) };
    let Context { tables, execution } = context;
    let mut failed = None;
    let wanted = tables.rows_where(&scan.source, after, limit, &mut |row| {
        if failed.is_some() {
            return false;
        }
        let mut context = Context { tables: &mut Busy, execution };
        let row = (scan.slots.value, ValueRef::from(row));
        let scope = outer.scope(frame).with_row(&row);
        let holds = context.step().and_then(|()| expression::holds(&mut context, scope, filter));
        holds.unwrap_or_else(|error| {
            failed = Some(error);
            false
        })
    })?;
    tables.interrupted()?;
    failed.map_or(Ok(wanted), Err)
}

/// Counts rows that did not meet the filter as if they had been read one by one.
pub(super) fn pass(context: &mut Context<'_>, rows: u64) {
    if rows > 0 {
        context.execution.read_ios += rows;
        if let Some(meters) = &mut context.execution.meters {
            meters.passed(rows);
        }
    }
}
