//! One session, command by command: what a driver does for its caller, done by hand.
//!
//! `cargo run --example session_steps`

use std::error::Error;
use std::sync::Arc;

use everstrand::driver::documents;
use everstrand::journal::{CommitDigest, statement_digest};
use everstrand::server::config::{Config, Storage};
use everstrand::{InProcess, Service, SessionClient};

/// Runs the example. (It is public so that the tests run it, too.)
#[tokio::main]
pub async fn main() -> Result<(), Box<dyn Error>> {
    let service = Arc::new(Service::open(Config::new(Storage::Memory))?);
    service.create_ledger_unless_it_exists("cars")?;

    // StartSession. `HttpTransport` in place of `InProcess` talks to a server.
    let transport = Arc::new(InProcess::new(service.clone()));
    let session = SessionClient::start_session("cars", transport).await?;

    // StartTransaction, then statements. The client keeps a digest of everything that it sends.
    let transaction = session.start_transaction().await?.transaction_id;
    let mut digest = CommitDigest::new(transaction.parse()?);
    for statement in ["CREATE TABLE Car", "INSERT INTO Car << {'VIN': 1}, {'VIN': 2}, {'VIN': 3} >>"] {
        session.execute_statement(&transaction, statement, ()).await?;
        digest.add(statement_digest(statement, &[]));
    }

    // CommitTransaction carries the digest. The service refuses to commit anything else than what was sent.
    let committed = session.commit_transaction(&transaction, digest.value()).await?;
    assert_eq!(committed.commit_digest, digest.value().as_bytes());
    println!("committed {}", committed.transaction_id);

    // A result comes in pages: the first with the statement, the others by FetchPage.
    let transaction = session.start_transaction().await?.transaction_id;
    let mut page = session.execute_statement(&transaction, "SELECT * FROM Car", ()).await?.first_page;
    let mut cars = documents(&page)?;
    while let Some(token) = page.next_page_token.take() {
        page = session.fetch_page(&transaction, &token).await?.page;
        cars.extend(documents(&page)?);
    }
    println!("{} cars", cars.len());
    assert_eq!(cars.len(), 3);

    // Nothing was written, so the transaction may as well be aborted. EndSession ends the session.
    session.abort_transaction().await?;
    session.end_session().await?;
    service.close();
    Ok(())
}
