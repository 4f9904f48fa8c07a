//! The result of an expression, borrowed wherever the value already lies somewhere.

use std::sync::Arc;

use crate::datum::Datum;
use crate::datum::value_ref::ValueRef;

/// A value that an expression yields: often a part of a row, of a parameter or of the plan.
#[derive(Debug)]
pub(crate) enum Operand<'e> {
    /// A value that the expression put together.
    Owned(Datum),
    /// The result of a nested query that is the same for every row.
    Shared(Arc<Datum>),
    /// A value that lies in a row, in a parameter or in the plan.
    Borrowed(ValueRef<'e>),
}

impl<'e> Operand<'e> {
    pub(crate) const MISSING: Operand<'static> = Operand::Borrowed(ValueRef::MISSING);

    pub(crate) fn truth(truth: Option<bool>) -> Operand<'static> {
        Operand::Owned(Datum::truth(truth))
    }

    #[inline]
    pub(crate) fn get(&self) -> ValueRef<'_> {
        match self {
            Operand::Owned(datum) => datum.into(),
            Operand::Shared(datum) => (&**datum).into(),
            Operand::Borrowed(value) => *value,
        }
    }

    /// The value as its own owner. A value inside a document keeps the document alive.
    #[inline]
    pub(crate) fn into_datum(self) -> Datum {
        match self {
            Operand::Owned(datum) => datum,
            Operand::Shared(datum) => datum.as_ref().clone(),
            Operand::Borrowed(value) => value.share(),
        }
    }

    /// A part of the value, which a function finds in it.
    #[inline]
    pub(crate) fn part(self, find: impl for<'v> Fn(ValueRef<'v>) -> ValueRef<'v>) -> Operand<'e> {
        match self {
            Operand::Borrowed(value) => Operand::Borrowed(find(value)),
            own => Operand::Owned(find(own.get()).share()),
        }
    }
}

impl From<Datum> for Operand<'_> {
    fn from(datum: Datum) -> Self {
        Operand::Owned(datum)
    }
}

impl<'e> From<ValueRef<'e>> for Operand<'e> {
    fn from(value: ValueRef<'e>) -> Self {
        Operand::Borrowed(value)
    }
}
