//! The plans of recent statements, because applications send the same few texts again and again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand_ion::Document;
use everstrand_partiql::plan::Plan;
use everstrand_partiql::tables::Tables;
use everstrand_partiql::{BufferedBytes, Charge, Options, PartiqlError, ast, parse, plan};

/// Longer texts are not kept: they contain their values, so they hardly come again.
const CHARACTERS_MAX: usize = 2000;
/// If there are more, all are forgotten. An application that uses parameters never has so many.
const STATEMENTS_MAX: usize = 500;

/// About how many bytes a syntax tree and its plan take for each byte of the text.
const BYTES_OF_A_PLAN: usize = 80;
/// So many bytes of plans of each ledger are not counted, so that its few usual statements are kept whatever others send.
const FREE_BYTES: usize = 256 << 10;

/// Texts, their syntax trees, and the last plan of each.
#[derive(Debug)]
pub(crate) struct Statements {
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    known: HashMap<Box<str>, Known>,
    bytes: usize,
    /// Counts the bytes beyond [`FREE_BYTES`] among the plans of all ledgers.
    charge: Charge,
}

#[derive(Clone, Debug)]
struct Known {
    statement: Arc<ast::Statement>,
    /// May be used again as long as the names in the statement stand for the same tables.
    plan: Option<Arc<Plan>>,
}

impl Kept {
    /// Keeps a statement if there is room for it. If there is none, all are forgotten first.
    fn keep(&mut self, text: &str, statement: &Known) {
        let bytes = BYTES_OF_A_PLAN * text.len();
        if self.known.len() >= STATEMENTS_MAX || !self.has_room(bytes) {
            self.known.clear();
            self.bytes = 0;
            self.charge.keep(0);
            if !self.has_room(bytes) {
                return;
            }
        }
        // Two threads may have parsed the same text.
        if self.known.insert(text.into(), statement.clone()).is_none() {
            self.bytes += bytes;
        }
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        let counted = (self.bytes + bytes).saturating_sub(FREE_BYTES);
        self.charge.take(counted.saturating_sub(self.charge.used()), "The plan").is_ok()
    }
}

impl Statements {
    /// None yet. The plans of all ledgers that share a count have its bound together.
    pub(crate) fn new(plans: &BufferedBytes) -> Statements {
        Statements { kept: Mutex::new(Kept { known: HashMap::new(), bytes: 0, charge: plans.charge() }) }
    }

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
            && let Some(known) = self.lock().known.get_mut(text)
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
        let known = self.lock().known.get(text).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let parsed = parsed()?;
        self.lock().keep(text, &parsed);
        Ok(parsed)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_parsed_once_and_their_number_is_bounded() {
        let statements = Statements::new(&BufferedBytes::default());
        let statement = |text: &str| statements.known(text).map(|known| known.statement);
        let first = statement("SELECT * FROM a").unwrap();
        assert!(Arc::ptr_eq(&first, &statement("SELECT * FROM a").unwrap()));
        assert!(statement("SELECT * FORM a").is_err());
        for number in 0..2 * STATEMENTS_MAX {
            let text = format!("SELECT * FROM a WHERE b = {number}");
            assert_eq!(*statement(&text).unwrap(), parse(&text).unwrap());
            assert!(statements.lock().known.len() <= STATEMENTS_MAX);
        }
    }

    #[test]
    fn the_plans_of_all_ledgers_have_a_bound_together() {
        let plans = BufferedBytes::new(1 << 20, "plans");
        let ledgers = [Statements::new(&plans), Statements::new(&plans)];
        let text =
            |number: usize| format!("SELECT {number} FROM a WHERE a IN ({})", vec!["a"; 900].join(","));
        for statements in &ledgers {
            for number in 0..50 {
                statements.known(&text(number)).unwrap();
                let kept = statements.lock();
                assert!(plans.bytes() <= 1 << 20 && kept.bytes <= FREE_BYTES + (1 << 20));
                assert_eq!(
                    kept.bytes,
                    kept.known.keys().map(|text| BYTES_OF_A_PLAN * text.len()).sum::<usize>()
                );
                assert!(!kept.known.is_empty(), "what is free is used in any case");
            }
        }
        drop(ledgers);
        assert_eq!(plans.bytes(), 0);
    }
}
