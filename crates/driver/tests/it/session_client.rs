//! Every method of `SessionClient`: what it sends, and what it returns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use everstrand_driver::{
    Command, Document, Error, Exception, SendCommandRequest, SendCommandResponse, SessionClient,
    SessionToken, Transport, TransportError, Value, ValueHolder,
};
use everstrand_testkit::scripted::{Answer, ScriptedTransport};
use serde_json::json;

use crate::{first_page, further_page, until_sent};

const TX: &str = "HgXAkLjAtV0HQ4lNYdzX60";

async fn session() -> (Arc<ScriptedTransport>, SessionClient<ScriptedTransport>) {
    let transport = Arc::new(ScriptedTransport::new());
    let session = SessionClient::start_session("my-ledger", Arc::clone(&transport)).await.unwrap();
    (transport, session)
}

fn body(transport: &ScriptedTransport, index: usize) -> serde_json::Value {
    serde_json::from_slice(&transport.sent()[index].to_json()).unwrap()
}

#[tokio::test]
async fn start_session_sends_the_ledger_and_keeps_token_and_request_id() {
    let (transport, session) = session().await;
    assert_eq!(body(&transport, 0), json!({"StartSession": {"LedgerName": "my-ledger"}}));
    assert_eq!(session.ledger_name(), "my-ledger");
    assert_eq!(session.token().as_str(), "session1");
    assert_eq!(session.id(), Some("request-1"));
    assert!(Arc::ptr_eq(session.client(), &transport));
}

#[tokio::test]
async fn new_takes_the_parts() {
    let transport = Arc::new(ScriptedTransport::new());
    let session = SessionClient::new("l", SessionToken::from("token"), Arc::clone(&transport), None);
    assert_eq!((session.ledger_name(), session.token().as_str(), session.id()), ("l", "token", None));
    session.abort_transaction().await.unwrap();
    assert_eq!(body(&transport, 0), json!({"SessionToken": "token", "AbortTransaction": {}}));
}

#[tokio::test]
async fn start_transaction_returns_the_whole_answer() {
    let (transport, session) = session().await;
    let result = session.start_transaction().await.unwrap();
    assert_eq!(result.transaction_id.len(), 22);
    assert_eq!(result.timing_information.unwrap().processing_time_milliseconds, 1);
    assert_eq!(body(&transport, 1), json!({"SessionToken": "session1", "StartTransaction": {}}));
}

#[tokio::test]
async fn execute_statement_sends_parameters_as_ion_binary() {
    let (transport, session) = session().await;
    transport.on("ExecuteStatement", first_page([1, 2], Some("next")));
    let result = session.execute_statement(TX, "INSERT INTO T ?", 1).await.unwrap();
    assert_eq!(
        body(&transport, 1),
        json!({"SessionToken": "session1", "ExecuteStatement": {
            "TransactionId": TX, "Statement": "INSERT INTO T ?", "Parameters": [{"IonBinary": "4AEA6iEB"}]}})
    );
    assert_eq!(result.first_page.values.len(), 2);
    assert_eq!(result.first_page.next_page_token.as_ref().unwrap().as_str(), "next");
    let ios = result.consumed_ios.clone().unwrap();
    assert_eq!((ios.read_ios, ios.write_ios), (3, 1));
    // The result has the members that are on the wire.
    assert_eq!(
        serde_json::to_value(&result).unwrap(),
        json!({"FirstPage": {"Values": [{"IonText": "1"}, {"IonText": "2"}], "NextPageToken": "next"},
               "ConsumedIOs": {"ReadIOs": 3, "WriteIOs": 1}})
    );
}

#[tokio::test]
async fn parameters_come_in_many_forms() {
    let (transport, session) = session().await;
    let value = Value::null();
    let document = Document::from(&value);
    session.execute_statement(TX, "none", ()).await.unwrap();
    session.execute_statement(TX, "one", "text").await.unwrap();
    session.execute_statement(TX, "tuple", (1, "text", true, &value, &document)).await.unwrap();
    session.execute_statement(TX, "array", [value.clone(), value.clone()]).await.unwrap();
    session.execute_statement(TX, "slice", &[document.clone(), document.clone()][..]).await.unwrap();
    session.execute_statement(TX, "vector", vec![String::from("a"); 3]).await.unwrap();
    let counts: Vec<usize> = transport
        .sent()
        .iter()
        .filter_map(|request| match &request.command {
            Command::ExecuteStatement { parameters, .. } => {
                assert!(parameters.iter().all(|it| matches!(it, ValueHolder::IonBinary(_))));
                Some(parameters.len())
            }
            _ => None,
        })
        .collect();
    assert_eq!(counts, [0, 1, 5, 2, 2, 3]);
}

#[tokio::test]
async fn fetch_page_sends_the_token_of_the_page_before() {
    let (transport, session) = session().await;
    transport.on("FetchPage", further_page([3], None));
    let result = session.fetch_page(TX, &"tok2abcd==".into()).await.unwrap();
    assert_eq!(
        body(&transport, 1),
        json!({"SessionToken": "session1", "FetchPage": {"TransactionId": TX, "NextPageToken": "tok2abcd=="}})
    );
    assert_eq!((result.page.values.len(), result.page.next_page_token), (1, None));
    assert_eq!(result.consumed_ios.unwrap().read_ios, 9);
}

#[tokio::test]
async fn commit_transaction_sends_any_digest_of_32_bytes() {
    let (transport, session) = session().await;
    let result = session.commit_transaction(TX, [7; 32]).await.unwrap();
    assert_eq!(
        body(&transport, 1),
        json!({"SessionToken": "session1", "CommitTransaction": {
            "TransactionId": TX, "CommitDigest": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="}})
    );
    assert_eq!((result.transaction_id.as_str(), result.commit_digest), (TX, vec![7; 32]));
    let hash = everstrand_driver::Hash([8; 32]);
    assert_eq!(session.commit_transaction(TX, hash).await.unwrap().commit_digest, vec![8; 32]);
}

#[tokio::test]
async fn end_session_returns_errors_and_close_does_not() {
    let (transport, session) = session().await;
    let answer = Answer::fails(Exception::InternalFailure, "");
    transport.on("EndSession", answer.clone());
    assert_eq!(session.end_session().await.unwrap_err().http_status(), Some(500));
    assert!(session.end_session().await.unwrap().timing_information.is_some());

    for answer in [answer, Answer::NotSent, Answer::Lost] {
        let transport = Arc::new(ScriptedTransport::new());
        let session = SessionClient::start_session("l", Arc::clone(&transport)).await.unwrap();
        transport.on("EndSession", answer);
        session.close().await;
        assert_eq!(transport.commands(), ["StartSession", "EndSession"], "ended once, not again by drop");
    }
}

#[tokio::test]
async fn errors_of_the_service_come_as_they_are() {
    let (transport, session) = session().await;
    transport.on("StartTransaction", Answer::fails(Exception::BadRequest, "Transaction already open"));
    let error = session.start_transaction().await.unwrap_err();
    assert!(error.is_bad_request() && !error.is_retriable());
    assert_eq!(error.to_string(), "BadRequestException: Transaction already open");

    transport.on("StartTransaction", Answer::reply(everstrand_driver::Reply::EndSession(Default::default())));
    let error = session.start_transaction().await.unwrap_err();
    assert!(matches!(error, Error::UnexpectedReply { sent: "StartTransaction", received: "EndSession" }));
}

#[tokio::test]
async fn a_scope_ends_its_session_whatever_happens() {
    let transport = Arc::new(ScriptedTransport::new());
    let id = SessionClient::scope("l", Arc::clone(&transport), async |session| {
        Ok::<_, Error>(session.start_transaction().await?.transaction_id)
    });
    assert_eq!(id.await.unwrap().len(), 22);
    assert_eq!(transport.commands(), ["StartSession", "StartTransaction", "EndSession"]);

    let failed: Result<(), Error> = SessionClient::scope("l", Arc::clone(&transport), async |_| {
        Err(Error::Configuration("the caller's".into()))
    })
    .await;
    assert_eq!(failed.unwrap_err().to_string(), "the caller's");
    assert_eq!(transport.commands()[3..], ["StartSession", "EndSession"]);

    let inner = Arc::clone(&transport);
    let task = tokio::spawn(async move {
        SessionClient::scope("l", inner, async |_| -> Result<(), Error> { panic!("the caller's") }).await
    });
    assert!(task.await.unwrap_err().is_panic());
    until_sent(&transport, 7).await;
    assert_eq!(transport.commands()[5..], ["StartSession", "EndSession"]);
}

#[tokio::test]
async fn a_dropped_session_is_ended_in_the_background() {
    let (transport, session) = session().await;
    drop(session);
    until_sent(&transport, 2).await;
    assert_eq!(body(&transport, 1), json!({"SessionToken": "session1", "EndSession": {}}));
}

/// If the future of a close is dropped, a background task ends the session, as with any other drop.
#[tokio::test]
async fn a_close_that_is_given_up_still_ends_the_session() {
    /// A transport that never answers the first EndSession.
    #[derive(Default)]
    struct Stuck(ScriptedTransport, AtomicBool);
    impl Transport for Stuck {
        async fn send_command(
            &self,
            request: SendCommandRequest,
        ) -> Result<SendCommandResponse, TransportError> {
            if request.command == Command::EndSession && !self.1.swap(true, Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            self.0.send_command(request).await
        }
    }
    let transport = Arc::new(Stuck::default());
    let session = SessionClient::start_session("l", Arc::clone(&transport)).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(20), session.close()).await.is_err());
    until_sent(&transport.0, 2).await;
    assert_eq!(transport.0.commands(), ["StartSession", "EndSession"]);
}

#[tokio::test]
async fn a_session_that_the_service_forgot_is_not_ended_again() {
    let (transport, session) = session().await;
    transport.on("StartTransaction", Answer::fails(Exception::InvalidSession, "No such session"));
    assert!(session.start_transaction().await.unwrap_err().is_invalid_session());
    drop(session);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(transport.commands(), ["StartSession", "StartTransaction"]);
}

#[test]
fn without_a_runtime_dropping_does_nothing_and_does_not_block() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (transport, session) = runtime.block_on(session());
    drop(runtime);
    drop(session);
    assert_eq!(transport.commands(), ["StartSession"]);
}

#[tokio::test]
async fn debug_shows_no_token() {
    let (_, session) = session().await;
    let shown = format!("{session:?}");
    assert!(shown.contains("my-ledger") && !shown.contains("session1"), "{shown}");
}

#[test]
fn sessions_may_cross_threads() {
    fn crosses<S: Send + Sync>() {}
    crosses::<SessionClient<ScriptedTransport>>();
    crosses::<everstrand_driver::Transaction<ScriptedTransport>>();
    crosses::<everstrand_driver::QldbDriver<everstrand_driver::HttpTransport>>();
}
