//! Comparison and index keys: they agree with each other and with a model that knows no bytes.

use std::cmp::Ordering;
use std::ops::RangeBounds;

use everstrand_ion::{Data, Decimal, Document, IonType, Value, text};
use everstrand_partiql::compare::{self, Comparison};
use everstrand_partiql::key;
use everstrand_partiql::tables::KeyRange;
use proptest::prelude::*;

use crate::values;

fn ion(text: &str) -> Value {
    text::read_one(text).expect("well formed")
}

fn encoded(value: &Value) -> Vec<u8> {
    key::encode(&[Some(Document::from(value).root())])
}

/// Equality by the rules C1 to C7 and nothing else: quadratic, over trees.
pub(crate) fn model_equal(left: &Value, right: &Value) -> bool {
    match (&left.data, &right.data) {
        (Data::Null(_), Data::Null(_)) => true,
        (Data::Bool(left), Data::Bool(right)) => left == right,
        (Data::Timestamp(left), Data::Timestamp(right)) => left.instant_cmp(right).is_eq(),
        (Data::Blob(left) | Data::Clob(left), Data::Blob(right) | Data::Clob(right)) => left == right,
        (Data::List(left), Data::List(right)) | (Data::Sexp(left), Data::Sexp(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| model_equal(left, right))
        }
        (Data::Struct(left), Data::Struct(right)) => {
            let mut rest: Vec<_> = right.iter().collect();
            left.len() == right.len()
                && left.iter().all(|(name, value)| {
                    let found = rest
                        .iter()
                        .position(|(other, candidate)| other == name && model_equal(value, candidate));
                    found.map(|found| rest.swap_remove(found)).is_some()
                })
        }
        (Data::String(_) | Data::Symbol(_), Data::String(_) | Data::Symbol(_)) => {
            left.as_text() == right.as_text()
        }
        (left, right) => match (real(left), real(right)) {
            (Some(left), Some(right)) => left == right,
            _ => false,
        },
    }
}

#[derive(PartialEq)]
enum Real {
    NotFinite(String),
    Finite(Decimal),
}

fn real(data: &Data) -> Option<Real> {
    Some(match data {
        Data::Int(int) => Real::Finite(Decimal::new(int.clone(), 0).reduced()),
        Data::Decimal(decimal) => Real::Finite(decimal.reduced()),
        // The digits of a float's exact value, 38 of them.
        Data::Float(float) => match format!("{float:.37e}").replace('e', "d").parse::<Decimal>() {
            Ok(decimal) => Real::Finite(decimal.reduced()),
            Err(_) => Real::NotFinite(float.to_string()),
        },
        _ => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    /// P7: `a = b` and equal index keys are the same thing, for all values but nulls.
    #[test]
    fn equal_values_and_only_they_have_equal_keys(left in values::known(), right in values::known()) {
        let model = model_equal(&left, &right);
        prop_assert_eq!(compare::equal(&left, &right), Some(model));
        prop_assert_eq!(encoded(&left) == encoded(&right), model);
        prop_assert_eq!(compare::equal(Document::from(&left).root(), &right), Some(model));
    }

    /// The total order is one, and keys have it wherever they are whole.
    #[test]
    fn keys_are_in_order(a in values::value(), b in values::value(), c in values::value()) {
        let (ab, bc, ac) = (compare::order(&a, &b), compare::order(&b, &c), compare::order(&a, &c));
        prop_assert_eq!(compare::order(&b, &a), ab.reverse());
        if ab != Ordering::Greater && bc != Ordering::Greater {
            prop_assert_ne!(ac, Ordering::Greater);
        }
        let (a_key, b_key) = (encoded(&a), encoded(&b));
        if a_key.len() <= key::PART_BYTES_MAX && b_key.len() <= key::PART_BYTES_MAX {
            prop_assert_eq!(a_key.cmp(&b_key), ab);
        }
    }

    /// `<` agrees with the order of keys wherever it is defined at all.
    #[test]
    fn less_than_agrees_with_keys(left in values::number(), right in values::number()) {
        let order = encoded(&left).cmp(&encoded(&right));
        prop_assert_eq!(compare::compare(&left, &right), Comparison::Ordered(order));
    }

    /// Parts need nothing between them: keys of two parts are in the order of pairs.
    #[test]
    fn parts_concatenate(a in values::value(), b in values::value(), c in values::value(), d in values::value()) {
        let key = |first: &Value, second: &Value| {
            key::encode(&[Some(Document::from(first).root()), Some(Document::from(second).root())])
        };
        let (left, right) = (key(&a, &b), key(&c, &d));
        let parts = (encoded(&a), encoded(&b)).cmp(&(encoded(&c), encoded(&d)));
        prop_assert_eq!(left.cmp(&right), parts);
    }

    /// A range holds every key whose value lies in it.
    #[test]
    fn ranges_hold_what_lies_in_them(
        value in values::value(),
        lower in prop::option::of((values::known(), any::<bool>())),
        upper in prop::option::of((values::known(), any::<bool>())),
    ) {
        let is_within = |bound: &Option<(Value, bool)>, wanted: Ordering| match bound {
            None => true,
            Some((bound, inclusive)) => match compare::compare(&value, bound) {
                Comparison::Ordered(order) => order == wanted || (*inclusive && order.is_eq()),
                _ => false,
            },
        };
        let lies = is_within(&lower, Ordering::Greater) && is_within(&upper, Ordering::Less);
        let bounds = key::range(&KeyRange { equal: Vec::new(), lower, upper });
        if lies {
            prop_assert!(bounds.contains(&encoded(&value)));
        }
    }
}

#[test]
fn kinds_stand_in_order() {
    let values = [
        "null.int",
        "false",
        "true",
        "nan",
        "-inf",
        "-1d5",
        "-1.5",
        "-1",
        "0",
        "1d-5",
        "0.5e0",
        "1",
        "2.5",
        "1d400",
        "+inf",
        "2000T",
        "2000-01-01T00:00:01Z",
        "''",
        "\"a\"",
        "\"b\"",
        "{{}}",
        "{{AA==}}",
        "[]",
        "[1]",
        "[1, 2]",
        "[2]",
        "()",
        "(1)",
        "{}",
        "{a: 1}",
        "{a: 2}",
        "{b: 0}",
    ];
    let mut keys = vec![key::encode(&[None])];
    keys.extend(values.iter().map(|value| encoded(&ion(value))));
    for (pair, names) in
        keys.windows(2).zip(std::iter::once("MISSING").chain(values).collect::<Vec<_>>().windows(2))
    {
        assert!(pair[0] < pair[1], "{names:?}");
    }
}

/// C1 to C7 by example.
#[test]
fn equality_by_the_rules() {
    for (left, right, equal) in [
        ("1", "1.0", true),
        ("1", "1e0", true),
        ("0", "-0e0", true),
        ("-0.00", "0", true),
        ("nan", "nan", true),
        ("0.1", "0.1e0", false),
        ("0.5", "0.5e0", true),
        ("1d1000000000", "10d999999999", true),
        ("9007199254740993", "9007199254740992e0", false),
        ("\"a\"", "a", true),
        ("\"a\"", "\"A\"", false),
        ("x::1", "y::1", true),
        ("{{aGk=}}", "{{\"hi\"}}", true),
        ("2000T", "2000-01-01T00:00:00.000Z", true),
        ("2000-01-01T01:00+01:00", "2000-01-01T00:00-00:00", true),
        ("[1, 2]", "[1., 2e0]", true),
        ("[1, 2]", "[2, 1]", false),
        ("[1]", "(1)", false),
        ("{a: 1, b: 2}", "{b: 2, a: 1}", true),
        ("{a: 1, a: 2}", "{a: 2, a: 1}", true),
        ("{a: 1, a: 1}", "{a: 1}", false),
        ("[null]", "[null.int]", true),
        ("1", "\"1\"", false),
        ("true", "1", false),
    ] {
        assert_eq!(compare::equal(&ion(left), &ion(right)), Some(equal), "{left} = {right}");
        assert_eq!(encoded(&ion(left)) == encoded(&ion(right)), equal, "keys of {left} and {right}");
    }
    for unknown in ["null", "null.string"] {
        assert_eq!(compare::equal(&ion(unknown), &ion("1")), None);
        assert_eq!(compare::equal(&ion(unknown), &ion(unknown)), None);
    }
}

/// C8 by example.
#[test]
fn order_is_defined_within_kinds() {
    use Comparison::{Incomparable, Ordered, Unknown};
    for (left, right, comparison) in [
        ("1", "2.5", Ordered(Ordering::Less)),
        ("2e0", "1", Ordered(Ordering::Greater)),
        ("false", "true", Ordered(Ordering::Less)),
        ("2000T", "2001T", Ordered(Ordering::Less)),
        ("\"b\"", "a", Ordered(Ordering::Greater)),
        ("{{AA==}}", "{{\"a\"}}", Ordered(Ordering::Less)),
        ("1", "\"2\"", Incomparable),
        ("[1]", "[2]", Ordered(Ordering::Less)),
        ("[1]", "[1, 2]", Ordered(Ordering::Less)),
        ("[null]", "[1]", Ordered(Ordering::Less)),
        ("(1)", "(2)", Ordered(Ordering::Less)),
        ("{a: 1}", "{a: 2}", Ordered(Ordering::Less)),
        ("{}", "{}", Ordered(Ordering::Equal)),
        ("[1]", "(1)", Incomparable),
        ("[1]", "1", Incomparable),
        // NaN equals itself and comes before all other numbers, so that an index can hold it.
        ("nan", "-inf", Ordered(Ordering::Less)),
        ("1.5", "nan", Ordered(Ordering::Greater)),
        ("nan", "nan", Ordered(Ordering::Equal)),
        ("null", "1", Unknown),
        ("1", "null.list", Unknown),
    ] {
        assert_eq!(compare::compare(&ion(left), &ion(right)), comparison, "{left} {right}");
    }
}

#[test]
fn ranges_end_with_the_kind_of_their_bound() {
    let contains = |range: &KeyRange, value: &str| key::range(range).contains(&encoded(&ion(value)));
    let below = KeyRange { upper: Some((5i64.into(), false)), ..KeyRange::default() };
    assert!(contains(&below, "4.9") && contains(&below, "-inf"));
    assert!(!contains(&below, "5.0") && !contains(&below, "null") && !contains(&below, "true"));
    let above = KeyRange { lower: Some((5i64.into(), false)), ..KeyRange::default() };
    assert!(contains(&above, "6") && !contains(&above, "5e0") && !contains(&above, "\"a\""));
    let unknown = KeyRange { upper: Some((Value::null(), true)), ..KeyRange::default() };
    assert!(contains(&unknown, "null.int") && !contains(&unknown, "false"));
    assert!(key::range(&unknown).contains(&key::encode(&[None])));
    let known = KeyRange { lower: Some((Value::null(), false)), ..KeyRange::default() };
    assert!(contains(&known, "false") && contains(&known, "{}") && !contains(&known, "null"));
    assert!(!key::range(&known).contains(&key::encode(&[None])));
    let typed = Value::new(Data::Null(IonType::Int));
    assert_eq!(encoded(&typed), encoded(&Value::null()));
}

#[test]
fn long_parts_are_cut_and_stay_apart() {
    let long = |last: &str| Value::from("x".repeat(5000) + last);
    let (a, b) = (encoded(&long("a")), encoded(&long("b")));
    assert_eq!(a.len(), key::PART_BYTES_MAX + 32);
    assert_ne!(a, b);
    let range = KeyRange { lower: Some((long("b"), true)), ..KeyRange::default() };
    assert!(key::range(&range).contains(&b));
}

#[test]
fn exponents_cost_nothing() {
    assert!(encoded(&Value::from(Decimal::new(1, i32::MAX))).len() < 16);
    assert!(encoded(&Value::from(Decimal::new(1, i32::MIN))).len() < 16);
}
