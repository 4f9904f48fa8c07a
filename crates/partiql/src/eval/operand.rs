//! The result of an expression, borrowed wherever it already lies somewhere.

use everstrand_ion::{Document, RawValue, Slice, Value};

use crate::datum::Datum;
use crate::view::ValueRef;

/// A value that an expression yields: often a part of a row, of a parameter or of the plan.
#[derive(Debug)]
pub(crate) enum Operand<'e> {
    Owned(Datum),
    Borrowed(&'e Datum),
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
            Operand::Literal(value) => (*value).into(),
            Operand::Raw(raw) => (*raw).into(),
        }
    }

    pub(crate) fn into_datum(self) -> Datum {
        match self {
            Operand::Owned(datum) => datum,
            Operand::Borrowed(datum) => datum.clone(),
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
