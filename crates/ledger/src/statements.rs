//! Statements that were parsed lately: applications say the same few texts again and again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use everstrand_partiql::{PartiqlError, ast, parse};

/// Longer texts carry their values in them, and hardly come again.
const CHARACTERS_MAX: usize = 2000;
/// When there are more, all are forgotten: who uses parameters never gets there.
const STATEMENTS_MAX: usize = 500;

/// Texts and what they were parsed to. What a statement means is decided anew each time.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    parsed: Mutex<HashMap<Box<str>, Arc<ast::Statement>>>,
}

impl Statements {
    /// The statement of a text.
    pub(crate) fn parse(&self, text: &str) -> Result<Arc<ast::Statement>, PartiqlError> {
        if text.len() > CHARACTERS_MAX {
            return parse(text).map(Arc::new);
        }
        let known = self.parsed.lock().unwrap_or_else(PoisonError::into_inner).get(text).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let statement = Arc::new(parse(text)?);
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if parsed.len() >= STATEMENTS_MAX {
            parsed.clear();
        }
        parsed.insert(text.into(), Arc::clone(&statement));
        Ok(statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_parsed_once_and_their_number_is_bounded() {
        let statements = Statements::default();
        let first = statements.parse("SELECT * FROM a").unwrap();
        assert!(Arc::ptr_eq(&first, &statements.parse("SELECT * FROM a").unwrap()));
        assert!(statements.parse("SELECT * FORM a").is_err());
        for number in 0..2 * STATEMENTS_MAX {
            let text = format!("SELECT * FROM a WHERE b = {number}");
            assert_eq!(*statements.parse(&text).unwrap(), parse(&text).unwrap());
            assert!(statements.parsed.lock().unwrap().len() <= STATEMENTS_MAX);
        }
    }
}
