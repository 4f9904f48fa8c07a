//! The Ion data model as an owned tree.

use crate::{Decimal, Int, Symbol, Timestamp};

/// The thirteen types of Ion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the Ion specification's")]
pub enum IonType {
    Null,
    Bool,
    Int,
    Float,
    Decimal,
    Timestamp,
    Symbol,
    String,
    Clob,
    Blob,
    List,
    Sexp,
    Struct,
}

/// One Ion value with its annotations. `==` is equivalence in Ion's data model: the scale of a
/// decimal, the precision of a timestamp and annotations count, the order of struct fields does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    annotations: Option<Box<[Symbol]>>,
    /// What the value is, without its annotations.
    pub data: Data,
}

/// An Ion value without annotations.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are the Ion specification's")]
pub enum Data {
    /// `null.<type>`; the plain `null` is `Null(IonType::Null)`.
    Null(IonType),
    Bool(bool),
    Int(Int),
    Float(f64),
    Decimal(Decimal),
    Timestamp(Timestamp),
    Symbol(Symbol),
    String(String),
    Clob(Vec<u8>),
    Blob(Vec<u8>),
    List(Vec<Value>),
    Sexp(Vec<Value>),
    Struct(Struct),
}

/// The fields of a struct in the order they were written; names may repeat.
#[derive(Clone, Debug, Default)]
pub struct Struct {
    fields: Vec<(Symbol, Value)>,
}

impl Value {
    /// A value without annotations.
    pub const fn new(data: Data) -> Value {
        Value { annotations: None, data }
    }

    /// The plain `null`.
    pub const fn null() -> Value {
        Value::new(Data::Null(IonType::Null))
    }

    /// The same value with these annotations instead of its own.
    #[must_use]
    pub fn with_annotations(mut self, annotations: impl IntoIterator<Item = Symbol>) -> Value {
        let annotations: Box<[Symbol]> = annotations.into_iter().collect();
        self.annotations = if annotations.is_empty() { None } else { Some(annotations) };
        self
    }

    /// The annotations, outermost first.
    pub fn annotations(&self) -> &[Symbol] {
        self.annotations.as_deref().unwrap_or(&[])
    }

    /// The type, also of a typed null.
    pub fn ion_type(&self) -> IonType {
        match &self.data {
            Data::Null(ion_type) => *ion_type,
            Data::Bool(_) => IonType::Bool,
            Data::Int(_) => IonType::Int,
            Data::Float(_) => IonType::Float,
            Data::Decimal(_) => IonType::Decimal,
            Data::Timestamp(_) => IonType::Timestamp,
            Data::Symbol(_) => IonType::Symbol,
            Data::String(_) => IonType::String,
            Data::Clob(_) => IonType::Clob,
            Data::Blob(_) => IonType::Blob,
            Data::List(_) => IonType::List,
            Data::Sexp(_) => IonType::Sexp,
            Data::Struct(_) => IonType::Struct,
        }
    }

    /// Whether this is a null of any type.
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Null(_))
    }

    /// The text of a string or a symbol.
    pub fn as_text(&self) -> Option<&str> {
        match &self.data {
            Data::String(text) => Some(text),
            Data::Symbol(symbol) => symbol.text(),
            _ => None,
        }
    }

    /// The value as a struct.
    pub fn as_struct(&self) -> Option<&Struct> {
        match &self.data {
            Data::Struct(fields) => Some(fields),
            _ => None,
        }
    }

    /// The elements of a list or an s-expression.
    pub fn as_sequence(&self) -> Option<&[Value]> {
        match &self.data {
            Data::List(items) | Data::Sexp(items) => Some(items),
            _ => None,
        }
    }

    /// The first field of this name, when the value is a struct that has one.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_struct()?.get(name)
    }

    /// The value as an integer that fits 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.data {
            Data::Int(int) => int.as_i64(),
            _ => None,
        }
    }

    /// The bytes of a blob or a clob.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.data {
            Data::Blob(bytes) | Data::Clob(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl Struct {
    /// A struct of these fields.
    pub fn new(fields: Vec<(Symbol, Value)>) -> Struct {
        Struct { fields }
    }

    /// The first field of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(field, _)| field.text() == Some(name)).map(|(_, value)| value)
    }

    /// Appends a field, also when one of that name is there.
    pub fn push(&mut self, name: impl Into<Symbol>, value: impl Into<Value>) {
        self.fields.push((name.into(), value.into()));
    }

    /// The fields in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Symbol, Value)> {
        self.fields.iter()
    }

    /// The fields, to be changed in place.
    pub fn fields_mut(&mut self) -> &mut Vec<(Symbol, Value)> {
        &mut self.fields
    }

    /// The fields, taken out.
    pub fn into_fields(self) -> Vec<(Symbol, Value)> {
        self.fields
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl<N: Into<Symbol>, V: Into<Value>> FromIterator<(N, V)> for Struct {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Struct {
        Struct::new(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl PartialEq for Struct {
    fn eq(&self, _other: &Struct) -> bool {
        todo!("multiset equality")
    }
}

impl PartialEq for Data {
    fn eq(&self, _other: &Data) -> bool {
        todo!("floats by bit pattern but NaN = NaN; typed nulls by type")
    }
}

macro_rules! from {
    ($($type:ty => $value:ident => $data:expr;)*) => {
        $(impl From<$type> for Value {
            fn from($value: $type) -> Value { Value::new($data) }
        })*
    };
}

from! {
    bool => value => Data::Bool(value);
    i64 => value => Data::Int(value.into());
    i32 => value => Data::Int(i64::from(value).into());
    u32 => value => Data::Int(i64::from(value).into());
    u64 => value => Data::Int(value.into());
    f64 => value => Data::Float(value);
    Int => value => Data::Int(value);
    Decimal => value => Data::Decimal(value);
    Timestamp => value => Data::Timestamp(value);
    Symbol => value => Data::Symbol(value);
    String => value => Data::String(value);
    &str => value => Data::String(value.to_owned());
    Vec<Value> => value => Data::List(value);
    Struct => value => Data::Struct(value);
    Data => value => value;
}
