//! Tests of the driver over a scripted transport, and over HTTP against a scripted listener.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

#[cfg(feature = "blocking")]
mod blocking;
mod credentials;
mod driver;
mod founding;
mod http;
mod pool;
mod results;
mod rows;
mod session;
mod session_client;
mod tls;

use std::time::Duration;

use everstrand_driver::{ExecuteStatementResult, FetchPageResult, IoUsage, Page, Reply, ValueHolder};
use everstrand_testkit::scripted::{Answer, ScriptedTransport};

/// A page with these ints.
fn page(values: impl IntoIterator<Item = i64>, next_page_token: Option<&str>) -> Page {
    let values = values.into_iter().map(|value| ValueHolder::IonText(value.to_string()));
    Page::new(values.collect(), next_page_token.map(Into::into))
}

fn first_page(values: impl IntoIterator<Item = i64>, next_page_token: Option<&str>) -> Answer {
    Answer::reply(Reply::ExecuteStatement(ExecuteStatementResult {
        first_page: page(values, next_page_token),
        timing_information: None,
        consumed_ios: Some(IoUsage::new(3, 1)),
        other: Default::default(),
    }))
}

fn further_page(values: impl IntoIterator<Item = i64>, next_page_token: Option<&str>) -> Answer {
    Answer::reply(Reply::FetchPage(FetchPageResult {
        page: page(values, next_page_token),
        timing_information: None,
        consumed_ios: Some(IoUsage::new(9, 0)),
        other: Default::default(),
    }))
}

/// Waits until background tasks have sent this number of commands.
async fn until_sent(transport: &ScriptedTransport, count: usize) {
    for _ in 0..500 {
        if transport.sent().len() >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("only {:?} were sent", transport.commands());
}
