//! What the two drivers have in common.

use std::future::Future;

use everstrand_ion::Document;

use crate::driver::{ExecuteOptions, QldbDriver};
use crate::error::Error;
use crate::parameters::Parameters;
use crate::retry::RetryPolicy;
use crate::session::QldbSession;
use crate::transaction::Transaction;
use crate::transport::Transport;
use crate::unpooled::UnpooledQldbDriver;

/// What [`QldbDriver`] and [`UnpooledQldbDriver`](crate::UnpooledQldbDriver) have in common, for code that takes either, and
/// for stand-ins in tests.
///
/// The futures of closures that are not `Send` cannot be `Send` either, so this trait promises nothing; the drivers' own
/// methods of the same names give `Send` futures for `Send` closures.
#[expect(async_fn_in_trait, reason = "a caller's closure decides whether the future is Send")]
pub trait BaseQldbDriver {
    /// The way to the service.
    type Transport: Transport;

    /// The name of the ledger.
    fn ledger_name(&self) -> &str;

    /// How often a closure may run again.
    fn retry_policy(&self) -> &RetryPolicy;

    /// The most pages of a result that are held; 0 if the driver does not read ahead.
    fn read_ahead(&self) -> usize;

    /// A session. An error means that none became free, that the service refused, or that it did not answer.
    async fn get_session(&self) -> Result<QldbSession<Self::Transport>, Error>;

    /// Runs a closure in a transaction, as [`QldbDriver::execute_with`] does.
    async fn execute_lambda<R, E, F, Fut>(&self, options: ExecuteOptions, run: F) -> Result<R, E>
    where
        F: FnMut(Transaction<Self::Transport>) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>;

    /// Runs one statement in a transaction of its own, as [`QldbDriver::execute_statement`] does.
    async fn execute_statement(
        &self,
        statement: &str,
        parameters: impl Parameters,
    ) -> Result<Vec<Document>, Error>;

    /// The names of the ledger's active tables, as [`QldbDriver::list_tables`] finds them.
    async fn list_tables(&self) -> Result<Vec<String>, Error>;

    /// Begins no transaction any more, as [`QldbDriver::close`] does.
    async fn close(&self);
}

macro_rules! base {
    ($($driver:ident, $($own:ident).*;)+) => {
        $(impl<T: Transport> BaseQldbDriver for $driver<T> {
            type Transport = T;

            fn ledger_name(&self) -> &str {
                self$(.$own())*.ledger_name()
            }

            fn retry_policy(&self) -> &RetryPolicy {
                self$(.$own())*.retry_policy()
            }

            fn read_ahead(&self) -> usize {
                self$(.$own())*.read_ahead()
            }

            async fn get_session(&self) -> Result<QldbSession<T>, Error> {
                self$(.$own())*.get_session().await
            }

            async fn execute_lambda<R, E, F, Fut>(&self, options: ExecuteOptions, run: F) -> Result<R, E>
            where
                F: FnMut(Transaction<T>) -> Fut,
                Fut: Future<Output = Result<R, E>>,
                E: From<Error>,
            {
                self$(.$own())*.execute_with(options, run).await
            }

            async fn execute_statement(
                &self,
                statement: &str,
                parameters: impl Parameters,
            ) -> Result<Vec<Document>, Error> {
                self$(.$own())*.execute_statement(statement, parameters).await
            }

            async fn list_tables(&self) -> Result<Vec<String>, Error> {
                self$(.$own())*.list_tables().await
            }

            async fn close(&self) {
                self$(.$own())*.close().await;
            }
        })+
    };
}

base! {
    QldbDriver, ;
    UnpooledQldbDriver, driver;
}
