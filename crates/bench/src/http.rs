//! A server on a socket of this machine, and clients beside it in the same process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use everstrand_driver::Credentials;
use everstrand_driver::{HttpTransport, QldbDriver};
use everstrand_ledger::Ledger;
use everstrand_server::config::{Config, Storage};
use everstrand_server::{Service, http};
use tokio::runtime::Runtime;

use crate::ledgers::raised_limits;
use crate::machine::processor_time;
use crate::measure::{Failure, Sample, Times};

const NAME: &str = "vehicle-registration";

/// A running server and a runtime for its clients.
pub(crate) struct Served {
    /// Where clients run.
    clients: Runtime,
    address: SocketAddr,
    _server: Runtime,
}

impl Served {
    /// Serves a ledger as the program does.
    pub(crate) fn start(ledger: &Ledger) -> Result<Served, Failure> {
        let mut config = Config::new(Storage::Memory);
        config.limits = raised_limits();
        let server = http::runtime(&config)?;
        let clients = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let service = Arc::new(Service::open(config)?);
        service.serve_ledger(NAME, ledger.clone())?;
        let runtimes = (server, clients);
        let server = runtimes.0.block_on(http::Server::bind(service, ([127, 0, 0, 1], 0).into()))?;
        let address = server.address()?;
        runtimes.0.spawn(server.run(std::future::pending()));
        Ok(Served { clients: runtimes.1, address, _server: runtimes.0 })
    }

    /// A driver whose requests are signed.
    fn driver(&self) -> Result<QldbDriver<HttpTransport>, Failure> {
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

    /// Like [`crate::measure::run`], with a task for each client in place of a thread. A task stops by itself when its
    /// time is over.
    pub(crate) fn run<F>(
        &self,
        clients: u64,
        client: impl Fn(QldbDriver<HttpTransport>, u64, Instant) -> F,
    ) -> Result<Sample, Failure>
    where
        F: Future<Output = Result<Times, Failure>> + Send + 'static,
    {
        let driver = self.driver()?;
        self.clients.block_on(async {
            let (started, before) = (Instant::now(), processor_time());
            let tasks: Vec<_> =
                (0..clients).map(|number| tokio::spawn(client(driver.clone(), number, started))).collect();
            let mut times = Vec::new();
            for task in tasks {
                times.push(task.await??);
            }
            Ok(Sample::of(times, started.elapsed(), processor_time() - before))
        })
    }
}
