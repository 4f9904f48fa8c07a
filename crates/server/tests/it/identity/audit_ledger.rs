//! The audit trail in a ledger: what stands there, who reads it, and that nobody writes it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everstrand_server::config::AuditLedger;

use super::*;

const AUDIT: &str = "everstrand-audit";

fn audited(data_events: bool) -> World {
    let mut config = Config::new(Storage::Memory);
    config.record_reads = true;
    config.audit_ledger = Some(AuditLedger { data_events });
    world_of(config)
}

impl World {
    /// The names of the events as a user reads them, sorted.
    async fn events(&self, by: &Credentials) -> Vec<String> {
        let session = self.session(by, AUDIT).await.expect("a session");
        let transaction = self.begin(by, &session).await;
        let statement = "SELECT VALUE e.eventName || ' ' || COALESCE(e.additionalEventData.stage, 'ended') \
                         FROM audit_event AS e ORDER BY e.eventTime, e.eventID";
        let ran = self.execute(by, &session, &transaction, statement).await.expect("rows");
        let values = ran["ExecuteStatement"]["FirstPage"]["Values"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| {
            let bytes = STANDARD.decode(value["IonBinary"].as_str().expect("Ion")).expect("Base64");
            let value = everstrand_ion::binary::read_one(&bytes).expect("Ion");
            value.as_text().expect("a text").to_owned()
        };
        let mut events: Vec<String> = values.iter().map(text).collect();
        events.sort();
        events
    }

    /// The first row of a statement.
    async fn row(&self, by: &Credentials, statement: &str) -> everstrand_ion::Value {
        let session = self.session(by, AUDIT).await.expect("a session");
        let transaction = self.begin(by, &session).await;
        let ran = self.execute(by, &session, &transaction, statement).await.expect("rows");
        let row = ran["ExecuteStatement"]["FirstPage"]["Values"][0]["IonBinary"].as_str().expect("a row");
        everstrand_ion::binary::read_one(&STANDARD.decode(row).expect("Base64")).expect("Ion")
    }

    async fn blocks(&self) -> u64 {
        let digest = self.control(&self.administrator, "POST", &format!("/ledgers/{AUDIT}/digest"), "").await;
        let tip = json(&digest)["DigestTipAddress"]["IonText"].as_str().expect("an address").to_owned();
        let tip = everstrand_ion::text::read_one(&tip).expect("Ion");
        u64::try_from(tip.get("sequenceNo").and_then(|number| number.as_i64()).expect("a number"))
            .expect("small")
    }
}

/// A change is there twice, before it begins and before it is answered; a reading operation once. Reading the ledger, and asking for its
/// digest, adds nothing, also where reads are recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_stand_in_a_ledger_that_does_not_log_itself() {
    let world = audited(false);
    world.prepare("bank", "ALLOW_ALL", &["CREATE TABLE t"]).await;
    world.control(&world.administrator, "GET", "/ledgers/bank", "").await;
    world.control(&world.administrator, "DELETE", "/ledgers/nowhere", "").await;
    let expected = [
        "CreateLedger begun",
        "CreateLedger ended",
        "DeleteLedger begun",
        "DeleteLedger ended",
        "DescribeLedger ended",
    ];
    assert_eq!(world.events(&world.administrator).await, expected);
    let blocks = world.blocks().await;
    assert_eq!(world.events(&world.administrator).await, expected);
    assert_eq!(world.blocks().await, blocks);
    let listed = world.control(&world.administrator, "GET", "/ledgers", "").await;
    assert!(String::from_utf8_lossy(&listed.body).contains(AUDIT), "who may list ledgers sees it");
    assert_eq!(world.blocks().await, blocks + 1, "to list all ledgers is an event");
}

/// The ledger takes no write of anybody, and no operation that changes it; policies say who reads it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_writes_the_audit_trail() {
    let world = audited(true);
    world.prepare("bank", "ALLOW_ALL", &[]).await;
    let everything = json!([allow(&["*"], &["*".to_owned()])]);
    let ann = world.user("ann", everything).await;
    let bob = world.user("bob", json!([allow(&["qldb:SendCommand"], &[arn("bank")])])).await;
    let revision =
        world.row(&ann, "SELECT blockAddress, metadata.id FROM _ql_committed_audit_event LIMIT 1").await;
    let table = world.row(&ann, "SELECT tableId FROM information_schema.user_tables").await;
    let named = |row: &everstrand_ion::Value, field| {
        row.get(field).and_then(|id| id.as_text()).expect("an id").to_owned()
    };
    let address = revision.get("blockAddress").expect("an address");
    let (table, id) = (named(&table, "tableId"), named(&revision, "id"));
    let redact = format!("EXEC REDACT_REVISION `{address}`, '{table}', '{id}'");
    for by in [&ann, &world.administrator] {
        assert_eq!(world.run(by, AUDIT, &redact).await, DENIED);
        for statement in [
            "INSERT INTO audit_event VALUE {'a': 1}",
            "UPDATE audit_event SET eventName = 'x'",
            "DELETE FROM audit_event",
            "DROP TABLE audit_event",
            "CREATE TABLE mine",
            "CREATE INDEX ON audit_event (eventName)",
        ] {
            let said = world.run(by, AUDIT, statement).await;
            assert_ne!(said, "ok", "{statement}");
        }
        assert_eq!(world.run(by, AUDIT, "INSERT INTO audit_event VALUE {'a': 1}").await, DENIED);
        assert_eq!(world.run(by, AUDIT, "SELECT * FROM audit_event").await, "ok");
        let tags = format!("/tags/{}", arn(AUDIT).replace(':', "%3A").replace('/', "%2F"));
        for (method, path, body) in [
            ("DELETE", format!("/ledgers/{AUDIT}"), ""),
            ("PATCH", format!("/ledgers/{AUDIT}"), r#"{"DeletionProtection": false}"#),
            ("PATCH", format!("/ledgers/{AUDIT}/permissions-mode"), r#"{"PermissionsMode": "ALLOW_ALL"}"#),
            ("POST", tags.clone(), r#"{"Tags": {"a": "b"}}"#),
            (
                "POST",
                "/ledgers".to_owned(),
                r#"{"Name": "everstrand-audit", "PermissionsMode": "ALLOW_ALL"}"#,
            ),
        ] {
            let refused = error(&world.control(by, method, &path, body).await);
            assert_eq!(refused.0, 403, "{method} {path}: {}", refused.2);
        }
        assert_eq!(world.control(by, "GET", &format!("/ledgers/{AUDIT}"), "").await.status, 200);
    }
    world.session(&bob, AUDIT).await.expect_err("no policy lets him");
    assert!(world.service.create_ledger_unless_it_exists(AUDIT).is_err());
    // An operator without users, in this process.
    let mut config = Config::new(Storage::Memory);
    config.audit_ledger = Some(AuditLedger { data_events: false });
    let service = Service::open(config).expect("a service");
    let delete = everstrand_protocol::control::ControlRequest::from_http(
        "DELETE",
        &format!("/ledgers/{AUDIT}"),
        "",
        b"",
    );
    assert!(service.control(delete.expect("a request")).is_err());
}

/// Commands are recorded if they are asked for, those on the audit trail itself excepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_stand_there_too_but_not_those_on_the_trail() {
    let world = audited(true);
    world.prepare("bank", "ALLOW_ALL", &["CREATE TABLE t"]).await;
    world.control(&world.administrator, "GET", "/ledgers/bank", "").await;
    let events = world.events(&world.administrator).await;
    let commands = events.iter().filter(|event| *event == "SendCommand ended").count();
    assert_eq!(
        commands, 4,
        "StartSession, StartTransaction, ExecuteStatement, CommitTransaction: {events:?}"
    );
    assert_eq!(world.events(&world.administrator).await, events);
}

/// Where the trail cannot be written, no operation is carried out, and commands are counted as lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_trail_operations_are_refused_and_commands_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config::new(Storage::Folder(folder.path().to_owned()));
    config.audit_ledger = Some(AuditLedger { data_events: true });
    // No event fits into such a transaction.
    config.limits.transaction_bytes = 300;
    let (service, _clock) = service_and_clock(config, 1);
    let create = br#"{"Name": "bank", "PermissionsMode": "ALLOW_ALL"}"#;
    let refused = error(&crate::send(&service, "POST", "/ledgers", None, create).await);
    assert_eq!((refused.0, refused.1.as_str()), (503, "ServiceUnavailable"), "{}", refused.2);
    assert!(refused.2.contains("nothing was changed"), "{}", refused.2);
    service.create_ledger_unless_it_exists("bank").expect("at the start");
    let start = br#"{"StartSession": {"LedgerName": "bank"}}"#;
    assert_eq!(crate::send(&service, "POST", "/", Some(SEND), start).await.status, 200);
    let wanted = "everstrand_audit_events_lost_total 1";
    let counted = async || {
        let metrics = crate::send(&service, "GET", "/metrics", None, b"").await;
        String::from_utf8(metrics.body).expect("text")
    };
    for _ in 0..500 {
        if counted().await.contains(wanted) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let metrics = counted().await;
    assert!(metrics.contains(wanted) && metrics.contains("everstrand_audit_trail_writable 0"), "{metrics}");
    service.close();
}

/// Changes of users, groups and policies stand there too, and no secret of a key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_users_stand_there_without_their_secrets() {
    let world = audited(true);
    let ann = world.user("ann", json!([allow(&["qldb:DescribeLedger"], &["*".to_owned()])])).await;
    world.administer(&IdentityRequest::ListUsers {}).await;
    let refused = IdentityRequest::RemoveUser { user_name: "admin".to_owned() };
    assert_eq!(world.post(&ann, ADMINISTER, &refused.to_json()).await.status, 403);
    let made = IdentityRequest::MakeTemporaryKey { duration_seconds: 900 };
    let made = credentials(
        IdentityReply::from_json(&world.post(&ann, ADMINISTER, &made.to_json()).await.body).expect("a key"),
    );
    let expected = [
        "AddUser begun",
        "AddUser ended",
        "ListUsers ended",
        "MakeTemporaryKey ended",
        "PutPolicy begun",
        "PutPolicy ended",
        "RemoveUser begun",
        "RemoveUser ended",
    ];
    assert_eq!(world.events(&world.administrator).await, expected);
    let session = world.session(&world.administrator, AUDIT).await.expect("a session");
    let transaction = world.begin(&world.administrator, &session).await;
    let all = world
        .execute(&world.administrator, &session, &transaction, "SELECT * FROM audit_event")
        .await
        .expect("rows");
    let mut text = String::new();
    for value in all["ExecuteStatement"]["FirstPage"]["Values"].as_array().expect("values") {
        let bytes = STANDARD.decode(value["IonBinary"].as_str().expect("Ion")).expect("Base64");
        text += &everstrand_ion::binary::read_one(&bytes).expect("Ion").to_string();
    }
    assert!(text.contains("AccessDenied") && text.contains("ann"), "{text}");
    for key in [&ann, &made] {
        assert!(!text.contains(&key.secret_access_key), "{text}");
        assert!(key.session_token.as_ref().is_none_or(|token| !text.contains(token)), "{text}");
    }
}

/// A revision of the ledger is proved as in any ledger, by who may ask for it and by nobody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_proved_by_a_digest_for_whom_policies_allow_it() {
    let world = audited(false);
    world.prepare("bank", "ALLOW_ALL", &[]).await;
    let auditor =
        world.user("auditor", json!([allow(&["qldb:*"], &[arn(AUDIT), arn(&format!("{AUDIT}/*"))])])).await;
    let other = world.user("other", json!([allow(&["qldb:*"], &[arn("bank"), arn("bank/*")])])).await;
    let statement = "SELECT blockAddress, metadata.id FROM _ql_committed_audit_event WHERE data.eventName = 'CreateLedger'";
    let row = world.row(&auditor, statement).await;
    let address = row.get("blockAddress").expect("an address").to_string();
    let id = row.get("id").and_then(|id| id.as_text()).expect("an id");
    let digest = json(&world.control(&auditor, "POST", &format!("/ledgers/{AUDIT}/digest"), "").await);
    let tip = digest["DigestTipAddress"]["IonText"].clone();
    let body =
        json!({"BlockAddress": {"IonText": address}, "DocumentId": id, "DigestTipAddress": {"IonText": tip}});
    let path = format!("/ledgers/{AUDIT}/revision");
    let proved = world.control(&auditor, "POST", &path, &body.to_string()).await;
    let proved = json(&proved);
    let read =
        |value: &Value| everstrand_ion::text::read_one(value["IonText"].as_str().expect("Ion")).expect("Ion");
    let hash = |value: &everstrand_ion::Value| {
        everstrand_journal::Hash(value.as_bytes().expect("a blob").try_into().expect("32 bytes"))
    };
    let revision = read(&proved["Revision"]);
    assert_eq!(revision.get("data").and_then(|data| data.get("eventName")?.as_text()), Some("CreateLedger"));
    let nodes = read(&proved["Proof"]).as_sequence().expect("hashes").iter().map(hash).collect();
    let root = everstrand_journal::Proof { nodes }.fold(hash(revision.get("hash").expect("a hash")));
    assert_eq!(STANDARD.encode(root.0), digest["Digest"].as_str().expect("Base64"));
    for path in [path, format!("/ledgers/{AUDIT}/digest")] {
        assert_eq!(world.control(&other, "POST", &path, &body.to_string()).await.status, 403, "{path}");
    }
}

/// Servers over one store write one trail. Each operation stands there once, by the server that carried it out.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_over_one_store_write_one_trail() {
    let store = Arc::new(everstrand_ledger::storage::MemoryStore::new());
    let server = || {
        let store = Arc::clone(&store) as _;
        let mut config = Config::new(Storage::Shared { store, cache: None });
        config.audit_ledger = Some(AuditLedger { data_events: false });
        Arc::new(Service::open(config).expect("a service"))
    };
    let servers = [server(), server(), server()];
    let create = |service: Arc<Service>, name: String| async move {
        let body = format!(r#"{{"Name": "{name}", "PermissionsMode": "ALLOW_ALL"}}"#);
        let created = crate::send(&service, "POST", "/ledgers", None, body.as_bytes()).await;
        assert_eq!(created.status, 200, "{}", String::from_utf8_lossy(&created.body));
    };
    let at_once =
        (0..12).map(|number| tokio::spawn(create(Arc::clone(&servers[number % 3]), format!("l{number}"))));
    for created in at_once.collect::<Vec<_>>() {
        created.await.expect("created");
    }
    let start = format!(r#"{{"StartSession": {{"LedgerName": "{AUDIT}"}}}}"#);
    for service in &servers {
        let send =
            async |body: String| json(&crate::send(service, "POST", "/", Some(SEND), body.as_bytes()).await);
        let session =
            send(start.clone()).await["StartSession"]["SessionToken"].as_str().expect("a token").to_owned();
        let begun = send(json!({"SessionToken": session, "StartTransaction": {}}).to_string()).await;
        let statement =
            "SELECT e.requestParameters.name FROM audit_event AS e WHERE e.eventName = 'CreateLedger'";
        let execute = json!({"TransactionId": begun["StartTransaction"]["TransactionId"], "Statement": statement, "Parameters": []});
        let ran = send(json!({"SessionToken": session, "ExecuteStatement": execute}).to_string()).await;
        let values = ran["ExecuteStatement"]["FirstPage"]["Values"].as_array().expect("values").clone();
        let distinct: std::collections::BTreeSet<String> = values.iter().map(Value::to_string).collect();
        assert_eq!((values.len(), distinct.len()), (24, 12), "begun and ended, each once");
    }
    for service in servers {
        service.close();
    }
}

/// The trail goes on after a restart, and a restart without the option leaves it as it is: still nobody writes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_outlives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut blocks = 0;
    for round in 0..3 {
        let mut config = Config::new(Storage::Folder(folder.path().to_owned()));
        config.audit_ledger = (round < 2).then_some(AuditLedger { data_events: false });
        let service = Service::open(config).expect("a service");
        let create = format!(r#"{{"Name": "bank{round}", "PermissionsMode": "ALLOW_ALL"}}"#);
        assert_eq!(crate::send(&service, "POST", "/ledgers", None, create.as_bytes()).await.status, 200);
        let delete = crate::send(&service, "DELETE", &format!("/ledgers/{AUDIT}"), None, b"").await;
        assert_eq!(delete.status, 403);
        let digest =
            json(&crate::send(&service, "POST", &format!("/ledgers/{AUDIT}/digest"), None, b"").await);
        let tip =
            everstrand_ion::text::read_one(digest["DigestTipAddress"]["IonText"].as_str().expect("Ion"))
                .expect("Ion");
        let tip = tip.get("sequenceNo").and_then(|number| number.as_i64()).expect("a number");
        assert_eq!(tip > blocks, round < 2, "round {round}");
        blocks = tip;
        service.close();
    }
}
