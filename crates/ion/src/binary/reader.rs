//! Reads any well-formed Ion binary into values.

use crate::MAX_DEPTH;
use crate::binary::canonical::{Layout, plain_symbol_table};
use crate::binary::encoder::Encoder;
use crate::binary::header::{Header, VERSION_MARKER, WRAPPER, Wrapper, read_header, read_wrapper, type_of};
use crate::binary::primitives::{
    Reason, int_of, magnitude_u64, read_decimal, read_float, read_magnitude, read_text, read_timestamp,
    read_var_uint,
};

use crate::error::IonError;
use crate::symbol::Symbol;
use crate::symbol_table::SymbolTable;
use crate::value::{Data, Struct, Value};

/// The most bytes that the symbol tables may have which define the symbols at one point of a stream. They are read into
/// trees, which are many times as large.
const TABLES_BYTES_MAX: usize = 1 << 20;

const CUT_ID: Reason = "a symbol id is cut short or exceeds 64 bits";

/// Reads the values of a stream, one after the other.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    symbols: SymbolTable,
    tables_bytes: usize,
}

impl<'a> Reader<'a> {
    /// A reader of a stream, which must be empty or begin with the version marker.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Reader<'a>, IonError> {
        if !bytes.is_empty() && bytes[0] != VERSION_MARKER[0] {
            return Err(IonError::new("Ion binary does not begin with the version marker E0 01 00 EA", 0));
        }
        Ok(Reader { bytes, at: 0, symbols: SymbolTable::system(), tables_bytes: 0 })
    }

    /// The next value that is data.
    pub(crate) fn next(&mut self) -> Result<Option<Value>, IonError> {
        if self.find_next()? { self.value_here() } else { Ok(None) }
    }

    /// The next value that is data, in canonical form instead of as a tree.
    pub(crate) fn transcode_next(&mut self) -> Result<Option<(Vec<u8>, Layout)>, IonError> {
        if !self.find_next()? {
            return Ok(None);
        }
        let mut encoder = Encoder::new();
        let at = self.transcode(self.at, &mut encoder)?;
        let document = encoder.finish();
        self.at = at;
        Ok(Some(document))
    }

    /// Checks that no value follows.
    pub(crate) fn expect_end(&mut self) -> Result<(), IonError> {
        if self.find_next()? { Err(IonError::new("there is more than one value", self.at)) } else { Ok(()) }
    }

    /// Moves to the next value that is data, past padding, version markers and symbol tables. Returns whether there is
    /// one.
    fn find_next(&mut self) -> Result<bool, IonError> {
        while let Some(first) = self.bytes.get(self.at) {
            if *first == VERSION_MARKER[0] {
                self.version_marker()?;
                continue;
            }
            let mut at = self.at;
            let header = self.header(&mut at, self.bytes.len())?;
            if header.is_padding() {
                self.at = header.end;
            } else if !self.is_symbol_table(header)? {
                return Ok(true);
            } else {
                self.symbol_table(header)?;
            }
        }
        Ok(false)
    }

    fn is_symbol_table(&self, header: Header) -> Result<bool, IonError> {
        if header.code() != WRAPPER {
            return Ok(false);
        }
        let wrapper = self.wrapper(header, self.at)?;
        let mut id_at = wrapper.ids_start;
        let id = read_var_uint(&self.bytes[..wrapper.ids_end], &mut id_at);
        let is_struct = wrapper.value.code() == 13 && wrapper.value.low() != 15;
        Ok(is_struct && self.text_of(id, wrapper.ids_start)? == Some("$ion_symbol_table"))
    }

    fn symbol_table(&mut self, header: Header) -> Result<(), IonError> {
        let start = self.at;
        let length = header.end - start;
        let too_long =
            || IonError::new(format!("symbol tables are longer than {TABLES_BYTES_MAX} bytes"), start);
        if length > TABLES_BYTES_MAX {
            return Err(too_long());
        }
        if let Some(texts) = plain_symbol_table(self.bytes, start) {
            self.symbols.replace(texts.into_iter().map(Symbol::from));
            self.tables_bytes = length;
            self.at = header.end;
        } else if let Some(Value { data: Data::Struct(table), .. }) = self.value_here()? {
            let appended = self.symbols.define(&table, start)?;
            self.tables_bytes = if appended { self.tables_bytes + length } else { length };
        }
        if self.tables_bytes > TABLES_BYTES_MAX { Err(too_long()) } else { Ok(()) }
    }

    /// Reads the value at the reader's position and moves behind it.
    fn value_here(&mut self) -> Result<Option<Value>, IonError> {
        let mut at = self.at;
        let value = self.value(&mut at, self.bytes.len(), 0)?;
        self.at = at;
        Ok(value)
    }

    fn version_marker(&mut self) -> Result<(), IonError> {
        let rest = &self.bytes[self.at..];
        if !rest.starts_with(&VERSION_MARKER) {
            let message = match rest.get(..4) {
                Some([_, major, minor, 0xEA]) => format!("Ion {major}.{minor} is not supported, only 1.0"),
                _ => "a version marker is cut short or damaged".to_owned(),
            };
            return Err(IonError::new(message, self.at));
        }
        self.at += VERSION_MARKER.len();
        self.symbols = SymbolTable::system();
        self.tables_bytes = 0;
        Ok(())
    }

    /// Reads the value at `at`; `None` if it is padding. `depth` containers are around it.
    fn value(&self, at: &mut usize, end: usize, depth: usize) -> Result<Option<Value>, IonError> {
        let start = *at;
        let header = self.header(at, end)?;
        *at = header.end;
        if header.is_padding() {
            return Ok(None);
        }
        if header.code() != WRAPPER {
            return Ok(Some(Value::new(self.data(header, start, depth)?)));
        }
        let wrapper = self.wrapper(header, start)?;
        let mut annotations = Vec::new();
        let mut id_at = wrapper.ids_start;
        while id_at < wrapper.ids_end {
            annotations.push(self.symbol(&mut id_at, wrapper.ids_end)?);
        }
        let data = self.data(wrapper.value, wrapper.ids_end, depth)?;
        Ok(Some(Value::new(data).with_annotations(annotations)))
    }

    fn data(&self, header: Header, start: usize, depth: usize) -> Result<Data, IonError> {
        if header.low() == 15
            && let Some(ion_type) = type_of(header.code())
        {
            return Ok(Data::Null(ion_type));
        }
        let payload = &self.bytes[header.start..header.end];
        let at_start = |reason| IonError::new(reason, start);
        Ok(match header.code() {
            1 => Data::Bool(header.low() == 1),
            code @ (2 | 3) => {
                Data::Int(int_of(code == 3, read_magnitude(code == 3, payload).map_err(at_start)?))
            }
            4 => Data::Float(read_float(payload).map_err(at_start)?),
            5 => Data::Decimal(read_decimal(payload).map_err(at_start)?),
            6 => Data::Timestamp(read_timestamp(payload).map_err(at_start)?),
            7 => Data::Symbol(self.symbol_of(magnitude_u64(payload), start)?),
            8 => Data::String(read_text(payload).map_err(at_start)?.to_owned()),
            9 => Data::Clob(payload.to_vec()),
            10 => Data::Blob(payload.to_vec()),
            11 => Data::List(self.items(header, start, depth)?),
            12 => Data::Sexp(self.items(header, start, depth)?),
            13 => Data::Struct(self.fields(header, start, depth)?),
            _ => return Err(at_start("a type descriptor is not allowed here")),
        })
    }

    fn items(&self, header: Header, start: usize, depth: usize) -> Result<Vec<Value>, IonError> {
        check_depth(depth, start)?;
        let mut items = Vec::new();
        let mut at = header.start;
        while at < header.end {
            items.extend(self.value(&mut at, header.end, depth + 1)?);
        }
        Ok(items)
    }

    fn fields(&self, header: Header, start: usize, depth: usize) -> Result<Struct, IonError> {
        check_depth(depth, start)?;
        let mut fields = Vec::new();
        let mut at = header.start;
        while at < header.end {
            let name_at = at;
            let id = read_var_uint(&self.bytes[..header.end], &mut at);
            // Padding in a struct has a field name too, which means nothing.
            if let Some(value) = self.value(&mut at, header.end, depth + 1)? {
                fields.push((self.symbol_of(id, name_at)?, value));
            }
        }
        Ok(Struct::new(fields))
    }

    pub(super) fn header(&self, at: &mut usize, end: usize) -> Result<Header, IonError> {
        let start = *at;
        read_header(&self.bytes[..end], at).map_err(|reason| IonError::new(reason, start))
    }

    pub(super) fn wrapper(&self, header: Header, start: usize) -> Result<Wrapper, IonError> {
        read_wrapper(self.bytes, header).map_err(|reason| IonError::new(reason, start))
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The text of a symbol: `None` if it is unknown. An error means that the id is not defined.
    pub(super) fn text_of(&self, id: Option<u64>, offset: usize) -> Result<Option<&str>, IonError> {
        let id = id.ok_or_else(|| IonError::new(CUT_ID, offset))?;
        self.symbols.text(id).ok_or_else(|| undefined(id, offset))
    }

    fn symbol(&self, at: &mut usize, end: usize) -> Result<Symbol, IonError> {
        let start = *at;
        let id = read_var_uint(&self.bytes[..end], at);
        self.symbol_of(id, start)
    }

    fn symbol_of(&self, id: Option<u64>, offset: usize) -> Result<Symbol, IonError> {
        let id = id.ok_or_else(|| IonError::new(CUT_ID, offset))?;
        self.symbols.get(id).ok_or_else(|| undefined(id, offset))
    }
}

fn undefined(id: u64, offset: usize) -> IonError {
    IonError::new(format!("the symbol ${id} is not defined"), offset)
}

pub(super) fn check_depth(depth: usize, offset: usize) -> Result<(), IonError> {
    if depth >= MAX_DEPTH {
        return Err(IonError::new(format!("containers are nested deeper than {MAX_DEPTH}"), offset));
    }
    Ok(())
}
