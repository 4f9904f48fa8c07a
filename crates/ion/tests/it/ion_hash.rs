//! The conformance suite of Ion Hash, edge cases on which three implementations agree, and random values that are compared
//! with `ion-rs`.

use std::cell::RefCell;

use everstrand_ion::{Data, Document, Hasher, Value, binary, ion_hash, ion_hash_with, text};
use everstrand_testkit::data::{suite, vector};
use proptest::prelude::*;

use crate::strategy;

thread_local! {
    /// The inputs of the identity hash function since they were last taken.
    static DIGESTS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// The hash function of the conformance suite, which returns its input.
struct Identity(Vec<u8>);

impl Hasher for Identity {
    type Output = Vec<u8>;

    fn new() -> Identity {
        Identity(Vec::new())
    }

    fn update(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(self) -> Vec<u8> {
        DIGESTS.with_borrow_mut(|digests| digests.push(self.0.clone()));
        self.0
    }
}

#[test]
fn conformance_suite() {
    let folder = suite("ion-hash-test", "ION_HASH_TESTS_DIR");
    let suite = std::fs::read_to_string(folder.join("ion_hash_tests.ion")).unwrap();
    let mut checked = 0;
    for case in text::read_all(&suite).unwrap() {
        let value = match case.get("ion") {
            Some(value) => value.clone(),
            None => binary::read_one(&stream(case.get("10n").unwrap())).unwrap(),
        };
        let Some(expected) = case.get("expect").unwrap().get("identity") else { continue };
        let name = case.annotations().first().map_or_else(|| value.to_string(), ToString::to_string);
        let of_kind = |kind: &str| -> Vec<Vec<u8>> {
            let steps = expected.as_sequence().unwrap().iter();
            steps.filter(|step| step.annotations()[0] == *kind).map(bytes).collect()
        };
        DIGESTS.take();
        let hash = ion_hash_with::<Identity>(&value);
        match of_kind("final_digest").pop() {
            Some(expected) => assert_eq!(hash, expected, "{name}"),
            None => assert_eq!(DIGESTS.take(), of_kind("digest"), "{name}"),
        }
        checked += 1;
    }
    assert_eq!(checked, 166, "cases with identity expectations");
}

/// The bytes of an s-expression of small integers, such as `(0x0b 0x20 0x0e)`.
fn bytes(step: &Value) -> Vec<u8> {
    let items = step.as_sequence().unwrap().iter();
    items.map(|byte| u8::try_from(byte.as_i64().unwrap()).unwrap()).collect()
}

/// A value from a field `'10n'` of the suite, which leaves out the version marker.
fn stream(value: &Value) -> Vec<u8> {
    [&binary::VERSION_MARKER[..], &bytes(value)].concat()
}

#[test]
fn edge_cases_on_which_python_java_and_rust_agree() {
    let file = vector("16-ion-hash-edge-cases.ion");
    let cases = text::read_one(&std::fs::read_to_string(file).unwrap()).unwrap();
    let cases = cases.as_sequence().unwrap();
    for case in cases {
        let source = case.get("text").and_then(Value::as_text).unwrap();
        let hash = ion_hash(&text::read_one(source).unwrap());
        assert_eq!(case.get("sha256").and_then(Value::as_bytes), Some(&hash[..]), "{source}");
    }
    assert!(cases.len() >= 74, "only {} cases", cases.len());
}

#[test]
fn equal_values_written_differently_have_one_hash() {
    for equal in [
        &["{a:1,b:2}", "{b:2,a:1}"][..],
        &["0", "-0", "0x0"],
        &["2017-08-21", "2017-08-21T"],
        &["2017-08-21T00:00Z", "2017-08-21T00:00+00:00"],
        &["10d-1", "1.0"],
        &["nan"],
    ] {
        let hashes = equal.iter().map(|source| ion_hash(&text::read_one(source).unwrap()));
        let hashes: Vec<[u8; 32]> = hashes.collect();
        assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "{equal:?}");
    }
    let different = [
        "0",
        "0.",
        "-0.",
        "0d1",
        "0e0",
        "-0e0",
        "1.0",
        "1.00",
        "a",
        "'1'",
        "\"a\"",
        "a::a",
        "b::a",
        "{a:1}",
        "{a:1,a:1}",
        "[1]",
        "(1)",
        "null",
        "null.int",
        "$0",
        "2017-08-21T00:00Z",
        "2017-08-21T00:00:00Z",
        "2017-08-21T00:00:00.000Z",
        "2017-08-21T00:00-00:00",
    ];
    let mut hashes: Vec<[u8; 32]> =
        different.iter().map(|source| ion_hash(&text::read_one(source).unwrap())).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), different.len());
}

proptest! {
    #[test]
    fn tree_and_encoded_form_and_ion_rs_agree(value in strategy::value()) {
        let document = Document::from(&value);
        let hash = ion_hash(&value);
        prop_assert_eq!(document.root().ion_hash(), hash);
        let element = ion_rs::Element::read_one(document.as_bytes()).unwrap();
        let theirs = ion_rs::ion_hash::sha256(&element).unwrap();
        prop_assert_eq!(&theirs[..], &hash[..], "{}", value);
    }

    #[test]
    fn the_order_of_fields_does_not_count(fields in strategy::value(), seed in any::<u64>()) {
        let Data::Struct(mut fields) = fields.data else { return Ok(()) };
        let before = ion_hash(&Value::from(fields.clone()));
        let mut turn = seed;
        fields.fields_mut().sort_by_key(|_| {
            turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            turn >> 32
        });
        prop_assert_eq!(ion_hash(&Value::from(fields)), before);
    }
}
