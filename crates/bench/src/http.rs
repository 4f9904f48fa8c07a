//! A server on a socket of this machine, and clients beside it in the same process.

use std::net::SocketAddr;
use std::sync::Arc;

use everstrand_driver::Credentials;
use everstrand_driver::{HttpTransport, QldbDriver};
use everstrand_ledger::Ledger;
use everstrand_server::config::{Config, Storage};
use everstrand_server::{Service, http};
use tokio::runtime::Runtime;

use crate::ledgers::raised_limits;
use crate::measure::Failure;

const NAME: &str = "vehicle-registration";

/// A running server and a runtime for its clients.
pub(crate) struct Served {
    /// Where clients run.
    pub(crate) clients: Runtime,
    address: SocketAddr,
    _server: Runtime,
}

impl Served {
    /// Serves a ledger as the program does. No statement here runs so long that it would give way to others.
    pub(crate) fn start(ledger: &Ledger) -> Result<Served, Failure> {
        let mut config = Config::new(Storage::Memory);
        config.limits = raised_limits();
        let service = Arc::new(Service::open(config)?);
        service.serve_ledger(NAME, ledger.clone())?;
        let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtimes = (runtime()?, runtime()?);
        let server = runtimes.0.block_on(http::Server::bind(service, ([127, 0, 0, 1], 0).into()))?;
        let address = server.address()?;
        runtimes.0.spawn(server.run(std::future::pending()));
        Ok(Served { clients: runtimes.1, address, _server: runtimes.0 })
    }

    /// A driver whose requests are signed.
    pub(crate) fn driver(&self) -> Result<QldbDriver<HttpTransport>, Failure> {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
        };
        let driver = QldbDriver::builder(NAME)
            .endpoint(format!("http://{}", self.address))
            .region("us-east-1")
            .credentials(credentials)
            .build()?;
        Ok(driver)
    }
}
