//! The Ion data model as an owned tree.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::decimal::Decimal;
use crate::int::Int;
use crate::symbol::Symbol;
use crate::timestamp::Timestamp;

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

impl IonType {
    /// The name as it stands after `null.`.
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

/// One Ion value with its annotations. `==` is equivalence in Ion's data model: the scale of a
/// decimal, the precision of a timestamp and annotations count, the order of struct fields does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

    /// The value as a bool.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.data {
            Data::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    /// The value as an int of any size.
    pub fn as_int(&self) -> Option<&Int> {
        match &self.data {
            Data::Int(int) => Some(int),
            _ => None,
        }
    }

    /// The value as a float.
    pub fn as_f64(&self) -> Option<f64> {
        match &self.data {
            Data::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// The value as a decimal.
    pub fn as_decimal(&self) -> Option<&Decimal> {
        match &self.data {
            Data::Decimal(decimal) => Some(decimal),
            _ => None,
        }
    }

    /// The value as a timestamp.
    pub fn as_timestamp(&self) -> Option<&Timestamp> {
        match &self.data {
            Data::Timestamp(timestamp) => Some(timestamp),
            _ => None,
        }
    }

    /// The value as a symbol.
    pub fn as_symbol(&self) -> Option<&Symbol> {
        match &self.data {
            Data::Symbol(symbol) => Some(symbol),
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

/// The same fields as often, in any order.
impl PartialEq for Struct {
    fn eq(&self, other: &Struct) -> bool {
        if self.fields.len() != other.fields.len() {
            return false;
        }
        // Most structs that are equal were written in the same order.
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

/// Fields by name; those of one name also by hash, so that a name repeated a thousand times does
/// not take a million comparisons. Where a name does not repeat the hash is left out.
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

/// Whether two lists of values with one hash are equal as multisets.
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
        // A sum, because the order of fields is not part of the value.
        let sum = self.fields.iter().fold(0u64, |sum, field| sum.wrapping_add(hash_of(field)));
        state.write_usize(self.fields.len());
        state.write_u64(sum);
    }
}

/// Floats are equal by their bits, so that `0e0` and `-0e0` differ, but every NaN is the same.
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
