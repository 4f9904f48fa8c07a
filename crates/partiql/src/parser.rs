//! Makes a syntax tree of tokens, by recursive descent and, for operators, precedence climbing.
//!
//! The grammar is that of QLDB's reference parser with our extensions. Extensions are always parsed; the planner
//! refuses them with QLDB's errors if they are not wanted. [`MAX_DEPTH`] bounds the recursion and the height of the
//! tree.

mod call;
mod definition;
mod expression;
mod insert;
mod operator;
mod query;
mod set_operation;
mod statement;
mod window;

use crate::ast::{Identifier, MAX_DEPTH, Statement};
use crate::error::PartiqlError;
use crate::keywords;
use crate::lexer::{self, Token, TokenKind};
use crate::position::Position;

/// Parses one statement. One `;` may follow it.
pub fn parse(text: &str) -> Result<Statement, PartiqlError> {
    let tokens = lexer::tokens(text)?;
    let mut parser = Parser { text, tokens, next: 0, depth: 0, deepest: 0 };
    let statement = parser.statement()?;
    if parser.accept(";") {
        parser.expect_end("Unexpected token after semicolon. (Only one query is allowed.)")?;
    }
    parser.expect_end("Unexpected token after expression")?;
    Ok(statement)
}

/// The state of one call of [`parse`].
struct Parser<'a> {
    text: &'a str,
    /// Ends with [`TokenKind::End`].
    tokens: Vec<Token>,
    /// The number of the next token. It never passes the end.
    next: usize,
    /// How many expressions that are being parsed contain the next token.
    depth: usize,
    /// The height of the tree from its root to the deepest node within the expression being parsed.
    deepest: usize,
}

impl Parser<'_> {
    fn kind(&self) -> &TokenKind {
        &self.tokens[self.next].kind
    }

    /// The kind of the token that is `tokens` after the next one.
    fn kind_after(&self, tokens: usize) -> &TokenKind {
        self.tokens.get(self.next + tokens).map_or(&TokenKind::End, |token| &token.kind)
    }

    fn position(&self) -> Position {
        self.tokens[self.next].position
    }

    /// Steps over the next token.
    fn step(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len() - 1);
    }

    /// Whether the next token is this symbol.
    fn is(&self, symbol: &str) -> bool {
        matches!(self.kind(), TokenKind::Symbol(next) if *next == symbol)
    }

    /// Whether the next token is this keyword.
    fn is_keyword(&self, keyword: &str) -> bool {
        is_keyword(self.kind(), keyword)
    }

    /// Whether the next token is this word, which is not reserved.
    fn is_word(&self, word: &str) -> bool {
        is_word(self.kind(), word)
    }

    /// Takes this symbol, if it is next.
    fn accept(&mut self, symbol: &str) -> bool {
        let accepted = self.is(symbol);
        if accepted {
            self.step();
        }
        accepted
    }

    /// Takes this keyword, if it is next.
    fn accept_keyword(&mut self, keyword: &str) -> bool {
        let accepted = self.is_keyword(keyword);
        if accepted {
            self.step();
        }
        accepted
    }

    /// Takes this word, which is not reserved, if it is next.
    fn accept_word(&mut self, word: &str) -> bool {
        let accepted = self.is_word(word);
        if accepted {
            self.step();
        }
        accepted
    }

    fn expect(&mut self, symbol: &str) -> Result<(), PartiqlError> {
        if self.accept(symbol) {
            return Ok(());
        }
        Err(self.unexpected(&format!("Expected {symbol}")))
    }

    fn expect_keyword(&mut self, keyword: &str) -> Result<(), PartiqlError> {
        if self.accept_keyword(keyword) {
            return Ok(());
        }
        let keyword = keyword.to_uppercase();
        Err(PartiqlError::parser(
            self.position(),
            format_args!("expected keyword {keyword}, {}", self.kind().description()),
            &format!("Expected {keyword} keyword"),
        ))
    }

    fn expect_word(&mut self, word: &str) -> Result<(), PartiqlError> {
        if self.accept_word(word) {
            return Ok(());
        }
        Err(self.unexpected(&format!("Expected {word}")))
    }

    fn expect_end(&self, kind: &str) -> Result<(), PartiqlError> {
        match self.kind() {
            TokenKind::End => Ok(()),
            _ => Err(self.unexpected(kind)),
        }
    }

    /// A name that is not reserved, or any name between double quotes. The parts of a date are reserved in QLDB's list.
    /// They are taken as names all the same, because they mean something only between the parentheses of a function.
    fn identifier(&mut self, kind: &str) -> Result<Identifier, PartiqlError> {
        if is_date_part(self.kind()) {
            return self.any_identifier(kind);
        }
        let (TokenKind::Identifier(name) | TokenKind::QuotedIdentifier(name)) = self.kind() else {
            return Err(self.unexpected(kind));
        };
        let is_quoted = matches!(self.kind(), TokenKind::QuotedIdentifier(_));
        let identifier = Identifier { name: name.clone(), position: self.position(), is_quoted };
        self.step();
        Ok(identifier)
    }

    /// A name at a place where no keyword can stand, so that reserved words are names too. QLDB refused them. Taking
    /// them changes the meaning of no statement that QLDB took.
    fn any_identifier(&mut self, kind: &str) -> Result<Identifier, PartiqlError> {
        let Token { kind: TokenKind::Keyword(_), position, span } = &self.tokens[self.next] else {
            return self.identifier(kind);
        };
        let identifier =
            Identifier { name: self.text[span.clone()].to_owned(), position: *position, is_quoted: false };
        self.step();
        Ok(identifier)
    }

    /// One or more items with commas between them.
    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, PartiqlError>,
    ) -> Result<Vec<T>, PartiqlError> {
        let mut items = vec![item(self)?];
        while self.accept(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// The error of a token that cannot stand here.
    fn unexpected(&self, kind: &str) -> PartiqlError {
        self.error("unexpected token found", kind)
    }

    /// An error at the next token. Its text says what was found, the token, and the general message.
    fn error(&self, found: &str, kind: &str) -> PartiqlError {
        let found = format!("{found}, {}", self.kind().description());
        let error = PartiqlError::parser(self.position(), found, kind);
        match self.kind() {
            TokenKind::Keyword("natural") => error.with_hint(
                "documents have no declared fields that NATURAL JOIN could compare; write JOIN … USING (name, …) or \
                 JOIN … ON",
            ),
            TokenKind::Keyword(word) if keywords::is_unused(word) => {
                let word = &self.text[self.tokens[self.next].span.clone()];
                error.with_hint(format!("{word} is a reserved word; where it is a name write \"{word}\""))
            }
            _ => error,
        }
    }

    /// Parses a part one level deeper.
    fn deeper<T>(
        &mut self,
        part: impl FnOnce(&mut Self) -> Result<T, PartiqlError>,
    ) -> Result<T, PartiqlError> {
        // `deepest` counts for the part alone while it is parsed, because an operator after it may put a node above
        // it and so push down this part and none of its siblings.
        self.depth += 1;
        let outside = std::mem::replace(&mut self.deepest, self.depth);
        self.check_depth()?;
        let result = part(self)?;
        self.deepest = self.deepest.max(outside);
        self.depth -= 1;
        Ok(result)
    }

    /// Notes that a new node was put above everything that was parsed at this level.
    fn wrapped(&mut self) -> Result<(), PartiqlError> {
        self.deepest += 1;
        self.check_depth()
    }

    fn check_depth(&self) -> Result<(), PartiqlError> {
        if self.deepest <= MAX_DEPTH {
            return Ok(());
        }
        let Position { line, column } = self.position();
        Err(PartiqlError::limit(format!(
            "The statement is nested deeper than {MAX_DEPTH} levels at line {line}, column {column}"
        )))
    }
}

fn is_keyword(kind: &TokenKind, keyword: &str) -> bool {
    matches!(kind, TokenKind::Keyword(next) if *next == keyword)
}

/// Whether a token is a name at a place where a name may stand.
fn is_name(kind: &TokenKind) -> bool {
    matches!(kind, TokenKind::Identifier(_) | TokenKind::QuotedIdentifier(_)) || is_date_part(kind)
}

fn is_date_part(kind: &TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Keyword(
            "year" | "month" | "day" | "hour" | "minute" | "second" | "timezone_hour" | "timezone_minute"
        )
    )
}

fn is_word(kind: &TokenKind, word: &str) -> bool {
    matches!(kind, TokenKind::Identifier(next) if next.eq_ignore_ascii_case(word))
}

fn is_open(kind: &TokenKind) -> bool {
    matches!(kind, TokenKind::Symbol("("))
}
