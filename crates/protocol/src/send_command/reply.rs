//! Answers to and from JSON.
//!
//! The results are the dictionaries that QLDB's first Python driver handed out, made types: they
//! serialise under the wire's names and keep members that this version does not know.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{PageToken, SessionToken, ValueHolder};
use crate::wire::{self, Object};

/// What a service answers: the member of the command that was asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "named after the commands they answer")]
pub enum Reply {
    StartSession(StartSessionResult),
    StartTransaction(StartTransactionResult),
    ExecuteStatement(ExecuteStatementResult),
    FetchPage(FetchPageResult),
    CommitTransaction(CommitTransactionResult),
    AbortTransaction(AbortTransactionResult),
    EndSession(EndSessionResult),
}

/// Time a command took on the service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TimingInformation {
    /// In milliseconds, at least 1 from a service: some clients take 0 for "not measured".
    #[serde(default)]
    pub processing_time_milliseconds: i64,
    /// Members this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Reads and writes that a command cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IoUsage {
    /// Documents visited.
    #[serde(rename = "ReadIOs", default)]
    pub read_ios: i64,
    /// Writes done.
    #[serde(rename = "WriteIOs", default)]
    pub write_ios: i64,
    /// Members this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A part of a statement's result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Page {
    /// The rows. On the wire always there, also when empty: clients count them without looking.
    #[serde(default, deserialize_with = "null_as_default")]
    pub values: Vec<ValueHolder>,
    /// Where the result goes on. Absent on the last page; never an empty text, which clients would
    /// take for a token.
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
    /// To be sent with every further command.
    pub session_token: SessionToken,
    /// Time taken.
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
    /// The new transaction's id.
    pub transaction_id: String,
    /// Time taken.
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
    /// Time taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing_information: Option<TimingInformation>,
    /// Reads and writes.
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
    /// Time taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing_information: Option<TimingInformation>,
    /// Reads and writes.
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
    /// The transaction that is now permanent.
    pub transaction_id: String,
    /// The ledger's digest, byte for byte the client's.
    #[serde(with = "wire::blob")]
    pub commit_digest: Vec<u8>,
    /// Time taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing_information: Option<TimingInformation>,
    /// Reads and writes.
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
    /// Time taken.
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
    /// Time taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing_information: Option<TimingInformation>,
    /// Members this version does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl TimingInformation {
    /// As a service reports it: 1 for everything quicker than a millisecond.
    pub fn of_milliseconds(milliseconds: i64) -> TimingInformation {
        TimingInformation { processing_time_milliseconds: milliseconds.max(1), other: Map::new() }
    }
}

impl IoUsage {
    /// Both counts; clients want both or none.
    pub fn new(read_ios: i64, write_ios: i64) -> IoUsage {
        IoUsage { read_ios, write_ios, other: Map::new() }
    }
}

impl Page {
    /// A page of these rows, with more to come if there is a token.
    pub fn new(values: Vec<ValueHolder>, next_page_token: Option<PageToken>) -> Page {
        Page { values, next_page_token, other: Map::new() }
    }
}

impl Reply {
    /// The command this answers, by its name on the wire.
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

    /// The body of the answer.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts, numbers and blobs always encode")
    }

    /// What a client reads out of an answer with status 200.
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

/// Why an answer with status 200 could not be understood.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// No JSON, or JSON of another shape.
    #[error("the answer is not valid: {0}")]
    Json(serde_json::Error),
    /// No member of a command.
    #[error("the answer holds no command's result")]
    NoReply,
    /// Two answers to one question.
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
