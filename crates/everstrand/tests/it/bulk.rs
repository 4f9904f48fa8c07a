//! `everstrand load` and `everstrand dump`: each line once, refused lines set aside, and the same documents out again.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use everstrand::driver::QldbDriver;
use everstrand::testing;

fn run(url: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everstrand"));
    let output = command.args(arguments).args(["--endpoint", url]).output().expect("started");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

fn lines(count: usize) -> String {
    (0..count)
        .map(|number| format!("{{\"k\": {number}, \"price\": 1.10, \"name\": \"n {number}\"}}\n"))
        .collect()
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    fs::write(&file, text).expect("written");
    file.display().to_string()
}

#[test]
fn what_is_loaded_is_dumped() {
    let ledger = testing::ledger();
    let endpoint = ledger.endpoint();
    let folder = tempfile::tempdir().expect("a folder");
    let url = &endpoint.url();
    let file = written(folder.path(), "a.json", &lines(1_000));
    let load = ["load", testing::LEDGER_NAME, "T", &file];

    let (code, _, error) = run(url, &load);
    assert_eq!((code, error.contains("--create")), (2, true), "{error}");
    let (code, printed, error) = run(url, &[&load[..], &["--key", "k", "--create"]].concat());
    assert_eq!(
        (code, printed.starts_with("1000 inserted, 0 were there, 0 refused")),
        (0, true),
        "{printed}{error}"
    );
    // A second run inserts nothing.
    let (code, printed, error) = run(url, &[&load[..], &["--key", "k"]].concat());
    assert_eq!((code, printed.starts_with("0 inserted, 1000 were there")), (0, true), "{printed}{error}");

    let (code, printed, error) = run(url, &["dump", testing::LEDGER_NAME, "T", "--format", "ion"]);
    assert_eq!((code, error.as_str()), (0, "1000 documents\n"));
    let dumped: BTreeSet<&str> = printed.lines().collect();
    assert!(dumped.contains("{k:7,price:1.10,name:\"n 7\"}"), "a decimal keeps its places: {printed:.200}");
    assert_eq!(dumped.len(), 1_000);
    let (code, printed, error) =
        run(url, &["dump", testing::LEDGER_NAME, "T", "--at", "2020-01-01T00:00:00Z"]);
    assert_eq!((code, printed.as_str(), error.as_str()), (0, "", "0 documents\n"), "nothing was there then");
}

#[test]
fn refused_lines_are_set_aside_and_the_others_loaded() {
    let ledger = testing::ledger();
    let endpoint = ledger.endpoint();
    let folder = tempfile::tempdir().expect("a folder");
    let rejects = folder.path().join("rejects").display().to_string();
    let large = format!("{{\"k\": 1, \"large\": \"{}\"}}\n", "x".repeat(200_000));
    let text = format!("{}{large}[1]\nnot json\n\n{{\"no\": 1}}\n{{\"k\": 5}}\n", lines(1));
    let file = written(folder.path(), "a.json", &text);
    let load = ["load", testing::LEDGER_NAME, "T", &file, "--key", "k", "--create", "--rejects", &rejects];
    let (code, printed, error) = run(&endpoint.url(), &load);
    assert_eq!(
        (code, printed.starts_with("2 inserted, 0 were there, 4 refused")),
        (1, true),
        "{printed}{error}"
    );
    let rejects = fs::read_to_string(rejects).expect("the file of rejects");
    let numbers: BTreeSet<&str> = rejects.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(numbers, BTreeSet::from(["2", "3", "4", "6"]), "{rejects:.300}");
}

#[test]
fn csv_and_ion_are_read() {
    let ledger = testing::ledger();
    let endpoint = ledger.endpoint();
    let folder = tempfile::tempdir().expect("a folder");
    let csv = written(folder.path(), "a.csv", "k,name\n1,\"Ann, \"\"A\"\"\"\n2,\n3,x,y\n");
    let ion = written(folder.path(), "a.ion", "{k: 3, t: 2020T} note::{k: 4, b: {{aGVsbG8=}}}");
    let (code, printed, _) = run(&endpoint.url(), &["load", testing::LEDGER_NAME, "C", &csv, "--create"]);
    assert_eq!((code, printed.starts_with("2 inserted, 0 were there, 1 refused")), (1, true), "{printed}");
    let (code, printed, _) = run(&endpoint.url(), &["load", testing::LEDGER_NAME, "I", &ion, "--create"]);
    assert_eq!((code, printed.starts_with("2 inserted")), (0, true), "{printed}");
    let (_, printed, _) = run(&endpoint.url(), &["dump", testing::LEDGER_NAME, "C", "--format", "ion"]);
    assert!(printed.contains(r#"{k:"1",name:"Ann, \"A\""}"#) && printed.contains(r#"{k:"2"}"#), "{printed}");
    let (_, printed, _) = run(&endpoint.url(), &["dump", testing::LEDGER_NAME, "I", "--format", "ion"]);
    assert!(printed.contains("{k:3,t:2020T}") && printed.contains("{{aGVsbG8=}}"), "{printed}");
}

/// A way to a server on which answers get lost: the server has done what was asked, and the connection breaks.
struct Lossy {
    url: String,
    lost: Arc<AtomicU64>,
}

impl Lossy {
    /// Loses one of so many answers, as it happens.
    fn start(server: &str, one_of: u64) -> Lossy {
        let server = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let lost = Arc::<AtomicU64>::default();
        let (counter, answers) = (Arc::clone(&lost), Arc::<AtomicU64>::default());
        // The threads end with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(upstream) = TcpStream::connect(&server) else { return };
                let (counter, answers) = (Arc::clone(&counter), Arc::clone(&answers));
                let (asks, answered) = (client.try_clone(), upstream.try_clone());
                let (Ok(mut asks), Ok(mut answered)) = (asks, answered) else { return };
                let (mut client, mut upstream) = (client, upstream);
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut asks, &mut upstream);
                    let _ = upstream.shutdown(Shutdown::Both);
                });
                std::thread::spawn(move || {
                    let mut bytes = [0; 1 << 16];
                    while let Ok(read @ 1..) = answered.read(&mut bytes) {
                        if answers.fetch_add(1, Ordering::Relaxed) % one_of == one_of - 1 {
                            counter.fetch_add(1, Ordering::Relaxed);
                            break;
                        }
                        if client.write_all(&bytes[..read]).is_err() {
                            break;
                        }
                    }
                    let _ = (client.shutdown(Shutdown::Both), answered.shutdown(Shutdown::Both));
                });
            }
        });
        Lossy { url, lost }
    }

    /// How many answers were lost.
    fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// The keys of the documents in table T, in order; none if there is no table.
fn keys(url: &str) -> Vec<u64> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let keys = runtime.block_on(async {
        let driver = QldbDriver::builder(testing::LEDGER_NAME).endpoint(url).build()?;
        if driver.list_tables().await?.is_empty() {
            return Ok(Vec::new());
        }
        driver
            .execute(|transaction| async move {
                transaction.query("SELECT VALUE t.k FROM T AS t").fetch_all::<u64>().await
            })
            .await
    });
    let mut keys = keys.unwrap_or_else(|error: everstrand::Error| panic!("{error}"));
    keys.sort_unstable();
    keys
}

/// A load that is killed at any point leaves each line at most once, and the second run adds what is missing. The answer to every
/// fiftieth command is lost besides, that of a commit as well, so that its outcome is unknown. Each kill meets a new ledger, and so a
/// load that has everything before it.
#[test]
fn a_killed_load_is_resumed() {
    let kills = std::env::var("EVERSTRAND_LOAD_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(5);
    let folder = tempfile::tempdir().expect("a folder");
    let count = 2_000;
    let file = written(folder.path(), "a.json", &lines(count));
    let load = ["load", testing::LEDGER_NAME, "T", &file, "--key", "k", "--create"];
    let expected: Vec<u64> = (0..count as u64).collect();
    let seed = std::time::UNIX_EPOCH.elapsed().map_or(1, |since| since.subsec_nanos().into());
    let mut random = everstrand_testkit::Random::new(seed);
    let (mut early, mut midway, mut late, mut lost) = (0, 0, 0, 0);
    // How long a whole load takes; the first guess is corrected by each second run that had all to do.
    let mut whole = 1_000;
    for kill in 0..kills {
        let ledger = testing::ledger();
        let endpoint = ledger.endpoint();
        let lossy = Lossy::start(&endpoint.url(), 50);
        let mut command = Command::new(env!("CARGO_BIN_EXE_everstrand"));
        command.args(load).args(["--endpoint", &lossy.url]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("started");
        std::thread::sleep(Duration::from_millis(random.below(whole)));
        child.kill().expect("killed");
        child.wait().expect("gone");
        // What it had on its way may arrive still.
        let found = keys(&endpoint.url());
        assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "seed {seed}: twice after kill {kill}");
        match found.len() {
            0 => early += 1,
            some if some < count => midway += 1,
            _ => late += 1,
        }
        let begun = Instant::now();
        let (code, printed, error) = run(&lossy.url, &load);
        assert_eq!(code, 0, "seed {seed}: {printed}{error}");
        assert_eq!(keys(&endpoint.url()), expected, "seed {seed}: each once after kill {kill}");
        if found.is_empty() {
            whole = u64::try_from(begun.elapsed().as_millis()).expect("a short time").max(1);
        }
        lost += lossy.lost();
    }
    eprintln!(
        "seed {seed}: {kills} kills, {early} before the first line, {midway} midway, {late} after the last; {lost} answers lost"
    );
    assert!(lost > 0, "no answer was lost");
    assert!(kills < 20 || midway > kills / 4, "too few kills met a load");
}
