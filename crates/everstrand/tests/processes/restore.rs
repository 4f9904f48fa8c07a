//! `everstrand restore`, killed at random moments: the ledger is there as a whole, or not at all. A restored ledger is
//! accepted by both verifiers, and says what it is.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstrand::protocol::control::{ControlReply, ControlRequest, DescribeLedgerRequest};
use everstrand_testkit::Random;

use crate::journal;
use crate::load::{self, Log};
use crate::process::{LEDGER, Server, chance, program, run_to_end, setting};

fn everstrand(arguments: &[&str], paths: &[&Path]) -> Command {
    let mut command = program();
    let mut paths = paths.iter();
    for argument in arguments {
        match *argument {
            "PATH" => command.arg(paths.next().expect("a path")),
            argument => command.arg(argument),
        };
    }
    command
}

fn succeeds(mut command: Command) -> String {
    let (status, stdout, stderr) = run_to_end(&mut command);
    assert!(status.success(), "{command:?}: {stdout}{stderr}");
    stdout
}

fn restore(place: &Path, data: &Path, block: u64) -> Command {
    let block = block.to_string();
    everstrand(&["restore", "PATH", LEDGER, "--data", "PATH", "--json", "--to-block", &block], &[place, data])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_restored_as_a_whole_or_not_at_all() {
    let kills = setting("EVERSTRAND_RESTORE_KILLS", 4);
    let mut random: Random = chance("restore");
    let folder = tempfile::tempdir().expect("a folder");
    let (data, place, new) =
        (folder.path().join("data"), folder.path().join("copies"), folder.path().join("new"));
    let server = Server::start(&data);
    load::prepare(&server).await;
    let log = Arc::new(Mutex::new(Log::default()));
    load::run_for(&server, 4, &log, Duration::from_secs(2), &mut random).await;
    let digest = journal::digest(&server).await;
    server.terminate();
    succeeds(everstrand(&["backup", LEDGER, "--data", "PATH", "--to", "PATH"], &[&data, &place]));
    let block = digest.digest_tip_address.sequence_no / 2;

    let mut whole = 0;
    for kill in 0..kills {
        let mut child = restore(&place, &new, block)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        tokio::time::sleep(Duration::from_millis(random.below(600))).await;
        let _ = child.kill();
        child.wait().expect("a child can be waited for");
        let there = new.is_dir()
            && succeeds(everstrand(&["ledger", "list", "--data", "PATH"], &[&new])).contains(LEDGER);
        if there {
            succeeds(everstrand(&["audit", "PATH"], &[&new]));
            std::fs::remove_dir_all(&new).expect("removed");
            whole += 1;
        }
        eprintln!("kill {kill}: {}", if there { "restored before the kill" } else { "nothing is there" });
    }
    if new.is_dir() {
        std::fs::remove_dir_all(&new).expect("removed");
    }
    let said: serde_json::Value =
        serde_json::from_str(&succeeds(restore(&place, &new, block))).expect("JSON");
    eprintln!("{kills} SIGKILLs, {whole} restored before them; then: {said}");
    assert_eq!(said["block"].as_u64(), Some(block));

    // The name is taken now, and nothing is overwritten.
    let (status, _, stderr) = run_to_end(&mut restore(&place, &new, block));
    assert!(!status.success() && stderr.contains("already"), "{stderr}");

    let audited = succeeds(everstrand(&["audit", "PATH"], &[&new]));
    assert!(audited.contains("restored   from ledger"), "{audited}");
    let verifier = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/verifier/verify.py");
    let second = Command::new("python3").arg(verifier).arg("audit").arg(journal::folder(&new)).output();
    match second {
        Ok(second) => assert!(second.status.success(), "{}", String::from_utf8_lossy(&second.stdout)),
        Err(error) => eprintln!("the second verifier was not asked: {error}"),
    }

    // A digest that was saved after the restored block is answered with what happened; the server says it, too.
    let saved = folder.path().join("saved.ion");
    std::fs::write(&saved, everstrand::ion::text::write(&digest.to_ion())).expect("written");
    let (status, stdout, _) =
        run_to_end(&mut everstrand(&["audit", "PATH", "--digest", "PATH"], &[&new, &saved]));
    assert!(
        !status.success() && stdout.contains("This ledger was restored from that strand up to block"),
        "{stdout}"
    );
    let server = Server::start(&new);
    let request = ControlRequest::DescribeLedger(DescribeLedgerRequest { name: LEDGER.to_owned() });
    let ControlReply::DescribeLedger(described) = server.control(request).await else {
        panic!("another answer")
    };
    let from = described.restored_from.expect("it says what it was restored from");
    assert!(from.ends_with(&format!("block {block}")), "{from}");
    let tip = journal::digest(&server).await;
    assert_ne!(tip.digest_tip_address.strand_id, digest.digest_tip_address.strand_id);
    journal::verify_block(&server, block, &tip).await;
    journal::verify_block(&server, tip.digest_tip_address.sequence_no, &tip).await;
    let (status, ..) = server.terminate();
    assert!(status.success());
    succeeds(everstrand(&["drill", "PATH"], &[&place]));
}
