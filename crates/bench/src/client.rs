//! What the driver costs: a command in this process beyond the ledger's own work, and the processor time of a client over HTTP.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use everstrand_driver::{
    Credentials, HttpTransport, QldbDriver, SendCommandRequest, SendCommandResponse, Transport,
    TransportError,
};
use everstrand_ledger::Ledger;
use everstrand_server::Service;
use everstrand_server::config::{Config, Storage};
use tokio::runtime::Runtime;

use crate::Arguments;
use crate::commits::SELECT;
use crate::data::{parameter, vin};
use crate::http::NAME;
use crate::ledgers::{Opened, fill, raised_limits};
use crate::machine::{processor_time, user_time};
use crate::measure::Failure;
use crate::report::Report;

/// The commands of a transaction that looks a document up: StartTransaction, ExecuteStatement, CommitTransaction.
const COMMANDS: u32 = 3;

/// Looks documents up, one after the other: by the ledger alone, by the driver in this process, and by the driver over HTTP from a
/// server that is another process.
pub(crate) fn client(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let folder = arguments.scratch()?;
    let opened = Opened::open(folder.path(), raised_limits())?;
    fill(&opened.ledger, arguments.documents)?;
    let service = Arc::new(service(&opened.ledger)?);
    let in_process = QldbDriver::builder(NAME).build_over(Arc::new(InProcess(service)))?;
    let mut server = Server::start(arguments, arguments.documents)?;
    let transport = HttpTransport::builder().endpoint(&server.url).region("us-east-1");
    let transport = transport.credentials(Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: None,
    });
    let over_http = QldbDriver::builder(NAME).build_over(Arc::new(transport.build()?))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (documents, time) = (arguments.documents, arguments.time());
    for _ in 0..arguments.rounds {
        let alone = cost(processor_time, || {
            until(time, |number| {
                let mut transaction = opened.ledger.start_transaction()?;
                transaction.execute(SELECT, &[parameter(vin(number % documents))])?;
                transaction.commit_unchecked().wait()?;
                Ok(())
            })
        })?;
        let driven = cost(processor_time, || look_up(&runtime, &in_process, time, documents))?;
        let http = cost(user_time, || look_up(&runtime, &over_http, time, documents))?;
        report.number("a command of the ledger alone", "µs of processor", alone);
        report.number("a command of the driver in process", "µs of processor", driven);
        report.number(
            "the driver in process, beyond the ledger, a command",
            "µs of processor",
            driven - alone,
        );
        report.number("a client over HTTP, a command", "µs of user time", http);
    }
    server.stop();
    Ok(())
}

/// A service with one ledger.
fn service(ledger: &Ledger) -> Result<Service, Failure> {
    let mut config = Config::new(Storage::Memory);
    config.limits = raised_limits();
    let service = Service::open(config)?;
    service.serve_ledger(NAME, ledger.clone())?;
    Ok(service)
}

/// Microseconds of one command.
fn cost(clock: impl Fn() -> Duration, run: impl FnOnce() -> Result<u64, Failure>) -> Result<f64, Failure> {
    let before = clock();
    let done = run()?;
    Ok((clock() - before).as_secs_f64() * 1e6 / (done.max(1) * u64::from(COMMANDS)) as f64)
}

fn until(time: Duration, mut turn: impl FnMut(u64) -> Result<(), Failure>) -> Result<u64, Failure> {
    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < time {
        turn(done)?;
        done += 1;
    }
    Ok(done)
}

fn look_up<T: Transport>(
    runtime: &Runtime,
    driver: &QldbDriver<T>,
    time: Duration,
    documents: u64,
) -> Result<u64, Failure> {
    let driver = driver.clone();
    runtime.block_on(async {
        let work = tokio::spawn(async move {
            let (begun, mut done) = (Instant::now(), 0);
            while begun.elapsed() < time {
                let vin = parameter(vin(done % documents));
                let vin = &vin;
                driver
                    .execute(|transaction| async move {
                        transaction.execute(SELECT, vin).await?.fetch_all().await.map(drop)
                    })
                    .await?;
                done += 1;
            }
            Ok::<u64, everstrand_driver::Error>(done)
        });
        Ok(work.await??)
    })
}

/// The facade's transport, whose package has more than is measured here.
struct InProcess(Arc<Service>);

impl Transport for InProcess {
    async fn send_command(&self, request: SendCommandRequest) -> Result<SendCommandResponse, TransportError> {
        let reply = self.0.send_command(request).await?;
        Ok(SendCommandResponse { request_id: Some(self.0.next_request_id()), reply })
    }
}

/// This program once more, as a server with documents.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start(arguments: &Arguments, documents: u64) -> Result<Server, Failure> {
        // The folder is this program's, because the server is killed and leaves its own behind.
        let folder = arguments.scratch()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve-until-killed").args(["--documents", &documents.to_string()]);
        command.arg("--folder").arg(folder.path());
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut url)?;
        Ok(Server { child, url: url.trim().to_owned(), _folder: folder })
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Serves a ledger with documents, prints its URL, and goes on until it is killed.
pub(crate) fn serve_until_killed(arguments: &Arguments) -> Result<(), Failure> {
    let folder = arguments.scratch()?;
    let opened = Opened::open(folder.path(), raised_limits())?;
    fill(&opened.ledger, arguments.documents)?;
    let served = crate::http::Served::start(&opened.ledger)?;
    println!("{}", served.url());
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
