//! Rust types through serde: what comes back is what went in, and an error says where it is.

use std::collections::BTreeMap;

use ::serde::de::DeserializeOwned;
use ::serde::{Deserialize, Serialize};
use everstrand_ion::serde::{from_value, to_document, to_value};
use everstrand_ion::{Decimal, Document, Int, Symbol, Timestamp, Value, text};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Plain,
    Wrapped(u8),
    Pair(i64, String),
    Named { a: Option<bool> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Whole {
    number: i64,
    large: u64,
    huge: u128,
    float: f64,
    letter: char,
    text: String,
    nothing: Option<i64>,
    some: Option<String>,
    kinds: Vec<Kind>,
    map: BTreeMap<i32, bool>,
    bytes: Vec<u8>,
    tuple: (u8, String),
    decimal: Decimal,
    time: Timestamp,
    int: Int,
    symbol: Symbol,
    value: Value,
    document: Document,
}

fn ion(text: &str) -> Value {
    text::read_one(text).unwrap()
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    from_value(Document::from(&ion(text)).root()).map_err(|error| error.to_string())
}

fn whole() -> Whole {
    Whole {
        number: -7,
        large: u64::MAX,
        huge: u128::MAX,
        float: 0.1,
        letter: 'ß',
        text: "żółw".into(),
        nothing: None,
        some: Some("x".into()),
        kinds: vec![Kind::Plain, Kind::Wrapped(3), Kind::Pair(-1, "p".into()), Kind::Named { a: None }],
        map: BTreeMap::from([(1, true), (-2, false)]),
        bytes: vec![1, 2],
        tuple: (1, "t".into()),
        decimal: "1.10".parse().unwrap(),
        time: "2020-01-01T00:00:00.000-00:00".parse().unwrap(),
        int: "123456789012345678901234567890123456789012345".parse().unwrap(),
        symbol: "sym".into(),
        value: ion("note::{a: null.int, b: (1 2), c: {{aGVsbG8=}}}"),
        document: Document::from(&ion("a::b::0d-3")),
    }
}

/// Annotations, typed nulls, scale and precision are kept.
#[test]
fn what_goes_in_comes_back() {
    let whole = whole();
    let document = to_document(&whole).unwrap();
    assert_eq!(from_value::<Whole>(document.root()).unwrap(), whole);
    let text = document.to_string();
    for part in ["decimal:1.10", "null.int", "note::", "symbol:sym", "a::b::0.000", "nothing:null"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

/// Rows have decimals where a program wants numbers, symbols where it wants texts, and blobs where it wants bytes.
#[test]
fn types_that_mean_the_same_are_read() {
    assert_eq!(read::<f64>("1.5"), Ok(1.5));
    assert_eq!(read::<f64>("2"), Ok(2.0));
    assert_eq!(read::<i32>("7."), Ok(7));
    assert_eq!(read::<i32>("7.00"), Ok(7));
    assert_eq!(read::<String>("abc"), Ok("abc".into()));
    assert_eq!(read::<Vec<u8>>("{{aGVsbG8=}}"), Ok(b"hello".to_vec()));
    assert_eq!(read::<Vec<i64>>("(1 2)"), Ok(vec![1, 2]));
    assert_eq!(read::<Option<i64>>("null.string"), Ok(None));
    assert_eq!(read::<(i64, i64)>("a::[1, 2]"), Ok((1, 2)));
    assert!(read::<i32>("7.5").is_err() && read::<u8>("256").is_err() && read::<i64>("1e0").is_err());
    assert!(read::<Decimal>("1").unwrap_err().contains("expected a decimal"));
    assert!(read::<i64>("null.int").is_err());
}

#[test]
fn an_error_says_where_it_is() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only the error is looked at")]
    struct Owner {
        cars: Vec<BTreeMap<String, u8>>,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only the error is looked at")]
    struct Row {
        owner: Owner,
    }
    let error = read::<Row>("{owner: {cars: [{a: 1}, {a: 1, b: 300}]}}").unwrap_err();
    assert!(error.starts_with("owner.cars[1].b: invalid value"), "{error}");
    let error = read::<Row>("{owner: {}}").unwrap_err();
    assert_eq!(error, "owner: missing field `cars`");
    let error = read::<Row>("{owner: 3}").unwrap_err();
    assert!(error.starts_with("owner: invalid type: integer `3`"), "{error}");

    #[derive(Serialize)]
    struct Bad {
        inner: Vec<BTreeMap<Vec<u8>, u8>>,
    }
    let error = to_value(&Bad { inner: vec![BTreeMap::new(), BTreeMap::from([(vec![1], 1)])] }).unwrap_err();
    assert_eq!(error.path(), "inner[1]");
}

/// A value in JSON is what it resembles, and comes back from it.
#[test]
fn other_formats_get_what_a_value_resembles() {
    let value = ion("{a: [1, x], b: 1.10, t: 2020-01-01T, n: null.struct}");
    // serde's own value deserializer stands for JSON here.
    use ::serde::de::IntoDeserializer;
    use ::serde::de::value::{Error, MapDeserializer};
    let map = MapDeserializer::<_, Error>::new([("a", 1i64)].into_iter());
    assert_eq!(Value::deserialize(map).unwrap(), ion("{a: 1}"));
    let text: serde::de::value::StrDeserializer<'_, Error> = "1.10".into_deserializer();
    assert_eq!(Decimal::deserialize(text).unwrap().to_string(), "1.10");
    assert_eq!(from_value::<Value>(Document::from(&value).root()).unwrap(), value);
}

proptest::proptest! {
    /// Every value of Ion passes through unchanged.
    #[test]
    fn values_pass_through(text in "[a-z]{0,5}", int: i128, coefficient: i64, exponent in -40i32..40, bytes: Vec<u8>) {
        let mut fields = everstrand_ion::Struct::default();
        fields.push("t", text.as_str());
        fields.push("i", Value::new(everstrand_ion::Data::Int(int.into())));
        fields.push("d", Value::new(everstrand_ion::Data::Decimal(Decimal::new(coefficient, exponent))));
        fields.push("b", Value::new(everstrand_ion::Data::Blob(bytes)));
        let value = Value::from(fields).with_annotations([Symbol::from("x")]);
        let document = to_document(&value).unwrap();
        proptest::prop_assert_eq!(document.to_value(), value.clone());
        proptest::prop_assert_eq!(from_value::<Value>(document.root()).unwrap(), value);
    }
}
