//! One definition of QLDB's two wire protocols, for both ends.
//!
//! A server and a client that share these types cannot disagree about a name, an order or a limit.
//! Everything here is pure: bytes and values in, bytes and values out. No socket, no clock, no ledger.
//!
//! * [`send_command`]: the session API, one operation with seven commands;
//! * [`control`]: the control API, twenty operations on ledgers, journals and tags;
//! * [`error`]: the exceptions of both, and how each client recognises them;
//! * [`signature`]: AWS Signature Version 4, signing and checking.

pub mod control;
pub mod error;
pub mod send_command;
pub mod signature;

mod wire;

pub use error::{Exception, ServiceError};
pub use send_command::{
    AbortTransactionResult, Command, CommitTransactionResult, EndSessionResult, ExecuteStatementResult,
    FetchPageResult, IoUsage, Limits, Page, PageToken, Reply, SendCommandRequest, SessionToken,
    StartSessionResult, StartTransactionResult, TimingInformation, ValueHolder,
};
/// Percent-decoding, for the parts of URLs.
pub use wire::percent_decode;
