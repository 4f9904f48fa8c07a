//! The session API: `QLDBSession.SendCommand`, one operation with seven commands.
//!
//! A request is one JSON object: a session token (but for StartSession) and exactly one command. The
//! answer is an object with the command's member. Clients check little before they send, so that
//! every rule of the model is checked here, on the server's side: types by [`SendCommandRequest::from_json`],
//! lengths and patterns by [`SendCommandRequest::validate`].

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

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendCommandRequest {
    /// Whose session; absent only in StartSession.
    pub session_token: Option<SessionToken>,
    /// What to do.
    pub command: Command,
}

/// One of the seven commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Opens a session to a ledger.
    StartSession {
        /// The ledger's name.
        ledger_name: String,
    },
    /// Opens the session's transaction.
    StartTransaction,
    /// Runs a statement in the transaction.
    ExecuteStatement {
        /// The transaction in progress.
        transaction_id: String,
        /// PartiQL text.
        statement: String,
        /// A value for each `?`.
        parameters: Vec<ValueHolder>,
    },
    /// Asks for more of a statement's result.
    FetchPage {
        /// The transaction in progress.
        transaction_id: String,
        /// The token of the page before.
        next_page_token: PageToken,
    },
    /// Makes the transaction permanent.
    CommitTransaction {
        /// The transaction in progress.
        transaction_id: String,
        /// What the client says it has sent: 32 bytes, which the ledger compares with its own.
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

/// One Ion value on the wire. A service answers in binary only; a client may send either.
#[derive(Clone, PartialEq, Eq)]
pub enum ValueHolder {
    /// A complete Ion 1.0 stream of one value, with its version marker.
    IonBinary(Vec<u8>),
    /// Ion text of one value.
    IonText(String),
}

/// A log is no place for a client's data: only form and size are shown.
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
            /// Wraps the text of a token.
            pub fn new(text: impl Into<Arc<str>>) -> $name {
                $name(text.into())
            }

            /// The token itself, to be sent and not to be shown.
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
    /// Stands for a session. Who has it, has the session: its `Debug` shows nothing of it.
    SessionToken
}
token! {
    /// Stands for the rest of a result.
    PageToken
}

/// `Arc<str>` in serde, without its feature that would also bring shared pointers everywhere.
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
