//! Builds a struct of values from other documents, without making trees of them.

use crate::binary::Encoder;
use crate::document::Document;
use crate::document::RawValue;
use crate::value::{IonType, Value};

/// Writes the fields of one struct, in order, directly in canonical form.
///
/// ```
/// use everstrand_ion::{Document, StructWriter, Value};
///
/// let data = Document::from(&Value::from("x"));
/// let mut writer = StructWriter::new();
/// writer.raw("data", data.root()).structure("metadata", |metadata| {
///     metadata.text("id", "0GXCR7TQHdkCRzBbiWyDqy").int("version", 0);
/// });
/// let document = writer.finish();
/// assert_eq!(document.root().get("data").and_then(|data| data.as_text()), Some("x"));
/// ```
#[derive(Debug)]
pub struct StructWriter<'a> {
    encoder: Encoder<'a>,
}

impl<'a> StructWriter<'a> {
    /// Begins a struct without fields.
    #[expect(clippy::new_without_default, reason = "a writer is begun, it has no default")]
    pub fn new() -> StructWriter<'a> {
        let mut encoder = Encoder::new();
        encoder.begin();
        StructWriter { encoder }
    }

    /// Writes a field with a value from another document.
    pub fn raw(&mut self, name: &'a str, value: RawValue<'a>) -> &mut Self {
        self.encoder.name(name);
        self.encoder.raw(value);
        self
    }

    /// Writes a field with a value.
    pub fn value(&mut self, name: &'a str, value: &'a Value) -> &mut Self {
        self.encoder.name(name);
        self.encoder.value(value);
        self
    }

    /// Writes a field with a string.
    pub fn text(&mut self, name: &'a str, text: &str) -> &mut Self {
        self.encoder.name(name);
        self.encoder.text(text);
        self
    }

    /// Writes a field with an int.
    pub fn int(&mut self, name: &'a str, value: i64) -> &mut Self {
        self.encoder.name(name);
        self.encoder.int(&value.into());
        self
    }

    /// Writes a field with a blob.
    pub fn blob(&mut self, name: &'a str, bytes: &[u8]) -> &mut Self {
        self.encoder.name(name);
        self.encoder.blob(bytes);
        self
    }

    /// Writes a field with a struct; `fill` writes the fields of that struct.
    pub fn structure(&mut self, name: &'a str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.encoder.name(name);
        let mark = self.encoder.begin();
        fill(self);
        self.encoder.end(mark, IonType::Struct);
        self
    }

    /// Writes a field with a list of values from other documents.
    pub fn list(&mut self, name: &'a str, items: impl IntoIterator<Item = RawValue<'a>>) -> &mut Self {
        self.encoder.name(name);
        let mark = self.encoder.begin();
        for item in items {
            self.encoder.raw(item);
        }
        self.encoder.end(mark, IonType::List);
        self
    }

    /// Ends the struct, and returns it as a document.
    pub fn finish(mut self) -> Document {
        self.encoder.end_root(IonType::Struct);
        Document::from_encoder(self.encoder)
    }
}
