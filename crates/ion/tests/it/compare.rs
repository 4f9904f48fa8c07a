//! Compares and converts numbers and timestamps. The models write out every digit and count every day.

use everstrand_ion::{Decimal, Int, Precision, Timestamp};
use num_bigint::BigInt;
use proptest::prelude::*;

use crate::strategy;

/// The greatest `|exponent|`, so that the model can write out all digits.
const EXPONENT_MAX: i32 = 60;

fn small_decimal() -> impl Strategy<Value = Decimal> {
    (strategy::int(), -EXPONENT_MAX..=EXPONENT_MAX)
        .prop_map(|(coefficient, exponent)| Decimal::new(coefficient, exponent))
}

/// The number in units of `10^-EXPONENT_MAX`.
fn written_out(decimal: &Decimal) -> BigInt {
    let places = u32::try_from(decimal.exponent() + EXPONENT_MAX).unwrap();
    decimal.coefficient().to_bigint() * BigInt::from(10).pow(places)
}

/// The same number with more trailing zeros in its coefficient.
fn with_zeros(decimal: &Decimal, zeros: u32) -> Decimal {
    let coefficient = decimal.coefficient().to_bigint() * BigInt::from(10).pow(zeros);
    Decimal::new(coefficient, decimal.exponent() - i32::try_from(zeros).unwrap())
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

/// Units of 10^-18 seconds since the first moment of year 1. Every year and month is counted.
fn attoseconds(timestamp: &Timestamp) -> BigInt {
    let mut days: i64 = (1..timestamp.year()).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    for month in 1..timestamp.month() {
        days += match month {
            2 if is_leap(timestamp.year()) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
    }
    days += i64::from(timestamp.day()) - 1;
    let minutes = (days * 24 + i64::from(timestamp.hour())) * 60 + i64::from(timestamp.minute())
        - i64::from(timestamp.offset().unwrap_or(0));
    let seconds = minutes * 60 + i64::from(timestamp.second());
    let unit = BigInt::from(10).pow(18 - u32::from(timestamp.fraction_digits()));
    BigInt::from(seconds) * BigInt::from(10).pow(18) + BigInt::from(timestamp.fraction()) * unit
}

proptest! {
    #[test]
    fn integers_compare_as_numbers(left in strategy::int(), right in strategy::int()) {
        prop_assert_eq!(left.cmp(&right), left.to_bigint().cmp(&right.to_bigint()));
        prop_assert_eq!(Int::from(left.to_bigint()), left.clone());
        prop_assert_eq!(left.to_string(), left.to_bigint().to_string());
        prop_assert_eq!(left.to_string().parse::<Int>().unwrap(), left.clone());
        prop_assert_eq!(left.decimal_digits(), u64::try_from(left.abs().to_string().len()).unwrap());
    }

    #[test]
    fn decimals_compare_as_numbers(left in small_decimal(), right in small_decimal(), zeros in 0..20u32) {
        prop_assert_eq!(left.numeric_cmp(&right), written_out(&left).cmp(&written_out(&right)));
        let same = with_zeros(&left, zeros);
        prop_assert!(left.numeric_cmp(&same).is_eq());
        prop_assert_eq!(left.numeric_cmp(&right), same.numeric_cmp(&right));
        prop_assert_eq!(left.reduced(), same.reduced());
        prop_assert!(left.reduced().numeric_cmp(&left).is_eq());
    }

    #[test]
    fn decimals_of_any_exponent_have_one_order(
        left in strategy::decimal(), middle in strategy::decimal(), right in strategy::decimal(),
    ) {
        prop_assert_eq!(left.numeric_cmp(&middle), middle.numeric_cmp(&left).reverse());
        if left.numeric_cmp(&middle).is_le() && middle.numeric_cmp(&right).is_le() {
            prop_assert!(left.numeric_cmp(&right).is_le());
        }
        prop_assert_eq!(left.to_string().parse::<Decimal>().unwrap(), left.clone());
        prop_assert_eq!(left.reduced() == middle.reduced(), left.numeric_cmp(&middle).is_eq());
    }

    #[test]
    fn magnitude_is_the_power_of_ten_just_above(decimal in small_decimal()) {
        if decimal.is_zero() {
            return Ok(());
        }
        let power = |exponent: i64| Decimal::new(1, i32::try_from(exponent).unwrap());
        let absolute = Decimal::new(decimal.coefficient().abs(), decimal.exponent());
        prop_assert!(absolute.numeric_cmp(&power(decimal.magnitude())).is_lt());
        prop_assert!(absolute.numeric_cmp(&power(decimal.magnitude() - 1)).is_ge());
    }

    #[test]
    fn decimals_that_are_integers_come_out_as_integers(int in strategy::int(), zeros in 0..20u32) {
        let decimal = with_zeros(&Decimal::from(int.clone()), zeros);
        prop_assert_eq!(decimal.to_int(100), Some(int.clone()));
        prop_assert_eq!(Decimal::new(1, 100).to_int(100), None);
    }

    #[test]
    fn floats_become_decimals_exactly(left in any::<f64>(), right in any::<f64>()) {
        let (Some(left_decimal), Some(right_decimal)) = (Decimal::from_f64(left), Decimal::from_f64(right))
        else {
            return Ok(());
        };
        prop_assert_eq!(left_decimal.to_f64().to_bits(), left.to_bits());
        prop_assert_eq!(Some(left_decimal.numeric_cmp(&right_decimal)), left.partial_cmp(&right));
    }

    #[test]
    fn timestamps_compare_as_instants(left in strategy::timestamp(), right in strategy::timestamp()) {
        prop_assert_eq!(left.instant_cmp(&right), attoseconds(&left).cmp(&attoseconds(&right)));
        prop_assert_eq!(left.to_string().parse::<Timestamp>().unwrap(), left.clone());
        let again = Timestamp::from_utc(left.utc_fields(), left.precision(), left.offset());
        prop_assert_eq!(again.unwrap(), left);
    }

    #[test]
    fn an_instant_stays_at_another_offset(
        timestamp in strategy::timestamp(),
        offset in proptest::option::of(-1439..=1439i16),
    ) {
        let Some(moved) = timestamp.at_offset(offset) else {
            prop_assert!(timestamp.precision() < Precision::Minute);
            return Ok(());
        };
        prop_assert!(moved.instant_cmp(&timestamp).is_eq());
        prop_assert_eq!(moved.offset(), offset);
        prop_assert_eq!(moved.at_offset(timestamp.offset()).unwrap(), timestamp);
    }

    #[test]
    fn milliseconds_are_instants(millis in -62_135_596_800_000..=253_402_300_799_999i64) {
        let timestamp = Timestamp::from_unix_millis(millis);
        prop_assert_eq!(timestamp.unix_millis(), millis);
        let epoch = attoseconds(&Timestamp::from_unix_millis(0));
        prop_assert_eq!(attoseconds(&timestamp) - epoch, BigInt::from(millis) * BigInt::from(10).pow(15));
    }
}
