//! The server without its socket, and a client's half of the work: requests signed, written, checked, answered, read.

use std::sync::Arc;

use everstrand_ion::Document;
use everstrand_journal::{CommitDigest, statement_digest};
use everstrand_ledger::Ledger;
use everstrand_protocol::signature::{AmzDate, SignedParts, Signer};
use everstrand_protocol::{Command, Reply, SendCommandRequest, SessionToken, ValueHolder};
use everstrand_server::config::{Config, Storage};
use everstrand_server::{AccessKeys, Request, Service};
use everstrand_testkit::Random;

use crate::Failure;
use crate::counted::Operation;
use crate::data::{parameter, vin};
use crate::engine::{SELECT, UPDATE, any, environment, finish, table};
use crate::formats::{HEADERS, REGION, UNIX_SECONDS, credentials};

const NAME: &str = "vehicle-registration";

struct Client {
    service: Service,
    ledger: Ledger,
    signer: Signer,
    session: Option<SessionToken>,
}

/// A read-modify-write in the commands of the protocol.
pub(crate) fn read_modify_write() -> Result<Operation, Failure> {
    let mut client = Client::start()?;
    let mut random = Random::new(5);
    Ok(Box::new(move || client.change(any(&mut random))))
}

impl Client {
    fn start() -> Result<Client, Failure> {
        let mut config = Config::new(Storage::Memory);
        let key = credentials();
        config.access_keys = Some(AccessKeys::parse(&format!(
            "[guard]\naws_access_key_id={}\naws_secret_access_key={}\n",
            key.access_key_id, key.secret_access_key
        ))?);
        let service = Service::open_in(config, environment())?;
        let ledger = table()?;
        service.serve_ledger(NAME, ledger.clone())?;
        let mut client = Client { service, ledger, signer: Signer::new(key, REGION), session: None };
        let Reply::StartSession(started) =
            client.send(Command::StartSession { ledger_name: NAME.to_owned() })?
        else {
            return Err("no session".into());
        };
        client.session = Some(started.session_token);
        Ok(client)
    }

    fn send(&self, command: Command) -> Result<Reply, Failure> {
        let body = SendCommandRequest { session_token: self.session.clone(), command }.to_json();
        let parts = SignedParts { method: "POST", path: "/", query: "", headers: &HEADERS, body: &body };
        let signed = self.signer.sign(&parts, AmzDate::from_unix_seconds(UNIX_SECONDS));
        let mut headers = HEADERS.to_vec();
        headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: &body };
        let response = finish(&self.ledger, self.service.handle(request))?;
        Reply::from_json(&response.body)
            .map_err(|error| format!("{error:?}: {}", String::from_utf8_lossy(&response.body)).into())
    }

    fn execute(
        &self,
        transaction_id: &str,
        digest: &mut CommitDigest,
        statement: &str,
        parameters: &[Document],
    ) -> Result<Vec<ValueHolder>, Failure> {
        digest.add(statement_digest(statement, parameters));
        let holders = parameters.iter().map(|value| ValueHolder::IonBinary(value.as_bytes().to_vec()));
        match self.send(Command::ExecuteStatement {
            transaction_id: transaction_id.to_owned(),
            statement: statement.to_owned(),
            parameters: holders.collect(),
        })? {
            Reply::ExecuteStatement(result) => Ok(result.first_page.values),
            _ => Err("an answer to another command".into()),
        }
    }

    fn change(&mut self, number: u64) -> Result<(), Failure> {
        let Reply::StartTransaction(started) = self.send(Command::StartTransaction)? else {
            return Err("no transaction".into());
        };
        let id = Arc::<str>::from(started.transaction_id);
        let mut digest = CommitDigest::from_text(&id);
        let vin = parameter(vin(number));
        let rows = self.execute(&id, &mut digest, SELECT, std::slice::from_ref(&vin))?;
        let Some(ValueHolder::IonBinary(row)) = rows.first() else {
            return Err("a document is missing".into());
        };
        let row = Document::from_binary(row)?;
        let mileage = row.root().get("Mileage").and_then(|mileage| mileage.as_i64()).unwrap_or(0);
        self.execute(&id, &mut digest, UPDATE, &[parameter(mileage + 1), vin])?;
        let commit_digest = digest.value().0.to_vec();
        self.send(Command::CommitTransaction { transaction_id: id.to_string(), commit_digest }).map(drop)
    }
}
