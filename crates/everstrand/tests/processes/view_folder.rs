//! What is derived may be lost or damaged in any way: the same answers come out of the journal, at once or, where
//! the damage shows only when a statement meets it, after a refusal, a little later or after the next start.

use std::path::{Path, PathBuf};
use std::time::Duration;

use everstrand_testkit::Random;

use crate::dump::{assert_same, dump};
use crate::journal;
use crate::load::run;
use crate::process::{Server, chance, setting};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_view_changes_no_answer() {
    let damages = setting("EVERSTRAND_VIEW_DAMAGES", 12);
    let mut random = chance("view folder");
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, other) = (folder.path().join("ours"), folder.path().join("other"));
    // A killed server leaves changes in the view's own journal, one that ended leaves them in order.
    let expected = fill(&ours, true).await;
    fill(&other, false).await;
    let digest = {
        let server = Server::start(&ours);
        assert_same(&expected, &dump(&server).await.expect("answers"), "an unclean stop");
        let digest = journal::digest(&server).await;
        match random.below(2) {
            0 => server.kill(),
            _ => drop(server.terminate()),
        }
        digest
    };
    for number in 0..damages {
        let data = folder.path().join("damaged");
        let _ = std::fs::remove_dir_all(&data);
        copy(&ours, &data);
        let what = damage(&data, &other, number, &mut random);
        let mut server = Server::start(&data);
        let mut found = dump(&server).await;
        if let Err(error) = &found {
            // Met in the middle of a statement: no answer rather than a wrong one, and not again after a restart,
            // nor when the view was built anew meanwhile.
            assert!(error.to_string().contains("view failed"), "{what}: {error}");
            eprintln!("{what}: {error}");
            if random.below(2) == 0 {
                server.kill();
                server = Server::start(&data);
                found = dump(&server).await;
            } else {
                for _ in 0..600 {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    found = dump(&server).await;
                    if found.is_ok() {
                        break;
                    }
                }
            }
        }
        assert_same(&expected, &found.unwrap_or_else(|error| panic!("{what}: {error}")), &what);
        let stderr = server.stderr();
        assert!(!stderr.contains("panicked"), "{what}: {stderr}");
        // And it goes on from there.
        let driver = server.driver();
        run(&driver, "INSERT INTO Things {'n': 7, 'after': 'damage'}", vec![]).await;
        let rows =
            run(&driver, "SELECT * FROM Things AS t WHERE t.n = 7 AND t.after = 'damage'", vec![]).await;
        assert_eq!(rows.len(), 1, "{what}");
        drop(driver);
        server.kill();
        journal::audit(&data, &[digest]);
    }
}

/// Kinds of damage, each in turn, at a place that chance decides. Says what was done.
fn damage(data: &Path, other: &Path, number: u64, random: &mut Random) -> String {
    let view = view(data);
    match number % 6 {
        0 => {
            std::fs::remove_dir_all(&view).expect("a folder");
            "view deleted".to_owned()
        }
        1 => {
            std::fs::remove_dir_all(&view).expect("a folder");
            copy(&self::view(other), &view);
            "view of another ledger".to_owned()
        }
        kind => {
            let files = files(&view);
            let file = &files[random.below(files.len() as u64) as usize];
            let name = file.strip_prefix(data).expect("below").display().to_string();
            let mut bytes = std::fs::read(file).expect("a file");
            let what = match kind {
                2 => {
                    std::fs::remove_file(file).expect("a file");
                    return format!("{name} deleted");
                }
                3 => {
                    let length = random.below(bytes.len() as u64 + 1) as usize;
                    bytes.truncate(length);
                    format!("{name} cut to {length} bytes")
                }
                4 => {
                    let zeros = bytes.len();
                    bytes = vec![0; zeros];
                    format!("{name} filled with zeros")
                }
                _ => {
                    // Where something is written: much of a file may be filled ahead.
                    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                    let at = random.below(used.max(1) as u64) as usize;
                    let bit = random.below(8);
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << bit;
                    }
                    format!("{name} with bit {bit} of byte {at} of {used} flipped")
                }
            };
            std::fs::write(file, bytes).expect("a file");
            what
        }
    }
}

/// A ledger with tables, a dropped one, indexes, updates and deletes. Answers its dump.
async fn fill(data: &Path, more: bool) -> Vec<String> {
    let server = Server::start(data);
    let driver = server.driver();
    for statement in [
        "CREATE TABLE Things",
        "CREATE TABLE Gone",
        "CREATE TABLE Large",
        "CREATE INDEX ON Things (n)",
        "INSERT INTO Gone {'n': 7}",
        "DROP TABLE Gone",
    ] {
        run(&driver, statement, vec![]).await;
    }
    for round in 0..20u64 {
        let things = (0..30).map(|n| format!("{{'n': {n}, 'round': {round}, 'at': `2020-01-01T`}}"));
        let things = things.collect::<Vec<_>>().join(", ");
        run(&driver, &format!("INSERT INTO Things << {things} >>"), vec![]).await;
        run(&driver, &format!("UPDATE Things AS t SET t.n = 7 WHERE t.n = {round}"), vec![]).await;
    }
    run(&driver, "DELETE FROM Things AS t WHERE t.n = 25", vec![]).await;
    if more {
        // Enough for tables of the view's own on disk, in the long form.
        let megabytes = setting("EVERSTRAND_VIEW_MEGABYTES", 2);
        let filler = "f".repeat(100_000);
        for _ in 0..megabytes * 10 {
            let value = everstrand::ion::Value::from(filler.as_str());
            run(&driver, "INSERT INTO Large {'n': 7, 'filler': ?}", vec![(&value).into()]).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let dump = dump(&server).await.expect("answers");
    match more {
        true => server.kill(),
        false => drop(server.terminate()),
    }
    dump
}

fn view(data: &Path) -> PathBuf {
    journal::folder(data).parent().expect("a ledger's folder").join("view")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a file");
        }
    }
}
