//! Why a statement did not parse, resolve or run.
//!
//! The texts are those of QLDB's reference parser if they are known, as in
//! `Semantic Error: at line 1, column 13: No such variable named 'x'; No such variable named 'x'`: the category, the
//! position, what was found, and the general message of this kind of error.

use std::convert::Infallible;
use std::fmt;

use crate::position::Position;
use crate::tables::TablesError;

/// Why a statement failed.
#[derive(Debug)]
pub struct PartiqlError {
    category: Category,
    code: Option<&'static str>,
    position: Option<Position>,
    message: String,
    hint: Option<String>,
    failure: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Which stage refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// The text is not made of tokens.
    Lexer,
    /// The tokens are not a statement.
    Parser,
    /// The statement names or combines what it may not.
    Semantic,
    /// A value was not what an operation needs.
    Evaluator,
    /// Anything else that the author of the statement must change. The text has no category and no position.
    Statement,
    /// A bound was reached. The text names it.
    Limit,
    /// A bound was reached that all transactions share. The same statement may run later.
    Capacity,
    /// The tables failed. The author of the statement can do nothing about it.
    Tables,
}

impl PartiqlError {
    /// An error that the lexer found.
    pub fn lexer(position: Position, found: impl fmt::Display, kind: &str) -> PartiqlError {
        PartiqlError::located(Category::Lexer, Some(position), found, kind)
    }

    /// An error that the parser found.
    pub fn parser(position: Position, found: impl fmt::Display, kind: &str) -> PartiqlError {
        PartiqlError::located(Category::Parser, Some(position), found, kind)
    }

    /// A name or a combination that is not allowed. The text is said twice, as QLDB does.
    pub fn semantic(position: Option<Position>, message: impl fmt::Display) -> PartiqlError {
        let message = message.to_string();
        PartiqlError::located(Category::Semantic, position, &message, &message)
    }

    /// A combination that is not allowed and for which no text of QLDB is known. The text is said once.
    pub fn refused(position: Position, message: impl fmt::Display) -> PartiqlError {
        PartiqlError {
            category: Category::Semantic,
            code: Some("432"),
            position: Some(position),
            message: message.to_string(),
            hint: None,
            failure: None,
        }
    }

    /// A value that an operation cannot take. The text is said twice, as QLDB does.
    pub fn evaluator(position: Option<Position>, message: impl fmt::Display) -> PartiqlError {
        let message = message.to_string();
        PartiqlError::located(Category::Evaluator, position, &message, &message)
    }

    /// An error of any category whose two halves differ.
    pub fn located(
        category: Category,
        position: Option<Position>,
        found: impl fmt::Display,
        kind: &str,
    ) -> PartiqlError {
        let code = (category == Category::Semantic).then_some("432");
        PartiqlError {
            category,
            code,
            position,
            message: format!("{found}; {kind}"),
            hint: None,
            failure: None,
        }
    }

    /// An error of the statement as a whole, with QLDB's code where one is known.
    pub fn statement(code: Option<&'static str>, message: impl Into<String>) -> PartiqlError {
        PartiqlError {
            category: Category::Statement,
            code,
            position: None,
            message: message.into(),
            hint: None,
            failure: None,
        }
    }

    /// A bound was reached.
    pub fn limit(message: impl Into<String>) -> PartiqlError {
        PartiqlError { category: Category::Limit, ..PartiqlError::statement(None, message) }
    }

    /// A bound was reached that all transactions share.
    pub fn capacity(message: impl Into<String>) -> PartiqlError {
        PartiqlError { category: Category::Capacity, ..PartiqlError::statement(None, message) }
    }

    /// The same error with a hint to what the author may have meant. The hint is no part of QLDB's text.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> PartiqlError {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with its hint, if it has one, at the end of the text.
    pub fn with_hint_shown(mut self) -> PartiqlError {
        if let Some(hint) = self.hint.take() {
            self.message = format!("{}; {hint}", self.message);
        }
        self
    }

    /// Which stage refused.
    pub fn category(&self) -> Category {
        self.category
    }

    /// QLDB's code: `412` if a table or an index exists already, `432` for semantic errors.
    pub fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// The position in the statement, if it is known.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// What is wrong, without category and position.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The failure of the tables, unchanged. Any other error comes back.
    pub fn into_tables_failure(mut self) -> Result<Box<dyn std::error::Error + Send + Sync>, PartiqlError> {
        self.failure.take().ok_or(self)
    }
}

impl fmt::Display for PartiqlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let category = match self.category {
            Category::Lexer => "Lexer Error",
            Category::Parser => "Parser Error",
            Category::Semantic => "Semantic Error",
            Category::Evaluator => "Evaluator Error",
            Category::Statement | Category::Limit | Category::Capacity | Category::Tables => {
                return formatter.write_str(&self.message);
            }
        };
        match self.position {
            Some(Position { line, column }) => {
                write!(formatter, "{category}: at line {line}, column {column}: {}", self.message)
            }
            None => write!(formatter, "{category}: at line <UNKNOWN>, column <UNKNOWN>: {}", self.message),
        }
    }
}

impl std::error::Error for PartiqlError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.failure.as_ref().map(|failure| &**failure as &(dyn std::error::Error + 'static))
    }
}

impl From<Infallible> for PartiqlError {
    fn from(never: Infallible) -> PartiqlError {
        match never {}
    }
}

impl From<TablesError> for PartiqlError {
    fn from(error: TablesError) -> PartiqlError {
        match error {
            TablesError::Refused { code, message } => PartiqlError::statement(code, message),
            TablesError::Failed(failure) => PartiqlError {
                category: Category::Tables,
                code: None,
                position: None,
                message: failure.to_string(),
                hint: None,
                failure: Some(failure),
            },
        }
    }
}
