//! Writes the canonical binary form.

use std::collections::HashMap;

use crate::binary::canonical::{Layout, looks_like_a_symbol_table, symbol_table_length, with_header};
use crate::binary::header::{RAW_DEPTH_MAX, VERSION_MARKER, WRAPPER, code_of};
use crate::binary::primitives::{
    low_byte, var_uint_length, write_decimal, write_float, write_magnitude, write_timestamp, write_var_uint,
};
use crate::int::Int;
use crate::symbol::{FIRST_LOCAL_ID, Symbol, system_id};
use crate::value::{Data, IonType, Value};

/// Builds one document from front to back. It borrows the texts of symbols until it is finished.
#[derive(Debug)]
pub(crate) struct Encoder<'s> {
    pub(crate) body: Vec<u8>,
    pub(crate) symbols: Symbols<'s>,
    /// The document that a value was last copied from, and for each of its symbols the id in this document; 0 if that is
    /// not known yet.
    pub(crate) copied: Option<(&'s Layout, Vec<u64>)>,
}

/// The start of a value whose length is not known yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(usize);

impl<'s> Encoder<'s> {
    pub(crate) fn new() -> Encoder<'s> {
        Encoder { body: Vec::new(), symbols: Symbols::default(), copied: None }
    }

    /// Begins a container.
    pub(crate) fn begin(&mut self) -> Mark {
        self.body.push(0);
        Mark(self.body.len() - 1)
    }

    /// Ends the container that began at `mark`.
    pub(crate) fn end(&mut self, mark: Mark, ion_type: IonType) {
        self.end_as(mark, code_of(ion_type));
    }

    /// Ends the outermost container.
    pub(crate) fn end_root(&mut self, ion_type: IonType) {
        self.end(Mark(0), ion_type);
    }

    /// Writes the name of a field. The caller must write its value next.
    pub(crate) fn name(&mut self, name: &'s str) {
        self.name_or_unknown(Some(name));
    }

    /// Writes the name of a field, as [`name`](Self::name) does. `None` is the symbol of unknown text.
    pub(crate) fn name_or_unknown(&mut self, name: Option<&'s str>) {
        let id = self.symbols.intern(name);
        write_var_uint(id, &mut self.body);
    }

    /// Writes the annotations of a wrapper that was begun. The caller must write the value next.
    pub(crate) fn annotations(&mut self, texts: impl IntoIterator<Item = Option<&'s str>>) {
        let ids: Vec<u64> = texts.into_iter().map(|text| self.symbols.intern(text)).collect();
        self.annotation_ids(&ids);
    }

    /// Writes a null.
    pub(crate) fn null(&mut self, ion_type: IonType) {
        self.body.push(code_of(ion_type) << 4 | 15);
    }

    /// Writes a bool.
    pub(crate) fn bool(&mut self, value: bool) {
        self.body.push(0x10 | u8::from(value));
    }

    /// Writes a symbol; `None` is the symbol of unknown text.
    pub(crate) fn symbol(&mut self, text: Option<&'s str>) {
        let id = self.symbols.intern(text);
        self.symbol_id(id);
    }

    /// Writes a value. Containers that are nested deeper than [`RAW_DEPTH_MAX`] are written as null, as they would be read.
    pub(crate) fn value(&mut self, value: &'s Value) {
        self.value_at(value, 0);
    }

    fn value_at(&mut self, value: &'s Value, depth: usize) {
        if value.annotations().is_empty() {
            return self.unannotated(value, depth);
        }
        let wrapper = self.begin();
        self.annotations(value.annotations().iter().map(Symbol::text));
        self.unannotated(value, depth);
        self.end_as(wrapper, WRAPPER);
    }

    /// Writes an int.
    pub(crate) fn int(&mut self, int: &Int) {
        let mark = self.begin();
        let negative = write_magnitude(int, &mut self.body);
        self.end_as(mark, if negative { 3 } else { 2 });
    }

    /// Writes a string.
    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(code_of(IonType::String), text.as_bytes());
    }

    /// Writes a blob.
    pub(crate) fn blob(&mut self, bytes: &[u8]) {
        self.bytes(code_of(IonType::Blob), bytes);
    }

    /// The bytes of the document, and the places of its parts.
    pub(crate) fn finish(self) -> (Vec<u8>, Layout) {
        let texts = &self.symbols.texts;
        let table = symbol_table_length(texts.iter().map(|text| text.len()));
        // A value that looks like a symbol table gets an empty table before it. Readers take the first one as the
        // document's table, and would take the value for it otherwise.
        let shadowed = table == 0 && looks_like_a_symbol_table(&self.body);
        let mut out = Vec::with_capacity(VERSION_MARKER.len() + table + 4 + self.body.len());
        out.extend_from_slice(&VERSION_MARKER);
        let mut symbols = Vec::with_capacity(texts.len());
        if shadowed {
            out.extend_from_slice(&[0xE3, 0x81, 0x83, 0xD0]);
        } else if table > 0 {
            let list = texts.iter().map(|text| with_header(text.len())).sum();
            let fields = 1 + with_header(list);
            write_header(WRAPPER, 2 + with_header(fields), &mut out);
            out.extend_from_slice(&[0x81, 0x83]);
            write_header(code_of(IonType::Struct), fields, &mut out);
            out.push(0x87);
            write_header(code_of(IonType::List), list, &mut out);
            for text in texts {
                write_header(code_of(IonType::String), text.len(), &mut out);
                let start = out.len();
                out.extend_from_slice(text.as_bytes());
                let position = |at| u32::try_from(at).unwrap_or(u32::MAX);
                symbols.push((position(start), position(out.len())));
            }
        }
        let value_start = out.len();
        out.extend_from_slice(&self.body);
        (out, Layout { symbols, value_start })
    }

    fn unannotated(&mut self, value: &'s Value, depth: usize) {
        if depth >= RAW_DEPTH_MAX {
            return self.null(value.ion_type());
        }
        let data = &value.data;
        match data {
            Data::Null(ion_type) => self.null(*ion_type),
            Data::Bool(value) => self.bool(*value),
            Data::Int(int) => self.int(int),
            Data::Float(value) => self.scalar(IonType::Float, |out| write_float(*value, out)),
            Data::Decimal(decimal) => self.scalar(IonType::Decimal, |out| write_decimal(decimal, out)),
            Data::Timestamp(timestamp) => {
                self.scalar(IonType::Timestamp, |out| write_timestamp(timestamp, out));
            }
            Data::Symbol(symbol) => self.symbol(symbol.text()),
            Data::String(text) => self.text(text),
            Data::Clob(bytes) => self.bytes(code_of(IonType::Clob), bytes),
            Data::Blob(bytes) => self.blob(bytes),
            Data::List(items) | Data::Sexp(items) => {
                let mark = self.begin();
                for item in items {
                    self.value_at(item, depth + 1);
                }
                let sexp = matches!(data, Data::Sexp(_));
                self.end(mark, if sexp { IonType::Sexp } else { IonType::List });
            }
            Data::Struct(fields) => {
                let mark = self.begin();
                for (name, value) in fields.iter() {
                    self.name_or_unknown(name.text());
                    self.value_at(value, depth + 1);
                }
                self.end(mark, IonType::Struct);
            }
        }
    }

    pub(crate) fn scalar(&mut self, ion_type: IonType, write: impl FnOnce(&mut Vec<u8>)) {
        let mark = self.begin();
        write(&mut self.body);
        self.end(mark, ion_type);
    }

    pub(crate) fn symbol_id(&mut self, id: u64) {
        let zeros = id.leading_zeros() as usize / 8;
        self.bytes(code_of(IonType::Symbol), &id.to_be_bytes()[zeros..]);
    }

    pub(crate) fn bytes(&mut self, code: u8, payload: &[u8]) {
        write_header(code, payload.len(), &mut self.body);
        self.body.extend_from_slice(payload);
    }

    pub(crate) fn annotation_ids(&mut self, ids: &[u64]) {
        let length = ids.iter().map(|id| var_uint_length(*id) as u64).sum();
        write_var_uint(length, &mut self.body);
        for id in ids {
            write_var_uint(*id, &mut self.body);
        }
    }

    /// Ends the value that began at `mark`: puts its descriptor and its length before its payload.
    pub(crate) fn end_as(&mut self, Mark(start): Mark, code: u8) {
        let payload = start + 1;
        let length = self.body.len() - payload;
        if length < 14 {
            self.body[start] = code << 4 | low_byte(length as u64);
            return;
        }
        self.body[start] = code << 4 | 14;
        let extra = var_uint_length(length as u64);
        write_var_uint(length as u64, &mut self.body);
        // The length was written behind the payload. Rotating brings it to the front.
        self.body[payload..].rotate_right(extra);
    }
}

/// The symbols of a document, in order of first appearance.
#[derive(Debug, Default)]
pub(crate) struct Symbols<'s> {
    texts: Vec<&'s str>,
    /// Empty while there are few symbols, because then comparing them all is faster.
    ids: HashMap<&'s str, u64>,
}

impl<'s> Symbols<'s> {
    const COMPARED_MAX: usize = 64;

    /// The id of a text, which is added if it is new; 0 for the symbol of unknown text.
    pub(crate) fn intern(&mut self, text: Option<&'s str>) -> u64 {
        let Some(text) = text else { return 0 };
        if let Some(id) = system_id(text) {
            return id;
        }
        let next = FIRST_LOCAL_ID + self.texts.len() as u64;
        if self.texts.len() < Self::COMPARED_MAX {
            if let Some(index) = self.texts.iter().position(|known| *known == text) {
                return FIRST_LOCAL_ID + index as u64;
            }
        } else {
            if self.ids.is_empty() {
                self.ids = self.texts.iter().copied().zip(FIRST_LOCAL_ID..).collect();
            }
            if let Some(id) = self.ids.get(text) {
                return *id;
            }
            self.ids.insert(text, next);
        }
        self.texts.push(text);
        next
    }
}

fn write_header(code: u8, length: usize, out: &mut Vec<u8>) {
    if length < 14 {
        out.push(code << 4 | low_byte(length as u64));
    } else {
        out.push(code << 4 | 14);
        write_var_uint(length as u64, out);
    }
}
