//! One suite for the driver over every transport: in process, over HTTP, and with the feature `aws-sdk` by the official SDK's client.

use std::sync::Arc;
use std::time::Duration;

use everstrand::driver::{
    ConflictKind, ControlTransport, Error, ErrorKind, ExecuteOptions, HttpTransport, OnRetry, QldbDriver,
    QldbSession, RetryPolicy, TransactionOutcome, TransactionOutcomeRequest, Transport, Trust, params,
    verify,
};
use everstrand::ion::{Decimal, Document};
use everstrand::{InProcess, testing};

/// What a program does with a driver, from the first table to the shutdown.
async fn suite<T: Transport>(driver: &QldbDriver<T>) -> Result<(), Error> {
    driver.execute_statement("CREATE TABLE car", ()).await?;
    driver.execute_statement("CREATE INDEX ON car (vin)", ()).await?;
    assert_eq!(driver.list_tables().await?, ["car"]);

    // Parameters and rows of Rust types, over more than one page.
    let vins: Vec<String> = (0..450).map(|number| format!("V{number}")).collect();
    for vins in vins.chunks(40) {
        driver
            .execute(|transaction| async move {
                for vin in vins {
                    let insert = transaction.query("INSERT INTO car {'vin': ?, 'price': ?}");
                    let price: Decimal = "1.10".parse().expect("a decimal");
                    assert_eq!(insert.bind(vin)?.bind(&price)?.count().await?, 1);
                }
                Ok::<_, Error>(())
            })
            .await?;
    }
    let transaction = driver.begin().await?;
    let mut rows = transaction.query("SELECT VALUE vin FROM car").stream::<String>().await?;
    let mut seen = Vec::new();
    while let Some(vin) = rows.next().await {
        seen.push(vin?);
    }
    assert_eq!(seen.len(), vins.len());
    assert!(rows.statistics().read_ios >= 450);
    drop(rows);
    let price = transaction.query("SELECT price FROM car WHERE vin = ?").bind_all(params!["V7"]?);
    assert_eq!(price.fetch_scalar::<Decimal>().await?.to_string(), "1.10");
    let committed = transaction.commit().await?;
    assert!(committed.statistics.read_ios >= 451);

    // A conflict is run again, and an explicit transaction is told of it.
    let loser = driver.begin().await?;
    loser.execute("UPDATE car SET price = 2 WHERE vin = 'V1'", ()).await?;
    driver.execute_statement("UPDATE car SET price = 3 WHERE vin = 'V1'", ()).await?;
    let conflict = loser.commit().await.expect_err("a conflict");
    assert_eq!(conflict.kind(), ErrorKind::Conflict);
    let about = conflict.conflict().expect("what it was about");
    assert_eq!((about.changed, about.table.as_deref()), (ConflictKind::Document, Some("car")));
    assert!(conflict.to_string().contains(about.document_id.as_deref().expect("a document")), "{conflict}");
    assert!(about.block.is_some());
    let runs = std::sync::atomic::AtomicU32::new(0);
    let (other, runs) = (driver, &runs);
    let (told, tell) = std::sync::mpsc::channel();
    let on_retry: OnRetry = Arc::new(move |context| {
        // Nobody may be left who listens.
        let _ = told.send(context.conflict.and_then(|conflict| conflict.table.clone()));
    });
    let retry = RetryPolicy { on_retry: Some(on_retry), ..RetryPolicy::default() };
    let options = ExecuteOptions { retry: Some(retry), ..ExecuteOptions::default() };
    let executed = driver.execute_reported(options, |transaction| async move {
        transaction.execute("UPDATE car SET price = 4 WHERE vin = 'V2'", ()).await?;
        if runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            other.execute_statement("UPDATE car SET price = 5 WHERE vin = 'V2'", ()).await?;
        }
        Ok::<_, Error>(())
    });
    assert_eq!(executed.await?.runs, 2);
    assert_eq!(tell.try_iter().flatten().collect::<Vec<_>>(), ["car"]);

    // What is rolled back or dropped leaves nothing.
    let options = ExecuteOptions { rolls_back: true, ..ExecuteOptions::default() };
    driver
        .execute_with(options, |transaction| async move {
            transaction.execute("DELETE FROM car WHERE vin = 'V4'", ()).await.map(drop)
        })
        .await?;
    let dropped = driver.begin().await?;
    dropped.execute("DELETE FROM car WHERE vin = 'V3'", ()).await?;
    drop(dropped);
    let count =
        driver.execute(|transaction| async move { transaction.query("SELECT vin FROM car").count().await });
    assert_eq!(count.await?, 450);

    // Errors have kinds.
    let error = driver.execute_statement("SELEC", ()).await.expect_err("no statement");
    assert_eq!(error.kind(), ErrorKind::BadRequest);

    Ok(())
}

/// Nothing is left of a driver, and it begins nothing any more.
async fn end<T: Transport>(driver: QldbDriver<T>) -> Result<(), Error> {
    let report = driver.shutdown(Duration::from_secs(5)).await;
    assert_eq!((report.aborted, report.unanswered), (0, 0));
    assert!(matches!(driver.begin().await, Err(Error::DriverClosed)));
    Ok(())
}

/// Digests move forward by proof alone, and rows are what the journal holds.
async fn proofs<T: Transport + ControlTransport>(driver: &QldbDriver<T>) -> Result<(), Error> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("trust");
    let mut trust = Trust::in_file(&file)?;
    let first = trust.advance(driver).await?;
    driver.execute_statement("UPDATE car SET price = 6 WHERE vin = 'V4'", ()).await?;
    let mut trust = Trust::in_file(&file)?;
    assert_eq!(trust.digest(), Some(first), "the file remembers");
    let rows =
        driver.execute_statement("SELECT * FROM _ql_committed_car AS c WHERE c.data.vin = 'V4'", ()).await?;
    trust.verify_row(driver, &rows[0]).await?;
    assert_ne!(trust.digest(), Some(first), "the row is newer");
    let forged = rows[0].to_string().replace("V4", "V5");
    let forged = Document::from(&everstrand::ion::text::read_one(&forged)?);
    assert!(matches!(trust.verify_row(driver, &forged).await, Err(Error::NotVerified(_))));

    // A digest that the ledger never had is not continued by it.
    let mut lie = first;
    lie.digest = trust.digest().expect("a digest").digest;
    assert!(matches!(Trust::of(lie).advance(driver).await, Err(Error::NotVerified(_))));

    let digest = trust.digest().expect("a digest");
    let block = driver.get_block(digest.digest_tip_address, Some(digest.digest_tip_address)).await?;
    verify(&block, &digest)?;
    assert!(matches!(verify(&block, &first), Err(Error::NotVerified(_))));
    Ok(())
}

/// What a transport hears of a transaction that was committed, of one that is open, and of a session that nobody knows.
async fn outcomes<T: Transport>(transport: Arc<T>) -> Result<(), Error> {
    let mut session = QldbSession::start(testing::LEDGER_NAME, Arc::clone(&transport)).await?;
    let ask = |transaction_id: &str, session_token| TransactionOutcomeRequest {
        ledger_name: testing::LEDGER_NAME.to_owned(),
        transaction_id: transaction_id.to_owned(),
        session_token,
    };
    let token = session.session_client().token().clone();
    let committed = session.start_transaction().await?;
    let id = committed.id().to_owned();
    committed.execute("CREATE TABLE outcomes", ()).await?;
    committed.commit().await?;
    let outcome = transport.transaction_outcome(ask(&id, token.clone())).await?;
    assert_eq!(outcome, TransactionOutcome::Committed);

    let open = session.start_transaction().await?;
    let id = open.id().to_owned();
    open.execute("INSERT INTO outcomes {'n': 1}", ()).await?;
    assert_eq!(transport.transaction_outcome(ask(&id, token)).await?, TransactionOutcome::Never);
    assert_eq!(open.commit().await.expect_err("it is void").kind(), ErrorKind::Conflict);

    let stranger = transport.transaction_outcome(ask(&id, "0123456789".into())).await?;
    assert_eq!(stranger, TransactionOutcome::NotSupported);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outcome_of_a_transaction_is_told_over_every_transport() {
    let ledger = testing::ledger();
    let in_process = InProcess::new(Arc::clone(ledger.service()));
    outcomes(Arc::new(in_process)).await.expect("no error");
    let other = testing::ledger();
    let endpoint = other.endpoint();
    let over_http = HttpTransport::builder().endpoint(endpoint.url()).build().expect("valid settings");
    outcomes(Arc::new(over_http)).await.expect("no error");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_process() {
    let ledger = testing::ledger();
    let driver = ledger.driver();
    suite(&driver).await.expect("no error");
    proofs(&driver).await.expect("no error");
    end(driver).await.expect("no error");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http() {
    let ledger = testing::ledger();
    let endpoint = ledger.endpoint();
    let builder = QldbDriver::builder(testing::LEDGER_NAME).endpoint(endpoint.url()).read_ahead(2);
    let driver = builder.build().expect("valid settings");
    suite(&driver).await.expect("no error");
    proofs(&driver).await.expect("no error");
    end(driver).await.expect("no error");
}

/// The SDK for sessions has no operation for digests and proofs.
#[cfg(feature = "aws-sdk")]
mod sdk {
    use everstrand::driver::aws_sdk_qldbsession::config::{BehaviorVersion, Credentials, Region};
    use everstrand::driver::aws_sdk_qldbsession::{Client, Config};
    use everstrand::driver::{SdkTransport, sdk_http_client};

    use super::*;

    fn transport(url: &str) -> Arc<SdkTransport> {
        let config = Config::builder().behavior_version(BehaviorVersion::latest()).endpoint_url(url);
        let config = config.region(Region::new("us-east-1")).http_client(sdk_http_client());
        let config = config.credentials_provider(Credentials::new("local", "local", None, None, "test"));
        Arc::new(SdkTransport::new(&Client::from_conf(config.build())))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn over_the_official_sdk() {
        let ledger = testing::ledger();
        let endpoint = ledger.endpoint();
        let builder = QldbDriver::builder(testing::LEDGER_NAME).read_ahead(2);
        let driver = builder.build_over(transport(&endpoint.url())).expect("valid settings");
        suite(&driver).await.expect("no error");

        // An exception has all that the service said, also what the SDK's own error leaves out.
        let error = driver.execute_statement("CREATE TABLE car", ()).await.expect_err("it is there");
        assert_eq!((error.code(), error.http_status()), (Some("412"), Some(400)));
        assert!(error.request_id().is_some());
        end(driver).await.expect("no error");
    }

    /// Whether anything was sent is not known, so a commit would have an unknown outcome.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_is_not_there_is_an_error_of_the_transport() {
        let driver = QldbDriver::builder(testing::LEDGER_NAME).retry_limit(0);
        let driver = driver.build_over(transport("http://127.0.0.1:1")).expect("valid settings");
        let error = driver.execute_statement("SELECT 1", ()).await.expect_err("nobody listens");
        assert!(matches!(error, Error::Transport(_)), "{error}");
    }
}
