//! The client of a ledger.
//!
//! There are three layers. Each can be used alone, and each is generic over a [`Transport`]:
//!
//! * [`SessionClient`] sends the seven commands of a session and returns the answers;
//! * [`QldbSession`] runs a [`Transaction`]. It computes the commit digest and compares it with the service's. A [`Cursor`]
//!   reads a result page by page;
//! * [`QldbDriver`] keeps sessions, runs a closure in a transaction, and runs it again if that is safe.
//!
//! ```
//! # let runtime = tokio::runtime::Runtime::new().expect("a runtime");
//! # runtime.block_on(async {
//! use everstrand_driver::{Error, QldbDriver, TransportError};
//!
//! let driver = QldbDriver::builder("my-ledger").endpoint("http://127.0.0.1:1").build()?;
//! let names = driver
//!     .execute(|transaction| async move {
//!         transaction.execute("INSERT INTO people VALUE {'name': ?}", "Ann").await?;
//!         transaction.execute("SELECT VALUE name FROM people", ()).await?.fetch_all().await
//!     })
//!     .await;
//! // Nobody listens at this port. The error says that no request was sent, so nothing has happened.
//! assert!(matches!(names, Err(Error::Transport(TransportError::NotSent(_)))));
//! # Ok::<(), Error>(())
//! # }).expect("the settings are right");
//! ```
//!
//! A tokio runtime is needed to wait between attempts, to read ahead, and to end sessions that were dropped without
//! [`SessionClient::close`].

mod driver;
mod error;
mod http;
mod parameters;
mod retry;
mod session;
mod session_client;
mod transaction;
mod transport;

pub use driver::{ExecuteOptions, QldbDriver, QldbDriverBuilder};
pub use error::Error;
pub use everstrand_ion::{Document, Value};
pub use everstrand_journal::{CommitDigest, Hash};
pub use everstrand_protocol::send_command::{
    AbortTransactionResult, Command, CommitTransactionResult, EndSessionResult, ExecuteStatementResult,
    FetchPageResult, IoUsage, Page, PageToken, Reply, SendCommandRequest, SessionToken, StartSessionResult,
    StartTransactionResult, TimingInformation, ValueHolder,
};
pub use everstrand_protocol::signature::Credentials;
pub use everstrand_protocol::{DuplicateKey, Exception, ServiceError};
pub use http::{HttpTransport, HttpTransportBuilder};
pub use parameters::{Parameter, Parameters};
pub use retry::RetryPolicy;
pub use session::QldbSession;
pub use session_client::SessionClient;
pub use transaction::{Cursor, Statistics, Transaction, documents};
pub use transport::{SendCommandResponse, Transport, TransportError};
