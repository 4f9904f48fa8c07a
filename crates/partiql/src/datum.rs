//! The values of a running statement: parts of documents as they are encoded, computed trees, and the two values that
//! Ion does not have, bags and MISSING.

pub(crate) mod value_ref;

use std::sync::Arc;

use everstrand_ion::{Data, Document, Slice, Struct, StructWriter, Symbol, Value};

use value_ref::{ValueKind, ValueRef};

/// A value of a running statement, which owns what it needs.
#[derive(Clone, Debug)]
pub(crate) enum Datum {
    Missing,
    /// NULL in the place of a row that a left join did not find. A path below it is NULL too, and not MISSING.
    Unmatched,
    /// A tree, mostly a scalar.
    Value(Value),
    /// A text that the statement made. All copies of the value share it.
    Text(Arc<str>),
    /// A document or a value inside one.
    Slice(Slice),
    /// A list that the statement made.
    List(Vec<Datum>),
    /// A bag. It becomes a list when it is stored or returned.
    Bag(Vec<Datum>),
    /// A struct that the statement made. No field is MISSING.
    Struct(Vec<(Symbol, Datum)>),
}

impl Datum {
    pub(crate) const fn null() -> Datum {
        Datum::Value(Value::null())
    }

    pub(crate) fn of(value: impl Into<Value>) -> Datum {
        Datum::Value(value.into())
    }

    /// TRUE, FALSE, or NULL for `None`.
    pub(crate) fn truth(truth: Option<bool>) -> Datum {
        truth.map_or_else(Datum::null, Datum::of)
    }

    pub(crate) fn text(text: impl Into<Arc<str>>) -> Datum {
        Datum::Text(text.into())
    }

    pub(crate) fn kind(&self) -> ValueKind<'_> {
        ValueRef::from(self).kind()
    }

    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Datum::Missing)
    }

    /// Whether this is MISSING or a null of any type.
    pub(crate) fn is_unknown(&self) -> bool {
        ValueRef::from(self).is_unknown()
    }

    /// The value as a tree. Bags become lists. MISSING becomes null, and is left out within other values.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Datum::Missing | Datum::Unmatched => Value::null(),
            Datum::Value(value) => value,
            Datum::Text(text) => Value::new(Data::String(text.as_ref().to_owned())),
            Datum::Slice(slice) => slice.get().to_value(),
            Datum::List(items) | Datum::Bag(items) => {
                let items = items.into_iter().filter(|item| !item.is_missing());
                Value::new(Data::List(items.map(Datum::into_value).collect()))
            }
            Datum::Struct(fields) => {
                let fields = fields.into_iter().filter(|(_, value)| !value.is_missing());
                let fields = fields.map(|(name, value)| (name, value.into_value())).collect();
                Value::new(Data::Struct(Struct::new(fields)))
            }
        }
    }

    /// The value as a document. Parts that are encoded already are copied without being decoded.
    pub(crate) fn into_document(self) -> Document {
        match self {
            Datum::Slice(slice) => slice.get().to_document(),
            Datum::Struct(fields) if fields.iter().all(|(name, _)| name.text().is_some()) => {
                // A part that is neither encoded nor a tree becomes a tree first, because the writer only borrows.
                let fields: Vec<(Symbol, Datum)> = fields
                    .into_iter()
                    .filter(|(_, value)| !value.is_missing())
                    .map(|(name, value)| match value {
                        Datum::Slice(_) | Datum::Text(_) => (name, value),
                        other => (name, Datum::Value(other.into_value())),
                    })
                    .collect();
                let mut writer = StructWriter::new();
                for (name, value) in &fields {
                    let name = name.text().expect("checked above");
                    match value {
                        Datum::Slice(slice) => writer.raw(name, slice.get()),
                        Datum::Value(value) => writer.value(name, value),
                        Datum::Text(text) => writer.text(name, text),
                        _ => unreachable!("made a tree above"),
                    };
                }
                writer.finish()
            }
            other => Document::from(&other.into_value()),
        }
    }

    /// Roughly how many bytes the value takes. Of a document only its own part counts. A shared text counts in full.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Datum>() + self.weight_below()
    }

    /// Roughly how many bytes the value takes beside its own struct.
    pub(crate) fn weight_below(&self) -> usize {
        ValueRef::from(self).weight_below()
    }
}

impl From<Document> for Datum {
    fn from(document: Document) -> Datum {
        Datum::Slice(Slice::from(document))
    }
}

/// Roughly how many bytes the name of a field takes.
pub(crate) fn weight_of_name(name: &Symbol) -> usize {
    32 + name.text().map_or(0, str::len)
}

pub(crate) fn weight_of_value(value: &Value) -> usize {
    let below = match &value.data {
        Data::String(text) => text.len(),
        Data::Clob(bytes) | Data::Blob(bytes) => bytes.len(),
        Data::List(items) | Data::Sexp(items) => items.iter().map(weight_of_value).sum(),
        Data::Struct(fields) => {
            fields.iter().map(|(name, value)| weight_of_name(name) + weight_of_value(value)).sum()
        }
        _ => 0,
    };
    size_of::<Value>() + below
}
