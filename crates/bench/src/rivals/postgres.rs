//! PostgreSQL as a rival: a server of our own in a scratch folder, over its Unix socket, driven by pgbench.
//!
//! It refuses to run as root; where we are root, it runs as the user `postgres` or `nobody`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::Arguments;
use crate::machine::{children_time, family_time};
use crate::measure::{Failure, Sample, Times};
use crate::rivals::columns::columns;

/// What is set beside the defaults. Durable; and in steady state, without the page images that follow a checkpoint.
const SETTINGS: &[(&str, &str)] = &[
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("wal_sync_method", "fdatasync"),
    ("shared_buffers", "1GB"),
    ("wal_buffers", "64MB"),
    ("max_wal_size", "16GB"),
    ("checkpoint_timeout", "1h"),
    ("max_connections", "300"),
    ("jit", "off"),
    ("listen_addresses", ""),
];
const PROGRAMS: [&str; 5] = ["postgres", "initdb", "pg_ctl", "psql", "pgbench"];
const FORMS: &str = include_str!("postgres.sql");
const CHANGE: &str = "\
\\set vin :number * 618033988747 % 1000000000000
BEGIN;
SELECT mileage FROM registration WHERE vin = '1N4AL' || lpad(:vin, 12, '0') \\gset
UPDATE registration SET mileage = :mileage + 1 WHERE vin = '1N4AL' || lpad(:vin, 12, '0');
COMMIT;
";
const INSERT: &str = "\
\\set amount random(0, 99999)
INSERT INTO inserted VALUES ('2N4AL' || lpad(nextval('numbers')::text, 12, '0'), 'LEWISR123456', 'WA', 'Seattle', 'Tesla', \
'Model S 100D', :amount, '2020-01-02', '2024-05-06', 0, '0123456789012345678901', '0123456789012345678901');
";
const SEAL: &str = "SELECT seal();\n\\sleep 1 s\n";

/// A running server with the documents in all its forms.
pub(crate) struct Postgres {
    binaries: PathBuf,
    user: Option<(u32, u32)>,
    folder: TempDir,
    server: Child,
    version: String,
}

/// What a client does all the time.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Work {
    /// Reads a document by its index, changes it and commits.
    Change,
    /// Inserts one document.
    Insert,
}

impl Postgres {
    /// Starts a server and fills it; `None` where PostgreSQL is not installed.
    pub(crate) fn start(arguments: &Arguments) -> Result<Option<Postgres>, Failure> {
        let Some(binaries) = find(arguments.postgres.as_deref()) else { return Ok(None) };
        let scratch = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
        let readable = fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new().permissions(readable).tempdir_in(scratch)?;
        let user = unprivileged()?;
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group))?;
        }
        let data = folder.path().join("data");
        let mut initdb = command(&binaries, "initdb", user, folder.path());
        initdb.args(["--auth=trust", "--username=everstrand", "--locale=C", "--encoding=UTF8", "--no-sync"]);
        succeeded("initdb", initdb.arg("--pgdata").arg(&data).output()?)?;
        let log = fs::File::create(folder.path().join("log"))?;
        let mut server = command(&binaries, "postgres", user, folder.path());
        server.arg("-D").arg(&data).arg("-k").arg(folder.path());
        for (name, value) in SETTINGS {
            server.arg("-c").arg(format!("{name}={value}"));
        }
        let server = server.stdout(log.try_clone()?).stderr(log).stdin(Stdio::null()).spawn()?;
        let mut started = Postgres { binaries, user, folder, server, version: String::new() };
        started.wait_until_ready()?;
        started.version = started.psql("SHOW server_version", &[])?.trim().to_owned();
        let mut rows = Vec::new();
        for number in 0..arguments.documents {
            writeln!(rows, "{}", columns(number).join("\t"))?;
        }
        started.psql(FORMS, &rows)?;
        for (name, text) in [("change", CHANGE), ("insert", INSERT), ("seal", SEAL)] {
            let text = match name {
                "change" => format!("\\set number random(0, {})\n{text}", arguments.documents - 1),
                _ => text.to_owned(),
            };
            fs::write(started.script(name), text)?;
        }
        Ok(Some(started))
    }

    /// The version and the settings that are not the defaults.
    pub(crate) fn description(&self) -> String {
        let settings: Vec<_> = SETTINGS.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!(
            "PostgreSQL {}, {}, isolation READ COMMITTED, pgbench -M prepared -j 2 over the Unix socket",
            self.version,
            settings.join(", ")
        )
    }

    /// So many clients do the same for a while in one of the forms. Connecting is left out, of the time as of the
    /// processor's: a run of one transaction a client says what it takes.
    pub(crate) fn measure(
        &self,
        schema: &str,
        work: Work,
        clients: u64,
        time: Duration,
    ) -> Result<Sample, Failure> {
        let script = if work == Work::Change { "change" } else { "insert" };
        let connecting = self.processor_time();
        self.pgbench(schema, script, clients, &["-t", "1"])?;
        let connecting = self.processor_time() - connecting;
        let sealer = if schema == "sealed" { Some(Sealer::start(self)?) } else { None };
        let before = self.processor_time();
        let seconds = time.as_secs().max(1).to_string();
        let logs = tempfile::tempdir_in(self.folder.path())?;
        let prefix = logs.path().join("times").display().to_string();
        if let Some((user, group)) = self.user {
            chown(logs.path(), Some(user), Some(group))?;
        }
        let said =
            self.pgbench(schema, script, clients, &["-T", &seconds, "--log", "--log-prefix", &prefix])?;
        drop(sealer);
        let processor = (self.processor_time() - before).saturating_sub(connecting);
        let times = times(logs.path())?;
        let mut sample = Sample::of(vec![times], time, processor);
        sample.per_second = number_after(&said, "tps = ").ok_or("pgbench names no tps")?;
        Ok(sample)
    }

    fn pgbench(&self, schema: &str, script: &str, clients: u64, more: &[&str]) -> Result<String, Failure> {
        let mut pgbench = self.client("pgbench", schema);
        let (clients, threads) = (clients.to_string(), clients.min(2).to_string());
        pgbench.args(["-n", "-M", "prepared", "-c", &clients, "-j", &threads, "-f"]).arg(self.script(script));
        succeeded("pgbench", pgbench.args(more).output()?)
    }

    /// The processor time of the server, all its processes, and of the clients that are over.
    fn processor_time(&self) -> Duration {
        family_time(self.server.id()) + children_time()
    }

    fn wait_until_ready(&mut self) -> Result<(), Failure> {
        for _ in 0..600 {
            if self.server.try_wait()?.is_some() {
                break;
            }
            if self.psql("SELECT 1", &[]).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        Err(format!("PostgreSQL does not start:\n{log}").into())
    }

    /// Runs commands, with input for those that read some.
    fn psql(&self, commands: &str, input: &[u8]) -> Result<String, Failure> {
        let file = self.script("commands");
        fs::write(&file, commands)?;
        let mut psql = self.client("psql", "public");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f"]).arg(file);
        let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        // psql reads it all before it says anything.
        let written = child.stdin.take().ok_or("psql has no input")?.write_all(input);
        let said = succeeded("psql", child.wait_with_output()?)?;
        written?;
        Ok(said)
    }

    fn client(&self, program: &str, schema: &str) -> Command {
        let mut client = command(&self.binaries, program, self.user, self.folder.path());
        client.arg("-h").arg(self.folder.path()).args(["-U", "everstrand", "-d", "postgres"]);
        client.env("PGOPTIONS", format!("-c search_path={schema}"));
        client
    }

    fn script(&self, name: &str) -> PathBuf {
        self.folder.path().join(name).with_extension("sql")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = command(&self.binaries, "pg_ctl", self.user, self.folder.path());
        let stopped =
            stop.arg("-D").arg(self.folder.path().join("data")).args(["-m", "immediate", "stop"]).output();
        if !stopped.is_ok_and(|output| output.status.success()) {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

/// A client that seals once a second, as long as this lives.
struct Sealer(Child);

impl Sealer {
    fn start(postgres: &Postgres) -> Result<Sealer, Failure> {
        let mut pgbench = postgres.client("pgbench", "sealed");
        pgbench.args(["-n", "-T", "3600", "-f"]).arg(postgres.script("seal"));
        Ok(Sealer(pgbench.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }
}

impl Drop for Sealer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The folder with PostgreSQL's programs, also where a distribution keeps them off the path; version 15 before others.
fn find(named: Option<&Path>) -> Option<PathBuf> {
    if let Some(folder) = named {
        return Some(folder.to_owned());
    }
    let mut folders: Vec<PathBuf> = ["/usr/lib/postgresql", "/usr/local", "/opt/homebrew/opt", "/usr"]
        .iter()
        .filter_map(|parent| fs::read_dir(parent).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path().join("bin")))
        .collect();
    let linked = |folder: PathBuf| Some(folder.join("postgres").canonicalize().ok()?.parent()?.to_owned());
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path).filter_map(linked));
    folders.retain(|folder| PROGRAMS.iter().all(|program| folder.join(program).is_file()));
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
fn unprivileged() -> Result<Option<(u32, u32)>, Failure> {
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
    let found = of("postgres").or_else(|| of("nobody"));
    Ok(Some(found.ok_or("PostgreSQL refuses to run as root, and there is no user postgres or nobody")?))
}

fn succeeded(program: &str, output: Output) -> Result<String, Failure> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

fn number_after(text: &str, mark: &str) -> Option<f64> {
    let (_, rest) = text.split_once(mark)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The times in pgbench's logs, one of every transaction.
fn times(folder: &Path) -> Result<Times, Failure> {
    let mut times = Times::default();
    for entry in fs::read_dir(folder)? {
        for line in fs::read_to_string(entry?.path())?.lines() {
            let microseconds: u64 = line
                .split(' ')
                .nth(2)
                .and_then(|word| word.parse().ok())
                .ok_or("pgbench's log has another form")?;
            times.push(Duration::from_micros(microseconds));
        }
    }
    Ok(times)
}
