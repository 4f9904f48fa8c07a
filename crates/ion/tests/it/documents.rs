//! Binary streams, documents and the cursor, compared with trees and with `ion-rs`, and given damaged bytes.

use std::panic::catch_unwind;

use everstrand_ion::{
    Data, Document, IonType, MAX_DEPTH, RawValue, StructWriter, Symbol, Value, binary, text,
};
use proptest::prelude::*;
use sha2::Digest;

use crate::strategy;

/// Calls every method of a value and of the values in it, and ignores the results.
fn touch(value: RawValue<'_>) -> usize {
    let _ = (value.as_bool(), value.as_i64(), value.as_int(), value.as_f64(), value.as_decimal());
    let _ = (value.as_timestamp(), value.as_symbol(), value.as_text(), value.as_bytes(), value.is_null());
    let _ = (value.annotations(), value.get("a"), value.ion_type());
    let items: usize = value.items().map(touch).sum();
    let fields: usize = value.fields().map(|(_, field)| touch(field)).sum();
    1 + items + fields
}

/// Compares a tree with an encoded value.
fn assert_same(raw: RawValue<'_>, value: &Value) {
    assert_eq!(raw.ion_type(), value.ion_type());
    assert_eq!(raw.is_null(), value.is_null());
    assert_eq!(raw.annotations(), value.annotations());
    assert_eq!(raw.has_annotations(), !value.annotations().is_empty());
    assert_eq!(raw.as_text(), value.as_text());
    assert_eq!(raw.as_bytes(), value.as_bytes());
    assert_eq!(raw.as_i64(), value.as_i64());
    let data = match raw.ion_type() {
        _ if raw.is_null() => Some(Data::Null(raw.ion_type())),
        IonType::Bool => raw.as_bool().map(Data::Bool),
        IonType::Int => raw.as_int().map(Data::Int),
        IonType::Float => raw.as_f64().map(Data::Float),
        IonType::Decimal => raw.as_decimal().map(Data::Decimal),
        IonType::Timestamp => raw.as_timestamp().map(Data::Timestamp),
        IonType::Symbol => raw.as_symbol().map(Data::Symbol),
        _ => None,
    };
    if let Some(data) = data {
        assert_eq!(data, value.data);
    }
    let items: Vec<RawValue<'_>> = raw.items().collect();
    let expected = value.as_sequence().unwrap_or(&[]);
    assert_eq!(items.len(), expected.len());
    for (raw, value) in items.into_iter().zip(expected) {
        assert_same(raw, value);
    }
    let fields: Vec<_> = raw.fields().collect();
    assert_eq!(fields.len(), value.as_struct().map_or(0, |fields| fields.len()));
    for ((raw_name, raw_field), (name, field)) in
        fields.into_iter().zip(value.as_struct().into_iter().flat_map(|fields| fields.iter()))
    {
        assert_eq!(raw_name, name.text());
        assert_same(raw_field, field);
        if let Some(name) = raw_name {
            assert_same(raw.get(name).unwrap(), value.get(name).unwrap());
        }
    }
}

/// The values that `ion-rs` reads from a stream; `None` if it panics or refuses.
fn ion_rs_values(bytes: &[u8]) -> Option<Vec<Value>> {
    let elements = catch_unwind(|| ion_rs::Element::read_all(bytes).ok()).ok()??;
    elements
        .iter()
        .map(|element| {
            let bytes = element.encode_as(ion_rs::v1_0::Binary).ok()?;
            binary::read_one(&bytes).ok()
        })
        .collect()
}

fn stream(bytes: &[u8]) -> Vec<u8> {
    [&binary::VERSION_MARKER[..], bytes].concat()
}

proptest! {
    #[test]
    fn what_is_written_is_read(value in strategy::value()) {
        let bytes = binary::write(&value);
        prop_assert_eq!(&binary::read_one(&bytes).unwrap(), &value);
        prop_assert_eq!(binary::read_all(&bytes).unwrap(), vec![value.clone()]);
        let element = ion_rs::Element::read_one(&bytes).unwrap();
        let theirs = element.encode_as(ion_rs::v1_0::Binary).unwrap();
        prop_assert_eq!(&binary::read_one(&theirs).unwrap(), &value);
        // These are valid, but not in canonical form. Reading brings them into it.
        prop_assert_eq!(Document::from_binary(&theirs).unwrap().to_value(), value);
    }

    #[test]
    fn a_view_shows_what_the_tree_holds(value in strategy::value()) {
        let document = Document::from(&value);
        assert_same(document.root(), &value);
        prop_assert_eq!(document.to_value(), value);
    }

    #[test]
    fn canonical_bytes_are_kept(value in strategy::value()) {
        let document = Document::from(&value);
        prop_assert_eq!(document.as_bytes(), &binary::write(&value)[..]);
        let again = Document::from_binary(document.as_bytes()).unwrap();
        prop_assert_eq!(again.as_bytes(), document.as_bytes());
        let trusted = Document::from_canonical(document.as_bytes()).unwrap();
        prop_assert_eq!(trusted.to_value(), value);
    }

    #[test]
    fn parts_are_documents_of_their_own(value in strategy::value()) {
        let document = Document::from(&value);
        let mut parts = vec![document.root()];
        while let Some(part) = parts.pop() {
            let alone = part.to_document();
            let tree = part.to_value();
            prop_assert_eq!(&alone, &Document::from(&tree));
            prop_assert_eq!(alone.to_value(), tree);
            parts.extend(part.items());
            parts.extend(part.fields().map(|(_, field)| field));
        }
    }

    #[test]
    fn parts_are_put_together(left in strategy::value(), right in strategy::value()) {
        let (raw_left, raw_right) = (Document::from(&left), Document::from(&right));
        let mut writer = StructWriter::new();
        writer
            .raw("left", raw_left.root())
            .value("right", &right)
            .structure("inner", |inner| { inner.raw("right", raw_right.root()).text("id", "x").int("n", -7); })
            .list("both", [raw_left.root(), raw_right.root(), raw_left.root()])
            .blob("hash", &[1, 2, 3]);
        let document = writer.finish();
        let inner: everstrand_ion::Struct =
            [("right", right.clone()), ("id", Value::from("x")), ("n", Value::from(-7))].into_iter().collect();
        let expected: everstrand_ion::Struct = [
            ("left", left.clone()),
            ("right", right.clone()),
            ("inner", Value::from(inner)),
            ("both", Value::from(vec![left.clone(), right, left])),
            ("hash", Value::from(Data::Blob(vec![1, 2, 3]))),
        ].into_iter().collect();
        let expected = Value::from(expected);
        prop_assert_eq!(&document, &Document::from(&expected));
        prop_assert_eq!(document.to_value(), expected);
    }

    #[test]
    fn damaged_bytes_do_not_panic(value in strategy::value(), damage in damage()) {
        let mut bytes = binary::write(&value);
        for (at, byte, kind) in damage {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => bytes.insert(at, byte),
                _ if bytes.len() > 1 => { bytes.remove(at); }
                _ => {}
            }
        }
        let read = binary::read_all(&bytes);
        if let Ok(document) = Document::from_canonical(bytes.as_slice()) {
            touch(document.root());
            let _ = (document.ion_hash(), document.to_value(), document.root().to_document());
        }
        let document = Document::from_binary(&bytes);
        prop_assert_eq!(document.is_ok(), read.as_ref().is_ok_and(|values| values.len() == 1));
        if let Ok(document) = document {
            prop_assert_eq!(read.as_ref().map(|values| &values[..]), Ok(&[document.to_value()][..]));
            assert_same(document.root(), &document.to_value());
        }
        if let (Ok(values), Some(theirs)) = (read, ion_rs_values(&bytes)) {
            prop_assert_eq!(values, theirs);
        }
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let bytes = stream(&bytes);
        let read = binary::read_all(&bytes);
        if let Ok(document) = Document::from_canonical(bytes.as_slice()) {
            touch(document.root());
            let _ = (document.ion_hash(), document.to_value(), document.root().to_document());
        }
        if let (Ok(values), Some(theirs)) = (read, ion_rs_values(&bytes)) {
            prop_assert_eq!(values, theirs);
        }
    }
}

fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..4)
}

#[test]
fn what_makes_ion_rs_panic_or_abort_is_an_error_here() {
    assert!(text::read_one("$888888888888888888888888888").is_err());
    assert!(binary::read_all(&[0xE0, 0x01, 0x00, 0xEA, 0xE8, 0x8A, 0x32, 0x41]).is_err());
    // The third input, a quoted symbol that is not UTF-8, is not possible here, because a text is a `&str`.
    let symbol_table = [0xE7, 0x81, 0x83, 0xD4, 0x87, 0xB2, 0x81, 0xF7, 0x71, 0x0A];
    assert!(binary::read_all(&stream(&symbol_table)).is_err());
    let depth = 2_000;
    let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(text::read_one(&text).is_err());
    let mut nested = vec![0xB0];
    for _ in 0..depth {
        nested = list_of(&nested);
    }
    let error = binary::read_all(&stream(&nested)).unwrap_err();
    assert!(error.to_string().contains("nested"), "{error}");
}

fn list_of(item: &[u8]) -> Vec<u8> {
    let mut list = vec![0xBE];
    for group in (0..4).rev() {
        let seven = u8::try_from(item.len() >> (7 * group) & 0x7F).unwrap();
        list.push(if group == 0 { seven | 0x80 } else { seven });
    }
    list.extend_from_slice(item);
    list
}

#[test]
fn nesting_is_read_up_to_the_limit_and_written_beyond() {
    let mut nested = vec![0xB0];
    for _ in 1..MAX_DEPTH {
        nested = list_of(&nested);
    }
    let document = Document::from_binary(&stream(&nested)).unwrap();
    assert!(Document::from_binary(document.as_bytes()).is_ok());
    assert!(binary::read_one(&stream(&list_of(&nested))).is_err());
    // A value of a document can be put into another one, which may make it deeper than the limit of readers.
    let mut writer = StructWriter::new();
    writer.raw("data", document.root());
    let deeper = writer.finish();
    assert_eq!(deeper.root().get("data").unwrap().to_document(), document);
    assert_eq!(deeper.root().get("data").unwrap().ion_hash(), document.ion_hash());
}

#[test]
fn what_is_nested_too_deep_is_null_wherever_it_is_looked_at() {
    let mut nested = vec![0xB0];
    for _ in 0..5_000 {
        nested = list_of(&nested);
    }
    let document = Document::from_canonical(stream(&nested)).unwrap();
    let value = document.to_value();
    assert_eq!(document.ion_hash(), everstrand_ion::ion_hash(&value));
    assert_eq!(document.root().items().next().unwrap().to_document(), Document::from(&value));
    let deeper = Value::from(vec![value.clone()]);
    assert_eq!(Document::from(&deeper), Document::from(&value));
}

#[test]
fn imports_reserve_ids_without_allocating() {
    // $ion_symbol_table::{imports:[{name:"t",version:1,max_id:…}],symbols:["local"]}, then symbols.
    let table = |max_id: &[u8], then: &[u8]| {
        let max_id_field = [&[0x88, 0x20 | u8::try_from(max_id.len()).unwrap()], max_id].concat();
        let import = [&[0x84, 0x81, b't', 0x85, 0x21, 0x01][..], &max_id_field].concat();
        let import = [&[0xD0 | u8::try_from(import.len()).unwrap()][..], &import].concat();
        let import = [&[0xBE, 0x80 | u8::try_from(import.len()).unwrap()][..], &import].concat();
        let fields = [&[0x86][..], &import, &[0x87, 0xB6, 0x85], b"local"].concat();
        let fields = [&[0xDE, 0x80 | u8::try_from(fields.len()).unwrap()][..], &fields].concat();
        let wrapper = [&[0x81, 0x83][..], &fields].concat();
        let wrapper = [&[0xEE, 0x80 | u8::try_from(wrapper.len()).unwrap()][..], &wrapper].concat();
        stream(&[&wrapper, then].concat())
    };
    let symbols = |bytes: &[u8]| -> Vec<Value> { binary::read_all(bytes).unwrap() };
    assert_eq!(
        symbols(&table(&[2], &[0x71, 10, 0x71, 11, 0x71, 12])),
        [Symbol::UNKNOWN, Symbol::UNKNOWN, Symbol::from("local")].map(Value::from)
    );
    assert_eq!(symbols(&table(&[0x7F, 0xFF, 0xFF, 0xFF], &[0x71, 200])), [Value::from(Symbol::UNKNOWN)]);
    assert!(binary::read_all(&table(&[2], &[0x71, 13])).is_err());
    assert!(binary::read_all(&table(&[0xFF; 8], &[0x71, 13])).is_err());
}

#[test]
fn symbol_tables_are_bounded() {
    let table = |symbols: usize| {
        let list = list_of(&vec![0x80; symbols]);
        let fields = [&[0x87][..], &list].concat();
        // The length of a struct and of a wrapper has the same form as that of a list.
        let mut fields = list_of(&fields);
        fields[0] = 0xDE;
        let mut wrapper = list_of(&[&[0x81, 0x83][..], &fields].concat());
        wrapper[0] = 0xEE;
        stream(&[&wrapper[..], &[0x11]].concat())
    };
    assert_eq!(binary::read_all(&table(1_000_000)).unwrap(), [Value::from(true)]);
    assert!(Document::from_binary(&table(1_000_000)).is_ok());
    for result in [binary::read_one(&table(1_100_000)).err(), Document::from_binary(&table(1_100_000)).err()]
    {
        assert!(result.unwrap().to_string().contains("longer than"));
    }
}

#[test]
fn others_forms_of_one_value_become_one_document() {
    // It has floats of 32 bits, lengths and ints that are too long, padding, and symbols that are not used.
    let table =
        [0xEE, 0x8E, 0x81, 0x83, 0xDE, 0x8A, 0x87, 0xBE, 0x87, 0x81, 0x7A, 0x82, 0x71, 0x71, 0x81, 0x61];
    let appended = [0xEA, 0x81, 0x83, 0xD7, 0x86, 0x71, 0x03, 0x87, 0xB2, 0x81, 0x62];
    let value = [
        0x00, 0xDE, 0x96, 0x8C, 0x44, 0x3F, 0xC0, 0x00, 0x00, 0x80, 0x01, 0x00, 0x00, 0x8D, 0xBE, 0x00, 0x88,
        0xE5, 0x81, 0x8C, 0x22, 0x00, 0x01, 0x3F, 0x00,
    ];
    let canonical = Document::from(&text::read_one("{a: 1.5e0, b: [a::1, null.int]}").unwrap());
    let theirs = stream(&[&table[..], &appended, &value].concat());
    assert_eq!(Document::from_binary(&theirs).unwrap(), canonical);
}

#[test]
fn symbol_tables_append_and_end_with_a_version_marker() {
    let table = [0xE8, 0x81, 0x83, 0xD5, 0x87, 0xB3, 0x82, b'h', b'i'];
    let appended = [0xEB, 0x81, 0x83, 0xD8, 0x86, 0x71, 0x03, 0x87, 0xB3, 0x82, b'y', b'o'];
    let symbols = [0x71, 10, 0x71, 11];
    let read = binary::read_all(&stream(&[&table[..], &appended, &symbols].concat())).unwrap();
    assert_eq!(read, ["hi", "yo"].map(|text| Value::from(Symbol::from(text))));
    let replaced = [&table[..], &table, &symbols].concat();
    assert!(binary::read_all(&stream(&replaced)).is_err());
    let forgotten = [&table[..], &binary::VERSION_MARKER, &symbols].concat();
    assert!(binary::read_all(&stream(&forgotten)).is_err());
}

#[test]
fn documents_take_exactly_one_value() {
    for (bytes, expected) in [
        (&[][..], None),
        (&[0x11], Some(Value::from(true))),
        (&[0x11, 0x11], None),
        (&[0x00, 0x11, 0x02, 0xFF, 0xFF], Some(Value::from(true))),
    ] {
        assert_eq!(Document::from_binary(&stream(bytes)).ok().map(|document| document.to_value()), expected);
    }
    assert!(Document::from_binary(&[]).is_err());
    assert!(Document::from_canonical(&stream(&[])[..]).is_err());
    assert!(Document::from_canonical(&stream(&[0x11, 0x11])[..]).is_err());
}

#[test]
fn canonical_form_is_exact() {
    for (source, expected) in [
        ("0", &[0x20][..]),
        ("-255", &[0x31, 0xFF]),
        ("0e0", &[0x40]),
        ("1e0", &[0x48, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0]),
        ("0d0", &[0x50]),
        ("-0d0", &[0x52, 0x80, 0x80]),
        ("-12.8", &[0x53, 0xC1, 0x80, 0x80]),
        ("name", &[0x71, 0x04]),
        ("{name:version}", &[0xD3, 0x84, 0x71, 0x05]),
        ("a", &[0xE7, 0x81, 0x83, 0xD4, 0x87, 0xB2, 0x81, b'a', 0x71, 0x0A]),
    ] {
        let value = text::read_one(source).unwrap();
        assert_eq!(binary::write(&value)[4..], *expected, "{source}");
    }
}

/// Prints timings and checks nothing:
/// `cargo test --release -p everstrand-ion -- --ignored --nocapture timings`
#[test]
#[ignore = "prints timings"]
fn timings() {
    let registration = "{VIN:'1N4AL11D75C109151',LicensePlateNumber:\"LEWISR261LL\",State:\"WA\",City:\"Seattle\",\
        PendingPenaltyTicketAmount:90.25,ValidFromDate:2017-08-21T,ValidToDate:2020-05-11T,\
        Owners:{PrimaryOwner:{PersonId:\"GddsXfIYfDlKCEprOLOwYt\"},SecondaryOwners:[{PersonId:\"a1\"},{PersonId:\"b2\"}]},\
        Color:\"Silver\",Make:\"Tesla\",Model:\"Model S\",Mileage:123456,Weight:2241.5e0,\
        Inspected:2019-09-16T19:37:05.344Z,Notes:\"one owner, garage kept, all services done on time by the dealer\",\
        Photo:{{VGhpcyBpcyBub3QgYSBwaG90byBidXQgc29tZSBieXRlcyBmb3IgdGhlIGRvY3VtZW50IHRoYXQgaXMgbWVhc3VyZWQ=}},\
        Engine:{Cylinders:0,Power:\"dual motor\",Serial:\"5YJSA1E26HF000337\",Torque:931},Archived:false}";
    let value = text::read_one(registration).unwrap();
    let document = Document::from(&value);
    let bytes = document.as_bytes();
    let theirs = ion_rs::Element::read_one(bytes).unwrap().encode_as(ion_rs::v1_0::Binary).unwrap();
    println!("{} bytes, {} values", bytes.len(), touch(document.root()));
    let kibibyte = [7u8; 1024];
    time("SHA-256 of 1 KiB, to compare", || usize::from(sha2::Sha256::digest(kibibyte)[0]));
    time("walk every value", || count(document.root()));
    time("walk, only types", || kinds(document.root()));
    time("find the last field", || usize::from(document.root().get("Archived").is_some()));
    time("open trusted bytes", || Document::from_canonical(bytes).unwrap().as_bytes().len());
    time("validate canonical bytes", || Document::from_binary(bytes).unwrap().as_bytes().len());
    time("validate and rewrite others", || Document::from_binary(&theirs).unwrap().as_bytes().len());
    time("Ion hash, encoded", || usize::from(document.ion_hash()[0]));
    time("decode and hash", || usize::from(Document::from_binary(bytes).unwrap().ion_hash()[0]));
    time("tree from bytes", || usize::from(binary::read_one(bytes).unwrap().is_null()));
    time("tree from document", || usize::from(document.to_value().is_null()));
    time("document from tree", || Document::from(&value).as_bytes().len());
    time("copy two parts", || {
        let mut writer = StructWriter::new();
        writer.raw("Owners", document.root().get("Owners").unwrap());
        writer.raw("VIN", document.root().get("VIN").unwrap());
        writer.finish().as_bytes().len()
    });
    time("write text", || text::write(&value).len());
    time("read text", || usize::from(text::read_one(registration).unwrap().is_null()));
}

fn kinds(value: RawValue<'_>) -> usize {
    match value.ion_type() {
        IonType::List | IonType::Sexp => value.items().map(kinds).sum(),
        IonType::Struct => value.fields().map(|(_, field)| kinds(field)).sum(),
        ion_type => ion_type as usize,
    }
}

fn count(value: RawValue<'_>) -> usize {
    let items: usize = value.items().map(count).sum();
    let fields: usize = value.fields().map(|(name, field)| name.map_or(0, str::len) + count(field)).sum();
    1 + items + fields
}

fn time(what: &str, mut work: impl FnMut() -> usize) {
    const ROUNDS: u32 = 100;
    let mut best = std::time::Duration::MAX;
    for _ in 0..2_000 {
        let begin = std::time::Instant::now();
        for _ in 0..ROUNDS {
            std::hint::black_box(work());
        }
        best = best.min(begin.elapsed() / ROUNDS);
    }
    println!("{what:30} {best:?}");
}
