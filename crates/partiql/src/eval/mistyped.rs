//! What becomes of a value whose type an operation cannot take.
//!
//! QLDB's reference evaluator refused the statement; PartiQL's permissive mode makes the result MISSING.
//! A query with extensions follows PartiQL, so that one odd document does not fail it. What is written
//! is refused, because a MISSING that came of a type error would silently take a value away; so is what
//! an aggregate takes in, because its result would be wrong and look right.

use crate::datum::Datum;
use crate::eval::Fault;
use crate::value_ref::{ValueKind, ValueRef};

/// Whether a type error fails the statement or makes MISSING.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TypeErrors {
    /// Whether the statement runs without extensions.
    pub(crate) strict: bool,
    /// Whether what is computed now will be written, or taken in by an aggregate.
    pub(crate) refused: bool,
}

impl TypeErrors {
    /// Arithmetic met an operand that is neither a number nor unknown.
    pub(crate) fn not_a_number(self, operand: ValueRef<'_>) -> Result<Datum, Fault> {
        if self.strict { Err(expected("number", operand)) } else { self.of(|| expected("number", operand)) }
    }

    /// Any other operation met a value that it cannot take. These are MISSING in strict queries, too:
    /// a working application of QLDB had no use for the error.
    pub(crate) fn of(self, fault: impl FnOnce() -> Fault) -> Result<Datum, Fault> {
        if self.refused { Err(fault()) } else { Ok(Datum::Missing) }
    }
}

/// The truth of a condition or of an operand of AND, OR and NOT: `None` where it is NULL or MISSING. What
/// is no boolean is refused in every mode, because as FALSE or unknown it would only make rows vanish.
pub(crate) fn truth(value: ValueRef<'_>) -> Result<Option<bool>, Fault> {
    match value.kind() {
        ValueKind::Bool(truth) => Ok(Some(truth)),
        ValueKind::Missing | ValueKind::Null => Ok(None),
        _ => Err(expected("boolean", value)),
    }
}

/// The text of the reference, which said the value where we say its type.
pub(crate) fn expected(what: &str, found: ValueRef<'_>) -> Fault {
    format!("Expected {what}: {}", found.type_name()).into()
}

/// Why a struct cannot have a field of this name.
pub(crate) fn not_a_name(name: ValueRef<'_>) -> Fault {
    let found = name.type_name();
    format!("Expected text for the name of a field: {found}; write {{'name': value}}").into()
}
