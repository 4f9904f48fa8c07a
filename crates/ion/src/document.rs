//! Values that stay encoded: an owner of one self-contained binary value in canonical form.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::binary::{self, Encoder, FIRST_LOCAL_ID, Layout, system_symbol};
use crate::error::IonError;
use crate::raw::RawValue;
use crate::value::Value;

/// One self-contained Ion binary value (version marker, symbol table, value) in the canonical form
/// of [`binary`](crate::binary), validated once and cheap to clone. What a ledger stores, hashes
/// and sends.
///
/// `==` compares bytes: documents are equal when their values are, fields in the same order.
#[derive(Clone)]
pub struct Document(Arc<Inner>);

struct Inner {
    bytes: Arc<[u8]>,
    layout: Layout,
}

impl Document {
    /// Validates bytes of any well-formed stream of one value and brings them into canonical form.
    pub fn from_binary(bytes: &[u8]) -> Result<Document, IonError> {
        if let Some(layout) = binary::layout_if_canonical(bytes) {
            return Ok(Document::new(bytes.into(), layout));
        }
        let (bytes, layout) = binary::transcode_one(bytes)?;
        Ok(Document::new(bytes.into(), layout))
    }

    /// Takes bytes that this crate wrote, from a place that guards them by a checksum. Checks the
    /// frame only: where the symbols and the value lie. Should the inside be damaged all the same,
    /// then no access panics; a damaged scalar reads as `None`, `null` or zero, and a container
    /// ends before its first damaged element.
    pub fn from_canonical(bytes: impl Into<Arc<[u8]>>) -> Result<Document, IonError> {
        let bytes = bytes.into();
        let layout =
            binary::layout(&bytes).map_err(|reason| IonError { message: reason.to_owned(), offset: 0 })?;
        Ok(Document::new(bytes, layout))
    }

    /// The canonical binary form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The value, not copied.
    pub fn root(&self) -> RawValue<'_> {
        RawValue::root(self, &self.0.bytes[self.0.layout.value_start..])
    }

    /// The value as a tree.
    pub fn to_value(&self) -> Value {
        self.root().to_value()
    }

    pub(crate) fn from_encoder(encoder: Encoder<'_>) -> Document {
        let (bytes, layout) = encoder.finish();
        Document::new(bytes.into(), layout)
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.0.layout
    }

    /// The text of a symbol; `None` where it is unknown.
    #[inline]
    pub(crate) fn symbol_text(&self, id: u64) -> Option<&str> {
        std::str::from_utf8(self.symbol_bytes(id)?).ok()
    }

    /// The text of a symbol, encoded; `None` where it is unknown.
    #[inline]
    pub(crate) fn symbol_bytes(&self, id: u64) -> Option<&[u8]> {
        if id < FIRST_LOCAL_ID {
            return system_symbol(id).map(str::as_bytes);
        }
        let index = usize::try_from(id - FIRST_LOCAL_ID).ok()?;
        let (start, end) = *self.0.layout.symbols.get(index)?;
        self.0.bytes.get(start as usize..end as usize)
    }

    /// Whether a symbol has this text.
    #[inline]
    pub(crate) fn is_symbol(&self, id: u64, text: &str) -> bool {
        match usize::try_from(id.wrapping_sub(FIRST_LOCAL_ID))
            .ok()
            .and_then(|index| self.0.layout.symbols.get(index))
        {
            // Most texts differ in length already.
            Some((start, end)) => {
                (end - start) as usize == text.len()
                    && self.0.bytes.get(*start as usize..*end as usize) == Some(text.as_bytes())
            }
            None => system_symbol(id) == Some(text),
        }
    }

    fn new(bytes: Arc<[u8]>, layout: Layout) -> Document {
        Document(Arc::new(Inner { bytes, layout }))
    }
}

impl From<&Value> for Document {
    fn from(value: &Value) -> Document {
        let mut encoder = Encoder::new();
        encoder.value(value);
        Document::from_encoder(encoder)
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Document {
        Document::from(&value)
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Document) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Document {}

impl Hash for Document {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

/// Compact Ion text.
impl fmt::Display for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_value().fmt(formatter)
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Document({self})")
    }
}
