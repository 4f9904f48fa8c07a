//! A driver without a pool.

use std::future::Future;

use everstrand_ion::Document;

use crate::driver::{ExecuteOptions, QldbDriver};
use crate::error::Error;
use crate::parameters::Parameters;
use crate::session::QldbSession;
use crate::transaction::Transaction;
use crate::transport::Transport;

/// Runs transactions on a ledger, each call in a session of its own, which is ended after it. There may be any number at the
/// same time.
#[derive(Debug)]
pub struct UnpooledQldbDriver<T: Transport>(QldbDriver<T>);

impl<T: Transport> Clone for UnpooledQldbDriver<T> {
    fn clone(&self) -> UnpooledQldbDriver<T> {
        UnpooledQldbDriver(self.0.clone())
    }
}

impl<T: Transport> UnpooledQldbDriver<T> {
    pub(crate) fn new(driver: QldbDriver<T>) -> UnpooledQldbDriver<T> {
        UnpooledQldbDriver(driver)
    }

    /// The driver that does the work: its pool keeps nothing.
    pub fn driver(&self) -> &QldbDriver<T> {
        &self.0
    }

    /// Does what [`QldbDriver::execute`] does, and fails for the same reasons.
    pub async fn execute<R, E, F, Fut>(&self, run: F) -> Result<R, E>
    where
        F: FnMut(Transaction<T>) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        self.0.execute(run).await
    }

    /// Does what [`QldbDriver::execute_with`] does, and fails for the same reasons.
    pub async fn execute_with<R, E, F, Fut>(&self, options: ExecuteOptions, run: F) -> Result<R, E>
    where
        F: FnMut(Transaction<T>) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        self.0.execute_with(options, run).await
    }

    /// Does what [`QldbDriver::execute_statement`] does, and fails for the same reasons.
    pub async fn execute_statement(
        &self,
        statement: &str,
        parameters: impl Parameters,
    ) -> Result<Vec<Document>, Error> {
        self.0.execute_statement(statement, parameters).await
    }

    /// A new session, which is ended when it is dropped. An error means that the service refused, or did not answer.
    pub async fn get_session(&self) -> Result<QldbSession<T>, Error> {
        self.0.get_session().await
    }

    /// The names of the ledger's active tables. An error means that the service refused, or did not answer.
    pub async fn list_tables(&self) -> Result<Vec<String>, Error> {
        self.0.list_tables().await
    }

    /// Begins no transaction any more.
    pub async fn close(&self) {
        self.0.close().await;
    }
}
