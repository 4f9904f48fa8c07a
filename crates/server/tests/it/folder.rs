//! Ledgers in a data folder: the next service opens them, or says why it cannot.

use std::fs;
use std::path::Path;

use everstrand_server::config::{Config, Storage};
use everstrand_server::{Request, Service, ledger_folders};

use super::{error, send};

fn open(folder: &Path) -> Service {
    Service::open(Config::new(Storage::Folder(folder.to_owned()))).expect("a service over a folder")
}

async fn start_session(service: &Service, ledger: &str) -> everstrand_server::Response {
    let request = format!("{{\"StartSession\": {{\"LedgerName\": \"{ledger}\"}}}}");
    send(service, "POST", "/", Some("QLDBSession.SendCommand"), request.as_bytes()).await
}

async fn send_open(service: &Service, path: &str) -> everstrand_server::Response {
    service.handle(Request { method: "GET", path, query: "", headers: &[], body: b"" }).await
}

#[tokio::test]
async fn a_ledger_whose_journal_is_gone_is_not_replaced_by_an_empty_one() {
    for (lost, expected) in [("journal", "there is no journal"), ("segment", "")] {
        let folder = tempfile::tempdir().expect("a folder");
        let service = open(folder.path());
        service.create_ledger_unless_it_exists("lost").expect("a ledger");
        service.create_ledger_unless_it_exists("kept").expect("a ledger");
        service.close();
        drop(service);
        let ledgers = ledger_folders(folder.path()).expect("a data folder");
        let (_, ledger) = ledgers.iter().find(|(name, _)| name == "lost").expect("its folder");
        let journal = ledger.join("journal");
        let segment = journal.join("0000000000000000.segment");
        match lost {
            "journal" => fs::remove_dir_all(&journal).expect("removed"),
            // Zero everything but the segment's head.
            _ => {
                let mut bytes = fs::read(&segment).expect("a segment");
                bytes[64..].fill(0);
                fs::write(&segment, bytes).expect("written");
            }
        }

        // The error stays however often the server starts, and the other ledger works.
        for _ in 0..2 {
            let service = open(folder.path());
            let (status, name, message) = error(&start_session(&service, "lost").await);
            assert_eq!((status, name.as_str()), (503, "ServiceUnavailable"), "{message}");
            assert!(message.contains("could not be opened") && message.contains(expected), "{message}");
            assert_eq!(start_session(&service, "kept").await.status, 200);
            let ready = send_open(&service, "/ready").await;
            assert_eq!(ready.status, 503);
            let answer: serde_json::Value = serde_json::from_slice(&ready.body).expect("JSON");
            assert_eq!(answer["reasons"].as_array().map(Vec::len), Some(1), "{answer}");
            assert_eq!(answer["reasons"][0]["LedgerName"], "lost", "{answer}");
            assert_eq!(send_open(&service, "/health").await.status, 200, "the server runs");
            assert!(
                service.create_ledger_unless_it_exists("lost").is_ok(),
                "its name is taken as it was before"
            );
            service.close();
        }
    }
}

#[tokio::test]
async fn a_ledger_stays_as_strict_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = open(folder.path());
    let create = br#"{"Name": "strict", "PermissionsMode": "ALLOW_ALL", "Strict": true}"#;
    assert_eq!(send(&service, "POST", "/ledgers", None, create).await.status, 200);
    service.close();
    drop(service);
    let service = open(folder.path());
    assert!(!super::wire::takes_extensions(&service, "strict").await);
    service.close();
}

/// Anybody who may read a ledger's folder may read all its data, so only the server's user may.
#[cfg(unix)]
#[test]
fn new_ledgers_are_their_users_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let service = open(&data);
    service.create_ledger_unless_it_exists("private").expect("a ledger");
    service.close();
    drop(service);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let (_, ledger) = ledger_folders(&data).expect("a data folder").pop().expect("its folder");
    for private in [&data, &ledger, &ledger.join("journal")] {
        assert_eq!(mode(private), 0o700, "{}", private.display());
    }
    for file in [ledger.join("meta"), ledger.join("journal/0000000000000000.segment")] {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    // An operator may open a folder to others on purpose, so the server keeps its modes.
    fs::set_permissions(&data, fs::Permissions::from_mode(0o750)).expect("changed");
    open(&data).close();
    assert_eq!(mode(&data), 0o750);
}
