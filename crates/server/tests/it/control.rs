//! The control API: ledgers are created, listed, changed and deleted.

use serde_json::json;

use super::{error, json as body, send, service};

#[tokio::test]
async fn a_ledger_lives_from_creation_to_deletion() {
    let service = service();
    let create = json!({"Name": "life", "PermissionsMode": "ALLOW_ALL", "Tags": {"a": "b"}}).to_string();
    let created = body(&send(&service, "POST", "/ledgers", None, create.as_bytes()).await);
    assert_eq!(created["State"], "CREATING");
    assert_eq!(created["DeletionProtection"], true, "QLDB's default");
    assert_eq!(created["Arn"], "arn:aws:qldb:us-east-1:000000000000:ledger/life");
    assert_eq!(created["CreationDateTime"], 1_700_000_000);

    let described = body(&send(&service, "GET", "/ledgers/life", None, b"").await);
    assert_eq!(described["State"], "ACTIVE", "on the first look");
    assert_eq!(described["PermissionsMode"], "ALLOW_ALL");

    let again = send(&service, "POST", "/ledgers", None, create.as_bytes()).await;
    assert_eq!(error(&again).0, 409);
    assert_eq!(error(&again).1, "ResourceAlreadyExistsException");

    let refused = send(&service, "DELETE", "/ledgers/life", None, b"").await;
    assert_eq!((error(&refused).0, error(&refused).1.as_str()), (412, "ResourcePreconditionNotMetException"));

    let update = br#"{"DeletionProtection": false}"#;
    let updated = body(&send(&service, "PATCH", "/ledgers/life", None, update).await);
    assert_eq!(updated["DeletionProtection"], false);
    let mode = br#"{"PermissionsMode": "STANDARD"}"#;
    let updated = body(&send(&service, "PATCH", "/ledgers/life/permissions-mode", None, mode).await);
    assert_eq!(updated["PermissionsMode"], "STANDARD");

    let deleted = send(&service, "DELETE", "/ledgers/life", None, b"").await;
    assert_eq!((deleted.status, deleted.body.len()), (200, 0));
    let gone = send(&service, "GET", "/ledgers/life", None, b"").await;
    assert_eq!((error(&gone).0, error(&gone).1.as_str()), (404, "ResourceNotFoundException"));
    body(&send(&service, "POST", "/ledgers", None, create.as_bytes()).await);
}

#[tokio::test]
async fn ledgers_are_listed_page_by_page() {
    let service = service();
    for name in ["b", "a", "d", "c", "e"] {
        service.create_ledger_unless_it_exists(name).expect("a ledger");
    }
    let mut names = Vec::new();
    let mut path = "/ledgers?max_results=2".to_owned();
    loop {
        let page = body(&send(&service, "GET", &path, None, b"").await);
        let ledgers = page["Ledgers"].as_array().expect("a list");
        assert!(ledgers.len() <= 2);
        names.extend(ledgers.iter().map(|ledger| ledger["Name"].as_str().expect("a name").to_owned()));
        match page["NextToken"].as_str() {
            Some(token) => path = format!("/ledgers?max_results=2&next_token={token}"),
            None => break,
        }
    }
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
}

#[tokio::test]
async fn tags_are_set_listed_and_taken_away() {
    let service = service();
    service.create_ledger_unless_it_exists("tagged").expect("a ledger");
    let path = "/tags/arn%3Aaws%3Aqldb%3Aeu-west-1%3A123456789012%3Aledger%2Ftagged";
    send(&service, "POST", path, None, br#"{"Tags": {"one": "1", "two": "2"}}"#).await;
    send(&service, "DELETE", &format!("{path}?tagKeys=one"), None, b"").await;
    let tags = body(&send(&service, "GET", path, None, b"").await);
    assert_eq!(tags["Tags"], json!({"two": "2"}));
    let many: serde_json::Map<_, _> = (0..60).map(|n| (format!("k{n}"), json!("v"))).collect();
    let refused = send(&service, "POST", path, None, json!({"Tags": many}).to_string().as_bytes()).await;
    assert_eq!(error(&refused).1, "InvalidParameterException");
    let table = "/tags/arn%3Aaws%3Aqldb%3Aus-east-1%3A1%3Aledger%2Ftagged%2Ftable%2Fx";
    assert_eq!(error(&send(&service, "GET", table, None, b"").await).1, "InvalidParameterException");
}

#[tokio::test]
async fn settings_that_are_not_built_are_refused() {
    let service = service();
    let key = json!({"Name": "secret", "PermissionsMode": "ALLOW_ALL", "KmsKey": "alias/mine"}).to_string();
    let (status, name, message) = error(&send(&service, "POST", "/ledgers", None, key.as_bytes()).await);
    assert_eq!((status, name.as_str()), (400, "InvalidParameterException"));
    assert!(message.contains("this server has no KMS (see --kms-endpoint)"), "{message}");
    for wrong in ["a--b", "-a", "a-", "123", "", "a_b", &"x".repeat(33)] {
        let create = json!({"Name": wrong, "PermissionsMode": "ALLOW_ALL"}).to_string();
        let refused = send(&service, "POST", "/ledgers", None, create.as_bytes()).await;
        assert_eq!(error(&refused).1, "InvalidParameterException", "{wrong:?}");
    }
    let stream = br#"{"RoleArn": "arn:aws:iam::1:role/r", "InclusiveStartTime": 1, "StreamName": "s",
        "KinesisConfiguration": {"StreamArn": "arn:aws:kinesis:us-east-1:1:stream/s"}}"#;
    let refused = send(&service, "POST", "/ledgers/secret/journal-kinesis-streams", None, stream).await;
    assert!(error(&refused).2.contains("not built yet"), "{refused:?}");
}

#[tokio::test]
async fn digests_blocks_and_their_errors() {
    let service = service();
    service.create_ledger_unless_it_exists("proofs").expect("a ledger");
    let digest = body(&send(&service, "POST", "/ledgers/proofs/digest", None, b"").await);
    let tip = digest["DigestTipAddress"]["IonText"].as_str().expect("an address").to_owned();
    assert!(tip.starts_with("{strandId:\"") && tip.ends_with("\",sequenceNo:0}"), "{tip}");
    let ask = |address: &str, tip: Option<&str>| {
        let mut request = json!({"BlockAddress": {"IonText": address}});
        if let Some(tip) = tip {
            request["DigestTipAddress"] = json!({"IonText": tip});
        }
        request.to_string()
    };
    let path = "/ledgers/proofs/block";
    let found = body(&send(&service, "POST", path, None, ask(&tip, Some(&tip)).as_bytes()).await);
    assert_eq!(found["Proof"]["IonText"], "[]", "one block is its own root");
    assert!(found["Block"]["IonText"].as_str().expect("a block").starts_with("{blockAddress:{strandId:"));

    let beyond = tip.replace("sequenceNo:0", "sequenceNo:9");
    let other = "{strandId:\"0000000000000000000000\",sequenceNo:0}";
    for (address, tip, expected) in [
        ("{", None, "cannot be parsed"),
        ("{a:1}", None, "block address is not valid"),
        (other, None, "Strand ID"),
        ("{strandId:\"none\",sequenceNo:0}", None, "Strand ID"),
        ("{strandId:5,sequenceNo:0}", None, "The provided block address is not valid."),
        (&*beyond, None, "no block"),
        (&*tip, Some(&*beyond), "beyond the strand's latest committed record"),
    ] {
        let refused = send(&service, "POST", path, None, ask(address, tip).as_bytes()).await;
        let (status, name, message) = error(&refused);
        assert_eq!((status, name.as_str()), (400, "InvalidParameterException"), "{address}");
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains(". "), "one sentence: {message}");
    }
}

#[tokio::test]
async fn consistency_proofs_and_their_refusals() {
    let service = service();
    service.create_ledger_unless_it_exists("grows").expect("a ledger");
    let digest = body(&send(&service, "POST", "/ledgers/grows/digest", None, b"").await);
    let tip = digest["DigestTipAddress"]["IonText"].as_str().expect("an address").to_owned();
    let path = "/ledgers/grows/consistency-proof";
    let request = |old: &str, new: &str| {
        json!({"OldDigestTipAddress": {"IonText": old}, "DigestTipAddress": {"IonText": new}}).to_string()
    };
    let proof = body(&send(&service, "POST", path, None, request(&tip, &tip).as_bytes()).await);
    assert_eq!(proof["Proof"]["IonText"], "[]", "a digest continues itself");
    let beyond = tip.replace("sequenceNo:0", "sequenceNo:1");
    for (old, new, named) in [(&tip, &beyond, "DigestTipAddress"), (&beyond, &tip, "OldDigestTipAddress")] {
        let refused = send(&service, "POST", path, None, request(old, new).as_bytes()).await;
        assert_eq!((error(&refused).0, error(&refused).1.as_str()), (400, "InvalidParameterException"));
        assert!(error(&refused).2.contains("beyond"), "{named}: {refused:?}");
    }
    let tag = "/tags/arn%3Aaws%3Aqldb%3Aus-east-1%3A000000000000%3Aledger%2Fgrows";
    send(&service, "POST", tag, None, br#"{"Tags": {"everstrand:strict": "true"}}"#).await;
    let strict = send(&service, "POST", path, None, request(&tip, &tip).as_bytes()).await;
    assert_eq!((error(&strict).0, error(&strict).1.as_str()), (404, "UnknownOperationException"));
}

/// There are no exports and no streams, and the list operations say so, because some tools list them before they do anything.
#[tokio::test]
async fn lists_of_exports_and_streams_are_empty() {
    let service = service();
    service.create_ledger_unless_it_exists("looked-at").expect("a ledger");
    for (path, list) in [
        ("/journal-s3-exports", "JournalS3Exports"),
        ("/ledgers/looked-at/journal-s3-exports?max_results=5", "JournalS3Exports"),
        ("/ledgers/looked-at/journal-kinesis-streams", "Streams"),
    ] {
        assert_eq!(body(&send(&service, "GET", path, None, b"").await), json!({list: []}), "{path}");
    }
    let id = "0000000000000000000000";
    for (method, path) in [
        ("GET", format!("/ledgers/looked-at/journal-s3-exports/{id}")),
        ("GET", format!("/ledgers/looked-at/journal-kinesis-streams/{id}")),
        ("DELETE", format!("/ledgers/looked-at/journal-kinesis-streams/{id}")),
        ("GET", "/ledgers/absent/journal-kinesis-streams".to_owned()),
    ] {
        let answered = send(&service, method, &path, None, b"").await;
        assert_eq!(
            (error(&answered).0, error(&answered).1.as_str()),
            (404, "ResourceNotFoundException"),
            "{path}"
        );
    }
}
