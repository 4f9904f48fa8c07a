//! A server under attack: each attack runs against a real process, from another address or with another access key, while
//! its memory is measured, a bystander works, and `GET /health` is asked; then SIGTERM comes in the middle of it.
//!
//! `everstrand-bench hostile` runs the same and reports the figures; the tests allow ten times the time, because the
//! machine may be busy. Memory is not forgiving.

pub(crate) mod attacks;
pub(crate) mod watch;
pub(crate) mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use attacks::{ATTACKED, Attack};
use watch::{BYSTANDER, Figures, Watch};
use wire::{Client, secret_of};

/// The most memory that a server may have whose setting `--memory` is 256 MiB.
pub(crate) const MEMORY_BYTES_MAX: u64 = 512 << 20;
/// What 99 of 100 of a bystander's transactions may take at most.
pub(crate) const BYSTANDER_P99_MAX: Duration = Duration::from_millis(100);
/// What `GET /health` may take.
pub(crate) const HEALTH_MAX: Duration = Duration::from_millis(50);
/// How soon a server ends after SIGTERM.
pub(crate) const END_MAX: Duration = Duration::from_secs(10);

/// How many threads the attacker has.
const ATTACKING_THREADS: usize = 1;

/// How the server tells the attacker from the bystander.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ToldApartBy {
    /// Nobody signs, and the two have different addresses.
    Address,
    /// Both sign with keys of their own, and have the same address.
    AccessKey,
}

impl ToldApartBy {
    fn clients(self, server: SocketAddr) -> [Client; 2] {
        match self {
            ToldApartBy::Address => {
                [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::LOCALHOST].map(|from| Client::at(from, server))
            }
            ToldApartBy::AccessKey => KEYS.map(|id| Client::with_key(id, server)),
        }
    }
}

/// The access keys of the attacker and of the bystander.
const KEYS: [&str; 2] = ["ATTACKER", "BYSTANDER"];

/// Runs an attack for a while against a server of its own, and SIGTERM in the middle of it.
pub(crate) fn run(
    program: &Path,
    attack: &Attack,
    told_apart_by: ToldApartBy,
    time: Duration,
) -> io::Result<Figures> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(program);
    command.arg("serve").arg("--data").arg(folder.path().join("data")).args(["--listen", "127.0.0.1:0"]);
    command.args(["--memory", "256MiB", "--create-ledger", BYSTANDER, "--create-ledger", ATTACKED]);
    command.args(attack.serve);
    if told_apart_by == ToldApartBy::AccessKey {
        let keys = folder.path().join("access-keys");
        let profile = |id: &str| {
            format!("[{id}]\naws_access_key_id = {id}\naws_secret_access_key = {}\n", secret_of(id))
        };
        std::fs::write(&keys, KEYS.map(profile).concat())?;
        command.arg("--access-keys").arg(keys);
    }
    let mut server = Running::start(command)?;
    let [attacker, bystander] = told_apart_by.clients(server.address);
    let runtime =
        |threads| tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    // The bystander does not wait for the attacker, which may be busy with what it sends.
    let (watching, attacking) = (runtime(1)?, runtime(ATTACKING_THREADS)?);
    watching.block_on(async {
        watch::prepare(&bystander).await?;
        (attack.prepare)(attacker.clone()).await
    })?;
    let watch = watching.block_on(async { Watch::start(server.child.id(), &bystander) });
    let attacked = attacking.spawn((attack.attack)(attacker));
    std::thread::sleep(time);
    let mut figures = watching.block_on(watch.stop());
    let still_attacked = !attacked.is_finished();
    figures.ended_within = server.terminate()?;
    attacking.shutdown_background();
    if still_attacked {
        Ok(figures)
    } else {
        Err(io::Error::other("the attack was over before it was measured"))
    }
}

/// A server's process, which does not outlive this.
struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    fn start(mut command: Command) -> io::Result<Running> {
        use std::io::BufRead;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut lines =
            io::BufReader::new(child.stdout.take().ok_or_else(|| io::Error::other("no pipe"))?).lines();
        let begins = "everstrand listening on http://";
        let address = lines.find_map(|line| line.ok()?.strip_prefix(begins)?.trim().parse().ok());
        // The rest is for people; the pipe is to be emptied nevertheless.
        std::thread::spawn(move || lines.for_each(drop));
        match address {
            Some(address) => Ok(Running { child, address }),
            None => Err(io::Error::other(format!("the server does not listen: {:?}", child.wait()?))),
        }
    }

    /// SIGTERM, and how long the end took.
    fn terminate(&mut self) -> io::Result<Duration> {
        let begun = Instant::now();
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        while begun.elapsed() < 12 * END_MAX {
            if let Some(status) = self.child.try_wait()? {
                let took = begun.elapsed();
                return if status.success() { Ok(took) } else { Err(io::Error::other(status.to_string())) };
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(io::Error::other("SIGTERM has no effect"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
