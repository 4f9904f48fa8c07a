//! An open ledger database, compatible with Amazon QLDB, inside your program.
//!
//! ```
//! use everstrand::Ledger;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ledger = Ledger::in_memory()?; // or Ledger::in_folder("cars")?
//!
//! let mut transaction = ledger.start_transaction()?;
//! transaction.execute("CREATE TABLE Car", &[])?;
//! transaction.execute("INSERT INTO Car VALUE {'VIN': '1N4AL11D75C', 'Owner': 'Ana'}", &[])?;
//! let owners = transaction.execute("SELECT VALUE Owner FROM Car", &[])?.values;
//! transaction.commit_unchecked().wait()?;
//!
//! assert_eq!(owners[0].root().as_text(), Some("Ana"));
//! println!("everything so far has the digest {}", ledger.digest().digest);
//! # Ok(())
//! # }
//! ```
//!
//! * [`Ledger`] is the engine: transactions, PartiQL, history, digests and proofs, without a server or an async
//!   runtime.
//! * [`Service`] holds many ledgers under names and answers QLDB's two APIs.
//! * [`QldbDriver`], [`QldbSession`] and [`SessionClient`] talk to a service: over HTTP by [`HttpTransport`], or in
//!   the same process by [`InProcess`].
//!
//! * [`testing`] gives a test a fresh ledger in memory, and an endpoint for clients that need a URL.
//!
//! Five programs in the folder `examples` show the rest: `embedded_ledger.rs`, `session_steps.rs`, `old_digest.rs`
//! (verified offline), `time_travel.rs` and `web_service.rs`.

mod embedded;
mod in_process;
/// A fresh ledger in memory for a test, and an endpoint for clients that need a URL.
///
/// ```
/// let ledger = everstrand::testing::ledger();
/// let endpoint = ledger.endpoint();
/// println!("{} is at {}", everstrand::testing::LEDGER_NAME, endpoint.url());
/// ```
pub mod testing;

/// What [`open`] opens; its example shows it. Ledgers under names, each with a driver:
///
/// ```
/// fn account(ledgers: &everstrand::Embedded) -> Result<(), everstrand::Error> {
///     let bank = ledgers.ledger("bank")?;
///     assert_eq!(bank.ledger_name(), "bank");
///     Ok(())
/// }
/// # let folder = tempfile::tempdir().expect("a folder");
/// # account(&everstrand::open(folder.path()).expect("opened")).expect("a ledger");
/// ```
pub use embedded::Embedded;
/// Opens a data folder in this process. The ledgers in it can be looked at from outside while the program runs: by
/// `everstrand shell --data`, which only reads, or over HTTP.
///
/// ```
/// # async fn of_a_program(folder: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
/// let ledgers = everstrand::open(folder)?;
/// let bank = ledgers.ledger("bank")?;
/// bank.execute_statement("CREATE TABLE Account", ()).await?;
/// assert_eq!(bank.list_tables().await?, ["Account"]);
///
/// // The same ledgers over HTTP, for the AWS CLI or another program. Port 0 picks a free port.
/// let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
/// let endpoint = everstrand::testing::Endpoint::start(ledgers.service().clone(), address)?;
/// println!("{}", endpoint.url());
/// # drop(endpoint);
///
/// // Nobody else can open the folder until this program has dropped it.
/// let second = everstrand::open(folder);
/// assert!(matches!(second, Err(everstrand::server::ServiceOpenError::InUse { .. })));
/// drop((bank, ledgers));
/// everstrand::open(folder)?;
/// # Ok(())
/// # }
/// # let folder = tempfile::tempdir().expect("a folder");
/// # tokio::runtime::Runtime::new().expect("a runtime").block_on(of_a_program(folder.path())).expect("no error");
/// ```
pub use embedded::open;
/// The client's side: sessions, transactions, retries. `examples/session_steps.rs` does each step by hand.
pub use everstrand_driver as driver;
/// Why a driver's call failed, sorted by who must act. `examples/web_service.rs` passes it on.
pub use everstrand_driver::Error;
/// The way to a service over HTTP.
///
/// ```
/// # fn main() -> Result<(), everstrand::Error> {
/// let transport = everstrand::HttpTransport::builder().endpoint("http://127.0.0.1:8182").build()?;
/// # Ok(())
/// # }
/// ```
pub use everstrand_driver::HttpTransport;
/// The driver: it keeps sessions, runs a closure in a transaction, and runs it again after a conflict.
/// `examples/web_service.rs` answers each request with one.
pub use everstrand_driver::QldbDriver;
/// A session whose transaction in progress and commit digest are kept for the caller.
///
/// ```
/// # use std::sync::Arc;
/// # use everstrand::server::config::{Config, Storage};
/// # use everstrand::{InProcess, QldbSession, Service};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let service = Arc::new(Service::open(Config::new(Storage::Memory))?);
/// # service.create_ledger_unless_it_exists("cars")?;
/// let mut session = QldbSession::start("cars", Arc::new(InProcess::new(service))).await?;
/// let transaction = session.start_transaction().await?;
/// transaction.execute("CREATE TABLE Car", ()).await?;
/// transaction.commit().await?;
/// session.close().await;
/// # Ok(())
/// # }
/// ```
pub use everstrand_driver::QldbSession;
/// One session and nothing more: the seven commands, typed. `examples/session_steps.rs` sends them one by one.
pub use everstrand_driver::SessionClient;
/// What carries a command to a service and its answer back. [`InProcess`] is one; `examples/session_steps.rs` uses it.
pub use everstrand_driver::Transport;
/// Ion values, text and binary. `examples/embedded_ledger.rs` makes a parameter of a value.
pub use everstrand_ion as ion;
/// Blocks, digests and proofs, and how to verify them without a ledger: `examples/old_digest.rs`.
pub use everstrand_journal as journal;
/// The engine with all its options: stores, clocks, limits. `examples/embedded_ledger.rs` uses the defaults.
pub use everstrand_ledger as ledger;
/// A ledger in this process: `examples/embedded_ledger.rs`, and `examples/time_travel.rs` for its past.
pub use everstrand_ledger::Ledger;
/// QLDB's PartiQL over any tables. `examples/time_travel.rs` shows statements.
pub use everstrand_partiql as partiql;
/// Both wire protocols as types.
///
/// ```
/// use everstrand::protocol::SendCommandRequest;
///
/// let request = SendCommandRequest::from_json(br#"{"StartSession": {"LedgerName": "cars"}}"#);
/// assert!(request.is_ok());
/// ```
pub use everstrand_protocol as protocol;
/// The server: [`Service`] without sockets, and HTTP in front of it. `examples/web_service.rs` opens one in memory.
pub use everstrand_server as server;
/// Many ledgers under names, behind QLDB's two APIs: `examples/session_steps.rs` opens one in memory.
pub use everstrand_server::Service;
/// The way to a service in the same process: `examples/session_steps.rs`.
pub use in_process::InProcess;
