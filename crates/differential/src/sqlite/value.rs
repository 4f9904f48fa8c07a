//! Values that both engines have, and answers in a form in which equal answers are the same text.

use std::fmt;

use everstrand_ion::{Decimal, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Decimal,
    Text,
    Bool,
}

pub(crate) const KINDS: [Kind; 4] = [Kind::Int, Kind::Decimal, Kind::Text, Kind::Bool];

/// A value of a column, a literal or a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Int(i64),
    /// A decimal here and a float in SQLite. Its fraction is a few binary digits, which both hold exactly.
    Decimal(f64),
    Text(String),
    Bool(bool),
}

impl fmt::Display for Scalar {
    /// As a literal, which is the same text in both languages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Null => write!(f, "NULL"),
            Scalar::Int(number) => write!(f, "{number}"),
            Scalar::Decimal(number) => write!(f, "{}", decimal(*number)),
            Scalar::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Scalar::Bool(value) => write!(f, "{value}"),
        }
    }
}

/// With a fraction, so that it is read as a decimal.
fn decimal(number: f64) -> String {
    let digits = number.to_string();
    if digits.contains('.') { digits } else { digits + ".0" }
}

impl Scalar {
    pub(crate) fn to_ion(&self) -> Value {
        match self {
            Scalar::Null => Value::null(),
            Scalar::Int(number) => Value::from(*number),
            Scalar::Decimal(number) => Value::from(decimal(*number).parse::<Decimal>().expect("a decimal")),
            Scalar::Text(text) => Value::from(text.as_str()),
            Scalar::Bool(value) => Value::from(*value),
        }
    }
}

impl rusqlite::ToSql for Scalar {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Scalar::Null => rusqlite::types::Null.to_sql(),
            Scalar::Int(number) => number.to_sql(),
            Scalar::Decimal(number) => number.to_sql(),
            Scalar::Text(text) => text.to_sql(),
            Scalar::Bool(value) => value.to_sql(),
        }
    }
}

/// Nine digits of a number: averages and quotients are rounded differently after the fifteenth.
fn number(number: f64) -> String {
    // Adding zero takes the sign from a negative zero.
    format!("{:.8e}", number + 0.0)
}

/// A value of Everstrand as the common form: NULL and an absent field are the same, and so are TRUE and 1.
pub(crate) fn of_ion(value: Option<&Value>) -> String {
    let Some(value) = value.filter(|value| !value.is_null()) else { return "NULL".to_owned() };
    if let Some(value) = value.as_bool() {
        return number(f64::from(u8::from(value)));
    }
    if let Some(text) = value.as_text() {
        return format!("{text:?}");
    }
    // A decimal's exponent is written with a `d` in Ion.
    match value.to_string().replace('d', "e").parse::<f64>() {
        Ok(parsed) => number(parsed),
        Err(_) => value.to_string(),
    }
}

/// A value as SQLite answers it.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Cell {
        match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Int(number),
            ValueRef::Real(number) => Cell::Real(number),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                Cell::Text(String::from_utf8_lossy(bytes).into_owned())
            }
        }
    }
}

impl Cell {
    /// As a value of a column of this kind.
    pub(crate) fn scalar(self, kind: Kind) -> Scalar {
        match self {
            Cell::Null => Scalar::Null,
            Cell::Int(number) if kind == Kind::Bool => Scalar::Bool(number != 0),
            Cell::Int(number) => Scalar::Int(number),
            Cell::Real(number) => Scalar::Decimal(number),
            Cell::Text(text) => Scalar::Text(text),
        }
    }

    /// The common form.
    pub(crate) fn shown(&self) -> String {
        match self {
            Cell::Null => "NULL".to_owned(),
            #[expect(clippy::cast_precision_loss, reason = "the values are small")]
            Cell::Int(integer) => number(*integer as f64),
            Cell::Real(real) => number(*real),
            Cell::Text(text) => format!("{text:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use everstrand_ion::text;
    use rusqlite::types::ValueRef;

    use super::{Cell, Scalar, of_ion};

    #[test]
    fn equal_values_are_the_same_text() {
        for (ion, sqlite) in [
            ("1", ValueRef::Integer(1)),
            ("true", ValueRef::Integer(1)),
            ("-0.", ValueRef::Real(0.0)),
            ("12.50", ValueRef::Real(12.5)),
            ("125d-1", ValueRef::Real(12.5)),
            ("3.333333333333333333333333333333333333", ValueRef::Real(10.0 / 3.0)),
            ("\"a\"", ValueRef::Text(b"a")),
            ("null", ValueRef::Null),
        ] {
            assert_eq!(of_ion(Some(&text::read_one(ion).unwrap())), Cell::from(sqlite).shown(), "{ion}");
        }
        assert_eq!(of_ion(None), Cell::Null.shown());
        assert_ne!(of_ion(Some(&text::read_one("\"1\"").unwrap())), Cell::Int(1).shown());
    }

    #[test]
    fn decimals_are_written_with_a_fraction() {
        let texts = [-1.25, 0.0, 100.0, 0.0625].map(|number| Scalar::Decimal(number).to_string());
        assert_eq!(texts, ["-1.25", "0.0", "100.0", "0.0625"]);
        assert_eq!(Scalar::Decimal(-1.25).to_ion().to_string(), "-1.25");
    }
}
