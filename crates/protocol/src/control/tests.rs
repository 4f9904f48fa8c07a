//! Writes and reads every operation, and tests the special cases of routing.

use proptest::prelude::*;

use super::*;
use crate::error::Exception;

const ARN: &str = "arn:aws:qldb:us-east-1:123456789012:ledger/l";
const ID: &str = "HgXAkLjAtV0HQ4lNYdzX60";

fn tags() -> Tags {
    Tags::from([("team".to_owned(), "ledger & co".to_owned())])
}

/// One request of each operation, with the request line of QLDB's model.
fn every_operation() -> Vec<(&'static str, ControlRequest)> {
    let l = || "my-ledger".to_owned();
    let max = Some(7);
    let token = || Some("ab+/==".to_owned());
    let address = || IonText::from("{strandId:\"x\",sequenceNo:1}".to_owned());
    let time = EpochMillis(1_568_839_243_951);
    vec![
        (
            "POST /ledgers?",
            ControlRequest::CreateLedger(CreateLedgerRequest {
                name: l(),
                permissions_mode: PermissionsMode::AllowAll,
                deletion_protection: Some(false),
                kms_key: None,
                tags: tags(),
                strict: Some(true),
            }),
        ),
        ("GET /ledgers/my-ledger?", ControlRequest::DescribeLedger(DescribeLedgerRequest { name: l() })),
        (
            "GET /ledgers?max_results=7&next_token=ab%2B%2F%3D%3D",
            ControlRequest::ListLedgers(ListLedgersRequest { max_results: max, next_token: token() }),
        ),
        (
            "PATCH /ledgers/my-ledger?",
            ControlRequest::UpdateLedger(UpdateLedgerRequest {
                name: l(),
                deletion_protection: None,
                kms_key: Some("AWS_OWNED_KMS_KEY".into()),
                strict: Some(false),
            }),
        ),
        (
            "PATCH /ledgers/my-ledger/permissions-mode?",
            ControlRequest::UpdateLedgerPermissionsMode(UpdateLedgerPermissionsModeRequest {
                name: l(),
                permissions_mode: PermissionsMode::Standard,
            }),
        ),
        ("DELETE /ledgers/my-ledger?", ControlRequest::DeleteLedger(DeleteLedgerRequest { name: l() })),
        ("POST /ledgers/my-ledger/digest?", ControlRequest::GetDigest(GetDigestRequest { name: l() })),
        (
            "POST /ledgers/my-ledger/block?",
            ControlRequest::GetBlock(GetBlockRequest {
                name: l(),
                block_address: address(),
                digest_tip_address: Some(address()),
            }),
        ),
        (
            "POST /ledgers/my-ledger/revision?",
            ControlRequest::GetRevision(GetRevisionRequest {
                name: l(),
                block_address: address(),
                document_id: ID.into(),
                digest_tip_address: None,
            }),
        ),
        (
            "POST /ledgers/my-ledger/consistency-proof?",
            ControlRequest::GetConsistencyProof(GetConsistencyProofRequest {
                name: l(),
                old_digest_tip_address: address(),
                digest_tip_address: address(),
            }),
        ),
        (
            "POST /ledgers/my-ledger/import?",
            ControlRequest::ImportJournal(ImportJournalRequest {
                name: l(),
                step: ImportStep::Blocks { import_id: ID.into(), part: 7, blocks: vec![0, 255] },
            }),
        ),
        (
            "POST /ledgers/my-ledger/journal-s3-exports?",
            ControlRequest::ExportJournalToS3(ExportJournalToS3Request {
                name: l(),
                inclusive_start_time: EpochMillis(0),
                exclusive_end_time: time,
                s3_export_configuration: S3ExportConfiguration {
                    bucket: "bucket".into(),
                    prefix: "p/".into(),
                    encryption_configuration: S3EncryptionConfiguration {
                        object_encryption_type: S3ObjectEncryptionType::SseS3,
                        kms_key_arn: None,
                    },
                },
                role_arn: ARN.into(),
                output_format: Some(OutputFormat::Json),
            }),
        ),
        (
            "GET /ledgers/my-ledger/journal-s3-exports/HgXAkLjAtV0HQ4lNYdzX60?",
            ControlRequest::DescribeJournalS3Export(DescribeJournalS3ExportRequest {
                name: l(),
                export_id: ID.into(),
            }),
        ),
        (
            "GET /ledgers/my-ledger/journal-s3-exports?max_results=7",
            ControlRequest::ListJournalS3ExportsForLedger(ListJournalS3ExportsForLedgerRequest {
                name: l(),
                max_results: max,
                next_token: None,
            }),
        ),
        (
            "GET /journal-s3-exports?next_token=ab%2B%2F%3D%3D",
            ControlRequest::ListJournalS3Exports(ListJournalS3ExportsRequest {
                max_results: None,
                next_token: token(),
            }),
        ),
        (
            "POST /ledgers/my-ledger/journal-kinesis-streams?",
            ControlRequest::StreamJournalToKinesis(StreamJournalToKinesisRequest {
                ledger_name: l(),
                role_arn: ARN.into(),
                tags: tags(),
                inclusive_start_time: time,
                exclusive_end_time: None,
                kinesis_configuration: KinesisConfiguration {
                    stream_arn: ARN.into(),
                    aggregation_enabled: Some(true),
                },
                stream_name: "stream".into(),
            }),
        ),
        (
            "GET /ledgers/my-ledger/journal-kinesis-streams/HgXAkLjAtV0HQ4lNYdzX60?",
            ControlRequest::DescribeJournalKinesisStream(DescribeJournalKinesisStreamRequest {
                ledger_name: l(),
                stream_id: ID.into(),
            }),
        ),
        (
            "GET /ledgers/my-ledger/journal-kinesis-streams?",
            ControlRequest::ListJournalKinesisStreamsForLedger(ListJournalKinesisStreamsForLedgerRequest {
                ledger_name: l(),
                max_results: None,
                next_token: None,
            }),
        ),
        (
            "DELETE /ledgers/my-ledger/journal-kinesis-streams/HgXAkLjAtV0HQ4lNYdzX60?",
            ControlRequest::CancelJournalKinesisStream(CancelJournalKinesisStreamRequest {
                ledger_name: l(),
                stream_id: ID.into(),
            }),
        ),
        (
            "POST /tags/arn%3Aaws%3Aqldb%3Aus-east-1%3A123456789012%3Aledger%2Fl?",
            ControlRequest::TagResource(TagResourceRequest { resource_arn: ARN.into(), tags: tags() }),
        ),
        (
            "DELETE /tags/arn%3Aaws%3Aqldb%3Aus-east-1%3A123456789012%3Aledger%2Fl?tagKeys=a%20b&tagKeys=c",
            ControlRequest::UntagResource(UntagResourceRequest {
                resource_arn: ARN.into(),
                tag_keys: vec!["a b".into(), "c".into()],
            }),
        ),
        (
            "GET /tags/arn%3Aaws%3Aqldb%3Aus-east-1%3A123456789012%3Aledger%2Fl?",
            ControlRequest::ListTagsForResource(ListTagsForResourceRequest { resource_arn: ARN.into() }),
        ),
    ]
}

#[test]
fn twenty_operations_and_two_go_there_and_back() {
    let operations = every_operation();
    assert_eq!(operations.len(), 22);
    for (line, request) in operations {
        let http = request.to_http();
        assert_eq!(format!("{} {}?{}", http.method, http.path, http.query), line);
        let back = ControlRequest::from_http(http.method, &http.path, &http.query, &http.body);
        assert_eq!(back.unwrap(), request);
    }
}

#[test]
fn every_step_of_an_import_goes_there_and_back() {
    let (import_id, digest_tip_address) = (ID.to_owned(), IonText::from("{}".to_owned()));
    for step in [
        ImportStep::Begin { accept_deviations: true },
        ImportStep::Finish { import_id: import_id.clone(), digest: vec![1; 32], digest_tip_address },
        ImportStep::Abandon { import_id },
    ] {
        let request = ControlRequest::ImportJournal(ImportJournalRequest { name: "my-ledger".into(), step });
        let http = request.to_http();
        let back = ControlRequest::from_http(http.method, &http.path, &http.query, &http.body);
        assert_eq!(back.unwrap(), request);
    }
}

/// boto3's CreateLedger, as recorded.
#[test]
fn a_ledger_is_created_from_a_body() {
    let body = br#"{"Name": "my-ledger", "Tags": {}, "PermissionsMode": "STANDARD"}"#;
    let ControlRequest::CreateLedger(request) =
        ControlRequest::from_http("POST", "/ledgers", "", body).unwrap()
    else {
        panic!()
    };
    assert_eq!((request.permissions_mode, request.deletion_protection), (PermissionsMode::Standard, None));
}

#[test]
fn wrong_parameters_are_named() {
    let get = |path: &'static str, query: &'static str| ("GET", path, query, "");
    let create = |body: &'static str| ("POST", "/ledgers", "", body);
    let cases = [
        (get("/ledgers/a--b", ""), "Name"),
        (get("/ledgers/%FF", ""), "Name"),
        (get("/ledgers/%4", ""), "Name"),
        (get("/ledgers/", ""), "Name"),
        (get("/ledgers", "max_results=0"), "MaxResults"),
        (get("/ledgers", "max_results=101"), "MaxResults"),
        (get("/ledgers", "max_results=x"), "MaxResults"),
        (get("/ledgers", "max_results=1&next_token=abcd&max_results=2"), "max_results"),
        (get("/ledgers", "next_token=a_b_c"), "NextToken"),
        (get("/ledgers/l/journal-s3-exports/short", ""), "ExportId"),
        (get("/tags/short", ""), "ResourceArn"),
        (("DELETE", "/tags/arn%3Aaws%3Aqldb%3Aus-east-1%3A1%3Aledger%2Fl", "", ""), "TagKeys"),
        (create(r#"{"PermissionsMode":"STANDARD"}"#), "Name"),
        (create(r#"{"Name":"l"}"#), "PermissionsMode"),
        (create(r#"{"Name":"l","PermissionsMode":"SOME"}"#), "PermissionsMode"),
        (create(r#"{"Name":"1","PermissionsMode":"STANDARD"}"#), "Name"),
        (create(r#"{"Name":7,"PermissionsMode":"STANDARD"}"#), "Name"),
        (
            create(r#"{"Name":"l","PermissionsMode":"STANDARD","DeletionProtection":"yes"}"#),
            "DeletionProtection",
        ),
        (create(r#"{"Name":"l","PermissionsMode":"STANDARD","Tags":{"":"x"}}"#), "Tags"),
        (("POST", "/ledgers/l/block", "", "{}"), "BlockAddress"),
        (("POST", "/ledgers/l/consistency-proof", "", "{}"), "OldDigestTipAddress"),
        (("POST", "/ledgers/l/revision", "", r#"{"DocumentId":"x"}"#), "DocumentId"),
    ];
    for ((method, path, query, body), named) in cases {
        let error = ControlRequest::from_http(method, path, query, body.as_bytes()).unwrap_err();
        assert_eq!(
            (error.exception.clone(), error.http_status()),
            (Exception::InvalidParameter, 400),
            "{error}"
        );
        assert_eq!(error.resource.unwrap().parameter_name.as_deref(), Some(named), "{path} {body}");
    }
}

#[test]
fn broken_json_and_unknown_paths() {
    for body in ["{", "[]", "7", "\u{0}"] {
        let error = ControlRequest::from_http("POST", "/ledgers", "", body.as_bytes()).unwrap_err();
        assert_eq!(error.exception, Exception::Serialization, "{body}");
    }
    for (method, path) in
        [("PUT", "/ledgers"), ("GET", "/"), ("GET", ""), ("GET", "/tags"), ("POST", "/ledgers/l")]
    {
        let error = ControlRequest::from_http(method, path, "", b"").unwrap_err();
        assert_eq!((error.exception.clone(), error.http_status()), (Exception::UnknownOperation, 404));
    }
}

#[test]
fn a_bare_arn_is_taken_as_well() {
    let request = ControlRequest::from_http("GET", &format!("/tags/{ARN}"), "", b"").unwrap();
    assert_eq!(
        request,
        ControlRequest::ListTagsForResource(ListTagsForResourceRequest { resource_arn: ARN.into() })
    );
}

#[test]
fn answers_have_the_shape_of_the_model() {
    let reply = ControlReply::DescribeLedger(DescribeLedgerResult {
        name: Some("l".into()),
        arn: Some(ARN.into()),
        state: Some(LedgerState::Active),
        creation_date_time: Some(EpochMillis(1_568_839_243_951)),
        permissions_mode: Some(PermissionsMode::AllowAll),
        deletion_protection: Some(true),
        encryption_description: None,
        strict: Some(false),
        restored_from: None,
        lies_in_clear: None,
        impaired: None,
    });
    let body = r#"{"Name":"l","Arn":"arn:aws:qldb:us-east-1:123456789012:ledger/l","State":"ACTIVE","CreationDateTime":1568839243.951,"PermissionsMode":"ALLOW_ALL","DeletionProtection":true,"Strict":false}"#;
    assert_eq!(String::from_utf8(reply.to_json()).unwrap(), body);
    let request = ControlRequest::DescribeLedger(DescribeLedgerRequest { name: "l".into() });
    assert_eq!(request.reply_from_json(body.as_bytes()).unwrap(), reply);

    assert_eq!(ControlReply::DeleteLedger(Nothing {}).to_json(), b"");
    assert_eq!(ControlReply::TagResource(Nothing {}).to_json(), b"{}");
    let digest = GetDigestResult { digest: vec![0; 32], digest_tip_address: "{}".to_owned().into() };
    assert_eq!(
        String::from_utf8(ControlReply::GetDigest(digest).to_json()).unwrap(),
        r#"{"Digest":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","DigestTipAddress":{"IonText":"{}"}}"#
    );
}

#[test]
fn every_operation_reads_the_answer_it_can_get() {
    for (_, request) in every_operation() {
        // An answer with another structure is an error, and does not panic.
        let _ = request.reply_from_json(b"[1]");
        let _ = request.reply_from_json(b"");
    }
}

proptest! {
    #[test]
    fn any_time_round_trips(millis in -9_000_000_000_000i64..9_000_000_000_000) {
        let text = serde_json::to_string(&EpochMillis(millis)).unwrap();
        prop_assert_eq!(serde_json::from_str::<EpochMillis>(&text).unwrap(), EpochMillis(millis));
    }

    #[test]
    fn nothing_panics(method in "GET|POST|PATCH|DELETE", path in "/(ledgers|tags|journal-s3-exports)?[ -~]{0,30}",
                      query in "[ -~]{0,30}", body in any::<Vec<u8>>()) {
        let _ = ControlRequest::from_http(&method, &path, &query, &body);
    }

    #[test]
    fn any_arn_comes_back(arn in "arn:.{20,60}") {
        let request = ControlRequest::ListTagsForResource(ListTagsForResourceRequest { resource_arn: arn });
        let http = request.to_http();
        prop_assert_eq!(ControlRequest::from_http(http.method, &http.path, &http.query, b"").unwrap(), request);
    }
}
