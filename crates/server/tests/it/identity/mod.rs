//! Users, their keys and what policies let them do, over signed requests.

mod audit_ledger;
mod exchange;
mod guards;
mod marks;
mod statements;
mod users;

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
    world_of(Config::new(Storage::Memory))
}

fn world_of(mut config: Config) -> World {
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
