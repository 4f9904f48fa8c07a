//! A session to a ledger, from the client's side.
//!
//! Three layers, each usable alone, all generic over a [`Transport`] with one method:
//!
//! * [`SessionClient`] sends the seven commands and hands back what the service says, nothing more;
//! * [`QldbSession`] has a [`Transaction`] in progress, whose [`Cursor`]s read results page by page and
//!   whose commit digest is computed here and compared with the service's;
//! * [`QldbDriver`] takes a session, runs a closure in a transaction and tries again where that is safe.
//!
//! ```no_run
//! # async fn example() -> Result<(), everstrand_driver::Error> {
//! use everstrand_driver::QldbDriver;
//!
//! let driver = QldbDriver::builder("my-ledger").endpoint("http://127.0.0.1:8182").build()?;
//! let names = driver
//!     .execute(|transaction| async move {
//!         transaction.execute("INSERT INTO people VALUE {'name': ?}", "Ann").await?;
//!         transaction.execute("SELECT VALUE name FROM people", ()).await?.fetch_all().await
//!     })
//!     .await?;
//! # let _ = names;
//! # Ok(())
//! # }
//! ```
//!
//! A tokio runtime is needed only where time passes or work goes on in the background: for waits between
//! attempts, for reading ahead, and to end sessions that were dropped without being closed.

mod cursor;
mod driver;
mod error;
mod http;
mod parameters;
mod retry;
pub mod scripted;
mod session;
mod session_client;
mod transaction;
mod transport;

pub use cursor::{Cursor, Statistics, documents};
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
pub use everstrand_protocol::{Exception, ServiceError};
pub use http::{HttpTransport, HttpTransportBuilder};
pub use parameters::{Parameter, Parameters};
pub use retry::RetryPolicy;
pub use session::QldbSession;
pub use session_client::SessionClient;
pub use transaction::Transaction;
pub use transport::{SendCommandResponse, Transport, TransportError};
