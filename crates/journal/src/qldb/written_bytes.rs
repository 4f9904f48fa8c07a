//! Bytes in the forms in which programs without Ion write them: base64, hexadecimal digits, and the byte arrays of
//! JavaScript's and Java's JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everstrand_ion::{Data, Value};

use crate::hashing::Hash;

/// The most bytes that are read from numbers. Programs write hashes so, and small blobs of documents.
const NUMBERS_MAX: usize = 1 << 16;

/// The bytes of a blob, or the bytes that a text or numbers stand for.
pub(crate) fn bytes(value: &Value) -> Option<Vec<u8>> {
    match &value.data {
        Data::Blob(bytes) => Some(bytes.clone()),
        Data::String(text) => hexadecimal(text).or_else(|| STANDARD.decode(text).ok()),
        _ => of_numbers(value),
    }
}

/// The hash that a text stands for, in base64 or hexadecimal digits.
pub(crate) fn hash_of_text(text: &str) -> Option<Hash> {
    Hash::from_base64(text).or_else(|| Hash::from_slice(&hexadecimal(text)?))
}

/// The bytes that are written as numbers: `[130,…]`, `{"0":130,…}` (a `Uint8Array`) or `{"type":"Buffer","data":[…]}`.
pub(crate) fn of_numbers(value: &Value) -> Option<Vec<u8>> {
    match &value.data {
        Data::List(items) if items.len() <= NUMBERS_MAX => items.iter().map(byte).collect(),
        Data::Struct(fields) if !fields.is_empty() && fields.len() <= NUMBERS_MAX => {
            let is_buffer = value.get("type").and_then(Value::as_text) == Some("Buffer") && fields.len() == 2;
            if is_buffer {
                return of_numbers(value.get("data").filter(|data| data.as_sequence().is_some())?);
            }
            let numbered = (0usize..).zip(fields.iter());
            let in_order = numbered.map(|(place, (name, value))| {
                byte(value).filter(|_| name.text().is_some_and(|name| name == place.to_string()))
            });
            in_order.collect()
        }
        _ => None,
    }
}

/// A byte that is written as a number. Java writes bytes from 128 on as negative numbers.
fn byte(value: &Value) -> Option<u8> {
    let Data::Int(number) = &value.data else { return None };
    let number = number.as_i64()?;
    u8::try_from(number).ok().or_else(|| i8::try_from(number).ok().map(i8::cast_unsigned))
}

/// The bytes of 64 hexadecimal digits, which are a hash. Shorter texts may as well be base64.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_hash = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let pair = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    is_hash.then(|| (0..64).step_by(2).map(pair).collect())?
}

/// If a text is the printed form of Python or Node.js objects: what to do instead.
pub(crate) fn printed_form(text: &str) -> Option<&'static str> {
    let is_python = ["b'", "b\"", "IonPy", "datetime.datetime("].iter().any(|form| text.contains(form));
    let is_node = ["<Buffer ", "Uint8Array(", "Uint8Array ["].iter().any(|form| text.contains(form));
    match (is_python, is_node) {
        (true, _) => Some(
            "this looks like what Python prints, from which bytes cannot be read with certainty. Save the answer as JSON \
             instead: json.dumps(answer, default=lambda it: base64.b64encode(it).decode()), or an Ion value with \
             amazon.ion.simpleion.dumps(value, binary=False)",
        ),
        (_, true) => Some(
            "this looks like what Node.js prints, which may leave bytes out. Save JSON.stringify(answer) instead, or \
             Buffer.from(bytes).toString('base64')",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use everstrand_ion::text::read_one;

    #[test]
    fn bytes_in_all_their_forms() {
        let hash: Vec<u8> = (100..132).collect();
        let list = hash.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        let signed = hash.iter().map(|byte| byte.cast_signed().to_string()).collect::<Vec<_>>().join(",");
        let members = hash.iter().enumerate().map(|(at, byte)| format!("\"{at}\":{byte}"));
        let members = members.collect::<Vec<_>>().join(",");
        let digits = hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let base64 = STANDARD.encode(&hash);
        for form in [
            format!("{{{{{base64}}}}}"),
            format!("\"{base64}\""),
            format!("\"{digits}\""),
            format!("\"0x{}\"", digits.to_uppercase()),
            format!("[{list}]"),
            format!("[{signed}]"),
            format!("{{{members}}}"),
            format!("{{\"type\":\"Buffer\",\"data\":[{list}]}}"),
        ] {
            assert_eq!(bytes(&read_one(&form).unwrap()), Some(hash.clone()), "{form}");
        }
        for other in [
            "{\"1\":1}",
            "{\"0\":1,\"2\":1}",
            "{\"0\":256}",
            "[1,-129]",
            "[1.0]",
            "{}",
            "{\"type\":\"Buffer\"}",
            "null",
        ] {
            assert_eq!(bytes(&read_one(other).unwrap()), None, "{other}");
        }
    }
}
