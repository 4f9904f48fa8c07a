//! Reads text in quotes or double braces: strings, quoted symbols, blobs and clobs.

use super::reader::Reader;
use crate::error::IonError;
use crate::value::Data;

/// The meaning of a text in quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Unicode text.
    Text,
    /// The bytes of a clob: ASCII, and escapes of one byte.
    Bytes,
}

impl Reader<'_> {
    /// Reads a string or symbol between two `quote`s, at the first of them.
    pub(super) fn short_text(&mut self, quote: u8) -> Result<String, IonError> {
        let start = self.position;
        let mut text = Vec::new();
        self.short(quote, Content::Text, &mut text)?;
        into_text(text, start)
    }

    /// Reads a string of one or more segments between `'''`, at the first `'''`.
    pub(super) fn long_text(&mut self) -> Result<String, IonError> {
        let start = self.position;
        let mut text = Vec::new();
        while self.rest().starts_with(b"'''") {
            self.long(Content::Text, &mut text)?;
            self.skip_blanks_and_comments()?;
        }
        into_text(text, start)
    }

    /// Reads a blob or a clob, at its `{{`.
    pub(super) fn lob(&mut self) -> Result<Data, IonError> {
        self.position += 2;
        // Comments are not allowed here, because `//` may be base64.
        self.skip_blanks();
        let data = if self.peek() == Some(b'"') {
            let mut bytes = Vec::new();
            self.short(b'"', Content::Bytes, &mut bytes)?;
            self.skip_blanks();
            Data::Clob(bytes)
        } else if self.rest().starts_with(b"'''") {
            let mut bytes = Vec::new();
            while self.rest().starts_with(b"'''") {
                self.long(Content::Bytes, &mut bytes)?;
                self.skip_blanks();
            }
            Data::Clob(bytes)
        } else {
            Data::Blob(self.base64()?)
        };
        if !self.rest().starts_with(b"}}") {
            return Err(self.unexpected("`}}` after the content of a blob or clob"));
        }
        self.position += 2;
        Ok(data)
    }

    fn short(&mut self, quote: u8, content: Content, out: &mut Vec<u8>) -> Result<(), IonError> {
        let start = self.position;
        self.position += 1;
        loop {
            self.plain_run(quote, content, out);
            match self.peek() {
                None => return Err(IonError::new("this quote is not closed", start)),
                Some(b'\\') => self.escape(content, out)?,
                Some(byte) if byte == quote => {
                    self.position += 1;
                    return Ok(());
                }
                Some(b'\n' | b'\r') => {
                    return Err(IonError::new(
                        "a line ends inside quotes; write \\n, or use '''",
                        self.position,
                    ));
                }
                Some(_) => return Err(self.forbidden(content)),
            }
        }
    }

    fn long(&mut self, content: Content, out: &mut Vec<u8>) -> Result<(), IonError> {
        let start = self.position;
        self.position += 3;
        loop {
            self.plain_run(b'\'', content, out);
            match self.peek() {
                None => return Err(IonError::new("this ''' is not closed", start)),
                Some(b'\\') => self.escape(content, out)?,
                Some(b'\'') if self.rest().starts_with(b"'''") => {
                    self.position += 3;
                    return Ok(());
                }
                Some(b'\'') => {
                    out.push(b'\'');
                    self.position += 1;
                }
                // By the specification, every line end reads as \n.
                Some(b'\n' | b'\r') => {
                    self.line_end();
                    out.push(b'\n');
                }
                Some(_) => return Err(self.forbidden(content)),
            }
        }
    }

    /// Copies bytes that stand for themselves, up to the first that does not.
    fn plain_run(&mut self, quote: u8, content: Content, out: &mut Vec<u8>) {
        let rest = self.rest();
        let special = |byte: &u8| {
            *byte == quote
                || *byte == b'\\'
                || (*byte < 0x20 && !matches!(*byte, b'\t' | 0x0B | 0x0C))
                || (*byte >= 0x80 && content == Content::Bytes)
        };
        let length = rest.iter().position(special).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..length]);
        self.position += length;
    }

    fn forbidden(&self, content: Content) -> IonError {
        let message = match content {
            Content::Text => "a control character in quotes must be written as an escape",
            Content::Bytes => {
                "the text of a clob must be printable ASCII; write other bytes as \\x and two digits"
            }
        };
        IonError::new(message, self.position)
    }

    /// Skips `\n`, `\r` or `\r\n`.
    fn line_end(&mut self) {
        self.position += if self.rest().starts_with(b"\r\n") { 2 } else { 1 };
    }

    /// Reads an escape, at its backslash.
    fn escape(&mut self, content: Content, out: &mut Vec<u8>) -> Result<(), IonError> {
        let start = self.position;
        self.position += 1;
        let Some(byte) = self.peek() else {
            return Err(IonError::new("the text ends within an escape", start));
        };
        if matches!(byte, b'\n' | b'\r') {
            self.line_end();
            return Ok(());
        }
        self.position += 1;
        out.push(match byte {
            b'0' => 0,
            b'a' => 0x07,
            b'b' => 0x08,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 0x0B,
            b'f' => 0x0C,
            b'r' => b'\r',
            b'"' | b'\'' | b'\\' | b'/' | b'?' => byte,
            b'x' if content == Content::Bytes => {
                u8::try_from(self.hex_digits(2, start)?).expect("two hexadecimal digits are a byte")
            }
            b'x' => return push_code_point(self.hex_digits(2, start)?, start, out),
            b'u' if content == Content::Text => {
                let code_point = self.utf16_escape(start)?;
                return push_code_point(code_point, start, out);
            }
            b'U' if content == Content::Text => {
                return push_code_point(self.hex_digits(8, start)?, start, out);
            }
            _ => return Err(IonError::new("there is no such escape", start)),
        });
        Ok(())
    }

    /// Reads the code point of an escape `\u` and four digits. If that is the first half of a surrogate pair, reads the
    /// second escape too.
    fn utf16_escape(&mut self, start: usize) -> Result<u32, IonError> {
        let first = self.hex_digits(4, start)?;
        if !(0xD800..0xDC00).contains(&first) || !self.rest().starts_with(b"\\u") {
            return Ok(first);
        }
        self.position += 2;
        let second = self.hex_digits(4, start)?;
        if !(0xDC00..0xE000).contains(&second) {
            return Err(IonError::new("half of a surrogate pair is not a character", start));
        }
        Ok(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))
    }

    fn hex_digits(&mut self, count: usize, start: usize) -> Result<u32, IonError> {
        let digits = self.rest().get(..count).unwrap_or_default();
        let value = digits
            .iter()
            .try_fold(0u32, |sum, byte| Some((sum << 4) | char::from(*byte).to_digit(16)?))
            .filter(|_| digits.len() == count);
        self.position += digits.len();
        value.ok_or_else(|| IonError::new(format!("this escape needs {count} hexadecimal digits"), start))
    }

    fn base64(&mut self) -> Result<Vec<u8>, IonError> {
        let mut bytes = Vec::new();
        let (mut group, mut digits, mut padding) = (0u32, 0u32, 0u32);
        while let Some(byte) = self.peek().filter(|byte| *byte != b'}') {
            if is_blank(byte) {
                self.position += 1;
                continue;
            }
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                // Only the last one or two digits of a group of four can be padding.
                b'=' if digits >= 2 => 0,
                _ => return Err(self.unexpected("a base64 digit")),
            };
            if byte == b'=' {
                padding += 1;
            } else if padding > 0 {
                return Err(self.unexpected("`}}` after the padding of base64"));
            }
            self.position += 1;
            group = (group << 6) | u32::from(digit);
            digits += 1;
            if digits == 4 {
                let [_, first, second, third] = group.to_be_bytes();
                bytes.extend_from_slice(&[first, second, third][..usize::try_from(3 - padding).unwrap_or(0)]);
                (group, digits) = (0, 0);
            }
        }
        if digits > 0 {
            return Err(self.unexpected("groups of four base64 digits, with `=` for those that are missing"));
        }
        Ok(bytes)
    }
}

/// Whether a byte is whitespace in Ion.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C)
}

fn push_code_point(code_point: u32, start: usize, out: &mut Vec<u8>) -> Result<(), IonError> {
    let character = char::from_u32(code_point)
        .ok_or_else(|| IonError::new("this escape is not a Unicode character", start))?;
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(())
}

// The text was split at ASCII characters only, so this should never fail.
fn into_text(bytes: Vec<u8>, start: usize) -> Result<String, IonError> {
    String::from_utf8(bytes).map_err(|_| IonError::new("this text is not valid UTF-8", start))
}
