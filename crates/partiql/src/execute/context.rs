//! What lasts for one statement, also between the pages of its result: counts, bounds, and what need
//! not be computed twice.

use std::collections::HashMap;

use everstrand_ion::Timestamp;

use crate::Options;
use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::eval::Fault;
use crate::eval::like::LikePattern;
use crate::eval::membership::Membership;
use crate::eval::mistyped::TypeErrors;
use crate::held::{Charge, HeldBytes};
use crate::tables::Tables;

/// How many steps lie between two questions whether the statement should stop.
const STEPS_BETWEEN_INTERRUPTS: u32 = 64;

/// What one statement keeps while it runs.
#[derive(Debug)]
pub(crate) struct Execution {
    pub(crate) read_ios: u64,
    pub(crate) write_ios: u64,
    pub(crate) budget: HeldBytes,
    pub(crate) type_errors: TypeErrors,
    now: Timestamp,
    steps: u32,
    like: Option<(String, Option<String>, LikePattern)>,
    /// The results of nested queries that are the same for every row, by the address of their plan,
    /// which does not move while the statement lives.
    pub(crate) nested: HashMap<usize, (Datum, Charge)>,
    /// What collections hold that are the same for every row, by the address of their expression.
    pub(crate) memberships: HashMap<usize, Membership>,
}

/// A running statement: what it keeps, and the tables as they are lent to it for this page.
pub(crate) struct Context<'c> {
    pub(crate) tables: &'c mut dyn Tables,
    pub(crate) execution: &'c mut Execution,
}

impl Execution {
    pub(crate) fn new(now: Timestamp, options: &Options) -> Execution {
        Execution {
            read_ios: 0,
            write_ios: 0,
            budget: options.held.clone(),
            type_errors: TypeErrors { strict: !options.extensions, refused: false },
            now,
            steps: 0,
            like: None,
            nested: HashMap::new(),
            memberships: HashMap::new(),
        }
    }
}

impl Context<'_> {
    /// `UTCNOW()`, the same for the whole statement.
    pub(crate) fn now(&self) -> Timestamp {
        self.execution.now.clone()
    }

    /// Computes something whose type errors fail the statement, or do not.
    pub(crate) fn with_type_errors<T>(
        &mut self,
        refused: bool,
        compute: impl FnOnce(&mut Self) -> Result<T, PartiqlError>,
    ) -> Result<T, PartiqlError> {
        let before = std::mem::replace(&mut self.execution.type_errors.refused, refused);
        let result = compute(self);
        self.execution.type_errors.refused = before;
        result
    }

    /// Asks now and then whether the statement should stop; called for every row and every pair.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<(), PartiqlError> {
        self.execution.steps += 1;
        if self.execution.steps >= STEPS_BETWEEN_INTERRUPTS {
            self.execution.steps = 0;
            self.tables.interrupted()?;
        }
        Ok(())
    }

    /// Passes on a value that a statement has put together, unless it has become so large that only a
    /// repetition can have made it so.
    pub(crate) fn bounded(&self, value: Datum) -> Result<Datum, PartiqlError> {
        let bytes_max = self.execution.budget.bytes_max();
        if value.weight() > bytes_max {
            return Err(PartiqlError::limit(format!(
                "a value put together by the statement takes more than {bytes_max} bytes (the limit held_bytes_max)"
            )));
        }
        Ok(value)
    }

    /// A LIKE pattern, read again only when it differs from the one before.
    pub(crate) fn like_pattern(
        &mut self,
        pattern: &str,
        escape: Option<&str>,
    ) -> Result<&LikePattern, Fault> {
        let like = &mut self.execution.like;
        let is_known = like
            .as_ref()
            .is_some_and(|(known, known_escape, _)| known == pattern && known_escape.as_deref() == escape);
        if !is_known {
            let parsed = LikePattern::parse(pattern, escape)?;
            *like = Some((pattern.to_owned(), escape.map(str::to_owned), parsed));
        }
        let (_, _, parsed) = like.as_ref().expect("set above");
        Ok(parsed)
    }
}
