//! Ledgers whose data keys a key management service seals: it is named per ledger, it may take a key away, and it may be silent.

mod service;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everstrand_sealing::MasterKey;
use everstrand_server::config::{Config, Storage};
use everstrand_server::{KmsKeys, Request, Response, Service};
use serde_json::{Value, json};

use self::service::{Fault, KeyService, arn};

async fn send(service: &Service, method: &str, path: &str, target: Option<&str>, body: &[u8]) -> Response {
    let headers: Vec<(&str, &str)> = target.iter().map(|target| ("X-Amz-Target", *target)).collect();
    service.handle(Request { method, path, query: "", headers: &headers, body }).await
}

/// The status, the exception's name and the message of an answer.
fn error(response: &Response) -> (u16, String, String) {
    let body: Value = serde_json::from_slice(&response.body).expect("JSON");
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (response.status, text("__type"), text("Message"))
}

fn answer(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    serde_json::from_slice(&response.body).expect("JSON")
}

const HOUR: Duration = Duration::from_secs(3600);

fn open(folder: &Path, kms: Option<Arc<KmsKeys>>, master: Option<&MasterKey>) -> Arc<Service> {
    let mut config = Config::new(Storage::Folder(folder.to_owned()));
    config.kms = kms;
    config.master_key = master.cloned();
    Arc::new(Service::open(config).expect("a service"))
}

async fn control(service: &Service, method: &str, path: &str, body: &Value) -> Response {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(service, method, path, None, body.as_bytes()).await
}

async fn create(service: &Service, name: &str, key: &str) -> Response {
    let body =
        json!({"Name": name, "PermissionsMode": "ALLOW_ALL", "DeletionProtection": false, "KmsKey": key});
    control(service, "POST", "/ledgers", &body).await
}

async fn describe(service: &Service, name: &str) -> Value {
    answer(&control(service, "GET", &format!("/ledgers/{name}"), &Value::Null).await)["EncryptionDescription"]
        .clone()
}

async fn command(service: &Service, body: &Value) -> Response {
    send(service, "POST", "/", Some("QLDBSession.SendCommand"), body.to_string().as_bytes()).await
}

async fn start(service: &Service, name: &str) -> Response {
    command(service, &json!({"StartSession": {"LedgerName": name}})).await
}

/// Waits until sweeps of the service have brought a ledger to a status.
async fn wait_for(service: &Service, name: &str, status: &str) -> Value {
    let began = Instant::now();
    loop {
        service.sweep();
        tokio::time::sleep(Duration::from_millis(20)).await;
        let description = describe(service, name).await;
        if description["EncryptionStatus"] == status {
            return description;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "it is not {status}: {description}");
    }
}

/// Waits until a session can be started.
async fn wait_until_open(service: &Service, name: &str) {
    let began = Instant::now();
    while start(service, name).await.status != 200 {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not open again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn holds(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).any(|path| {
        match path.is_dir() {
            true => holds(&path, bytes),
            false => {
                let content = std::fs::read(&path).expect("a file");
                content.windows(bytes.len()).any(|window| window == bytes)
            }
        }
    })
}

#[tokio::test]
async fn a_ledger_is_created_under_a_key_and_opens_with_it_alone() {
    let (folder, kms) = (tempfile::tempdir().expect("a folder"), KeyService::start());
    let service = open(folder.path(), Some(kms.keys(HOUR)), None);
    let created = answer(&create(&service, "cars", "alias/first").await);
    assert_eq!(created["KmsKeyArn"], arn("one"));
    let expected = json!({"KmsKeyArn": arn("one"), "EncryptionStatus": "ENABLED"});
    assert_eq!(describe(&service, "cars").await, expected);
    assert_eq!(start(&service, "cars").await.status, 200);
    for wrong in ["three", "alias/none", &arn("three")] {
        let (status, exception, message) = error(&create(&service, "other", wrong).await);
        assert_eq!((status, exception.as_str()), (400, "InvalidParameterException"), "{message}");
    }
    // Ledgers without a key of their own have none, because there is no master key.
    assert_eq!(answer(&create(&service, "clear", "AWS_OWNED_KMS_KEY").await)["KmsKeyArn"], Value::Null);
    assert_eq!(describe(&service, "clear").await, Value::Null);
    service.close();
    for plaintext in kms.plaintexts() {
        assert!(!holds(folder.path(), &plaintext), "a data key lies in clear");
    }

    let service = open(folder.path(), None, None);
    let (status, _, message) = error(&start(&service, "cars").await);
    assert_eq!((status, message.contains("there is no KMS")), (503, true), "{message}");
    service.close();
    let service = open(folder.path(), Some(kms.keys(HOUR)), None);
    assert_eq!(start(&service, "cars").await.status, 200);
    let delete = control(&service, "DELETE", "/ledgers/cars", &Value::Null).await;
    assert_eq!(delete.status, 200);
    assert_eq!(std::fs::read_dir(folder.path().join("keys")).expect("a folder").count(), 0);
    service.close();
}

/// A key that was taken away impairs the ledger, whatever the reason, and the ledger recovers by itself.
#[tokio::test]
async fn a_denied_or_disabled_key_impairs_the_ledger_until_it_is_back() {
    let (folder, kms) = (tempfile::tempdir().expect("a folder"), KeyService::start());
    let service = open(folder.path(), Some(kms.keys(HOUR)), None);
    answer(&create(&service, "cars", "one").await);
    answer(&create(&service, "other", "two").await);
    let session = answer(&start(&service, "cars").await)["StartSession"]["SessionToken"].clone();
    let begin = json!({"SessionToken": session, "StartTransaction": {}});
    assert_eq!(command(&service, &begin).await.status, 200);
    for (state, fault) in
        [("Disabled", Fault::None), ("PendingDeletion", Fault::None), ("Enabled", Fault::Denied)]
    {
        kms.set_state("one", state);
        kms.fail(fault);
        let description = wait_for(&service, "cars", "KMS_KEY_INACCESSIBLE").await;
        assert!(description["InaccessibleKmsKeyDateTime"].as_f64().is_some_and(|time| time > 1.7e9));
        // The session ends, a new one gets the reason, and so does the control API.
        let began = Instant::now();
        while error(&command(&service, &begin).await).1 != "InvalidSessionException" {
            assert!(began.elapsed() < Duration::from_secs(5), "the session goes on");
        }
        let (status, exception, message) = error(&start(&service, "cars").await);
        assert_eq!((status, exception.as_str()), (503, "ServiceUnavailable"), "{message}");
        assert!(message.contains("its KMS key") && message.contains("is inaccessible"), "{message}");
        let digest = error(&control(&service, "POST", "/ledgers/cars/digest", &Value::Null).await);
        assert_eq!(digest.0, 503, "{digest:?}");
        if fault == Fault::None {
            assert_eq!(start(&service, "other").await.status, 200, "another key is another matter");
        }
        kms.set_state("one", "Enabled");
        kms.fail(Fault::None);
        let description = wait_for(&service, "cars", "ENABLED").await;
        assert_eq!(description["InaccessibleKmsKeyDateTime"], Value::Null);
        wait_until_open(&service, "cars").await;
    }
    service.close();
}

/// A service that does not answer says nothing about a key: the ledger goes on until the grace is over.
#[tokio::test]
async fn a_silent_service_impairs_nothing_until_the_grace_is_over() {
    for fault in [Fault::Broken, Fault::Proxy, Fault::Silent, Fault::Slow] {
        let (folder, kms) = (tempfile::tempdir().expect("a folder"), KeyService::start());
        let service = open(folder.path(), Some(kms.keys(HOUR)), None);
        answer(&create(&service, "cars", "one").await);
        kms.fail(fault);
        for _ in 0..20 {
            service.sweep();
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(start(&service, "cars").await.status, 200, "{fault:?}");
        }
        assert_eq!(describe(&service, "cars").await["EncryptionStatus"], "ENABLED", "{fault:?}");
        service.close();

        // With a short grace the same ledger is impaired, and recovers.
        kms.fail(Fault::None);
        let service = open(folder.path(), Some(kms.keys(Duration::from_millis(300))), None);
        assert_eq!(start(&service, "cars").await.status, 200);
        kms.fail(fault);
        wait_for(&service, "cars", "KMS_KEY_INACCESSIBLE").await;
        kms.fail(Fault::None);
        wait_for(&service, "cars", "ENABLED").await;
        wait_until_open(&service, "cars").await;
        service.close();
    }
}

#[tokio::test]
async fn another_key_seals_the_data_key_again_and_rewrites_no_data() {
    let (folder, kms) = (tempfile::tempdir().expect("a folder"), KeyService::start());
    let master = MasterKey::random();
    let service = open(folder.path(), Some(kms.keys(HOUR)), Some(&master));
    answer(&create(&service, "cars", "one").await);
    assert_eq!(start(&service, "cars").await.status, 200);
    let keys = || std::fs::read_dir(folder.path().join("keys")).expect("a folder").count();
    let update = async |key: &str| control(&service, "PATCH", "/ledgers/cars", &json!({"KmsKey": key})).await;
    let updated = answer(&update("two").await);
    let expected = json!({"KmsKeyArn": arn("two"), "EncryptionStatus": "UPDATING"});
    assert_eq!((updated["EncryptionDescription"].clone(), keys()), (expected, 2));
    let expected = json!({"KmsKeyArn": arn("two"), "EncryptionStatus": "ENABLED"});
    assert_eq!(describe(&service, "cars").await, expected);
    // The first key is not needed any more, and all sealed forms hold one data key.
    kms.set_state("one", "Disabled");
    let plaintexts = kms.plaintexts();
    assert_eq!((plaintexts.len(), plaintexts[0] == plaintexts[1]), (2, true));
    for _ in 0..10 {
        service.sweep();
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(start(&service, "cars").await.status, 200);
    }
    let (status, exception, _) = error(&update("one").await);
    assert_eq!((status, exception.as_str()), (400, "InvalidParameterException"));
    // Back to the service's own key, and the KMS is asked no more.
    assert_eq!(
        answer(&update("AWS_OWNED_KMS_KEY").await)["EncryptionDescription"]["KmsKeyArn"],
        "AWS_OWNED_KMS_KEY"
    );
    service.close();
    let service = open(folder.path(), None, Some(&master));
    assert_eq!(start(&service, "cars").await.status, 200);
    service.close();
    let service = open(folder.path(), Some(kms.keys(HOUR)), None);
    let (_, _, message) = error(&start(&service, "cars").await);
    assert!(message.contains("there is no master key"), "{message}");
    service.close();
}

/// A ledger in clear gets no key by a request, and a server without a KMS takes none.
#[tokio::test]
async fn a_key_that_would_protect_nothing_is_refused() {
    let (folder, kms) = (tempfile::tempdir().expect("a folder"), KeyService::start());
    let service = open(folder.path(), Some(kms.keys(HOUR)), None);
    answer(&create(&service, "clear", "").await);
    let refused = control(&service, "PATCH", "/ledgers/clear", &json!({"KmsKey": "one"})).await;
    let (status, exception, message) = error(&refused);
    assert_eq!((status, exception.as_str()), (400, "InvalidParameterException"));
    assert!(message.contains("lies in clear"), "{message}");
    service.close();
    let service = open(folder.path(), None, None);
    let (status, exception, message) = error(&create(&service, "cars", "one").await);
    assert_eq!((status, exception.as_str()), (400, "InvalidParameterException"));
    assert!(message.contains("no KMS"), "{message}");
    service.close();
    let mut config = Config::new(Storage::Memory);
    config.kms = Some(kms.keys(HOUR));
    let service = Service::open(config).expect("a service");
    let (_, _, message) = error(&create(&service, "cars", "one").await);
    assert!(message.contains("in memory are not encrypted"), "{message}");
}

/// The service binds a data key to its ledger, and takes our signatures alone.
#[tokio::test]
async fn a_swapped_data_key_and_a_wrong_secret_are_refused() {
    let (folder, kms) = (tempfile::tempdir().expect("a folder"), KeyService::start());
    let service = open(folder.path(), Some(kms.keys(HOUR)), None);
    answer(&create(&service, "cars", "one").await);
    answer(&create(&service, "boats", "one").await);
    service.close();
    let keys = folder.path().join("keys");
    let mut files: Vec<_> =
        std::fs::read_dir(&keys).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let contents: Vec<_> = files.iter().map(|file| std::fs::read(file).expect("a key")).collect();
    std::fs::write(&files[0], &contents[1]).expect("written");
    std::fs::write(&files[1], &contents[0]).expect("written");
    let service = open(folder.path(), Some(kms.keys(HOUR)), None);
    let (status, _, message) = error(&start(&service, "cars").await);
    assert_eq!((status, message.contains("damaged, or another ledger's")), (503, true), "{message}");
    service.close();
    for (file, content) in files.iter().zip(&contents) {
        std::fs::write(file, content).expect("written");
    }
    let wrong = KmsKeys::new(kms.client("another secret"), Duration::from_millis(20), HOUR);
    let service = open(folder.path(), Some(Arc::new(wrong)), None);
    let (status, _, message) = error(&start(&service, "cars").await);
    assert_eq!((status, message.contains("InvalidSignatureException")), (503, true), "{message}");
    service.close();
    assert!(kms.asked("Decrypt") > 0 && kms.asked("DescribeKey") == 2 && kms.asked("Encrypt") == 2);
}
