//! Steps into values: elements, fields, and the wildcards that yield many values.

use everstrand_ion::{Data, Int, Slice, Symbol};

use crate::datum::Datum;
use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::eval::operand::Operand;
use crate::work::{ELEMENT, Work};

/// The place that an index expression means.
#[derive(Clone, Debug)]
pub(crate) enum Index {
    Position(usize),
    Name(String),
    /// No place: NULL, MISSING, or a number that no list has as a position.
    Nowhere,
}

impl Index {
    /// The place that `[value]` means. `None` if the value is neither an integer nor a text, nor unknown.
    pub(crate) fn of(value: ValueRef<'_>) -> Option<Index> {
        match value.kind() {
            ValueKind::Missing | ValueKind::Null => Some(Index::Nowhere),
            ValueKind::Number(crate::number::Number::Int(int)) => {
                Some(position(&int).map_or(Index::Nowhere, Index::Position))
            }
            ValueKind::Text(Some(text)) => Some(Index::Name(text.to_owned())),
            _ => None,
        }
    }
}

/// An element of a list or an s-expression, or a field by its name.
pub(crate) fn index<'e>(value: Operand<'e>, index: &Index) -> Operand<'e> {
    match index {
        Index::Nowhere => Operand::MISSING,
        Index::Name(name) => value.part(|value| value.field(name)),
        Index::Position(position) => value.part(|value| value.element(*position)),
    }
}

/// `[*]`: the elements of a list or a bag. Any other value is its own only element.
pub(crate) fn elements(context: &mut Context<'_>, value: Datum) -> Result<Vec<Datum>, PartiqlError> {
    match value.kind() {
        ValueKind::List | ValueKind::Bag => items(context, value),
        _ => Ok(vec![value]),
    }
}

/// `.*`: the values of the fields of a struct. Any other value is its own only value.
pub(crate) fn field_values(context: &mut Context<'_>, value: Datum) -> Result<Vec<Datum>, PartiqlError> {
    match value.kind() {
        ValueKind::Struct => Ok(fields(context, value)?.into_iter().map(|(_, value)| value).collect()),
        _ => Ok(vec![value]),
    }
}

/// The elements of a list, a bag or an s-expression, and none of other values. Their bytes are counted.
pub(crate) fn items(context: &mut Context<'_>, value: Datum) -> Result<Vec<Datum>, PartiqlError> {
    for _ in ValueRef::from(&value).items() {
        context.work(ELEMENT)?;
        context.hold(size_of::<Datum>())?;
    }
    Ok(value.into_items())
}

/// The fields of a struct, and none of other values. Their bytes are counted.
pub(crate) fn fields(context: &mut Context<'_>, value: Datum) -> Result<Vec<(Symbol, Datum)>, PartiqlError> {
    for _ in ValueRef::from(&value).fields() {
        context.work(ELEMENT)?;
        context.hold(size_of::<(Symbol, Datum)>())?;
    }
    Ok(value.into_fields())
}

impl Datum {
    /// The elements of a list, a bag or an s-expression, and none of other values.
    pub(crate) fn into_items(self) -> Vec<Datum> {
        match self {
            Datum::List(items) | Datum::Bag(items) => items,
            Datum::Slice(slice) => slice.get().items().map(|item| Datum::Slice(Slice::from(item))).collect(),
            Datum::Value(value) => match value.data {
                Data::List(items) | Data::Sexp(items) => items.into_iter().map(Datum::Value).collect(),
                _ => Vec::new(),
            },
            Datum::Missing | Datum::Unmatched | Datum::Text(_) | Datum::Struct(_) => Vec::new(),
        }
    }

    /// The fields of a struct, and none of other values.
    pub(crate) fn into_fields(self) -> Vec<(Symbol, Datum)> {
        match self {
            Datum::Struct(fields) => fields,
            Datum::Slice(slice) => slice
                .get()
                .fields()
                .map(|(name, value)| {
                    let name = name.map_or(Symbol::UNKNOWN, Symbol::from);
                    (name, Datum::Slice(Slice::from(value)))
                })
                .collect(),
            Datum::Value(value) => match value.data {
                Data::Struct(fields) => fields
                    .into_fields()
                    .into_iter()
                    .map(|(name, value)| (name, Datum::Value(value)))
                    .collect(),
                _ => Vec::new(),
            },
            Datum::Missing | Datum::Unmatched | Datum::Text(_) | Datum::List(_) | Datum::Bag(_) => Vec::new(),
        }
    }
}

fn position(int: &Int) -> Option<usize> {
    int.as_i64().and_then(|position| usize::try_from(position).ok())
}
