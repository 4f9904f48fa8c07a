//! An open ledger database, compatible with Amazon QLDB.
//!
//! This is what an embedder adds to `Cargo.toml`. A [`Ledger`] is the engine itself; a [`Service`] holds many
//! under names and answers QLDB's two APIs; [`InProcess`] lets a [`SessionClient`] or [`QldbDriver`] talk to a
//! service in the same process, and [`HttpTransport`] to one anywhere. Their [`Error`] stands here, what else belongs
//! to them in [`driver`]:
//!
//! ```
//! use everstrand::driver::{Cursor, ExecuteOptions, RetryPolicy};
//! use everstrand::{Error, InProcess, QldbDriver};
//!
//! /// Tables of a ledger in this process, or why there are none.
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
