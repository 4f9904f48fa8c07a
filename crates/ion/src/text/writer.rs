//! Writes Ion text: compact as QLDB printed it, or on several lines for people.

use std::fmt::{self, Write as _};

use super::characters::{
    is_identifier_part, is_identifier_start, is_keyword, is_operator, is_version_marker,
};
use crate::symbol::Symbol;
use crate::value::{Data, IonType, Value};

pub(super) fn write(value: &Value, pretty: bool) -> String {
    let mut writer = Writer { out: String::new(), indent: pretty.then_some(0) };
    // Without quotes, `$ion_1_0` would be a version marker.
    match &value.data {
        Data::Symbol(symbol) if value.annotations().is_empty() => match symbol.text() {
            Some(text) if is_version_marker(text) => write_quoted(&mut writer.out, text, '\''),
            _ => write_symbol(&mut writer.out, symbol, false),
        },
        _ => writer.value(value, false),
    }
    writer.out
}

/// Writes a symbol as Ion text. An identifier needs no quotes, nor does an operator in an s-expression. A symbol of unknown
/// text is written as `$0`.
pub fn write_symbol(out: &mut String, symbol: &Symbol, in_sexp: bool) {
    match symbol.text() {
        None => out.push_str("$0"),
        Some(text) if is_bare(text) || (in_sexp && is_bare_operator(text)) => out.push_str(text),
        Some(text) => write_quoted(out, text, '\''),
    }
}

/// Prints Ion text, in quotes if they are needed.
impl fmt::Display for Symbol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        write_symbol(&mut text, self, false);
        formatter.write_str(&text)
    }
}

/// Prints compact text; with `{:#}` text on several lines.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&write(self, formatter.alternate()))
    }
}

struct Writer {
    out: String,
    /// The current indentation; `None` for compact text.
    indent: Option<usize>,
}

impl Writer {
    fn value(&mut self, value: &Value, in_sexp: bool) {
        for annotation in value.annotations() {
            write_symbol(&mut self.out, annotation, false);
            self.out.push_str("::");
        }
        let out = &mut self.out;
        match &value.data {
            Data::Null(IonType::Null) => out.push_str("null"),
            Data::Null(ion_type) => {
                out.push_str("null.");
                out.push_str(ion_type.name());
            }
            Data::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
            Data::Int(int) => display(out, int),
            Data::Float(float) => write_float(out, *float),
            Data::Decimal(decimal) => display(out, decimal),
            Data::Timestamp(timestamp) => display(out, timestamp),
            Data::Symbol(symbol) => write_symbol(out, symbol, in_sexp),
            Data::String(text) => write_quoted(out, text, '"'),
            Data::Clob(bytes) => {
                out.push_str("{{\"");
                for byte in bytes {
                    match byte {
                        0x80.. => escape_hex(out, u32::from(*byte)),
                        byte => write_escaped(out, char::from(*byte), '"'),
                    }
                }
                out.push_str("\"}}");
            }
            Data::Blob(bytes) => {
                out.push_str("{{");
                write_base64(out, bytes);
                out.push_str("}}");
            }
            Data::List(items) => {
                self.container('[', ']', ",", items, |writer, item| writer.value(item, false))
            }
            Data::Sexp(items) => {
                self.container('(', ')', " ", items, |writer, item| writer.value(item, true))
            }
            Data::Struct(fields) => {
                self.container('{', '}', ",", fields.iter(), |writer, (name, value)| {
                    write_symbol(&mut writer.out, name, false);
                    writer.out.push_str(if writer.indent.is_some() { ": " } else { ":" });
                    writer.value(value, false);
                });
            }
        }
    }

    fn container<T>(
        &mut self,
        open: char,
        close: char,
        separator: &str,
        items: impl IntoIterator<Item = T>,
        mut write_item: impl FnMut(&mut Writer, T),
    ) {
        self.out.push(open);
        let mut is_first = true;
        for item in items {
            match &mut self.indent {
                Some(indent) => {
                    *indent += usize::from(is_first);
                    if !is_first && separator != " " {
                        self.out.push_str(separator);
                    }
                    self.new_line();
                }
                None if !is_first => self.out.push_str(separator),
                None => {}
            }
            is_first = false;
            write_item(self, item);
        }
        if !is_first && let Some(indent) = &mut self.indent {
            *indent -= 1;
            self.new_line();
        }
        self.out.push(close);
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        for _ in 0..self.indent.unwrap_or(0) {
            self.out.push_str("  ");
        }
    }
}

fn display(out: &mut String, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("a String takes all that is written");
}

fn is_bare(text: &str) -> bool {
    let bytes = text.as_bytes();
    // `$10a` is an identifier too, but some readers stop after the `$10`.
    let like_symbol_id = matches!(bytes, [b'$', b'0'..=b'9', ..]);
    bytes.first().is_some_and(|byte| is_identifier_start(*byte))
        && bytes.iter().all(|byte| is_identifier_part(*byte))
        && !is_keyword(text)
        && !like_symbol_id
}

fn is_bare_operator(text: &str) -> bool {
    // `//` and `/*` would begin a comment. A back-tick would end an Ion literal in PartiQL.
    !text.is_empty()
        && text.bytes().all(is_operator)
        && !["//", "/*", "`"].iter().any(|part| text.contains(part))
}

fn write_quoted(out: &mut String, text: &str, quote: char) {
    out.push(quote);
    for character in text.chars() {
        write_escaped(out, character, quote);
    }
    out.push(quote);
}

fn write_escaped(out: &mut String, character: char, quote: char) {
    match character {
        '\0' => out.push_str("\\0"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\x0B' => out.push_str("\\v"),
        '\x0C' => out.push_str("\\f"),
        '\r' => out.push_str("\\r"),
        '\\' => out.push_str("\\\\"),
        character if character == quote => {
            out.push('\\');
            out.push(quote);
        }
        // All other escapes are of code points below 0x100.
        character if character.is_control() => escape_hex(out, u32::from(character)),
        character => out.push(character),
    }
}

fn escape_hex(out: &mut String, code_point: u32) {
    write!(out, "\\x{code_point:02x}").expect("a String takes all that is written");
}

/// Writes the fewest digits that read back as the same float. From 10^-3 to 10^7 they have a point, else an `E`.
fn write_float(out: &mut String, float: f64) {
    if float.is_nan() {
        return out.push_str("nan");
    }
    if float.is_sign_negative() {
        out.push('-');
    }
    if float.is_infinite() {
        // Ion writes the sign of positive infinity too.
        return out.push_str(if float > 0.0 { "+inf" } else { "inf" });
    }
    let scientific = format!("{:e}", float.abs());
    let (digits, exponent) = scientific.split_once('e').expect("`{:e}` has an exponent");
    let (first, others) = digits.split_once('.').unwrap_or((digits, ""));
    let exponent: i32 = exponent.parse().expect("`{:e}` has an integer exponent");
    match exponent {
        0..7 => {
            let whole = usize::try_from(exponent).expect("not negative");
            out.push_str(first);
            if others.len() > whole {
                let (whole, fraction) = others.split_at(whole);
                out.push_str(whole);
                out.push('.');
                out.push_str(fraction);
            } else {
                out.push_str(others);
                (others.len()..whole).for_each(|_| out.push('0'));
            }
            out.push_str("e0");
        }
        -3..0 => {
            out.push_str("0.");
            (exponent + 1..0).for_each(|_| out.push('0'));
            out.push_str(first);
            out.push_str(others);
            out.push_str("e0");
        }
        _ => {
            out.push_str(first);
            out.push('.');
            out.push_str(if others.is_empty() { "0" } else { others });
            display(out, format_args!("E{exponent}"));
        }
    }
}

fn write_base64(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.reserve(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut bits = [0; 4];
        bits[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(bits);
        for place in 0..4 {
            if place > group.len() {
                out.push('=');
            } else {
                let digit = (bits >> (18 - 6 * place)) & 63;
                out.push(char::from(DIGITS[digit as usize]));
            }
        }
    }
}
