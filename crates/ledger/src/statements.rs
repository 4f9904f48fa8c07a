//! The plans of recent statements, because applications send the same few texts again and again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand_ion::Document;
use everstrand_partiql::plan::Plan;
use everstrand_partiql::tables::Tables;
use everstrand_partiql::{Options, PartiqlError, ast, parse, plan};

/// Longer texts are not kept: they contain their values, so they hardly come again.
const CHARACTERS_MAX: usize = 2000;
/// If there are more, all are forgotten. An application that uses parameters never has so many.
const STATEMENTS_MAX: usize = 500;

/// Texts, their syntax trees, and the last plan of each.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    known: Mutex<HashMap<Box<str>, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    statement: Arc<ast::Statement>,
    /// May be used again as long as the names in the statement stand for the same tables.
    plan: Option<Arc<Plan>>,
}

impl Statements {
    /// The plan of a text against these tables. The tables are asked the same questions whether the plan is new or
    /// not, because the answers are noted in the read set.
    pub(crate) fn plan(
        &self,
        text: &str,
        parameters: &[Document],
        tables: &mut dyn Tables,
        options: &Options,
    ) -> Result<Plan, PartiqlError> {
        let known = self.known(text).map_err(|error| match options.extensions {
            true => error.with_hint_shown(),
            // QLDB's own text.
            false => error,
        })?;
        if let Some(known) = &known.plan
            && let Some(plan) = known.again(parameters.len(), tables, options)?
        {
            return Ok(plan);
        }
        let made = plan(&known.statement, parameters, tables, options)?;
        if made.may_serve_again()
            && let Some(known) = self.lock().get_mut(text)
        {
            known.plan = Some(Arc::new(made.clone()));
        }
        Ok(made)
    }

    fn known(&self, text: &str) -> Result<Known, PartiqlError> {
        let parsed = || Ok(Known { statement: Arc::new(parse(text)?), plan: None });
        if text.len() > CHARACTERS_MAX {
            return parsed();
        }
        let known = self.lock().get(text).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let parsed = parsed()?;
        let mut known = self.lock();
        if known.len() >= STATEMENTS_MAX {
            known.clear();
        }
        known.insert(text.into(), parsed.clone());
        Ok(parsed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_parsed_once_and_their_number_is_bounded() {
        let statements = Statements::default();
        let statement = |text: &str| statements.known(text).map(|known| known.statement);
        let first = statement("SELECT * FROM a").unwrap();
        assert!(Arc::ptr_eq(&first, &statement("SELECT * FROM a").unwrap()));
        assert!(statement("SELECT * FORM a").is_err());
        for number in 0..2 * STATEMENTS_MAX {
            let text = format!("SELECT * FROM a WHERE b = {number}");
            assert_eq!(*statement(&text).unwrap(), parse(&text).unwrap());
            assert!(statements.lock().len() <= STATEMENTS_MAX);
        }
    }
}
