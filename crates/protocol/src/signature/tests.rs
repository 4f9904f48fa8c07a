//! Test vectors: one was recorded from the published Python driver, an independent implementation computed the others.

use proptest::prelude::*;

use super::*;
use crate::error::Exception;

struct Vector {
    secret: &'static str,
    region: &'static str,
    date: &'static str,
    parts: SignedParts<'static>,
    session_token: Option<&'static str>,
    signature: &'static str,
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TAGS: &str = "/tags/arn%3Aaws%3Aqldb%3Aeu-west-1%3A123456789012%3Aledger%2Fl";

const VECTORS: &[Vector] = &[
    // pyqldb 3.2.4's first request.
    Vector {
        secret: "secretEXAMPLE",
        region: "us-east-1",
        date: "20261122T071029Z",
        parts: SignedParts {
            method: "POST",
            path: "/",
            query: "",
            headers: &[
                ("Host", "127.0.0.1:18081"),
                ("X-Amz-Target", "QLDBSession.SendCommand"),
                ("Content-Type", "application/x-amz-json-1.0"),
            ],
            body: br#"{"StartSession": {"LedgerName": "my-ledger"}}"#,
        },
        session_token: None,
        signature: "2139cc24e76c3cea487958ced2dc27531ee4070a824780b4683f7d732c23b7d1",
    },
    // The path has an ARN, which is encoded twice. The date is a leap day.
    Vector {
        secret: SECRET,
        region: "eu-west-1",
        date: "20240229T235959Z",
        parts: SignedParts {
            method: "GET",
            path: TAGS,
            query: "",
            headers: &[("host", "qldb.eu-west-1.amazonaws.com")],
            body: b"",
        },
        session_token: None,
        signature: "0b86d88f2ced84d5e32b5d0a35318b8e284b35c4e23996b2b3811f4b35d1f6aa",
    },
    // The query is not sorted, a header with blanks is repeated, and the credentials are temporary.
    Vector {
        secret: SECRET,
        region: "eu-west-1",
        date: "20240229T235959Z",
        parts: SignedParts {
            method: "DELETE",
            path: TAGS,
            query: "tagKeys=b&tagKeys=a%20c&flag",
            headers: &[
                ("host", "qldb.eu-west-1.amazonaws.com"),
                ("X-Note", "  two   blanks  "),
                ("x-note", "again"),
            ],
            body: b"",
        },
        session_token: Some("AQoDYXdz/token+=="),
        signature: "000e81018ca83de5ec5560f1bb19eec372b3fdab2fb2a3147582ae232fa2ce54",
    },
    Vector {
        secret: "s",
        region: "local",
        date: "19991231T000000Z",
        parts: SignedParts {
            method: "PATCH",
            path: "/ledgers/my-ledger",
            query: "",
            headers: &[("host", "localhost:8182"), ("content-type", "application/json")],
            body: "{\"KmsKey\":\"żółw ☃\"}".as_bytes(),
        },
        session_token: None,
        signature: "79bd1bbe7a4e965a68bb8e33c355a302966cf4ad08d6f06593e8cc93cc5afbf5",
    },
];

fn sign(vector: &Vector) -> (Signer, Vec<(&'static str, String)>, AmzDate) {
    let credentials = Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: vector.secret.to_owned(),
        session_token: vector.session_token.map(str::to_owned),
    };
    let signer = Signer::new(credentials, vector.region);
    let date: AmzDate = vector.date.parse().unwrap();
    let added = signer.sign(&vector.parts, date);
    (signer, added, date)
}

/// The request that the server receives.
fn received<'a>(vector: &Vector, added: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    let mut headers = vector.parts.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    headers
}

#[test]
fn signatures_are_those_of_other_implementations() {
    for vector in VECTORS {
        let (signer, added, date) = sign(vector);
        let (_, authorization) = added.last().unwrap();
        assert!(authorization.ends_with(&format!("Signature={}", vector.signature)), "{authorization}");
        assert_eq!(signer.sign(&vector.parts, date), added, "the kept key signs alike");
    }
}

#[test]
fn the_recorded_request_has_exactly_the_recorded_header() {
    let (_, added, _) = sign(&VECTORS[0]);
    assert_eq!(
        added.last().unwrap().1,
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/qldb/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
         Signature=2139cc24e76c3cea487958ced2dc27531ee4070a824780b4683f7d732c23b7d1"
    );
}

#[test]
fn what_was_signed_passes_the_check_and_what_was_changed_does_not() {
    for vector in VECTORS {
        let (_, added, date) = sign(vector);
        let headers = received(vector, &added);
        let authorization = Authorization::from_headers(&headers).unwrap();
        assert_eq!(authorization.access_key_id, "AKIDEXAMPLE");
        assert_eq!(authorization.service, "qldb");
        assert_eq!(authorization.session_token.as_deref(), vector.session_token);
        let key = authorization.signing_key(vector.secret);
        let parts = SignedParts { headers: &headers, ..vector.parts };
        authorization.check(&parts, &key, date).unwrap();

        let wrong = |parts: SignedParts<'_>, key: &SigningKey| {
            let error = authorization.check(&parts, key, date).unwrap_err();
            assert_eq!(error.exception, Exception::InvalidSignature);
        };
        wrong(parts, &authorization.signing_key("another secret"));
        wrong(SignedParts { body: b"other", ..parts }, &key);
        wrong(SignedParts { path: "/other", ..parts }, &key);
        wrong(SignedParts { query: "a=b", ..parts }, &key);
        wrong(SignedParts { method: "PUT", ..parts }, &key);
    }
}

#[test]
fn clocks_may_differ_by_five_minutes() {
    let (_, added, date) = sign(&VECTORS[0]);
    let headers = received(&VECTORS[0], &added);
    let authorization = Authorization::from_headers(&headers).unwrap();
    let key = authorization.signing_key("secretEXAMPLE");
    let parts = SignedParts { headers: &headers, ..VECTORS[0].parts };
    for (seconds, passes) in [(-301, false), (-300, true), (300, true), (301, false)] {
        let now = AmzDate::from_unix_seconds(date.unix_seconds() + seconds);
        assert_eq!(authorization.check(&parts, &key, now).is_ok(), passes, "{seconds} seconds");
    }
}

/// Nobody between client and server can add or change a header that has a meaning.
#[test]
fn the_host_and_every_amz_header_have_to_be_signed() {
    let (_, added, date) = sign(&VECTORS[0]);
    let headers = received(&VECTORS[0], &added);
    let whole = headers.last().unwrap().1;
    for (signed, named) in [
        ("content-type;x-amz-date;x-amz-target", "'Host'"),
        ("content-type;host;x-amz-target", "'x-amz-date'"),
        ("content-type;host;x-amz-date", "'x-amz-target'"),
        ("", "'Host'"),
    ] {
        let authorization = whole.replace("content-type;host;x-amz-date;x-amz-target", signed);
        let mut headers = headers.clone();
        headers.last_mut().unwrap().1 = &authorization;
        let authorization = Authorization::from_headers(&headers).unwrap();
        let error = authorization.check_head(&headers, date).unwrap_err();
        assert_eq!(error.exception, Exception::InvalidSignature);
        assert!(error.message.contains(named), "{signed}: {}", error.message);
    }
    let mut headers = headers;
    headers.insert(0, ("X-Amzn-Trace-Id", "added by a proxy, and no header of the signature's"));
    let authorization = Authorization::from_headers(&headers).unwrap();
    authorization.check_head(&headers, date).unwrap();
    headers.insert(0, ("X-Amz-Security-Token", "added on the way"));
    let authorization = Authorization::from_headers(&headers).unwrap();
    assert!(authorization.check_head(&headers, date).unwrap_err().message.contains("'x-amz-security-token'"));
}

#[test]
fn a_header_that_lacks_a_part_is_named() {
    let cases = [
        ("", "algorithm"),
        ("Bearer abc", "algorithm"),
        ("AWS4-HMAC-SHA256", "Credential"),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=00", "Credential"),
        ("AWS4-HMAC-SHA256 Credential=k/20261122/r/qldb/aws4_request, Signature=00", "SignedHeaders"),
        ("AWS4-HMAC-SHA256 Credential=k/20261122/r/qldb/aws4_request, SignedHeaders=host", "Signature"),
        (
            "AWS4-HMAC-SHA256 Credential=k/20261122/r/qldb/aws4_request, SignedHeaders=host, Signature=xyz",
            "Signature",
        ),
        // Each repeated name would add all values of its header to the canonical text.
        (
            "AWS4-HMAC-SHA256 Credential=k/20261122/r/qldb/aws4_request, SignedHeaders=host;HOST, Signature=00",
            "SignedHeaders",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=k/20261122/r/qldb/aws4_request, SignedHeaders=host;date;host, Signature=00",
            "SignedHeaders",
        ),
    ];
    for (header, named) in cases {
        let error = Authorization::from_headers(&[("authorization", header)]).unwrap_err();
        assert_eq!(error.exception, Exception::IncompleteSignature);
        assert!(error.message.contains(named), "{header}: {}", error.message);
    }
    let error = Authorization::from_headers(&[]).unwrap_err();
    assert_eq!(error.exception, Exception::MissingAuthenticationToken);
}

#[test]
fn dates_print_as_they_are_read() {
    for (text, seconds) in
        [("19700101T000000Z", 0), ("20240229T235959Z", 1_709_251_199), ("00000101T000000Z", -62_167_219_200)]
    {
        let date: AmzDate = text.parse().unwrap();
        assert_eq!((date.unix_seconds(), date.to_string()), (seconds, text.to_owned()));
    }
    for text in ["20230229T000000Z", "20231301T000000Z", "20230100T000000Z", "20230101T240000Z", "2023", ""] {
        assert!(text.parse::<AmzDate>().is_err(), "{text}");
    }
}

#[test]
fn secrets_do_not_show() {
    let (signer, _, _) = sign(&VECTORS[2]);
    let shown = format!("{signer:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("token+"), "{shown}");
}

proptest! {
    #[test]
    fn any_moment_round_trips(seconds in -62_167_219_200i64..=253_402_300_799) {
        let date = AmzDate::from_unix_seconds(seconds);
        prop_assert_eq!(date.to_string().parse(), Ok(date));
    }

    #[test]
    fn no_header_panics(header in ".*", date in ".*") {
        let headers = [("authorization", header.as_str()), ("x-amz-date", date.as_str())];
        let _ = Authorization::from_headers(&headers);
    }

    #[test]
    fn any_request_that_was_signed_passes(
        path in "/[ -~]{0,20}", query in "[a-z&=%0-9]{0,20}", value in "[ -~]{0,20}", body in any::<Vec<u8>>(),
    ) {
        let headers = [("Host", "h"), ("X-Any", value.as_str())];
        let parts = SignedParts { method: "POST", path: &path, query: &query, headers: &headers, body: &body };
        let credentials =
            Credentials { access_key_id: "a/b".into(), secret_access_key: "s".into(), session_token: None };
        let date = AmzDate::from_unix_seconds(1);
        let added = Signer::new(credentials, "r").sign(&parts, date);
        let mut headers = headers.to_vec();
        headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
        let authorization = Authorization::from_headers(&headers).unwrap();
        prop_assert_eq!(&authorization.access_key_id, "a/b");
        let parts = SignedParts { headers: &headers, ..parts };
        prop_assert!(authorization.check(&parts, &authorization.signing_key("s"), date).is_ok());
    }
}

/// The texts of a request, in which a byte can be changed.
#[derive(Clone)]
struct Texts {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Texts {
    /// How many bytes there are to change.
    fn len(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.method.len() + self.path.len() + self.query.len() + headers + self.body.len()
    }

    /// The same with one bit of one byte changed.
    fn flipped(&self, at: usize, bit: u8) -> Texts {
        let mut changed = self.clone();
        changed.flip(at, bit);
        changed
    }

    fn flip(&mut self, mut at: usize, bit: u8) {
        let headers = self.headers.iter_mut().flat_map(|(name, value)| [name, value]);
        for text in [&mut self.method, &mut self.path, &mut self.query].into_iter().chain(headers) {
            if at < text.len() {
                let mut bytes = std::mem::take(text).into_bytes();
                bytes[at] ^= 1 << bit;
                *text = String::from_utf8(bytes).expect("ASCII");
                return;
            }
            at -= text.len();
        }
        self.body[at] ^= 1 << bit;
    }

    /// Whether a server that knows the key accepts the request, and what it is accepted as: the canonical request, the scope and the
    /// signature.
    fn accepted(&self, secret: &str, now: AmzDate) -> Option<String> {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let parts = SignedParts {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            body: &self.body,
        };
        let authorization = Authorization::from_headers(&headers).ok()?;
        let key = authorization.signing_key(secret);
        authorization.check(&parts, &key, now).ok()?;
        // Another id of a key finds another secret, or none; so it is not looked at here.
        let Authorization { day, region, service, date, signed_headers, signature, .. } = &authorization;
        let canonical = canonical_request(&parts, signed_headers);
        Some(format!("{day} {region} {service} {date} {} {canonical}", hex(signature)))
    }
}

#[test]
fn every_changed_bit_that_changes_what_was_signed_is_refused() {
    for vector in VECTORS {
        let (_, added, date) = sign(vector);
        let headers = received(vector, &added);
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let SignedParts { method, path, query, body, .. } = vector.parts;
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        let request = Texts { method, path, query, headers, body: body.to_vec() };
        let as_signed = request.accepted(vector.secret, date);
        assert!(as_signed.is_some(), "the request itself");
        let mut refused = 0;
        for at in 0..request.len() {
            for bit in 0..7 {
                let changed = request.flipped(at, bit);
                match changed.accepted(vector.secret, date) {
                    None => refused += 1,
                    // Upper and lower case of a header's name, for example, or blanks at the end of a value.
                    accepted => assert_eq!(
                        accepted, as_signed,
                        "bit {bit} of byte {at} of {} {}",
                        request.method, request.path
                    ),
                }
            }
        }
        assert!(refused > request.len() * 5, "{refused} of {} flips", request.len() * 7);
    }
}
