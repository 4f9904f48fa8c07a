//! Text to tokens.
//!
//! Two tokens need no blank between them if the second cannot continue the first: there are applications that write
//! `WHERE v.VIN = ?INSERT INTO …`. The lexer numbers the parameters in the order of the text. The error texts are
//! those of QLDB's reference lexer.

mod ion_literal;

use std::ops::Range;

use everstrand_ion::{Decimal, Int, Value, text};

use crate::datum::value_ref::ValueRef;
use crate::error::PartiqlError;
use crate::keywords::keyword;
use crate::number::EXPONENT_REFUSED;
use crate::position::Position;

/// A token, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) position: Position,
    /// The bytes of the text that it takes.
    pub(crate) span: Range<usize>,
}

/// The kind of a token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    /// A name that is not reserved.
    Identifier(String),
    /// `"name"`
    QuotedIdentifier(String),
    /// A reserved word in lower case.
    Keyword(&'static str),
    /// A string or a number.
    Literal(Value),
    /// `` `value` ``
    IonLiteral(Value),
    /// `?` with its number, from one.
    Parameter(usize),
    /// Punctuation, brackets and operators.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

impl TokenKind {
    /// `TYPE : value`, as the errors of the reference parser name a token.
    pub(crate) fn description(&self) -> String {
        match self {
            TokenKind::Identifier(name) => format!("IDENTIFIER : {name}"),
            TokenKind::QuotedIdentifier(name) => format!("QUOTED_IDENTIFIER : {name}"),
            TokenKind::Keyword("null") => "NULL : null".to_owned(),
            TokenKind::Keyword("missing") => "MISSING : missing".to_owned(),
            TokenKind::Keyword(word @ ("true" | "false")) => format!("LITERAL : {word}"),
            TokenKind::Keyword(word @ ("as" | "at" | "by" | "asc" | "desc" | "for")) => {
                format!("{} : {word}", word.to_uppercase())
            }
            TokenKind::Keyword(word) => format!("KEYWORD : {word}"),
            TokenKind::Literal(value) => format!("LITERAL : {}", text::write(value)),
            TokenKind::IonLiteral(value) => format!("ION_LITERAL : {}", text::write(value)),
            TokenKind::Parameter(_) => "QUESTION_MARK : ?".to_owned(),
            TokenKind::End => "EOF : EOF".to_owned(),
            TokenKind::Symbol(symbol) => {
                let name = match *symbol {
                    "(" => "LEFT_PAREN",
                    ")" => "RIGHT_PAREN",
                    "[" => "LEFT_BRACKET",
                    "]" => "RIGHT_BRACKET",
                    "{" => "LEFT_CURLY",
                    "}" => "RIGHT_CURLY",
                    "<<" => "LEFT_DOUBLE_ANGLE_BRACKET",
                    ">>" => "RIGHT_DOUBLE_ANGLE_BRACKET",
                    ":" => "COLON",
                    "," => "COMMA",
                    "." => "DOT",
                    ";" => "SEMICOLON",
                    "*" => "STAR",
                    _ => "OPERATOR",
                };
                format!("{name} : {symbol}")
            }
        }
    }
}

/// All tokens of a text, the last of them [`TokenKind::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, PartiqlError> {
    let mut lexer = Lexer { text, rest: text, line: 1, column: 1, parameters: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        let end = token.kind == TokenKind::End;
        tokens.push(token);
        if end {
            return Ok(tokens);
        }
    }
}

/// The symbols. Those of two characters come first, because the longest symbol is taken.
const SYMBOLS: [&str; 27] = [
    "<<", ">>", "<>", "!=", "<=", ">=", "||", "(", ")", "[", "]", "{", "}", ":", ",", ".", ";", "*", "+",
    "-", "/", "%", "=", "<", ">", "@", "^",
];

struct Lexer<'a> {
    text: &'a str,
    rest: &'a str,
    line: u32,
    column: u32,
    parameters: usize,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Result<Token, PartiqlError> {
        self.skip_blanks()?;
        let position = self.position();
        let start = self.text.len() - self.rest.len();
        let kind = match self.rest.chars().next() {
            None => TokenKind::End,
            Some('?') => {
                self.take(1);
                self.parameters += 1;
                TokenKind::Parameter(self.parameters)
            }
            Some('\'') => TokenKind::Literal(Value::from(self.quoted('\'', position)?)),
            Some('"') => TokenKind::QuotedIdentifier(self.quoted('"', position)?),
            Some('`') => self.ion_literal(position)?,
            Some('0'..='9') => TokenKind::Literal(self.number(position)?),
            Some('.') if self.rest[1..].starts_with(|next: char| next.is_ascii_digit()) => {
                TokenKind::Literal(self.number(position)?)
            }
            Some(first) if is_identifier_start(first) => {
                let end = self.rest.find(|next| !is_identifier_part(next)).unwrap_or(self.rest.len());
                let word = self.take(end);
                keyword(word).map_or_else(|| TokenKind::Identifier(word.to_owned()), TokenKind::Keyword)
            }
            Some(first) => TokenKind::Symbol(self.symbol(first, position)?),
        };
        Ok(Token { kind, position, span: start..self.text.len() - self.rest.len() })
    }

    fn position(&self) -> Position {
        Position { line: self.line, column: self.column }
    }

    /// Takes `length` bytes, and counts the lines and columns in them.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        let mut characters = taken.chars().peekable();
        while let Some(character) = characters.next() {
            let next = characters.peek().copied().or_else(|| rest.chars().next());
            match character {
                // CRLF ends one line, which its LF counts.
                '\r' if next == Some('\n') => {}
                '\r' | '\n' => {
                    self.line += 1;
                    self.column = 1;
                }
                _ => self.column += 1,
            }
        }
        taken
    }

    fn skip_blanks(&mut self) -> Result<(), PartiqlError> {
        loop {
            let blanks = self
                .rest
                .find(|next| !matches!(next, '\t' | '\x0b' | '\x0c' | ' ' | '\r' | '\n'))
                .unwrap_or(self.rest.len());
            self.take(blanks);
            if self.rest.starts_with("--") {
                let end = self.rest.find(['\r', '\n']).unwrap_or(self.rest.len());
                self.take(end);
            } else if self.rest.starts_with("/*") {
                let position = self.position();
                let end = self.rest[2..].find("*/").ok_or_else(|| {
                    PartiqlError::lexer(
                        position,
                        "invalid literal at, '/*'",
                        "The comment that begins here has no closing */",
                    )
                })?;
                self.take(end + 4);
            } else {
                return Ok(());
            }
        }
    }

    /// A text between quotes. Two quotes in it are one quote.
    fn quoted(&mut self, quote: char, position: Position) -> Result<String, PartiqlError> {
        let mut text = String::new();
        let mut end = 1;
        loop {
            let Some(length) = self.rest[end..].find(quote) else {
                let what = if quote == '"' { "name" } else { "string" };
                return Err(PartiqlError::lexer(
                    position,
                    format_args!("invalid literal at, {quote}"),
                    &format!("The {what} that begins here has no closing {quote}"),
                ));
            };
            text.push_str(&self.rest[end..end + length]);
            end += length + 1;
            if !self.rest[end..].starts_with(quote) {
                self.take(end);
                return Ok(text);
            }
            text.push(quote);
            end += 1;
        }
    }

    fn ion_literal(&mut self, position: Position) -> Result<TokenKind, PartiqlError> {
        let Some(length) = ion_literal::length(&self.rest[1..]) else {
            return Err(PartiqlError::lexer(
                position,
                "invalid ion literal at, `",
                "The Ion literal that begins here has no closing `",
            ));
        };
        let literal = self.take(length + 2);
        let ion = &literal[1..=length];
        let value = text::read_one(ion).map_err(|error| {
            PartiqlError::lexer(
                position,
                format_args!("invalid ion literal at, `{}`", shortened(ion)),
                &error.to_string(),
            )
        })?;
        if !ValueRef::from(&value).has_accepted_exponents() {
            let found = format_args!("invalid ion literal at, `{}`", shortened(ion));
            return Err(PartiqlError::lexer(position, found, EXPONENT_REFUSED));
        }
        Ok(TokenKind::IonLiteral(value))
    }

    /// A number. Digits alone are an int; with a point or an exponent they are a decimal, never a float.
    fn number(&mut self, position: Position) -> Result<Value, PartiqlError> {
        let bytes = self.rest.as_bytes();
        let digits = |from: usize| {
            bytes[from..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |end| from + end)
        };
        let mut end = digits(0);
        let point = bytes.get(end) == Some(&b'.');
        if point {
            end = digits(end + 1);
        }
        // `e` begins an exponent only before digits. Otherwise it is a letter, which may not follow a number.
        let mut exponent = false;
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let signed = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            if matches!(bytes.get(signed), Some(b'0'..=b'9')) {
                exponent = true;
                end = digits(signed);
            }
        }
        let invalid = |literal: &str, kind: &str| {
            PartiqlError::lexer(position, format_args!("invalid literal at, {}", shortened(literal)), kind)
        };
        if let Some(next) = self.rest[end..].chars().next()
            && is_identifier_part(next)
        {
            return Err(invalid(&self.rest[..end + next.len_utf8()], "A number is followed by a letter"));
        }
        let literal = self.take(end);
        if !point && !exponent {
            let int: Int = literal.parse().map_err(|_| invalid(literal, "Not an int"))?;
            return Ok(Value::from(int));
        }
        let ion = format!("0{}", literal.replace(['e', 'E'], "d"));
        let decimal: Decimal = ion.parse().map_err(|_| invalid(literal, EXPONENT_REFUSED))?;
        let value = Value::from(decimal);
        if ValueRef::from(&value).has_accepted_exponents() {
            Ok(value)
        } else {
            Err(invalid(literal, EXPONENT_REFUSED))
        }
    }

    fn symbol(&mut self, first: char, position: Position) -> Result<&'static str, PartiqlError> {
        if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| self.rest.starts_with(symbol)) {
            self.take(symbol.len());
            // `!=` and `<>` are the same operator.
            return Ok(if symbol == "!=" { "<>" } else { symbol });
        }
        let kind = match first {
            '!' | '|' => "invalid operator at",
            _ => "invalid character at",
        };
        Err(PartiqlError::lexer(
            position,
            format_args!("{kind}, '{}' [U+{:x}]", first.escape_default(), u32::from(first)),
            if kind == "invalid operator at" { "Invalid operator" } else { "Invalid character" },
        ))
    }
}

fn is_identifier_start(character: char) -> bool {
    character.is_ascii_alphabetic() || matches!(character, '_' | '$')
}

fn is_identifier_part(character: char) -> bool {
    is_identifier_start(character) || character.is_ascii_digit()
}

/// The first 80 characters of a text, for errors that quote it.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind> {
        tokens(text).expect("tokens").into_iter().map(|token| token.kind).collect()
    }

    /// L1: no blanks are needed where the next character cannot continue the token.
    #[test]
    fn tokens_touch() {
        assert_eq!(kinds("= 'ACTIVE'AND name").len(), 5);
        assert_eq!(kinds("?INSERT INTO")[1], TokenKind::Keyword("insert"));
    }

    /// L11: parameters are numbered from one in the order of the text.
    #[test]
    fn parameters() {
        let numbers: Vec<usize> = kinds("UPDATE t SET a = ? WHERE b = ? -- ?\n AND c = '?' OR d IN (?)")
            .into_iter()
            .filter_map(|kind| match kind {
                TokenKind::Parameter(number) => Some(number),
                _ => None,
            })
            .collect();
        assert_eq!(numbers, [1, 2, 3]);
    }

    /// L13: CR, LF and CRLF each end one line; columns count code points.
    #[test]
    fn positions() {
        let tokens = tokens("a\r\nb\rc\n 'é' d").expect("tokens");
        let at: Vec<(u32, u32)> =
            tokens.iter().map(|token| (token.position.line, token.position.column)).collect();
        assert_eq!(at, [(1, 1), (2, 1), (3, 1), (4, 2), (4, 6), (4, 7)]);
    }

    /// L6: digits are an int, a point or an exponent makes a decimal.
    #[test]
    fn numbers() {
        let decimal =
            |coefficient: i64, exponent| TokenKind::Literal(Value::from(Decimal::new(coefficient, exponent)));
        assert_eq!(kinds("1.5")[0], decimal(15, -1));
        assert_eq!(kinds(".5")[0], decimal(5, -1));
        assert_eq!(kinds("1.")[0], decimal(1, 0));
        assert_eq!(kinds("1e3")[0], decimal(1, 3));
        assert_eq!(kinds("1.5E-2")[0], decimal(15, -3));
        assert_eq!(kinds("007")[0], TokenKind::Literal(Value::from(7)));
        assert!(tokens("1e99999999999").is_err());
    }
}
