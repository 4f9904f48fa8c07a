//! Strategies for random Ion values.

use everstrand_ion::{
    Data, Decimal, Int, IonType, Precision, Struct, Symbol, Timestamp, TimestampFields, Value,
};
use num_bigint::BigInt;
use proptest::collection::vec;
use proptest::prelude::*;

/// Any value, with some levels of containers.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = annotated(scalar());
    leaf.prop_recursive(5, 64, 8, |inner| {
        let container = prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Data::List),
            vec(inner.clone(), 0..8).prop_map(Data::Sexp),
            vec((symbol(), inner), 0..8).prop_map(|fields| Data::Struct(Struct::new(fields))),
        ];
        annotated(container)
    })
    .prop_filter("readers take these for something else", |value| {
        let is_definition = value.annotations().first().is_some_and(|first| *first == *"$ion_symbol_table");
        let is_marker = matches!(&value.data, Data::Symbol(symbol) if *symbol == *"$ion_1_0");
        !is_definition && !is_marker
    })
}

fn annotated(data: impl Strategy<Value = Data>) -> impl Strategy<Value = Value> {
    let annotations = prop_oneof![4 => Just(Vec::new()), 1 => vec(symbol(), 1..3)];
    (annotations, data).prop_map(|(annotations, data)| Value::new(data).with_annotations(annotations))
}

fn scalar() -> impl Strategy<Value = Data> {
    prop_oneof![
        ion_type().prop_map(Data::Null),
        any::<bool>().prop_map(Data::Bool),
        int().prop_map(Data::Int),
        float().prop_map(Data::Float),
        decimal().prop_map(Data::Decimal),
        timestamp().prop_map(Data::Timestamp),
        symbol().prop_map(Data::Symbol),
        string().prop_map(Data::String),
        vec(any::<u8>(), 0..24).prop_map(Data::Clob),
        vec(any::<u8>(), 0..24).prop_map(Data::Blob),
    ]
}

fn ion_type() -> impl Strategy<Value = IonType> {
    prop::sample::select(vec![
        IonType::Null,
        IonType::Bool,
        IonType::Int,
        IonType::Float,
        IonType::Decimal,
        IonType::Timestamp,
        IonType::Symbol,
        IonType::String,
        IonType::Clob,
        IonType::Blob,
        IonType::List,
        IonType::Sexp,
        IonType::Struct,
    ])
}

/// Integers of 0 to 19 bytes; each length is equally likely.
pub(crate) fn int() -> impl Strategy<Value = Int> {
    vec(any::<u8>(), 0..20).prop_map(|bytes| Int::from(BigInt::from_signed_bytes_be(&bytes)))
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        any::<f32>().prop_map(f64::from),
        (-1_000_000i32..1_000_000).prop_map(|hundredths| f64::from(hundredths) / 100.0),
        prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e7, 1e-3, 9.99e-4]),
    ]
}

/// Decimals. Most are near 1, and some have the greatest or the least exponent.
pub(crate) fn decimal() -> impl Strategy<Value = Decimal> {
    let exponent = prop_oneof![4 => -25..25i32, 1 => any::<i32>(), 1 => Just(i32::MIN), 1 => Just(i32::MAX)];
    let coefficient = prop_oneof![3 => int(), 1 => Just(Int::ZERO)];
    (any::<bool>(), coefficient, exponent).prop_map(|(negative, coefficient, exponent)| {
        if negative && coefficient.is_zero() {
            Decimal::negative_zero(exponent)
        } else {
            Decimal::new(coefficient, exponent)
        }
    })
}

/// Timestamps of all precisions and offsets.
pub(crate) fn timestamp() -> impl Strategy<Value = Timestamp> {
    let precision = prop_oneof![
        Just(Precision::Year),
        Just(Precision::Month),
        Just(Precision::Day),
        Just(Precision::Minute),
        (0..=18u8).prop_map(Precision::Second),
    ];
    let offset = prop_oneof![Just(None), Just(Some(0)), (-1439..=1439i16).prop_map(Some)];
    let date = (2..=9998u16, 1..=12u8, 1..=28u8);
    let time = (0..=23u8, 0..=59u8, 0..=59u8, any::<u64>());
    (date, time, precision, offset).prop_map(|(date, time, precision, offset)| {
        let digits = match precision {
            Precision::Second(digits) => digits,
            _ => 0,
        };
        let fields = TimestampFields {
            year: date.0,
            month: date.1,
            day: date.2,
            hour: time.0,
            minute: time.1,
            second: time.2,
            fraction: time.3 % 10u64.pow(u32::from(digits)),
        };
        Timestamp::from_local(fields, precision, offset).unwrap()
    })
}

/// Texts with characters of all lengths in UTF-8, quotes, backslashes and control characters.
pub(crate) fn string() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => prop::char::range('a', 'z'),
        2 => prop::sample::select(vec!['"', '\'', '\\', '/', '*', ':', '$', '1', '0', '_', ' ', '{', '}']),
        1 => prop::char::range('\0', '\u{A0}'),
        1 => any::<char>(),
    ];
    vec(character, 0..12).prop_map(|characters| characters.into_iter().collect())
}

/// Symbols that need quotes, that need none, and that look like keywords or numbers.
pub(crate) fn symbol() -> impl Strategy<Value = Symbol> {
    let odd = prop::sample::select(vec![
        "",
        "null",
        "true",
        "false",
        "nan",
        "inf",
        "+inf",
        "$",
        "$0",
        "$10",
        "$10a",
        "$ion",
        "$ion_1_0",
        "$ion_2_0",
        "$ion_symbol_table",
        "name",
        "symbols",
        "null.int",
        "+",
        "-",
        "--",
        "//",
        "/*",
        ".",
        "+1",
        "1a",
        "a.b",
        "a b",
        "'",
        "::",
        "é",
    ]);
    prop_oneof![
        4 => "[a-zA-Z_$][a-zA-Z0-9_$]{0,6}".prop_map(Symbol::from),
        2 => odd.prop_map(Symbol::from),
        1 => string().prop_map(Symbol::from),
        1 => Just(Symbol::UNKNOWN),
    ]
}
