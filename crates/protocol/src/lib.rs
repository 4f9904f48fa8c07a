//! QLDB's two wire protocols, defined once for clients and servers.
//!
//! A server and a client that share these types cannot disagree about a name, an order or a limit. Everything here turns
//! bytes into values or values into bytes. Nothing uses a socket, a clock or a ledger.
//!
//! * [`send_command`]: the session API, one operation with seven commands;
//! * [`outcome`]: what became of a transaction, an operation of ours beside the session API;
//! * [`identity`]: users, groups, policies and keys, an operation of ours;
//! * [`control`]: the control API, twenty operations on ledgers, journals and tags;
//! * [`error`]: the exceptions of both, and how clients recognise them;
//! * [`signature`]: AWS Signature Version 4, signing and checking.
//!
//! ```
//! use everstrand_protocol::{Command, SendCommandRequest};
//!
//! // A client writes a request, and a server reads it.
//! let command = Command::StartSession { ledger_name: "vehicles".to_owned() };
//! let request = SendCommandRequest { session_token: None, command };
//! let body = request.to_json();
//! assert_eq!(body, br#"{"StartSession":{"LedgerName":"vehicles"}}"#);
//! assert_eq!(SendCommandRequest::from_json(&body)?, request);
//!
//! // An error names the parameter that is wrong.
//! let error = SendCommandRequest::from_json(br#"{"StartSession":{"LedgerName":"-"}}"#).unwrap_err();
//! assert!(error.to_string().contains("LedgerName"));
//! # Ok::<(), everstrand_protocol::ServiceError>(())
//! ```

pub mod control;
pub mod error;
pub mod identity;
pub mod outcome;
pub mod send_command;
pub mod signature;

mod wire;

pub use error::{Conflict, ConflictKind, DuplicateKey, Exception, ServiceError};
pub use send_command::{
    AbortTransactionResult, Command, CommitTransactionResult, EndSessionResult, ExecuteStatementResult,
    FetchPageResult, IoUsage, Limits, Page, PageToken, Reply, SendCommandRequest, SessionToken,
    StartSessionResult, StartTransactionResult, TimingInformation, ValueHolder,
};
pub use wire::percent_decode;
