//! Cursors: pages, reading ahead, statistics, and the end of the transaction.

use std::sync::Arc;

use everstrand_driver::{Error, Exception, IoUsage, QldbSession, Statistics, Transaction};
use everstrand_testkit::scripted::{Answer, ScriptedTransport};

use crate::{first_page, further_page, until_sent};

async fn transaction(
    read_ahead: usize,
) -> (Arc<ScriptedTransport>, QldbSession<ScriptedTransport>, Transaction<ScriptedTransport>) {
    let transport = Arc::new(ScriptedTransport::new());
    let session = QldbSession::start("my-ledger", Arc::clone(&transport)).await.unwrap();
    let mut session = session.with_read_ahead(read_ahead);
    let transaction = session.start_transaction().await.unwrap();
    (transport, session, transaction)
}

fn script(transport: &ScriptedTransport) {
    transport.on("ExecuteStatement", first_page([1, 2], Some("tok1")));
    transport.on("FetchPage", further_page([], Some("tok2")));
    transport.on("FetchPage", further_page([3], Some("tok3")));
    transport.on("FetchPage", further_page([4, 5], None));
}

fn ints(rows: &[everstrand_driver::Document]) -> Vec<i64> {
    rows.iter().map(|row| row.root().as_i64().unwrap()).collect()
}

#[tokio::test]
async fn rows_come_over_all_pages_with_their_cost() {
    for read_ahead in [0, 2, 3, 10] {
        let (transport, _session, transaction) = transaction(read_ahead).await;
        script(&transport);
        let mut cursor = transaction.execute("s", ()).await.unwrap();
        let mut rows = Vec::new();
        while let Some(row) = cursor.next().await.unwrap() {
            rows.push(row);
        }
        assert_eq!(ints(&rows), [1, 2, 3, 4, 5], "read ahead {read_ahead}");
        assert!(cursor.next().await.unwrap().is_none(), "stays at the end");
        let cost = Statistics { read_ios: 3 + 3 * 9, write_ios: 1, processing_time_milliseconds: 0 };
        assert_eq!(cursor.statistics(), cost);
        let statistics = transaction.statistics().await;
        assert_eq!((statistics.read_ios, statistics.processing_time_milliseconds), (30, 1));
    }
}

#[tokio::test]
async fn pages_can_be_taken_whole_and_empty_ones_are_passed_over() {
    let (transport, _session, transaction) = transaction(0).await;
    script(&transport);
    let mut cursor = transaction.execute("s", ()).await.unwrap();
    let mut pages = Vec::new();
    while let Some(page) = cursor.next_page().await.unwrap() {
        pages.push(ints(&page));
    }
    assert_eq!(pages, [vec![1, 2], vec![3], vec![4, 5]]);
}

#[tokio::test]
async fn without_reading_ahead_a_page_is_fetched_when_needed() {
    let (transport, _session, transaction) = transaction(0).await;
    script(&transport);
    let mut cursor = transaction.execute("s", ()).await.unwrap();
    cursor.next().await.unwrap();
    cursor.next().await.unwrap();
    assert_eq!(transport.sent().len(), 3);
    cursor.next().await.unwrap();
    assert_eq!(transport.sent().len(), 5, "the empty page and the one behind it");
}

#[tokio::test]
async fn reading_ahead_holds_no_more_pages_than_it_may() {
    let (transport, _session, transaction) = transaction(2).await;
    script(&transport);
    let cursor = transaction.execute("s", ()).await.unwrap();
    until_sent(&transport, 4).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    assert_eq!(transport.sent().len(), 4, "one page at hand, one ahead");
    drop(cursor);
    transaction.commit().await.unwrap();
}

/// The cursor was dropped, and the task that reads ahead does not know it yet.
#[tokio::test]
async fn a_transaction_that_was_read_ahead_can_be_abandoned() {
    let (transport, mut session, transaction) = transaction(2).await;
    script(&transport);
    let cursor = transaction.execute("s", ()).await.unwrap();
    until_sent(&transport, 4).await;
    drop(cursor);
    drop(transaction);
    let _open = session.start_transaction().await.unwrap();
    assert_eq!(transport.commands()[4..], ["AbortTransaction", "StartTransaction"]);
}

#[tokio::test]
async fn errors_arrive_in_their_place_also_from_ahead() {
    for read_ahead in [0, 3] {
        let (transport, _session, transaction) = transaction(read_ahead).await;
        transport.on("ExecuteStatement", first_page([1], Some("tok1")));
        transport.on("FetchPage", Answer::Lost);
        let mut cursor = transaction.execute("s", ()).await.unwrap();
        assert!(cursor.next().await.unwrap().is_some());
        assert!(matches!(cursor.next().await.unwrap_err(), Error::Transport(_)), "read ahead {read_ahead}");
    }
}

/// B15: a reader must not wait for a task that was stopped.
#[test]
fn b15_a_reader_does_not_wait_for_a_task_that_is_gone() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (transport, _session, transaction) = runtime.block_on(transaction(2));
    script(&transport);
    let mut cursor = runtime.block_on(transaction.execute("s", ())).unwrap();
    // The runtime of the task is gone, so the task does not run.
    drop(runtime);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        cursor.next_page().await.unwrap();
        let end = tokio::time::timeout(std::time::Duration::from_secs(5), cursor.next()).await;
        assert!(end.expect("it waits").is_err());
    });
}

/// B13: a result of one page, and answers that have only a part of the costs or none.
#[tokio::test]
async fn b13_a_single_page_and_missing_costs() {
    for consumed_ios in [None, Some(IoUsage::new(0, 0))] {
        let (transport, _session, transaction) = transaction(0).await;
        let result = everstrand_driver::ExecuteStatementResult {
            first_page: crate::page([1], None),
            timing_information: None,
            consumed_ios,
            other: Default::default(),
        };
        transport.on("ExecuteStatement", Answer::reply(everstrand_driver::Reply::ExecuteStatement(result)));
        let mut cursor = transaction.execute("s", ()).await.unwrap();
        assert_eq!(cursor.statistics().read_ios, 0);
        assert!(cursor.page_token().is_none());
        assert_eq!(cursor.next_page().await.unwrap().unwrap().len(), 1);
        assert!(cursor.next_page().await.unwrap().is_none() && cursor.next().await.unwrap().is_none());
    }
}

/// Reading can be interrupted and resumed, here by the token of a page.
#[tokio::test]
async fn page_tokens_are_there_for_the_program() {
    let (transport, _session, transaction) = transaction(0).await;
    script(&transport);
    let cursor = transaction.execute("s", ()).await.unwrap();
    let token = cursor.page_token().cloned().unwrap();
    drop(cursor);
    let page = transaction.fetch_page(&token).await.unwrap();
    assert_eq!((page.values.len(), page.next_page_token.unwrap().as_str()), (0, "tok2"));
}

#[tokio::test]
async fn values_that_are_no_ion_are_an_error() {
    let (transport, _session, transaction) = transaction(0).await;
    let mut result = everstrand_driver::ExecuteStatementResult {
        first_page: Default::default(),
        timing_information: None,
        consumed_ios: None,
        other: Default::default(),
    };
    result.first_page.values = vec![everstrand_driver::ValueHolder::IonBinary(vec![1, 2, 3])];
    transport.on("ExecuteStatement", Answer::reply(everstrand_driver::Reply::ExecuteStatement(result)));
    let cursor = transaction.execute("s", ()).await.unwrap();
    assert!(matches!(cursor.fetch_all().await.unwrap_err(), Error::Ion(_)));
}

#[tokio::test]
async fn a_statement_that_is_refused_leaves_no_cursor() {
    let (transport, _session, transaction) = transaction(0).await;
    transport.on("ExecuteStatement", Answer::fails(Exception::BadRequest, "Unsupported PartiQL Statement"));
    assert!(transaction.execute("nonsense", ()).await.unwrap_err().is_bad_request());
}
