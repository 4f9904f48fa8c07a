//! The text form: printing, reading, refusing, and that no input makes the reader panic.

use everstrand_ion::{Data, Document, IonType, MAX_DEPTH, Struct, Symbol, Value, binary, text};
use proptest::prelude::*;

use crate::strategy;

fn read(text: &str) -> Value {
    text::read_one(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn prints_the_compact_form_of_qldb() {
    for (input, printed) in [
        ("{ a : 1 , 'b c' : \"x\" }", "{a:1,'b c':\"x\"}"),
        ("[1, [ ], ( ), { }]", "[1,[],(),{}]"),
        ("(a + '//' 'b c' ['-'] ('-') (+inf + inf))", "(a + '//' 'b c' ['-'] (-) (+inf + inf))"),
        ("a::'b c'::'+'::{c:d::1}", "a::'b c'::'+'::{c:d::1}"),
        ("null null.int null.null", "null null.int null"),
        ("'null' 'true' 'nan' 'inf' '' '$10' '$1a' '$' $0", "'null' 'true' 'nan' inf '' '$10' '$1a' $ $0"),
        ("{{ aGVsbG8= }} {{}} {{\"a\\xffb\\n\"}}", "{{aGVsbG8=}} {{}} {{\"a\\xffb\\n\"}}"),
        ("{{ '''a''' '''b\n''' }}", "{{\"ab\\n\"}}"),
        ("\"\\0\\a\\x01\\x7f\\\"'\\\\é\"", "\"\\0\\a\\x01\\x7f\\\"'\\\\é\""),
        ("'it\\'s \"it\"'", "'it\\'s \"it\"'"),
        ("2017-08-21T 2017T 2017-08T", "2017-08-21 2017T 2017-08T"),
        (
            "2017-08-21T10:00+00:00 2017-08-21T10:00:00.120-00:00",
            "2017-08-21T10:00Z 2017-08-21T10:00:00.120-00:00",
        ),
        ("1.50 -0. 0.0001 1d5 1.5d-9", "1.50 -0. 0.0001 1d5 15d-10"),
        ("0x1F -0b11 1_000", "31 -3 1000"),
        ("'''a\r\nb''' // c\n '''c'''", "\"a\\nbc\""),
    ] {
        let values = text::read_all(input).unwrap_or_else(|error| panic!("{input}: {error}"));
        let written: Vec<String> = values.iter().map(text::write).collect();
        assert_eq!(written.join(" "), printed);
    }
}

#[test]
fn prints_floats_with_the_digits_that_identify_them() {
    for (float, printed) in [
        (0.0, "0e0"),
        (-0.0, "-0e0"),
        (1.0, "1e0"),
        (-1.5, "-1.5e0"),
        (100.0, "100e0"),
        (1_234_567.25, "1234567.25e0"),
        (1e7, "1.0E7"),
        (1.25e300, "1.25E300"),
        (0.001, "0.001e0"),
        (0.0125, "0.0125e0"),
        (0.0001, "1.0E-4"),
        (5e-324, "5.0E-324"),
        (f64::INFINITY, "+inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
        (-f64::NAN, "nan"),
    ] {
        assert_eq!(text::write(&Value::from(float)), printed);
    }
}

#[test]
fn prints_lines_for_people() {
    let value = read("{a:1,b:[x::\"y\",{}],c:(+ 1)}");
    assert_eq!(
        text::write_pretty(&value),
        "{\n  a: 1,\n  b: [\n    x::\"y\",\n    {}\n  ],\n  c: (\n    +\n    1\n  )\n}"
    );
    assert_eq!(read(&text::write_pretty(&value)), value);
}

#[test]
fn a_symbol_like_a_version_marker_is_quoted_at_the_top_only() {
    let symbol = Value::from(Symbol::from("$ion_2_0"));
    assert_eq!(text::write(&symbol), "'$ion_2_0'");
    assert_eq!(text::write(&Value::from(vec![symbol])), "[$ion_2_0]");
}

#[test]
fn symbol_tables_define_symbol_ids() {
    let input = "$ion_symbol_table::{symbols:[\"a\",1,\"b\"]} $10 $11 $12 \
        $ion_symbol_table::{imports:$ion_symbol_table,symbols:[\"c\"]} $13 $4 \
        $ion_symbol_table::{imports:[{name:\"x\",max_id:5}],symbols:[\"d\"]} $10 $15 \
        $ion_1_0 name";
    let values: Vec<String> = text::read_all(input).unwrap().iter().map(text::write).collect();
    assert_eq!(values, ["a", "$0", "b", "c", "name", "$0", "d", "name"]);
    assert!(text::read_all("$ion_symbol_table::{symbols:[\"a\"]} $ion_1_0 $10").is_err());
}

#[test]
fn errors_say_what_and_where() {
    for (input, message) in [
        ("", "expected a value, found the end of the text at offset 0"),
        ("1 2", "expected one value, found another after it at offset 2"),
        ("[1, 2", "this list is not closed at offset 0"),
        ("{a:1, null:2}", "null is a keyword: write the field name in quotes at offset 6"),
        ("{a 1}", "expected `:` after the name of a field, found `1` at offset 3"),
        ("\"abc", "this quote is not closed at offset 0"),
        ("\"a\nb\"", "a line ends inside quotes; write \\n, or use ''' at offset 2"),
        ("é", "expected a value, found `é` at offset 0"),
        ("2007-02-30", "the month has no such day at offset 0"),
        ("$10", "this symbol id is not defined at offset 0"),
        ("$ion_1_1 a", "only Ion 1.0 is read here, not $ion_1_1 at offset 0"),
        ("/* a", "this comment is not closed at offset 0"),
        ("1d99999999999", "the exponent of a decimal must be an integer of 32 bits at offset 0"),
        ("\"\\ud800x\"", "this escape is not a Unicode character at offset 1"),
        ("null.ints", "`null.` is followed by the name of an Ion type at offset 5"),
    ] {
        assert_eq!(text::read_one(input).unwrap_err().to_string(), message, "{input}");
    }
}

#[test]
fn hostile_inputs_are_refused() {
    // Four inputs make another reader panic or abort the process. The fifth is not UTF-8, so it cannot be given to this
    // reader.
    assert!(text::read_all(&"[".repeat(2_000)).is_err());
    assert!(text::read_all(&format!("{}{}", "[".repeat(2_000), "]".repeat(2_000))).is_err());
    assert!(text::read_all("$888888888888888888888888888").is_err());
    assert!(str::from_utf8(b"'\xF7'".as_slice()).is_err());
    assert!(binary::read_all(&[0xE0, 0x01, 0x00, 0xEA, 0xE8, 0x8A, 0x32, 0x41]).is_err());

    let too_many =
        "$ion_symbol_table::{imports:[{name:\"x\",max_id:9223372036854775807}]} $9223372036854775000";
    assert!(text::read_all(too_many).is_err());
    let many = "$ion_symbol_table::{imports:[{name:\"x\",max_id:9223372036854775000}],symbols:[\"a\"]} \
        $9223372036854775000 $9223372036854775010";
    assert_eq!(text::read_all(many).unwrap(), [Symbol::UNKNOWN.into(), Symbol::from("a").into()]);
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(text::read_one(&nested(MAX_DEPTH)).is_ok());
    let error = text::read_one(&nested(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(error.to_string(), "containers are nested deeper than 128 at offset 128");
    let nested = |depth: usize| format!("{}1{}", "{a:(".repeat(depth), ")}".repeat(depth));
    assert!(text::read_one(&nested(MAX_DEPTH / 2)).is_ok());
    assert!(text::read_one(&nested(MAX_DEPTH / 2 + 1)).is_err());
}

#[test]
fn the_deepest_value_fits_a_small_stack() {
    let deepest = || {
        let nested = format!("{}1{}", "{a:x::(".repeat(MAX_DEPTH / 2), ")}".repeat(MAX_DEPTH / 2));
        let value = read(&nested);
        assert_eq!(text::write(&value), nested);
        assert_eq!(read(&format!("{value:#}")), value.clone());
        let document = Document::from(&value);
        assert_eq!(document.to_value(), value);
        assert_eq!(document.ion_hash(), everstrand_ion::ion_hash(&value));
    };
    std::thread::Builder::new().stack_size(512 * 1024).spawn(deepest).unwrap().join().unwrap();
}

#[test]
fn long_inputs_take_linear_time() {
    for part in ["a::", "'''a'''", "/**/", "(", "1_0", "\\u0041", "\"\"", "$ion_", "+", "a ", "//\n", "{{"] {
        let _ = text::read_all(&part.repeat(100_000));
    }
    let digits = "7".repeat(200_000);
    assert!(matches!(read(&digits).data, Data::Int(_)));
    assert!(matches!(read(&format!("{digits}.5")).data, Data::Decimal(_)));
    assert!(matches!(read(&format!("{digits}e1")).data, Data::Float(float) if float.is_infinite()));
}

/// A value as an element of `ion-rs`.
fn element(value: &Value) -> ion_rs::Element {
    use ion_rs::Element;
    let of_symbol = |symbol: &Symbol| match symbol.text() {
        Some(text) => ion_rs::Symbol::from(text),
        None => ion_rs::Symbol::unknown_text(),
    };
    let bare: Element = match &value.data {
        Data::Null(ion_type) => Element::null(match ion_type {
            IonType::Null => ion_rs::IonType::Null,
            IonType::Bool => ion_rs::IonType::Bool,
            IonType::Int => ion_rs::IonType::Int,
            IonType::Float => ion_rs::IonType::Float,
            IonType::Decimal => ion_rs::IonType::Decimal,
            IonType::Timestamp => ion_rs::IonType::Timestamp,
            IonType::Symbol => ion_rs::IonType::Symbol,
            IonType::String => ion_rs::IonType::String,
            IonType::Clob => ion_rs::IonType::Clob,
            IonType::Blob => ion_rs::IonType::Blob,
            IonType::List => ion_rs::IonType::List,
            IonType::Sexp => ion_rs::IonType::SExp,
            IonType::Struct => ion_rs::IonType::Struct,
        }),
        Data::Symbol(symbol) => Element::symbol(of_symbol(symbol)),
        Data::String(text) => Element::string(text.as_str()),
        Data::Clob(bytes) => Element::clob(bytes.as_slice()),
        Data::Blob(bytes) => Element::blob(bytes.as_slice()),
        Data::Bool(bool) => Element::boolean(*bool),
        Data::Float(float) => Element::float(*float),
        Data::List(items) => ion_rs::List::from_iter(items.iter().map(element)).into(),
        Data::Sexp(items) => ion_rs::SExp::from_iter(items.iter().map(element)).into(),
        Data::Struct(fields) => fields
            .iter()
            .map(|(name, value)| (of_symbol(name), element(value)))
            .collect::<ion_rs::Struct>()
            .into(),
        Data::Int(_) | Data::Decimal(_) | Data::Timestamp(_) => {
            // `ion-rs` cannot be given these values. So it reads our text, and only their place among other values is
            // checked. Other tests check their digits.
            Element::read_one(text::write(&Value::new(value.data.clone()))).unwrap()
        }
    };
    bare.with_annotations(value.annotations().iter().map(of_symbol).collect::<Vec<_>>())
}

/// Whether `ion-rs` can hold a value. Its range of decimal exponents is smaller.
fn fits_elsewhere(value: &Value) -> bool {
    match &value.data {
        Data::Decimal(decimal) => decimal.exponent().unsigned_abs() < 1_000,
        Data::Int(int) => i128::try_from(int.to_bigint()).is_ok(),
        Data::List(items) | Data::Sexp(items) => items.iter().all(fits_elsewhere),
        Data::Struct(fields) => fields.iter().all(|(_, value)| fits_elsewhere(value)),
        _ => true,
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in strategy::value()) {
        prop_assert_eq!(&text::read_one(&text::write(&value)).unwrap(), &value);
        prop_assert_eq!(&text::read_one(&text::write_pretty(&value)).unwrap(), &value);
    }

    #[test]
    fn no_control_character_is_written_raw(value in strategy::value()) {
        prop_assert!(!text::write(&value).contains(|character: char| character.is_control()));
    }

    #[test]
    fn another_reader_sees_the_same_value(value in strategy::value()) {
        if !fits_elsewhere(&value) {
            return Ok(());
        }
        let written = text::write(&value);
        let read = ion_rs::Element::read_one(&written);
        prop_assert!(read.is_ok(), "{}: {:?}", written, read);
        // The equivalence of Ion's data model, where NaN equals NaN.
        let (read, expected) = (read.unwrap(), element(&value));
        prop_assert!(ion_rs::IonData::eq(&read, &expected), "{read} and {expected}");
    }

    #[test]
    fn another_writer_is_read_to_the_same_value(value in strategy::value()) {
        if !fits_elsewhere(&value) {
            return Ok(());
        }
        // `ion-rs` writes the symbol $ion_2_0 at the top level as a version marker.
        let value = Value::from(vec![value]);
        let element = element(&value);
        let written = element.encode_as(ion_rs::v1_0::Text.with_format(ion_rs::TextFormat::Pretty)).unwrap();
        // `ion-rs` writes control characters without escapes, which Ion forbids.
        if written.contains(|character: char| character.is_control() && character != '\n') {
            return Ok(());
        }
        prop_assert_eq!(text::read_one(&written).unwrap(), value);
    }

    #[test]
    fn equality_ignores_the_order_of_fields(
        fields in prop::collection::vec((strategy::symbol(), strategy::value()), 0..8),
        seed in any::<u64>(),
    ) {
        let mut shuffled = fields.clone();
        for index in (1..shuffled.len()).rev() {
            shuffled.swap(index, usize::try_from(seed).unwrap() % (index + 1));
        }
        prop_assert_eq!(Struct::new(fields), Struct::new(shuffled));
    }
}

/// Changes a valid text in some places, as a fuzzer does.
fn mutate(text: &str, changes: &[(prop::sample::Index, u8, prop::sample::Index)]) -> String {
    const PARTS: [&str; 32] = [
        "'",
        "'''",
        "\"",
        "{{",
        "}}",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "::",
        ":",
        ",",
        "\\",
        "\\u",
        "\\x4",
        "//",
        "/*",
        "*/",
        "null.",
        "$",
        "$10 ",
        "-",
        "+inf",
        "1d",
        "2007-",
        "T",
        "_",
        "0x",
        "é",
        "$ion_symbol_table::{symbols:[\"a\"]} ",
    ];
    let mut characters: Vec<char> = text.chars().collect();
    for (place, kind, other) in changes {
        let at = place.index(characters.len() + 1);
        match kind % 4 {
            0 if at < characters.len() => {
                characters.remove(at);
            }
            1 => characters.truncate(at.max(characters.len() / 2)),
            2 => {
                let from = other.index(characters.len() + 1);
                let copied: Vec<char> = characters[from.min(at)..from.max(at)].to_vec();
                characters.splice(at..at, copied);
            }
            _ => {
                characters.splice(at..at, PARTS[other.index(PARTS.len())].chars());
            }
        }
    }
    characters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_the_reader_panic(
        value in strategy::value(),
        changes in prop::collection::vec(any::<(prop::sample::Index, u8, prop::sample::Index)>(), 1..6),
    ) {
        let mutated = mutate(&text::write(&value), &changes);
        match text::read_all(&mutated) {
            // A value that was accepted can be written and read again.
            Ok(values) => {
                for value in values {
                    prop_assert_eq!(&text::read_one(&text::write(&value)).unwrap(), &value);
                }
            }
            Err(error) => prop_assert!(error.offset <= mutated.len()),
        }
    }
}
