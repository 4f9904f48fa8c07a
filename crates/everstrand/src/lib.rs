//! An open ledger database, compatible with Amazon QLDB.
//!
//! An embedder depends on this crate. A [`Ledger`] is the engine itself. A [`Service`] holds many ledgers by name and answers
//! QLDB's two APIs. A [`SessionClient`] or a [`QldbDriver`] talks to a service in the same process through [`InProcess`], and to a
//! server anywhere through [`HttpTransport`]. The module [`driver`] has the rest of the client:
//!
//! ```
//! use everstrand::driver::{Cursor, ExecuteOptions, RetryPolicy};
//! use everstrand::{Error, InProcess, QldbDriver};
//!
//! /// The names of the tables of a ledger in this process.
//! async fn tables(driver: &QldbDriver<InProcess>) -> Result<Vec<String>, Error> {
//!     driver.list_tables().await
//! }
//! ```

mod in_process;

pub use everstrand_driver as driver;
pub use everstrand_driver::{Error, HttpTransport, QldbDriver, QldbSession, SessionClient, Transport};
pub use everstrand_ion as ion;
pub use everstrand_journal as journal;
pub use everstrand_ledger as ledger;
pub use everstrand_ledger::Ledger;
pub use everstrand_partiql as partiql;
pub use everstrand_protocol as protocol;
pub use everstrand_server as server;
pub use everstrand_server::Service;
pub use in_process::InProcess;
