//! A value inside a document, together with the document.

use std::ops::Range;

use crate::document::Document;
use crate::document::RawValue;

/// A [`RawValue`] that can be stored, because it keeps its document alive. A clone shares the document.
#[derive(Clone, Debug)]
pub struct Slice {
    document: Document,
    annotations: Range<usize>,
    payload: Range<usize>,
    descriptor: u8,
}

impl Slice {
    /// The value.
    #[inline]
    pub fn get(&self) -> RawValue<'_> {
        RawValue::from_parts(
            &self.document,
            &self.document.as_bytes()[self.annotations.clone()],
            &self.document.as_bytes()[self.payload.clone()],
            self.descriptor,
        )
    }

    /// About how many bytes of the document belong to the value.
    pub fn size(&self) -> usize {
        self.get().size()
    }

    /// The document that holds the value.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

impl From<RawValue<'_>> for Slice {
    fn from(value: RawValue<'_>) -> Slice {
        let document = value.document();
        let payload = range_of(document, value.payload());
        // A value of `root_like` lies in other bytes, which nobody keeps alive.
        if payload.is_empty() && !value.payload().is_empty() {
            return Slice::from(value.to_document());
        }
        Slice {
            document: document.clone(),
            annotations: range_of(document, value.annotation_bytes()),
            payload,
            descriptor: value.descriptor(),
        }
    }
}

impl From<Document> for Slice {
    fn from(document: Document) -> Slice {
        let root = document.root();
        let (annotations, payload) = (root.annotation_bytes(), root.payload());
        let (annotations, payload) = (range_of(&document, annotations), range_of(&document, payload));
        let descriptor = root.descriptor();
        Slice { document, annotations, payload, descriptor }
    }
}

/// The place of a part of a document in its bytes. An empty part gets the empty range at 0, because that of a damaged
/// value may point outside the document.
fn range_of(document: &Document, part: &[u8]) -> Range<usize> {
    let bytes = document.as_bytes();
    let start = part.as_ptr().addr().wrapping_sub(bytes.as_ptr().addr());
    match start.checked_add(part.len()) {
        Some(end) if !part.is_empty() && end <= bytes.len() => start..end,
        _ => 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    /// What is kept of a value in other bytes is a copy.
    #[test]
    fn a_slice_of_a_value_in_other_bytes_owns_them() {
        let document = |text: &str| Document::from(&text::read_one(text).unwrap());
        let first = document("{a: 1, b: {c: x, d: [1]}}");
        let other = document("{a: \"text\", b: {c: x, d: [7, {a: 2}]}}");
        let (whole, part) = {
            let bytes = other.as_bytes().to_vec();
            let raw = first.root_like(&bytes).unwrap();
            (Slice::from(raw), Slice::from(raw.get("b").unwrap()))
        };
        assert_eq!(whole.get().to_document(), other);
        assert_eq!(part.get().to_value(), other.root().get("b").unwrap().to_value());
    }

    #[test]
    fn a_slice_is_the_value_it_was_taken_of() {
        let value =
            text::read_one("{a: x::[1, {}, '', {{}}], b: null.list, c: y::z::\"text\", d: 0}").unwrap();
        let document = Document::from(&value);
        let mut pending = vec![document.root()];
        while let Some(raw) = pending.pop() {
            let slice = Slice::from(raw);
            assert_eq!(slice.get().to_value(), raw.to_value());
            assert_eq!(slice.get().annotations(), raw.annotations());
            pending.extend(raw.items().chain(raw.fields().map(|(_, value)| value)));
        }
        assert_eq!(Slice::from(document.clone()).get().to_document(), document);
    }
}
