//! Equality and order of PartiQL values.
//!
//! Annotations never count. Ints, decimals and floats are compared as real numbers, strings and symbols as text,
//! timestamps as instants, blobs and clobs as bytes. Lists and s-expressions are compared element by element, structs
//! and bags as multisets. [`crate::key`] encodes the same order in bytes, so that an index finds what `=` finds.

use std::cmp::Ordering;

use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::key;
use crate::work::{ELEMENT, Uncounted, Work};

/// The result of a comparison, on which `<` and the like rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Both values are of one kind and have this order.
    Ordered(Ordering),
    /// A value is NULL or MISSING, so that the comparison is NULL.
    Unknown,
    /// The kinds of the values have no order between them, so that the comparison is MISSING.
    Incomparable,
}

/// `left = right`. `None`, which is NULL, if a side is NULL or MISSING. Values of different kinds are unequal.
pub fn equal<'a, 'b>(left: impl Into<ValueRef<'a>>, right: impl Into<ValueRef<'b>>) -> Option<bool> {
    let Ok(equal) = equal_counted(&mut Uncounted, left.into(), right.into());
    equal
}

/// [`equal`], counting its work.
pub(crate) fn equal_counted<W: Work>(
    work: &mut W,
    left: ValueRef<'_>,
    right: ValueRef<'_>,
) -> Result<Option<bool>, W::Stop> {
    if left.is_unknown() || right.is_unknown() {
        return Ok(None);
    }
    Ok(Some(order_counted(work, left, right)? == Ordering::Equal))
}

/// Compares two values for `<` and the like. Within a kind it is the order of [`order`]; between kinds there is none.
pub fn compare<'a, 'b>(left: impl Into<ValueRef<'a>>, right: impl Into<ValueRef<'b>>) -> Comparison {
    let Ok(comparison) = compare_counted(&mut Uncounted, left.into(), right.into());
    comparison
}

/// [`compare`], counting its work.
pub(crate) fn compare_counted<W: Work>(
    work: &mut W,
    left: ValueRef<'_>,
    right: ValueRef<'_>,
) -> Result<Comparison, W::Stop> {
    Ok(match (left.kind(), right.kind()) {
        (ValueKind::Missing | ValueKind::Null, _) | (_, ValueKind::Missing | ValueKind::Null) => {
            Comparison::Unknown
        }
        (left_kind, right_kind) => match order_of_scalars(work, &left_kind, &right_kind)? {
            Some(order) => Comparison::Ordered(order),
            None if rank(&left_kind) == rank(&right_kind) => {
                Comparison::Ordered(order_counted(work, left, right)?)
            }
            None => Comparison::Incomparable,
        },
    })
}

/// The total order of all values, in which `ORDER BY` sorts: MISSING, NULL, bools, numbers (NaN
/// first), timestamps, text, lobs, lists, s-expressions, structs, bags.
pub fn order<'a, 'b>(left: impl Into<ValueRef<'a>>, right: impl Into<ValueRef<'b>>) -> Ordering {
    let Ok(order) = order_counted(&mut Uncounted, left.into(), right.into());
    order
}

/// [`order`], counting its work.
pub(crate) fn order_counted<W: Work>(
    work: &mut W,
    left: ValueRef<'_>,
    right: ValueRef<'_>,
) -> Result<Ordering, W::Stop> {
    let (left_kind, right_kind) = (left.kind(), right.kind());
    if let Some(order) = order_of_scalars(work, &left_kind, &right_kind)? {
        return Ok(order);
    }
    let ranks = rank(&left_kind).cmp(&rank(&right_kind));
    Ok(match left_kind {
        _ if ranks.is_ne() => ranks,
        ValueKind::List | ValueKind::Sexp => order_of_sequences(work, left, right)?,
        // Multisets are compared sorted. Their keys are sorted already.
        ValueKind::Struct | ValueKind::Bag => {
            key::whole_counted(work, left)?.cmp(&key::whole_counted(work, right)?)
        }
        _ => Ordering::Equal,
    })
}

fn order_of_scalars<W: Work>(
    work: &mut W,
    left: &ValueKind<'_>,
    right: &ValueKind<'_>,
) -> Result<Option<Ordering>, W::Stop> {
    work.work(ELEMENT + left.scalar_work().min(right.scalar_work()))?;
    Ok(Some(match (left, right) {
        (ValueKind::Bool(left), ValueKind::Bool(right)) => left.cmp(right),
        (ValueKind::Number(left), ValueKind::Number(right)) => left.order(right, work)?,
        (ValueKind::Timestamp(left), ValueKind::Timestamp(right)) => left.instant_cmp(right),
        (ValueKind::Text(left), ValueKind::Text(right)) => left.cmp(right),
        (ValueKind::Lob(left), ValueKind::Lob(right)) => left.cmp(right),
        _ => return Ok(None),
    }))
}

fn order_of_sequences<W: Work>(
    work: &mut W,
    left: ValueRef<'_>,
    right: ValueRef<'_>,
) -> Result<Ordering, W::Stop> {
    let (mut left, mut right) = (left.items(), right.items());
    loop {
        match (left.next(), right.next()) {
            (Some(left), Some(right)) => match order_counted(work, left, right)? {
                Ordering::Equal => {}
                unequal => return Ok(unequal),
            },
            (left, right) => return Ok(left.is_some().cmp(&right.is_some())),
        }
    }
}

fn rank(kind: &ValueKind<'_>) -> u8 {
    match kind {
        ValueKind::Missing => 0,
        ValueKind::Null => 1,
        ValueKind::Bool(_) => 2,
        ValueKind::Number(_) => 3,
        ValueKind::Timestamp(_) => 4,
        ValueKind::Text(_) => 5,
        ValueKind::Lob(_) => 6,
        ValueKind::List => 7,
        ValueKind::Sexp => 8,
        ValueKind::Struct => 9,
        ValueKind::Bag => 10,
    }
}
