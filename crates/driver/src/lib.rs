//! The client of a ledger.
//!
//! There are three layers. Each can be used alone, and each is generic over a [`Transport`]:
//!
//! * [`SessionClient`] sends the seven commands of a session and returns the answers;
//! * [`QldbSession`] runs one [`Transaction`] at a time. A transaction computes the commit digest and compares it with the
//!   service's;
//! * [`QldbDriver`] keeps sessions in a pool, runs a closure in a transaction, and runs it again if that is safe.
//!   [`QldbDriver::begin`] gives a transaction to the caller's own hands.
//!
//! ```
//! # let runtime = tokio::runtime::Runtime::new().expect("a runtime");
//! # runtime.block_on(async {
//! use everstrand_driver::{Error, QldbDriver, TransportError};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Person {
//!     name: String,
//!     tags: Vec<String>,
//! }
//!
//! let driver = QldbDriver::builder("my-ledger").endpoint("http://127.0.0.1:1").build()?;
//! let ann = &Person { name: "Ann".into(), tags: vec![] };
//! let people = driver
//!     .execute(|transaction| async move {
//!         transaction.query("INSERT INTO people ?").bind(ann)?.count().await?;
//!         transaction.query("SELECT name, tags FROM people").fetch_all::<Person>().await
//!     })
//!     .await;
//! // Nobody listens at this port. The error says that no request was sent, so nothing has happened.
//! assert!(matches!(people, Err(Error::Transport(TransportError::NotSent(_)))));
//! # Ok::<(), Error>(())
//! # }).expect("the settings are right");
//! ```
//!
//! # What it promises
//!
//! * **A future may be dropped at any await.** A transaction whose future was dropped is aborted. A session whose state is not
//!   known is ended and never used again.
//! * **Nothing is committed twice silently.** If the answer to a commit is lost, the service is asked what became of it
//!   ([`Transport::transaction_outcome`]). A service that does not know such questions, as QLDB did not, leaves
//!   [`Error::CommitOutcomeUnknown`], unless [`ExecuteOptions::idempotent`] is set.
//! * **The pool has a bound** ([`PoolSettings`]). Whoever waits for a retry holds no session. [`QldbDriver::shutdown`] leaves none.
//! * **Nothing is sent in vain.** After 30 seconds a transaction sends no statement any more ([`Transaction::time_left`]).
//! * **Logs** (`tracing`; spans `transaction` with the number of the run, events for statements and commits with their costs) hold
//!   no token, no statement, no parameter, no key and no text of an error, which may quote values. A program that wants the texts of
//!   errors in its log takes them from [`RetryPolicy::on_retry`] and from what the driver returns.
//!
//! # Where what is
//!
//! * Rows and parameters of Rust types: [`Transaction::query`], [`params!`], [`Rows`] as a stream. Values of Ion
//!   ([`Value`], [`Document`], and the types of `everstrand_ion`) keep annotations, scale and precision in them.
//! * Retries: [`RetryPolicy`], for each call in [`ExecuteOptions`]. Errors: [`Error::kind`], [`Error::duplicate_key`], [`Error::conflict`].
//! * Digests and proofs: [`QldbDriver::get_digest`], [`verify`], [`Trust`].
//! * HTTP: [`HttpTransport`], with TLS, own certificates, proxies, and keys that are renewed before they expire
//!   ([`CredentialsSource`]). Features: `blocking` (the driver without async), `aws-sdk` (the official SDK's client as a transport),
//!   `aws-config` (credentials as the official SDKs find them).
//!
//! A tokio runtime is needed to wait between attempts, to read ahead, and to end what was dropped.
//!
//! # For who knows pyqldb
//!
//! Every public name of pyqldb 1.x to 3.x, and what takes its place:
//!
//! | pyqldb | here |
//! |---|---|
//! | `BaseQldbDriver` | [`BaseQldbDriver`] |
//! | `QldbDriver` (1.x, 2.x: without a pool) | [`UnpooledQldbDriver`] |
//! | `QldbDriver` (3.x), `PooledQldbDriver` | [`QldbDriver`] |
//! | `ledger_name` | [`QldbDriver::builder`], [`QldbDriver::ledger_name`] |
//! | `retry_limit` | [`QldbDriverBuilder::retry_limit`], [`RetryPolicy::retry_limit`] |
//! | `read_ahead` | [`QldbDriverBuilder::read_ahead`]: 0, or 2 and more |
//! | `executor` | the tokio runtime that the caller is in |
//! | `region_name` | [`QldbDriverBuilder::region`] |
//! | `verify` | [`HttpTransportBuilder::certificates`]; certificates are always checked |
//! | `endpoint_url` | [`QldbDriverBuilder::endpoint`] |
//! | `aws_access_key_id`, `aws_secret_access_key`, `aws_session_token` | [`QldbDriverBuilder::credentials`] |
//! | `config` | [`QldbDriverBuilder::http`] |
//! | `boto3_session`, `boto3_session_client` | [`QldbDriverBuilder::build_over`] any [`Transport`]; the official SDK's client with the feature `aws-sdk` |
//! | `max_concurrent_transactions`, `pool_limit` | [`PoolSettings::sessions_max`] |
//! | `timeout` | [`PoolSettings::acquire_timeout`] |
//! | `retry_config` | [`QldbDriverBuilder::retry_policy`] |
//! | `get_session` | [`QldbDriver::get_session`] |
//! | `execute_lambda` | [`QldbDriver::execute`], [`QldbSession::execute_lambda`] |
//! | `execute_statement` | [`QldbDriver::execute_statement`], [`QldbSession::execute`], [`Transaction::execute`] |
//! | `list_tables` | [`QldbDriver::list_tables`], [`QldbSession::list_tables`] |
//! | `retry_indicator` | [`RetryPolicy::on_retry`] |
//! | `close` | [`QldbDriver::close`], [`QldbDriver::shutdown`], [`QldbSession::close`]; a transaction and a cursor are dropped |
//! | `QldbSession`, `BaseQldbSession`, `PooledQldbSession` | [`QldbSession`] |
//! | `session_id` | [`SessionClient::id`] |
//! | `session_token` | [`SessionClient::token`] |
//! | `Executable`, `Executor` | [`Transaction`] |
//! | `Transaction` | [`Transaction`] |
//! | `start_transaction` | [`QldbSession::start_transaction`], [`QldbDriver::begin`] |
//! | `transaction_id` | [`Transaction::id`] |
//! | `commit` | [`Transaction::commit`] |
//! | `abort` | [`Transaction::abort`] |
//! | `is_closed`, `is_open` | the compiler: commit, abort and close take the value |
//! | `StreamCursor` | [`Cursor`], [`Rows`] |
//! | `ReadAheadCursor` | [`Cursor`] with [`QldbDriverBuilder::read_ahead`] |
//! | `BufferedCursor` | [`Cursor::fetch_all`], [`BufferedRows`] |
//! | `get_consumed_ios`, `get_timing_information` | [`Statistics`] |
//! | `SessionClient` | [`SessionClient`] |
//! | `start_session` | [`SessionClient::start_session`] |
//! | `fetch_page` | [`SessionClient::fetch_page`], [`Transaction::fetch_page`] |
//! | `commit_transaction` | [`SessionClient::commit_transaction`] |
//! | `abort_transaction` | [`SessionClient::abort_transaction`] |
//! | `end_session` | [`SessionClient::end_session`] |
//! | `id` | [`SessionClient::id`] |
//! | `token` | [`SessionClient::token`] |
//! | `client` | [`SessionClient::client`] |
//! | `RetryConfig` | [`RetryPolicy`] |
//! | `base` | [`RetryPolicy::wait_base`] |
//! | `custom_backoff` | [`RetryPolicy::backoff`] |
//! | `is_occ_conflict_exception` | [`Error::is_occ_conflict`] |
//! | `is_invalid_session_exception` | [`Error::is_invalid_session`] |
//! | `is_transaction_expired_exception` | [`Error::is_transaction_expired`] |
//! | `is_retriable_exception` | [`Error::is_retriable`] |
//! | `is_bad_request_exception` | [`Error::is_bad_request`] |
//! | `DriverClosedError` | [`Error::DriverClosed`] |
//! | `SessionPoolEmptyError` | [`Error::PoolTimeout`] |
//! | `LambdaAbortedError` | no error: the closure returns what it likes after [`Transaction::abort`] |
//! | `StartTransactionError`, `ExecuteError` | the error itself, an [`Error`] |
//! | `IllegalStateError` | [`Error::CommitDigestMismatch`] |
//! | `TransactionClosedError` | [`Error::TransactionOver`] |
//! | `SessionClosedError`, `ResultClosedError` | the compiler: what is closed is gone |
//! | `QldbHash`, `to_qldb_hash`, `dot` | [`CommitDigest`], [`struct@Hash`] |
//! | `AtomicInteger` | the pool |

#[cfg(any(feature = "aws-sdk", feature = "aws-config"))]
mod aws;
mod base;
#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
mod driver;
mod error;
mod http;
#[doc(hidden)]
pub mod parameters;
mod pool;
mod retry;
mod runtime;
mod session;
mod session_client;
mod transaction;
mod transport;
mod trust;
mod unpooled;
mod verification;

#[cfg(feature = "aws-sdk")]
pub use aws::{SdkTransport, sdk_http_client};
#[cfg(feature = "aws-config")]
pub use aws::{http_from_sdk_config, sdk_config_loader};
#[cfg(feature = "aws-config")]
pub use aws_config;
#[cfg(feature = "aws-sdk")]
pub use aws_sdk_qldbsession;
pub use base::BaseQldbDriver;
pub use builder::QldbDriverBuilder;
pub use driver::{ExecuteOptions, Executed, QldbDriver};
pub use error::{Error, ErrorKind};
pub use everstrand_ion::{Document, Value};
pub use everstrand_journal::{BlockAddress, CommitDigest, Digest, Hash, Proof};
pub use everstrand_protocol::send_command::{
    AbortTransactionResult, Command, CommitTransactionResult, EndSessionResult, ExecuteStatementResult,
    FetchPageResult, IoUsage, Page, PageToken, Reply, SendCommandRequest, SessionToken, StartSessionResult,
    StartTransactionResult, TimingInformation, ValueHolder,
};
pub use everstrand_protocol::signature::Credentials;
pub use everstrand_protocol::{Conflict, ConflictKind, DuplicateKey, Exception, ServiceError};
pub use http::{
    CredentialsFuture, CredentialsSource, HttpTransport, HttpTransportBuilder, TemporaryCredentials,
};
pub use parameters::{Parameter, ParameterList, Parameters};
pub use pool::{DriverMetrics, PoolSettings, Shutdown};
pub use retry::{Backoff, OnRetry, RetryContext, RetryPolicy};
pub use session::QldbSession;
pub use session_client::SessionClient;
pub use transaction::Transaction;
pub use transaction::core::{Committed, Statistics};
pub use transaction::cursor::{Cursor, documents};
pub use transaction::query::{BufferedRows, Query};
pub use transaction::rows::Rows;
pub use transport::{
    ControlTransport, SendCommandResponse, TransactionOutcome, TransactionOutcomeRequest, Transport,
    TransportError,
};
pub use trust::Trust;
pub use unpooled::UnpooledQldbDriver;
pub use verification::{Proven, verify};
