//! IN over a collection that is the same for every row. The keys of its elements are computed once.

use std::collections::HashSet;

use crate::buffered_bytes::Charge;
use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::error::PartiqlError;
use crate::key;
use crate::plan::Expression;
use crate::work::{ELEMENT, Work};

/// A list of fewer constants than this is compared item by item, because that is faster.
const CONSTANTS_MIN: usize = 8;

/// The elements of a collection.
#[derive(Debug)]
pub(crate) struct Membership {
    /// The keys of the elements. Equal values have equal keys.
    keys: HashSet<Vec<u8>>,
    /// Whether an element is NULL or MISSING. Then no value is surely absent.
    has_unknown: bool,
    _charge: Charge,
}

impl Membership {
    /// The elements of a list, a bag or an s-expression. `None` for any other value. The charge counts the keys.
    pub(crate) fn of(
        work: &mut impl Work<Stop = PartiqlError>,
        mut charge: Charge,
        collection: ValueRef<'_>,
    ) -> Result<Option<Membership>, PartiqlError> {
        if !matches!(collection.kind(), ValueKind::List | ValueKind::Bag | ValueKind::Sexp) {
            return Ok(None);
        }
        let mut keys = HashSet::new();
        let mut has_unknown = false;
        for item in collection.items() {
            work.work(ELEMENT)?;
            if item.is_unknown() {
                has_unknown = true;
                continue;
            }
            let key = key::whole_counted(work, item)?;
            charge.take(key::weight(&key), "IN")?;
            keys.insert(key);
        }
        Ok(Some(Membership { keys, has_unknown, _charge: charge }))
    }

    /// `value IN collection`
    pub(crate) fn contains(
        &self,
        work: &mut impl Work<Stop = PartiqlError>,
        value: ValueRef<'_>,
    ) -> Result<Option<bool>, PartiqlError> {
        if self.keys.is_empty() && !self.has_unknown {
            return Ok(Some(false));
        }
        if value.is_unknown() {
            return Ok(None);
        }
        let key = key::whole_counted(work, value)?;
        work.work(key.len())?;
        if self.keys.contains(&key) {
            return Ok(Some(true));
        }
        Ok(if self.has_unknown { None } else { Some(false) })
    }
}

/// Whether a collection is the same for every row, and large enough that keeping its keys pays.
pub(crate) fn is_worth_keeping(collection: &Expression) -> bool {
    match collection {
        Expression::Query(query) => !query.plan.correlated,
        Expression::Parameter { .. } | Expression::Literal { .. } => true,
        Expression::List(items) | Expression::Bag(items) => {
            items.len() >= CONSTANTS_MIN
                && items
                    .iter()
                    .all(|item| matches!(item, Expression::Literal { .. } | Expression::Parameter { .. }))
        }
        _ => false,
    }
}
