//! Random values with many near and exact equals among them.

use everstrand_ion::{
    Data, Decimal, Int, IonType, Precision, Struct, Symbol, Timestamp, TimestampFields, Value,
};
use proptest::prelude::*;

/// Any value, null or not.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    prop_oneof![9 => known(), 1 => null()]
}

/// Any value but a null; nulls may lie within.
pub(crate) fn known() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 4, |inner| {
        let inner = prop_oneof![4 => inner, 1 => null()];
        let items = prop::collection::vec(inner.clone(), 0..4);
        let fields = prop::collection::vec((name(), inner), 0..4);
        prop_oneof![
            items.clone().prop_map(|items| Value::new(Data::List(items))),
            items.prop_map(|items| Value::new(Data::Sexp(items))),
            fields.prop_map(|fields| Value::new(Data::Struct(Struct::new(fields)))),
        ]
    })
}

fn null() -> impl Strategy<Value = Value> {
    prop_oneof![Just(IonType::Null), Just(IonType::Int), Just(IonType::Struct)]
        .prop_map(|ion_type| Value::new(Data::Null(ion_type)))
}

fn scalar() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        any::<bool>().prop_map(Value::from),
        number(),
        timestamp().prop_map(Value::from),
        text().prop_map(Value::from),
        text().prop_map(|text| Value::from(Symbol::from(text))),
        Just(Value::from(Symbol::UNKNOWN)),
        prop::collection::vec(0u8..3, 0..4).prop_map(|bytes| Value::new(Data::Blob(bytes))),
        prop::collection::vec(0u8..3, 0..4).prop_map(|bytes| Value::new(Data::Clob(bytes))),
    ];
    (plain, prop::bool::weighted(0.1)).prop_map(|(value, is_annotated)| {
        if is_annotated { value.with_annotations([Symbol::from("note")]) } else { value }
    })
}

/// Numbers of all kinds around a few values, where the kinds meet.
pub(crate) fn number() -> impl Strategy<Value = Value> {
    let near = prop_oneof![
        -3i64..4,
        Just(10),
        Just(100),
        Just(1 << 53),
        Just((1 << 53) + 1),
        Just(i64::MAX),
        Just(i64::MIN),
    ];
    prop_oneof![
        near.clone().prop_map(Value::from),
        near.clone().prop_map(|near| Value::from(Int::from(i128::from(near) * 1_000_000_007))),
        (near.clone(), -3i32..4).prop_map(|(near, exponent)| Value::from(Decimal::new(near, exponent))),
        (near.clone(), 0u32..3).prop_map(|(near, zeros)| {
            // The same number with zeros behind it.
            let padded = i128::from(near) * 10i128.pow(zeros);
            Value::from(Decimal::new(Int::from(padded), -i32::try_from(zeros).expect("few")))
        }),
        near.clone().prop_map(|near| Value::from(near as f64)),
        near.prop_map(|near| Value::from(near as f64 / 8.0)),
        prop_oneof![
            Just(f64::NAN),
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            Just(-0.0),
            Just(5e-324),
            Just(f64::MAX),
            Just(0.1),
            Just(1.1),
            Just(1e300),
            Just(0.999_999_999_999_999_9),
            any::<f64>(),
        ]
        .prop_map(Value::from),
        prop_oneof![
            Just(Decimal::negative_zero(5)),
            Just(Decimal::new(1, i32::MAX)),
            Just(Decimal::new(1, i32::MIN)),
            Just(Decimal::new(-10, i32::MIN)),
            Just(Decimal::new(1, -1)),
            // 0.1e0 in 38 digits, and in all.
            Just("0.10000000000000000555111512312578270212".parse().expect("a decimal")),
            Just(Decimal::from_f64(0.1).expect("finite")),
            Just(Decimal::new(125, -3)),
        ]
        .prop_map(Value::from),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(
            prop_oneof![Just('a'), Just('b'), Just('\0'), Just('\u{1}'), Just('é'), Just('😀')],
            0..4
        )
        .prop_map(|characters| characters.into_iter().collect()),
        (1020usize..1030, "[ab]").prop_map(|(length, last)| "x".repeat(length) + &last),
    ]
}

fn name() -> impl Strategy<Value = Symbol> {
    prop_oneof![Just("a"), Just("b"), Just("")].prop_map(Symbol::from)
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    let precision = prop_oneof![
        Just(Precision::Year),
        Just(Precision::Month),
        Just(Precision::Day),
        Just(Precision::Minute),
        Just(Precision::Second(0)),
        Just(Precision::Second(1)),
        Just(Precision::Second(3)),
    ];
    let offset = prop_oneof![Just(None), Just(Some(0)), Just(Some(60)), Just(Some(-90))];
    (2000u16..2002, 1u8..3, 1u8..3, 0u8..3, 0u8..2, 0u64..2, precision, offset).prop_map(
        |(year, month, day, hour, minute, fraction, precision, offset)| {
            let fraction = if precision == Precision::Second(3) { fraction * 100 } else { fraction };
            let fields = TimestampFields { year, month, day, hour, minute, second: 0, fraction };
            Timestamp::from_local(fields, precision, offset).expect("in range")
        },
    )
}
