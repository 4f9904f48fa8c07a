//! Ledgers in this process, opened in one line.

use std::path::Path;
use std::sync::Arc;

use everstrand_driver::{Error, QldbDriver};
use everstrand_server::config::{Config, Storage};
use everstrand_server::{Service, ServiceOpenError};

use crate::in_process::InProcess;

/// Opens the ledgers in a data folder, or begins one, in this process.
///
/// # Errors
///
/// If the folder cannot be used: [`ServiceOpenError::InUse`] if a server or another service has it open.
pub fn open(folder: impl AsRef<Path>) -> Result<Embedded, ServiceOpenError> {
    let service = Service::open(Config::new(Storage::Folder(folder.as_ref().to_owned())))?;
    Ok(Embedded { service: Arc::new(service) })
}

/// Ledgers in this process. Their folder is free again when this is dropped.
pub struct Embedded {
    service: Arc<Service>,
}

impl Embedded {
    /// A driver on the ledger with this name, which is created if it is missing.
    ///
    /// # Errors
    ///
    /// If no ledger can have this name, or the ledger cannot be created.
    #[expect(clippy::result_large_err, reason = "the driver's calls fail with the same error")]
    pub fn ledger(&self, name: &str) -> Result<QldbDriver<InProcess>, Error> {
        self.service.create_ledger_unless_it_exists(name).map_err(Error::Service)?;
        QldbDriver::builder(name).build_over(Arc::new(InProcess::new(Arc::clone(&self.service))))
    }

    /// The service that holds the ledgers, for all else that it does.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.service.close();
    }
}
