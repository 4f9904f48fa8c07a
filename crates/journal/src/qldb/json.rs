//! Blocks in JSON: writes them, and finds again the types that JSON lost.
//!
//! JSON has no timestamps, blobs, symbols or decimals. Therefore an export in JSON does not tell which values were
//! hashed. The types of a block's own fields are known. The types in a document are guessed: the values that the JSON
//! may stand for are tried until one has the hash of the revision. If none has, the document stays as it is in JSON, and
//! the check of the revision then fails.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everstrand_ion::{Data, Decimal, IonType, Struct, Symbol, Timestamp, Value, binary, ion_hash};

use crate::hashing::{Hash, dot};
use crate::qldb::written_bytes;

/// The most values that are tried for one document, and the most bytes that they may have together.
const TRIES_MAX: usize = 4096;
const TRIED_BYTES_MAX: usize = 64 << 20;

/// Writes a value as one line of JSON, by Ion's rules for conversion: nulls lose their type, annotations are dropped,
/// timestamps, symbols and clobs become strings, blobs become base64.
pub fn to_json(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// A block that was read from JSON, with the types that it had, as far as they can be found.
pub fn recover_block(json: &Value) -> Value {
    let Data::Struct(fields) = &json.data else {
        return json.clone();
    };
    let typed = fields.iter().map(|(name, value)| {
        let value = match name.text() {
            Some("blockTimestamp") => timestamp(value),
            Some("blockHash" | "entriesHash" | "previousBlockHash") => blob(value),
            Some("entriesHashList") => list(value, blob),
            Some("transactionInfo") => transaction_info(value),
            Some("revisions") => list(value, recover_revision),
            _ => value.clone(),
        };
        (name.clone(), value)
    });
    Value::from(Struct::new(typed.collect()))
}

/// A revision that was read from JSON, with the types that it had, as far as they can be found.
pub fn recover_revision(json: &Value) -> Value {
    let Data::Struct(fields) = &json.data else {
        return json.clone();
    };
    let mut typed: Vec<(Symbol, Value)> = fields
        .iter()
        .map(|(name, value)| {
            let value = match name.text() {
                Some("hash" | "dataHash") => blob(value),
                Some("metadata") => with_field(value, "txTime", timestamp),
                _ => value.clone(),
            };
            (name.clone(), value)
        })
        .collect();
    let part = |typed: &[(Symbol, Value)], wanted: &str| {
        typed.iter().find(|(name, _)| name.text() == Some(wanted)).map(|(_, value)| value.clone())
    };
    let hash = part(&typed, "hash").and_then(|hash| Hash::from_slice(hash.as_bytes()?));
    let metadata = part(&typed, "metadata").map(|metadata| Hash(ion_hash(&metadata)));
    let data = part(&typed, "data");
    if let (Some(hash), Some(metadata), Some(data)) = (hash, metadata, data)
        && let Some(found) = recover_data(&data, |data| dot(Hash(ion_hash(data)), metadata) == hash)
        && let Some((_, value)) = typed.iter_mut().find(|(name, _)| name.text() == Some("data"))
    {
        *value = found;
    }
    Value::from(Struct::new(typed))
}

fn transaction_info(value: &Value) -> Value {
    with_field(value, "statements", |statements| {
        list(statements, |statement| {
            with_field(&with_field(statement, "startTime", timestamp), "statementDigest", blob)
        })
    })
}

fn timestamp(value: &Value) -> Value {
    value.as_text().and_then(|text| text.parse::<Timestamp>().ok()).map_or_else(|| value.clone(), Value::from)
}

fn blob(value: &Value) -> Value {
    written_bytes::bytes(value).map_or_else(|| value.clone(), |bytes| Value::new(Data::Blob(bytes)))
}

fn list(value: &Value, item: impl Fn(&Value) -> Value) -> Value {
    match &value.data {
        Data::List(items) => items.iter().map(item).collect::<Vec<Value>>().into(),
        _ => value.clone(),
    }
}

fn with_field(value: &Value, wanted: &str, convert: impl Fn(&Value) -> Value) -> Value {
    match &value.data {
        Data::Struct(fields) => {
            let convert = |(name, value): &(Symbol, Value)| {
                let value = if name.text() == Some(wanted) { convert(value) } else { value.clone() };
                (name.clone(), value)
            };
            Struct::new(fields.iter().map(convert).collect()).into()
        }
        _ => value.clone(),
    }
}

/// Tries the values that `json` may stand for, until `fits` accepts one. First every scalar gets its first reading, then
/// every one its second, and so on; then the readings are mixed, as far as the number of tries allows.
fn recover_data(json: &Value, fits: impl Fn(&Value) -> bool) -> Option<Value> {
    let mut scalars = Vec::new();
    collect(json, &mut scalars);
    let tries = TRIES_MAX.min(TRIED_BYTES_MAX / binary::write(json).len());
    let choices: Vec<Vec<Value>> = scalars.into_iter().map(readings).collect();
    let most = choices.iter().map(Vec::len).max().unwrap_or(1);
    let same: Vec<Vec<usize>> = (0..most)
        .map(|reading| choices.iter().map(|choice| reading.min(choice.len() - 1)).collect())
        .collect();
    // A number whose digits are the readings of the scalars. Counting it up mixes them in every way.
    let mut counter = vec![0; choices.len()];
    let each = std::iter::from_fn(|| {
        let current = counter.clone();
        let next = (0..counter.len()).find(|&place| counter[place] + 1 < choices[place].len())?;
        counter[..next].fill(0);
        counter[next] += 1;
        Some(current)
    });
    same.into_iter().chain(each).take(tries).find_map(|picked| {
        let mut picks = choices.iter().zip(picked).map(|(choice, pick)| &choice[pick]);
        let candidate = rebuild(json, &mut picks);
        fits(&candidate).then_some(candidate)
    })
}

fn collect<'a>(value: &'a Value, scalars: &mut Vec<&'a Value>) {
    match &value.data {
        Data::Struct(_) if written_bytes::of_numbers(value).is_some() => scalars.push(value),
        Data::List(items) => items.iter().for_each(|item| collect(item, scalars)),
        Data::Struct(fields) => fields.iter().for_each(|(_, value)| collect(value, scalars)),
        _ => scalars.push(value),
    }
}

fn rebuild<'a>(value: &Value, scalars: &mut impl Iterator<Item = &'a Value>) -> Value {
    match &value.data {
        Data::Struct(_) if written_bytes::of_numbers(value).is_some() => {
            scalars.next().cloned().unwrap_or_else(Value::null)
        }
        Data::List(items) => items.iter().map(|item| rebuild(item, scalars)).collect::<Vec<Value>>().into(),
        Data::Struct(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), rebuild(value, scalars)));
            Struct::new(fields.collect()).into()
        }
        _ => scalars.next().cloned().unwrap_or_else(Value::null),
    }
}

/// The values that one scalar in JSON may stand for, the likeliest first.
fn readings(json: &Value) -> Vec<Value> {
    let mut readings = vec![json.clone()];
    match &json.data {
        Data::String(text) => {
            readings.extend(text.parse::<Timestamp>().ok().map(Value::from));
            readings.push(Value::new(Data::Symbol(Symbol::new(text.as_str()))));
            readings.extend(STANDARD.decode(text).ok().map(|bytes| Value::new(Data::Blob(bytes))));
        }
        Data::Int(int) => {
            for scale in 0..=4 {
                let factor = 10i64.pow(scale);
                let scaled = int.as_i64().and_then(|int| int.checked_mul(factor));
                let exponent = i32::try_from(scale).map_or(0, |scale| -scale);
                readings.extend(scaled.map(|coefficient| Value::from(Decimal::new(coefficient, exponent))));
            }
            readings.push(Value::from(int.to_f64()));
        }
        Data::Decimal(decimal) => {
            let float = decimal.to_f64();
            readings.push(Value::from(float));
            for digits in 0..=4usize {
                let rounded = everstrand_ion::text::read_one(&format!("{float:.digits$}"));
                readings.extend(rounded.ok().filter(|value| value.ion_type() == IonType::Decimal));
            }
        }
        // JavaScript writes the bytes of a blob as a struct of numbers.
        Data::Struct(_) => {
            let bytes = written_bytes::of_numbers(json);
            readings.extend(bytes.map(|bytes| Value::new(Data::Blob(bytes))));
        }
        Data::Float(float) => readings.extend(Decimal::from_f64(*float).map(Value::from)),
        Data::Null(_) => readings.extend(
            [
                IonType::Struct,
                IonType::List,
                IonType::String,
                IonType::Int,
                IonType::Timestamp,
                IonType::Decimal,
            ]
            .map(|ion_type| Value::new(Data::Null(ion_type))),
        ),
        _ => {}
    }
    readings
}

fn write(value: &Value, out: &mut String) {
    match &value.data {
        Data::Null(_) => out.push_str("null"),
        Data::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Data::Int(int) => out.push_str(&int.to_string()),
        Data::Float(float) if float.is_finite() => out.push_str(&format!("{float:?}")),
        Data::Float(_) => out.push_str("null"),
        Data::Decimal(decimal) => write_decimal(decimal, out),
        Data::Timestamp(timestamp) => write_string(&timestamp.to_string(), out),
        Data::Symbol(symbol) => match symbol.text() {
            Some(text) => write_string(text, out),
            None => out.push_str("null"),
        },
        Data::String(text) => write_string(text, out),
        Data::Clob(bytes) => {
            write_string(&bytes.iter().copied().map(char::from).collect::<String>(), out);
        }
        Data::Blob(bytes) => write_string(&STANDARD.encode(bytes), out),
        Data::List(items) | Data::Sexp(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Data::Struct(fields) => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(name.text().unwrap_or_default(), out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
    }
}

/// Writes a decimal with its precision: as `75.250` if that is short, else as `1e100`.
fn write_decimal(decimal: &Decimal, out: &mut String) {
    let coefficient = decimal.coefficient().to_string();
    let (sign, digits) = match coefficient.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None if decimal.is_negative_zero() => ("-", coefficient.as_str()),
        None => ("", coefficient.as_str()),
    };
    out.push_str(sign);
    let places = usize::try_from(decimal.exponent().unsigned_abs()).unwrap_or(usize::MAX);
    if decimal.exponent() > 0 || places > 30 {
        out.push_str(&format!("{digits}e{}", decimal.exponent()));
    } else if places == 0 {
        out.push_str(digits);
    } else {
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        out.push_str(&format!("{whole}.{fraction}"));
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use everstrand_ion::text::read_one;

    #[test]
    fn json_is_read_as_ion() {
        let json = "{\"a\":\"\\/ \\ud83d\\udd12 \\u0001\",\"b\":-1.5e3,\"c\":[true,false,null],\"d\":{}}";
        let value = read_one(json).unwrap();
        assert_eq!(value.get("a").unwrap().as_text(), Some("/ \u{1f512} \u{1}"));
        assert_eq!(
            to_json(&value),
            "{\"a\":\"/ \u{1f512} \\u0001\",\"b\":-1500.0,\"c\":[true,false,null],\"d\":{}}"
        );
    }

    #[test]
    fn values_in_json() {
        let written = [
            (
                "{a:1,b:\"x\\n\\x01\",c:2020-01-01T00:00:00.000Z}",
                "{\"a\":1,\"b\":\"x\\n\\u0001\",\"c\":\"2020-01-01T00:00:00.000Z\"}",
            ),
            ("[75.250,-0.5,1d3,5.,-0.0,1d-40]", "[75.250,-0.5,1e3,5,-0.0,1e-40]"),
            (
                "[null.int,x::sym,{{aGk=}},{{\"hi\"}},(a b),nan,1e0,true]",
                "[null,\"sym\",\"aGk=\",\"hi\",[\"a\",\"b\"],null,1.0,true]",
            ),
        ];
        for (ion, json) in written {
            assert_eq!(to_json(&read_one(ion).unwrap()), json);
        }
    }

    #[test]
    fn what_is_tried_is_bounded_in_bytes_too() {
        let long = "x".repeat(1 << 20);
        let json = read_one(&format!("[{}]", vec![format!("{long:?}"); 16].join(","))).unwrap();
        let tried = std::cell::Cell::new(0);
        let found = recover_data(&json, |_| {
            tried.set(tried.get() + 1);
            false
        });
        assert_eq!((found, tried.get()), (None, 3));
    }

    #[test]
    fn documents_come_back_through_their_hash() {
        let metadata = "{id:\"a\",version:0,txTime:2020-01-01T00:00:00.000Z,txId:\"b\"}";
        let documents = [
            "{a:1,b:\"x\"}",
            "{amount:9.0,tax:8.7,when:2020-02-03}",
            "{price:10e0,list:[1.50,sym,null.string],blob:{{aGVsbG8=}}}",
        ];
        for document in documents {
            let data = read_one(document).unwrap();
            let metadata = read_one(metadata).unwrap();
            let hash = dot(Hash(ion_hash(&data)), Hash(ion_hash(&metadata)));
            let fields = [("hash", hash.to_ion()), ("data", data), ("metadata", metadata)];
            let revision = Value::from(Struct::from_iter(fields));
            let json = read_one(&to_json(&revision)).unwrap();
            assert_eq!(recover_revision(&json), revision, "{document}");
        }
    }
}
