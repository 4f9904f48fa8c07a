//! A plan, and the answers from which the planner made it. While the tables give the same answers, the plan can be
//! used again.

use std::sync::Arc;

use super::{Statement, TableUse};
use crate::error::PartiqlError;
use crate::options::Options;
use crate::tables::{FieldNames, Source, Tables};

/// A statement, ready to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the plan does.
    pub statement: Arc<Statement>,
    /// The options under which it runs.
    pub options: Options,
    /// Hints to the author: what the statement may have been meant to say.
    pub hints: Arc<[String]>,
    /// What the statement does with tables.
    pub uses: Arc<[TableUse]>,
    /// What must hold for the plan to be used again. Without premises it serves one execution only.
    pub(crate) premises: Option<Arc<Premises>>,
}

/// The answers on which a plan rests, beside the text of its statement.
#[derive(Clone, Debug)]
pub(crate) struct Premises {
    /// The names of tables that the planner asked for, and the sources that it got.
    pub(crate) sources: Vec<(Box<str>, Option<Source>)>,
    /// The tables whose sizes the planner asked for, and about how many rows they had.
    pub(crate) sizes: Vec<(Source, Option<u64>)>,
    /// The tables whose fields the planner asked for, and the answers.
    pub(crate) fields: Vec<(Source, Option<FieldNames>)>,
    /// How many parameters the statement has.
    pub(crate) parameters: usize,
}

/// How many times as many rows, or how many times fewer, a table must have than it had for the planner, so that the
/// statement is planned anew.
const GROWTH: u64 = 4;

/// Tables with fewer rows count as if they had so many, because the order in which they are read matters little.
const ROWS_MIN: u64 = 64;

impl Plan {
    /// Whether [`again`](Plan::again) may answer a plan. It cannot if the planner read the clock, a history or a past
    /// state.
    pub fn may_serve_again(&self) -> bool {
        self.premises.is_some()
    }

    /// The plan for another execution of its statement, without the work of planning. The tables are asked everything
    /// that the planner would ask, so that a transaction notes the same reads. There is no plan if the tables answer
    /// something else, or if the number of parameters or an option that matters to the planner differs. There is none,
    /// either, if a table that the planner chose by its size has grown or shrunk much. The old plan would still be
    /// right, but might be slow.
    pub fn again(
        &self,
        parameters: usize,
        tables: &mut dyn Tables,
        options: &Options,
    ) -> Result<Option<Plan>, PartiqlError> {
        let Some(premises) = &self.premises else { return Ok(None) };
        if premises.parameters != parameters || self.options.extensions != options.extensions {
            return Ok(None);
        }
        for (name, source) in &premises.sources {
            if tables.source(name, None)? != *source {
                return Ok(None);
            }
        }
        for (source, before) in &premises.sizes {
            if has_changed(*before, tables.rows_estimate(source)) {
                return Ok(None);
            }
        }
        for (table, fields) in &premises.fields {
            if tables.field_names(table)? != *fields {
                return Ok(None);
            }
        }
        let (statement, premises) = (Arc::clone(&self.statement), Some(Arc::clone(premises)));
        let (hints, uses) = (Arc::clone(&self.hints), Arc::clone(&self.uses));
        Ok(Some(Plan { statement, options: options.clone(), hints, uses, premises }))
    }
}

/// Whether a table may have another size now than it had for the planner, so that another plan may be better.
fn has_changed(before: Option<u64>, now: Option<u64>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => {
            let (before, now) = (before.max(ROWS_MIN), now.max(ROWS_MIN));
            before.min(now).saturating_mul(GROWTH) < before.max(now)
        }
        (before, now) => before.is_some() != now.is_some(),
    }
}
