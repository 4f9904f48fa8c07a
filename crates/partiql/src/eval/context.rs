//! The state that lasts for one statement, also between the pages of its result: counts, bounds, and results that are
//! computed once and used again.

use std::collections::HashMap;
use std::sync::Arc;

use everstrand_ion::{Document, Timestamp, Value};

use crate::buffered_bytes::{BufferedBytes, Charge};
use crate::datum::Datum;
use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::error::PartiqlError;
use crate::eval::Fault;
use crate::eval::like::LikePattern;
use crate::eval::membership::Membership;
use crate::eval::mistyped::TypeErrors;
use crate::hash_table::Kept;
use crate::meters::{Before, Meters, Operator};
use crate::options::Options;
use crate::tables::Tables;
use crate::work::{self, ELEMENT, Work};

/// After how much work the executor asks whether the statement should stop, which is some 50 µs.
const WORK_BETWEEN_INTERRUPTS: usize = 64 * work::ROW;

/// What an error names when the values of a statement need more bytes than it may hold.
const VALUES: &str = "a value that the statement puts together";

/// The state of one statement while it runs.
#[derive(Debug)]
pub(crate) struct Execution {
    pub(crate) read_ios: u64,
    pub(crate) write_ios: u64,
    pub(crate) budget: BufferedBytes,
    pub(crate) type_errors: TypeErrors,
    /// The bytes of values that expressions have put together and that no other charge counts yet.
    working: Charge,
    now: Timestamp,
    /// How much work is left before the executor asks whether to stop.
    work_left: usize,
    like: Option<(String, Option<String>, Arc<LikePattern>)>,
    /// The results of nested queries that are the same for every row. The key is the address of their plan, which does
    /// not move while the statement lives.
    pub(crate) nested: HashMap<usize, (Arc<Datum>, Charge)>,
    /// The elements of collections that are the same for every row. The key is the address of their expression.
    pub(crate) memberships: HashMap<usize, Arc<Membership>>,
    /// The hash tables that serve more than one execution of a query. The key is the address of the node of the plan.
    pub(crate) tables: HashMap<usize, Kept>,
    /// What the operators did, if the statement is EXPLAIN ANALYZE.
    pub(crate) meters: Option<Box<Meters>>,
}

impl Work for Context<'_> {
    type Stop = PartiqlError;

    #[inline]
    fn work(&mut self, units: usize) -> Result<(), PartiqlError> {
        match self.execution.work_left.checked_sub(units) {
            Some(left) => {
                self.execution.work_left = left;
                Ok(())
            }
            None => self.ask(),
        }
    }
}

/// A running statement: its state, and the tables that are lent to it for one page.
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
            type_errors: TypeErrors { strict: !options.extensions, refused: false, written: false },
            working: options.held.charge(),
            now,
            work_left: WORK_BETWEEN_INTERRUPTS,
            like: None,
            nested: HashMap::new(),
            memberships: HashMap::new(),
            tables: HashMap::new(),
            meters: None,
        }
    }
}

impl Context<'_> {
    /// `UTCNOW()`, the same for the whole statement.
    pub(crate) fn now(&self) -> Timestamp {
        self.execution.now.clone()
    }

    /// Computes something that only chooses or orders rows. A type error in it makes MISSING.
    pub(crate) fn selecting<T>(
        &mut self,
        compute: impl FnOnce(&mut Self) -> Result<T, PartiqlError>,
    ) -> Result<T, PartiqlError> {
        self.with_type_errors(false, compute)
    }

    /// Computes something whose type errors fail the statement, if `refused`, or else make MISSING. Parts that are
    /// MISSING are left out.
    pub(crate) fn with_type_errors<T>(
        &mut self,
        refused: bool,
        compute: impl FnOnce(&mut Self) -> Result<T, PartiqlError>,
    ) -> Result<T, PartiqlError> {
        self.with(TypeErrors { refused, written: false, ..self.execution.type_errors }, compute)
    }

    /// Computes a value that will be written. Type errors in it fail the statement.
    pub(crate) fn writing<T>(
        &mut self,
        compute: impl FnOnce(&mut Self) -> Result<T, PartiqlError>,
    ) -> Result<T, PartiqlError> {
        self.with(TypeErrors { refused: true, written: true, ..self.execution.type_errors }, compute)
    }

    /// Measures what operators do from now on. Answers the count of all that the statement holds.
    pub(crate) fn start_meters(&mut self) -> BufferedBytes {
        let whole = self.execution.budget.metered();
        self.execution.working = whole.charge();
        self.execution.budget = whole.clone();
        self.execution.meters = Some(Box::new(Meters::new(whole.clone())));
        whole
    }

    /// An operator works from now on, and is measured until [`Context::leave`].
    pub(crate) fn enter(&mut self, operator: Operator, begins: bool) -> Option<Before> {
        let Execution { meters, budget, .. } = &mut *self.execution;
        Some(meters.as_mut()?.enter(operator, begins, budget, self.tables.monotonic_nanos()))
    }

    /// The operator rests.
    pub(crate) fn leave(&mut self, before: Option<Before>, yielded: bool) {
        let Execution { meters, budget, .. } = &mut *self.execution;
        if let (Some(meters), Some(before)) = (meters, before) {
            meters.leave(before, yielded, budget, self.tables.monotonic_nanos());
        }
    }

    /// The operator that works now has read documents, and entries of indexes.
    #[inline]
    pub(crate) fn has_read(&mut self, documents: usize, entries: u64) {
        if let Some(meters) = &mut self.execution.meters {
            meters.read(documents as u64, entries);
        }
    }

    fn with<T>(
        &mut self,
        type_errors: TypeErrors,
        compute: impl FnOnce(&mut Self) -> Result<T, PartiqlError>,
    ) -> Result<T, PartiqlError> {
        let before = std::mem::replace(&mut self.execution.type_errors, type_errors);
        let result = compute(self);
        self.execution.type_errors = before;
        result
    }

    /// Counts a row or a pair of rows, and now and then asks whether the statement should stop.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<(), PartiqlError> {
        self.work(work::ROW)
    }

    /// Counts bytes of a value that an expression is about to put together.
    #[inline]
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), PartiqlError> {
        self.execution.working.take(bytes, VALUES)
    }

    /// How many bytes of values that expressions have put together are counted now.
    #[inline]
    pub(crate) fn held(&self) -> usize {
        self.execution.working.used()
    }

    /// Reduces the count to `held` bytes, because the values made since are gone or another charge counts them.
    #[inline]
    pub(crate) fn release(&mut self, held: usize) {
        self.execution.working.keep(held);
    }

    /// Moves all but `held` bytes of the count to a charge of their own.
    pub(crate) fn keep(&mut self, held: usize) -> Charge {
        self.execution.working.split(held)
    }

    /// Makes a document of a value, and counts its bytes.
    pub(crate) fn document(&mut self, value: Datum) -> Result<Document, PartiqlError> {
        let bytes = value.weight_below();
        self.work(bytes)?;
        // A document that is there already is shared and not copied.
        if !matches!(value, Datum::Slice(_)) {
            self.hold(bytes)?;
        }
        Ok(value.into_document())
    }

    /// Makes a tree of a value, and counts its bytes.
    pub(crate) fn tree(&mut self, value: Datum) -> Result<Value, PartiqlError> {
        self.count_tree((&value).into())?;
        Ok(value.into_value())
    }

    /// Copies a value, so that it keeps no document alive, and counts its bytes.
    pub(crate) fn copy(&mut self, value: ValueRef<'_>) -> Result<Datum, PartiqlError> {
        let bytes = value.weight_below();
        self.work(bytes / 8)?;
        self.hold(bytes)?;
        Ok(value.to_datum())
    }

    fn count_tree(&mut self, value: ValueRef<'_>) -> Result<(), PartiqlError> {
        self.work(ELEMENT)?;
        self.hold(size_of::<Value>())?;
        match value.kind() {
            ValueKind::Text(text) => self.hold(text.map_or(0, str::len)),
            ValueKind::Lob(bytes) => self.hold(bytes.len()),
            ValueKind::List | ValueKind::Sexp | ValueKind::Bag => {
                value.items().try_for_each(|item| self.count_tree(item))
            }
            ValueKind::Struct => value.fields().try_for_each(|(name, value)| {
                self.hold(32 + name.map_or(0, str::len))?;
                self.count_tree(value)
            }),
            _ => Ok(()),
        }
    }

    #[cold]
    fn ask(&mut self) -> Result<(), PartiqlError> {
        self.execution.work_left = WORK_BETWEEN_INTERRUPTS;
        Ok(self.tables.interrupted()?)
    }

    /// The parsed form of a LIKE pattern. It is parsed again only if it differs from the pattern before.
    pub(crate) fn like_pattern(
        &mut self,
        pattern: &str,
        escape: Option<&str>,
    ) -> Result<Arc<LikePattern>, Fault> {
        self.work(pattern.len() / 8)?;
        let like = &self.execution.like;
        let is_known = like
            .as_ref()
            .is_some_and(|(known, known_escape, _)| known == pattern && known_escape.as_deref() == escape);
        if !is_known {
            self.work(8 * pattern.len())?;
            let parsed = Arc::new(LikePattern::parse(pattern, escape)?);
            self.execution.like = Some((pattern.to_owned(), escape.map(str::to_owned), Arc::clone(&parsed)));
            return Ok(parsed);
        }
        let (_, _, parsed) = like.as_ref().expect("it is known");
        Ok(Arc::clone(parsed))
    }
}
