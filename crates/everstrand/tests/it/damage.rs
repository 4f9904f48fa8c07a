//! `everstrand audit` where a disk has changed its mind, and where a server goes on writing meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use everstrand::{InProcess, QldbDriver};
use everstrand_ledger::storage::{DiskSlots, DiskSlotsOptions, FileDisk, MemoryView};
use everstrand_ledger::{Environment, Ledger, LedgerOptions, RandomIds, SystemClock};
use everstrand_server::Service;
use everstrand_server::config::{Config, Storage};

use crate::evidence::{everstrand, run};

/// A journal of small segments, closed in order; `word<n>` stands in the document of slot n + 2.
fn journal(folder: &Path) -> Vec<PathBuf> {
    let disk = FileDisk::create(folder).expect("a folder");
    let options = DiskSlotsOptions { segment_bytes: 4096, ..DiskSlotsOptions::default() };
    let slots = DiskSlots::open(Arc::new(disk), options).expect("a journal");
    let clock = Arc::new(SystemClock::new());
    let environment = Environment { ids: Arc::new(RandomIds::new(clock.clone())), clock };
    let ledger =
        Ledger::open(Arc::new(slots), Arc::new(MemoryView::new()), environment, LedgerOptions::default())
            .expect("a ledger");
    let statements = (0..20).map(|number| format!("INSERT INTO T {{'word': 'word{number}#'}}"));
    for statement in std::iter::once("CREATE TABLE T".to_owned()).chain(statements) {
        let mut transaction = ledger.start_transaction().expect("a transaction");
        transaction.execute(&statement, &[]).expect("a statement");
        transaction.commit_unchecked().wait().expect("a commit");
    }
    ledger.close();
    drop(ledger);
    let mut segments: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "segment"));
    segments.sort();
    segments
}

/// Flips a bit of the first place, in any of the segments, where these bytes stand; answers in which segment.
fn flip(segments: &[PathBuf], of: &str) -> usize {
    for (at, segment) in segments.iter().enumerate() {
        let mut bytes = fs::read(segment).expect("a segment");
        if let Some(place) = bytes.windows(of.len()).position(|window| window == of.as_bytes()) {
            bytes[place] ^= 4;
            fs::write(segment, bytes).expect("written");
            return at;
        }
    }
    panic!("{of} is nowhere");
}

#[test]
fn every_damaged_slot_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let segments = journal(folder.path());
    let path = folder.path().display().to_string();
    assert!(segments.len() >= 3, "{segments:?}");
    let (code, printed) = everstrand(&["audit", &path]);
    assert_eq!(code, 0, "{printed}");

    // In the first segment, in one between, and twice in the last.
    let damaged = [0, 9, 18, 19].map(|number| (number + 2, flip(&segments, &format!("word{number}#"))));
    let last = segments.len() - 1;
    assert!(damaged[0].1 == 0 && (1..last).contains(&damaged[1].1) && damaged[3].1 == last, "{damaged:?}");

    let (code, printed) = everstrand(&["audit", &path]);
    assert_eq!(code, 1, "{printed}");
    // ` 7`, or `s 8 to 9` where several in a row are damaged for one reason.
    let named = printed.lines().filter_map(|line| line.split_once("encoding: slot")?.1.split(':').next());
    let numbers =
        |named: &str| -> Vec<usize> { named.split(' ').filter_map(|word| word.parse().ok()).collect() };
    let named: Vec<usize> = named.flat_map(numbers).collect();
    assert_eq!(named, damaged.map(|(slot, _)| slot), "these and no others: {printed}");

    // A program is told the same.
    let (code, printed) = everstrand(&["audit", &path, "--json"]);
    assert_eq!(code, 1, "{printed}");
    for line in printed.lines().filter(|line| line.starts_with('{')) {
        serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_beside_a_running_server_finds_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let service =
        Arc::new(Service::open(Config::new(Storage::Folder(folder.path().to_owned()))).expect("a service"));
    service.create_ledger_unless_it_exists("busy").expect("a ledger");
    let driver =
        QldbDriver::builder("busy").build_over(Arc::new(InProcess::new(service.clone()))).expect("a driver");
    run(&driver, "CREATE TABLE T").await;
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let stop = stop.clone();
        async move {
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) {
                run(&driver, "INSERT INTO T {'word': 'xyzzy'}").await;
                written += 1;
            }
            driver.close().await;
            written
        }
    });
    let path = folder.path().display().to_string();
    for _ in 0..5 {
        let (code, printed) = tokio::task::spawn_blocking({
            let path = path.clone();
            move || everstrand(&["audit", &path])
        })
        .await
        .expect("the audit ends");
        assert_eq!(code, 0, "{printed}");
    }
    stop.store(true, Ordering::Relaxed);
    assert!(writing.await.expect("the writer ends") > 0);
    service.close();
}

#[test]
fn what_is_not_there_is_never_no_deviation() {
    let folder = tempfile::tempdir().expect("a folder");
    let segments = journal(&folder.path().join("journal"));
    let path = folder.path().display().to_string();
    let (code, whole) = everstrand(&["audit", &path, "--json"]);
    assert_eq!(code, 0, "{whole}");
    let summary: serde_json::Value = serde_json::from_str(whole.trim()).expect("JSON");
    let (digest, last) = (&summary["summary"]["digest"], &summary["summary"]["last"]);
    let saved = serde_json::json!({"digest": digest, "digestTipAddress": last}).to_string();
    let digest = folder.path().join("digest.json");
    fs::write(&digest, saved).expect("written");
    let digest = digest.display().to_string();
    assert_eq!(everstrand(&["audit", &path, "--digest", &digest]).0, 0);

    // Segments in the midst are told of as one stretch of slots each, and not slot by slot.
    let middle = fs::read(&segments[1]).expect("a segment");
    fs::remove_file(&segments[1]).expect("removed");
    let (code, printed) = everstrand(&["audit", &path]);
    assert_eq!(code, 1, "{printed}");
    assert_eq!(printed.matches("encoding: slot").count(), 1, "{printed}");
    assert!(printed.contains("encoding: slots "), "{printed}");
    let (code, printed) = everstrand(&["audit", &path, "--digest", &digest]);
    assert_eq!((code, printed.contains("unchecked")), (1, true), "{printed}");
    fs::write(&segments[1], middle).expect("written");

    // An audit that goes on after the digest's block does not compare it, and says so by its exit code.
    let remember = folder.path().join("remember").display().to_string();
    assert_eq!(everstrand(&["audit", &path, "--remember", &remember]).0, 0);
    let (code, printed) = everstrand(&["audit", &path, "--remember", &remember, "--digest", &digest]);
    assert_eq!((code, printed.contains("the journal agrees")), (0, true), "of the same block: {printed}");

    for segment in &segments {
        fs::remove_file(segment).expect("removed");
    }
    let (code, printed) = everstrand(&["audit", &path]);
    assert_eq!((code, printed.contains("its segments are gone")), (2, true), "{printed}");
}

#[tokio::test]
async fn an_export_that_was_never_completed_is_said_to_be_so() {
    let saved = crate::evidence::ledger_and_evidence().await;
    let export = saved.folder.path().join("export");
    let to = export.display().to_string();
    let (code, printed) = everstrand(&["export", "--data", &saved.data(), "--to", &to, "evidence"]);
    assert_eq!(code, 0, "{printed}");
    assert_eq!(everstrand(&["audit", &to]).0, 0);
    for entry in fs::read_dir(&export).expect("a folder").flatten() {
        if entry.file_name().to_string_lossy().ends_with(".completed.manifest") {
            fs::remove_file(entry.path()).expect("removed");
        }
    }
    let (code, printed) = everstrand(&["audit", &to]);
    assert_eq!((code, printed.contains("not completed")), (1, true), "{printed}");
}
