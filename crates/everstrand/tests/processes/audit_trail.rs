//! The audit trail: what it says of control operations and of commands, what it never says, and what happens where it cannot be
//! written.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use everstrand::protocol::control::{
    ControlRequest, CreateLedgerRequest, DeleteLedgerRequest, DescribeLedgerRequest, ListLedgersRequest,
    PermissionsMode, UpdateLedgerRequest,
};
use everstrand::{HttpTransport, QldbDriver};
use everstrand_driver::Credentials;
use serde_json::Value;

use crate::process::{LEDGER, Server, until};

/// What stands in documents, parameters and secrets of these tests, and in no line.
const PRIVATE: &str = "hunter2";

/// The events in a file. Each line must be one JSON object.
fn events(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("a trail");
    assert!(!text.contains(PRIVATE), "{text}");
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(|line| serde_json::from_str(line).expect("one JSON object a line")).collect()
}

fn signed(server: &Server, key: &str) -> Arc<HttpTransport> {
    let credentials = Credentials {
        access_key_id: key.to_owned(),
        secret_access_key: PRIVATE.to_owned(),
        session_token: None,
    };
    let transport = HttpTransport::builder().endpoint(format!("http://{}", server.address));
    Arc::new(transport.region("us-east-1").credentials(credentials).build().expect("a transport"))
}

fn create(name: &str) -> ControlRequest {
    ControlRequest::CreateLedger(CreateLedgerRequest {
        name: name.to_owned(),
        permissions_mode: PermissionsMode::AllowAll,
        deletion_protection: Some(true),
        kms_key: None,
        tags: std::iter::once(("team".to_owned(), "blue".to_owned())).collect(),
        strict: None,
    })
}

/// Runs one statement in a transaction of its own.
async fn run(
    driver: &QldbDriver<HttpTransport>,
    statement: &str,
    parameter: Option<&str>,
) -> Result<(), everstrand_driver::Error> {
    driver
        .execute(|transaction| async move {
            match parameter {
                Some(parameter) => transaction.execute(statement, parameter).await.map(drop),
                None => transaction.execute(statement, ()).await.map(drop),
            }
        })
        .await
}

/// Each operation says who, from where, on which ledger, and what became of it. A change stands there twice: when it begins, and with
/// its outcome. Tokens of pages, secrets, statements and parameters stand nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_says_who_did_what_and_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let (trail, keys) = (folder.path().join("trail"), folder.path().join("keys"));
    let profile = |id: &str| format!("[{id}]\naws_access_key_id = {id}\naws_secret_access_key = {PRIVATE}\n");
    fs::write(&keys, profile("ANN") + &profile("BOB")).expect("written");
    let (log, file) = (trail.display().to_string(), keys.display().to_string());
    let server = Server::in_memory(&["--access-keys", &file, "--audit-log", &log, "--audit-data-events"]);
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&fs::metadata(&trail).expect("a file")) & 0o777, 0o600);

    let (ann, bob) = (signed(&server, "ANN"), signed(&server, "BOB"));
    ann.control(&create("cars")).await.expect("created");
    // It is protected from deletion.
    let delete = ControlRequest::DeleteLedger(DeleteLedgerRequest { name: "cars".to_owned() });
    bob.control(&delete).await.expect_err("protected");
    let nowhere = ControlRequest::DescribeLedger(DescribeLedgerRequest { name: "nowhere".to_owned() });
    bob.control(&nowhere).await.expect_err("there is none");
    let page = ListLedgersRequest { max_results: Some(1), next_token: Some(PRIVATE.to_owned()) };
    let _ = bob.control(&ControlRequest::ListLedgers(page)).await;
    signed(&server, "NOBODY").control(&nowhere).await.expect_err("not a known key");

    let seen = events(&trail);
    let of = |name: &str| {
        let of: Vec<&Value> = seen.iter().filter(|event| event["eventName"] == name).collect();
        of
    };
    let [begun, created] = of("CreateLedger")[..] else { panic!("{seen:?}") };
    assert_eq!(begun["additionalEventData"]["stage"], "begun");
    assert_eq!(begun["requestID"], created["requestID"]);
    assert_ne!(begun["eventID"], created["eventID"]);
    for event in [begun, created] {
        assert_eq!(event["userIdentity"]["accessKeyId"], "ANN");
        assert_eq!(event["sourceIPAddress"], "127.0.0.1");
        assert_eq!(event["requestParameters"]["name"], "cars");
        assert_eq!(event["requestParameters"]["deletionProtection"], true);
        assert_eq!(event["resources"][0]["ARN"], "arn:aws:qldb:us-east-1:000000000000:ledger/cars");
        assert_eq!((&event["readOnly"], &event["managementEvent"]), (&false.into(), &true.into()));
        assert_eq!(
            (&event["errorCode"], &event["eventSource"]),
            (&Value::Null, &"qldb.amazonaws.com".into())
        );
        assert!(event["userAgent"].as_str().is_some_and(|agent| agent.starts_with("everstrand-driver")));
    }
    let [_, deleted] = of("DeleteLedger")[..] else { panic!("{seen:?}") };
    assert_eq!(deleted["userIdentity"]["accessKeyId"], "BOB");
    assert_eq!(deleted["errorCode"], "ResourcePreconditionNotMetException");
    let [described] = of("DescribeLedger")[..] else { panic!("a refused signature is no event: {seen:?}") };
    assert_eq!(
        (&described["errorCode"], &described["readOnly"]),
        (&"ResourceNotFoundException".into(), &true.into())
    );
    assert_eq!(of("ListLedgers").len(), 1);

    let driver: QldbDriver<HttpTransport> = QldbDriver::builder("cars").build_over(ann).expect("a driver");
    run(&driver, "CREATE TABLE T", None).await.expect("created");
    run(&driver, "INSERT INTO T VALUE { 'a': 1 }", None).await.expect("inserted");
    run(&driver, "SELECT * FROM T WHERE password = ?", Some(PRIVATE)).await.expect("selected");
    run(&driver, "SELECT * FROM T WHERE password = 'hunter2'", None).await.expect("selected");
    run(&driver, "SELEC hunter2", None).await.expect_err("no statement");
    driver.close().await;
    // The end of the server writes what waits.
    let (_, _, stderr) = tokio::task::block_in_place(|| server.terminate());
    let seen = events(&trail);
    let commands: Vec<&Value> = seen.iter().filter(|event| event["eventCategory"] == "Data").collect();
    let named =
        |name: &str| commands.iter().filter(|event| event["requestParameters"]["command"] == name).count();
    assert_eq!(
        (named("StartSession"), named("ExecuteStatement"), named("CommitTransaction")),
        (1, 5, 4),
        "{stderr}"
    );
    for event in &commands {
        assert_eq!(event["requestParameters"]["ledgerName"], "cars", "{event}");
        assert_eq!((&event["eventName"], &event["errorMessage"]), (&"SendCommand".into(), &Value::Null));
        assert!(event["requestParameters"].as_object().is_some_and(|members| members.len() <= 3), "{event}");
    }
    assert_eq!(commands.iter().filter(|event| event["errorCode"] == "BadRequestException").count(), 1);
}

/// SIGHUP opens the file by its name again, and no event is lost on the way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trail_that_is_renamed_goes_on_in_a_new_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (trail, old) = (folder.path().join("trail"), folder.path().join("trail.1"));
    let server = Server::in_memory(&["--audit-log", &trail.display().to_string()]);
    server.control(create("one")).await;
    fs::rename(&trail, &old).expect("renamed");
    server.control(create("two")).await;
    server.signal("HUP");
    until("the new file is there", async || trail.exists()).await;
    server.control(create("three")).await;
    let names = |file: &Path| -> Vec<Value> {
        events(file).iter().map(|event| event["requestParameters"]["name"].clone()).collect()
    };
    assert_eq!(names(&old), ["one", "one", "two", "two"]);
    assert_eq!(names(&trail), ["three", "three"]);
    assert_eq!(events(&trail)[0]["userIdentity"]["type"], "Unknown");
}

/// Where no line can be written, a control operation is refused and changes nothing; commands go on and are counted as lost.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_trail_no_control_operation_is_carried_out() {
    let server = Server::in_memory(&["--audit-log", "/dev/full", "--audit-data-events"]);
    let transport = server.transport();
    for operation in [
        create("cars"),
        ControlRequest::UpdateLedger(UpdateLedgerRequest {
            name: LEDGER.to_owned(),
            deletion_protection: Some(true),
            kms_key: None,
            strict: None,
        }),
        ControlRequest::ListLedgers(ListLedgersRequest::default()),
    ] {
        let error = transport.control(&operation).await.expect_err("refused").to_string();
        assert!(error.contains("The audit trail cannot be written"), "{error}");
    }
    run(&server.driver(), "CREATE TABLE T", None).await.expect("commands go on");
    let metrics = async || {
        let (_, metrics) = transport.get("/metrics").await.expect("numbers");
        String::from_utf8_lossy(&metrics).into_owned()
    };
    // The events of data are written, and so lost, some time after the answers.
    until("four lost events are counted", async || {
        let metrics = metrics().await;
        let lost = metrics.lines().find_map(|line| line.strip_prefix("everstrand_audit_events_lost_total "));
        lost.and_then(|lost| lost.parse::<u64>().ok()).is_some_and(|lost| lost >= 4)
    })
    .await;
    let metrics = metrics().await;
    assert!(metrics.contains("everstrand_audit_trail_writable 0"), "{metrics}");
    assert!(!metrics.contains("LedgerName=\"cars\""), "{metrics}");
    assert!(server.stderr().contains("the audit trail cannot be written"), "{}", server.stderr());
}

/// The same in a ledger, which a user of the driver reads and does not write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_in_a_ledger_is_read_and_not_written() {
    let server = Server::in_memory(&["--audit-ledger", "--audit-data-events"]);
    let transport = server.transport();
    transport.control(&create("cars")).await.expect("created");
    for name in ["cars", "everstrand-audit"] {
        let delete = ControlRequest::DeleteLedger(DeleteLedgerRequest { name: name.to_owned() });
        transport.control(&delete).await.expect_err("one is protected, the other is nobody's to delete");
    }
    let driver = QldbDriver::builder("everstrand-audit").build_over(transport).expect("a driver");
    let read = driver.execute(|transaction| async move {
        transaction.execute("SELECT VALUE eventName FROM audit_event", ()).await?.fetch_all().await
    });
    let rows = read.await.expect("rows");
    let mut events: Vec<_> =
        rows.iter().map(|row| row.to_value().as_text().expect("a name").to_owned()).collect();
    events.sort();
    assert_eq!(events, ["CreateLedger", "CreateLedger", "DeleteLedger", "DeleteLedger"]);
    run(&driver, "INSERT INTO audit_event VALUE {'a': 1}", None).await.expect_err("nobody writes it");
    run(&driver, "DELETE FROM audit_event", None).await.expect_err("nobody writes it");
    let (_, metrics) = server.transport().get("/metrics").await.expect("numbers");
    assert!(String::from_utf8_lossy(&metrics).contains("everstrand_audit_trail_writable 1"));
}

/// A file that cannot be opened stops the start.
#[test]
fn a_trail_that_cannot_be_opened_is_refused() {
    let mut command = crate::process::program();
    command.args(["serve", "--in-memory", "--audit-log", "/dev/null/trail"]);
    let (status, _, stderr) = crate::process::run_to_end(&mut command);
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("/dev/null/trail"), "{stderr}");
}
