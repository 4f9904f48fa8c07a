//! The journal leaves the ledger: exports of a range of it, streams of what comes.

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
    /// Where an export stands. Two L, unlike a stream's.
    ExportStatus { InProgress = "IN_PROGRESS", Completed = "COMPLETED", Cancelled = "CANCELLED" }
}
names! {
    /// Where a stream stands. One L, unlike an export's.
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
#[expect(missing_docs, reason = "the names are the model's")]
pub struct ExportJournalToS3Request {
    #[serde(skip)]
    pub name: String,
    pub inclusive_start_time: EpochMillis,
    pub exclusive_end_time: EpochMillis,
    #[serde(rename = "S3ExportConfiguration")]
    pub s3_export_configuration: S3ExportConfiguration,
    pub role_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_format: Option<OutputFormat>,
}

/// Where an export goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct S3ExportConfiguration {
    pub bucket: String,
    pub prefix: String,
    pub encryption_configuration: S3EncryptionConfiguration,
}

/// How an export's objects are encrypted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct S3EncryptionConfiguration {
    pub object_encryption_type: S3ObjectEncryptionType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
}

/// The answer to ExportJournalToS3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct ExportJournalToS3Result {
    pub export_id: String,
}

/// Asks how an export stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct DescribeJournalS3ExportRequest {
    pub name: String,
    pub export_id: String,
}

/// The answer to DescribeJournalS3Export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct DescribeJournalS3ExportResult {
    pub export_description: JournalS3Export,
}

/// An export, as described and listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct JournalS3Export {
    pub ledger_name: String,
    pub export_id: String,
    pub export_creation_time: EpochMillis,
    pub status: ExportStatus,
    pub inclusive_start_time: EpochMillis,
    pub exclusive_end_time: EpochMillis,
    #[serde(rename = "S3ExportConfiguration")]
    pub s3_export_configuration: S3ExportConfiguration,
    pub role_arn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_format: Option<OutputFormat>,
}

/// Asks for the exports of a ledger, page by page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct ListJournalS3ExportsForLedgerRequest {
    pub name: String,
    pub max_results: Option<u32>,
    pub next_token: Option<String>,
}

/// Asks for the exports of all ledgers, page by page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct ListJournalS3ExportsRequest {
    pub max_results: Option<u32>,
    pub next_token: Option<String>,
}

/// The answer to both lists of exports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct ListJournalS3ExportsResult {
    #[serde(rename = "JournalS3Exports")]
    pub journal_s3_exports: Vec<JournalS3Export>,
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Asks for a stream of the journal.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct StreamJournalToKinesisRequest {
    #[serde(skip)]
    pub ledger_name: String,
    pub role_arn: String,
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    pub inclusive_start_time: EpochMillis,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclusive_end_time: Option<EpochMillis>,
    pub kinesis_configuration: KinesisConfiguration,
    pub stream_name: String,
}

/// Where a stream goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct KinesisConfiguration {
    pub stream_arn: String,
    /// Whether several records travel as one; true when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation_enabled: Option<bool>,
}

/// The answer to StreamJournalToKinesis and to CancelJournalKinesisStream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct StreamIdResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_id: Option<String>,
}

/// Asks how a stream stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct DescribeJournalKinesisStreamRequest {
    pub ledger_name: String,
    pub stream_id: String,
}

/// The answer to DescribeJournalKinesisStream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct DescribeJournalKinesisStreamResult {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<JournalKinesisStream>,
}

/// A stream, as described and listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct JournalKinesisStream {
    pub ledger_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<EpochMillis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inclusive_start_time: Option<EpochMillis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusive_end_time: Option<EpochMillis>,
    pub role_arn: String,
    pub stream_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    pub status: StreamStatus,
    pub kinesis_configuration: KinesisConfiguration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_cause: Option<ErrorCause>,
    pub stream_name: String,
}

/// Asks for the streams of a ledger, page by page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct ListJournalKinesisStreamsForLedgerRequest {
    pub ledger_name: String,
    pub max_results: Option<u32>,
    pub next_token: Option<String>,
}

/// The answer to ListJournalKinesisStreamsForLedger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct ListJournalKinesisStreamsForLedgerResult {
    pub streams: Vec<JournalKinesisStream>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Ends a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the model's")]
pub struct CancelJournalKinesisStreamRequest {
    pub ledger_name: String,
    pub stream_id: String,
}
