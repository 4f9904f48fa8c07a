//! PostgreSQL as a rival: a server of our own in a scratch folder, over its Unix socket, driven by pgbench.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use everstrand_testkit::servers::{PostgresServer, find_postgres};

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
    server: PostgresServer,
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
        let named = arguments.postgres.clone();
        let Some(binaries) = named.or_else(|| find_postgres(&["pgbench"])) else { return Ok(None) };
        let scratch = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
        let server = PostgresServer::start(&binaries, &scratch, SETTINGS)?;
        let version = server.psql("SHOW server_version", &[])?.trim().to_owned();
        let started = Postgres { server, version };
        let mut rows = Vec::new();
        for number in 0..arguments.documents {
            writeln!(rows, "{}", columns(number).join("\t"))?;
        }
        started.server.psql(FORMS, &rows)?;
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
        let logs = tempfile::tempdir_in(self.server.folder())?;
        let prefix = logs.path().join("times").display().to_string();
        if let Some((user, group)) = self.server.user() {
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
        family_time(self.server.process()) + children_time()
    }

    fn client(&self, program: &str, schema: &str) -> Command {
        let mut client = self.server.client(program);
        client.env("PGOPTIONS", format!("-c search_path={schema}"));
        client
    }

    fn script(&self, name: &str) -> PathBuf {
        self.server.folder().join(name).with_extension("sql")
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
