//! Operations on exports and streams of a journal.

use serde::{Deserialize, Serialize};

use super::ledgers::Tags;
use super::members::{EpochMillis, names};

names! {
    /// The form of an exported journal.
    OutputFormat { IonBinary = "ION_BINARY", IonText = "ION_TEXT", Json = "JSON" }
}
names! {
    /// How exported objects are encrypted.
    S3ObjectEncryptionType { SseKms = "SSE_KMS", SseS3 = "SSE_S3", NoEncryption = "NO_ENCRYPTION" }
}
names! {
    /// The status of an export. It is spelt CANCELLED, a stream's CANCELED.
    ExportStatus { InProgress = "IN_PROGRESS", Completed = "COMPLETED", Cancelled = "CANCELLED" }
}
names! {
    /// The status of a stream. It is spelt CANCELED, an export's CANCELLED.
    StreamStatus {
        Active = "ACTIVE", Completed = "COMPLETED", Canceled = "CANCELED", Failed = "FAILED", Impaired = "IMPAIRED",
    }
}
names! {
    /// Why a stream failed or is impaired.
    ErrorCause {
        KinesisStreamNotFound = "KINESIS_STREAM_NOT_FOUND", IamPermissionRevoked = "IAM_PERMISSION_REVOKED",
    }
}

/// Asks for an export of the journal between two times.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExportJournalToS3Request {
    /// The name of the ledger.
    #[serde(skip)]
    pub name: String,
    /// The first time whose blocks are included.
    pub inclusive_start_time: EpochMillis,
    /// The time at which the range ends; its blocks are not included.
    pub exclusive_end_time: EpochMillis,
    /// The destination of the export.
    #[serde(rename = "S3ExportConfiguration")]
    pub s3_export_configuration: S3ExportConfiguration,
    /// The ARN of the role that writes to the destination.
    pub role_arn: String,
    /// The format of the exported journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_format: Option<OutputFormat>,
}

/// The destination of an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct S3ExportConfiguration {
    /// The name of the bucket.
    pub bucket: String,
    /// The prefix of all keys in the bucket.
    pub prefix: String,
    /// How the exported objects are encrypted.
    pub encryption_configuration: S3EncryptionConfiguration,
}

/// How an export's objects are encrypted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct S3EncryptionConfiguration {
    /// How the exported objects are encrypted.
    pub object_encryption_type: S3ObjectEncryptionType,
    /// The ARN of the key that encrypts the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
}

/// The answer to ExportJournalToS3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExportJournalToS3Result {
    /// The id of the export.
    pub export_id: String,
}

/// Asks for the description of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeJournalS3ExportRequest {
    /// The name of the ledger.
    pub name: String,
    /// The id of the export.
    pub export_id: String,
}

/// The answer to DescribeJournalS3Export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeJournalS3ExportResult {
    /// The description of the export.
    pub export_description: JournalS3Export,
}

/// The description of an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct JournalS3Export {
    /// The name of the ledger.
    pub ledger_name: String,
    /// The id of the export.
    pub export_id: String,
    /// The time at which the export was requested.
    pub export_creation_time: EpochMillis,
    /// The status of the export.
    pub status: ExportStatus,
    /// The first time whose blocks are included.
    pub inclusive_start_time: EpochMillis,
    /// The time at which the range ends; its blocks are not included.
    pub exclusive_end_time: EpochMillis,
    /// The destination of the export.
    #[serde(rename = "S3ExportConfiguration")]
    pub s3_export_configuration: S3ExportConfiguration,
    /// The ARN of the role that writes to the destination.
    pub role_arn: String,
    /// The format of the exported journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_format: Option<OutputFormat>,
}

/// Asks for the exports of a ledger, page by page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListJournalS3ExportsForLedgerRequest {
    /// The name of the ledger.
    pub name: String,
    /// The most elements in an answer, 1 to 100.
    pub max_results: Option<u32>,
    /// The token from the page before.
    pub next_token: Option<String>,
}

/// Asks for the exports of all ledgers, page by page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListJournalS3ExportsRequest {
    /// The most elements in an answer, 1 to 100.
    pub max_results: Option<u32>,
    /// The token from the page before.
    pub next_token: Option<String>,
}

/// The answer to both lists of exports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListJournalS3ExportsResult {
    /// The exports.
    #[serde(rename = "JournalS3Exports")]
    pub journal_s3_exports: Vec<JournalS3Export>,
    /// The token of the next page; absent on the last page.
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Asks for a stream of the journal.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamJournalToKinesisRequest {
    /// The name of the ledger.
    #[serde(skip)]
    pub ledger_name: String,
    /// The ARN of the role that writes to the destination.
    pub role_arn: String,
    /// The tags of the stream.
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The first time whose blocks are included.
    pub inclusive_start_time: EpochMillis,
    /// The time at which the range ends; its blocks are not included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclusive_end_time: Option<EpochMillis>,
    /// The destination of the stream.
    pub kinesis_configuration: KinesisConfiguration,
    /// The name of the stream.
    pub stream_name: String,
}

/// The destination of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KinesisConfiguration {
    /// The ARN of the Kinesis stream.
    pub stream_arn: String,
    /// Whether several records are sent as one; true if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation_enabled: Option<bool>,
}

/// The answer to StreamJournalToKinesis and to CancelJournalKinesisStream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StreamIdResult {
    /// The id of the stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_id: Option<String>,
}

/// Asks for the description of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeJournalKinesisStreamRequest {
    /// The name of the ledger.
    pub ledger_name: String,
    /// The id of the stream.
    pub stream_id: String,
}

/// The answer to DescribeJournalKinesisStream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeJournalKinesisStreamResult {
    /// The description of the stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<JournalKinesisStream>,
}

/// The description of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct JournalKinesisStream {
    /// The name of the ledger.
    pub ledger_name: String,
    /// The time at which the stream was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<EpochMillis>,
    /// The first time whose blocks are included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inclusive_start_time: Option<EpochMillis>,
    /// The time at which the range ends; its blocks are not included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusive_end_time: Option<EpochMillis>,
    /// The ARN of the role that writes to the destination.
    pub role_arn: String,
    /// The id of the stream.
    pub stream_id: String,
    /// The ARN of the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The status of the stream.
    pub status: StreamStatus,
    /// The destination of the stream.
    pub kinesis_configuration: KinesisConfiguration,
    /// Why the stream failed or is impaired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_cause: Option<ErrorCause>,
    /// The name of the stream.
    pub stream_name: String,
}

/// Asks for the streams of a ledger, page by page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListJournalKinesisStreamsForLedgerRequest {
    /// The name of the ledger.
    pub ledger_name: String,
    /// The most elements in an answer, 1 to 100.
    pub max_results: Option<u32>,
    /// The token from the page before.
    pub next_token: Option<String>,
}

/// The answer to ListJournalKinesisStreamsForLedger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListJournalKinesisStreamsForLedgerResult {
    /// The streams.
    pub streams: Vec<JournalKinesisStream>,
    /// The token of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Ends a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelJournalKinesisStreamRequest {
    /// The name of the ledger.
    pub ledger_name: String,
    /// The id of the stream.
    pub stream_id: String,
}
