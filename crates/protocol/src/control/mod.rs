//! The control API: QLDB's twenty operations on ledgers, journals, streams and tags, and GetConsistencyProof and
//! ImportJournal, which are ours. It is REST with JSON.
//!
//! Method and path select the operation. Path and query have some of its members, the body has the others. A server reads
//! a request with [`ControlRequest::from_http`], a client writes it with [`ControlRequest::to_http`]. A [`ControlReply`]
//! has a body only.

mod import;
mod ledgers;
mod members;
mod route;
mod streams;
#[cfg(test)]
mod tests;
mod verification;

use serde::{Deserialize, Serialize};

pub use import::{ImportJournalRequest, ImportJournalResult, ImportStep};
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
        /// A request of the control API.
        #[derive(Clone, Debug, PartialEq)]
        pub enum ControlRequest {
            $(
                #[doc = concat!("A request of the operation ", stringify!($operation), ".")]
                $operation($request),
            )+
        }

        /// An answer of the control API with status 200.
        #[derive(Clone, Debug, PartialEq)]
        pub enum ControlReply {
            $(
                #[doc = concat!("The answer to ", stringify!($operation), ".")]
                $operation($result),
            )+
        }

        impl ControlRequest {
            /// The name of the operation.
            pub fn name(&self) -> &'static str {
                match self {
                    $(ControlRequest::$operation(_) => stringify!($operation),)+
                }
            }

            /// Reads the body of the answer to this request. An error means that it is not JSON, or has another structure.
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
            /// The body of the answer, in JSON.
            pub fn to_json(&self) -> Vec<u8> {
                // QLDB's model has no answer for this operation.
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
    ImportJournal: ImportJournalRequest => ImportJournalResult;
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
