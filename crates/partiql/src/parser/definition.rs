//! Parses definitions: CREATE and DROP of tables and indexes.
//!
//! `IF` is no reserved word. It is one here only before `EXISTS` or `NOT`, where QLDB's grammar had no such word.

use super::{Parser, is_keyword};
use crate::ast::{Extension, Identifier, Statement};
use crate::error::PartiqlError;
use crate::lexer::TokenKind;
use crate::position::Position;

/// The general message of a token that QLDB did not expect after a statement.
pub(super) const AFTER_STATEMENT: &str = "Unexpected token after expression";

impl Parser<'_> {
    /// CREATE comes next.
    pub(super) fn create(&mut self) -> Result<Statement, PartiqlError> {
        self.step();
        let position = self.position();
        if self.accept_keyword("table") {
            return self.create_table();
        }
        let unique = self.accept_keyword("unique");
        if !self.accept_keyword("index") {
            return Err(self.unexpected("Expected TABLE or INDEX after CREATE"));
        }
        self.create_index(unique, position)
    }

    fn create_table(&mut self) -> Result<Statement, PartiqlError> {
        let if_not_exists = self.if_not_exists_follows().then(|| {
            self.step();
            let extension = self.extension(AFTER_STATEMENT);
            self.step();
            extension
        });
        if if_not_exists.is_some() {
            self.expect_keyword("exists")?;
        }
        let name = self.identifier("Expected identifier")?;
        let options = if self.accept_keyword("with") {
            self.expect("(")?;
            let options = self.list(|parser| {
                let option = parser.identifier("Expected an option")?;
                parser.expect("=")?;
                Ok((option, parser.expression()?))
            })?;
            self.expect(")")?;
            options
        } else {
            Vec::new()
        };
        Ok(Statement::CreateTable { name, options, if_not_exists })
    }

    fn create_index(&mut self, unique: bool, position: Position) -> Result<Statement, PartiqlError> {
        let extension = (!self.is_keyword("on")).then(|| self.extension_before("ON"));
        let if_not_exists = self.if_not_exists_follows();
        if if_not_exists {
            self.step();
            self.step();
            self.expect_keyword("exists")?;
        }
        let name = match self.kind() {
            TokenKind::Identifier(_) | TokenKind::QuotedIdentifier(_) => {
                Some(self.identifier("Expected the name of an index")?)
            }
            _ => None,
        };
        self.expect_keyword("on")?;
        let table = self.identifier("Expected identifier")?;
        self.expect("(")?;
        let paths = self.list(|parser| {
            let mut path = vec![parser.any_identifier("Expected a path")?];
            while parser.accept(".") {
                path.push(parser.path_component()?);
            }
            Ok(path)
        })?;
        self.expect(")")?;
        Ok(Statement::CreateIndex { name, if_not_exists, extension, table, paths, unique, position })
    }

    /// DROP comes next.
    pub(super) fn drop(&mut self) -> Result<Statement, PartiqlError> {
        self.step();
        if self.accept_keyword("table") {
            let before = self.if_exists(1, |parser| parser.extension(AFTER_STATEMENT))?;
            let name = self.identifier("Expected identifier")?;
            let after = self.if_exists(0, |parser| parser.extension(AFTER_STATEMENT))?;
            return Ok(Statement::DropTable { name, if_exists: before.or(after) });
        }
        if !self.accept_keyword("index") {
            return Err(self.unexpected("Expected TABLE or INDEX after DROP"));
        }
        self.drop_index()
    }

    fn drop_index(&mut self) -> Result<Statement, PartiqlError> {
        let before = self.if_exists(1, |parser| parser.extension_before("ON"))?;
        let index = self.identifier("Expected an index id")?;
        let after = self.if_exists(0, |parser| parser.extension_before("ON"))?;
        let mut if_exists = before.is_some() || after.is_some();
        let mut extension = before.or(after);
        let table = match self.accept_keyword("on") {
            true => Some(self.identifier("Expected identifier")?),
            false => {
                extension = extension.or_else(|| Some(self.extension_before("ON")));
                None
            }
        };
        if table.is_some() && self.accept_keyword("with") {
            self.purge()?;
        } else if table.is_some() {
            extension = extension.or_else(|| Some(self.extension_before("WITH")));
        }
        if let Some(last) = self.if_exists(0, |parser| parser.extension(AFTER_STATEMENT))? {
            if_exists = true;
            extension = extension.or(Some(last));
        }
        Ok(Statement::DropIndex { index, table, if_exists, extension })
    }

    /// `(purge = true)`
    fn purge(&mut self) -> Result<(), PartiqlError> {
        self.expect("(")?;
        // QLDB compared this word alone with its case.
        if !matches!(self.kind(), TokenKind::Identifier(word) if word == "purge") {
            return Err(self.unexpected("Expected purge = true"));
        }
        self.step();
        self.expect("=")?;
        self.expect_keyword("true")?;
        self.expect(")")
    }

    /// UNDROP comes next.
    pub(super) fn undrop(&mut self) -> Result<Statement, PartiqlError> {
        self.step();
        self.expect_keyword("table")?;
        Ok(Statement::UndropTable { table_id: self.identifier("Expected a table id")? })
    }

    fn if_not_exists_follows(&self) -> bool {
        self.is_word("if") && is_keyword(self.kind_after(1), "not")
    }

    /// Takes `IF EXISTS`, if it comes next. QLDB's error is the one that `refused` makes `at` tokens after `IF`.
    fn if_exists(
        &mut self,
        at: usize,
        refused: impl FnOnce(&Self) -> Extension,
    ) -> Result<Option<Extension>, PartiqlError> {
        if !self.is_word("if") || !is_keyword(self.kind_after(1), "exists") {
            return Ok(None);
        }
        (0..at).for_each(|_| self.step());
        let extension = refused(self);
        (at..2).for_each(|_| self.step());
        Ok(Some(extension))
    }

    /// The next token as one that QLDB's grammar did not have here.
    pub(super) fn extension(&self, kind: &str) -> Extension {
        let found = format!("unexpected token found, {}", self.kind().description());
        Extension { position: self.position(), found, kind: kind.to_owned() }
    }

    /// The next token as one that stands where QLDB's grammar had a keyword.
    fn extension_before(&self, keyword: &str) -> Extension {
        let found = format!("expected keyword {keyword}, {}", self.kind().description());
        Extension { position: self.position(), found, kind: format!("Expected {keyword} keyword") }
    }

    /// `(name, …)` before VALUES or a query, if they come next: the fields that INSERT fills.
    pub(super) fn columns(&mut self) -> Result<Option<Vec<Identifier>>, PartiqlError> {
        if !self.columns_follow() {
            return Ok(None);
        }
        self.expect("(")?;
        let columns = self.list(|parser| parser.any_identifier("Expected the name of a field"))?;
        self.expect(")")?;
        Ok(Some(columns))
    }

    fn columns_follow(&self) -> bool {
        if !self.is("(") {
            return false;
        }
        let mut at = 1;
        loop {
            let is_column = matches!(
                self.kind_after(at),
                TokenKind::Identifier(_) | TokenKind::QuotedIdentifier(_) | TokenKind::Keyword(_)
            );
            match self.kind_after(at + 1) {
                TokenKind::Symbol(",") if is_column => at += 2,
                TokenKind::Symbol(")") if is_column => break,
                _ => return false,
            }
        }
        at += 2;
        while matches!(self.kind_after(at), TokenKind::Symbol("(")) {
            at += 1;
        }
        matches!(self.kind_after(at), TokenKind::Keyword("values")) || self.begins_query(at)
    }
}
