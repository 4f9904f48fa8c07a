//! The session API: `QLDBSession.SendCommand`, one operation with seven commands.
//!
//! A request is a JSON object with exactly one command and, except for StartSession, a session token. The answer is an
//! object with the result of the command. Clients check little before they send. Therefore the server checks every rule
//! of the model: [`SendCommandRequest::from_json`] checks types, [`SendCommandRequest::validate`] lengths and patterns.

mod reply;
mod request;
mod validate;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use reply::{
    AbortTransactionResult, CommitTransactionResult, EndSessionResult, ExecuteStatementResult,
    FetchPageResult, IoUsage, Page, Reply, ReplyError, StartSessionResult, StartTransactionResult,
    TimingInformation,
};
pub use validate::{Limits, is_ledger_name};
pub(crate) use validate::{is_token, is_unique_id};

/// The value of the header `X-Amz-Target`.
pub const TARGET: &str = "QLDBSession.SendCommand";
/// The content type of requests and answers.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// A request of the session API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendCommandRequest {
    /// The token of the session; `None` in StartSession only.
    pub session_token: Option<SessionToken>,
    /// The command.
    pub command: Command,
}

/// One of the seven commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Starts a session with a ledger.
    StartSession {
        /// The name of the ledger.
        ledger_name: String,
    },
    /// Starts a transaction in the session.
    StartTransaction,
    /// Runs a statement in the transaction.
    ExecuteStatement {
        /// The id of the open transaction.
        transaction_id: String,
        /// The statement, in PartiQL.
        statement: String,
        /// The values for each `?`, in order.
        parameters: Vec<ValueHolder>,
    },
    /// Asks for the next page of a statement's result.
    FetchPage {
        /// The id of the open transaction.
        transaction_id: String,
        /// The token from the page before.
        next_page_token: PageToken,
    },
    /// Commits the transaction.
    CommitTransaction {
        /// The id of the open transaction.
        transaction_id: String,
        /// The client's commit digest, 32 bytes. The ledger refuses the commit if its own differs.
        commit_digest: Vec<u8>,
    },
    /// Rolls back the session's transaction, if one is open.
    AbortTransaction,
    /// Ends the session.
    EndSession,
}

impl Command {
    /// The command's name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Command::StartSession { .. } => "StartSession",
            Command::StartTransaction => "StartTransaction",
            Command::ExecuteStatement { .. } => "ExecuteStatement",
            Command::FetchPage { .. } => "FetchPage",
            Command::CommitTransaction { .. } => "CommitTransaction",
            Command::AbortTransaction => "AbortTransaction",
            Command::EndSession => "EndSession",
        }
    }
}

/// An Ion value on the wire. A service sends binary only; a client may send either.
#[derive(Clone, PartialEq, Eq)]
pub enum ValueHolder {
    /// Ion binary: a complete stream of one value, with its version marker.
    IonBinary(Vec<u8>),
    /// Ion text with one value.
    IonText(String),
}

/// Shows only form and size, because a client's data must not get into logs.
impl fmt::Debug for ValueHolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueHolder::IonBinary(bytes) => write!(formatter, "IonBinary({} bytes)", bytes.len()),
            ValueHolder::IonText(text) => write!(formatter, "IonText({} bytes)", text.len()),
        }
    }
}

macro_rules! token {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(with = "shared_text")] Arc<str>);

        impl $name {
            /// A token with this text.
            pub fn new(text: impl Into<Arc<str>>) -> $name {
                $name(text.into())
            }

            /// The text of the token. It must not get into logs.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(concat!(stringify!($name), "(***)"))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> $name {
                $name(text.into())
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> $name {
                $name(text.into())
            }
        }
    };
}

token! {
    /// Names a session. Whoever has the token can use the session; therefore `Debug` does not show it.
    SessionToken
}
token! {
    /// Names the next page of a statement's result.
    PageToken
}

/// Reads and writes `Arc<str>`. Serde's feature `rc` would do so too, but it allows shared pointers of all types.
mod shared_text {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(deserializer).map(Arc::from)
    }
}
