//! Expressions over rows. [`expression`] walks them; the other modules know what operators and
//! functions do with values, and nothing of rows.

use std::borrow::Cow;

pub(crate) mod aggregate;
pub(crate) mod arithmetic;
pub(crate) mod cast;
pub(crate) mod datetime;
pub(crate) mod expression;
pub(crate) mod format;
pub(crate) mod function;
pub(crate) mod like;
pub(crate) mod membership;
pub(crate) mod mistyped;
pub(crate) mod operand;
pub(crate) mod path;
pub(crate) mod text;

/// Why a function or an operator refuses its operands: a text to which the caller adds the place.
pub(crate) type Fault = Cow<'static, str>;
