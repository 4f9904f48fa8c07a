//! Reads and writes answers.
//!
//! The results have the names that are on the wire, and keep members that this version does not know.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{PageToken, SessionToken, ValueHolder};
use crate::wire::{self, Object};

/// An answer with status 200: the result of a command.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Reply {
    /// The result of StartSession.
    StartSession(StartSessionResult),
    /// The result of StartTransaction.
    StartTransaction(StartTransactionResult),
    /// The result of ExecuteStatement.
    ExecuteStatement(ExecuteStatementResult),
    /// The result of FetchPage.
    FetchPage(FetchPageResult),
    /// The result of CommitTransaction.
    CommitTransaction(CommitTransactionResult),
    /// The result of AbortTransaction.
    AbortTransaction(AbortTransactionResult),
    /// The result of EndSession.
    EndSession(EndSessionResult),
}

/// The time that a command took in the service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TimingInformation {
    /// The time in milliseconds. A service reports at least 1, because some clients take 0 for "not measured".
    #[serde(default)]
    pub processing_time_milliseconds: i64,
    /// Members this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The reads and writes of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IoUsage {
    /// The number of documents that were read.
    #[serde(rename = "ReadIOs", default)]
    pub read_ios: i64,
    /// The number of writes.
    #[serde(rename = "WriteIOs", default)]
    pub write_ios: i64,
    /// Members this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A page of a statement's result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Page {
    /// The rows. They are on the wire even if there are none, because clients expect them.
    #[serde(default, deserialize_with = "null_as_default")]
    pub values: Vec<ValueHolder>,
    /// The token of the next page; `None` on the last page. It is never an empty text, because clients would take that for
    /// a token.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "non_empty_token")]
    pub next_page_token: Option<PageToken>,
    /// Members this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The answer to StartSession.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartSessionResult {
    /// The token that every further command of the session must have.
    pub session_token: SessionToken,
    /// The time that the command took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing_information: Option<TimingInformation>,
    /// Members this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The answer to StartTransaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartTransactionResult {
    /// The id of the new transaction.
    pub transaction_id: String,
    /// The time that the command took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing_information: Option<TimingInformation>,
    /// Members this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The answer to ExecuteStatement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExecuteStatementResult {
    /// The first rows.
    pub first_page: Page,
    /// The time that the command took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing_information: Option<TimingInformation>,
    /// The reads and writes of the command.
    #[serde(rename = "ConsumedIOs", default, skip_serializing_if = "Option::is_none")]
    pub consumed_ios: Option<IoUsage>,
    /// Members this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The answer to FetchPage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FetchPageResult {
    /// The next rows.
    pub page: Page,
    /// The time that the command took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing_information: Option<TimingInformation>,
    /// The reads and writes of the command.
    #[serde(rename = "ConsumedIOs", default, skip_serializing_if = "Option::is_none")]
    pub consumed_ios: Option<IoUsage>,
    /// Members this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The answer to CommitTransaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CommitTransactionResult {
    /// The id of the transaction that was committed.
    pub transaction_id: String,
    /// The commit digest that the ledger computed. It equals the client's.
    #[serde(with = "wire::blob")]
    pub commit_digest: Vec<u8>,
    /// The time that the command took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing_information: Option<TimingInformation>,
    /// The reads and writes of the command.
    #[serde(rename = "ConsumedIOs", default, skip_serializing_if = "Option::is_none")]
    pub consumed_ios: Option<IoUsage>,
    /// Members this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The answer to AbortTransaction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AbortTransactionResult {
    /// The time that the command took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing_information: Option<TimingInformation>,
    /// Members this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The answer to EndSession.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EndSessionResult {
    /// The time that the command took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing_information: Option<TimingInformation>,
    /// Members this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl TimingInformation {
    /// A time in milliseconds, as a service reports it: at least 1.
    pub fn of_milliseconds(milliseconds: i64) -> TimingInformation {
        TimingInformation { processing_time_milliseconds: milliseconds.max(1), other: Map::new() }
    }
}

impl IoUsage {
    /// Both counts. Clients expect both or none.
    pub fn new(read_ios: i64, write_ios: i64) -> IoUsage {
        IoUsage { read_ios, write_ios, other: Map::new() }
    }
}

impl Page {
    /// A page with these rows, and the token of the next page if there is one.
    pub fn new(values: Vec<ValueHolder>, next_page_token: Option<PageToken>) -> Page {
        Page { values, next_page_token, other: Map::new() }
    }
}

impl Reply {
    /// The name of the command on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Reply::StartSession(_) => "StartSession",
            Reply::StartTransaction(_) => "StartTransaction",
            Reply::ExecuteStatement(_) => "ExecuteStatement",
            Reply::FetchPage(_) => "FetchPage",
            Reply::CommitTransaction(_) => "CommitTransaction",
            Reply::AbortTransaction(_) => "AbortTransaction",
            Reply::EndSession(_) => "EndSession",
        }
    }

    /// The body of the answer, in JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts, numbers and blobs always encode")
    }

    /// Reads an answer with status 200. An error means that it is not the result of one command.
    pub fn from_json(body: &[u8]) -> Result<Reply, ReplyError> {
        let Object(body): Object<Body> = serde_json::from_slice(body).map_err(ReplyError::Json)?;
        let replies = [
            body.start_session.map(Reply::StartSession),
            body.start_transaction.map(Reply::StartTransaction),
            body.execute_statement.map(Reply::ExecuteStatement),
            body.fetch_page.map(Reply::FetchPage),
            body.commit_transaction.map(Reply::CommitTransaction),
            body.abort_transaction.map(Reply::AbortTransaction),
            body.end_session.map(Reply::EndSession),
        ];
        let mut replies = replies.into_iter().flatten();
        match (replies.next(), replies.next()) {
            (Some(reply), None) => Ok(reply),
            (None, _) => Err(ReplyError::NoReply),
            (Some(first), Some(second)) => Err(ReplyError::TwoReplies(first.name(), second.name())),
        }
    }
}

/// An answer with status 200 is not the result of one command.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// It is not JSON, or has another structure.
    #[error("the answer is not valid: {0}")]
    Json(serde_json::Error),
    /// It has no result.
    #[error("the answer holds no result of a command")]
    NoReply,
    /// It has two results.
    #[error("the answer holds two results, {0} and {1}")]
    TwoReplies(&'static str, &'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    start_session: Option<StartSessionResult>,
    start_transaction: Option<StartTransactionResult>,
    execute_statement: Option<ExecuteStatementResult>,
    fetch_page: Option<FetchPageResult>,
    commit_transaction: Option<CommitTransactionResult>,
    abort_transaction: Option<AbortTransactionResult>,
    end_session: Option<EndSessionResult>,
}

fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn non_empty_token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PageToken>, D::Error> {
    Ok(Option::<PageToken>::deserialize(deserializer)?.filter(|token| !token.as_str().is_empty()))
}
