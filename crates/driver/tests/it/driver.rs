//! The driver runs a transaction again if that is safe, and else does not. B1 to B16 are bugs of the official drivers, which
//! this one must not have.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use everstrand_driver::{
    DuplicateKey, Error, Exception, ExecuteOptions, QldbDriver, RetryPolicy, ServiceError, Transaction,
    TransportError,
};
use everstrand_testkit::scripted::{Answer, ScriptedTransport};

use crate::{first_page, further_page};

type Driver = QldbDriver<ScriptedTransport>;

fn driver() -> (Arc<ScriptedTransport>, Driver) {
    let transport = Arc::new(ScriptedTransport::new());
    let policy = RetryPolicy { wait_base: Duration::from_micros(10), ..RetryPolicy::default() };
    let driver = QldbDriver::builder("my-ledger").retry_policy(policy).seed(1);
    (Arc::clone(&transport), driver.build_over(transport).unwrap())
}

async fn insert(transaction: Transaction<ScriptedTransport>) -> Result<u32, Error> {
    transaction.execute("INSERT INTO t ?", 1).await?;
    Ok(7)
}

fn dead() -> Answer {
    Answer::fails(Exception::InvalidSession, "No such session")
}

#[tokio::test]
async fn a_transaction_is_started_run_and_committed_and_its_session_used_again() {
    let (transport, driver) = driver();
    assert_eq!(driver.execute(insert).await.unwrap(), 7);
    assert_eq!(driver.execute(insert).await.unwrap(), 7);
    driver.close().await;
    assert_eq!(
        transport.commands(),
        [
            "StartSession",
            "StartTransaction",
            "ExecuteStatement",
            "CommitTransaction",
            "StartTransaction",
            "ExecuteStatement",
            "CommitTransaction",
            "EndSession"
        ]
    );
}

#[tokio::test]
async fn a_conflict_is_run_again_on_the_same_session_without_an_abort() {
    let (transport, driver) = driver();
    for _ in 0..4 {
        transport.on("CommitTransaction", Answer::fails(Exception::OccConflict, "OCC"));
    }
    driver.execute(insert).await.unwrap();
    let run = ["StartTransaction", "ExecuteStatement", "CommitTransaction"];
    assert_eq!(transport.commands()[1..], run.repeat(5));
}

#[tokio::test]
async fn the_limit_of_retries_holds_and_can_be_set_per_call() {
    for (limit, options) in [(4, ExecuteOptions::default()), (1, options(1)), (0, options(0))] {
        let (transport, driver) = driver();
        for _ in 0..9 {
            transport.on("CommitTransaction", Answer::fails(Exception::OccConflict, "OCC"));
        }
        let error = driver.execute_with(options, insert).await.unwrap_err();
        assert!(error.is_occ_conflict());
        let commits = transport.commands().iter().filter(|name| **name == "CommitTransaction").count();
        assert_eq!(commits, limit + 1);
    }
    fn options(retry_limit: u32) -> ExecuteOptions {
        let retry = RetryPolicy { retry_limit, wait_base: Duration::ZERO, ..RetryPolicy::default() };
        ExecuteOptions { retry: Some(retry), ..ExecuteOptions::default() }
    }
}

#[tokio::test]
async fn an_error_of_the_closure_aborts_and_is_the_callers() {
    #[derive(Debug)]
    enum Mine {
        Driver(Error),
        Poor,
    }
    impl From<Error> for Mine {
        fn from(error: Error) -> Mine {
            Mine::Driver(error)
        }
    }
    let (transport, driver) = driver();
    let result: Result<(), Mine> = driver
        .execute(|transaction| async move {
            transaction.execute("SELECT 1", ()).await?;
            Err(Mine::Poor)
        })
        .await;
    assert!(matches!(result, Err(Mine::Poor)));
    transport.on("ExecuteStatement", Answer::fails(Exception::BadRequest, "x"));
    let result: Result<(), Mine> =
        driver.execute(|transaction| async move { Ok(insert(transaction).await.map(drop)?) }).await;
    assert!(matches!(result, Err(Mine::Driver(error)) if error.is_bad_request()));
    assert_eq!(
        transport.commands()[1..],
        ["StartTransaction", "ExecuteStatement", "AbortTransaction"].repeat(2),
        "one run each, on one session"
    );
}

/// B11: a closure that aborts gets what it returns, and no error of the driver's own.
#[tokio::test]
async fn b11_the_closure_may_abort_and_still_succeed() {
    let (transport, driver) = driver();
    let count = driver
        .execute(|transaction| async move {
            transaction.abort().await?;
            Ok::<_, Error>(3)
        })
        .await;
    assert_eq!(count.unwrap(), 3);
    driver.execute(insert).await.unwrap();
    assert_eq!(transport.commands()[1..3], ["StartTransaction", "AbortTransaction"]);
    assert_eq!(transport.commands()[3], "StartTransaction", "the session is used again");
}

#[tokio::test]
async fn a_dead_session_is_replaced_at_once_and_not_ended() {
    for command in ["StartTransaction", "ExecuteStatement", "CommitTransaction"] {
        let (transport, driver) = driver();
        driver.execute(insert).await.unwrap();
        transport.on(command, dead());
        // This holds even if no retry is allowed.
        let none = ExecuteOptions { retry: Some(RetryPolicy::never()), ..ExecuteOptions::default() };
        driver.execute_with(none, insert).await.unwrap();
        let commands = transport.commands();
        let sessions = commands.iter().filter(|name| **name == "StartSession").count();
        assert_eq!(sessions, 2, "{command}: {commands:?}");
        assert!(!commands.contains(&"AbortTransaction") && !commands.contains(&"EndSession"), "{commands:?}");
    }
}

/// In 2020 QLDB answered an expired token so, and its drivers gave up.
#[tokio::test]
async fn a_token_that_is_called_not_valid_is_a_dead_session() {
    let (transport, driver) = driver();
    driver.execute(insert).await.unwrap();
    transport.on(
        "StartTransaction",
        Answer::fails(Exception::BadRequest, "The parameter SessionToken is not valid"),
    );
    driver.execute(insert).await.unwrap();
}

#[tokio::test]
async fn an_expired_transaction_is_not_run_again() {
    let (transport, driver) = driver();
    let text = "Transaction I1pH6SCujBW0JYpPoLQT02 has expired";
    transport.on("ExecuteStatement", Answer::fails(Exception::InvalidSession, text));
    let error = driver.execute(insert).await.unwrap_err();
    assert!(error.is_transaction_expired() && error.is_invalid_session() && !error.is_retriable());
    driver.execute(insert).await.unwrap();
    let sessions = transport.commands().iter().filter(|name| **name == "StartSession").count();
    assert_eq!(sessions, 2, "the service discards the session along with the transaction");
    // The text of an expired session is similar, but means something else.
    let error = ServiceError::new(Exception::InvalidSession, "Session abc has expired");
    assert!(!Error::Service(error).is_transaction_expired());
}

#[tokio::test]
async fn an_unknown_ledger_is_asked_for_once() {
    let (transport, driver) = driver();
    transport.on("StartSession", Answer::fails(Exception::BadRequest, "No such ledger"));
    assert!(driver.execute(insert).await.unwrap_err().is_bad_request());
    assert_eq!(transport.commands(), ["StartSession"]);
}

#[tokio::test]
async fn an_overloaded_service_is_tried_again() {
    for exception in [
        Exception::CapacityExceeded,
        Exception::RateExceeded,
        Exception::LimitExceeded,
        Exception::ServiceUnavailable,
        Exception::InternalFailure,
    ] {
        let (transport, driver) = driver();
        for command in ["StartSession", "StartTransaction", "ExecuteStatement"] {
            transport.on(command, Answer::fails(exception.clone(), ""));
        }
        driver.execute(insert).await.unwrap();
    }
}

/// B1: if a session has expired and StartSession then fails for good, the caller gets the error of StartSession.
/// B6, B7: the driver works afterwards.
#[tokio::test]
async fn b1_b6_b7_a_session_that_cannot_be_replaced() {
    let (transport, driver) = driver();
    driver.execute(insert).await.unwrap();
    transport.on("ExecuteStatement", dead());
    transport.on("StartSession", Answer::fails(Exception::BadRequest, "the ledger is gone"));
    let error = driver.execute(insert).await.unwrap_err();
    assert_eq!(error.to_string(), "BadRequestException: the ledger is gone");
    for _ in 0..3 {
        driver.execute(insert).await.unwrap();
    }
}

/// B2: a statement times out, and so does the abort. The transaction runs again, and the session with the open transaction
/// is not used again.
#[tokio::test]
async fn b2_a_session_in_an_unknown_state_is_not_used_again() {
    let (transport, driver) = driver();
    transport.on("ExecuteStatement", Answer::Lost).on("AbortTransaction", Answer::NotSent);
    driver.execute(insert).await.unwrap();
    let tokens: Vec<_> = transport
        .sent()
        .iter()
        .filter(|request| request.command.name() == "StartTransaction")
        .map(|request| request.session_token.clone().unwrap())
        .collect();
    assert_eq!(tokens.len(), 2);
    assert_ne!(tokens[0], tokens[1]);
}

/// B2: if the abort was answered, the session is used again.
#[tokio::test]
async fn a_lost_statement_whose_abort_succeeds_keeps_the_session() {
    let (transport, driver) = driver();
    transport.on("ExecuteStatement", Answer::Lost);
    driver.execute(insert).await.unwrap();
    let sessions = transport.commands().iter().filter(|name| **name == "StartSession").count();
    assert_eq!(sessions, 1);
}

/// B3: closing the driver goes on if a session cannot be ended.
#[tokio::test(flavor = "multi_thread")]
async fn b3_close_ends_every_session() {
    let (transport, driver) = driver();
    let three = Arc::new(tokio::sync::Barrier::new(3));
    let run = |driver: Driver| {
        let three = Arc::clone(&three);
        tokio::spawn(async move {
            driver
                .execute(|_transaction| {
                    let three = Arc::clone(&three);
                    async move {
                        three.wait().await;
                        Ok::<_, Error>(())
                    }
                })
                .await
        })
    };
    for task in [run(driver.clone()), run(driver.clone()), run(driver.clone())] {
        task.await.unwrap().unwrap();
    }
    transport.on("EndSession", Answer::NotSent);
    driver.close().await;
    assert_eq!(transport.commands().iter().filter(|name| **name == "EndSession").count(), 3);
}

/// B4: while the driver waits between attempts, others can use the session.
#[tokio::test(start_paused = true)]
async fn b4_nothing_is_held_during_the_wait() {
    let transport = Arc::new(ScriptedTransport::new());
    let policy = RetryPolicy {
        wait_base: Duration::from_secs(10),
        wait_max: Duration::from_secs(20),
        retry_limit: 1,
        ..RetryPolicy::default()
    };
    let driver = QldbDriver::builder("l").retry_policy(policy).max_concurrent_transactions(1);
    let driver = driver.build_over(Arc::clone(&transport)).unwrap();
    transport.on("CommitTransaction", Answer::fails(Exception::OccConflict, "OCC"));
    let waits = tokio::spawn({
        let driver = driver.clone();
        async move { driver.execute(insert).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    driver.execute(insert).await.unwrap();
    assert_eq!(transport.commands().iter().filter(|name| **name == "StartSession").count(), 1);
    waits.await.unwrap().unwrap();
}

/// B5: a transaction whose commit has an unknown outcome does not run again, unless the caller allows it.
#[tokio::test]
async fn b5_an_unknown_commit_is_not_run_again() {
    let unavailable = Answer::fails(Exception::ServiceUnavailable, "");
    let failed = Answer::fails(Exception::InternalFailure, "");
    for answer in [Answer::Lost, unavailable, failed] {
        let (transport, driver) = driver();
        transport.on("CommitTransaction", answer.clone());
        let error = driver.execute(insert).await.unwrap_err();
        assert!(matches!(error, Error::CommitOutcomeUnknown { .. }), "{error}");
        assert_eq!(error.transaction_id(), Some("0000000000000000000001"));
        let runs = |name| transport.commands().iter().filter(|it| **it == name).count();
        assert_eq!((runs("CommitTransaction"), runs("AbortTransaction")), (1, 0));
        driver.execute(insert).await.unwrap();
        assert_eq!(runs("StartSession"), 2, "the session is not used again");

        transport.on("CommitTransaction", answer);
        let idempotent = ExecuteOptions { idempotent: true, ..ExecuteOptions::default() };
        driver.execute_with(idempotent, insert).await.unwrap();
    }
}

/// B5: the same holds if the closure commits by itself and returns the error.
#[tokio::test]
async fn b5_an_unknown_commit_of_the_closure_is_not_run_again() {
    let (transport, driver) = driver();
    transport.on("CommitTransaction", Answer::Lost);
    let result = driver.execute(|transaction| async move { transaction.commit().await.map(drop) }).await;
    assert!(matches!(result, Err(Error::CommitOutcomeUnknown { .. })));
    assert_eq!(transport.commands().iter().filter(|name| **name == "CommitTransaction").count(), 1);
}

/// A transaction whose commit certainly did not happen runs again.
#[tokio::test]
async fn a_commit_that_did_not_happen_is_run_again() {
    for answer in [Answer::NotSent, Answer::fails(Exception::CapacityExceeded, "Capacity exceeded")] {
        let (transport, driver) = driver();
        transport.on("CommitTransaction", answer);
        driver.execute(insert).await.unwrap();
        assert_eq!(transport.commands().iter().filter(|name| **name == "CommitTransaction").count(), 2);
    }
}

/// B8, B9: a transaction runs again after network errors in every command, except if a commit has an unknown outcome. A
/// result that was read can be used after its transaction.
#[tokio::test]
async fn b8_b9_network_errors_are_retried() {
    for command in ["StartSession", "StartTransaction", "ExecuteStatement", "FetchPage"] {
        for answer in [Answer::NotSent, Answer::Lost] {
            let (transport, driver) = driver();
            transport.on("ExecuteStatement", first_page([1], Some("more")));
            transport.on("ExecuteStatement", first_page([1], Some("more")));
            transport.on(command, answer);
            transport.on("FetchPage", further_page([2], None));
            transport.on("FetchPage", further_page([2], None));
            let rows = driver
                .execute(|transaction| async move { transaction.execute("s", ()).await?.fetch_all().await })
                .await;
            assert_eq!(rows.unwrap().len(), 2, "{command}");
        }
    }
}

/// B10: QLDB's member `Code` does not hide the name of the exception.
#[tokio::test]
async fn b10_the_code_is_kept_beside_the_type() {
    let (transport, driver) = driver();
    let error = ServiceError::bad_request("Table with name: USER.t already exists").with_code("412");
    transport.on("ExecuteStatement", Answer::Fails(error));
    let error = driver.execute(insert).await.unwrap_err();
    assert!(error.is_bad_request());
    assert_eq!((error.code(), error.http_status()), (Some("412"), Some(400)));
}

/// Table, index and key of a duplicate key are there for the program.
#[tokio::test]
async fn a_duplicate_key_is_told_apart() {
    let (transport, driver) = driver();
    let duplicate =
        DuplicateKey { table: "t".to_owned(), index: "[k]".to_owned(), key: Some("[1]".to_owned()) };
    let error = ServiceError::bad_request("the same key").with_code("409");
    transport.on("ExecuteStatement", Answer::Fails(error.with_duplicate_key(duplicate.clone())));
    let error = driver.execute(insert).await.unwrap_err();
    assert!(error.is_bad_request() && !error.is_retriable());
    assert_eq!((error.code(), error.duplicate_key()), (Some("409"), Some(&duplicate)));
}

/// B14: parameters are sent, and the driver gives up if StartTransaction always fails.
#[tokio::test]
async fn b14_start_transaction_is_not_tried_for_ever() {
    let (transport, driver) = driver();
    for _ in 0..100 {
        transport.on("StartTransaction", Answer::Lost);
    }
    let error = driver.execute(insert).await.unwrap_err();
    assert!(matches!(error, Error::Transport(TransportError::Lost(_))));
    assert_eq!(transport.commands().iter().filter(|name| **name == "StartTransaction").count(), 5);
}

/// The closure does not run again because of an error that it has handled.
#[tokio::test]
async fn a_failure_that_was_handled_is_forgotten() {
    let (transport, driver) = driver();
    transport.on("ExecuteStatement", Answer::fails(Exception::RateExceeded, "Rate exceeded"));
    let runs = AtomicU32::new(0);
    let result: Result<(), Error> = driver
        .execute(|transaction| {
            runs.fetch_add(1, Ordering::Relaxed);
            async move {
                transaction.execute("first", ()).await.map(drop).unwrap_err();
                transaction.execute("second", ()).await?;
                Err(Error::Configuration("the caller's".into()))
            }
        })
        .await;
    assert_eq!(result.unwrap_err().to_string(), "the caller's");
    assert_eq!(runs.into_inner(), 1);
}

/// If a future is dropped between two commands, its transaction is aborted, and its session used again.
#[tokio::test]
async fn a_dropped_execution_is_aborted() {
    let (transport, driver) = driver();
    let stuck = driver.execute(|transaction| async move {
        transaction.execute("s", ()).await?;
        std::future::pending::<Result<(), Error>>().await
    });
    assert!(tokio::time::timeout(Duration::from_millis(20), stuck).await.is_err());
    crate::until_sent(&transport, 4).await;
    assert_eq!(transport.commands()[3], "AbortTransaction");
    driver.execute(insert).await.unwrap();
    assert_eq!(transport.commands()[4], "StartTransaction");
}

#[tokio::test]
async fn executions_can_be_spawned() {
    let (_, driver) = driver();
    let other = driver.clone();
    let task = tokio::spawn(async move {
        let name = String::from("Ann");
        // A closure that is spawned borrows too: nothing is cloned for each run.
        let name = &name;
        other
            .execute(|transaction| async move {
                transaction.execute("INSERT INTO people VALUE {'name': ?}", name).await?.fetch_all().await
            })
            .await
    });
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn tables_are_listed_by_name() {
    let (transport, driver) = driver();
    let mut answer = everstrand_driver::ExecuteStatementResult {
        first_page: Default::default(),
        timing_information: None,
        consumed_ios: None,
        other: Default::default(),
    };
    answer.first_page.values = vec![everstrand_driver::ValueHolder::IonText("\"people\"".into())];
    transport.on("ExecuteStatement", Answer::reply(everstrand_driver::Reply::ExecuteStatement(answer)));
    assert_eq!(driver.list_tables().await.unwrap(), ["people"]);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let build = |builder: everstrand_driver::QldbDriverBuilder| {
        builder.build_over(Arc::new(ScriptedTransport::new())).map(drop).map_err(|error| error.to_string())
    };
    assert!(build(QldbDriver::builder("l").read_ahead(1)).unwrap_err().contains("read_ahead"));
    build(QldbDriver::builder("l").read_ahead(0)).unwrap();
    build(QldbDriver::builder("l").read_ahead(2).retry_limit(0)).unwrap();
    for name in ["", "a--b", "123", "ledger_with_underscore"] {
        assert!(build(QldbDriver::builder(name)).unwrap_err().contains("ledger"), "{name}");
    }
}

/// B12: closing the driver does not end the session of a running transaction.
#[tokio::test]
async fn b12_close_leaves_running_transactions_alone() {
    let (transport, driver) = driver();
    let closing = driver.clone();
    let ran = driver
        .execute(|transaction| {
            let closing = closing.clone();
            async move {
                closing.close().await;
                insert(transaction).await
            }
        })
        .await;
    assert_eq!(ran.unwrap(), 7);
    drop((driver, closing));
    crate::until_sent(&transport, 5).await;
    assert_eq!(transport.commands()[3..], ["CommitTransaction", "EndSession"]);
}
