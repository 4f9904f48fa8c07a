//! Reads Ion binary of any well-formed shape into values.

use crate::binary::header::{Header, WRAPPER, read_header, read_wrapper, type_of};
use crate::binary::primitives::{
    int_of, magnitude_u64, read_decimal, read_float, read_timestamp, read_var_uint,
};
use crate::binary::{VERSION_MARKER, error};
use crate::symbol_table::SymbolTable;
use crate::{Data, IonError, MAX_DEPTH, Struct, Symbol, Value};

/// The values of a stream, one after another.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    symbols: SymbolTable,
}

impl<'a> Reader<'a> {
    /// A reader of a stream, which is empty or begins with the version marker.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Reader<'a>, IonError> {
        if !bytes.is_empty() && bytes[0] != VERSION_MARKER[0] {
            return Err(error("Ion binary does not begin with the version marker E0 01 00 EA", 0));
        }
        Ok(Reader { bytes, at: 0, symbols: SymbolTable::system() })
    }

    /// Where the next value, marker or padding begins.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The next value that is the user's.
    pub(crate) fn next(&mut self) -> Result<Option<Value>, IonError> {
        while self.at < self.bytes.len() {
            let start = self.at;
            if self.bytes[start] == VERSION_MARKER[0] {
                self.version_marker()?;
                continue;
            }
            let mut at = start;
            let value = self.value(&mut at, self.bytes.len(), 0)?;
            self.at = at;
            match value {
                None => {}
                Some(value) if SymbolTable::is_definition(&value) => {
                    if let Data::Struct(table) = &value.data {
                        self.symbols.define(table, start)?;
                    }
                }
                Some(value) => return Ok(Some(value)),
            }
        }
        Ok(None)
    }

    fn version_marker(&mut self) -> Result<(), IonError> {
        let rest = &self.bytes[self.at..];
        if !rest.starts_with(&VERSION_MARKER) {
            let message = match rest.get(..4) {
                Some([_, major, minor, 0xEA]) => format!("Ion {major}.{minor} is not supported, only 1.0"),
                _ => "a version marker is cut short or damaged".to_owned(),
            };
            return Err(error(message, self.at));
        }
        self.at += VERSION_MARKER.len();
        self.symbols = SymbolTable::system();
        Ok(())
    }

    /// The value at `at`, or `None` for padding. `depth` is how many containers are around it.
    fn value(&self, at: &mut usize, end: usize, depth: usize) -> Result<Option<Value>, IonError> {
        let start = *at;
        let header = read_header(&self.bytes[..end], at).map_err(|reason| error(reason, start))?;
        *at = header.end;
        if header.is_padding() {
            return Ok(None);
        }
        if header.code() != WRAPPER {
            return Ok(Some(Value::new(self.data(header, start, depth)?)));
        }
        let wrapper = read_wrapper(self.bytes, header).map_err(|reason| error(reason, start))?;
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
        let at_start = |reason| error(reason, start);
        Ok(match header.code() {
            1 => Data::Bool(header.low() == 1),
            2 => Data::Int(int_of(false, payload)),
            3 if payload.iter().all(|byte| *byte == 0) => return Err(at_start("a negative int is zero")),
            3 => Data::Int(int_of(true, payload)),
            4 => Data::Float(read_float(payload).ok_or_else(|| at_start("a float is not 0, 4 or 8 bytes"))?),
            5 => Data::Decimal(read_decimal(payload).map_err(at_start)?),
            6 => Data::Timestamp(read_timestamp(payload).map_err(at_start)?),
            7 => Data::Symbol(self.symbol_of(magnitude_u64(payload), start)?),
            8 => match std::str::from_utf8(payload) {
                Ok(text) => Data::String(text.to_owned()),
                Err(utf8) => {
                    return Err(error("a string is not valid UTF-8", header.start + utf8.valid_up_to()));
                }
            },
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
            // Padding in a struct has a field id too, of no meaning.
            if let Some(value) = self.value(&mut at, header.end, depth + 1)? {
                fields.push((self.symbol_of(id, name_at)?, value));
            }
        }
        Ok(Struct::new(fields))
    }

    fn symbol(&self, at: &mut usize, end: usize) -> Result<Symbol, IonError> {
        let start = *at;
        let id = read_var_uint(&self.bytes[..end], at);
        self.symbol_of(id, start)
    }

    fn symbol_of(&self, id: Option<u64>, offset: usize) -> Result<Symbol, IonError> {
        let id = id.ok_or_else(|| error("a symbol id is cut short or exceeds 64 bits", offset))?;
        self.symbols.get(id).ok_or_else(|| error(format!("the symbol ${id} is not defined"), offset))
    }
}

fn check_depth(depth: usize, offset: usize) -> Result<(), IonError> {
    if depth >= MAX_DEPTH {
        return Err(error(format!("containers are nested deeper than {MAX_DEPTH}"), offset));
    }
    Ok(())
}
