//! One way of looking at a value, wherever it lies: encoded in a document, as a tree, or as the
//! statement computes it. Comparison, keys and paths are written once, over this.

use std::sync::Arc;

use everstrand_ion::{Data, IonType, RawFields, RawItems, RawValue, Slice, Struct, Symbol, Timestamp, Value};

use crate::datum::{Datum, weight_of_name, weight_of_value};
use crate::number::{EXPONENT_MAX, Number};

static NULL: Value = Value::null();

/// A borrowed value of PartiQL: any Ion value, MISSING, or a bag.
#[derive(Clone, Copy, Debug)]
pub struct ValueRef<'a>(Repr<'a>);

#[derive(Clone, Copy, Debug)]
enum Repr<'a> {
    Missing,
    Raw(RawValue<'a>),
    Value(&'a Value),
    Text(&'a Arc<str>),
    List(&'a [Datum]),
    Bag(&'a [Datum]),
    Struct(&'a [(Symbol, Datum)]),
}

/// What a value is, at its top.
#[derive(Clone, Debug)]
pub(crate) enum View<'a> {
    Missing,
    Null,
    Bool(bool),
    Number(Number),
    Timestamp(Timestamp),
    /// A string or a symbol; `None` is the symbol whose text is not known.
    Text(Option<&'a str>),
    Lob(&'a [u8]),
    List,
    Sexp,
    Struct,
    Bag,
}

impl View<'_> {
    /// How much work it is to look at all of a scalar; the containers' elements are scalars of their own.
    pub(crate) fn scalar_work(&self) -> usize {
        match self {
            View::Text(Some(text)) => text.len() / 8,
            View::Lob(bytes) => bytes.len() / 8,
            View::Number(number) => number.work(),
            _ => 0,
        }
    }
}

impl<'a> ValueRef<'a> {
    /// MISSING.
    pub const MISSING: ValueRef<'static> = ValueRef(Repr::Missing);

    pub(crate) fn view(self) -> View<'a> {
        match self.0 {
            Repr::Missing => View::Missing,
            Repr::Raw(raw) => view_of_raw(raw),
            Repr::Value(value) => view_of_value(value),
            Repr::Text(text) => View::Text(Some(text)),
            Repr::List(_) => View::List,
            Repr::Bag(_) => View::Bag,
            Repr::Struct(_) => View::Struct,
        }
    }

    /// The Ion type; `None` for MISSING and for bags.
    pub(crate) fn ion_type(self) -> Option<IonType> {
        match self.0 {
            Repr::Missing | Repr::Bag(_) => None,
            Repr::Raw(raw) => Some(raw.ion_type()),
            Repr::Value(value) => Some(value.ion_type()),
            Repr::Text(_) => Some(IonType::String),
            Repr::List(_) => Some(IonType::List),
            Repr::Struct(_) => Some(IonType::Struct),
        }
    }

    /// A copy that owns itself.
    pub(crate) fn to_datum(self) -> Datum {
        match self.0 {
            Repr::Missing => Datum::Missing,
            Repr::Raw(raw) if matches!(raw.ion_type(), IonType::List | IonType::Sexp | IonType::Struct) => {
                Datum::Slice(Slice::from(raw.to_document()))
            }
            Repr::Raw(raw) => Datum::Value(raw.to_value()),
            Repr::Value(value) => Datum::Value(value.clone()),
            Repr::Text(text) => Datum::Text(Arc::clone(text)),
            Repr::List(items) => Datum::List(items.to_vec()),
            Repr::Bag(items) => Datum::Bag(items.to_vec()),
            Repr::Struct(fields) => Datum::Struct(fields.to_vec()),
        }
    }

    /// Roughly how many bytes a copy of it takes besides its top.
    pub(crate) fn weight_below(self) -> usize {
        match self.0 {
            Repr::Missing => 0,
            Repr::Raw(raw) => raw.size(),
            Repr::Value(value) => weight_of_value(value),
            Repr::Text(text) => text.len(),
            Repr::List(items) | Repr::Bag(items) => items.iter().map(Datum::weight).sum(),
            Repr::Struct(fields) => {
                fields.iter().map(|(name, value)| weight_of_name(name) + value.weight()).sum()
            }
        }
    }

    pub(crate) fn is_missing(self) -> bool {
        matches!(self.0, Repr::Missing)
    }

    /// Whether this is MISSING or a null of any type.
    pub(crate) fn is_unknown(self) -> bool {
        match self.0 {
            Repr::Missing => true,
            Repr::Raw(raw) => raw.is_null(),
            Repr::Value(value) => value.is_null(),
            _ => false,
        }
    }

    /// Whether every reader of Ion accepts the exponents of all decimals in it.
    pub(crate) fn has_accepted_exponents(self) -> bool {
        match self.ion_type() {
            Some(IonType::Decimal) => match self.view() {
                View::Number(Number::Decimal(decimal)) => decimal.exponent() >= -EXPONENT_MAX,
                _ => true,
            },
            Some(IonType::List | IonType::Sexp) => self.items().all(ValueRef::has_accepted_exponents),
            Some(IonType::Struct) => self.fields().all(|(_, value)| value.has_accepted_exponents()),
            _ => true,
        }
    }

    /// What error texts call its type.
    pub(crate) fn type_name(self) -> &'static str {
        match self.ion_type() {
            None if self.is_missing() => "MISSING",
            None => "BAG",
            Some(IonType::Null) => "NULL",
            Some(IonType::Bool) => "BOOL",
            Some(IonType::Int) => "INT",
            Some(IonType::Float) => "FLOAT",
            Some(IonType::Decimal) => "DECIMAL",
            Some(IonType::Timestamp) => "TIMESTAMP",
            Some(IonType::Symbol) => "SYMBOL",
            Some(IonType::String) => "STRING",
            Some(IonType::Clob) => "CLOB",
            Some(IonType::Blob) => "BLOB",
            Some(IonType::List) => "LIST",
            Some(IonType::Sexp) => "SEXP",
            Some(IonType::Struct) => "STRUCT",
        }
    }

    /// The elements of a list, a bag or an s-expression; nothing for other values.
    pub(crate) fn items(self) -> Items<'a> {
        match self.0 {
            Repr::Raw(raw) => Items::Raw(raw.items()),
            Repr::Value(value) => Items::Values(value.as_sequence().unwrap_or(&[]).iter()),
            Repr::List(items) | Repr::Bag(items) => Items::Data(items.iter()),
            Repr::Missing | Repr::Text(_) | Repr::Struct(_) => Items::Data([].iter()),
        }
    }

    /// The fields of a struct in order; nothing for other values.
    pub(crate) fn fields(self) -> Fields<'a> {
        match self.0 {
            Repr::Raw(raw) => Fields::Raw(raw.fields()),
            Repr::Value(value) => match value.as_struct() {
                Some(fields) => Fields::Values(Struct::iter(fields)),
                None => Fields::Data([].iter()),
            },
            Repr::Struct(fields) => Fields::Data(fields.iter()),
            _ => Fields::Data([].iter()),
        }
    }
}

impl<'a> From<RawValue<'a>> for ValueRef<'a> {
    fn from(raw: RawValue<'a>) -> ValueRef<'a> {
        ValueRef(Repr::Raw(raw))
    }
}

impl<'a> From<Option<RawValue<'a>>> for ValueRef<'a> {
    fn from(raw: Option<RawValue<'a>>) -> ValueRef<'a> {
        ValueRef(raw.map_or(Repr::Missing, Repr::Raw))
    }
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> ValueRef<'a> {
        ValueRef(Repr::Value(value))
    }
}

/// A struct of these fields.
impl<'a> From<&'a [(Symbol, Datum)]> for ValueRef<'a> {
    fn from(fields: &'a [(Symbol, Datum)]) -> ValueRef<'a> {
        ValueRef(Repr::Struct(fields))
    }
}

impl<'a> From<&'a Datum> for ValueRef<'a> {
    fn from(datum: &'a Datum) -> ValueRef<'a> {
        ValueRef(match datum {
            Datum::Missing => Repr::Missing,
            Datum::Unmatched => Repr::Value(&NULL),
            Datum::Value(value) => Repr::Value(value),
            Datum::Text(text) => Repr::Text(text),
            Datum::Slice(slice) => Repr::Raw(slice.get()),
            Datum::List(items) => Repr::List(items),
            Datum::Bag(items) => Repr::Bag(items),
            Datum::Struct(fields) => Repr::Struct(fields),
        })
    }
}

/// The elements of a sequence.
#[derive(Debug)]
pub(crate) enum Items<'a> {
    Raw(RawItems<'a>),
    Values(std::slice::Iter<'a, Value>),
    Data(std::slice::Iter<'a, Datum>),
}

impl<'a> Iterator for Items<'a> {
    type Item = ValueRef<'a>;

    fn next(&mut self) -> Option<ValueRef<'a>> {
        match self {
            Items::Raw(items) => items.next().map(ValueRef::from),
            Items::Values(items) => items.next().map(ValueRef::from),
            Items::Data(items) => items.next().map(ValueRef::from),
        }
    }
}

/// The fields of a struct; a name of unknown text is `None`.
#[derive(Debug)]
pub(crate) enum Fields<'a> {
    Raw(RawFields<'a>),
    Values(std::slice::Iter<'a, (Symbol, Value)>),
    Data(std::slice::Iter<'a, (Symbol, Datum)>),
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Option<&'a str>, ValueRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Fields::Raw(fields) => fields.next().map(|(name, value)| (name, value.into())),
            Fields::Values(fields) => fields.next().map(|(name, value)| (name.text(), value.into())),
            Fields::Data(fields) => fields.next().map(|(name, value)| (name.text(), value.into())),
        }
    }
}

fn view_of_raw(raw: RawValue<'_>) -> View<'_> {
    if raw.is_null() {
        return View::Null;
    }
    let view = match raw.ion_type() {
        IonType::Null => Some(View::Null),
        IonType::Bool => raw.as_bool().map(View::Bool),
        IonType::Int => raw.as_int().map(|int| View::Number(Number::Int(int))),
        IonType::Float => raw.as_f64().map(|float| View::Number(Number::Float(float))),
        IonType::Decimal => raw.as_decimal().map(|decimal| View::Number(Number::Decimal(decimal))),
        IonType::Timestamp => raw.as_timestamp().map(View::Timestamp),
        IonType::Symbol | IonType::String => Some(View::Text(raw.as_text())),
        IonType::Clob | IonType::Blob => raw.as_bytes().map(View::Lob),
        IonType::List => Some(View::List),
        IonType::Sexp => Some(View::Sexp),
        IonType::Struct => Some(View::Struct),
    };
    // A validated document has a value of its type behind every type descriptor.
    view.unwrap_or(View::Null)
}

fn view_of_value(value: &Value) -> View<'_> {
    match &value.data {
        Data::Null(_) => View::Null,
        Data::Bool(bool) => View::Bool(*bool),
        Data::Int(int) => View::Number(Number::Int(int.clone())),
        Data::Float(float) => View::Number(Number::Float(*float)),
        Data::Decimal(decimal) => View::Number(Number::Decimal(decimal.clone())),
        Data::Timestamp(timestamp) => View::Timestamp(timestamp.clone()),
        Data::Symbol(symbol) => View::Text(symbol.text()),
        Data::String(text) => View::Text(Some(text)),
        Data::Clob(bytes) | Data::Blob(bytes) => View::Lob(bytes),
        Data::List(_) => View::List,
        Data::Sexp(_) => View::Sexp,
        Data::Struct(_) => View::Struct,
    }
}
