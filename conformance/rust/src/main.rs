//! What the official SDK's clients for Rust see of the server. QLDB had no driver for Rust, so these programs compute the commit digest.

use std::error::Error;

use aws_sdk_qldb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_qldb::operation::RequestId;
use aws_sdk_qldb::types::PermissionsMode;
use aws_sdk_qldbsession::error::ProvideErrorMetadata;
use aws_sdk_qldbsession::operation::send_command::builders::SendCommandFluentBuilder;
use aws_sdk_qldbsession::operation::send_command::{SendCommandError, SendCommandOutput};
use aws_sdk_qldbsession::primitives::Blob;
use aws_sdk_qldbsession::types::{
    AbortTransactionRequest, CommitTransactionRequest, EndSessionRequest, ExecuteStatementRequest, FetchPageRequest, StartSessionRequest,
    StartTransactionRequest, ValueHolder,
};
use aws_smithy_http_client::Builder;
use sha2::{Digest, Sha256};

const LEDGER: &str = "rust-conformance";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let endpoint = std::env::var("EVERSTRAND_ENDPOINT")?;
    let (region, key) = (Region::from_static("us-east-1"), Credentials::new("local", "local", None, None, "test"));
    let http = Builder::new().build_http();
    let control = aws_sdk_qldb::Config::builder().behavior_version(BehaviorVersion::latest()).endpoint_url(&endpoint);
    let control = control.region(region.clone()).credentials_provider(key.clone()).http_client(http.clone()).build();
    let control = aws_sdk_qldb::Client::from_conf(control);
    let session = aws_sdk_qldbsession::Config::builder().behavior_version(BehaviorVersion::latest()).endpoint_url(&endpoint);
    let session = session.region(region).credentials_provider(key).http_client(http).build();
    let session = aws_sdk_qldbsession::Client::from_conf(session);

    create(&control).await?;
    let first = Session::start(&session).await?;
    commits_and_pages(&first).await?;
    errors(&first, &Session::start(&session).await?).await?;
    evidence(&control).await?;
    delete(&control).await?;
    println!("the official SDK's clients for Rust see what they expect");
    Ok(())
}

/// A session, command by command.
struct Session<'a> {
    client: &'a aws_sdk_qldbsession::Client,
    token: String,
}

type Sent = Result<SendCommandOutput, SendCommandError>;

impl Session<'_> {
    async fn start(client: &aws_sdk_qldbsession::Client) -> Result<Session<'_>, Box<dyn Error>> {
        let request = StartSessionRequest::builder().ledger_name(LEDGER).build()?;
        let started = client.send_command().start_session(request).send().await?;
        assert!(started.request_id().is_some_and(|id| !id.is_empty()));
        let token = started.start_session().and_then(|started| started.session_token()).ok_or("no token")?;
        Ok(Session { client, token: token.to_owned() })
    }

    async fn send(&self, command: impl FnOnce(SendCommandFluentBuilder) -> SendCommandFluentBuilder) -> Sent {
        let command = command(self.client.send_command().session_token(&self.token));
        command.send().await.map_err(|error| error.into_service_error())
    }

    async fn transaction(&self) -> Result<Transaction<'_>, Box<dyn Error>> {
        let started = self.send(|command| command.start_transaction(StartTransactionRequest::builder().build())).await?;
        let id = started.start_transaction().and_then(|started| started.transaction_id()).ok_or("no id")?;
        assert_eq!(id.len(), 22);
        Ok(Transaction { session: self, digest: ion_hash(id), id: id.to_owned() })
    }
}

/// A transaction with its commit digest.
struct Transaction<'a> {
    session: &'a Session<'a>,
    id: String,
    digest: [u8; 32],
}

impl Transaction<'_> {
    async fn execute(&mut self, statement: &str, texts: &[&str]) -> Sent {
        let parameter = |text: &&str| ValueHolder::builder().ion_text(format!("\"{text}\"")).build();
        let request = ExecuteStatementRequest::builder().transaction_id(&self.id).statement(statement);
        let request = request.set_parameters(Some(texts.iter().map(parameter).collect())).build();
        let request = request.expect("all members are there");
        let executed = self.session.send(|command| command.execute_statement(request)).await?;
        let hash = texts.iter().fold(ion_hash(statement), |hash, text| dot(hash, ion_hash(text)));
        self.digest = dot(self.digest, hash);
        let result = executed.execute_statement().expect("a result");
        assert!(result.first_page().is_some(), "a page, also of no rows");
        assert!(result.timing_information().is_some_and(|timing| timing.processing_time_milliseconds() >= 1));
        Ok(executed)
    }

    async fn commit(self) -> Sent {
        let request = CommitTransactionRequest::builder().transaction_id(&self.id).commit_digest(Blob::new(self.digest));
        let request = request.build().expect("all members are there");
        let committed = self.session.send(|command| command.commit_transaction(request)).await?;
        let result = committed.commit_transaction().expect("a result");
        assert_eq!(result.transaction_id(), Some(self.id.as_str()));
        assert_eq!(result.commit_digest().map(AsRef::as_ref), Some(&self.digest[..]));
        Ok(committed)
    }
}

/// The Ion hash of a string without control characters.
fn ion_hash(text: &str) -> [u8; 32] {
    Sha256::new().chain_update(b"\x0b\x80").chain_update(text).chain_update(b"\x0e").finalize().into()
}

/// The hash of two hashes: the smaller one first, by signed bytes from the last to the first.
fn dot(one: [u8; 32], other: [u8; 32]) -> [u8; 32] {
    let key = |hash: &[u8; 32]| hash.iter().rev().map(|byte| byte ^ 0x80).collect::<Vec<_>>();
    let mut pair = [one, other];
    pair.sort_by_key(key);
    Sha256::new().chain_update(pair[0]).chain_update(pair[1]).finalize().into()
}

async fn create(control: &aws_sdk_qldb::Client) -> Result<(), Box<dyn Error>> {
    let create = || control.create_ledger().name(LEDGER).permissions_mode(PermissionsMode::AllowAll);
    create().send().await?;
    let described = control.describe_ledger().name(LEDGER).send().await?;
    assert_eq!(described.state().map(|state| state.as_str()), Some("ACTIVE"));
    assert_eq!(described.deletion_protection(), Some(true));
    let again = create().send().await.expect_err("it exists").into_service_error();
    assert!(again.is_resource_already_exists_exception(), "{again:?}");
    Ok(())
}

async fn commits_and_pages(session: &Session<'_>) -> Result<(), Box<dyn Error>> {
    let mut transaction = session.transaction().await?;
    transaction.execute("CREATE TABLE RustCar", &[]).await?;
    transaction.commit().await?;
    for start in 0..11 {
        let mut transaction = session.transaction().await?;
        let cars: Vec<String> = (0..40).map(|n| format!("{{'n': {}, 'owner': ?}}", start * 40 + n)).collect();
        transaction.execute(&format!("INSERT INTO RustCar << {} >>", cars.join(", ")), &["Ana"; 40]).await?;
        transaction.commit().await?;
    }
    let mut transaction = session.transaction().await?;
    let found = transaction.execute("SELECT * FROM RustCar AS c WHERE c.owner = ?", &["Ana"]).await?;
    let found = found.execute_statement().expect("a result");
    assert!(found.consumed_ios().is_some_and(|ios| ios.read_ios() >= 200 && ios.write_ios() == 0));
    let mut page = found.first_page().expect("a page").clone();
    let mut sizes = vec![page.values().len()];
    while let Some(token) = page.next_page_token() {
        let request = FetchPageRequest::builder().transaction_id(&transaction.id).next_page_token(token).build()?;
        let fetched = session.send(|command| command.fetch_page(request)).await?;
        page = fetched.fetch_page().and_then(|fetched| fetched.page()).expect("a page").clone();
        sizes.push(page.values().len());
    }
    assert_eq!(sizes, [200, 200, 40]);
    let value = page.values()[0].ion_binary().expect("Ion binary").as_ref();
    assert_eq!(value[..4], [0xe0, 1, 0, 0xea]);
    transaction.commit().await?;
    Ok(())
}

async fn errors(first: &Session<'_>, second: &Session<'_>) -> Result<(), Box<dyn Error>> {
    let mut transaction = first.transaction().await?;
    let refused = transaction.execute("CREATE TABLE RustCar", &[]).await.expect_err("it exists");
    let SendCommandError::BadRequestException(refused) = refused else { return Err(refused.into()) };
    assert_eq!(refused.code(), Some("412"));
    assert_eq!(refused.message(), Some("Table with name: USER.RustCar already exists"));
    let aborted = first.send(|command| command.abort_transaction(AbortTransactionRequest::builder().build())).await?;
    assert!(aborted.abort_transaction().is_some());

    // The loser of a conflict may only have read.
    let (mut reads, mut writes) = (first.transaction().await?, second.transaction().await?);
    reads.execute("SELECT * FROM RustCar", &[]).await?;
    writes.execute("UPDATE RustCar AS c SET c.n = 1000 WHERE c.n = 1", &[]).await?;
    writes.commit().await?;
    let conflict = reads.commit().await.expect_err("what it read was changed");
    assert!(conflict.is_occ_conflict_exception(), "{conflict:?}");

    let mut transaction = first.transaction().await?;
    transaction.digest = ion_hash("another transaction");
    let refused = transaction.commit().await.expect_err("another digest");
    assert!(refused.message().is_some_and(|message| message.contains("Digests don't match")), "{refused:?}");

    second.send(|command| command.end_session(EndSessionRequest::builder().build())).await?;
    let Err(gone) = second.send(|command| command.start_transaction(StartTransactionRequest::builder().build())).await else {
        return Err("an ended session answers".into());
    };
    assert!(gone.is_invalid_session_exception(), "{gone:?}");
    Ok(())
}

async fn evidence(control: &aws_sdk_qldb::Client) -> Result<(), Box<dyn Error>> {
    let digest = control.get_digest().name(LEDGER).send().await?;
    assert_eq!(digest.digest().as_ref().len(), 32);
    let tip = digest.digest_tip_address().ok_or("no address")?;
    let block = control.get_block().name(LEDGER).block_address(tip.clone()).digest_tip_address(tip.clone()).send().await?;
    assert!(block.block().and_then(|block| block.ion_text()).is_some_and(|text| text.contains("blockHash")));
    assert!(block.proof().is_some());
    Ok(())
}

async fn delete(control: &aws_sdk_qldb::Client) -> Result<(), Box<dyn Error>> {
    let protected = control.delete_ledger().name(LEDGER).send().await.expect_err("protected").into_service_error();
    assert!(protected.is_resource_precondition_not_met_exception(), "{protected:?}");
    control.update_ledger().name(LEDGER).deletion_protection(false).send().await?;
    control.delete_ledger().name(LEDGER).send().await?;
    let gone = control.describe_ledger().name(LEDGER).send().await.expect_err("gone").into_service_error();
    assert!(gone.is_resource_not_found_exception(), "{gone:?}");
    Ok(())
}
