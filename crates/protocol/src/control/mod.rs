//! The control API: twenty operations on ledgers, their journals, streams and tags, as REST with JSON,
//! and one that QLDB did not have, GetConsistencyProof.
//!
//! Method and path select the operation, path and query carry some of its members and the body the
//! rest. [`ControlRequest::from_http`] puts them together for a server, [`ControlRequest::to_http`]
//! takes them apart for a client; a [`ControlReply`] is only a body.

mod ledgers;
mod members;
mod route;
mod streams;
#[cfg(test)]
mod tests;
mod verification;

use serde::{Deserialize, Serialize};

pub use ledgers::{
    CreateLedgerRequest, CreateLedgerResult, DeleteLedgerRequest, DescribeLedgerRequest,
    DescribeLedgerResult, EncryptionStatus, LedgerEncryptionDescription, LedgerState, LedgerSummary,
    ListLedgersRequest, ListLedgersResult, ListTagsForResourceRequest, ListTagsForResourceResult,
    PermissionsMode, TagResourceRequest, Tags, UntagResourceRequest, UpdateLedgerPermissionsModeRequest,
    UpdateLedgerPermissionsModeResult, UpdateLedgerRequest, UpdateLedgerResult,
};
pub use members::EpochMillis;
pub use route::HttpRequest;
pub use streams::{
    CancelJournalKinesisStreamRequest, DescribeJournalKinesisStreamRequest,
    DescribeJournalKinesisStreamResult, DescribeJournalS3ExportRequest, DescribeJournalS3ExportResult,
    ErrorCause, ExportJournalToS3Request, ExportJournalToS3Result, ExportStatus, JournalKinesisStream,
    JournalS3Export, KinesisConfiguration, ListJournalKinesisStreamsForLedgerRequest,
    ListJournalKinesisStreamsForLedgerResult, ListJournalS3ExportsForLedgerRequest,
    ListJournalS3ExportsRequest, ListJournalS3ExportsResult, OutputFormat, S3EncryptionConfiguration,
    S3ExportConfiguration, S3ObjectEncryptionType, StreamIdResult, StreamJournalToKinesisRequest,
    StreamStatus,
};
pub use verification::{
    GetBlockRequest, GetBlockResult, GetConsistencyProofRequest, GetConsistencyProofResult, GetDigestRequest,
    GetDigestResult, GetRevisionRequest, GetRevisionResult, IonText,
};

/// The content type of bodies.
pub const CONTENT_TYPE: &str = "application/json";

/// An answer without members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

macro_rules! operations {
    ($($operation:ident: $request:ty => $result:ty;)+) => {
        /// What a client asks.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "the names are the operations'")]
        pub enum ControlRequest {
            $($operation($request),)+
        }

        /// What a service answers.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "the names are the operations'")]
        pub enum ControlReply {
            $($operation($result),)+
        }

        impl ControlRequest {
            /// The operation's name.
            pub fn name(&self) -> &'static str {
                match self {
                    $(ControlRequest::$operation(_) => stringify!($operation),)+
                }
            }

            /// What a client reads out of the answer to this request.
            pub fn reply_from_json(&self, body: &[u8]) -> Result<ControlReply, serde_json::Error> {
                let body = if body.is_empty() { b"{}" } else { body };
                Ok(match self {
                    $(ControlRequest::$operation(_) => {
                        ControlReply::$operation(serde_json::from_slice(body)?)
                    })+
                })
            }
        }

        impl ControlReply {
            /// The body of the answer, with status 200.
            pub fn to_json(&self) -> Vec<u8> {
                // The only operation whose answer the model leaves without a shape.
                if matches!(self, ControlReply::DeleteLedger(_)) {
                    return Vec::new();
                }
                match self {
                    $(ControlReply::$operation(result) => {
                        serde_json::to_vec(result).expect("texts, numbers and blobs always encode")
                    })+
                }
            }
        }
    };
}

operations! {
    CreateLedger: CreateLedgerRequest => CreateLedgerResult;
    DescribeLedger: DescribeLedgerRequest => DescribeLedgerResult;
    ListLedgers: ListLedgersRequest => ListLedgersResult;
    UpdateLedger: UpdateLedgerRequest => UpdateLedgerResult;
    UpdateLedgerPermissionsMode: UpdateLedgerPermissionsModeRequest => UpdateLedgerPermissionsModeResult;
    DeleteLedger: DeleteLedgerRequest => Nothing;
    GetDigest: GetDigestRequest => GetDigestResult;
    GetBlock: GetBlockRequest => GetBlockResult;
    GetRevision: GetRevisionRequest => GetRevisionResult;
    GetConsistencyProof: GetConsistencyProofRequest => GetConsistencyProofResult;
    ExportJournalToS3: ExportJournalToS3Request => ExportJournalToS3Result;
    DescribeJournalS3Export: DescribeJournalS3ExportRequest => DescribeJournalS3ExportResult;
    ListJournalS3ExportsForLedger: ListJournalS3ExportsForLedgerRequest => ListJournalS3ExportsResult;
    ListJournalS3Exports: ListJournalS3ExportsRequest => ListJournalS3ExportsResult;
    StreamJournalToKinesis: StreamJournalToKinesisRequest => StreamIdResult;
    DescribeJournalKinesisStream: DescribeJournalKinesisStreamRequest => DescribeJournalKinesisStreamResult;
    ListJournalKinesisStreamsForLedger:
        ListJournalKinesisStreamsForLedgerRequest => ListJournalKinesisStreamsForLedgerResult;
    CancelJournalKinesisStream: CancelJournalKinesisStreamRequest => StreamIdResult;
    TagResource: TagResourceRequest => Nothing;
    UntagResource: UntagResourceRequest => Nothing;
    ListTagsForResource: ListTagsForResourceRequest => ListTagsForResourceResult;
}
