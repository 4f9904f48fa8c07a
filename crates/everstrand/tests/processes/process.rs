//! A server in a process of its own, which does not outlive the test that started it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use everstrand::protocol::control::{ControlReply, ControlRequest};
use everstrand::{HttpTransport, QldbDriver};
use everstrand_testkit::Random;
use everstrand_testkit::servers::{BUCKET, ObjectServer};

/// The program under test: the one that was built with this test, unless `EVERSTRAND_PROGRAM` names another.
pub(crate) fn program() -> Command {
    let built = env!("CARGO_BIN_EXE_everstrand");
    Command::new(std::env::var_os("EVERSTRAND_PROGRAM").unwrap_or_else(|| built.into()))
}

/// The same with these arguments, over a store of objects.
pub(crate) fn program_over_objects(objects: &ObjectServer, arguments: &[&str]) -> Command {
    let mut command = program();
    command.args(arguments);
    command.args(["--store", &format!("s3://{BUCKET}/ledgers"), "--store-endpoint", &objects.endpoint()]);
    command.envs([("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any"), ("AWS_REGION", "any")]);
    command
}

/// Waits until a condition holds; for at most half a minute.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !condition().await {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How long a server may take until it listens; most of it is for busy machines.
const START_MAX: Duration = Duration::from_secs(60);

/// The ledger that the tests work on.
pub(crate) const LEDGER: &str = "processes";

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    stderr: Arc<Mutex<String>>,
}

/// A server that ended before it listened.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stderr: String,
}

/// `everstrand serve` over a folder, on a free port of the loopback address.
pub(crate) fn serve(data: &Path) -> Command {
    let mut command = program();
    command.arg("serve").arg("--data").arg(data).args(["--create-ledger", LEDGER]);
    command
}

impl Server {
    /// Starts a server over a folder and waits until it listens.
    pub(crate) fn start(data: &Path) -> Server {
        Server::run(serve(data)).expect("the server starts")
    }

    /// Starts a server in memory, with more arguments.
    pub(crate) fn in_memory(arguments: &[&str]) -> Server {
        let mut command = program();
        command.args(["serve", "--memory", "--create-ledger", LEDGER]).args(arguments);
        Server::run(command).expect("the server starts")
    }

    /// Runs a command that serves, on a free port, and waits until it listens or ends.
    pub(crate) fn run(mut command: Command) -> Result<Server, Ended> {
        command.args(["--listen", "127.0.0.1:0"]);
        Server::run_at_its_own_address(command)
    }

    /// Runs a command that serves and says where, and waits until it listens or ends.
    pub(crate) fn run_at_its_own_address(mut command: Command) -> Result<Server, Ended> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let lines = read_lines(child.stdout.take().expect("a pipe"));
        let stderr = collect(child.stderr.take().expect("a pipe"));
        let until = Instant::now() + START_MAX;
        loop {
            let line = lines.recv_timeout(until.saturating_duration_since(Instant::now()));
            match line {
                Ok(line) => {
                    let url = line.strip_prefix("everstrand listening on ");
                    if let Some((_, address)) = url.and_then(|url| url.split_once("://")) {
                        let address = address.trim().parse().expect("an address");
                        return Ok(Server { child, address, stderr });
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = wait(&mut child, START_MAX).expect("a program without output ends");
                    // What it said last is on its way through the pipe still.
                    std::thread::sleep(Duration::from_millis(20));
                    let stderr = stderr.lock().expect("no panic").clone();
                    return Err(Ended { status, stderr });
                }
                Err(RecvTimeoutError::Timeout) => {
                    child.kill().expect("a child can be killed");
                    panic!("no server within {START_MAX:?}: {}", stderr.lock().expect("no panic"));
                }
            }
        }
    }

    /// SIGKILL, and waits for the end.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    /// SIGTERM, and waits for the end; answers how it ended and how long that took.
    pub(crate) fn terminate(mut self) -> (ExitStatus, Duration, String) {
        let begin = Instant::now();
        self.signal("TERM");
        let status = wait(&mut self.child, Duration::from_secs(30)).expect("the server ends");
        std::thread::sleep(Duration::from_millis(20));
        (status, begin.elapsed(), self.stderr())
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("the command kill").success(), "signal {name}");
    }

    /// What it said on standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().expect("no panic").clone()
    }

    /// How many bytes of memory it has.
    pub(crate) fn resident_bytes(&self) -> u64 {
        resident_bytes(&self.child.id().to_string())
    }

    /// How many bytes of memory it has that no file stands behind.
    pub(crate) fn anonymous_bytes(&self) -> u64 {
        status_bytes(&self.child.id().to_string(), "RssAnon:")
    }

    /// How many threads of this name it has; the kernel keeps 15 bytes of a name.
    #[cfg(target_os = "linux")]
    pub(crate) fn threads(&self, name: &str) -> usize {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("a running process");
        let names = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|known| known.trim() == name).count()
    }

    /// Whether it is still running.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }

    /// A way to it over HTTP.
    pub(crate) fn transport(&self) -> Arc<HttpTransport> {
        let transport = HttpTransport::builder().endpoint(format!("http://{}", self.address));
        Arc::new(transport.timeout(Duration::from_secs(120)).build().expect("a transport"))
    }

    /// A driver for the tests' ledger.
    pub(crate) fn driver(&self) -> QldbDriver<HttpTransport> {
        QldbDriver::builder(LEDGER).retry_limit(20).build_over(self.transport()).expect("a driver")
    }

    /// Runs an operation of the control API.
    pub(crate) async fn control(&self, request: ControlRequest) -> ControlReply {
        self.transport().control(&request).await.unwrap_or_else(|error| panic!("{request:?}: {error}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server's standard error:\n{}", self.stderr());
        }
    }
}

/// The memory of a process in bytes; `self` is this one.
pub(crate) fn resident_bytes(process: &str) -> u64 {
    status_bytes(process, "VmRSS:")
}

fn status_bytes(process: &str, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a number of the kernel's");
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").trim().parse().expect("a number");
    kibibytes * 1024
}

/// Runs a command to its end and answers what it came to, or kills it after a minute.
pub(crate) fn run_to_end(command: &mut Command) -> (ExitStatus, String, String) {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.expect("the program can be started");
    let stdout = read_all(child.stdout.take().expect("a pipe"));
    let stderr = read_all(child.stderr.take().expect("a pipe"));
    let Some(status) = wait(&mut child, START_MAX) else {
        child.kill().expect("a child can be killed");
        panic!("{command:?} does not end");
    };
    (status, stdout.join().expect("no panic"), stderr.join().expect("no panic"))
}

/// Reads a pipe to its end.
fn read_all(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error counts.
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A number that a variable of the environment sets.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// Chance from `EVERSTRAND_SEED`, or another in every run; the seed is printed, so that a failure can be tried again.
pub(crate) fn chance(name: &str) -> Random {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
    let seed = setting("EVERSTRAND_SEED", now.as_secs() << 20 | u64::from(now.subsec_micros()));
    eprintln!("{name}: EVERSTRAND_SEED={seed}");
    Random::new(seed)
}

fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let until = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be asked") {
            return Some(status);
        }
        if Instant::now() > until {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn read_lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Nobody listens any more once the server listens; the pipe must be emptied nevertheless.
            let _ = sender.send(line);
        }
    });
    receiver
}

fn collect(mut pipe: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let collected = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&collected);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut buffer) {
            into.lock().expect("no panic").push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    });
    collected
}
