//! Values that stay encoded: an owner of one self-contained binary value, and borrowed views.

use std::sync::Arc;

use crate::{IonError, IonType, Symbol, Value};

/// One self-contained Ion binary value (version marker, symbol table, value), validated once and
/// cheap to clone. What a ledger stores, hashes and sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    bytes: Arc<[u8]>,
}

impl Document {
    /// Validates bytes of any well-formed stream of one value and brings them into canonical form.
    pub fn from_binary(_bytes: &[u8]) -> Result<Document, IonError> {
        todo!()
    }

    /// Takes bytes that this crate wrote, from a place that guards them by a checksum. Checks only
    /// what is needed so that no later access can panic.
    pub fn from_canonical(_bytes: impl Into<Arc<[u8]>>) -> Result<Document, IonError> {
        todo!()
    }

    /// The canonical binary form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The value, not copied.
    pub fn root(&self) -> RawValue<'_> {
        todo!()
    }

    /// The value as a tree.
    pub fn to_value(&self) -> Value {
        self.root().to_value()
    }

    /// The SHA-256 Ion hash, taken over the encoded bytes.
    pub fn ion_hash(&self) -> [u8; 32] {
        self.root().ion_hash()
    }
}

impl From<&Value> for Document {
    fn from(_value: &Value) -> Document {
        todo!()
    }
}

/// A value inside Ion binary, borrowed. Two words of bytes and the symbols they refer to.
#[derive(Clone, Copy, Debug)]
pub struct RawValue<'a> {
    /// The `symbols` list of the local symbol table, encoded.
    symbols: &'a [u8],
    /// The value, from its first annotation or type descriptor to its end.
    bytes: &'a [u8],
}

impl<'a> RawValue<'a> {
    /// The type, also of a typed null.
    pub fn ion_type(self) -> IonType {
        let _ = (self.symbols, self.bytes);
        todo!()
    }

    /// Whether this is a null of any type.
    pub fn is_null(self) -> bool {
        todo!()
    }

    /// The annotations, outermost first.
    pub fn annotations(self) -> Vec<Symbol> {
        todo!()
    }

    /// The text of a string or a symbol.
    pub fn as_text(self) -> Option<&'a str> {
        todo!()
    }

    /// The value as an integer that fits 64 bits.
    pub fn as_i64(self) -> Option<i64> {
        todo!()
    }

    /// The first field of this name, when the value is a struct that has one.
    pub fn get(self, _name: &str) -> Option<RawValue<'a>> {
        todo!()
    }

    /// The fields of a struct in order; nothing for other types.
    pub fn fields(self) -> RawFields<'a> {
        todo!()
    }

    /// The elements of a list or an s-expression; nothing for other types.
    pub fn items(self) -> RawItems<'a> {
        todo!()
    }

    /// The value as a tree.
    pub fn to_value(self) -> Value {
        todo!()
    }

    /// A document of its own with just this value.
    pub fn to_document(self) -> Document {
        todo!()
    }

    /// The SHA-256 Ion hash.
    pub fn ion_hash(self) -> [u8; 32] {
        todo!()
    }
}

/// The fields of an encoded struct. Names of unknown text yield `None`.
#[derive(Clone, Debug)]
pub struct RawFields<'a>(std::marker::PhantomData<&'a [u8]>);

impl<'a> Iterator for RawFields<'a> {
    type Item = (Option<&'a str>, RawValue<'a>);
    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}

/// The elements of an encoded list or s-expression.
#[derive(Clone, Debug)]
pub struct RawItems<'a>(std::marker::PhantomData<&'a [u8]>);

impl<'a> Iterator for RawItems<'a> {
    type Item = RawValue<'a>;
    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}
