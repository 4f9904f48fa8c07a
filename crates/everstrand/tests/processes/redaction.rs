//! Redacted data are in no file of the data folder any more, soon after the commit and without any other, also where
//! the server was killed in the midst of it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use everstrand_testkit::Random;

use crate::journal::is_encrypted;
use crate::process::{Server, chance, setting};

/// Most of it is for busy machines.
const PATIENCE: Duration = Duration::from_secs(90);

/// The files below a folder that hold a text, or the greater part of it. It is random, so no compression takes it apart.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let part = &text.as_bytes()[text.len() / 4..];
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if fs::read(&path).unwrap_or_default().windows(part.len()).any(|window| window == part) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn wait_until_gone(folder: &Path, text: &str) -> Duration {
    let begin = Instant::now();
    loop {
        let found = files_with(folder, text);
        if found.is_empty() {
            return begin.elapsed();
        }
        assert!(begin.elapsed() < PATIENCE, "after {PATIENCE:?}: {found:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn secret(random: &mut Random) -> String {
    (0..32).map(|_| char::from(b"0123456789abcdefghijklmnopqrstuv"[random.below(32) as usize])).collect()
}

/// A statement with parameters of text Ion, in a transaction of its own; its rows as text Ion.
async fn run(server: &Server, statement: &str, parameters: &[String]) -> Vec<String> {
    let values: Vec<everstrand::ion::Value> =
        parameters.iter().map(|value| everstrand::ion::text::read_one(value).expect("Ion")).collect();
    let driver = server.driver();
    let rows = driver.execute(|transaction| {
        let values = values.clone();
        async move { transaction.execute(statement, values).await?.fetch_all().await }
    });
    let rows = rows.await.expect("a statement");
    driver.close().await;
    rows.iter().map(|row| row.to_value().to_string()).collect()
}

/// Puts a secret into a document by a parameter, takes it out again, and redacts the revision that had it.
async fn redact_one(server: &Server, data: &Path, number: u64, text: &str) {
    let secret = vec![number.to_string(), format!("\"{text}\"")];
    run(server, "INSERT INTO Person VALUE {'number': ?, 'secret': ?}", &secret).await;
    run(server, "UPDATE Person AS p SET p.secret = 'none' WHERE p.number = ?", &secret[..1]).await;
    let shown = files_with(data, text).iter().any(|path| path.contains("view"));
    assert_ne!(shown, is_encrypted(), "the search finds nothing, or an encrypted folder shows something");
    let first = "FROM history(Person) AS h WHERE h.metadata.version = 0 AND h.data.number = ?";
    let mut arguments = Vec::new();
    for of in ["h.blockAddress", "h.metadata.id"] {
        arguments.extend(run(server, &format!("SELECT VALUE {of} {first}"), &secret[..1]).await);
    }
    let table = "SELECT VALUE tableId FROM information_schema.user_tables AS t WHERE t.name = 'Person'";
    arguments.splice(1..1, run(server, table, &[]).await);
    run(server, "EXEC REDACT_REVISION ?, ?, ?", &arguments).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redacted_data_leave_every_file_also_after_a_kill() {
    let mut random = chance("redaction");
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let mut server = Server::start(data);
    run(&server, "CREATE TABLE Person", &[]).await;
    run(&server, "CREATE INDEX ON Person (secret)", &[]).await;
    run(&server, "CREATE INDEX ON Person (number)", &[]).await;

    let quiet = secret(&mut random);
    redact_one(&server, data, 0, &quiet).await;
    eprintln!("gone from a quiet ledger after {:?}", wait_until_gone(data, &quiet));

    for kill in 1..=setting("EVERSTRAND_REDACTION_KILLS", 3) {
        let text = secret(&mut random);
        redact_one(&server, data, kill, &text).await;
        std::thread::sleep(Duration::from_millis(random.below(60)));
        server.kill();
        server = Server::start(data);
        eprintln!("gone after a kill and a start within {:?}", wait_until_gone(data, &text));
        let number = [kill.to_string()];
        let left = run(&server, "SELECT VALUE p.secret FROM Person AS p WHERE p.number = ?", &number);
        assert_eq!(left.await, ["\"none\""]);
    }
    let (status, ..) = server.terminate();
    assert!(status.success());
}
