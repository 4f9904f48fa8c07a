//! Evaluates expressions over rows. [`expression`] walks them. The other modules know what operators and functions do
//! with values; they know nothing about rows.

use std::borrow::Cow;

use crate::error::PartiqlError;
use crate::position::Position;

pub(crate) mod aggregate;
pub(crate) mod arithmetic;
pub(crate) mod cast;
pub(crate) mod context;
pub(crate) mod datetime;
pub(crate) mod expression;
pub(crate) mod format;
pub(crate) mod function;
pub(crate) mod like;
pub(crate) mod membership;
pub(crate) mod mistyped;
pub(crate) mod numeric;
pub(crate) mod operand;
pub(crate) mod operator;
pub(crate) mod path;
pub(crate) mod predicate;
pub(crate) mod scope;
pub(crate) mod text;

/// Why a function or an operator has no result.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It refuses its operands, with this text. The caller adds the place.
    Refused(Cow<'static, str>),
    /// It was interrupted, or its result is too large.
    Stopped(Box<PartiqlError>),
}

impl Fault {
    /// The error of the statement, with the place of the function or operator.
    pub(crate) fn at(self, position: Option<Position>) -> PartiqlError {
        match self {
            Fault::Refused(text) => PartiqlError::evaluator(position, text),
            Fault::Stopped(error) => *error,
        }
    }
}

impl From<&'static str> for Fault {
    fn from(text: &'static str) -> Fault {
        Fault::Refused(text.into())
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Fault {
        Fault::Refused(text.into())
    }
}

impl From<PartiqlError> for Fault {
    fn from(error: PartiqlError) -> Fault {
        Fault::Stopped(Box::new(error))
    }
}
