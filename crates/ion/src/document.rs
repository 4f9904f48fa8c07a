//! Values that stay encoded: a document, the values in it, and what writes documents of other documents' parts.

mod copy;
mod raw;
mod slice;
mod struct_writer;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::binary::{self, Encoder, Layout};
use crate::error::IonError;
use crate::symbol::{FIRST_LOCAL_ID, system_symbol};
use crate::value::Value;

pub use raw::{RawFields, RawItems, RawValue};
pub use slice::Slice;
pub use struct_writer::StructWriter;

/// One Ion value in the canonical form of [`binary`](crate::binary), with its version marker and symbol table. A ledger
/// stores, hashes and sends values in this form. A clone shares the bytes.
///
/// `==` compares the bytes. Documents are therefore equal if their values are equal and the fields of structs are in the
/// same order.
#[derive(Clone)]
pub struct Document(Arc<Inner>);

struct Inner {
    bytes: Arc<[u8]>,
    layout: Places,
}

/// The places of a document's parts.
enum Places {
    Own(Layout),
    /// Documents of one shape share it.
    Shared(Arc<Layout>),
}

impl Places {
    #[inline]
    fn get(&self) -> &Layout {
        match self {
            Places::Own(layout) => layout,
            Places::Shared(layout) => layout,
        }
    }
}

impl Document {
    /// Reads a stream of Ion binary that holds one value, and brings it into canonical form. An error means that the
    /// bytes are not valid, or hold no or more than one value.
    pub fn from_binary(bytes: &[u8]) -> Result<Document, IonError> {
        if let Some(layout) = binary::layout_if_canonical(bytes) {
            return Ok(Document::new(bytes.into(), layout));
        }
        let (bytes, layout) = binary::transcode_one(bytes)?;
        Ok(Document::new(bytes.into(), layout))
    }

    /// Takes bytes that this crate wrote before, and that a checksum has guarded since.
    ///
    /// Only the frame is checked: the symbol table, and that one value fills the rest. If the value is damaged all the
    /// same, no access panics: a damaged scalar reads as `None`, null or zero, and a container ends before its first
    /// damaged element. An error means that the frame is wrong.
    pub fn from_canonical(bytes: impl Into<Arc<[u8]>>) -> Result<Document, IonError> {
        let bytes = bytes.into();
        let layout =
            binary::layout(&bytes).map_err(|reason| IonError { message: reason.to_owned(), offset: 0 })?;
        Ok(Document::new(bytes, layout))
    }

    /// [`Document::from_canonical`] for bytes whose symbol table may be that of another document, as in the documents of
    /// one table. Then the table is not read again, and takes no memory of its own.
    pub fn from_canonical_like(
        bytes: impl Into<Arc<[u8]>>,
        other: Option<&Document>,
    ) -> Result<Document, IonError> {
        let bytes = bytes.into();
        if let Some(Inner { bytes: other, layout: Places::Shared(layout) }) = other.map(|other| &*other.0)
            && !layout.symbols.is_empty()
            && bytes.get(..layout.value_start) == other.get(..layout.value_start)
            && binary::fills(&bytes, layout.value_start)
        {
            return Ok(Document(Arc::new(Inner { bytes, layout: Places::Shared(Arc::clone(layout)) })));
        }
        let layout =
            binary::layout(&bytes).map_err(|reason| IonError { message: reason.to_owned(), offset: 0 })?;
        Ok(Document(Arc::new(Inner { bytes, layout: Places::Shared(Arc::new(layout)) })))
    }

    /// The value in other bytes that this crate wrote, if they have the symbol table of this document, as the documents
    /// of one table mostly have. Nothing is copied. Where the symbol table is another one the answer is `None`.
    pub fn root_like<'a>(&'a self, bytes: &'a [u8]) -> Option<RawValue<'a>> {
        let layout = self.layout();
        let is_like = bytes.get(..layout.value_start) == self.as_bytes().get(..layout.value_start)
            && binary::fills(bytes, layout.value_start);
        is_like.then(|| RawValue::root(self, &bytes[layout.value_start..]))
    }

    /// The bytes of the document.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The value, which borrows the bytes.
    pub fn root(&self) -> RawValue<'_> {
        RawValue::root(self, &self.0.bytes[self.0.layout.get().value_start..])
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
        self.0.layout.get()
    }

    /// The text of a symbol; `None` if it is unknown.
    #[inline]
    pub(crate) fn symbol_text(&self, id: u64) -> Option<&str> {
        std::str::from_utf8(self.symbol_bytes(id)?).ok()
    }

    /// The bytes of a symbol's text; `None` if it is unknown.
    #[inline]
    pub(crate) fn symbol_bytes(&self, id: u64) -> Option<&[u8]> {
        if id < FIRST_LOCAL_ID {
            return system_symbol(id).map(str::as_bytes);
        }
        let index = usize::try_from(id - FIRST_LOCAL_ID).ok()?;
        let (start, end) = *self.0.layout.get().symbols.get(index)?;
        self.0.bytes.get(start as usize..end as usize)
    }

    /// Whether a symbol has this text.
    #[inline]
    pub(crate) fn is_symbol(&self, id: u64, text: &str) -> bool {
        match usize::try_from(id.wrapping_sub(FIRST_LOCAL_ID))
            .ok()
            .and_then(|index| self.0.layout.get().symbols.get(index))
        {
            // Two different texts usually differ in length, which is cheap to compare.
            Some((start, end)) => {
                (end - start) as usize == text.len()
                    && self.0.bytes.get(*start as usize..*end as usize) == Some(text.as_bytes())
            }
            None => system_symbol(id) == Some(text),
        }
    }

    fn new(bytes: Arc<[u8]>, layout: Layout) -> Document {
        Document(Arc::new(Inner { bytes, layout: Places::Own(layout) }))
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

/// Prints compact Ion text.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    #[test]
    fn bytes_with_the_same_symbols_are_read_without_a_document() {
        let document = |text: &str| Document::from(&text::read_one(text).unwrap());
        let first = document("{a: 1, b: {c: x, d: [1]}}");
        let other = document("{a: \"text\", b: {c: x, d: [7, {a: 2}]}}");
        let raw = first.root_like(other.as_bytes()).unwrap();
        assert_eq!(raw.to_value(), other.to_value());
        for text in ["{a: 1}", "{b: 1, a: 1}", "1", "{a: 1, b: {c: x, e: [1]}}"] {
            assert!(first.root_like(document(text).as_bytes()).is_none(), "{text}");
        }
        let bytes = other.as_bytes();
        assert!(first.root_like(&bytes[..bytes.len() - 1]).is_none() && first.root_like(&[]).is_none());
    }

    #[test]
    fn a_document_is_the_same_beside_any_other() {
        let texts =
            ["{a: 1, b: x}", "{a: 2, b: y}", "{a: 3, b: x}", "{}", "5", "z::{a: 1, b: x}", "{b: 1, a: x}"];
        let documents: Vec<Document> =
            texts.iter().map(|one| Document::from(text::read_one(one).unwrap())).collect();
        for other in &documents {
            let other = Document::from_canonical_like(other.as_bytes(), None).unwrap();
            for document in &documents {
                let again = Document::from_canonical_like(document.as_bytes(), Some(&other)).unwrap();
                assert_eq!(again.to_value(), document.to_value());
                let mut longer = document.as_bytes().to_vec();
                longer.push(0x20);
                assert!(Document::from_canonical_like(longer, Some(&other)).is_err());
            }
        }
    }
}
