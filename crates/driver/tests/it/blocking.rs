//! The driver for programs without an async runtime.

use std::sync::Arc;

use everstrand_driver::{Error, Exception, QldbDriver, RetryPolicy, blocking};
use everstrand_testkit::scripted::{Answer, ScriptedTransport};

fn driver() -> (Arc<ScriptedTransport>, blocking::QldbDriver<ScriptedTransport>) {
    let transport = Arc::new(ScriptedTransport::new());
    let policy = RetryPolicy { wait_base: std::time::Duration::ZERO, ..RetryPolicy::default() };
    let driver = QldbDriver::builder("l").retry_policy(policy).build_over(Arc::clone(&transport)).unwrap();
    (transport, blocking::QldbDriver::new(driver).unwrap())
}

#[test]
fn closures_run_on_the_callers_thread_and_again_after_a_conflict() {
    let (transport, driver) = driver();
    transport.on("ExecuteStatement", crate::first_page([1], Some("more")));
    transport.on("FetchPage", crate::further_page([2], None));
    transport.on("CommitTransaction", Answer::fails(Exception::OccConflict, "OCC"));
    let caller = std::thread::current().id();
    let mut runs = 0;
    let rows = driver.execute(|transaction| {
        assert_eq!(std::thread::current().id(), caller);
        runs += 1;
        transaction.fetch_all::<i64>("SELECT VALUE a FROM t", ())
    });
    assert_eq!((rows.unwrap(), runs), (vec![], 2), "the rows of the run that was committed");
}

#[test]
fn a_transaction_of_ones_own_is_committed_or_aborted() {
    let (transport, driver) = driver();
    let transaction = driver.begin().unwrap();
    transaction.execute("INSERT INTO t ?", 1).unwrap();
    transaction.commit().unwrap();
    driver.begin().unwrap().abort().unwrap();
    drop(driver.begin().unwrap());
    let report = driver.shutdown(std::time::Duration::from_secs(5));
    assert_eq!(report.aborted, 0);
    assert!(matches!(driver.begin(), Err(Error::DriverClosed)));
    assert_eq!(
        transport.commands().join(" "),
        "StartSession StartTransaction ExecuteStatement CommitTransaction StartTransaction AbortTransaction \
         StartTransaction AbortTransaction EndSession"
    );
}
