//! EXPLAIN ANALYZE: runs a statement to its end, and answers how it ran instead of its rows.

use everstrand_ion::Document;

use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::execute::frame::OuterScope;
use crate::execute::query::QueryState;
use crate::plan::explain::{self, Whole};
use crate::plan::{Analyze, Statement};

/// Runs the statement. What it changes is changed, as without EXPLAIN ANALYZE. `run` runs any statement but a query.
pub(super) fn analyze(
    analyze: &Analyze,
    run: impl FnOnce(&Statement, &mut Context<'_>, OuterScope<'_>) -> Result<Vec<Document>, PartiqlError>,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
) -> Result<Vec<Document>, PartiqlError> {
    let held = context.start_meters();
    let began = context.tables.monotonic_nanos();
    let rows = match &analyze.statement {
        Statement::Query(plan) => {
            let mut state = QueryState::new(plan);
            let mut rows = 0;
            while state.next(plan, context, outer)?.is_some() {
                context.release(0);
                rows += 1;
            }
            rows
        }
        other => run(other, context, outer)?.len() as u64,
    };
    let whole = Whole {
        rows,
        nanoseconds: context.tables.monotonic_nanos().saturating_sub(began),
        bytes: held.most(),
        read_ios: context.execution.read_ios,
        write_ios: context.execution.write_ios,
    };
    let Some(meters) = context.execution.meters.take() else { return Ok(Vec::new()) };
    let rows = explain::analyzed(analyze, &meters, &whole);
    Ok(rows.iter().map(Document::from).collect())
}
