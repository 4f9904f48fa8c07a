//! Servers of others that tests and benchmarks start: PostgreSQL, and an S3 store in memory. Each listens on 127.0.0.1
//! or on a Unix socket, has a scratch folder, and ends when it is dropped.

use std::fs;
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The programs of PostgreSQL that are needed to run a server and ask it.
const PROGRAMS: [&str; 4] = ["postgres", "initdb", "pg_ctl", "psql"];

/// A running PostgreSQL server. It refuses to run as root; where we are root, it runs as the user `postgres` or `nobody`.
pub struct PostgresServer {
    binaries: PathBuf,
    user: Option<(u32, u32)>,
    folder: TempDir,
    port: u16,
    child: Child,
}

impl PostgresServer {
    /// Starts a server with these settings in a scratch folder under `scratch`.
    pub fn start(binaries: &Path, scratch: &Path, settings: &[(&str, &str)]) -> io::Result<PostgresServer> {
        let readable = fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new().permissions(readable).tempdir_in(scratch)?;
        let user = unprivileged()?;
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group))?;
        }
        let data = folder.path().join("data");
        let mut initdb = command(binaries, "initdb", user, folder.path());
        initdb.args(["--auth=trust", "--username=everstrand", "--locale=C", "--encoding=UTF8", "--no-sync"]);
        succeeded("initdb", &initdb.arg("--pgdata").arg(&data).output()?)?;
        let log = fs::File::create(folder.path().join("log"))?;
        let port = free_port()?;
        let mut server = command(binaries, "postgres", user, folder.path());
        server.arg("-D").arg(&data).arg("-k").arg(folder.path()).arg("-p").arg(port.to_string());
        for (name, value) in settings {
            server.arg("-c").arg(format!("{name}={value}"));
        }
        let child = server.stdout(log.try_clone()?).stderr(log).stdin(Stdio::null()).spawn()?;
        let mut started = PostgresServer { binaries: binaries.to_owned(), user, folder, port, child };
        started.wait_until_ready()?;
        Ok(started)
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < START_TIMEOUT && self.child.try_wait()?.is_none() {
            if self.psql("SELECT 1", &[]).is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(100));
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        Err(io::Error::other(format!("PostgreSQL does not start:\n{log}")))
    }

    /// Runs commands, with input for those that read some. Answers what psql printed.
    pub fn psql(&self, commands: &str, input: &[u8]) -> io::Result<String> {
        let file = self.folder.path().join("commands.sql");
        fs::write(&file, commands)?;
        let mut psql = self.client("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f"]).arg(file);
        let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        // psql reads it all before it says anything.
        let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input));
        let said = succeeded("psql", &child.wait_with_output()?)?;
        written?;
        Ok(said)
    }

    /// One of PostgreSQL's client programs, told where the server is.
    pub fn client(&self, program: &str) -> Command {
        let mut client = command(&self.binaries, program, self.user, self.folder.path());
        client.arg("-h").arg(self.folder.path()).arg("-p").arg(self.port.to_string());
        client.args(["-U", "everstrand", "-d", "postgres"]);
        client
    }

    /// The connection string, over TCP. The server must listen there.
    pub fn url(&self) -> String {
        format!("postgres://everstrand@127.0.0.1:{}/postgres", self.port)
    }

    /// The folder of the server, which its user may write.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The user and the group that the server runs as, where that is not ours.
    pub fn user(&self) -> Option<(u32, u32)> {
        self.user
    }

    /// The id of the server's first process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let mut stop = command(&self.binaries, "pg_ctl", self.user, self.folder.path());
        let stopped =
            stop.arg("-D").arg(self.folder.path().join("data")).args(["-m", "immediate", "stop"]).output();
        if !stopped.is_ok_and(|output| output.status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// The folder with PostgreSQL's programs, also where a distribution keeps them off the path; version 15 before others.
pub fn find_postgres(also: &[&str]) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = ["/usr/lib/postgresql", "/usr/local", "/opt/homebrew/opt", "/usr"]
        .iter()
        .filter_map(|parent| fs::read_dir(parent).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path().join("bin")))
        .collect();
    let linked = |folder: PathBuf| Some(folder.join("postgres").canonicalize().ok()?.parent()?.to_owned());
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path).filter_map(linked));
    folders.retain(|folder| PROGRAMS.iter().chain(also).all(|program| folder.join(program).is_file()));
    folders.sort();
    let fifteen = folders.iter().find(|folder| folder.to_string_lossy().contains("15"));
    fifteen.or(folders.last()).cloned()
}

fn command(binaries: &Path, program: &str, user: Option<(u32, u32)>, folder: &Path) -> Command {
    let mut command = Command::new(binaries.join(program));
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command.current_dir(folder).env("LC_ALL", "C");
    command
}

/// Whom to run as where we are root, which PostgreSQL refuses; `None` where we are somebody else.
fn unprivileged() -> io::Result<Option<(u32, u32)>> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let own = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1));
    if own != Some("0") {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let of = |name: &str| {
        let mut fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let user = fields.find(|fields| fields.first() == Some(&name))?;
        Some((user.get(2)?.parse().ok()?, user.get(3)?.parse().ok()?))
    };
    let nobody = "PostgreSQL refuses to run as root, and there is no user postgres or nobody";
    Ok(Some(of("postgres").or_else(|| of("nobody")).ok_or_else(|| io::Error::other(nobody))?))
}

fn succeeded(program: &str, output: &Output) -> io::Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program} failed: {}", said.trim())))
}

/// A running gofakes3, an S3 store whose creates and replacements are atomic. It checks no signatures.
pub struct ObjectServer {
    child: Child,
    port: u16,
}

/// The bucket that the server has from the start.
pub const BUCKET: &str = "bucket";

impl ObjectServer {
    /// Starts a server that keeps its objects in memory.
    pub fn in_memory() -> io::Result<ObjectServer> {
        let port = free_port()?;
        let mut server = Command::new("gofakes3");
        server.args(["-host", &format!("127.0.0.1:{port}"), "-backend", "memory", "-initialbucket", BUCKET]);
        let child = server.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).spawn()?;
        let started = ObjectServer { child, port };
        let begun = Instant::now();
        while begun.elapsed() < START_TIMEOUT {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(started);
            }
            sleep(Duration::from_millis(20));
        }
        Err(io::Error::other("gofakes3 does not start"))
    }

    /// The endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free now.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
