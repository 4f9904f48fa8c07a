//! A server on a socket of this machine, and clients beside it in the same process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use everstrand_driver::Credentials;
use everstrand_driver::{HttpTransport, QldbDriver};
use everstrand_ledger::Ledger;
use everstrand_protocol::control::{ControlRequest, PermissionsMode, UpdateLedgerPermissionsModeRequest};
use everstrand_protocol::identity::{IdentityReply, IdentityRequest};
use everstrand_server::config::{Config, Storage};
use everstrand_server::http::{self, Tls, TlsFiles};
use everstrand_server::{MasterKey, Service};
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;

use crate::ledgers::raised_limits;
use crate::machine::processor_time;
use crate::measure::{Failure, Sample, Times};

/// The name of a ledger that is served alone.
pub(crate) const NAME: &str = "vehicle-registration";

/// A running server and a runtime for its clients.
pub(crate) struct Served {
    /// Where clients run.
    clients: Runtime,
    address: SocketAddr,
    /// The certificate that clients trust, in a file; `None` over plain HTTP.
    certificate: Option<NamedTempFile>,
    credentials: Credentials,
    _server: Runtime,
}

/// The permissions of the user of [`Served::start_with_users`]: what its clients need, and no more.
const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "qldb:SendCommand", "Resource": "arn:aws:qldb:*:*:ledger/vehicle-registration"},
    {"Effect": "Allow", "Action": ["qldb:PartiQLSelect", "qldb:PartiQLUpdate"],
     "Resource": "arn:aws:qldb:*:*:ledger/vehicle-registration/table/*"}]}"#;
/// The name of that user and of its policy.
const USER: &str = "client";

impl Served {
    /// Serves a ledger as the program does.
    pub(crate) fn start(ledger: &Ledger) -> Result<Served, Failure> {
        Served::start_with(&[(NAME, ledger)], None)
    }

    /// Serves a ledger over TLS, with a certificate of its own.
    pub(crate) fn start_tls(ledger: &Ledger) -> Result<Served, Failure> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
        let (certificate, key) = (NamedTempFile::new()?, NamedTempFile::new()?);
        std::fs::write(&certificate, made.cert.pem())?;
        std::fs::write(&key, made.signing_key.serialize_pem())?;
        Served::start_with(&[(NAME, ledger)], Some((certificate, key)))
    }

    /// Serves a ledger to a user who is limited by a policy: each signature is checked, and each table that a statement touches.
    pub(crate) fn start_with_users(ledger: &Ledger) -> Result<Served, Failure> {
        let mut config = Config::new(Storage::Memory);
        config.users_key = Some(MasterKey::random());
        Served::start_by(config, &[(NAME, ledger)], None, |service| {
            service.control(ControlRequest::UpdateLedgerPermissionsMode(
                UpdateLedgerPermissionsModeRequest {
                    name: NAME.to_owned(),
                    permissions_mode: PermissionsMode::Standard,
                },
            ))?;
            service.create_users("administrator", None)?;
            let (policy_name, document) = (USER.to_owned(), POLICY.to_owned());
            service.administer(&IdentityRequest::PutPolicy { policy_name, document })?;
            let added = service.administer(&IdentityRequest::AddUser {
                user_name: USER.to_owned(),
                groups: Vec::new(),
                policies: vec![USER.to_owned()],
                tags: Default::default(),
            })?;
            match added {
                IdentityReply::Key { access_key_id, secret_access_key, .. } => {
                    Ok(Some(Credentials { access_key_id, secret_access_key, session_token: None }))
                }
                _ => Err("a user was added without a key".into()),
            }
        })
    }

    /// Serves ledgers by their names, over TLS if there are a certificate and its key.
    pub(crate) fn start_with(
        ledgers: &[(&str, &Ledger)],
        tls: Option<(NamedTempFile, NamedTempFile)>,
    ) -> Result<Served, Failure> {
        Served::start_by(Config::new(Storage::Memory), ledgers, tls, |_| Ok(None))
    }

    /// The same with other settings, and after `prepare`, which may answer the key that clients have.
    fn start_by(
        mut config: Config,
        ledgers: &[(&str, &Ledger)],
        tls: Option<(NamedTempFile, NamedTempFile)>,
        prepare: impl FnOnce(&Service) -> Result<Option<Credentials>, Failure>,
    ) -> Result<Served, Failure> {
        config.limits = raised_limits();
        let server = http::runtime(&config)?;
        let clients = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let service = Arc::new(Service::open(config)?);
        for (name, ledger) in ledgers {
            service.serve_ledger(name, (*ledger).clone())?;
        }
        let credentials = prepare(&service)?.unwrap_or_else(|| Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
        });
        let runtimes = (server, clients);
        let listen = ([127, 0, 0, 1], 0).into();
        let (server, certificate) = match tls {
            None => (runtimes.0.block_on(http::Server::bind(service, listen))?, None),
            Some((certificate, key)) => {
                let files = TlsFiles {
                    certificate: certificate.path().to_owned(),
                    key: key.path().to_owned(),
                    client_ca: None,
                };
                let tls = Arc::new(Tls::open(files)?);
                (runtimes.0.block_on(http::Server::bind_tls(service, listen, tls))?, Some(certificate))
            }
        };
        let address = server.address()?;
        runtimes.0.spawn(server.run(std::future::pending()));
        Ok(Served { clients: runtimes.1, address, certificate, credentials, _server: runtimes.0 })
    }

    /// The URL of the server.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A driver for a ledger, whose requests are signed.
    fn driver(&self, ledger: &str) -> Result<QldbDriver<HttpTransport>, Failure> {
        let transport = HttpTransport::builder().region("us-east-1").credentials(self.credentials.clone());
        let transport = match &self.certificate {
            None => transport.endpoint(self.url()),
            Some(file) => transport
                .endpoint(format!("https://localhost:{}", self.address.port()))
                .certificates(file.path()),
        };
        Ok(QldbDriver::builder(ledger).build_over(Arc::new(transport.build()?))?)
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
        self.run_on(NAME, clients, client)
    }

    /// The same on the ledger with this name.
    pub(crate) fn run_on<F>(
        &self,
        ledger: &str,
        clients: u64,
        client: impl Fn(QldbDriver<HttpTransport>, u64, Instant) -> F,
    ) -> Result<Sample, Failure>
    where
        F: Future<Output = Result<Times, Failure>> + Send + 'static,
    {
        let driver = self.driver(ledger)?;
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
