//! Reads a request from method, path, query and body, and writes it so.

use std::collections::HashSet;

use serde::Serialize;

use super::import::import_journal;
use super::members::{Members, invalid};
use super::*;
use crate::error::{Exception, ServiceError};
use crate::send_command::{is_ledger_name, is_token, is_unique_id};
use crate::wire::{length_within, percent_decode, percent_encode};

/// The parts of an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: &'static str,
    /// The path, percent-encoded.
    pub path: String,
    /// The query without its question mark, percent-encoded; empty if there is none.
    pub query: String,
    /// The body; empty if the operation has none.
    pub body: Vec<u8>,
}

impl ControlRequest {
    /// Reads a request. Method, path and query must be as they are in the request line. An error names the parameter that
    /// is wrong, or says that there is no such operation.
    pub fn from_http(
        method: &str,
        raw_path: &str,
        raw_query: &str,
        body: &[u8],
    ) -> Result<ControlRequest, ServiceError> {
        // The path is split before it is decoded, because an ARN is one segment with encoded slashes.
        let segments: Vec<&str> = raw_path.trim_start_matches('/').split('/').collect();
        let http = Incoming { method, segments: &segments, query: Query::parse(raw_query)?, body };
        for read in [Incoming::of_ledgers, Incoming::of_exports_and_streams, Incoming::of_tags] {
            if let Some(request) = read(&http)? {
                return Ok(request);
            }
        }
        let message = format!("There is no operation {method} {raw_path}");
        Err(ServiceError::new(Exception::UnknownOperation, message).with_http_status(404))
    }

    /// The request as parts of an HTTP request.
    pub fn to_http(&self) -> HttpRequest {
        use ControlRequest as R;
        let ledger = |name: &str, rest: &str| format!("/ledgers/{}{rest}", percent_encode(name));
        let exports = "/journal-s3-exports";
        let streams = "/journal-kinesis-streams";
        match self {
            R::CreateLedger(it) => http("POST", "/ledgers".into(), json(it)),
            R::ListLedgers(it) => list("/ledgers".into(), it.max_results, it.next_token.as_deref()),
            R::DescribeLedger(it) => http("GET", ledger(&it.name, ""), Vec::new()),
            R::UpdateLedger(it) => http("PATCH", ledger(&it.name, ""), json(it)),
            R::DeleteLedger(it) => http("DELETE", ledger(&it.name, ""), Vec::new()),
            R::UpdateLedgerPermissionsMode(it) => {
                http("PATCH", ledger(&it.name, "/permissions-mode"), json(it))
            }
            R::GetDigest(it) => http("POST", ledger(&it.name, "/digest"), Vec::new()),
            R::GetBlock(it) => http("POST", ledger(&it.name, "/block"), json(it)),
            R::GetRevision(it) => http("POST", ledger(&it.name, "/revision"), json(it)),
            R::GetConsistencyProof(it) => http("POST", ledger(&it.name, "/consistency-proof"), json(it)),
            R::ImportJournal(it) => http("POST", ledger(&it.name, "/import"), json(it)),
            R::ExportJournalToS3(it) => http("POST", ledger(&it.name, exports), json(it)),
            R::DescribeJournalS3Export(it) => http(
                "GET",
                ledger(&it.name, &format!("{exports}/{}", percent_encode(&it.export_id))),
                Vec::new(),
            ),
            R::ListJournalS3ExportsForLedger(it) => {
                list(ledger(&it.name, exports), it.max_results, it.next_token.as_deref())
            }
            R::ListJournalS3Exports(it) => list(exports.into(), it.max_results, it.next_token.as_deref()),
            R::StreamJournalToKinesis(it) => http("POST", ledger(&it.ledger_name, streams), json(it)),
            R::DescribeJournalKinesisStream(it) => {
                let rest = format!("{streams}/{}", percent_encode(&it.stream_id));
                http("GET", ledger(&it.ledger_name, &rest), Vec::new())
            }
            R::ListJournalKinesisStreamsForLedger(it) => {
                list(ledger(&it.ledger_name, streams), it.max_results, it.next_token.as_deref())
            }
            R::CancelJournalKinesisStream(it) => {
                let rest = format!("{streams}/{}", percent_encode(&it.stream_id));
                http("DELETE", ledger(&it.ledger_name, &rest), Vec::new())
            }
            R::TagResource(it) => http("POST", tags(&it.resource_arn), json(it)),
            R::UntagResource(it) => {
                let keys: Vec<String> =
                    it.tag_keys.iter().map(|key| format!("tagKeys={}", percent_encode(key))).collect();
                HttpRequest { query: keys.join("&"), ..http("DELETE", tags(&it.resource_arn), Vec::new()) }
            }
            R::ListTagsForResource(it) => http("GET", tags(&it.resource_arn), Vec::new()),
        }
    }
}

/// An HTTP request that a server reads.
struct Incoming<'a> {
    method: &'a str,
    segments: &'a [&'a str],
    query: Query,
    body: &'a [u8],
}

impl Incoming<'_> {
    /// An operation on a ledger, or on what its journal proves; `None` if it is neither.
    fn of_ledgers(&self) -> Result<Option<ControlRequest>, ServiceError> {
        use ControlRequest as R;
        Ok(Some(match (self.method, self.segments) {
            ("POST", ["ledgers"]) => create_ledger(self.body)?,
            ("GET", ["ledgers"]) => {
                let (max_results, next_token) = self.query.page()?;
                R::ListLedgers(ListLedgersRequest { max_results, next_token })
            }
            ("GET", ["ledgers", name]) => {
                R::DescribeLedger(DescribeLedgerRequest { name: ledger_name(name)? })
            }
            ("PATCH", ["ledgers", name]) => update_ledger(ledger_name(name)?, self.body)?,
            ("DELETE", ["ledgers", name]) => {
                R::DeleteLedger(DeleteLedgerRequest { name: ledger_name(name)? })
            }
            ("PATCH", ["ledgers", name, "permissions-mode"]) => {
                let name = ledger_name(name)?;
                let permissions_mode = Members::from_json(self.body)?.required("PermissionsMode")?;
                R::UpdateLedgerPermissionsMode(UpdateLedgerPermissionsModeRequest { name, permissions_mode })
            }
            ("POST", ["ledgers", name, "digest"]) => {
                R::GetDigest(GetDigestRequest { name: ledger_name(name)? })
            }
            ("POST", ["ledgers", name, "block"]) => get_block(ledger_name(name)?, self.body)?,
            ("POST", ["ledgers", name, "revision"]) => get_revision(ledger_name(name)?, self.body)?,
            ("POST", ["ledgers", name, "consistency-proof"]) => {
                let name = ledger_name(name)?;
                let mut members = Members::from_json(self.body)?;
                R::GetConsistencyProof(GetConsistencyProofRequest {
                    name,
                    old_digest_tip_address: members.required("OldDigestTipAddress")?,
                    digest_tip_address: members.required("DigestTipAddress")?,
                })
            }
            ("POST", ["ledgers", name, "import"]) => {
                R::ImportJournal(import_journal(ledger_name(name)?, self.body)?)
            }
            _ => return Ok(None),
        }))
    }

    /// An operation on exports or streams; `None` if it is none.
    fn of_exports_and_streams(&self) -> Result<Option<ControlRequest>, ServiceError> {
        use ControlRequest as R;
        Ok(Some(match (self.method, self.segments) {
            ("POST", ["ledgers", name, "journal-s3-exports"]) => {
                export_journal(ledger_name(name)?, self.body)?
            }
            ("GET", ["ledgers", name, "journal-s3-exports"]) => {
                let (max_results, next_token) = self.query.page()?;
                let name = ledger_name(name)?;
                let request = ListJournalS3ExportsForLedgerRequest { name, max_results, next_token };
                R::ListJournalS3ExportsForLedger(request)
            }
            ("GET", ["ledgers", name, "journal-s3-exports", id]) => {
                let (name, export_id) = (ledger_name(name)?, unique_id("ExportId", id)?);
                R::DescribeJournalS3Export(DescribeJournalS3ExportRequest { name, export_id })
            }
            ("GET", ["journal-s3-exports"]) => {
                let (max_results, next_token) = self.query.page()?;
                R::ListJournalS3Exports(ListJournalS3ExportsRequest { max_results, next_token })
            }
            ("POST", ["ledgers", name, "journal-kinesis-streams"]) => {
                stream_journal(ledger_name(name)?, self.body)?
            }
            ("GET", ["ledgers", name, "journal-kinesis-streams"]) => {
                let (max_results, next_token) = self.query.page()?;
                let ledger_name = ledger_name(name)?;
                let request =
                    ListJournalKinesisStreamsForLedgerRequest { ledger_name, max_results, next_token };
                R::ListJournalKinesisStreamsForLedger(request)
            }
            ("GET", ["ledgers", name, "journal-kinesis-streams", id]) => {
                let (ledger_name, stream_id) = (ledger_name(name)?, unique_id("StreamId", id)?);
                R::DescribeJournalKinesisStream(DescribeJournalKinesisStreamRequest {
                    ledger_name,
                    stream_id,
                })
            }
            ("DELETE", ["ledgers", name, "journal-kinesis-streams", id]) => {
                let (ledger_name, stream_id) = (ledger_name(name)?, unique_id("StreamId", id)?);
                R::CancelJournalKinesisStream(CancelJournalKinesisStreamRequest { ledger_name, stream_id })
            }
            _ => return Ok(None),
        }))
    }

    /// An operation on tags; `None` if it is none.
    fn of_tags(&self) -> Result<Option<ControlRequest>, ServiceError> {
        use ControlRequest as R;
        // An ARN that somebody typed by hand may have slashes that are not encoded.
        let ["tags", arn @ ..] = self.segments else { return Ok(None) };
        if arn.is_empty() || !["POST", "DELETE", "GET"].contains(&self.method) {
            return Ok(None);
        }
        let resource_arn = resource_arn(arn)?;
        Ok(Some(match self.method {
            "POST" => {
                let tags = Members::from_json(self.body)?.required("Tags")?;
                check_tags(&tags)?;
                R::TagResource(TagResourceRequest { resource_arn, tags })
            }
            "DELETE" => {
                R::UntagResource(UntagResourceRequest { resource_arn, tag_keys: self.query.tag_keys()? })
            }
            _ => R::ListTagsForResource(ListTagsForResourceRequest { resource_arn }),
        }))
    }
}

fn http(method: &'static str, path: String, body: Vec<u8>) -> HttpRequest {
    HttpRequest { method, path, query: String::new(), body }
}

fn list(path: String, max_results: Option<u32>, next_token: Option<&str>) -> HttpRequest {
    let max_results = max_results.map(|max| format!("max_results={max}"));
    let next_token = next_token.map(|token| format!("next_token={}", percent_encode(token)));
    let query: Vec<String> = max_results.into_iter().chain(next_token).collect();
    HttpRequest { query: query.join("&"), ..http("GET", path, Vec::new()) }
}

fn tags(resource_arn: &str) -> String {
    format!("/tags/{}", percent_encode(resource_arn))
}

fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("texts, numbers and blobs always encode")
}

fn create_ledger(body: &[u8]) -> Result<ControlRequest, ServiceError> {
    let mut members = Members::from_json(body)?;
    let name: String = members.required("Name")?;
    check_name("Name", &name)?;
    let request = CreateLedgerRequest {
        name,
        permissions_mode: members.required("PermissionsMode")?,
        deletion_protection: members.optional("DeletionProtection")?,
        kms_key: kms_key(&mut members)?,
        tags: members.optional("Tags")?.unwrap_or_default(),
        strict: members.optional("Strict")?,
    };
    check_tags(&request.tags)?;
    Ok(ControlRequest::CreateLedger(request))
}

fn update_ledger(name: String, body: &[u8]) -> Result<ControlRequest, ServiceError> {
    let mut members = Members::from_json(body)?;
    Ok(ControlRequest::UpdateLedger(UpdateLedgerRequest {
        name,
        deletion_protection: members.optional("DeletionProtection")?,
        kms_key: kms_key(&mut members)?,
        strict: members.optional("Strict")?,
    }))
}

fn get_block(name: String, body: &[u8]) -> Result<ControlRequest, ServiceError> {
    let mut members = Members::from_json(body)?;
    Ok(ControlRequest::GetBlock(GetBlockRequest {
        name,
        block_address: members.required("BlockAddress")?,
        digest_tip_address: members.optional("DigestTipAddress")?,
    }))
}

fn get_revision(name: String, body: &[u8]) -> Result<ControlRequest, ServiceError> {
    let mut members = Members::from_json(body)?;
    let document_id: String = members.required("DocumentId")?;
    check_unique_id("DocumentId", &document_id)?;
    Ok(ControlRequest::GetRevision(GetRevisionRequest {
        name,
        block_address: members.required("BlockAddress")?,
        document_id,
        digest_tip_address: members.optional("DigestTipAddress")?,
    }))
}

fn export_journal(name: String, body: &[u8]) -> Result<ControlRequest, ServiceError> {
    let mut members = Members::from_json(body)?;
    let request = ExportJournalToS3Request {
        name,
        inclusive_start_time: members.required("InclusiveStartTime")?,
        exclusive_end_time: members.required("ExclusiveEndTime")?,
        s3_export_configuration: members.required("S3ExportConfiguration")?,
        role_arn: members.required("RoleArn")?,
        output_format: members.optional("OutputFormat")?,
    };
    check_arn("RoleArn", &request.role_arn)?;
    let S3ExportConfiguration { bucket, prefix, .. } = &request.s3_export_configuration;
    let of_bucket = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !(3..=255).contains(&bucket.len()) || !bucket.bytes().all(of_bucket) {
        return Err(invalid(
            "Bucket",
            "it must have 3 to 255 letters, digits, hyphens, underscores and dots",
        ));
    }
    if !length_within(prefix, 0, 128) {
        return Err(invalid("Prefix", "it must have at most 128 characters"));
    }
    Ok(ControlRequest::ExportJournalToS3(request))
}

fn stream_journal(ledger_name: String, body: &[u8]) -> Result<ControlRequest, ServiceError> {
    let mut members = Members::from_json(body)?;
    let request = StreamJournalToKinesisRequest {
        ledger_name,
        role_arn: members.required("RoleArn")?,
        tags: members.optional("Tags")?.unwrap_or_default(),
        inclusive_start_time: members.required("InclusiveStartTime")?,
        exclusive_end_time: members.optional("ExclusiveEndTime")?,
        kinesis_configuration: members.required("KinesisConfiguration")?,
        stream_name: members.required("StreamName")?,
    };
    check_arn("RoleArn", &request.role_arn)?;
    check_arn("StreamArn", &request.kinesis_configuration.stream_arn)?;
    check_name("StreamName", &request.stream_name)?;
    check_tags(&request.tags)?;
    Ok(ControlRequest::StreamJournalToKinesis(request))
}

fn kms_key(members: &mut Members) -> Result<Option<String>, ServiceError> {
    let key: Option<String> = members.optional("KmsKey")?;
    match key {
        Some(key) if !length_within(&key, 0, 1600) => {
            Err(invalid("KmsKey", "it must have at most 1600 characters"))
        }
        key => Ok(key),
    }
}

fn ledger_name(segment: &str) -> Result<String, ServiceError> {
    let name = decode("Name", segment)?;
    check_name("Name", &name)?;
    Ok(name)
}

fn unique_id(parameter: &str, segment: &str) -> Result<String, ServiceError> {
    let id = decode(parameter, segment)?;
    check_unique_id(parameter, &id)?;
    Ok(id)
}

fn resource_arn(segments: &[&str]) -> Result<String, ServiceError> {
    let arn = decode("ResourceArn", &segments.join("/"))?;
    check_arn("ResourceArn", &arn)?;
    Ok(arn)
}

fn decode(parameter: &str, text: &str) -> Result<String, ServiceError> {
    percent_decode(text).ok_or_else(|| invalid(parameter, "its percent-encoding is broken"))
}

fn check_name(parameter: &str, name: &str) -> Result<(), ServiceError> {
    if is_ledger_name(name) {
        return Ok(());
    }
    let rule =
        "a name has 1 to 32 letters, digits and single hyphens, none of them at an end, and not digits alone";
    Err(invalid(parameter, rule))
}

fn check_unique_id(parameter: &str, id: &str) -> Result<(), ServiceError> {
    if is_unique_id(id) {
        return Ok(());
    }
    Err(invalid(parameter, "it must have 22 letters, digits or hyphens"))
}

fn check_arn(parameter: &str, arn: &str) -> Result<(), ServiceError> {
    if length_within(arn, 20, 1600) {
        return Ok(());
    }
    Err(invalid(parameter, "it must have 20 to 1600 characters"))
}

fn check_tags(tags: &Tags) -> Result<(), ServiceError> {
    if tags.len() > 200 {
        return Err(invalid("Tags", "there must be at most 200"));
    }
    for (key, value) in tags {
        if !length_within(key, 1, 128) || !length_within(value, 0, 256) {
            let rule = "a tag has a key of 1 to 128 characters and a value of at most 256";
            return Err(invalid("Tags", rule));
        }
    }
    Ok(())
}

/// The decoded pairs of a query.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(text: &str) -> Result<Query, ServiceError> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode("query", name)?, decode("query", value)?))
        });
        let pairs: Vec<(String, String)> = pairs.collect::<Result<_, ServiceError>>()?;
        // The order of the pairs is not signed. So if two pairs have one name, neither may be preferred.
        let mut seen = HashSet::new();
        match pairs.iter().find(|(name, _)| name != "tagKeys" && !seen.insert(name)) {
            None => Ok(Query(pairs)),
            Some((name, _)) => Err(invalid(name, "it is in the query twice")),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
    }

    fn page(&self) -> Result<(Option<u32>, Option<String>), ServiceError> {
        let max_results = match self.get("max_results").map(str::parse) {
            None => None,
            Some(Ok(max @ 1..=100)) => Some(max),
            Some(_) => return Err(invalid("MaxResults", "it must be a number from 1 to 100")),
        };
        match self.get("next_token") {
            Some(token) if !is_token(token) => Err(invalid("NextToken", "it is not a token of this service")),
            token => Ok((max_results, token.map(str::to_owned))),
        }
    }

    fn tag_keys(&self) -> Result<Vec<String>, ServiceError> {
        let keys: Vec<String> =
            self.0.iter().filter(|pair| pair.0 == "tagKeys").map(|pair| pair.1.clone()).collect();
        if keys.is_empty() {
            return Err(invalid("TagKeys", "it is missing"));
        }
        if keys.len() > 200 || !keys.iter().all(|key| length_within(key, 1, 128)) {
            return Err(invalid("TagKeys", "there must be at most 200, of 1 to 128 characters each"));
        }
        Ok(keys)
    }
}
