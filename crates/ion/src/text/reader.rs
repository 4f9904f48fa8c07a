//! Reads Ion text, one top-level value at a time.

use super::characters::{
    is_identifier_part, is_identifier_start, is_keyword, is_operator, is_version_marker,
};
use super::number;
use super::quoted::is_blank;
use crate::MAX_DEPTH;
use crate::error::IonError;
use crate::symbol::Symbol;
use crate::symbol_table::SymbolTable;
use crate::value::{Data, IonType, Struct, Value};

/// Iterates over the top-level values of a text. It ends after an error.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    text: &'a str,
    pub(super) position: usize,
    symbols: SymbolTable,
    /// The start of the value that was read last.
    value_offset: usize,
}

/// The surroundings of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In an s-expression, where operators are symbols.
    Sexp,
    Elsewhere,
}

impl<'a> Reader<'a> {
    /// A reader at the start of a text.
    pub fn new(text: &'a str) -> Reader<'a> {
        Reader { text, position: 0, symbols: SymbolTable::system(), value_offset: 0 }
    }

    /// The start of the value that was read last, in bytes from the start of the text.
    pub fn value_offset(&self) -> usize {
        self.value_offset
    }

    fn top_level_value(&mut self) -> Result<Option<Value>, IonError> {
        loop {
            self.skip_blanks_and_comments()?;
            if self.peek().is_none() {
                return Ok(None);
            }
            self.value_offset = self.position;
            if self.version_marker()? {
                self.symbols = SymbolTable::system();
                continue;
            }
            let value = self.value(Place::Elsewhere, 0)?;
            if SymbolTable::is_definition(&value) {
                let table = value.as_struct().expect("a definition is a struct");
                self.symbols.define(table, self.value_offset)?;
                continue;
            }
            // By the specification, the symbol `'$ion_1_0'` at the top level is skipped too.
            let is_marker_symbol = value.annotations().is_empty()
                && matches!(&value.data, Data::Symbol(symbol) if *symbol == *"$ion_1_0");
            if is_marker_symbol {
                continue;
            }
            return Ok(Some(value));
        }
    }

    /// Reads a version marker, if there is one here.
    fn version_marker(&mut self) -> Result<bool, IonError> {
        let start = self.position;
        if !self.rest().starts_with(b"$ion_") {
            return Ok(false);
        }
        let identifier = self.identifier();
        if !is_version_marker(identifier) || self.take_annotation_mark()? {
            self.position = start;
            return Ok(false);
        }
        if identifier != "$ion_1_0" {
            return Err(IonError::new(format!("only Ion 1.0 is read here, not {identifier}"), start));
        }
        Ok(true)
    }

    /// Reads a value with its annotations, at its first byte. `depth` containers are around it.
    fn value(&mut self, place: Place, depth: usize) -> Result<Value, IonError> {
        let mut annotations = Vec::new();
        loop {
            let data = match self.annotation_or_data(place, depth)? {
                Token::Annotation(symbol) => {
                    annotations.push(symbol);
                    self.skip_blanks_and_comments()?;
                    continue;
                }
                Token::Data(data) => data,
            };
            return Ok(Value::new(data).with_annotations(annotations));
        }
    }

    fn annotation_or_data(&mut self, place: Place, depth: usize) -> Result<Token, IonError> {
        let rest = self.rest();
        let data = match rest {
            [b'"', ..] => Data::String(self.short_text(b'"')?),
            [b'\'', b'\'', b'\'', ..] => Data::String(self.long_text()?),
            [b'\'', ..] => {
                let symbol = Symbol::from(self.short_text(b'\'')?);
                return self.symbol_token(symbol);
            }
            [b'{', b'{', ..] => self.lob()?,
            [b'{', ..] => Data::Struct(self.structure(depth)?),
            [b'[', ..] => Data::List(self.list(depth)?),
            [b'(', ..] => Data::Sexp(self.sexp(depth)?),
            [b'0'..=b'9', ..] | [b'-', b'0'..=b'9', ..] => self.number()?,
            [sign @ (b'+' | b'-'), b'i', b'n', b'f', after @ ..] if !starts_identifier_part(after) => {
                self.position += 4;
                Data::Float(if *sign == b'-' { f64::NEG_INFINITY } else { f64::INFINITY })
            }
            [byte, ..] if is_identifier_start(*byte) => return self.word(),
            [byte, ..] if place == Place::Sexp && is_operator(*byte) => Data::Symbol(self.operator()),
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Token::Data(data))
    }

    /// Reads a keyword, or a symbol without quotes.
    fn word(&mut self) -> Result<Token, IonError> {
        let start = self.position;
        let data = match self.identifier() {
            "null" => Data::Null(self.null_type()?),
            "true" => Data::Bool(true),
            "false" => Data::Bool(false),
            "nan" => Data::Float(f64::NAN),
            identifier => {
                let symbol = self.identifier_symbol(identifier, start)?;
                return self.symbol_token(symbol);
            }
        };
        Ok(Token::Data(data))
    }

    fn symbol_token(&mut self, symbol: Symbol) -> Result<Token, IonError> {
        if self.take_annotation_mark()? {
            Ok(Token::Annotation(symbol))
        } else {
            Ok(Token::Data(Data::Symbol(symbol)))
        }
    }

    /// Reads the type after `null`, if a point follows it.
    fn null_type(&mut self) -> Result<IonType, IonError> {
        if self.peek() != Some(b'.') {
            return Ok(IonType::Null);
        }
        self.position += 1;
        let start = self.position;
        Ok(match self.identifier() {
            "null" => IonType::Null,
            "bool" => IonType::Bool,
            "int" => IonType::Int,
            "float" => IonType::Float,
            "decimal" => IonType::Decimal,
            "timestamp" => IonType::Timestamp,
            "symbol" => IonType::Symbol,
            "string" => IonType::String,
            "clob" => IonType::Clob,
            "blob" => IonType::Blob,
            "list" => IonType::List,
            "sexp" => IonType::Sexp,
            "struct" => IonType::Struct,
            _ => return Err(IonError::new("`null.` is followed by the name of an Ion type", start)),
        })
    }

    /// The symbol that an identifier stands for. The identifier may be a symbol id.
    fn identifier_symbol(&self, identifier: &str, start: usize) -> Result<Symbol, IonError> {
        let Some(digits) = symbol_id_digits(identifier) else {
            return Ok(Symbol::from(identifier));
        };
        digits
            .parse()
            .ok()
            .and_then(|id| self.symbols.get(id))
            .ok_or_else(|| IonError::new("this symbol id is not defined", start))
    }

    fn number(&mut self) -> Result<Data, IonError> {
        let start = self.position;
        let rest = self.rest();
        let length = rest.iter().position(|byte| !number::is_part(*byte)).unwrap_or(rest.len());
        self.position += length;
        let data = number::parse(&self.text[start..self.position])
            .map_err(|message| IonError::new(message, start))?;
        let ends = match self.rest() {
            [] => true,
            [b'/', b'/' | b'*', ..] => true,
            [byte, ..] => is_blank(*byte) || b"{}[](),\"'".contains(byte),
        };
        if !ends {
            return Err(self.unexpected("a blank after a number or timestamp"));
        }
        Ok(data)
    }

    fn operator(&mut self) -> Symbol {
        let start = self.position;
        while let [byte, after @ ..] = self.rest() {
            // A comment ends the operator before it.
            let is_comment = *byte == b'/' && matches!(after, [b'/' | b'*', ..]);
            if !is_operator(*byte) || is_comment {
                break;
            }
            self.position += 1;
        }
        Symbol::from(&self.text[start..self.position])
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Value>, IonError> {
        let start = self.open(depth)?;
        let mut items = Vec::new();
        loop {
            self.skip_blanks_and_comments()?;
            if self.peek() == Some(b']') {
                break;
            }
            self.expect_more(start, "this list is not closed")?;
            items.push(self.value(Place::Elsewhere, depth + 1)?);
            self.skip_blanks_and_comments()?;
            match self.peek() {
                Some(b',') => self.position += 1,
                Some(b']') => break,
                None => return Err(IonError::new("this list is not closed", start)),
                Some(_) => return Err(self.unexpected("`,` or `]` after a value of a list")),
            }
        }
        self.position += 1;
        Ok(items)
    }

    fn sexp(&mut self, depth: usize) -> Result<Vec<Value>, IonError> {
        let start = self.open(depth)?;
        let mut items = Vec::new();
        loop {
            self.skip_blanks_and_comments()?;
            if self.peek() == Some(b')') {
                break;
            }
            self.expect_more(start, "this s-expression is not closed")?;
            items.push(self.value(Place::Sexp, depth + 1)?);
        }
        self.position += 1;
        Ok(items)
    }

    fn structure(&mut self, depth: usize) -> Result<Struct, IonError> {
        let start = self.open(depth)?;
        let mut fields = Vec::new();
        loop {
            self.skip_blanks_and_comments()?;
            if self.peek() == Some(b'}') {
                break;
            }
            self.expect_more(start, "this struct is not closed")?;
            let name = self.field_name()?;
            self.skip_blanks_and_comments()?;
            if self.peek() != Some(b':') {
                return Err(self.unexpected("`:` after the name of a field"));
            }
            self.position += 1;
            self.skip_blanks_and_comments()?;
            let value = self.value(Place::Elsewhere, depth + 1)?;
            fields.push((name, value));
            self.skip_blanks_and_comments()?;
            match self.peek() {
                Some(b',') => self.position += 1,
                Some(b'}') => break,
                None => return Err(IonError::new("this struct is not closed", start)),
                Some(_) => return Err(self.unexpected("`,` or `}` after a field of a struct")),
            }
        }
        self.position += 1;
        Ok(Struct::new(fields))
    }

    fn field_name(&mut self) -> Result<Symbol, IonError> {
        let start = self.position;
        Ok(match self.rest() {
            [b'"', ..] => self.short_text(b'"')?.into(),
            [b'\'', b'\'', b'\'', ..] => self.long_text()?.into(),
            [b'\'', ..] => self.short_text(b'\'')?.into(),
            [byte, ..] if is_identifier_start(*byte) => {
                let identifier = self.identifier();
                if is_keyword(identifier) {
                    let message = format!("{identifier} is a keyword: write the field name in quotes");
                    return Err(IonError::new(message, start));
                }
                self.identifier_symbol(identifier, start)?
            }
            _ => return Err(self.unexpected("the name of a field")),
        })
    }

    /// Skips the first byte of a container, and checks the depth.
    fn open(&mut self, depth: usize) -> Result<usize, IonError> {
        let start = self.position;
        if depth >= MAX_DEPTH {
            let message = format!("containers are nested deeper than {MAX_DEPTH}");
            return Err(IonError::new(message, start));
        }
        self.position += 1;
        Ok(start)
    }

    fn expect_more(&self, start: usize, message: &str) -> Result<(), IonError> {
        if self.peek().is_some() { Ok(()) } else { Err(IonError::new(message, start)) }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.position..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    fn identifier(&mut self) -> &'a str {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !is_identifier_part(*byte)).unwrap_or(rest.len());
        let start = self.position;
        self.position += length;
        &self.text[start..self.position]
    }

    /// Skips blanks and comments, and `::` after them. Returns whether there was a `::`.
    fn take_annotation_mark(&mut self) -> Result<bool, IonError> {
        self.skip_blanks_and_comments()?;
        let is_mark = self.rest().starts_with(b"::");
        if is_mark {
            self.position += 2;
        }
        Ok(is_mark)
    }

    pub(super) fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.position += rest.iter().position(|byte| !is_blank(*byte)).unwrap_or(rest.len());
    }

    pub(super) fn skip_blanks_and_comments(&mut self) -> Result<(), IonError> {
        loop {
            self.skip_blanks();
            let rest = self.rest();
            match rest {
                [b'/', b'/', ..] => {
                    let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                    self.position += end.unwrap_or(rest.len());
                }
                [b'/', b'*', inner @ ..] => {
                    let end = inner
                        .windows(2)
                        .position(|pair| pair == b"*/")
                        .ok_or_else(|| IonError::new("this comment is not closed", self.position))?;
                    self.position += end + 4;
                }
                _ => return Ok(()),
            }
        }
    }

    pub(super) fn unexpected(&self, expected: &str) -> IonError {
        let message = match self.text.get(self.position..).and_then(|rest| rest.chars().next()) {
            Some(found) => format!("expected {expected}, found `{}`", found.escape_debug()),
            None => format!("expected {expected}, found the end of the text"),
        };
        IonError::new(message, self.position)
    }
}

enum Token {
    Annotation(Symbol),
    Data(Data),
}

impl Iterator for Reader<'_> {
    type Item = Result<Value, IonError>;

    fn next(&mut self) -> Option<Result<Value, IonError>> {
        let result = self.top_level_value();
        if result.is_err() {
            self.position = self.text.len();
        }
        result.transpose()
    }
}

/// The digits of an identifier if it is a symbol id.
fn symbol_id_digits(identifier: &str) -> Option<&str> {
    identifier
        .strip_prefix('$')
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn starts_identifier_part(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|byte| is_identifier_part(*byte))
}
