//! A ledger for a test: fresh, in memory, gone when it is dropped. No container, no program to start, no port to choose.
//!
//! ```
//! use everstrand::testing;
//!
//! # async fn a_test() -> Result<(), everstrand::Error> {
//! let ledger = testing::ledger();
//! let driver = ledger.driver();
//! driver.execute_statement("CREATE TABLE Car", ()).await?;
//! assert_eq!(driver.list_tables().await?, ["Car"]);
//!
//! // The same ledger for a client that needs a URL.
//! let endpoint = ledger.endpoint();
//! let remote = everstrand::QldbDriver::builder(testing::LEDGER_NAME).endpoint(endpoint.url()).build()?;
//! assert_eq!(remote.list_tables().await?, ["Car"]);
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime").block_on(a_test())
//! # .expect("no error");
//! ```

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

use everstrand_driver::QldbDriver;
use everstrand_server::config::{Config, Storage};
use everstrand_server::{Service, http};
use tokio::sync::oneshot;

use crate::in_process::InProcess;

/// The name of the ledger in [`ledger`].
pub const LEDGER_NAME: &str = "test";

/// A fresh ledger in memory.
///
/// # Panics
///
/// If the ledger cannot be created. A test can do nothing else about it.
pub fn ledger() -> TestLedger {
    let service = Service::open(Config::new(Storage::Memory)).expect("a service in memory");
    service.create_ledger_unless_it_exists(LEDGER_NAME).expect("a ledger in memory");
    TestLedger { service: Arc::new(service) }
}

/// A ledger in memory, which lives as long as this value.
pub struct TestLedger {
    service: Arc<Service>,
}

impl TestLedger {
    /// The service that holds the ledger under the name [`LEDGER_NAME`].
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// A driver on the ledger, in this process.
    pub fn driver(&self) -> QldbDriver<InProcess> {
        let transport = Arc::new(InProcess::new(Arc::clone(&self.service)));
        QldbDriver::builder(LEDGER_NAME).build_over(transport).expect("a valid name and no read-ahead")
    }

    /// The ledger over HTTP, for a client that needs a URL.
    ///
    /// # Panics
    ///
    /// If there is no free port on 127.0.0.1.
    pub fn endpoint(&self) -> Endpoint {
        let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        Endpoint::start(Arc::clone(&self.service), address).expect("a free port on 127.0.0.1")
    }
}

impl Drop for TestLedger {
    fn drop(&mut self) {
        self.service.close();
    }
}

/// A service behind HTTP, on threads of its own. Dropping it stops the server and leaves the service open.
pub struct Endpoint {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Serves at an address; port 0 picks a free port. When this returns, the server answers.
    pub fn start(service: Arc<Service>, address: SocketAddr) -> std::io::Result<Endpoint> {
        let runtime = http::runtime(&Config::new(Storage::Memory))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        // The caller may be on a thread of another runtime, which must not wait in this one.
        let thread = std::thread::Builder::new().name("everstrand endpoint".to_owned()).spawn(move || {
            runtime.block_on(async {
                let bound = http::Server::bind(service, address).await;
                let bound = bound.and_then(|server| Ok((server.address()?, server)));
                let server = match bound {
                    Ok((address, server)) => {
                        let _ = tell.send(Ok(address));
                        server
                    }
                    Err(error) => {
                        let _ = tell.send(Err(error));
                        return;
                    }
                };
                // The server's own shutdown would refuse the statements of other callers of the service too.
                tokio::select! {
                    () = server.run(std::future::pending()) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        })?;
        let address = told.recv().map_err(std::io::Error::other)??;
        Ok(Endpoint { address, stop: Some(stop), thread: Some(thread) })
    }

    /// The address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the server, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // An error means that the server panicked, which its own thread has reported.
            let _ = thread.join();
        }
    }
}
