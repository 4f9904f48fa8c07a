//! Values inside a document, which borrow its bytes and decode a part only when a caller asks for it.

use crate::binary::{
    self, Header, RAW_DEPTH_MAX, WRAPPER, int_of, magnitude_u64, read_header, read_plain_header,
    read_var_uint, read_wrapper, small_int, type_of,
};
use crate::decimal::Decimal;
use crate::document::Document;
use crate::int::Int;
use crate::symbol::{FIRST_LOCAL_ID, Symbol};
use crate::timestamp::Timestamp;
use crate::value::{Data, IonType, Struct, Value};

/// A value inside a [`Document`], which borrows the document's bytes.
///
/// No access panics, even if the bytes are damaged. They then read as `None`, as null, or as fewer elements.
#[derive(Clone, Copy)]
pub struct RawValue<'a> {
    document: &'a Document,
    /// The ids of the annotations, encoded.
    annotations: &'a [u8],
    payload: &'a [u8],
    /// The type descriptor. It has the type code and, for bools and nulls, the value.
    descriptor: u8,
}

impl<'a> RawValue<'a> {
    /// The type; of a null too.
    #[inline]
    pub fn ion_type(self) -> IonType {
        type_of(self.descriptor >> 4).unwrap_or(IonType::Null)
    }

    /// Whether this is a null of any type.
    #[inline]
    pub fn is_null(self) -> bool {
        self.descriptor & 0x0F == 15 || self.descriptor >> 4 == 0
    }

    /// Whether there are annotations.
    pub fn has_annotations(self) -> bool {
        !self.annotations.is_empty()
    }

    /// The annotations, outermost first.
    pub fn annotations(self) -> Vec<Symbol> {
        self.annotation_ids().map(|id| self.symbol(id)).collect()
    }

    /// The bool; `None` for other types and for null.
    pub fn as_bool(self) -> Option<bool> {
        (self.present(1)).then_some(self.descriptor & 0x0F == 1)
    }

    /// The integer; `None` for other types, for null, and if it does not fit 64 bits.
    pub fn as_i64(self) -> Option<i64> {
        let negative = self.present(3);
        if !negative && !self.present(2) {
            return None;
        }
        small_int(negative, magnitude_u64(self.payload)?)
    }

    /// The int; `None` for other types and for null.
    pub fn as_int(self) -> Option<Int> {
        let negative = self.present(3);
        (negative || self.present(2)).then(|| int_of(negative, self.payload))
    }

    /// The float; `None` for other types and for null.
    pub fn as_f64(self) -> Option<f64> {
        if self.present(4) { binary::read_float(self.payload).ok() } else { None }
    }

    /// The decimal; `None` for other types and for null.
    pub fn as_decimal(self) -> Option<Decimal> {
        if self.present(5) { binary::read_decimal(self.payload).ok() } else { None }
    }

    /// The timestamp; `None` for other types and for null.
    pub fn as_timestamp(self) -> Option<Timestamp> {
        if self.present(6) { binary::read_timestamp(self.payload).ok() } else { None }
    }

    /// The symbol; `None` for other types and for null.
    pub fn as_symbol(self) -> Option<Symbol> {
        self.symbol_id().map(|id| self.symbol(id))
    }

    /// The text of a string or a symbol; `None` for other types and for a symbol of unknown text.
    pub fn as_text(self) -> Option<&'a str> {
        if self.present(8) {
            return std::str::from_utf8(self.payload).ok();
        }
        self.document.symbol_text(self.symbol_id()?)
    }

    /// The bytes of a blob or a clob; `None` for other types and for null.
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        (self.present(9) || self.present(10)).then_some(self.payload)
    }

    /// The first field with this name; `None` if the value is no struct or has no such field.
    pub fn get(self, name: &str) -> Option<RawValue<'a>> {
        let payload = if self.present(13) { self.payload } else { &[] };
        let mut at = 0;
        loop {
            let id = read_var_uint(payload, &mut at)?;
            let mut value_at = at;
            at = read_header(payload, &mut at).ok()?.end;
            if self.document.is_symbol(id, name) {
                return RawValue::read(self.document, payload, &mut value_at);
            }
        }
    }

    /// The fields of a struct, in order; none for other types.
    #[inline]
    pub fn fields(self) -> RawFields<'a> {
        let bytes = if self.present(13) { self.payload } else { &[] };
        RawFields(WithIds { document: self.document, bytes, at: 0 })
    }

    /// The elements of a list or an s-expression, in order; none for other types.
    #[inline]
    pub fn items(self) -> RawItems<'a> {
        let bytes = if self.present(11) || self.present(12) { self.payload } else { &[] };
        RawItems { document: self.document, bytes, at: 0 }
    }

    /// About how many bytes of the document belong to the value.
    #[inline]
    pub fn size(self) -> usize {
        self.annotations.len() + self.payload.len() + 1
    }

    /// The value as a tree, which owns its parts.
    pub fn to_value(self) -> Value {
        // A small value of a document with many symbols uses few of them: a place for each would cost more than it saves.
        let symbols = self.document.layout().symbols.len();
        let mut symbols = vec![None; if self.payload.len() < symbols { 0 } else { symbols }];
        self.tree(&mut symbols, 0)
    }

    /// Whether this is the whole value of its document.
    pub(crate) fn is_whole_document(self) -> bool {
        let root = self.document.root();
        std::ptr::eq(self.payload, root.payload) && std::ptr::eq(self.annotations, root.annotations)
    }

    pub(crate) fn root(document: &'a Document, bytes: &'a [u8]) -> RawValue<'a> {
        RawValue::read(document, bytes, &mut 0).unwrap_or(RawValue {
            document,
            annotations: &[],
            payload: &[],
            descriptor: 0x0F,
        })
    }

    pub(crate) fn from_parts(
        document: &'a Document,
        annotations: &'a [u8],
        payload: &'a [u8],
        descriptor: u8,
    ) -> RawValue<'a> {
        RawValue { document, annotations, payload, descriptor }
    }

    pub(crate) fn annotation_bytes(self) -> &'a [u8] {
        self.annotations
    }

    pub(crate) fn document(self) -> &'a Document {
        self.document
    }

    pub(crate) fn descriptor(self) -> u8 {
        self.descriptor
    }

    pub(crate) fn payload(self) -> &'a [u8] {
        self.payload
    }

    /// The id of a symbol.
    pub(crate) fn symbol_id(self) -> Option<u64> {
        if self.present(7) { magnitude_u64(self.payload) } else { None }
    }

    pub(crate) fn annotation_ids(self) -> impl Iterator<Item = u64> {
        let mut at = 0;
        std::iter::from_fn(move || {
            if at >= self.annotations.len() {
                return None;
            }
            let id = read_var_uint(self.annotations, &mut at);
            // A damaged id reads as the symbol of unknown text. Nothing can be read after it.
            Some(id.unwrap_or_else(|| {
                at = self.annotations.len();
                0
            }))
        })
    }

    /// Reads the value at `at` and moves `at` behind it.
    #[inline(always)]
    fn read(document: &'a Document, bytes: &'a [u8], at: &mut usize) -> Option<RawValue<'a>> {
        // The common case is a function of its own, so that the parts stay in registers. In memory they would make a
        // walk twice as slow.
        if let Some(header) = read_plain_header(bytes, *at) {
            *at = header.end;
            return Some(RawValue::new(document, bytes, header, &[]));
        }
        RawValue::read_any(document, bytes, at)
    }

    #[inline(never)]
    fn read_any(document: &'a Document, bytes: &'a [u8], at: &mut usize) -> Option<RawValue<'a>> {
        let header = read_header(bytes, at).ok()?;
        *at = header.end;
        if header.code() != WRAPPER {
            return Some(RawValue::new(document, bytes, header, &[]));
        }
        let wrapper = read_wrapper(bytes, header).ok()?;
        let annotations = &bytes[wrapper.ids_start..wrapper.ids_end];
        Some(RawValue::new(document, bytes, wrapper.value, annotations))
    }

    #[inline]
    fn new(document: &'a Document, bytes: &'a [u8], header: Header, annotations: &'a [u8]) -> RawValue<'a> {
        let payload = &bytes[header.start..header.end];
        RawValue { document, annotations, payload, descriptor: header.descriptor }
    }

    /// Whether the value has this type code and is not null.
    #[inline]
    fn present(self, code: u8) -> bool {
        self.descriptor >> 4 == code && self.descriptor & 0x0F != 15
    }

    fn symbol(self, id: u64) -> Symbol {
        self.document.symbol_text(id).map_or(Symbol::UNKNOWN, Symbol::from)
    }

    fn tree(self, symbols: &mut [Option<Symbol>], depth: usize) -> Value {
        let data = self.data(symbols, depth).unwrap_or(Data::Null(self.ion_type()));
        if self.annotations.is_empty() {
            return Value::new(data);
        }
        let annotations: Vec<Symbol> =
            self.annotation_ids().map(|id| self.shared_symbol(id, symbols)).collect();
        Value::new(data).with_annotations(annotations)
    }

    /// The value as a tree; `None` if it is null or cannot be read.
    fn data(self, symbols: &mut [Option<Symbol>], depth: usize) -> Option<Data> {
        if self.is_null() || depth >= RAW_DEPTH_MAX {
            return None;
        }
        Some(match self.ion_type() {
            IonType::Null => return None,
            IonType::Bool => Data::Bool(self.as_bool()?),
            IonType::Int => Data::Int(self.as_int()?),
            IonType::Float => Data::Float(self.as_f64()?),
            IonType::Decimal => Data::Decimal(self.as_decimal()?),
            IonType::Timestamp => Data::Timestamp(self.as_timestamp()?),
            IonType::Symbol => Data::Symbol(self.shared_symbol(self.symbol_id()?, symbols)),
            IonType::String => Data::String(self.as_text()?.to_owned()),
            IonType::Clob => Data::Clob(self.payload.to_vec()),
            IonType::Blob => Data::Blob(self.payload.to_vec()),
            IonType::List => Data::List(self.items().map(|item| item.tree(symbols, depth + 1)).collect()),
            IonType::Sexp => Data::Sexp(self.items().map(|item| item.tree(symbols, depth + 1)).collect()),
            IonType::Struct => {
                let mut fields = Vec::new();
                for (id, value) in self.fields().with_ids() {
                    let name = self.shared_symbol(id, symbols);
                    fields.push((name, value.tree(symbols, depth + 1)));
                }
                Data::Struct(Struct::new(fields))
            }
        })
    }

    /// The symbol with this id. All places of a tree share one allocation.
    fn shared_symbol(self, id: u64, symbols: &mut [Option<Symbol>]) -> Symbol {
        let index = id.checked_sub(FIRST_LOCAL_ID).and_then(|index| usize::try_from(index).ok());
        match index.and_then(|index| symbols.get_mut(index)) {
            Some(shared) => shared.get_or_insert_with(|| self.symbol(id)).clone(),
            None => self.symbol(id),
        }
    }
}

impl std::fmt::Debug for RawValue<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "RawValue({})", self.to_value())
    }
}

impl From<RawValue<'_>> for Value {
    fn from(value: RawValue<'_>) -> Value {
        value.to_value()
    }
}

/// The fields of an encoded struct: name and value. The name is `None` if its text is unknown.
#[derive(Clone, Debug)]
pub struct RawFields<'a>(WithIds<'a>);

impl<'a> RawFields<'a> {
    /// The fields with the ids of their names.
    pub(crate) fn with_ids(self) -> WithIds<'a> {
        self.0
    }
}

impl<'a> Iterator for RawFields<'a> {
    type Item = (Option<&'a str>, RawValue<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (id, value) = self.0.next()?;
        Some((self.0.document.symbol_text(id), value))
    }
}

/// The fields of an encoded struct: the id of the name, and the value.
#[derive(Clone, Debug)]
pub(crate) struct WithIds<'a> {
    document: &'a Document,
    bytes: &'a [u8],
    /// Where the next one begins; at the end once something could not be read.
    at: usize,
}

impl<'a> Iterator for WithIds<'a> {
    type Item = (u64, RawValue<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let mut at = std::mem::replace(&mut self.at, self.bytes.len());
        let id = read_var_uint(self.bytes, &mut at)?;
        let value = RawValue::read(self.document, self.bytes, &mut at)?;
        self.at = at;
        Some((id, value))
    }
}

/// The elements of an encoded list or s-expression.
#[derive(Clone, Debug)]
pub struct RawItems<'a> {
    document: &'a Document,
    bytes: &'a [u8],
    /// Where the next one begins; at the end once something could not be read.
    at: usize,
}

impl<'a> Iterator for RawItems<'a> {
    type Item = RawValue<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let mut at = std::mem::replace(&mut self.at, self.bytes.len());
        let value = RawValue::read(self.document, self.bytes, &mut at)?;
        self.at = at;
        Some(value)
    }
}
