//! The client of the official SDK as a transport.

use aws_sdk_qldbsession::Client;
use aws_sdk_qldbsession::config::SharedHttpClient;
use aws_sdk_qldbsession::config::retry::RetryConfig;
use aws_sdk_qldbsession::error::SdkError;
use aws_sdk_qldbsession::operation::RequestId;
use aws_sdk_qldbsession::operation::send_command::{SendCommandError, SendCommandOutput};
use aws_sdk_qldbsession::primitives::Blob;
use aws_sdk_qldbsession::types;
use everstrand_protocol::ServiceError;
use everstrand_protocol::error::{ERROR_TYPE_HEADER, REQUEST_ID_HEADER};
use everstrand_protocol::send_command::{
    AbortTransactionResult, Command, CommitTransactionResult, EndSessionResult, ExecuteStatementResult,
    FetchPageResult, IoUsage, Page, Reply, SendCommandRequest, StartSessionResult, StartTransactionResult,
    TimingInformation, ValueHolder,
};

use crate::transport::{SendCommandResponse, Transport, TransportError};

/// An HTTP client for the SDK, with TLS by rustls and ring. A program that takes the SDK without its default features, which
/// bring a C library for TLS that needs cmake, gives it to the SDK's configuration.
pub fn sdk_http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(super::tls()).build_https()
}

/// Sends commands by the official SDK's client, with its credentials, region and HTTP client.
#[derive(Clone, Debug)]
pub struct SdkTransport {
    client: Client,
}

impl SdkTransport {
    /// Takes a client. The SDK's own retries are turned off, because only the driver knows what may be sent twice.
    pub fn new(client: &Client) -> SdkTransport {
        let config = client.config().to_builder().retry_config(RetryConfig::disabled()).build();
        SdkTransport { client: Client::from_conf(config) }
    }
}

impl Transport for SdkTransport {
    async fn send_command(&self, request: SendCommandRequest) -> Result<SendCommandResponse, TransportError> {
        let token = request.session_token.map(|token| token.as_str().to_owned());
        let call = self.client.send_command().set_session_token(token);
        let unsendable =
            |error: aws_sdk_qldbsession::error::BuildError| TransportError::Unsendable(error.into());
        let call = match request.command {
            Command::StartSession { ledger_name } => {
                let start = types::StartSessionRequest::builder().ledger_name(ledger_name);
                call.start_session(start.build().map_err(unsendable)?)
            }
            Command::StartTransaction => {
                call.start_transaction(types::StartTransactionRequest::builder().build())
            }
            Command::ExecuteStatement { transaction_id, statement, parameters } => {
                let execute = types::ExecuteStatementRequest::builder()
                    .transaction_id(transaction_id)
                    .statement(statement)
                    .set_parameters(Some(parameters.into_iter().map(sent_value).collect()));
                call.execute_statement(execute.build().map_err(unsendable)?)
            }
            Command::FetchPage { transaction_id, next_page_token } => {
                let fetch = types::FetchPageRequest::builder()
                    .transaction_id(transaction_id)
                    .next_page_token(next_page_token.as_str());
                call.fetch_page(fetch.build().map_err(unsendable)?)
            }
            Command::CommitTransaction { transaction_id, commit_digest } => {
                let commit = types::CommitTransactionRequest::builder()
                    .transaction_id(transaction_id)
                    .commit_digest(Blob::new(commit_digest));
                call.commit_transaction(commit.build().map_err(unsendable)?)
            }
            Command::AbortTransaction => {
                call.abort_transaction(types::AbortTransactionRequest::builder().build())
            }
            Command::EndSession => call.end_session(types::EndSessionRequest::builder().build()),
        };
        let output = call.send().await.map_err(error)?;
        let request_id = output.request_id().map(str::to_owned);
        let reply = reply(output).ok_or_else(|| TransportError::Lost("the answer has no result".into()))?;
        Ok(SendCommandResponse { request_id, reply })
    }
}

fn sent_value(value: ValueHolder) -> types::ValueHolder {
    match value {
        ValueHolder::IonBinary(bytes) => types::ValueHolder::builder().ion_binary(Blob::new(bytes)).build(),
        ValueHolder::IonText(text) => types::ValueHolder::builder().ion_text(text).build(),
    }
}

fn error(error: SdkError<SendCommandError>) -> TransportError {
    match error {
        SdkError::ServiceError(context) => {
            let answer = context.raw();
            let header = |name: &str| answer.headers().get(name);
            // The SDK's own error has neither `Code` nor what Everstrand adds.
            let error = ServiceError::from_response(
                answer.status().as_u16(),
                header(ERROR_TYPE_HEADER),
                header(REQUEST_ID_HEADER),
                answer.body().bytes().unwrap_or_default(),
            );
            TransportError::Service(error)
        }
        SdkError::ConstructionFailure(_) => TransportError::Unsendable(error.into()),
        // The SDK does not say for certain that nothing was sent.
        _ => TransportError::Lost(error.into()),
    }
}

fn reply(output: SendCommandOutput) -> Option<Reply> {
    let other = serde_json::Map::new;
    if let Some(result) = output.start_session {
        let session_token = result.session_token?.into();
        let timing_information = result.timing_information.map(timing);
        return Some(Reply::StartSession(StartSessionResult {
            session_token,
            timing_information,
            other: other(),
        }));
    }
    if let Some(result) = output.start_transaction {
        return Some(Reply::StartTransaction(StartTransactionResult {
            transaction_id: result.transaction_id?,
            timing_information: result.timing_information.map(timing),
            other: other(),
        }));
    }
    if let Some(result) = output.execute_statement {
        return Some(Reply::ExecuteStatement(ExecuteStatementResult {
            first_page: result.first_page.map(page).unwrap_or_default(),
            timing_information: result.timing_information.map(timing),
            consumed_ios: result.consumed_ios.map(ios),
            other: other(),
        }));
    }
    if let Some(result) = output.fetch_page {
        return Some(Reply::FetchPage(FetchPageResult {
            page: result.page.map(page).unwrap_or_default(),
            timing_information: result.timing_information.map(timing),
            consumed_ios: result.consumed_ios.map(ios),
            other: other(),
        }));
    }
    if let Some(result) = output.commit_transaction {
        return Some(Reply::CommitTransaction(CommitTransactionResult {
            transaction_id: result.transaction_id?,
            commit_digest: result.commit_digest?.into_inner(),
            timing_information: result.timing_information.map(timing),
            consumed_ios: result.consumed_ios.map(ios),
            other: other(),
        }));
    }
    if let Some(result) = output.abort_transaction {
        let timing_information = result.timing_information.map(timing);
        return Some(Reply::AbortTransaction(AbortTransactionResult { timing_information, other: other() }));
    }
    let timing_information = output.end_session?.timing_information.map(timing);
    Some(Reply::EndSession(EndSessionResult { timing_information, other: other() }))
}

fn page(page: types::Page) -> Page {
    let value = |value: types::ValueHolder| match (value.ion_binary, value.ion_text) {
        (Some(bytes), _) => ValueHolder::IonBinary(bytes.into_inner()),
        (None, text) => ValueHolder::IonText(text.unwrap_or_default()),
    };
    let values = page.values.unwrap_or_default().into_iter().map(value).collect();
    Page::new(values, page.next_page_token.map(Into::into))
}

fn timing(timing: types::TimingInformation) -> TimingInformation {
    TimingInformation::of_milliseconds(timing.processing_time_milliseconds)
}

fn ios(ios: types::IoUsage) -> IoUsage {
    IoUsage::new(ios.read_ios, ios.write_ios)
}
