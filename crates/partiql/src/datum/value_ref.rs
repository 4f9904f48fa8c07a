//! A borrowed value, wherever it lies: encoded in a document, in a tree, or among values that the statement computed.
//! Comparison, keys and paths are written once, over this type.

use std::sync::Arc;

use everstrand_ion::{Data, IonType, RawFields, RawItems, RawValue, Slice, Struct, Symbol, Timestamp, Value};

use crate::datum::{Datum, weight_of_name, weight_of_value};
use crate::number::{EXPONENT_MAX, Number};

/// A borrowed value of PartiQL: any Ion value, MISSING, or a bag.
#[derive(Clone, Copy, Debug)]
pub struct ValueRef<'a>(Repr<'a>);

#[derive(Clone, Copy, Debug)]
enum Repr<'a> {
    Missing,
    /// NULL in the place of a row that a left join did not find. A path below it is NULL too, and not MISSING.
    Unmatched,
    Raw(RawValue<'a>),
    Value(&'a Value),
    Text(&'a Arc<str>),
    List(&'a [Datum]),
    Bag(&'a [Datum]),
    Struct(&'a [(Symbol, Datum)]),
}

/// The kind of a value; for a scalar with the value itself.
#[derive(Clone, Debug)]
pub(crate) enum ValueKind<'a> {
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

impl ValueKind<'_> {
    /// How much work it is to read the whole of a scalar. The elements of a container are counted one by one.
    pub(crate) fn scalar_work(&self) -> usize {
        match self {
            ValueKind::Text(Some(text)) => text.len() / 8,
            ValueKind::Lob(bytes) => bytes.len() / 8,
            ValueKind::Number(number) => number.work(),
            _ => 0,
        }
    }
}

impl<'a> ValueRef<'a> {
    /// MISSING.
    pub const MISSING: ValueRef<'static> = ValueRef(Repr::Missing);

    pub(crate) fn kind(self) -> ValueKind<'a> {
        match self.0 {
            Repr::Missing => ValueKind::Missing,
            Repr::Unmatched => ValueKind::Null,
            Repr::Raw(raw) => kind_of_raw(raw),
            Repr::Value(value) => kind_of_value(value),
            Repr::Text(text) => ValueKind::Text(Some(text)),
            Repr::List(_) => ValueKind::List,
            Repr::Bag(_) => ValueKind::Bag,
            Repr::Struct(_) => ValueKind::Struct,
        }
    }

    /// The Ion type. MISSING and bags have none.
    pub(crate) fn ion_type(self) -> Option<IonType> {
        match self.0 {
            Repr::Missing | Repr::Bag(_) => None,
            Repr::Unmatched => Some(IonType::Null),
            Repr::Raw(raw) => Some(raw.ion_type()),
            Repr::Value(value) => Some(value.ion_type()),
            Repr::Text(_) => Some(IonType::String),
            Repr::List(_) => Some(IonType::List),
            Repr::Struct(_) => Some(IonType::Struct),
        }
    }

    /// The first field of a name; MISSING where there is none, or where this is no struct.
    #[inline]
    pub(crate) fn field(self, name: &str) -> ValueRef<'a> {
        match self.0 {
            Repr::Raw(raw) => raw.get(name).into(),
            Repr::Value(value) => value.get(name).map_or(ValueRef::MISSING, ValueRef::from),
            Repr::Struct(fields) => fields
                .iter()
                .find(|(field, _)| field.text() == Some(name))
                .map_or(ValueRef::MISSING, |(_, value)| value.into()),
            Repr::Unmatched => self,
            Repr::Missing | Repr::Text(_) | Repr::List(_) | Repr::Bag(_) => ValueRef::MISSING,
        }
    }

    /// An element of a list or an s-expression; MISSING where there is none, or where this is another value.
    pub(crate) fn element(self, position: usize) -> ValueRef<'a> {
        match self.0 {
            Repr::Raw(raw) => raw.items().nth(position).into(),
            Repr::Value(_) | Repr::List(_) => self.items().nth(position).unwrap_or(ValueRef::MISSING),
            Repr::Unmatched => self,
            Repr::Missing | Repr::Text(_) | Repr::Struct(_) | Repr::Bag(_) => ValueRef::MISSING,
        }
    }

    /// Whether this is a struct with fields, encoded and without annotations, as the rows of a table are.
    pub(crate) fn is_document(self) -> bool {
        matches!(self.0, Repr::Raw(raw) if raw.fields().next().is_some() && !raw.has_annotations())
    }

    /// The same value with an owner of its own. A value inside a document keeps the document alive.
    #[inline]
    pub(crate) fn share(self) -> Datum {
        match self.0 {
            Repr::Raw(raw) => Datum::Slice(Slice::from(raw)),
            _ => self.to_datum(),
        }
    }

    /// A copy that keeps no document alive.
    pub(crate) fn to_datum(self) -> Datum {
        match self.0 {
            Repr::Missing => Datum::Missing,
            Repr::Unmatched => Datum::Unmatched,
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

    /// Roughly how many bytes a copy takes beside its own struct.
    pub(crate) fn weight_below(self) -> usize {
        match self.0 {
            Repr::Missing | Repr::Unmatched => 0,
            Repr::Raw(raw) => raw.size(),
            Repr::Value(value) => weight_of_value(value) - size_of::<Value>(),
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

    /// Whether the value is MISSING or a null of any type.
    #[inline]
    pub(crate) fn is_unknown(self) -> bool {
        match self.0 {
            Repr::Missing | Repr::Unmatched => true,
            Repr::Raw(raw) => raw.is_null(),
            Repr::Value(value) => value.is_null(),
            _ => false,
        }
    }

    /// Whether every reader of Ion accepts the exponents of all decimals in the value.
    pub(crate) fn has_accepted_exponents(self) -> bool {
        match self.ion_type() {
            Some(IonType::Decimal) => match self.kind() {
                ValueKind::Number(Number::Decimal(decimal)) => decimal.exponent() >= -EXPONENT_MAX,
                _ => true,
            },
            Some(IonType::List | IonType::Sexp) => self.items().all(ValueRef::has_accepted_exponents),
            Some(IonType::Struct) => self.fields().all(|(_, value)| value.has_accepted_exponents()),
            _ => true,
        }
    }

    /// The name of its type in error texts.
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

    /// The elements of a list, a bag or an s-expression, and none of other values.
    pub(crate) fn items(self) -> Items<'a> {
        match self.0 {
            Repr::Raw(raw) => Items::Raw(raw.items()),
            Repr::Value(value) => Items::Values(value.as_sequence().unwrap_or(&[]).iter()),
            Repr::List(items) | Repr::Bag(items) => Items::Data(items.iter()),
            Repr::Missing | Repr::Unmatched | Repr::Text(_) | Repr::Struct(_) => Items::Data([].iter()),
        }
    }

    /// The fields of a struct in order, and none of other values.
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
    #[inline]
    fn from(datum: &'a Datum) -> ValueRef<'a> {
        ValueRef(match datum {
            Datum::Missing => Repr::Missing,
            Datum::Unmatched => Repr::Unmatched,
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

/// The fields of a struct. A name whose text is not known is `None`.
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

fn kind_of_raw(raw: RawValue<'_>) -> ValueKind<'_> {
    if raw.is_null() {
        return ValueKind::Null;
    }
    let kind = match raw.ion_type() {
        IonType::Null => Some(ValueKind::Null),
        IonType::Bool => raw.as_bool().map(ValueKind::Bool),
        IonType::Int => raw.as_int().map(|int| ValueKind::Number(Number::Int(int))),
        IonType::Float => raw.as_f64().map(|float| ValueKind::Number(Number::Float(float))),
        IonType::Decimal => raw.as_decimal().map(|decimal| ValueKind::Number(Number::Decimal(decimal))),
        IonType::Timestamp => raw.as_timestamp().map(ValueKind::Timestamp),
        IonType::Symbol | IonType::String => Some(ValueKind::Text(raw.as_text())),
        IonType::Clob | IonType::Blob => raw.as_bytes().map(ValueKind::Lob),
        IonType::List => Some(ValueKind::List),
        IonType::Sexp => Some(ValueKind::Sexp),
        IonType::Struct => Some(ValueKind::Struct),
    };
    // A document was validated, so every type descriptor in it has a value of its type, and the NULL is never used.
    kind.unwrap_or(ValueKind::Null)
}

fn kind_of_value(value: &Value) -> ValueKind<'_> {
    match &value.data {
        Data::Null(_) => ValueKind::Null,
        Data::Bool(bool) => ValueKind::Bool(*bool),
        Data::Int(int) => ValueKind::Number(Number::Int(int.clone())),
        Data::Float(float) => ValueKind::Number(Number::Float(*float)),
        Data::Decimal(decimal) => ValueKind::Number(Number::Decimal(decimal.clone())),
        Data::Timestamp(timestamp) => ValueKind::Timestamp(timestamp.clone()),
        Data::Symbol(symbol) => ValueKind::Text(symbol.text()),
        Data::String(text) => ValueKind::Text(Some(text)),
        Data::Clob(bytes) | Data::Blob(bytes) => ValueKind::Lob(bytes),
        Data::List(_) => ValueKind::List,
        Data::Sexp(_) => ValueKind::Sexp,
        Data::Struct(_) => ValueKind::Struct,
    }
}
