//! AWS Signature Version 4 in the header `Authorization`: signing for clients, checking for servers.
//!
//! Client and server make the same canonical text of a request, and compute an HMAC of it. The text has the method, the
//! path *percent-encoded a second time*, the sorted pairs of the query, the headers that the client signs, and the SHA-256
//! of the body. The key is derived from the secret, the day, the region and the service, so it is the same for a day.
//!
//! The caller tells the time. The official clients sign different headers. A server demands what AWS demands: that the
//! host is signed, and every header whose name begins with `x-amz-`.

mod check;
mod sign;
#[cfg(test)]
mod tests;
mod time;

use std::fmt;

use hmac::{Hmac, Mac};
use percent_encoding::utf8_percent_encode;
use sha2::{Digest, Sha256};

pub use check::{Authorization, CLOCK_SKEW_SECONDS_MAX};
pub use sign::Signer;
pub use time::AmzDate;

use crate::wire::ENCODED_IN_PATH;

/// The name of the service in a signature, which is the same for both APIs.
pub const SERVICE: &str = "qldb";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";

/// The parts of a request that a signature covers.
#[derive(Clone, Copy, Debug)]
pub struct SignedParts<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path as it is in the request line, percent-encoded.
    pub path: &'a str,
    /// The query as it is in the request line, without the question mark; empty if there is none.
    pub query: &'a str,
    /// The names and values of the headers. Names may be in upper or lower case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// An access key. `Debug` shows its id only.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The id of the key.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// The token that belongs to temporary credentials.
    pub session_token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Credentials({}, ***)", self.access_key_id)
    }
}

/// The key that signs requests to one service in one region on one day.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey(***)")
    }
}

impl SigningKey {
    /// Derives the key from the secret; `day` has the form `YYYYMMDD`.
    pub fn derive(secret_access_key: &str, day: &str, region: &str, service: &str) -> SigningKey {
        let mut key = hmac(["AWS4", secret_access_key].concat().as_bytes(), day.as_bytes());
        for part in [region, service, TERMINATOR] {
            key = hmac(&key, part.as_bytes());
        }
        SigningKey(key)
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        mac(&self.0, text.as_bytes())
    }
}

/// The text whose HMAC is the signature.
fn string_to_sign(parts: &SignedParts<'_>, signed_headers: &str, date: &AmzDate, scope: &str) -> String {
    let canonical = canonical_request(parts, signed_headers);
    let mut text = String::with_capacity(128);
    for part in [ALGORITHM, &date.to_string(), scope] {
        text.push_str(part);
        text.push('\n');
    }
    push_hex(&mut text, &Sha256::digest(canonical));
    text
}

/// The canonical text of a request. `signed_headers` are names in lower case, sorted and joined by `;`.
fn canonical_request(parts: &SignedParts<'_>, signed_headers: &str) -> String {
    let mut text = String::with_capacity(512);
    text.push_str(parts.method);
    text.push('\n');
    push_canonical_path(&mut text, parts.path);
    text.push('\n');
    push_canonical_query(&mut text, parts.query);
    text.push('\n');
    for name in signed_headers.split(';') {
        text.push_str(name);
        text.push(':');
        push_canonical_values(&mut text, parts.headers, name);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(signed_headers);
    text.push('\n');
    push_hex(&mut text, &Sha256::digest(parts.body));
    text
}

fn push_canonical_path(text: &mut String, path: &str) {
    if path.is_empty() {
        text.push('/');
    }
    text.extend(utf8_percent_encode(path, ENCODED_IN_PATH));
}

fn push_canonical_query(text: &mut String, query: &str) {
    let mut pairs: Vec<(&str, &str)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.into_iter().enumerate() {
        if index > 0 {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
}

/// Appends the values of a header, joined by commas. Blanks at the ends of a value are removed, and several blanks in it
/// become one.
fn push_canonical_values(text: &mut String, headers: &[(&str, &str)], name: &str) {
    let values = headers.iter().filter(|header| header.0.eq_ignore_ascii_case(name));
    for (index, (_, value)) in values.enumerate() {
        if index > 0 {
            text.push(',');
        }
        for (index, word) in value.split_ascii_whitespace().enumerate() {
            if index > 0 {
                text.push(' ');
            }
            text.push_str(word);
        }
    }
}

fn mac(key: &[u8], bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(bytes);
    mac
}

fn hmac(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    mac(key, bytes).finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    push_hex(&mut text, bytes);
    text
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}
