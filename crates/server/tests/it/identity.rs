//! Users, their keys and what policies let them do, over signed requests.

use std::sync::Arc;

use everstrand_ledger::storage::MemoryStore;
use everstrand_ledger::{Environment, ManualClock, SeededIds};
use everstrand_protocol::identity::{IdentityReply, IdentityRequest, PolicyOwner};
use everstrand_protocol::signature::{AmzDate, Credentials, SignedParts, Signer};
use everstrand_server::config::{Config, Storage};
use everstrand_server::{Client, MasterKey, Request, Response, Service};
use serde_json::{Value, json};

use super::{error, json, service_and_clock};

const SEND: &str = "QLDBSession.SendCommand";
const ADMINISTER: &str = "EverstrandIdentity.Administer";
const OUTCOME: &str = "EverstrandSession.GetTransactionOutcome";
const DENIED: &str = "Access denied. Unable to run the statement due to insufficient permissions or an improper variable reference";

/// A service with users, and its clock.
struct World {
    service: Service,
    clock: Arc<ManualClock>,
    administrator: Credentials,
}

fn credentials(reply: IdentityReply) -> Credentials {
    match reply {
        IdentityReply::Key { access_key_id, secret_access_key, .. } => {
            Credentials { access_key_id, secret_access_key, session_token: None }
        }
        IdentityReply::TemporaryKey { access_key_id, secret_access_key, session_token, .. } => {
            Credentials { access_key_id, secret_access_key, session_token: Some(session_token) }
        }
        other => panic!("no key: {other:?}"),
    }
}

fn world() -> World {
    let mut config = Config::new(Storage::Memory);
    config.users_key = Some(MasterKey::random());
    config.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
    let (service, clock) = service_and_clock(config, 1);
    let administrator = credentials(service.create_users("admin", None).expect("an administrator"));
    World { service, clock, administrator }
}

impl World {
    fn sign<'a>(
        &self,
        by: &Credentials,
        method: &'a str,
        path: &'a str,
        headers: Vec<(&'static str, String)>,
        body: &'a [u8],
    ) -> Vec<(&'static str, String)> {
        let mut headers = headers;
        headers.push(("Host", "127.0.0.1".to_owned()));
        let named: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let parts = SignedParts { method, path, query: "", headers: &named, body };
        let now = everstrand_ledger::Clock::unix_millis(&*self.clock).div_euclid(1000);
        let added = Signer::new(by.clone(), "eu-central-1").sign(&parts, AmzDate::from_unix_seconds(now));
        headers.extend(added);
        headers
    }

    async fn post(&self, by: &Credentials, target: &str, body: &[u8]) -> Response {
        let headers = self.sign(by, "POST", "/", vec![("X-Amz-Target", target.to_owned())], body);
        self.send("POST", "/", &headers, body).await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> Response {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.service.handle(Request { method, path, query: "", headers: &headers, body }).await
    }

    async fn control(&self, by: &Credentials, method: &str, path: &str, body: &str) -> Response {
        let headers = self.sign(by, method, path, Vec::new(), body.as_bytes());
        self.send(method, path, &headers, body.as_bytes()).await
    }

    async fn administer(&self, request: &IdentityRequest) -> IdentityReply {
        let response = self.post(&self.administrator, ADMINISTER, &request.to_json()).await;
        let shown = String::from_utf8_lossy(&response.body).into_owned();
        IdentityReply::from_json(&response.body).unwrap_or_else(|_| panic!("{shown}"))
    }

    /// A user with one policy of the user's name.
    async fn user(&self, name: &str, statements: Value) -> Credentials {
        self.policy(name, statements).await;
        let request = IdentityRequest::AddUser {
            user_name: name.to_owned(),
            groups: Vec::new(),
            policies: vec![name.to_owned()],
            tags: Default::default(),
        };
        credentials(self.administer(&request).await)
    }

    async fn policy(&self, name: &str, statements: Value) {
        let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let request = IdentityRequest::PutPolicy { policy_name: name.to_owned(), document };
        assert_eq!(self.administer(&request).await, IdentityReply::Done {});
    }

    async fn command(&self, by: &Credentials, command: Value) -> Result<Value, (u16, String, String)> {
        let response = self.post(by, SEND, command.to_string().as_bytes()).await;
        if response.status == 200 { Ok(json(&response)) } else { Err(error(&response)) }
    }

    async fn session(&self, by: &Credentials, ledger: &str) -> Result<String, (u16, String, String)> {
        let started = self.command(by, json!({"StartSession": {"LedgerName": ledger}})).await?;
        Ok(started["StartSession"]["SessionToken"].as_str().expect("a token").to_owned())
    }

    async fn begin(&self, by: &Credentials, session: &str) -> String {
        let begun = self.command(by, json!({"SessionToken": session, "StartTransaction": {}})).await;
        begun.expect("a transaction")["StartTransaction"]["TransactionId"].as_str().expect("an id").to_owned()
    }

    async fn execute(
        &self,
        by: &Credentials,
        session: &str,
        transaction: &str,
        statement: &str,
    ) -> Result<Value, (u16, String, String)> {
        let execute = json!({"TransactionId": transaction, "Statement": statement, "Parameters": []});
        self.command(by, json!({"SessionToken": session, "ExecuteStatement": execute})).await
    }

    /// The message of one statement in a transaction of its own, which is then given up; `ok` if it ran.
    async fn run(&self, by: &Credentials, ledger: &str, statement: &str) -> String {
        let session = self.session(by, ledger).await.expect("a session");
        let transaction = self.begin(by, &session).await;
        let ran = self.execute(by, &session, &transaction, statement).await;
        self.command(by, json!({"SessionToken": session, "EndSession": {}})).await.expect("an end");
        ran.map_or_else(|(_, _, message)| message, |_| "ok".to_owned())
    }

    /// Runs statements and commits them, as the operator of the process.
    async fn prepare(&self, ledger: &str, mode: &str, statements: &[&str]) -> Vec<String> {
        let create =
            format!(r#"{{"Name": "{ledger}", "PermissionsMode": "{mode}", "DeletionProtection": false}}"#);
        let created = self.control(&self.administrator, "POST", "/ledgers", &create).await;
        assert_eq!(created.status, 200, "{}", String::from_utf8_lossy(&created.body));
        let by = &self.administrator;
        let session = self.session(by, ledger).await.expect("a session");
        let mut ids = Vec::new();
        for statement in statements {
            let transaction = self.begin(by, &session).await;
            let ran = self.execute(by, &session, &transaction, statement).await.expect("a statement");
            let page =
                ran["ExecuteStatement"]["FirstPage"]["Values"][0]["IonBinary"].as_str().unwrap_or_default();
            let bytes =
                base64::Engine::decode(&base64::engine::general_purpose::STANDARD, page).expect("Base64");
            let row = everstrand_ion::Document::from_binary(&bytes).map(|row| row.to_value());
            let id = row.ok().and_then(|row| {
                let id = row.get("tableId").or_else(|| row.get("documentId"))?;
                id.as_text().map(str::to_owned)
            });
            ids.push(id.unwrap_or_default());
            let digest = self.service_digest(&transaction, statement);
            let commit = json!({"TransactionId": transaction, "CommitDigest": digest});
            self.command(by, json!({"SessionToken": session, "CommitTransaction": commit}))
                .await
                .expect("a commit");
        }
        ids
    }

    fn service_digest(&self, transaction: &str, statement: &str) -> String {
        let mut digest = everstrand_journal::CommitDigest::new(transaction.parse().expect("an id"));
        digest.add(everstrand_journal::statement_digest(statement, &[]));
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest.value().0)
    }
}

fn arn(rest: &str) -> String {
    format!("arn:aws:qldb:us-east-1:000000000000:ledger/{rest}")
}

fn allow(actions: &[&str], resources: &[String]) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resources})
}

/// Statements on the tables Own (documents with a unique key k) and Other, with the actions on Own that each needs. The user may send
/// commands and nothing else. `*` stands for table/*, `catalog` for the catalog.
const NEEDS: &[(&str, &[&str])] = &[
    ("SELECT * FROM Own", &["PartiQLSelect"]),
    ("SELECT o.k FROM Own AS o WHERE o.k = 1", &["PartiQLSelect"]),
    ("SELECT 1 AS one FROM Own AS o, Own AS p WHERE o.k = p.k", &["PartiQLSelect"]),
    ("SELECT VALUE (SELECT VALUE o.k FROM Own AS o) FROM << 1 >> AS x", &["PartiQLSelect"]),
    ("SELECT x FROM << 1 >> AS x WHERE EXISTS (SELECT 1 FROM Own)", &["PartiQLSelect"]),
    ("WITH w AS (SELECT * FROM Own) SELECT * FROM w", &["PartiQLSelect"]),
    ("SELECT k FROM Own UNION SELECT k FROM Own", &["PartiQLSelect"]),
    ("EXPLAIN SELECT * FROM Own", &["PartiQLSelect"]),
    ("EXPLAIN ANALYZE SELECT * FROM Own", &["PartiQLSelect"]),
    ("SELECT * FROM _ql_committed_Own", &["PartiQLSelect"]),
    ("SELECT * FROM history(Own)", &["PartiQLSelect", "PartiQLHistoryFunction"]),
    ("SELECT * FROM Own AS OF 1", &["PartiQLSelect", "PartiQLHistoryFunction"]),
    ("SELECT * FROM _ql_committed_Own AS OF 2", &["PartiQLSelect", "PartiQLHistoryFunction"]),
    ("SELECT * FROM DIFF(Own, AS OF 1)", &["PartiQLSelect", "PartiQLHistoryFunction"]),
    ("INSERT INTO Own VALUE {'k': 9}", &["PartiQLInsert"]),
    ("INSERT INTO Own << {'k': 9}, {'k': 10} >>", &["PartiQLInsert"]),
    ("EXPLAIN INSERT INTO Own VALUE {'k': 9}", &["PartiQLInsert"]),
    ("INSERT INTO Own VALUE {'k': 1} ON CONFLICT DO NOTHING", &["PartiQLInsert"]),
    (
        "INSERT INTO Own VALUE {'k': 1} ON CONFLICT DO REPLACE",
        &["PartiQLInsert", "PartiQLUpdate", "PartiQLSelect"],
    ),
    ("INSERT INTO Own SELECT 7 AS k FROM Own AS o LIMIT 1", &["PartiQLInsert", "PartiQLSelect"]),
    ("UPDATE Own SET a = 1", &["PartiQLUpdate", "PartiQLSelect"]),
    ("UPDATE Own AS o SET o.a = 1 WHERE o.k = 77", &["PartiQLUpdate", "PartiQLSelect"]),
    ("FROM Own AS o WHERE o.k = 1 SET o.a = 1", &["PartiQLUpdate", "PartiQLSelect"]),
    ("FROM Own AS o WHERE o.k = 1 REMOVE o.a", &["PartiQLUpdate", "PartiQLSelect"]),
    ("FROM Own AS o WHERE o.k = 1 INSERT INTO o VALUE 1 AT 'b'", &["PartiQLUpdate", "PartiQLSelect"]),
    ("DELETE FROM Own AS o WHERE o.k = 77", &["PartiQLDelete", "PartiQLSelect"]),
    ("CREATE INDEX ON Own (b)", &["PartiQLCreateIndex"]),
    ("CREATE INDEX fresh ON Own (b)", &["PartiQLCreateIndex"]),
    ("DROP INDEX named ON Own", &["PartiQLDropIndex"]),
    ("DROP INDEX named", &["PartiQLDropIndex"]),
    ("DROP TABLE Own", &["PartiQLDropTable"]),
    ("CREATE TABLE Fresh", &["*PartiQLCreateTable"]),
    ("CREATE TABLE Fresh WITH (aws_tags = {'a': 'b'})", &["*PartiQLCreateTable", "*TagResource"]),
    ("SELECT * FROM information_schema.user_tables", &["catalogPartiQLSelect"]),
];

fn grant(needs: &[&str], table: &str) -> Value {
    let statement = |need: &&str| {
        let (action, resource) = match (need.strip_prefix('*'), need.strip_prefix("catalog")) {
            (Some(action), _) => (action, arn("bank/table/*")),
            (_, Some(action)) => (action, arn("bank/information_schema/user_tables")),
            _ => (*need, arn(&format!("bank/table/{table}"))),
        };
        allow(&[&format!("qldb:{action}")], &[resource])
    };
    let mut statements = vec![allow(&["qldb:SendCommand"], &[arn("bank")])];
    statements.extend(needs.iter().map(statement));
    Value::from(statements)
}

async fn bank(world: &World) -> Vec<String> {
    world
        .prepare(
            "bank",
            "STANDARD",
            &[
                "CREATE TABLE Own",
                "CREATE UNIQUE INDEX ON Own (k)",
                "CREATE INDEX named ON Own (a)",
                "CREATE TABLE Other",
                "CREATE TABLE Dropped",
                "INSERT INTO Own << {'k': 1, 'a': 0}, {'k': 2, 'a': 0} >>",
                "INSERT INTO Other VALUE {'secret': 1}",
                "DROP TABLE Dropped",
            ],
        )
        .await
}

#[tokio::test]
async fn each_statement_needs_its_actions_and_each_of_them() {
    let world = world();
    let ids = bank(&world).await;
    let user = world.user("teller", grant(&[], "none")).await;
    for (statement, needs) in NEEDS {
        world.policy("teller", grant(needs, &ids[0])).await;
        assert_eq!(world.run(&user, "bank", statement).await, "ok", "{statement} with {needs:?}");
        for missing in *needs {
            let others: Vec<&str> = needs.iter().copied().filter(|need| need != missing).collect();
            world.policy("teller", grant(&others, &ids[0])).await;
            let message = world.run(&user, "bank", statement).await;
            let hidden =
                message == DENIED || message.contains("There is no index with id named on any table");
            assert!(hidden, "{statement} without {missing}: {message}");
        }
    }
    // The same rights on another table are of no use.
    for (statement, needs) in NEEDS.iter().filter(|(statement, _)| statement.contains("Own")) {
        world.policy("teller", grant(needs, &ids[3])).await;
        let message = world.run(&user, "bank", statement).await;
        assert_ne!(message, "ok", "{statement} with rights on another table");
    }
}

#[tokio::test]
async fn a_forbidden_table_and_a_missing_one_are_answered_alike() {
    let world = world();
    let ids = bank(&world).await;
    let (own, other, dropped) = (&ids[0], &ids[3], &ids[4]);
    let everything_on_own = [
        "PartiQLSelect",
        "PartiQLInsert",
        "PartiQLUpdate",
        "PartiQLDelete",
        "PartiQLHistoryFunction",
        "PartiQLDropTable",
        "PartiQLUndropTable",
        "PartiQLCreateIndex",
        "PartiQLDropIndex",
        "PartiQLRedact",
    ];
    let user = world.user("teller", grant(&everything_on_own, own)).await;
    let nobody = "0".repeat(21) + "1";
    for statement in [
        "SELECT * FROM {}",
        "SELECT * FROM _ql_committed_{}",
        "SELECT * FROM history({})",
        "SELECT * FROM {} AS OF 4",
        "SELECT * FROM DIFF({}, AS OF 1)",
        "SELECT * FROM Own AS o, {} AS p",
        "SELECT * FROM Own AS o WHERE o.k IN (SELECT VALUE p.secret FROM {} AS p)",
        "EXPLAIN SELECT * FROM {}",
        "INSERT INTO {} VALUE {'a': 1}",
        "UPDATE {} SET a = 1",
        "DELETE FROM {}",
        "DROP TABLE {}",
        "CREATE INDEX ON {} (a)",
        "SELECT {} FROM Own AS o, Own AS p",
        "SELECT * FROM Own AS o, Own AS p WHERE {} = 1",
    ] {
        let with = |name: &str| statement.replacen("{}", name, 1);
        let forbidden = world.run(&user, "bank", &with("Other")).await;
        let missing = world.run(&user, "bank", &with("Othes")).await;
        assert_eq!(forbidden, missing.replace("Othes", "Other"), "{statement}");
        assert!(forbidden == DENIED, "{statement}: {forbidden}");
    }
    for statement in ["UNDROP TABLE \"{}\"", "SELECT * FROM history('{}')"] {
        let forbidden = world.run(&user, "bank", &statement.replace("{}", dropped)).await;
        let missing = world.run(&user, "bank", &statement.replace("{}", &nobody)).await;
        assert_eq!(forbidden.replace(dropped, "ID"), missing.replace(&nobody, "ID"), "{statement}");
        assert_ne!(forbidden, "ok");
    }
    let redact = |table: &str| {
        format!("EXEC REDACT_REVISION `{{strandId: \"{nobody}\", sequenceNo: 7}}`, '{table}', '{nobody}'")
    };
    let forbidden = world.run(&user, "bank", &redact(other)).await;
    assert_eq!(
        forbidden.replace(other, "ID"),
        world.run(&user, "bank", &redact(&nobody)).await.replace(&nobody, "ID")
    );
    // A name in another case is not suggested.
    assert!(!world.run(&user, "bank", "SELECT * FROM other").await.contains("Other"));
    assert_eq!(
        world.run(&user, "bank", "DROP TABLE IF EXISTS Other").await,
        "ok",
        "for him it does not exist"
    );
    // Who may read the catalog is told what is missing.
    let mut needs = everything_on_own.to_vec();
    needs.push("catalogPartiQLSelect");
    world.policy("teller", grant(&needs, own)).await;
    assert!(world.run(&user, "bank", "SELECT * FROM Othes").await.contains("No such variable named 'Othes'"));
}

#[tokio::test]
async fn plans_are_shared_and_decisions_are_not() {
    let world = world();
    let ids = bank(&world).await;
    let user = world.user("teller", grant(&[], "none")).await;
    let statement = "SELECT * FROM Own";
    for _ in 0..3 {
        assert_eq!(world.run(&world.administrator, "bank", statement).await, "ok");
    }
    assert_eq!(world.run(&user, "bank", statement).await, DENIED);
    let session = world.session(&user, "bank").await.expect("a session");
    let transaction = world.begin(&user, &session).await;
    for allowed in [false, true, false] {
        let needs: &[&str] = if allowed { &["PartiQLSelect"] } else { &[] };
        world.policy("teller", grant(needs, &ids[0])).await;
        let ran = world.execute(&user, &session, &transaction, statement).await;
        assert_eq!(ran.is_ok(), allowed, "{ran:?}");
    }
    // Without SendCommand the open session is of no use, except to end it.
    world.policy("teller", json!([])).await;
    let (status, name, _) =
        world.execute(&user, &session, &transaction, statement).await.expect_err("denied");
    assert_eq!((status, name.as_str()), (403, "AccessDeniedException"));
    assert!(world.command(&user, json!({"SessionToken": session, "EndSession": {}})).await.is_ok());
}

#[tokio::test]
async fn in_the_mode_allow_all_send_command_suffices() {
    let world = world();
    world.prepare("open", "ALLOW_ALL", &["CREATE TABLE T", "INSERT INTO T VALUE {'a': 1}"]).await;
    let user = world.user("teller", json!([allow(&["qldb:SendCommand"], &[arn("open")])])).await;
    assert_eq!(world.run(&user, "open", "SELECT * FROM T").await, "ok");
    assert!(
        world.run(&user, "open", "SELECT * FROM Nowhere").await.contains("No such variable named 'Nowhere'")
    );
    let body = r#"{"PermissionsMode": "STANDARD"}"#;
    let changed = world.control(&world.administrator, "PATCH", "/ledgers/open/permissions-mode", body).await;
    assert_eq!(changed.status, 200);
    assert_eq!(world.run(&user, "open", "SELECT * FROM T").await, DENIED);
}

#[tokio::test]
async fn control_operations_need_their_actions_and_a_denial_comes_before_anything_is_looked_up() {
    let world = world();
    world.prepare("bank", "STANDARD", &[]).await;
    let user = world.user("auditor", json!([])).await;
    let id = "0".repeat(22);
    let block = r#"{"BlockAddress": {"IonText": "{strandId: \"0000000000000000000000\", sequenceNo: 0}"}}"#;
    let proof = r#"{"OldDigestTipAddress": {"IonText": "{}"}, "DigestTipAddress": {"IonText": "{}"}}"#;
    let revision = format!(
        r#"{{"BlockAddress": {{"IonText": "{{strandId: \"{id}\", sequenceNo: 0}}"}}, "DocumentId": "{id}"}}"#
    );
    let tags = "/tags/arn%3Aaws%3Aqldb%3Aeu-west-1%3A123456789012%3Aledger%2Fbank";
    for (action, method, path, body) in [
        ("CreateLedger", "POST", "/ledgers", r#"{"Name": "bank", "PermissionsMode": "STANDARD"}"#),
        ("DescribeLedger", "GET", "/ledgers/bank", ""),
        ("ListLedgers", "GET", "/ledgers", ""),
        ("UpdateLedger", "PATCH", "/ledgers/bank", "{}"),
        (
            "UpdateLedgerPermissionsMode",
            "PATCH",
            "/ledgers/bank/permissions-mode",
            r#"{"PermissionsMode": "STANDARD"}"#,
        ),
        ("GetDigest", "POST", "/ledgers/bank/digest", ""),
        ("GetBlock", "POST", "/ledgers/bank/block", block),
        ("GetRevision", "POST", "/ledgers/bank/revision", &revision),
        ("GetConsistencyProof", "POST", "/ledgers/bank/consistency-proof", proof),
        ("TagResource", "POST", tags, r#"{"Tags": {"a": "b"}}"#),
        ("ListTagsForResource", "GET", tags, ""),
        ("ListJournalS3Exports", "GET", "/journal-s3-exports", ""),
        ("ListJournalS3ExportsForLedger", "GET", "/ledgers/bank/journal-s3-exports", ""),
        ("ListJournalKinesisStreamsForLedger", "GET", "/ledgers/bank/journal-kinesis-streams", ""),
        ("DeleteLedger", "DELETE", "/ledgers/bank", ""),
    ] {
        world.policy("auditor", json!([allow(&["qldb:*"], &[arn("other"), arn("other/*")])])).await;
        let (status, name, message) = error(&world.control(&user, method, path, body).await);
        assert_eq!((status, name.as_str()), (403, "AccessDeniedException"), "{action}: {message}");
        assert!(
            message
                .contains(&format!("user/auditor is not authorized to perform: qldb:{action} on resource: ")),
            "{message}"
        );
        world.policy("auditor", json!([allow(&[&format!("qldb:{action}")], &["*".to_owned()])])).await;
        let answer = world.control(&user, method, path, body).await;
        let denied = answer.status == 403 || String::from_utf8_lossy(&answer.body).contains("not authorized");
        assert!(!denied, "{action}: {}", String::from_utf8_lossy(&answer.body));
    }
    let denied = |ledger: &'static str| {
        let world = &world;
        let user = &user;
        async move { world.session(user, ledger).await.expect_err("denied").2.replace(ledger, "LEDGER") }
    };
    world.policy("auditor", json!([])).await;
    assert_eq!(denied("bank").await, denied("nowhere").await);
}

#[tokio::test]
async fn sessions_and_outcomes_answer_only_their_principal() {
    let world = world();
    let ids = bank(&world).await;
    let ann = world.user("ann", grant(&["PartiQLSelect"], &ids[0])).await;
    let bob = world.user("bob", grant(&["PartiQLSelect"], &ids[0])).await;
    let session = world.session(&ann, "bank").await.expect("a session");
    let transaction = world.begin(&ann, &session).await;
    for other in [&bob, &world.administrator] {
        let refused = world.execute(other, &session, &transaction, "SELECT * FROM Own").await;
        assert_eq!(refused.expect_err("not his").2, "No such session");
        let ended = world.command(other, json!({"SessionToken": session, "EndSession": {}})).await;
        assert_eq!(ended.expect_err("not his").2, "No such session");
    }
    let asked = json!({"SessionToken": session, "TransactionId": transaction}).to_string();
    let refused = error(&world.post(&bob, OUTCOME, asked.as_bytes()).await);
    assert_eq!(refused.2, "No such session");
    world.policy("bob", json!([allow(&["qldb:GetTransactionOutcome"], &[arn("bank")])])).await;
    assert_eq!(world.post(&bob, OUTCOME, asked.as_bytes()).await.status, 200, "it is an action of its own");
    assert!(world.execute(&ann, &session, &transaction, "SELECT * FROM Own").await.is_ok(), "hers");
    // A new key of the same user is the same principal.
    let rotate = IdentityRequest::RotateKey { user_name: "ann".to_owned(), keep_last: false };
    let new = credentials(world.administer(&rotate).await);
    let refused = world.execute(&ann, &session, &transaction, "SELECT * FROM Own").await;
    assert_eq!(refused.expect_err("the old key is gone").1, "UnrecognizedClientException");
    assert!(world.execute(&new, &session, &transaction, "SELECT * FROM Own").await.is_ok());
}

#[tokio::test]
async fn temporary_keys_end_with_their_time_their_user_and_their_maker() {
    let world = world();
    let ids = bank(&world).await;
    let ann = world.user("ann", grant(&["PartiQLSelect"], &ids[0])).await;
    let make = IdentityRequest::MakeTemporaryKey { duration_seconds: 900 };
    let temporary = |by: Credentials| {
        let (world, make) = (&world, &make);
        async move {
            let made = world.post(&by, ADMINISTER, &make.to_json()).await;
            IdentityReply::from_json(&made.body).map(credentials).map_err(|_| error(&made))
        }
    };
    let lent = temporary(ann.clone()).await.expect("a temporary key");
    assert_eq!(world.run(&lent, "bank", "SELECT * FROM Own").await, "ok");
    assert!(temporary(lent.clone()).await.expect_err("no more of it").2.contains("cannot make another one"));
    let changed = Credentials {
        session_token: lent.session_token.as_ref().map(|token| token.replace('A', "B")),
        ..lent.clone()
    };
    let refused = |by: Credentials| {
        let world = &world;
        async move { world.session(&by, "bank").await.expect_err("refused").1 }
    };
    assert_eq!(refused(changed).await, "UnrecognizedClientException");
    let without = Credentials { session_token: None, ..lent.clone() };
    assert_eq!(refused(without).await, "UnrecognizedClientException");
    let other_secret = Credentials { secret_access_key: "x".to_owned(), ..lent.clone() };
    assert_eq!(refused(other_secret).await, "InvalidSignatureException");

    let enable = |enabled| IdentityRequest::EnableUser { user_name: "ann".to_owned(), enabled };
    world.administer(&enable(false)).await;
    assert_eq!(refused(lent.clone()).await, "UnrecognizedClientException");
    world.administer(&enable(true)).await;
    assert!(world.session(&lent, "bank").await.is_ok());
    let rotate = IdentityRequest::RotateKey { user_name: "ann".to_owned(), keep_last: true };
    let ann = credentials(world.administer(&rotate).await);
    assert!(world.session(&lent, "bank").await.is_ok(), "its maker is still valid");
    let rotate = IdentityRequest::RotateKey { user_name: "ann".to_owned(), keep_last: false };
    let new = credentials(world.administer(&rotate).await);
    assert_eq!(refused(lent).await, "UnrecognizedClientException");
    assert_eq!(refused(ann).await, "UnrecognizedClientException");

    let lent = temporary(new.clone()).await.expect("a temporary key");
    world.clock.advance(899_000);
    assert!(world.session(&lent, "bank").await.is_ok());
    world.clock.advance(1000);
    assert_eq!(refused(lent).await, "ExpiredTokenException");
    let lent = temporary(new.clone()).await.expect("a temporary key");
    world.administer(&IdentityRequest::RemoveUser { user_name: "ann".to_owned() }).await;
    assert_eq!(refused(lent).await, "UnrecognizedClientException");
    assert_eq!(refused(new).await, "UnrecognizedClientException");
    // A new user of the old name is another one.
    let request = IdentityRequest::AddUser {
        user_name: "ann".to_owned(),
        groups: Vec::new(),
        policies: vec!["ann".to_owned()],
        tags: Default::default(),
    };
    let again = credentials(world.administer(&request).await);
    assert!(world.session(&again, "bank").await.is_ok());
}

#[tokio::test]
async fn groups_tags_and_addresses_decide_too() {
    let world = world();
    world.prepare("bank", "ALLOW_ALL", &[]).await;
    let conditions = json!({
        "StringEquals": {"aws:PrincipalTag/team": "blue"},
        "IpAddress": {"aws:SourceIp": "203.0.113.0/24"},
    });
    let statement = json!({
        "Effect": "Allow", "Action": "qldb:SendCommand", "Resource": arn("bank"), "Condition": conditions,
    });
    world.policy("office", json!([statement])).await;
    world.administer(&IdentityRequest::AddGroup { group_name: "tellers".to_owned() }).await;
    let attach = IdentityRequest::SetAttached {
        policy_name: "office".to_owned(),
        to: PolicyOwner::Group("tellers".to_owned()),
        attached: true,
    };
    world.administer(&attach).await;
    let request = IdentityRequest::AddUser {
        user_name: "ann".to_owned(),
        groups: vec!["tellers".to_owned()],
        policies: Vec::new(),
        tags: [("Team".to_owned(), "blue".to_owned())].into(),
    };
    let ann = credentials(world.administer(&request).await);
    let status = |sender: &'static str, forwarded: &'static [&'static str]| {
        let (world, ann) = (&world, &ann);
        async move {
            let body = br#"{"StartSession": {"LedgerName": "bank"}}"#;
            let mut headers = vec![("X-Amz-Target", SEND.to_owned())];
            headers = world.sign(ann, "POST", "/", headers, body);
            headers.extend(forwarded.iter().map(|value| ("X-Forwarded-For", (*value).to_owned())));
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let request = Request { method: "POST", path: "/", query: "", headers: &headers, body };
            let sender = Client::at(sender.parse().expect("an address"));
            let admitted = world.service.admit(&request, sender).expect("admitted");
            let caller = world.service.verify(admitted, &request).expect("signed");
            world.service.answer(&caller, request).await.status
        }
    };
    assert_eq!(status("203.0.113.7", &[]).await, 200);
    assert_eq!(status("203.0.114.7", &[]).await, 403);
    assert_eq!(status("203.0.114.7", &["203.0.113.7"]).await, 403, "nobody believes him");
    assert_eq!(status("10.1.1.1", &["203.0.113.7"]).await, 200, "the proxy is trusted");
    assert_eq!(
        status("10.1.1.1", &["203.0.113.7, 198.51.100.1"]).await,
        403,
        "the first part may be made up"
    );
    assert_eq!(status("10.1.1.1", &["198.51.100.1, 203.0.113.7, 10.2.2.2"]).await, 200, "a chain of proxies");
    assert_eq!(status("10.1.1.1", &["198.51.100.1", "203.0.113.7"]).await, 200, "two headers are one list");
    assert_eq!(status("10.1.1.1", &["nonsense"]).await, 403);
    world
        .administer(&IdentityRequest::TagUser { user_name: "ann".to_owned(), tags: Default::default() })
        .await;
    assert_eq!(status("203.0.113.7", &[]).await, 403, "the tag is gone");
}

#[tokio::test]
async fn only_who_may_manages_users_and_the_ledger_of_users_is_nobody_s() {
    let world = world();
    let user = world.user("ann", json!([allow(&["qldb:*"], &["*".to_owned()])])).await;
    for request in [
        IdentityRequest::ListUsers {},
        IdentityRequest::RemoveUser { user_name: "admin".to_owned() },
        IdentityRequest::RotateKey { user_name: "admin".to_owned(), keep_last: true },
    ] {
        let (status, name, _) = error(&world.post(&user, ADMINISTER, &request.to_json()).await);
        assert_eq!((status, name.as_str()), (403, "AccessDeniedException"), "qldb:* is not enough");
    }
    for by in [&user, &world.administrator] {
        let name = "everstrand-identity";
        assert_eq!(world.session(by, name).await.expect_err("reserved").0, 403);
        for (method, path) in [
            ("GET", "/ledgers/everstrand-identity"),
            ("DELETE", "/ledgers/everstrand-identity"),
            ("POST", "/ledgers/everstrand-identity/digest"),
        ] {
            assert_eq!(world.control(by, method, path, "").await.status, 403, "{method} {path}");
        }
        let listed = world.control(by, "GET", "/ledgers", "").await;
        assert!(!String::from_utf8_lossy(&listed.body).contains(name));
    }
    let bad = IdentityRequest::PutPolicy {
        policy_name: "bad".to_owned(),
        document: r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#.to_owned(),
    };
    let (status, _, message) = error(&world.post(&world.administrator, ADMINISTER, &bad.to_json()).await);
    assert_eq!(status, 400);
    assert!(message.contains("statement 1: Action: \"s3:*\" is of another service"), "{message}");
    let check = IdentityRequest::CheckPolicy {
        user_name: "ann".to_owned(),
        action: "qldb:sendcommand".to_owned(),
        resource: arn("bank"),
        source_ip: None,
        purge: None,
    };
    let IdentityReply::Checked { allowed, explanation } = world.administer(&check).await else { panic!() };
    assert!(allowed && explanation.contains("statement 1 of the policy ann"), "{explanation}");
    assert!(world.service.create_users("second", None).is_err(), "there is an administrator already");
}

#[tokio::test]
async fn a_presigned_request_is_refused_with_the_reason() {
    let world = world();
    let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Signature=00";
    let request = Request { method: "POST", path: "/", query, headers: &[], body: b"{}" };
    let (status, name, message) = error(&world.service.handle(request).await);
    assert_eq!((status, name.as_str()), (403, "MissingAuthenticationTokenException"));
    assert!(message.contains("in the header Authorization only"), "{message}");
}

#[test]
fn users_outlive_a_restart_under_their_key_and_under_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = MasterKey::random();
    let open = |users_key: Option<MasterKey>| {
        let mut config = Config::new(Storage::Folder(folder.path().to_owned()));
        config.users_key = users_key;
        Service::open(config)
    };
    let service = open(Some(key.clone())).expect("a service");
    assert!(!service.has_users());
    let given = Some(("ADMIN".to_owned(), "a secret of the operator".to_owned()));
    service.create_users("admin", given).expect("an administrator");
    service.close();
    drop(service);

    let service = open(Some(key)).expect("a service");
    let IdentityReply::Users { users } = service.administer(&IdentityRequest::ListUsers {}).expect("users")
    else {
        panic!()
    };
    assert_eq!(users[0].access_key_ids, ["ADMIN"]);
    service.close();
    drop(service);
    let wrong = open(Some(MasterKey::random())).err().expect("the wrong key");
    assert!(wrong.contains("cannot be opened: is this the key of these users?"), "{wrong}");
    let locked = open(None).expect("commands that need no users");
    assert!(locked.check_users().expect_err("no key").contains("--users-key"));
    let request = Request { method: "GET", path: "/ledgers", query: "", headers: &[], body: b"" };
    let refused =
        locked.admit(&request, Client::at([127, 0, 0, 1].into())).err().expect("nobody is answered");
    assert_eq!(refused.exception.http_status(), 503);
    locked.close();
    // No file of the folder shows the secret.
    let mut folders = vec![folder.path().to_owned()];
    while let Some(path) = folders.pop() {
        for entry in std::fs::read_dir(path).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("a file");
                let found = bytes.windows(24).any(|window| window == b"a secret of the operator");
                assert!(!found, "{} holds the secret", path.display());
            }
        }
    }
}

/// Two servers over one store share their users. One that could not read them for five seconds answers no user.
#[test]
fn servers_over_one_store_share_users_and_refuse_them_when_they_cannot_read() {
    let store = Arc::new(MemoryStore::new());
    let key = MasterKey::random();
    let open = |seed: u64| {
        let store = Arc::clone(&store) as _;
        let mut config = Config::new(Storage::Shared { store, cache: None });
        config.users_key = Some(key.clone());
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let environment = Environment { clock: clock.clone(), ids: Arc::new(SeededIds::new(seed)) };
        (Service::open_in(config, environment).expect("a service"), clock)
    };
    let (first, _) = open(1);
    let administrator = credentials(first.create_users("admin", None).expect("an administrator"));
    let (second, clock) = open(2);
    let asked = |by: &Credentials| {
        let parts =
            SignedParts { method: "GET", path: "/ledgers", query: "", headers: &[("Host", "h")], body: b"" };
        let now = everstrand_ledger::Clock::unix_millis(&*clock).div_euclid(1000);
        let mut headers = vec![("Host", "h".to_owned())];
        headers.extend(Signer::new(by.clone(), "eu-central-1").sign(&parts, AmzDate::from_unix_seconds(now)));
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = Request { method: "GET", path: "/ledgers", query: "", headers: &headers, body: b"" };
        let admitted = second.admit(&request, Client::at([127, 0, 0, 1].into()));
        admitted.map(drop).map_err(|error| error.exception.name().to_owned())
    };
    assert_eq!(asked(&administrator), Ok(()));
    let add = IdentityRequest::AddUser {
        user_name: "ann".to_owned(),
        groups: Vec::new(),
        policies: Vec::new(),
        tags: Default::default(),
    };
    let ann = credentials(first.administer(&add).expect("a user"));
    assert_eq!(asked(&ann), Err("UnrecognizedClientException".to_owned()), "it has not read her yet");
    // Whether what `wanted` says becomes true, while the background work runs as in a server.
    let becomes = |wanted: &dyn Fn() -> bool| {
        let mut tries = (0..500).map(|_| {
            second.sweep();
            std::thread::sleep(std::time::Duration::from_millis(10));
            wanted()
        });
        tries.any(|is_so| is_so)
    };
    assert!(becomes(&|| asked(&ann) == Ok(())), "it reads again");
    first.administer(&IdentityRequest::RemoveUser { user_name: "ann".to_owned() }).expect("removed");
    assert!(becomes(&|| asked(&ann).is_err()), "it reads again");

    clock.advance(5000);
    assert_eq!(asked(&administrator), Ok(()), "read five seconds ago");
    clock.advance(1);
    assert_eq!(asked(&administrator), Err("ServiceUnavailable".to_owned()), "read too long ago");
    assert!(becomes(&|| asked(&administrator) == Ok(())), "it has read again");
}
