//! The functions by name, and how many arguments each takes.

use std::ops::RangeInclusive;

use crate::ast::{AggregateFunction, Identifier};
use crate::error::PartiqlError;
use crate::plan::Function;

/// The function of this name, when it takes so many arguments.
pub(super) fn function(name: &Identifier, arguments: usize) -> Result<Function, PartiqlError> {
    let (function, expected): (Function, RangeInclusive<usize>) =
        match name.name.to_ascii_lowercase().as_str() {
            "coalesce" => (Function::Coalesce, 1..=usize::MAX),
            "exists" => (Function::Exists, 1..=1),
            "nullif" => (Function::NullIf, 2..=2),
            "utcnow" => (Function::UtcNow, 0..=0),
            "txid" => (Function::TxId, 0..=0),
            "char_length" | "character_length" => (Function::CharLength, 1..=1),
            "lower" => (Function::Lower, 1..=1),
            "upper" => (Function::Upper, 1..=1),
            "substring" => (Function::Substring, 2..=3),
            "size" => (Function::Size, 1..=1),
            "to_string" => (Function::ToString, 2..=2),
            "to_timestamp" => (Function::ToTimestamp, 1..=2),
            "coll_avg" => (collection(AggregateFunction::Avg), 1..=1),
            "coll_count" => (collection(AggregateFunction::Count), 1..=1),
            "coll_max" => (collection(AggregateFunction::Max), 1..=1),
            "coll_min" => (collection(AggregateFunction::Min), 1..=1),
            "coll_sum" => (collection(AggregateFunction::Sum), 1..=1),
            _ => {
                return Err(PartiqlError::evaluator(
                    Some(name.position),
                    format_args!("No such function: {}", name.name),
                ));
            }
        };
    if expected.contains(&arguments) {
        return Ok(function);
    }
    let takes = match (*expected.start(), *expected.end()) {
        (least, most) if least == most => format!("exactly {least}"),
        (least, usize::MAX) => format!("at least {least}"),
        (least, most) => format!("between {least} and {most}"),
    };
    Err(PartiqlError::located(
        crate::error::Category::Evaluator,
        Some(name.position),
        format_args!("{} takes {takes} arguments, received: {arguments}", name.name),
        "Incorrect number of arguments to function call",
    ))
}

fn collection(function: AggregateFunction) -> Function {
    Function::Collection { function, distinct: false }
}
