//! `everstrand backup` beside a server under load, killed at random moments: no copy that `verify` accepts is anything but
//! a beginning of the journal, and none opens less far than before. What was redacted is in no file of the copy.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstrand::journal::Slot;
use everstrand::ledger::storage::slots::SlotStore;
use everstrand::ledger::storage::{DiskSlots, FileDisk};

use crate::journal;
use crate::load::{self, Log};
use crate::process::{LEDGER, Server, chance, program, run_to_end, setting};

fn backup(data: &Path, to: &Path) -> Command {
    let mut command = program();
    command.args(["backup", LEDGER, "--json", "--data"]).arg(data).arg("--to").arg(to);
    command
}

/// What `backup verify` says, and its exit code.
fn verify(place: &Path) -> (serde_json::Value, i32) {
    let (status, stdout, stderr) = run_to_end(program().args(["backup", "verify", "--json"]).arg(place));
    let said = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
    (said, status.code().expect("it was not killed"))
}

fn links(folder: &Path) -> Vec<[u8; 32]> {
    let slots = DiskSlots::open_read_only(Arc::new(FileDisk::read_only(folder).expect("a folder")))
        .expect("a journal");
    let link = |bytes: Vec<u8>| Slot::decode(bytes).expect("a slot").link().0;
    (0..).map_while(|slot| slots.read(slot).expect("a slot").map(link)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_a_beginning_of_the_journal_whenever_the_backup_is_killed() {
    let kills = setting("EVERSTRAND_BACKUP_KILLS", 6);
    let mut random = chance("backup");
    let folder = tempfile::tempdir().expect("a folder");
    let (data, place) = (folder.path().join("data"), folder.path().join("copies"));
    let mut server = Server::start(&data);
    load::prepare(&server).await;
    let log = Arc::new(Mutex::new(Log::default()));
    let (mut opened, mut accepted) = (0, 0);
    for kill in 0..kills {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = load::start(&server, 4, &log, &stop, &mut random);
        tokio::time::sleep(Duration::from_millis(random.below(200))).await;
        let mut copier =
            backup(&data, &place).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program");
        tokio::time::sleep(Duration::from_millis(random.below(400))).await;
        if random.below(3) == 0 {
            server.kill();
            server = Server::start(&data);
        }
        let _ = copier.kill();
        copier.wait().expect("a child can be waited for");
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.expect("a client does not panic");
        }
        // Killed before it began a copy.
        if !place.join("names").exists()
            || std::fs::read_dir(place.join("names")).expect("a folder").next().is_none()
        {
            continue;
        }
        let (said, code) = verify(&place);
        let slots = said["slots"].as_u64().expect("a number");
        if slots == 0 {
            continue;
        }
        assert_eq!((said["verdict"].as_str(), code), (Some("whole"), 0), "kill {kill}: {said}");
        let opens = said["opensSlots"].as_u64().expect("a number");
        assert!(opens >= opened, "it opened up to {opened}, and opens up to {opens} now");
        let copy = links(&place.join(said["copy"].as_str().expect("an id")).join("journal"));
        assert!(links(&journal::folder(&data)).starts_with(&copy), "kill {kill}: this is no beginning");
        (opened, accepted) = (opens, accepted + 1);
    }
    let digest = journal::digest(&server).await;
    let (status, stdout, stderr) = run_to_end(&mut backup(&data, &place));
    assert!(status.success(), "{stdout}{stderr}");
    let said: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(said["digest"].as_str(), Some(digest.digest.to_string().as_str()));
    eprintln!("{kills} SIGKILLs, {accepted} copies accepted, {opened} slots before the last run: {said}");
    let (status, ..) = server.terminate();
    assert!(status.success());

    let last = journal::slots(&data);
    let whole = verify(&place);
    assert_eq!((whole.0["slots"].as_u64(), whole.1), (Some(last), 0));
}
