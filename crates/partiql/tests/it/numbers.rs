//! Numbers of three kinds meet by one rule, and come back from the texts that CAST makes of them.

use std::time::{Duration, Instant};

use everstrand_ion::{Data, Document, Int, Value, text};
use everstrand_partiql::Options;
use everstrand_partiql::tables::{OnConflict, Tables};
use num_bigint::BigInt;
use proptest::prelude::*;

use crate::memory::MemoryTables;
use crate::statements::run;
use crate::values;

/// The value of an expression over parameters, or why there is none.
fn value_of(expression: &str, parameters: &[&Value]) -> Result<Value, String> {
    let parameters: Vec<Document> = parameters.iter().map(|value| Document::from(*value)).collect();
    let statement = format!("SELECT VALUE {expression} FROM <<0>>");
    let outcome = run(&mut MemoryTables::default(), &statement, &parameters, &Options::default());
    let outcome = outcome.map_err(|error| error.to_string())?;
    Ok(outcome.rows[0].to_value())
}

/// Its text without annotations.
fn plain(value: &Value) -> String {
    value.clone().with_annotations([]).to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    /// What is greater differs by more than nothing, also where a float meets a decimal.
    #[test]
    fn differences_agree_with_comparison(left in values::number(), right in values::number()) {
        let is_decimal = |value: &Value| matches!(value.data, Data::Decimal(_));
        let is_finite = |value: &Value| !matches!(value.data, Data::Float(float) if !float.is_finite());
        prop_assume!(is_decimal(&left) || is_decimal(&right));
        prop_assume!(is_finite(&left) && is_finite(&right));
        let greater = value_of("? > ?", &[&left, &right]);
        match value_of("? - ? > 0", &[&left, &right]) {
            Ok(by_difference) => prop_assert_eq!(greater, Ok(by_difference), "{} {}", left, right),
            Err(why) => prop_assert!(why.contains("exponent"), "{}", why),
        }
    }

    /// CAST to DECIMAL keeps the number that a comparison sees, to 38 digits.
    #[test]
    fn a_decimal_cast_from_a_number_equals_it(number in values::number()) {
        if let Ok(equal) = value_of("CAST(? AS DECIMAL) = ?", &[&number, &number]) {
            prop_assert_eq!(equal, Value::from(true), "{}", number);
        }
    }

    /// What CAST to STRING writes, CAST reads back: the same number, of the same kind and with the same zeros.
    #[test]
    fn texts_of_numbers_are_read_back(number in values::number()) {
        let kind = match &number.data {
            Data::Int(int) if int.as_i64().is_none() => return Ok(()),
            Data::Int(_) => "INT",
            Data::Float(_) => "FLOAT",
            Data::Decimal(decimal) if decimal.coefficient().decimal_digits() > 38 => return Ok(()),
            _ => "DECIMAL",
        };
        for blank in ["", " ", "\t"] {
            let expression = format!("CAST('{blank}' || CAST(? AS STRING) || '{blank}' AS {kind})");
            match value_of(&expression, &[&number]) {
                Ok(found) => prop_assert_eq!(plain(&found), plain(&number)),
                Err(why) => prop_assert!(why.contains("must lie within"), "{} {}", number, why),
            }
        }
    }
}

/// A text of many digits is read by the first of them, and is rounded as if all had been read.
#[test]
fn long_texts_of_numbers_are_read_fast_and_exactly() {
    let zeros = "0".repeat(1_000_000);
    let half = format!("1{}5", "0".repeat(37));
    for (text, expected) in [
        (format!("{half}{zeros}"), format!("1{}d1000001", "0".repeat(37))),
        (format!("{half}{zeros}1"), format!("1{}1d1000002", "0".repeat(36))),
        (format!("-0.{zeros}{half}{zeros}1"), format!("-1{}1d-1000038", "0".repeat(36))),
        (format!("{zeros}1.5"), "1.5".to_owned()),
        (format!("1.{zeros}e3"), format!("1000.{}", "0".repeat(34))),
    ] {
        let begun = Instant::now();
        let found = value_of("CAST(? AS DECIMAL)", &[&Value::from(text.as_str())]);
        assert_eq!(found.map(|value| value.to_string()), Ok(expected));
        let float = value_of("CAST(? AS FLOAT)", &[&Value::from(text.as_str())]);
        let nearest: f64 = text.parse().expect("a number");
        assert_eq!(float, Ok(Value::from(nearest)));
        assert!(begun.elapsed() < Duration::from_secs(5), "took {:?}", begun.elapsed());
    }
}

/// A number of a million digits can be stored and compared, which can be interrupted. It cannot be calculated with.
#[test]
fn long_numbers_are_compared_within_bounds() {
    let long = Value::from(Int::from(BigInt::from(1) << 3_400_000));
    let above = Value::from(Int::from((BigInt::from(1) << 3_400_000) + 1));
    assert_eq!(value_of("? < ?", &[&long, &above]), Ok(Value::from(true)));
    for expression in ["? + 1", "? / 2.5", "CAST(? AS STRING)", "CAST(? AS FLOAT)", "COLL_SUM([?, 1])"] {
        let refused = value_of(expression, &[&long]).expect_err(expression);
        assert!(refused.contains("more than 39,000 digits"), "{refused}");
    }
    let mut tables = MemoryTables::default();
    run(&mut tables, "CREATE TABLE t", &[], &Options::default()).expect("created");
    tables.interrupt_after = Some(3);
    let begun = Instant::now();
    let statement = "SELECT VALUE ? > 1.5 FROM <<0>>";
    let stopped = run(&mut tables, statement, &[Document::from(&long)], &Options::default()).err();
    assert!(stopped.is_some_and(|error| error.to_string().contains("stopped")));
    assert!(begun.elapsed() < Duration::from_secs(2), "took {:?}", begun.elapsed());
}

/// Documents of old journals may have an exponent that is refused on the way in: they are read as they are, and
/// can be changed.
#[test]
fn a_stored_exponent_that_is_no_longer_taken_is_read_as_it_is() {
    let mut tables = MemoryTables::default();
    let options = Options::default();
    run(&mut tables, "CREATE TABLE t", &[], &options).expect("create");
    run(&mut tables, "CREATE INDEX ON t (tiny)", &[], &options).expect("index");
    let table = tables.source("t", None).expect("answers").expect("a table");
    let document = Document::from(&text::read_one("{n: 1, tiny: 1d-2147483648}").expect("well formed"));
    tables.insert(&table, document, OnConflict::Refuse).expect("inserted").expect("an id");
    for (statement, expected) in [
        ("SELECT VALUE x.tiny FROM t AS x WHERE x.tiny > 0", "1d-2147483648"),
        ("SELECT VALUE x.tiny FROM t AS x ORDER BY x.tiny", "1d-2147483648"),
        ("UPDATE t SET n = 2, copy = tiny", "{documentId:\"document3\"}"),
        ("SELECT * FROM t", "{n:2,tiny:1d-2147483648,copy:1d-2147483648}"),
    ] {
        let rows = run(&mut tables, statement, &[], &options).expect(statement).rows;
        let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
        assert_eq!(rows.last().map(String::as_str), Some(expected), "{statement}");
    }
}
