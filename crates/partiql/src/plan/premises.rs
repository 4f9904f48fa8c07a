//! A plan, and what it was made from, so that it can serve again where that has not changed.

use std::sync::Arc;

use super::Statement;
use crate::error::PartiqlError;
use crate::options::Options;
use crate::tables::{Source, Tables};

/// A statement, ready to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is done.
    pub statement: Arc<Statement>,
    /// The bounds within which it runs.
    pub options: Options,
    /// What the author of the statement may have meant otherwise.
    pub hints: Arc<[String]>,
    /// What must hold for it to serve again; nothing where it does for one execution alone.
    pub(crate) premises: Option<Arc<Premises>>,
}

/// The answers on which a plan rests beside its statement's text.
#[derive(Clone, Debug)]
pub(crate) struct Premises {
    /// Names of tables, and what they stood for.
    pub(crate) sources: Vec<(Box<str>, Option<Source>)>,
    /// How many parameters the statement has.
    pub(crate) parameters: usize,
}

impl Plan {
    /// Whether [`again`](Plan::again) may make something of it: not where the present or the past was looked at while
    /// planning.
    pub fn may_serve_again(&self) -> bool {
        self.premises.is_some()
    }

    /// The plan for another execution of its statement, without the work of planning. The tables are asked all that the
    /// planner would ask; nothing comes back where they answer something else, or where the number of
    /// parameters or the options that matter for a plan are different.
    pub fn again(
        &self,
        parameters: usize,
        tables: &mut dyn Tables,
        options: &Options,
    ) -> Result<Option<Plan>, PartiqlError> {
        let Some(premises) = &self.premises else { return Ok(None) };
        let language = |options: &Options| (options.extensions, options.lenient_names);
        if premises.parameters != parameters || language(&self.options) != language(options) {
            return Ok(None);
        }
        for (name, source) in &premises.sources {
            if tables.source(name, None)? != *source {
                return Ok(None);
            }
        }
        let (statement, premises) = (Arc::clone(&self.statement), Some(Arc::clone(premises)));
        Ok(Some(Plan { statement, options: options.clone(), hints: Arc::clone(&self.hints), premises }))
    }
}
