//! What an operation does with a value of a type that it cannot take.
//!
//! QLDB's reference evaluator refused the statement. PartiQL's permissive mode makes the result MISSING. A query with
//! extensions follows PartiQL, so that one odd document does not fail it. In a value that is written a type error fails
//! the statement, because MISSING would silently take a value away. In the argument of an aggregate it fails too,
//! because the result would look right and be wrong.

use crate::datum::Datum;
use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::eval::Fault;

/// Whether a type error fails the statement, or makes MISSING.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TypeErrors {
    /// Whether the statement runs without extensions.
    pub(crate) strict: bool,
    /// Whether the value that is computed now will be written, or taken in by an aggregate.
    pub(crate) refused: bool,
    /// Whether the value that is computed now is what SET or INSERT writes, outside of any nested query.
    pub(crate) written: bool,
}

impl TypeErrors {
    /// The result of arithmetic over an operand that is neither a number nor unknown.
    pub(crate) fn not_a_number(self, operand: ValueRef<'_>) -> Result<Datum, Fault> {
        if self.strict { Err(expected("number", operand)) } else { self.of(|| expected("number", operand)) }
    }

    /// The result of any other operation over a value that it cannot take. It is MISSING in strict queries too, because
    /// no working application of QLDB depended on the error.
    pub(crate) fn of(self, fault: impl FnOnce() -> Fault) -> Result<Datum, Fault> {
        if self.refused { Err(fault()) } else { Ok(Datum::Missing) }
    }
}

/// The truth of a condition, or of an operand of AND, OR and NOT. `None` if it is NULL or MISSING. Any other value is
/// refused in every mode, because taking it for FALSE or unknown would only make rows vanish.
pub(crate) fn truth(value: ValueRef<'_>) -> Result<Option<bool>, Fault> {
    match value.kind() {
        ValueKind::Bool(truth) => Ok(Some(truth)),
        ValueKind::Missing | ValueKind::Null => Ok(None),
        _ => Err(expected("boolean", value)),
    }
}

/// The error text of the reference evaluator, with the type of the value instead of the value.
pub(crate) fn expected(what: &str, found: ValueRef<'_>) -> Fault {
    format!("Expected {what}: {}", found.type_name()).into()
}

/// The error of a field whose name is no text.
pub(crate) fn not_a_name(name: ValueRef<'_>) -> Fault {
    let found = name.type_name();
    format!("Expected text for the name of a field: {found}; write {{'name': value}}").into()
}
