//! Parses statements: DML, stored procedures, EXPLAIN.

use everstrand_ion::{Data, Value};

use super::{Parser, is_word};
use crate::ast::{
    ConflictAction, Expression, FromClause, FromSource, FromTerm, Identifier, Join, Modify, ModifyForm,
    Operation, PathStep, SimplePath, SimpleStep, Statement, Variable,
};
use crate::error::PartiqlError;
use crate::lexer::TokenKind;
use crate::position::Position;

impl Parser<'_> {
    /// A statement. Its first token decides which.
    pub(super) fn statement(&mut self) -> Result<Statement, PartiqlError> {
        let position = self.position();
        if self.is_word("explain") {
            let is_analyze = is_word(self.kind_after(1), "analyze");
            let first = if is_analyze { 2 } else { 1 };
            if self.begins_statement(first) || self.opens_query(first) {
                self.step();
                let analyze = if is_analyze { Some(self.identifier("Unexpected term")?) } else { None };
                let statement = Box::new(self.plain_statement()?);
                return Ok(Statement::Explain { statement, analyze, position });
            }
        }
        self.plain_statement()
    }

    /// Whether the token that is `after` tokens after the next one is the first word of a statement.
    fn begins_statement(&self, after: usize) -> bool {
        matches!(
            self.kind_after(after),
            TokenKind::Keyword(
                "select"
                    | "pivot"
                    | "with"
                    | "insert"
                    | "update"
                    | "delete"
                    | "from"
                    | "create"
                    | "drop"
                    | "undrop"
                    | "exec"
            )
        )
    }

    /// Whether parentheses come after so many tokens, and the first word of a query in them.
    fn opens_query(&self, mut after: usize) -> bool {
        let first = after;
        while matches!(self.kind_after(after), TokenKind::Symbol("(")) {
            after += 1;
        }
        after > first && self.begins_query(after)
    }

    /// Any statement but EXPLAIN.
    fn plain_statement(&mut self) -> Result<Statement, PartiqlError> {
        match self.kind() {
            TokenKind::Keyword("create") => self.create(),
            TokenKind::Keyword("drop") => self.drop(),
            TokenKind::Keyword("undrop") => self.undrop(),
            TokenKind::Keyword("insert") => {
                let (target, insertion) = self.insert()?;
                let on_conflict = self.on_conflict()?;
                Ok(Statement::Insert { target, insertion, on_conflict })
            }
            TokenKind::Keyword("update") => self.update(),
            TokenKind::Keyword("delete") => self.delete(),
            TokenKind::Keyword("from") => self.modify_from(),
            TokenKind::Keyword("exec") => self.exec(),
            TokenKind::End => Err(self.unexpected("Expected a statement")),
            _ => Ok(Statement::Query(self.expression_or_query()?)),
        }
    }

    fn on_conflict(&mut self) -> Result<Option<ConflictAction>, PartiqlError> {
        let position = self.position();
        if !self.accept_keyword("on") {
            return Ok(None);
        }
        self.expect_word("conflict")?;
        self.expect_word("do")?;
        let replace = self.accept_word("replace");
        if !replace {
            self.expect_word("nothing")?;
        }
        Ok(Some(ConflictAction { replace, position }))
    }

    fn update(&mut self) -> Result<Statement, PartiqlError> {
        self.step();
        let from = self.single_source()?;
        let operation = self.operation()?;
        let condition = self.condition("where")?;
        Ok(Statement::Modify(Box::new(Modify { form: ModifyForm::Update, from, condition, operation })))
    }

    fn delete(&mut self) -> Result<Statement, PartiqlError> {
        self.step();
        self.expect_keyword("from")?;
        let from = self.single_source()?;
        let condition = self.condition("where")?;
        Ok(Statement::Modify(Box::new(Modify {
            form: ModifyForm::Delete,
            from,
            condition,
            operation: Operation::Delete,
        })))
    }

    fn modify_from(&mut self) -> Result<Statement, PartiqlError> {
        self.step();
        let from = self.sources()?;
        let condition = self.condition("where")?;
        let operation = self.operation()?;
        Ok(Statement::Modify(Box::new(Modify { form: ModifyForm::From, from, condition, operation })))
    }

    /// The one source of UPDATE and DELETE: a path with its names.
    fn single_source(&mut self) -> Result<FromClause, PartiqlError> {
        let position = self.position();
        let SimplePath { root, steps } = self.simple_path()?;
        let root = Expression::Variable(Variable { name: root, local: false });
        let value = if steps.is_empty() {
            root
        } else {
            let steps = steps.into_iter().map(|step| path_step(step, position)).collect();
            Expression::Path { root: Box::new(root), steps }
        };
        let item = self.source_item(value, None, position)?;
        let source = FromSource::Item(Box::new(item));
        let term = FromTerm { join: Join::Comma, source, condition: None, using: None, position };
        Ok(FromClause { terms: vec![term] })
    }

    fn operation(&mut self) -> Result<Operation, PartiqlError> {
        match self.kind() {
            TokenKind::Keyword("set") => {
                self.step();
                Ok(Operation::Set(self.list(|parser| {
                    let target = parser.target()?;
                    if !parser.accept("=") {
                        return Err(parser.error("expected assignment for SET", "Expected '=' for SET"));
                    }
                    Ok((target, parser.expression()?))
                })?))
            }
            TokenKind::Keyword("insert") => {
                let (target, insertion) = self.insert()?;
                Ok(Operation::Insert { target, insertion })
            }
            TokenKind::Keyword("remove") => {
                self.step();
                Ok(Operation::Remove(self.target()?))
            }
            _ => Err(self
                .error("expected DML or SELECT operation after FROM", "Expected SET, INSERT INTO or REMOVE")),
        }
    }

    /// A path of names and literal steps.
    pub(super) fn simple_path(&mut self) -> Result<SimplePath, PartiqlError> {
        let root = self.identifier("Expected identifier for simple path")?;
        self.simple_path_below(root)
    }

    /// The target of SET or REMOVE. No keyword can stand here, so that reserved words are names.
    fn target(&mut self) -> Result<SimplePath, PartiqlError> {
        let root = self.any_identifier("Expected identifier for simple path")?;
        self.simple_path_below(root)
    }

    fn simple_path_below(&mut self, root: Identifier) -> Result<SimplePath, PartiqlError> {
        let mut steps = Vec::new();
        loop {
            if self.accept(".") {
                steps.push(SimpleStep::Field(self.path_component()?.name));
            } else if let Some(step) = self.literal_step() {
                steps.push(step);
                (0..3).for_each(|_| self.step());
            } else {
                return Ok(SimplePath { root, steps });
            }
        }
    }

    /// `['name']` or `[n]`, if it comes next. Any other bracket is no step: after INSERT INTO it begins a list of
    /// documents.
    fn literal_step(&self) -> Option<SimpleStep> {
        let (TokenKind::Symbol("["), TokenKind::Literal(value), TokenKind::Symbol("]")) =
            (self.kind(), self.kind_after(1), self.kind_after(2))
        else {
            return None;
        };
        match &value.data {
            Data::String(name) => Some(SimpleStep::Field(name.clone())),
            Data::Int(index) => index.as_u64().map(SimpleStep::Index),
            _ => None,
        }
    }

    fn exec(&mut self) -> Result<Statement, PartiqlError> {
        self.step();
        if !matches!(self.kind(), TokenKind::Identifier(_) | TokenKind::QuotedIdentifier(_)) {
            return Err(self.error("No stored procedure provided", "No stored procedure provided"));
        }
        let procedure = self.identifier("No stored procedure provided")?;
        if self.is("(") {
            return Err(self.unexpected("Unexpected ( after the name of a stored procedure"));
        }
        let arguments = match self.kind() {
            TokenKind::End | TokenKind::Symbol(";") => Vec::new(),
            _ if self.begins_query(0) => {
                return Err(self.error("unexpected keyword found", "Unexpected keyword"));
            }
            _ => self.list(Self::expression)?,
        };
        Ok(Statement::Exec { procedure, arguments })
    }
}

fn path_step(step: SimpleStep, position: Position) -> PathStep {
    match step {
        SimpleStep::Field(name) => PathStep::Field(name.into()),
        SimpleStep::Index(index) => {
            PathStep::Index(Box::new(Expression::Literal { value: Value::from(index), position }))
        }
    }
}
