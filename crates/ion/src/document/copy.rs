//! Copies values from documents into the document that is being written.

use crate::binary::{Encoder, RAW_DEPTH_MAX, WRAPPER, write_var_uint};
use crate::document::Document;
use crate::document::RawValue;
use crate::symbol::FIRST_LOCAL_ID;
use crate::value::IonType;

impl RawValue<'_> {
    /// A new document with this value alone.
    pub fn to_document(self) -> Document {
        if self.is_whole_document() {
            return self.document().clone();
        }
        let mut encoder = Encoder::new();
        encoder.raw(self);
        Document::from_encoder(encoder)
    }
}

impl<'s> Encoder<'s> {
    /// Writes a value from another document.
    pub(crate) fn raw(&mut self, value: RawValue<'s>) {
        let layout = value.document().layout();
        let symbols = layout.symbols.len();
        let ids = match self.copied.take() {
            Some((known, ids)) if std::ptr::eq(known, layout) => ids,
            // A small value of a document with many symbols uses few of them. They are looked up one by one.
            _ if value.payload().len() < symbols => Vec::new(),
            _ => vec![0; symbols],
        };
        let mut copy = Copy { encoder: self, ids };
        copy.value(value, 0);
        let ids = copy.ids;
        self.copied = (ids.len() == symbols).then_some((layout, ids));
    }
}

/// The state of copying a value from another document.
struct Copy<'e, 's> {
    encoder: &'e mut Encoder<'s>,
    ids: Vec<u64>,
}

impl<'s> Copy<'_, 's> {
    fn value(&mut self, value: RawValue<'s>, depth: usize) {
        if !value.has_annotations() {
            return self.unannotated(value, depth);
        }
        let wrapper = self.encoder.begin();
        let ids: Vec<u64> = value.annotation_ids().map(|id| self.id(value, id)).collect();
        self.encoder.annotation_ids(&ids);
        self.unannotated(value, depth);
        self.encoder.end_as(wrapper, WRAPPER);
    }

    fn unannotated(&mut self, value: RawValue<'s>, depth: usize) {
        if value.is_null() || depth >= RAW_DEPTH_MAX {
            return self.encoder.null(value.ion_type());
        }
        match value.ion_type() {
            IonType::Null | IonType::Bool => self.encoder.body.push(value.descriptor()),
            IonType::Symbol => {
                let id = self.id(value, value.symbol_id().unwrap_or(0));
                self.encoder.symbol_id(id);
            }
            ion_type @ (IonType::List | IonType::Sexp) => {
                let mark = self.encoder.begin();
                for item in value.items() {
                    self.value(item, depth + 1);
                }
                self.encoder.end(mark, ion_type);
            }
            IonType::Struct => {
                let mark = self.encoder.begin();
                for (id, field) in value.fields().with_ids() {
                    let id = self.id(value, id);
                    write_var_uint(id, &mut self.encoder.body);
                    self.value(field, depth + 1);
                }
                self.encoder.end(mark, IonType::Struct);
            }
            _ => self.encoder.bytes(value.descriptor() >> 4, value.payload()),
        }
    }

    /// The id in this document of a symbol of the other document.
    fn id(&mut self, value: RawValue<'s>, id: u64) -> u64 {
        if id < FIRST_LOCAL_ID {
            return id;
        }
        let index = usize::try_from(id - FIRST_LOCAL_ID).ok();
        match index.and_then(|index| self.ids.get_mut(index)) {
            Some(known) if *known != 0 => *known,
            known => {
                let here = self.encoder.symbols.intern(value.document().symbol_text(id));
                if let Some(known) = known {
                    *known = here;
                }
                here
            }
        }
    }
}
