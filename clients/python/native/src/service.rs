//! The class `Service`: many ledgers under names, in memory or in a folder.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once, PoisonError, Weak};
use std::time::Duration;

use everstrand::journal::evidence::{Input, Role};
use everstrand::journal::verify_files;
use everstrand::protocol::ServiceError;
use everstrand::protocol::error::{ERROR_TYPE_HEADER, REQUEST_ID_HEADER};
use everstrand::protocol::send_command::{CONTENT_TYPE, Command};
use everstrand::server::config::{Config, Storage};
use everstrand::server::{Memory, Request};
use everstrand::testing;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::transaction::Transaction;
use crate::{command, waiting};

/// An answer in HTTP's parts: status, headers, body.
type HttpAnswer<'py> = (u16, Vec<(&'static str, String)>, Bound<'py, PyBytes>);

/// Many ledgers under names.
#[pyclass(frozen, module = "everstrand._native")]
pub(crate) struct Service {
    service: Arc<everstrand::Service>,
    /// Whether a session with an unknown ledger creates it.
    create_ledgers: bool,
}

#[pymethods]
impl Service {
    #[new]
    #[pyo3(signature = (path=None, *, create_ledgers=true, strict=false, memory=None))]
    fn new(
        py: Python<'_>,
        path: Option<PathBuf>,
        create_ledgers: bool,
        strict: bool,
        memory: Option<&str>,
    ) -> PyResult<Service> {
        let mut config = Config::new(path.map_or(Storage::Memory, Storage::Folder));
        config.extensions = !strict;
        if let Some(size) = memory {
            config.memory = size.parse::<Memory>().map_err(PyValueError::new_err)?;
        }
        let service = py.detach(|| everstrand::Service::open(config)).map_err(|error| PyOSError::new_err(error.to_string()))?;
        let service = Arc::new(service);
        sweep(&service);
        Ok(Service { service, create_ledgers })
    }

    /// Runs a command of the session API. Answers the result as boto3 returns it; an error in HTTP's parts; or None, if the request
    /// is not exactly of the modelled form.
    fn send_command<'py>(
        &self,
        py: Python<'py>,
        request: &Bound<'py, PyDict>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(request) = command::request_of(request) else { return Ok(None) };
        if let Command::StartSession { ledger_name } = &request.command
            && self.create_ledgers
        {
            // If the name is not valid, starting the session says so.
            let _ = py.detach(|| self.service.create_ledger_unless_it_exists(ledger_name));
        }
        let request_id = self.service.next_request_id();
        Ok(Some(match waiting::send(py, &self.service, request)? {
            Ok(reply) => command::reply_to_python(py, &reply, &request_id)?.into_any(),
            Err(error) => error_answer(py, &error, request_id).into_pyobject(py)?.into_any(),
        }))
    }

    /// Answers any request to one of the two APIs, given in HTTP's parts.
    fn handle<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        path: &str,
        query: &str,
        headers: Vec<(String, String)>,
        body: &[u8],
    ) -> HttpAnswer<'py> {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = Request { method, path, query, headers: &headers, body };
        let answer = py.detach(|| pollster::block_on(self.service.handle(request)));
        (answer.status, answer.headers, PyBytes::new(py, &answer.body))
    }

    /// Creates a ledger unless one has this name.
    fn create_ledger(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        let created = py.detach(|| self.service.create_ledger_unless_it_exists(name));
        created.map_err(|error| raised(py, &error))
    }

    /// Starts a transaction in a session of its own.
    fn start_transaction(&self, py: Python<'_>, ledger_name: &str) -> PyResult<Transaction> {
        Transaction::start(py, &self.service, ledger_name)
    }

    /// Serves the ledgers over HTTP until the endpoint is closed or dropped.
    fn serve(&self, py: Python<'_>, address: &str) -> PyResult<Endpoint> {
        let address: SocketAddr =
            address.parse().map_err(|_| PyValueError::new_err(format!("{address:?} is not ADDRESS:PORT")))?;
        if !address.ip().is_loopback() {
            return Err(PyValueError::new_err(
                "only a loopback address, because requests need no signature; the program `everstrand serve` has options for others",
            ));
        }
        let service = Arc::clone(&self.service);
        let endpoint = py.detach(|| testing::Endpoint::start(service, address))?;
        Ok(Endpoint { url: endpoint.url(), endpoint: Mutex::new(Some(endpoint)) })
    }

    /// Closes all ledgers. A folder can then be opened again.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.service.close());
    }
}

/// A service behind HTTP on a loopback address.
#[pyclass(frozen, module = "everstrand._native")]
pub(crate) struct Endpoint {
    url: String,
    endpoint: Mutex<Option<testing::Endpoint>>,
}

#[pymethods]
impl Endpoint {
    /// The URL, without a slash at its end.
    #[getter]
    fn url(&self) -> &str {
        &self.url
    }

    /// Stops the server. The ledgers stay open.
    fn close(&self, py: Python<'_>) {
        let endpoint = self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| drop(endpoint));
    }
}

/// Verifies saved evidence: a digest, a revision or a block, and a proof. Answers whether it holds, and a line for each step.
#[pyfunction]
pub(crate) fn verify(files: Vec<(String, Vec<u8>)>) -> PyResult<(bool, String)> {
    let inputs: Vec<Input<'_>> =
        files.iter().map(|(name, bytes)| Input { name, role: Role::Any, bytes }).collect();
    let report = verify_files(&inputs, &[]).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((report.is_verified(), report.to_string()))
}

fn error_answer<'py>(py: Python<'py>, error: &ServiceError, request_id: String) -> HttpAnswer<'py> {
    let mut headers = vec![(REQUEST_ID_HEADER, request_id), ("Content-Type", CONTENT_TYPE.to_owned())];
    headers.extend(error.header("").map(|name| (ERROR_TYPE_HEADER, name.to_owned())));
    (error.http_status(), headers, PyBytes::new(py, &error.to_json()))
}

/// The Python exception for an error of the engine.
pub(crate) fn raised(py: Python<'_>, error: &ServiceError) -> PyErr {
    let make = || {
        let of_service = py.import("everstrand.errors")?.getattr("of_service")?;
        of_service.call1((error.exception.name(), &error.message, error.code.as_deref()))
    };
    make().map_or_else(|failure| failure, PyErr::from_value)
}

/// Forgets a service's expired sessions every second, as long as the service lives. One thread does so for all services.
fn sweep(service: &Arc<everstrand::Service>) {
    static SERVICES: Mutex<Vec<Weak<everstrand::Service>>> = Mutex::new(Vec::new());
    static THREAD: Once = Once::new();
    SERVICES.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(service));
    THREAD.call_once(|| {
        let sweeping = || loop {
            std::thread::sleep(Duration::from_secs(1));
            let mut services = SERVICES.lock().unwrap_or_else(PoisonError::into_inner);
            services.retain(|service| service.strong_count() > 0);
            let living: Vec<_> = services.iter().filter_map(Weak::upgrade).collect();
            drop(services);
            for service in living {
                service.sweep();
            }
        };
        // Without the thread, sessions that nobody ends stay in memory; all else works.
        let _ = std::thread::Builder::new().name("everstrand sweep".to_owned()).spawn(sweeping);
    });
}
