//! Equality and order of PartiQL values.
//!
//! Annotations never count. Numbers are compared as real numbers across int, decimal and float,
//! text as text whether string or symbol, timestamps as instants, blobs and clobs as bytes. Lists
//! and s-expressions go element by element; structs and bags are multisets. [`crate::key`] encodes
//! the same order in bytes, so that whatever an index finds is what `=` would find.

use std::cmp::Ordering;

use crate::key;
use crate::view::{ValueRef, View};
use crate::work::{ELEMENT, Uncounted, Work};

/// What `<` and its like see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Both are of one kind, and stand in this order.
    Ordered(Ordering),
    /// A side is NULL or MISSING, and so the comparison is NULL.
    Unknown,
    /// The kinds have no order between them: MISSING.
    Incomparable,
}

/// `left = right`; `None`, which is NULL, where a side is NULL or MISSING. Values of different kinds
/// are unequal, never an error.
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

/// What `left < right` rests on: within each kind the order of [`order`], between kinds none.
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
    Ok(match (left.view(), right.view()) {
        (View::Missing | View::Null, _) | (_, View::Missing | View::Null) => Comparison::Unknown,
        (left_view, right_view) => match order_of_scalars(work, &left_view, &right_view)? {
            Some(order) => Comparison::Ordered(order),
            None if rank(&left_view) == rank(&right_view) => {
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
    let (left_view, right_view) = (left.view(), right.view());
    if let Some(order) = order_of_scalars(work, &left_view, &right_view)? {
        return Ok(order);
    }
    let ranks = rank(&left_view).cmp(&rank(&right_view));
    Ok(match left_view {
        _ if ranks.is_ne() => ranks,
        View::List | View::Sexp => order_of_sequences(work, left, right)?,
        // Multisets are compared sorted, and their sorted form is their key.
        View::Struct | View::Bag => key::whole_counted(work, left)?.cmp(&key::whole_counted(work, right)?),
        _ => Ordering::Equal,
    })
}

fn order_of_scalars<W: Work>(
    work: &mut W,
    left: &View<'_>,
    right: &View<'_>,
) -> Result<Option<Ordering>, W::Stop> {
    work.work(ELEMENT + left.scalar_work().min(right.scalar_work()))?;
    Ok(Some(match (left, right) {
        (View::Bool(left), View::Bool(right)) => left.cmp(right),
        (View::Number(left), View::Number(right)) => left.order(right),
        (View::Timestamp(left), View::Timestamp(right)) => left.instant_cmp(right),
        (View::Text(left), View::Text(right)) => left.cmp(right),
        (View::Lob(left), View::Lob(right)) => left.cmp(right),
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

fn rank(view: &View<'_>) -> u8 {
    match view {
        View::Missing => 0,
        View::Null => 1,
        View::Bool(_) => 2,
        View::Number(_) => 3,
        View::Timestamp(_) => 4,
        View::Text(_) => 5,
        View::Lob(_) => 6,
        View::List => 7,
        View::Sexp => 8,
        View::Struct => 9,
        View::Bag => 10,
    }
}
