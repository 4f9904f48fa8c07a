//! The Ion data model as a tree that owns its parts.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::decimal::Decimal;
use crate::int::Int;
use crate::symbol::Symbol;
use crate::timestamp::Timestamp;

/// The thirteen types of Ion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IonType {
    /// The type of the plain `null`.
    Null,
    /// `true` and `false`.
    Bool,
    /// Integers of any size.
    Int,
    /// Binary floating-point numbers of 64 bits.
    Float,
    /// Decimal numbers of any precision.
    Decimal,
    /// Points in time.
    Timestamp,
    /// Symbols: texts that are written once for each stream.
    Symbol,
    /// Unicode texts.
    String,
    /// Bytes that are text in some encoding.
    Clob,
    /// Bytes.
    Blob,
    /// Sequences of values.
    List,
    /// S-expressions: sequences of values with another meaning than lists.
    Sexp,
    /// Unordered collections of fields.
    Struct,
}

impl IonType {
    /// The name of the type, as in `null.int`.
    pub const fn name(self) -> &'static str {
        match self {
            IonType::Null => "null",
            IonType::Bool => "bool",
            IonType::Int => "int",
            IonType::Float => "float",
            IonType::Decimal => "decimal",
            IonType::Timestamp => "timestamp",
            IonType::Symbol => "symbol",
            IonType::String => "string",
            IonType::Clob => "clob",
            IonType::Blob => "blob",
            IonType::List => "list",
            IonType::Sexp => "sexp",
            IonType::Struct => "struct",
        }
    }
}

impl std::fmt::Display for IonType {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One Ion value with its annotations.
///
/// `==` is the equivalence of Ion's data model. Annotations, the exponent of a decimal and the precision of a timestamp
/// count; the order of a struct's fields does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Value {
    annotations: Option<Box<[Symbol]>>,
    /// The value without its annotations.
    pub data: Data,
}

/// An Ion value without annotations.
#[derive(Clone, Debug)]
pub enum Data {
    /// A null of a type; the plain `null` is `Null(IonType::Null)`.
    Null(IonType),
    /// A bool.
    Bool(bool),
    /// An integer of any size.
    Int(Int),
    /// A float.
    Float(f64),
    /// A decimal.
    Decimal(Decimal),
    /// A timestamp.
    Timestamp(Timestamp),
    /// A symbol.
    Symbol(Symbol),
    /// A string.
    String(String),
    /// The bytes of a clob.
    Clob(Vec<u8>),
    /// The bytes of a blob.
    Blob(Vec<u8>),
    /// The elements of a list.
    List(Vec<Value>),
    /// The elements of an s-expression.
    Sexp(Vec<Value>),
    /// The fields of a struct.
    Struct(Struct),
}

/// The fields of a struct, in the order in which they were written. Names may repeat.
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

    /// The type; of a null too.
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

    /// The text of a string or a symbol; `None` for other types and for a symbol of unknown text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.data {
            Data::String(text) => Some(text),
            Data::Symbol(symbol) => symbol.text(),
            _ => None,
        }
    }

    /// The fields of a struct; `None` for other types and for null.
    pub fn as_struct(&self) -> Option<&Struct> {
        match &self.data {
            Data::Struct(fields) => Some(fields),
            _ => None,
        }
    }

    /// The elements of a list or an s-expression; `None` for other types and for null.
    pub fn as_sequence(&self) -> Option<&[Value]> {
        match &self.data {
            Data::List(items) | Data::Sexp(items) => Some(items),
            _ => None,
        }
    }

    /// The first field with this name; `None` if the value is no struct or has no such field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_struct()?.get(name)
    }

    /// The integer; `None` for other types, for null, and if it does not fit 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.data {
            Data::Int(int) => int.as_i64(),
            _ => None,
        }
    }

    /// The bool; `None` for other types and for null.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.data {
            Data::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    /// The int; `None` for other types and for null.
    pub fn as_int(&self) -> Option<&Int> {
        match &self.data {
            Data::Int(int) => Some(int),
            _ => None,
        }
    }

    /// The float; `None` for other types and for null.
    pub fn as_f64(&self) -> Option<f64> {
        match &self.data {
            Data::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// The decimal; `None` for other types and for null.
    pub fn as_decimal(&self) -> Option<&Decimal> {
        match &self.data {
            Data::Decimal(decimal) => Some(decimal),
            _ => None,
        }
    }

    /// The timestamp; `None` for other types and for null.
    pub fn as_timestamp(&self) -> Option<&Timestamp> {
        match &self.data {
            Data::Timestamp(timestamp) => Some(timestamp),
            _ => None,
        }
    }

    /// The symbol; `None` for other types and for null.
    pub fn as_symbol(&self) -> Option<&Symbol> {
        match &self.data {
            Data::Symbol(symbol) => Some(symbol),
            _ => None,
        }
    }

    /// The bytes of a blob or a clob; `None` for other types and for null.
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

    /// The first field with this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(field, _)| field.text() == Some(name)).map(|(_, value)| value)
    }

    /// Appends a field, even if there is one with that name.
    pub fn push(&mut self, name: impl Into<Symbol>, value: impl Into<Value>) {
        self.fields.push((name.into(), value.into()));
    }

    /// The fields in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Symbol, Value)> {
        self.fields.iter()
    }

    /// The fields, for changes in place.
    pub fn fields_mut(&mut self) -> &mut Vec<(Symbol, Value)> {
        &mut self.fields
    }

    /// The fields, moved out of the struct.
    pub fn into_fields(self) -> Vec<(Symbol, Value)> {
        self.fields
    }

    /// The number of fields.
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

/// Two structs are equal if they have the same fields equally often, in any order.
impl PartialEq for Struct {
    fn eq(&self, other: &Struct) -> bool {
        if self.fields.len() != other.fields.len() {
            return false;
        }
        // Equal structs were usually written in the same order, which is cheap to compare.
        let differs = |(left, right): (&(Symbol, Value), &(Symbol, Value))| left != right;
        let Some(first) = self.fields.iter().zip(&other.fields).position(differs) else {
            return true;
        };
        let left = by_name_and_hash(&self.fields[first..]);
        let right = by_name_and_hash(&other.fields[first..]);
        left.len() == right.len()
            && left.iter().zip(&right).all(|((left_key, left), (right_key, right))| {
                left_key == right_key && same_values(left, right)
            })
    }
}

impl Eq for Struct {}

type Fields<'a> = BTreeMap<(&'a Symbol, u64), Vec<&'a Value>>;

/// The fields by name and hash. Without the hash, a name that is repeated a thousand times would take a million
/// comparisons. It is 0 if the name does not repeat, because then it is not needed.
fn by_name_and_hash(fields: &[(Symbol, Value)]) -> Fields<'_> {
    let mut counts: BTreeMap<&Symbol, usize> = BTreeMap::new();
    for (name, _) in fields {
        *counts.entry(name).or_default() += 1;
    }
    let mut sorted = Fields::new();
    for (name, value) in fields {
        let hash = if counts[name] > 1 { hash_of(value) } else { 0 };
        sorted.entry((name, hash)).or_default().push(value);
    }
    sorted
}

/// Whether two lists have the same values equally often.
fn same_values(left: &[&Value], right: &[&Value]) -> bool {
    let mut right = right.to_vec();
    left.len() == right.len()
        && left.iter().all(|value| {
            let found = right.iter().position(|other| other == value);
            found.map(|at| right.swap_remove(at)).is_some()
        })
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Hash for Struct {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The order of the fields must not matter, and a sum does not depend on it.
        let sum = self.fields.iter().fold(0u64, |sum, field| sum.wrapping_add(hash_of(field)));
        state.write_usize(self.fields.len());
        state.write_u64(sum);
    }
}

/// Floats are compared by their bits, so that `0e0` and `-0e0` differ. All NaNs are equal.
impl PartialEq for Data {
    fn eq(&self, other: &Data) -> bool {
        match (self, other) {
            (Data::Null(left), Data::Null(right)) => left == right,
            (Data::Bool(left), Data::Bool(right)) => left == right,
            (Data::Int(left), Data::Int(right)) => left == right,
            (Data::Float(left), Data::Float(right)) => float_bits(*left) == float_bits(*right),
            (Data::Decimal(left), Data::Decimal(right)) => left == right,
            (Data::Timestamp(left), Data::Timestamp(right)) => left == right,
            (Data::Symbol(left), Data::Symbol(right)) => left == right,
            (Data::String(left), Data::String(right)) => left == right,
            (Data::Clob(left), Data::Clob(right)) | (Data::Blob(left), Data::Blob(right)) => left == right,
            (Data::List(left), Data::List(right)) | (Data::Sexp(left), Data::Sexp(right)) => left == right,
            (Data::Struct(left), Data::Struct(right)) => left == right,
            _ => false,
        }
    }
}

impl Eq for Data {}

impl Hash for Data {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Data::Null(ion_type) => ion_type.hash(state),
            Data::Bool(bool) => bool.hash(state),
            Data::Int(int) => int.hash(state),
            Data::Float(float) => float_bits(*float).hash(state),
            Data::Decimal(decimal) => decimal.hash(state),
            Data::Timestamp(timestamp) => timestamp.hash(state),
            Data::Symbol(symbol) => symbol.hash(state),
            Data::String(text) => text.hash(state),
            Data::Clob(bytes) | Data::Blob(bytes) => bytes.hash(state),
            Data::List(items) | Data::Sexp(items) => items.hash(state),
            Data::Struct(fields) => fields.hash(state),
        }
    }
}

fn float_bits(float: f64) -> u64 {
    if float.is_nan() { f64::NAN.to_bits() } else { float.to_bits() }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(fields: &[(&str, i64)]) -> Struct {
        fields.iter().copied().collect()
    }

    #[test]
    fn structs_are_multisets() {
        assert_eq!(fields(&[("a", 1), ("b", 2)]), fields(&[("b", 2), ("a", 1)]));
        assert_eq!(fields(&[("a", 1), ("a", 2), ("a", 1)]), fields(&[("a", 2), ("a", 1), ("a", 1)]));
        assert_ne!(fields(&[("a", 1), ("a", 1), ("a", 2)]), fields(&[("a", 1), ("a", 2), ("a", 2)]));
        assert_ne!(fields(&[("a", 1)]), fields(&[("a", 1), ("a", 1)]));
        assert_ne!(fields(&[("a", 1), ("b", 2)]), fields(&[("a", 2), ("b", 1)]));
    }

    #[test]
    fn a_name_repeated_often_does_not_take_quadratic_time() {
        let ascending: Struct = (0..20_000i64).map(|value| ("a", value)).collect();
        let descending: Struct = (0..20_000i64).rev().map(|value| ("a", value)).collect();
        assert_eq!(ascending, descending);
    }

    #[test]
    fn floats_are_equal_by_their_bits() {
        assert_ne!(Value::from(0.0), Value::from(-0.0));
        assert_eq!(Value::from(f64::NAN), Value::from(f64::from_bits(0x7FF8_0000_0000_0001)));
        assert_ne!(Value::from(1.0), Value::from(1i64));
        assert_ne!(Value::new(Data::Null(IonType::Int)), Value::null());
    }
}
