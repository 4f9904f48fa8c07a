//! The driver for programs without an async runtime.
//!
//! ```no_run
//! use everstrand_driver::{Error, blocking};
//!
//! let driver = blocking::QldbDriver::new(everstrand_driver::QldbDriver::builder("cars").build()?)?;
//! let owners = driver.execute(|transaction| {
//!     transaction.execute("INSERT INTO Car VALUE {'Owner': ?}", "Ana")?;
//!     transaction.fetch_all::<String>("SELECT VALUE Owner FROM Car", ())
//! })?;
//! # Ok::<(), Error>(())
//! ```

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use everstrand_ion::Document;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

use crate::driver::ExecuteOptions;
use crate::error::Error;
use crate::parameters::Parameters;
use crate::pool::Shutdown;
use crate::transaction::core::Committed;
use crate::transport::Transport;
use crate::{driver, transaction};

/// Does what [`crate::QldbDriver`] does, on the thread that calls. Clones share their sessions.
///
/// It has a runtime of its own, with one thread beside the callers'. No method may be called from async code: it panics there.
#[derive(Clone, Debug)]
pub struct QldbDriver<T: Transport> {
    driver: driver::QldbDriver<T>,
    runtime: Arc<Runtime>,
}

/// A transaction, see [`crate::Transaction`]. One that is dropped is aborted.
#[derive(Debug)]
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction<T: Transport> {
    transaction: Option<transaction::Transaction<T>>,
    runtime: Arc<Runtime>,
}

impl<T: Transport> QldbDriver<T> {
    /// A driver for callers that wait. An error means that its runtime cannot be started.
    pub fn new(driver: driver::QldbDriver<T>) -> Result<QldbDriver<T>, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime =
            runtime.map_err(|error| Error::Configuration(format!("no runtime can be started: {error}")))?;
        Ok(QldbDriver { driver, runtime: Arc::new(runtime) })
    }

    /// Does what [`crate::QldbDriver::execute`] does, and fails for the same reasons.
    pub fn execute<R, E, F>(&self, run: F) -> Result<R, E>
    where
        F: FnMut(&Transaction<T>) -> Result<R, E>,
        E: From<Error>,
    {
        self.execute_with(ExecuteOptions::default(), run)
    }

    /// Does what [`crate::QldbDriver::execute_with`] does, and fails for the same reasons.
    pub fn execute_with<R, E, F>(&self, options: ExecuteOptions, mut run: F) -> Result<R, E>
    where
        F: FnMut(&Transaction<T>) -> Result<R, E>,
        E: From<Error>,
    {
        self.wait(self.driver.execute_with(options, |transaction| {
            let transaction =
                Transaction { transaction: Some(transaction), runtime: Arc::clone(&self.runtime) };
            // The closure waits for futures itself.
            let result = tokio::task::block_in_place(|| run(&transaction));
            async move { result }
        }))
    }

    /// Does what [`crate::QldbDriver::execute_statement`] does, and fails for the same reasons.
    pub fn execute_statement(
        &self,
        statement: &str,
        parameters: impl Parameters,
    ) -> Result<Vec<Document>, Error> {
        self.wait(self.driver.execute_statement(statement, parameters))
    }

    /// Does what [`crate::QldbDriver::begin`] does, and fails for the same reasons.
    pub fn begin(&self) -> Result<Transaction<T>, Error> {
        let transaction = self.wait(self.driver.begin())?;
        Ok(Transaction { transaction: Some(transaction), runtime: Arc::clone(&self.runtime) })
    }

    /// Does what [`crate::QldbDriver::list_tables`] does, and fails for the same reasons.
    pub fn list_tables(&self) -> Result<Vec<String>, Error> {
        self.wait(self.driver.list_tables())
    }

    /// Does what [`crate::QldbDriver::shutdown`] does.
    pub fn shutdown(&self, wait: Duration) -> Shutdown {
        self.wait(self.driver.shutdown(wait))
    }

    /// The driver for async code. Its futures need the runtime of the code that awaits them.
    pub fn driver(&self) -> &driver::QldbDriver<T> {
        &self.driver
    }

    fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

impl<T: Transport> Transaction<T> {
    /// The id of the transaction.
    pub fn id(&self) -> &str {
        self.transaction.as_ref().map_or("", |transaction| transaction.id())
    }

    /// Runs a statement, and returns all its rows. It fails as [`crate::Transaction::execute`] does.
    pub fn execute(&self, statement: &str, parameters: impl Parameters) -> Result<Vec<Document>, Error> {
        let transaction = self.open();
        self.runtime.block_on(async { transaction.execute(statement, parameters).await?.fetch_all().await })
    }

    /// Runs a statement, and returns all its rows as values of a type. It fails as [`crate::Query`] does.
    pub fn fetch_all<R: DeserializeOwned>(
        &self,
        statement: &str,
        parameters: impl Parameters,
    ) -> Result<Vec<R>, Error> {
        let query = self.open().query(statement).bind_all(parameters);
        self.runtime.block_on(query.fetch_all())
    }

    /// Commits the transaction. It fails as [`crate::Transaction::commit`] does.
    pub fn commit(mut self) -> Result<Committed, Error> {
        let transaction = self.transaction.take();
        self.runtime.block_on(async {
            match transaction {
                Some(transaction) => transaction.commit().await,
                None => Err(Error::DriverClosed),
            }
        })
    }

    /// Rolls the transaction back. It fails as [`crate::Transaction::abort`] does.
    pub fn abort(mut self) -> Result<(), Error> {
        let transaction = self.transaction.take();
        self.runtime.block_on(async {
            match transaction {
                Some(transaction) => transaction.abort().await,
                None => Ok(()),
            }
        })
    }

    fn open(&self) -> &transaction::Transaction<T> {
        self.transaction.as_ref().expect("only commit, abort and drop take it")
    }
}

impl<T: Transport> Drop for Transaction<T> {
    fn drop(&mut self) {
        // Dropping it needs the runtime, which runs the abort.
        let _entered = self.runtime.enter();
        drop(self.transaction.take());
    }
}
