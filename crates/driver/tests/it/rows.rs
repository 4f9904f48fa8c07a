//! Rows and parameters as Rust types.

use std::collections::BTreeMap;
use std::sync::Arc;

use everstrand_driver::{Command, Document, Error, QldbDriver, Reply, ValueHolder, params};
use everstrand_ion::{Decimal, Timestamp, Value};
use everstrand_testkit::scripted::{Answer, ScriptedTransport};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Car {
    vin: String,
    price: Decimal,
    seen: Timestamp,
    extra: Option<Value>,
}

fn driver() -> (Arc<ScriptedTransport>, QldbDriver<ScriptedTransport>) {
    let transport = Arc::new(ScriptedTransport::new());
    (Arc::clone(&transport), QldbDriver::builder("l").build_over(transport).unwrap())
}

fn page(values: &[&str], next: Option<&str>) -> everstrand_driver::Page {
    let values = values.iter().map(|text| ValueHolder::IonText((*text).to_owned())).collect();
    everstrand_driver::Page::new(values, next.map(Into::into))
}

fn answers(transport: &ScriptedTransport, first: &[&str], second: Option<&[&str]>) {
    transport.on(
        "ExecuteStatement",
        Answer::reply(Reply::ExecuteStatement(everstrand_driver::ExecuteStatementResult {
            first_page: page(first, second.map(|_| "more")),
            timing_information: None,
            consumed_ios: Some(everstrand_driver::IoUsage::new(2, 1)),
            other: Default::default(),
        })),
    );
    if let Some(second) = second {
        transport.on(
            "FetchPage",
            Answer::reply(Reply::FetchPage(everstrand_driver::FetchPageResult {
                page: page(second, None),
                timing_information: None,
                consumed_ios: Some(everstrand_driver::IoUsage::new(3, 0)),
                other: Default::default(),
            })),
        );
    }
}

const ANN: &str = "{vin: \"A\", price: 1.10, seen: 2020-01-01T00:00Z, extra: note::[1]}";
const BOB: &str = "{vin: B, price: 2., seen: 2021T}";

#[tokio::test]
async fn rows_are_types_over_all_pages() {
    let (transport, driver) = driver();
    let transaction = driver.begin().await.unwrap();
    answers(&transport, &[ANN], Some(&[BOB]));
    let cars = transaction.query("s").fetch_buffered::<Car>().await.unwrap();
    assert_eq!((cars.statistics.read_ios, cars.statistics.write_ios), (5, 1));
    let [ann, bob] = &cars.rows[..] else { panic!("{cars:?}") };
    assert_eq!(
        (ann.price.to_string(), ann.extra.as_ref().unwrap().to_string()),
        ("1.10".into(), "note::[1]".into())
    );
    assert_eq!((bob.vin.as_str(), bob.seen.to_string(), bob.extra.is_none()), ("B", "2021T".into(), true));

    answers(&transport, &[ANN], Some(&[BOB]));
    let mut rows = transaction.query("s").stream::<Car>().await.unwrap();
    assert_eq!(rows.page_token().unwrap().as_str(), "more");
    assert_eq!(rows.next().await.unwrap().unwrap(), *ann);
    // Other statements may run while the rows are read.
    assert_eq!(transaction.query("s").count().await.unwrap(), 0);
    // The next row may be asked for in vain, and again.
    drop(rows.next());
    assert_eq!(rows.next().await.unwrap().unwrap(), *bob);
    assert!(rows.next().await.is_none() && rows.next().await.is_none());
    assert_eq!(rows.statistics().read_ios, 5);
}

#[tokio::test]
async fn one_row_one_value_and_the_number_of_rows() {
    let (transport, driver) = driver();
    let transaction = driver.begin().await.unwrap();
    let query = || transaction.query("s");
    answers(&transport, &["{n: 7}"], None);
    assert_eq!(query().fetch_scalar::<i64>().await.unwrap(), 7);
    answers(&transport, &[], Some(&["7"]));
    assert_eq!(query().fetch_scalar::<i64>().await.unwrap(), 7);
    answers(&transport, &["{n: 7, m: 8}"], None);
    assert!(query().fetch_scalar::<i64>().await.is_err());
    answers(&transport, &["{n: 7}"], None);
    assert_eq!(query().fetch_one::<BTreeMap<String, i64>>().await.unwrap()["n"], 7);
    assert!(matches!(query().fetch_one::<i64>().await, Err(Error::NoRow)));
    assert_eq!(query().fetch_optional::<i64>().await.unwrap(), None);
    answers(&transport, &["1"], Some(&["2"]));
    assert!(matches!(query().fetch_optional::<i64>().await, Err(Error::ManyRows)));
    answers(&transport, &["1", "2"], Some(&["x"]));
    assert_eq!(query().count().await.unwrap(), 3);
    answers(&transport, &["note::1"], None);
    assert_eq!(query().fetch_one::<Document>().await.unwrap().to_string(), "note::1");
}

/// B14: parameters are sent. They are the values that were bound, with their scale, annotations and types.
#[tokio::test]
async fn b14_parameters_are_what_was_bound() {
    let (transport, driver) = driver();
    let transaction = driver.begin().await.unwrap();
    let car = Car {
        vin: "A".into(),
        price: "1.10".parse().unwrap(),
        seen: "2021T".parse().unwrap(),
        extra: Some(everstrand_ion::text::read_one("a::null.int").unwrap()),
    };
    let query = transaction.query("s").bind(&car).unwrap().bind(None::<u8>).unwrap();
    query.bind_all(params!["x", [1, 2]].unwrap()).execute().await.unwrap();
    let sent = transport.sent().pop().unwrap();
    let Command::ExecuteStatement { parameters, .. } = sent.command else { panic!() };
    let texts: Vec<String> = parameters
        .iter()
        .map(|parameter| match parameter {
            ValueHolder::IonBinary(bytes) => Document::from_binary(bytes).unwrap().to_string(),
            ValueHolder::IonText(text) => text.clone(),
        })
        .collect();
    let car = "{vin:\"A\",price:1.10,seen:2021T,extra:a::null.int}";
    assert_eq!(texts, [car, "null", "\"x\"", "[1,2]"]);
}

#[tokio::test]
async fn errors_name_the_parameter_or_the_row_and_the_field() {
    let (transport, driver) = driver();
    let transaction = driver.begin().await.unwrap();
    let bad = BTreeMap::from([("inner", BTreeMap::from([(vec![1u8], 1)]))]);
    let error = transaction.query("s").bind(1).unwrap().bind(&bad).unwrap_err();
    assert!(matches!(&error, Error::Parameter { position: 2, path, .. } if path == "inner"), "{error}");
    let error = params![1, bad, bad].unwrap_err().to_string();
    assert!(error.starts_with("parameter 2, inner: the key of a map"), "{error}");
    answers(&transport, &[ANN], Some(&[ANN, "{vin: \"B\", price: \"dear\", seen: 2020T}"]));
    let error = transaction.query("s").fetch_all::<Car>().await.unwrap_err();
    assert_eq!(error.to_string(), "row 3, price: invalid type: string, expected a decimal");
    // A stream goes on behind such a row.
    answers(&transport, &["{}", ANN], None);
    let mut rows = transaction.query("s").stream::<Car>().await.unwrap();
    assert!(matches!(rows.next().await, Some(Err(Error::Row { row: 1, .. }))));
    assert!(rows.next().await.unwrap().is_ok());
}

/// Nothing of a program's data stands in what the driver logs, nor the token of a session.
#[test]
fn debug_shows_no_token() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (_, driver) = driver();
        let session = driver.get_session().await.unwrap();
        let token = session.session_client().token().as_str().to_owned();
        assert!(!format!("{:?}", session.session_client()).contains(&token));
    });
}
