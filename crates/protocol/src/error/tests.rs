//! Every client finds the same name of an exception.

use proptest::prelude::*;

use super::*;

#[test]
fn the_body_carries_type_message_and_code_as_text() {
    let error = ServiceError::bad_request("Table with name: USER.T already exists").with_code("412");
    assert_eq!(
        String::from_utf8(error.to_json()).unwrap(),
        r#"{"__type":"BadRequestException","Message":"Table with name: USER.T already exists","Code":"412"}"#
    );
    let error = ServiceError::new(Exception::ResourceNotFound, "no ledger").with_resource("ledger", "l");
    assert_eq!(
        String::from_utf8(error.to_json()).unwrap(),
        r#"{"__type":"ResourceNotFoundException","Message":"no ledger","ResourceType":"ledger","ResourceName":"l"}"#
    );
}

#[test]
fn every_exception_comes_back_with_header_or_without() {
    for exception in Exception::KNOWN {
        let error = ServiceError::new(exception.clone(), "m").with_code("412").with_parameter("p");
        for header in [Some(exception.name()), None] {
            let back = ServiceError::from_response(error.http_status(), header, None, &error.to_json());
            assert_eq!((&back.exception, back.http_status()), (exception, exception.http_status()));
            assert_eq!((back.message.as_str(), back.code.as_deref()), ("m", Some("412")));
            assert_eq!(back.resource, error.resource);
        }
    }
}

#[test]
fn namespaces_and_addresses_are_cut_off() {
    for name in [
        "com.amazonaws.qldbsession#OccConflictException",
        "OccConflictException:http://internal.amazon.com/coral/",
        "com.amazonaws.qldbsession#OccConflictException:http://x#y",
    ] {
        let back = ServiceError::from_response(400, Some(name), None, b"");
        assert_eq!(back.exception, Exception::OccConflict, "{name}");
    }
}

#[test]
fn where_names_are_missing_the_status_speaks() {
    let cases: [(u16, &[u8], Exception); 6] = [
        (503, b"<html>busy</html>", Exception::ServiceUnavailable),
        (500, b"", Exception::InternalFailure),
        (502, b"{}", Exception::InternalFailure),
        (403, b"{\"message\":\"no\"}", Exception::AccessDenied),
        (404, b"not here", Exception::Other("HTTP 404".into())),
        (400, b"{\"code\":\"Throttled\"}", Exception::Other("Throttled".into())),
    ];
    for (status, body, exception) in cases {
        let error = ServiceError::from_response(status, None, Some("id"), body);
        assert_eq!((error.exception.clone(), error.http_status()), (exception, status));
        assert_eq!(error.request_id.as_deref(), Some("id"));
    }
    // A number in the place of a text is accepted.
    let error =
        ServiceError::from_response(400, None, None, br#"{"__type":"BadRequestException","Code":405}"#);
    assert_eq!(error.code.as_deref(), Some("405"));
}

#[test]
fn a_status_can_be_set() {
    let error = ServiceError::new(Exception::RateExceeded, "Rate exceeded").with_http_status(503);
    assert_eq!(error.http_status(), 503);
    assert_eq!(error.to_string(), "RateExceededException: Rate exceeded");
}

proptest! {
    #[test]
    fn no_answer_panics(status in any::<u16>(), header in ".*", body in any::<Vec<u8>>()) {
        let _ = ServiceError::from_response(status, Some(&header), None, &body);
    }
}

/// Table, index and key of a duplicate key reach the client as members of their own.
#[test]
fn a_duplicate_key_is_kept() {
    for key in [Some("[1, \"a\"]".to_owned()), None] {
        let duplicate = DuplicateKey { table: "t".to_owned(), index: "[k, l]".to_owned(), key };
        let error =
            ServiceError::bad_request("the same key").with_code("409").with_duplicate_key(duplicate.clone());
        let name = Some(error.exception.name().to_owned());
        let back = ServiceError::from_response(400, name.as_deref(), None, &error.to_json());
        assert_eq!((back.duplicate_key(), back.code.as_deref()), (Some(&duplicate), Some("409")));
    }
    let plain = ServiceError::bad_request("no table").with_code("412");
    let back = ServiceError::from_response(400, Some("BadRequestException"), None, &plain.to_json());
    assert_eq!(back.duplicate_key(), None);
    assert!(!String::from_utf8_lossy(&plain.to_json()).contains("Table"));
}

/// What a conflict is about reaches the client as a member of its own. A later server may name a kind that this client
/// does not know.
#[test]
fn a_conflict_says_what_it_is_about() {
    let conflict = Conflict {
        changed: ConflictKind::IndexKey,
        table: Some("t".to_owned()),
        index: Some("[k]".to_owned()),
        document_id: None,
        block: Some(7),
    };
    let error = ServiceError::new(Exception::OccConflict, "changed").with_conflict(conflict.clone());
    let body = String::from_utf8(error.to_json()).unwrap();
    let member = r#""Conflict":{"Changed":"IndexKey","Table":"t","Index":"[k]","Block":7}"#;
    assert!(body.contains(member), "{body}");
    let read = |body: &str| {
        ServiceError::from_response(400, Some("OccConflictException"), None, body.as_bytes())
            .conflict()
            .cloned()
    };
    assert_eq!(read(&body).as_ref(), Some(&conflict));
    let newer = read(r#"{"Conflict": {"Changed": "Moon", "Table": "t", "Phase": 1}}"#).unwrap();
    assert_eq!((newer.changed, newer.table.as_deref()), (ConflictKind::Other, Some("t")));
    assert_eq!(read(r#"{"Conflict": 5}"#), None);
    assert_eq!(read("{}"), None);
}

/// `aws-sdk-go-v2` took the code for the name of the exception, and programs compare with it.
#[test]
fn clients_in_go_find_the_code_where_they_look_for_the_name() {
    let go =
        "aws-sdk-go-v2/1.22.1 os/linux lang/go#1.21.3 api/qldbsession#1.18.0 QLDB Driver for Golang v3.0.1";
    let node = "aws-sdk-js/3.918.0 ua/2.1 os/linux lang/js md/nodejs#22.0.0 api/qldb-session#3.918.0";
    let coded = ServiceError::bad_request("Table with name: USER.t already exists").with_code("412");
    let plain = ServiceError::new(Exception::OccConflict, "conflict");
    assert_eq!(coded.header(go), None);
    for (error, user_agent) in [(&coded, node), (&coded, ""), (&plain, go), (&plain, node)] {
        assert_eq!(error.header(user_agent), Some(error.exception.name()), "{user_agent}");
    }
}
