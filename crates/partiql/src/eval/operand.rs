//! The result of an expression, borrowed wherever it already lies somewhere.

use std::sync::Arc;

use everstrand_ion::{Document, RawValue, Slice, Value};

use crate::datum::{Datum, weight_of_value};
use crate::view::ValueRef;

/// A value that an expression yields: often a part of a row, of a parameter or of the plan.
#[derive(Debug)]
pub(crate) enum Operand<'e> {
    Owned(Datum),
    Borrowed(&'e Datum),
    /// The result of a nested query that is the same for every row.
    Shared(Arc<Datum>),
    Literal(&'e Value),
    /// A value inside a document.
    Raw(RawValue<'e>),
}

impl<'e> Operand<'e> {
    pub(crate) const MISSING: Operand<'static> = Operand::Owned(Datum::Missing);

    pub(crate) fn document(document: &'e Document) -> Operand<'e> {
        Operand::Raw(document.root())
    }

    pub(crate) fn truth(truth: Option<bool>) -> Operand<'static> {
        Operand::Owned(Datum::truth(truth))
    }

    pub(crate) fn get(&self) -> ValueRef<'_> {
        match self {
            Operand::Owned(datum) => datum.into(),
            Operand::Borrowed(datum) => (*datum).into(),
            Operand::Shared(datum) => (&**datum).into(),
            Operand::Literal(value) => (*value).into(),
            Operand::Raw(raw) => (*raw).into(),
        }
    }

    /// What it takes as a datum of its own, without that itself.
    pub(crate) fn weight_below(&self) -> usize {
        match self {
            Operand::Owned(datum) => datum.weight_below(),
            Operand::Borrowed(datum) => datum.weight_below(),
            Operand::Shared(datum) => datum.weight_below(),
            Operand::Literal(value) => weight_of_value(value),
            Operand::Raw(raw) => raw.size(),
        }
    }

    pub(crate) fn into_datum(self) -> Datum {
        match self {
            Operand::Owned(datum) => datum,
            Operand::Borrowed(datum) => datum.clone(),
            Operand::Shared(datum) => datum.as_ref().clone(),
            Operand::Literal(value) => Datum::Value(value.clone()),
            Operand::Raw(raw) => Datum::Slice(Slice::from(raw)),
        }
    }
}

impl From<Datum> for Operand<'_> {
    fn from(datum: Datum) -> Self {
        Operand::Owned(datum)
    }
}
