//! `everstrand import`: exports become ledgers, from QLDB's shape and from our own; what does not hold does not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use everstrand::{InProcess, QldbDriver};
use everstrand_ion::text;
use everstrand_server::config::{Config, Storage};
use everstrand_server::{Service, http};
use everstrand_testkit::data::vector;

use crate::endpoint::program;
use crate::evidence::{Saved, everstrand, ledger_and_evidence, run};
use crate::export::data_object;

/// An export made here, in a folder.
fn exported(saved: &Saved, format: &str) -> String {
    let folder = saved.folder.path().join("exports").join(format).display().to_string();
    let arguments = ["export", "evidence", "--data", &saved.data(), "--to", &folder, "--format", format];
    assert_eq!(everstrand(&arguments).0, 0);
    folder
}

/// Asks the only ledger of a data folder.
async fn asked(data: &str, ledger: &str, statements: &[&str]) -> Vec<Vec<String>> {
    let service = Arc::new(Service::open(Config::new(Storage::Folder(data.into()))).expect("a service"));
    let driver =
        QldbDriver::builder(ledger).build_over(Arc::new(InProcess::new(service.clone()))).expect("a driver");
    let mut answers = Vec::new();
    for statement in statements {
        let rows = run(&driver, statement).await;
        answers.push(rows.iter().map(|row| text::write(&row.to_value())).collect());
    }
    driver.close().await;
    service.close();
    answers
}

#[tokio::test]
async fn an_export_becomes_a_ledger_that_goes_on() {
    let saved = ledger_and_evidence().await;
    let digest = saved.file("digest.ion", &saved.digest);
    let questions = [
        "SELECT * FROM _ql_committed_Secret",
        "SELECT * FROM history(Secret)",
        "SELECT * FROM information_schema.user_tables",
    ];
    let before = asked(&saved.data(), "evidence", &questions).await;
    for format in ["ion-text", "ion-binary", "json"] {
        let from = exported(&saved, format);
        let data = saved.folder.path().join("imported").join(format).display().to_string();
        let import = ["import", "again", "--from", &from, "--data", &data, "--digest", &digest];
        let (code, printed) = everstrand(&import);
        assert_eq!((code, printed.contains("ledger again begins with this journal")), (0, true), "{printed}");
        assert_eq!(asked(&data, "again", &questions).await, before, "{format}");

        asked(&data, "again", &["UPDATE Secret SET word = 'plugh' WHERE number = 12"]).await;
        let (code, printed) = everstrand(&["audit", &data, "--digest", &digest]);
        assert_eq!((code, printed.contains("blocks 0 to 23")), (0, true), "{printed}");
        // Exported once more, with blocks of both origins.
        let to = saved.folder.path().join("once more").join(format).display().to_string();
        let export = ["export", "again", "--data", &data, "--to", &to, "--format", format];
        assert_eq!(everstrand(&export).0, 0);
        let (code, printed) = everstrand(&["audit", &to, "--digest", &digest]);
        assert_eq!((code, printed.contains("no deviation")), (0, true), "{printed}");

        let (code, printed) = everstrand(&import);
        assert_eq!((code, printed.contains("already exists")), (2, true), "{printed}");
    }
}

#[tokio::test]
async fn what_does_not_hold_is_not_loaded() {
    let saved = ledger_and_evidence().await;
    let data = saved.folder.path().join("imported").display().to_string();
    let from = exported(&saved, "ion-text");
    let import = ["import", "again", "--from", &from, "--data", &data];
    let folders = || {
        fs::read_dir(&data)
            .expect("a folder")
            .filter(|entry| entry.as_ref().is_ok_and(|e| e.path().is_dir()))
            .count()
    };

    // A digest of another journal.
    let other = ledger_and_evidence().await;
    let digest = saved.file("other.ion", &other.digest);
    let (code, printed) = everstrand(&[&import[..], &["--digest", &digest]].concat());
    assert_eq!((code, printed.contains("of another strand")), (1, true), "{printed}");
    assert!(printed.contains("nothing was loaded"), "{printed}");
    assert_eq!(folders(), 0);

    // A document that was changed in the export.
    let object = data_object(Path::new(&from)).expect("a data object");
    let whole = fs::read_to_string(&object).expect("a text");
    fs::write(&object, whole.replacen("number:7", "number:8", 1)).expect("written");
    let (code, printed) = everstrand(&import);
    assert_eq!((code, printed.contains("nothing was loaded")), (1, true), "{printed}");
    assert!(printed.contains("DEVIATION  block 9"), "{printed}");
    assert_eq!(folders(), 0);
    let (code, printed) = everstrand(&[&import[..], &["--accept-deviations"]].concat());
    assert_eq!(code, 0, "{printed}");
    assert_eq!(everstrand(&["audit", &data]).0, 1, "the deviation is still there");
}

#[tokio::test]
async fn what_is_not_whole_is_refused() {
    let saved = ledger_and_evidence().await;
    let data = saved.folder.path().join("imported").display().to_string();
    let refused = |from: &str, why: &str| {
        let (code, printed) = everstrand(&["import", "again", "--from", from, "--data", &data]);
        assert_eq!((code, printed.contains(why)), (2, true), "{why}: {printed}");
    };
    let from = exported(&saved, "ion-text");
    let object = data_object(Path::new(&from)).expect("a data object");
    let whole = fs::read_to_string(&object).expect("a text");

    let (first, rest) = whole.split_once('\n').expect("several blocks");
    fs::write(&object, rest).expect("written");
    refused(&from, "block 1: block 0 comes next");
    fs::write(&object, format!("{first}\n{{blockAddress:1}}\n")).expect("written");
    refused(&from, "no strandId");
    fs::remove_file(&object).expect("removed");
    refused(&from, "neither a ledger nor an exported journal");

    let unfinished = exported(&saved, "json");
    let manifest = fs::read_dir(&unfinished)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .find(|path: &PathBuf| path.display().to_string().ends_with(".completed.manifest"));
    fs::remove_file(manifest.expect("a manifest")).expect("removed");
    refused(&unfinished, "begun and not completed");
}

/// An export in QLDB's shape, with blocks that no ledger here would make.
#[tokio::test]
async fn a_foreign_export_becomes_a_ledger() {
    let from = vector("synthetic-export");
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data").display().to_string();
    let from = from.display().to_string();
    let (code, printed) = everstrand(&["import", "accounts", "--from", &from, "--data", &data]);
    assert_eq!((code, printed.contains("no deviation")), (0, true), "{printed}");
    let answers = asked(
        &data,
        "accounts",
        &[
            "SELECT VALUE name FROM information_schema.user_tables",
            "SELECT COUNT(*) AS n FROM history(Accounts)",
            "INSERT INTO Accounts VALUE {'added': 'here'}",
            "SELECT VALUE added FROM Accounts WHERE added = 'here'",
            "SELECT VALUE i.expr FROM information_schema.user_tables AS t, t.indexes AS i",
        ],
    )
    .await;
    assert_eq!(
        (&*answers[0], &*answers[1], &*answers[3]),
        (&["\"Accounts\"".to_owned()][..], &["{n:15}".to_owned()][..], &["\"here\"".to_owned()][..],)
    );
    // Its blocks have the index in the text of a statement alone.
    assert!(printed.contains("index      CREATE INDEX ON \"Accounts\" (\"acct\")"), "{printed}");
    assert_eq!(answers[4], ["\"[acct]\""]);
    assert_eq!(everstrand(&["audit", &data]).0, 0);
}

/// A server that runs takes an export, makes the indexes that its statements name, and gets nothing of what does not hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_takes_an_export() {
    let saved = ledger_and_evidence().await;
    let from = exported(&saved, "ion-binary");
    let service = Arc::new(Service::open(Config::new(Storage::Memory)).expect("a service"));
    let listen = "127.0.0.1:0".parse().expect("an address");
    let server = http::Server::bind(service.clone(), listen).await.expect("a socket");
    let endpoint = format!("http://{}", server.address().expect("bound"));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async { drop(stopped.await) }));

    let digest = saved.file("digest.ion", &saved.digest);
    let import = ["import", "again", "--from", &from, "--endpoint", &endpoint];
    let (code, printed) = program(&[&import[..], &["--digest", &digest]].concat()).await;
    assert_eq!((code, printed.contains("ledger again begins with this journal")), (0, true), "{printed}");
    let audit = ["audit", &endpoint, "--ledger", "again", "--digest", &digest];
    let (code, printed) = program(&audit).await;
    assert_eq!((code, printed.contains("the journal agrees with")), (0, true), "{printed}");
    let (code, printed) = program(&import).await;
    assert_eq!((code, printed.contains("already exists")), (2, true), "{printed}");

    // Its blocks have the index in the text of a statement alone.
    let foreign = vector("synthetic-export").display().to_string();
    let accounts = ["import", "accounts", "--from", &foreign, "--endpoint", &endpoint];
    let (code, printed) = program(&accounts).await;
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("index      CREATE INDEX ON \"Accounts\" (\"acct\")"), "{printed}");
    let driver = QldbDriver::builder("accounts")
        .build_over(Arc::new(InProcess::new(service.clone())))
        .expect("a driver");
    let rows =
        run(&driver, "SELECT VALUE t.name FROM information_schema.user_tables AS t, t.indexes AS i").await;
    assert_eq!(rows.len(), 1);
    driver.close().await;

    let object = data_object(Path::new(&from)).expect("a data object");
    let mut bytes = fs::read(&object).expect("bytes");
    let word = bytes.windows(5).rposition(|bytes| bytes == b"xyzzy").expect("a document");
    bytes[word] = b'X';
    fs::write(&object, bytes).expect("written");
    let tampered = ["import", "tampered", "--from", &from, "--endpoint", &endpoint];
    let (code, printed) = program(&tampered).await;
    assert_eq!((code, printed.contains("nothing was loaded")), (1, true), "{printed}");
    let (code, printed) = program(&[&tampered[..], &["--accept-deviations"]].concat()).await;
    assert_eq!((code, printed.contains("ledger tampered begins")), (0, true), "the name was free: {printed}");

    stop.send(()).expect("the server runs");
    running.await.expect("a clean end");
    let (code, printed) = program(&import).await;
    assert_eq!((code, printed.contains("nothing was sent")), (2, true), "{printed}");
}
