//! Requests and answers of the official drivers, and requests that must be refused.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::error::{Exception, ServiceError};

const TX: &str = "HgXAkLjAtV0HQ4lNYdzX60";
const TOKEN: &str = "AAdLbF+tok/en==";

fn request(command: Command) -> SendCommandRequest {
    SendCommandRequest { session_token: Some(TOKEN.into()), command }
}

fn execute(statement: &str, parameters: Vec<ValueHolder>) -> Command {
    Command::ExecuteStatement { transaction_id: TX.into(), statement: statement.into(), parameters }
}

fn error_of(body: &str) -> ServiceError {
    SendCommandRequest::from_json(body.as_bytes()).expect_err(body)
}

/// Bodies that were recorded from pyqldb 3.2.4, with their meaning.
#[test]
fn recorded_requests_are_understood_and_written_alike() {
    let struct_bytes =
        b"\xe0\x01\x00\xea\xea\x81\x83\xde\x86\x87\xb4\x81\x61\x81\x62\xde\x86\x8a\x21\x01\x8b\x81\x78";
    let cases = [
        (
            r#"{"StartSession": {"LedgerName": "my-ledger"}}"#.to_owned(),
            SendCommandRequest {
                session_token: None,
                command: Command::StartSession { ledger_name: "my-ledger".into() },
            },
        ),
        (
            format!(r#"{{"SessionToken": "{TOKEN}", "StartTransaction": {{}}}}"#),
            request(Command::StartTransaction),
        ),
        (
            format!(
                r#"{{"SessionToken": "{TOKEN}", "ExecuteStatement": {{"TransactionId": "{TX}", "Statement": "INSERT INTO T ?", "Parameters": [{{"IonBinary": "4AEA6uqBg96Gh7SBYYFi3oaKIQGLgXg="}}]}}}}"#
            ),
            request(execute("INSERT INTO T ?", vec![ValueHolder::IonBinary(struct_bytes.to_vec())])),
        ),
        (
            format!(
                r#"{{"SessionToken": "{TOKEN}", "ExecuteStatement": {{"TransactionId": "{TX}", "Statement": "nullvals", "Parameters": []}}}}"#
            ),
            request(execute("nullvals", vec![])),
        ),
        (
            format!(
                r#"{{"SessionToken": "{TOKEN}", "FetchPage": {{"TransactionId": "{TX}", "NextPageToken": "tok2abcd=="}}}}"#
            ),
            request(Command::FetchPage { transaction_id: TX.into(), next_page_token: "tok2abcd==".into() }),
        ),
        (
            format!(
                r#"{{"SessionToken": "{TOKEN}", "CommitTransaction": {{"TransactionId": "{TX}", "CommitDigest": "AQID"}}}}"#
            ),
            request(Command::CommitTransaction { transaction_id: TX.into(), commit_digest: vec![1, 2, 3] }),
        ),
        (
            format!(r#"{{"SessionToken": "{TOKEN}", "AbortTransaction": {{}}}}"#),
            request(Command::AbortTransaction),
        ),
        (format!(r#"{{"SessionToken": "{TOKEN}", "EndSession": {{}}}}"#), request(Command::EndSession)),
    ];
    for (body, expected) in cases {
        assert_eq!(SendCommandRequest::from_json(body.as_bytes()).unwrap(), expected, "{body}");
        // Python writes blanks after colons and commas; we do not.
        assert_eq!(
            String::from_utf8(expected.to_json()).unwrap(),
            body.replace("\": ", "\":").replace(", \"", ",\"")
        );
    }
}

#[test]
fn members_may_come_in_any_order_and_unknown_ones_are_passed_over() {
    let body = format!(
        r#"{{"X":[{{}}],"ExecuteStatement":{{"Statement":"s","New":1,"TransactionId":"{TX}"}},"SessionToken":"{TOKEN}","EndSession":null}}"#
    );
    assert_eq!(SendCommandRequest::from_json(body.as_bytes()).unwrap(), request(execute("s", vec![])));
}

#[test]
fn parameters_may_be_absent_null_or_ion_text() {
    for parameters in ["", r#","Parameters":null"#, r#","Parameters":[]"#] {
        let body = format!(
            r#"{{"SessionToken":"{TOKEN}","ExecuteStatement":{{"TransactionId":"{TX}","Statement":"s"{parameters}}}}}"#
        );
        assert_eq!(SendCommandRequest::from_json(body.as_bytes()).unwrap(), request(execute("s", vec![])));
    }
    let body = format!(
        r#"{{"SessionToken":"{TOKEN}","ExecuteStatement":{{"TransactionId":"{TX}","Statement":"s","Parameters":[{{"IonText":"{{a:1}}"}}]}}}}"#
    );
    let expected = request(execute("s", vec![ValueHolder::IonText("{a:1}".into())]));
    assert_eq!(SendCommandRequest::from_json(body.as_bytes()).unwrap(), expected);
}

#[test]
fn what_is_no_request_is_a_serialization_exception() {
    let deep = "[".repeat(100_000);
    let bodies = [
        "",
        "{",
        "null",
        "[]",
        "17",
        "\"StartTransaction\"",
        "{} {}",
        r#"{"SessionToken":5,"EndSession":{}}"#,
        r#"{"SessionToken":"abcd","EndSession":[]}"#,
        r#"{"SessionToken":"abcd","EndSession":true}"#,
        r#"{"StartSession":["my-ledger"]}"#,
        r#"{"StartSession":{"LedgerName":{}}}"#,
        r#"{"SessionToken":"abcd","CommitTransaction":{"TransactionId":"x","CommitDigest":"not base64!"}}"#,
        r#"{"SessionToken":"abcd","CommitTransaction":{"TransactionId":"x","CommitDigest":"AQI"}}"#,
        r#"{"SessionToken":"abcd","CommitTransaction":{"TransactionId":"x","CommitDigest":[1,2]}}"#,
        r#"{"SessionToken":"abcd","ExecuteStatement":{"Statement":"s","Parameters":{}}}"#,
        r#"{"SessionToken":"abcd","ExecuteStatement":{"Statement":"s","Parameters":[{"IonBinary":"%"}]}}"#,
        r#"{"SessionToken":"\ud800","EndSession":{}}"#,
        &deep,
        &format!("{{\"EndSession\":{deep}"),
    ];
    for body in bodies {
        let error = error_of(body);
        assert_eq!(
            (error.exception.clone(), error.http_status()),
            (Exception::Serialization, 400),
            "{error}"
        );
    }
}

#[test]
fn every_text_of_a_body_is_unicode() {
    let body =
        |text: &[u8]| [&br#"{"StartSession":{"LedgerName":"l"},"x":{"y":[""#[..], text, br#""]}}"#].concat();
    for (text, why) in [
        (&br"\udc00"[..], "the escape at byte 46 is half of a surrogate pair"),
        (br"a\uD83D\uD83D\uDE00", "the escape at byte 47"),
        (br"\ud83d", "half of a surrogate pair"),
        (br"\\\ud83d.", "the escape at byte 48"),
        (b"\xed\xa0\xbd\xed\xb8\x80", "it is not UTF-8"),
        (b"\xff", "it is not UTF-8"),
    ] {
        let error = SendCommandRequest::from_json(&body(text)).unwrap_err();
        assert_eq!(error.exception, Exception::Serialization);
        assert!(error.message.contains(why), "{}", error.message);
    }
    for text in [&br"\uD83D\ude00"[..], br"\\udc00", br"\\\\udc00\u00e9", "\u{1f600}".as_bytes()] {
        assert!(SendCommandRequest::from_json(&body(text)).is_ok(), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn what_breaks_a_rule_is_a_bad_request_that_names_the_parameter() {
    let command = |command: &str| format!(r#"{{"SessionToken":"{TOKEN}",{command}}}"#);
    let statement = |text: &str| {
        command(&format!(r#""ExecuteStatement":{{"TransactionId":"{TX}","Statement":"{text}"}}"#))
    };
    let parameter = |holder: &str| {
        command(&format!(
            r#""ExecuteStatement":{{"TransactionId":"{TX}","Statement":"s","Parameters":[{{"IonText":"1"}},{holder}]}}"#
        ))
    };
    let token = |token: &str| format!(r#"{{"SessionToken":"{token}","EndSession":{{}}}}"#);
    let ledger = |name: &str| format!(r#"{{"StartSession":{{"LedgerName":"{name}"}}}}"#);
    let cases = [
        ("{}".to_owned(), "exactly one command"),
        (format!(r#"{{"SessionToken":"{TOKEN}"}}"#), "exactly one command"),
        (command(r#""StartTransaction":{},"EndSession":{}"#), "exactly one command"),
        (r#"{"EndSession":{}}"#.to_owned(), "The parameter SessionToken is not valid"),
        (token("abc"), "The parameter SessionToken is not valid"),
        (token("with_underscore"), "The parameter SessionToken is not valid"),
        (token(&"a".repeat(1025)), "The parameter SessionToken is not valid"),
        (r#"{"StartSession":{}}"#.to_owned(), "LedgerName"),
        (ledger(""), "LedgerName"),
        (ledger("a--b"), "LedgerName"),
        (ledger("-a"), "LedgerName"),
        (ledger("a-"), "LedgerName"),
        (ledger("123"), "LedgerName"),
        (ledger("a_b"), "LedgerName"),
        (ledger(&"a".repeat(33)), "LedgerName"),
        (command(r#""ExecuteStatement":{"Statement":"s"}"#), "TransactionId"),
        (command(r#""ExecuteStatement":{"TransactionId":"short","Statement":"s"}"#), "TransactionId"),
        (command(&format!(r#""ExecuteStatement":{{"TransactionId":"{TX}"}}"#)), "Statement"),
        (statement(""), "Statement"),
        (statement(&"x".repeat(100_001)), "Statement"),
        (parameter("null"), "Parameters[1]"),
        (parameter("{}"), "Parameters[1]"),
        (parameter(r#"{"IonText":"1","IonBinary":"4AEA6g=="}"#), "Parameters[1]"),
        (parameter(r#"{"IonBinary":""}"#), "Parameters[1]"),
        (parameter(r#"{"IonText":""}"#), "Parameters[1]"),
        (parameter(&format!(r#"{{"IonBinary":"{}"}}"#, "AAAA".repeat(43_691))), "Parameters[1]"),
        (parameter(&format!(r#"{{"IonText":"{}"}}"#, "1".repeat(1_048_577))), "Parameters[1]"),
        (command(&format!(r#""FetchPage":{{"TransactionId":"{TX}"}}"#)), "NextPageToken"),
        (command(&format!(r#""FetchPage":{{"TransactionId":"{TX}","NextPageToken":""}}"#)), "NextPageToken"),
        (command(&format!(r#""CommitTransaction":{{"TransactionId":"{TX}"}}"#)), "CommitDigest"),
        (command(r#""CommitTransaction":{"CommitDigest":"AQID"}"#), "TransactionId"),
    ];
    for (body, named) in cases {
        let error = error_of(&body);
        assert_eq!((error.exception.clone(), error.http_status()), (Exception::BadRequest, 400), "{error}");
        assert!(error.message.contains(named), "{named}: {error}");
    }
    assert_eq!(error_of(&token("abc")).message, "The parameter SessionToken is not valid");
}

#[test]
fn the_largest_sizes_pass_and_characters_are_not_bytes() {
    let statement = "ż".repeat(100_000);
    let parameters =
        vec![ValueHolder::IonBinary(vec![0; 131_072]), ValueHolder::IonText("ż".repeat(1_048_576))];
    let request = request(execute(&statement, parameters));
    assert_eq!(SendCommandRequest::from_json(&request.to_json()).unwrap(), request);
}

/// Too many parameters in a small body are refused before they take memory.
#[test]
fn parameters_are_counted_while_they_are_read() {
    let read = |count: usize| {
        let parameters = vec!["{}"; count].join(",");
        let body = format!(
            r#"{{"SessionToken":"{TOKEN}","ExecuteStatement":{{"TransactionId":"{TX}","Statement":"s","Parameters":[{parameters}]}}}}"#
        );
        SendCommandRequest::from_json(body.as_bytes()).unwrap_err()
    };
    assert!(read(100_000).message.contains("Parameters[0]"));
    let error = read(100_001);
    assert_eq!(error.exception, Exception::Serialization);
    assert!(error.message.contains("at most 100000 parameters"), "{}", error.message);
}

#[test]
fn limits_can_be_widened() {
    let body = request(execute("s", vec![ValueHolder::IonBinary(vec![0; 131_073])])).to_json();
    assert!(SendCommandRequest::from_json(&body).is_err());
    let limits = Limits { ion_binary_bytes_max: 1 << 20, ..Limits::default() };
    assert!(SendCommandRequest::from_json_within(&body, &limits).is_ok());
}

/// Answers that both recorded drivers accepted.
#[test]
fn answers_are_written_as_the_drivers_like_them() {
    let time = Some(TimingInformation::of_milliseconds(0));
    let page = Page::new(
        vec![ValueHolder::IonBinary(b"\xe0\x01\x00\xea\x21\x01".to_vec())],
        Some("tok2abcd==".into()),
    );
    let cases = [
        (
            Reply::StartSession(StartSessionResult {
                session_token: TOKEN.into(),
                timing_information: time.clone(),
                other: Default::default(),
            }),
            r#"{"StartSession":{"SessionToken":"AAdLbF+tok/en==","TimingInformation":{"ProcessingTimeMilliseconds":1}}}"#,
        ),
        (
            Reply::ExecuteStatement(ExecuteStatementResult {
                first_page: page.clone(),
                timing_information: time.clone(),
                consumed_ios: Some(IoUsage::new(2, 0)),
                other: Default::default(),
            }),
            r#"{"ExecuteStatement":{"FirstPage":{"Values":[{"IonBinary":"4AEA6iEB"}],"NextPageToken":"tok2abcd=="},"TimingInformation":{"ProcessingTimeMilliseconds":1},"ConsumedIOs":{"ReadIOs":2,"WriteIOs":0}}}"#,
        ),
        (
            Reply::FetchPage(FetchPageResult {
                page: Page::default(),
                timing_information: None,
                consumed_ios: None,
                other: Default::default(),
            }),
            r#"{"FetchPage":{"Page":{"Values":[]}}}"#,
        ),
        (
            Reply::CommitTransaction(CommitTransactionResult {
                transaction_id: TX.into(),
                commit_digest: vec![1, 2, 3],
                timing_information: time.clone(),
                consumed_ios: Some(IoUsage::new(0, 2)),
                other: Default::default(),
            }),
            r#"{"CommitTransaction":{"TransactionId":"HgXAkLjAtV0HQ4lNYdzX60","CommitDigest":"AQID","TimingInformation":{"ProcessingTimeMilliseconds":1},"ConsumedIOs":{"ReadIOs":0,"WriteIOs":2}}}"#,
        ),
        (Reply::EndSession(EndSessionResult::default()), r#"{"EndSession":{}}"#),
    ];
    for (reply, body) in cases {
        assert_eq!(String::from_utf8(reply.to_json()).unwrap(), body);
        assert_eq!(Reply::from_json(body.as_bytes()).unwrap(), reply);
    }
}

#[test]
fn answers_keep_members_that_this_version_does_not_know() {
    let body = r#"{"ExecuteStatement":{"FirstPage":{"Values":[],"Total":7},"New":{"a":[1]},"TimingInformation":{"ProcessingTimeMilliseconds":3,"Queued":1}},"Trace":"x"}"#;
    let Reply::ExecuteStatement(result) = Reply::from_json(body.as_bytes()).unwrap() else { panic!() };
    assert_eq!(result.other["New"], json!({"a": [1]}));
    assert_eq!(result.first_page.other["Total"], json!(7));
    assert_eq!(result.timing_information.as_ref().unwrap().other["Queued"], json!(1));
    assert_eq!(
        serde_json::to_value(&result).unwrap(),
        json!({"FirstPage": {"Values": [], "Total": 7}, "New": {"a": [1]},
               "TimingInformation": {"ProcessingTimeMilliseconds": 3, "Queued": 1}})
    );
}

#[test]
fn a_client_forgives_what_servers_forget() {
    let body = r#"{"FetchPage":{"Page":{"NextPageToken":""},"TimingInformation":null,"ConsumedIOs":null}}"#;
    let Reply::FetchPage(result) = Reply::from_json(body.as_bytes()).unwrap() else { panic!() };
    assert_eq!(result.page, Page::default(), "no values and an empty token: the last page");
    assert!(Reply::from_json(br#"{"StartTransaction":null,"EndSession":{}}"#).is_ok());
    for body in ["", "[]", "{}", r#"{"EndSession":{},"AbortTransaction":{}}"#, r#"{"ExecuteStatement":{}}"#] {
        assert!(Reply::from_json(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn tokens_and_parameters_do_not_show() {
    let request = request(execute("SELECT 1", vec![ValueHolder::IonText("secret".into())]));
    let shown = format!("{request:?}");
    assert!(!shown.contains(TOKEN) && !shown.contains("secret"), "{shown}");
}

fn any_command() -> impl Strategy<Value = Command> {
    let id = "[A-Za-z0-9-]{22}";
    let holder = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..40).prop_map(ValueHolder::IonBinary),
        ".{1,40}".prop_map(ValueHolder::IonText),
    ];
    prop_oneof![
        "[a-z][a-z0-9]{0,31}".prop_map(|ledger_name| Command::StartSession { ledger_name }),
        Just(Command::StartTransaction),
        (id, ".{1,60}", prop::collection::vec(holder, 0..4)).prop_map(
            |(transaction_id, statement, parameters)| Command::ExecuteStatement {
                transaction_id,
                statement,
                parameters
            }
        ),
        (id, "[A-Za-z0-9+/=-]{4,60}").prop_map(|(transaction_id, token)| Command::FetchPage {
            transaction_id,
            next_page_token: token.into()
        }),
        (id, any::<Vec<u8>>()).prop_map(|(transaction_id, commit_digest)| Command::CommitTransaction {
            transaction_id,
            commit_digest
        }),
        Just(Command::AbortTransaction),
        Just(Command::EndSession),
    ]
}

proptest! {
    #[test]
    fn every_request_comes_back(command in any_command()) {
        let request = request(command);
        prop_assert_eq!(SendCommandRequest::from_json(&request.to_json()).unwrap(), request);
    }

    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
        let _ = SendCommandRequest::from_json(&bytes);
        let _ = Reply::from_json(&bytes);
    }

    /// A damaged request is refused or read, and never makes the reader panic.
    #[test]
    fn no_damage_panics(command in any_command(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = request(command).to_json();
        let at = at.index(body.len());
        body[at] = byte;
        let _ = SendCommandRequest::from_json(&body);
        let _ = Reply::from_json(&body);
    }
}
