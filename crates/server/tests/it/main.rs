//! The service without sockets: the answers to the bytes of requests.

mod checkpoints;
mod control;
mod folder;
mod follower;
mod identity;
mod imports;
mod ledgers;
mod peers;
mod scheduler;
mod sessions;
mod shared;
mod signatures;
mod wire;

use std::sync::Arc;

use everstrand_ledger::{Environment, ManualClock, SeededIds};
use everstrand_server::config::{Config, Storage};
use everstrand_server::{Request, Response, Service};
use serde_json::Value;

/// A service in memory whose clock stands still.
fn service() -> Service {
    service_and_clock(Config::new(Storage::Memory), 1).0
}

/// A service and its clock, which the test moves. The ids follow from the seed.
fn service_and_clock(config: Config, seed: u64) -> (Service, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(1_700_000_000_000));
    let environment = Environment { clock: clock.clone(), ids: Arc::new(SeededIds::new(seed)) };
    (Service::open_in(config, environment).expect("a service"), clock)
}

async fn send(service: &Service, method: &str, path: &str, target: Option<&str>, body: &[u8]) -> Response {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let headers: Vec<(&str, &str)> = target.iter().map(|target| ("X-Amz-Target", *target)).collect();
    let response = service.handle(Request { method, path, query, headers: &headers, body }).await;
    let header = |wanted: &str| response.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    assert!(header("x-amzn-requestid") && header("content-type"), "every answer has both: {response:?}");
    assert_eq!(header("x-amzn-errortype"), response.status != 200, "{response:?}");
    response
}

/// The status, the exception's name and the message of an answer.
fn error(response: &Response) -> (u16, String, String) {
    let body: Value = serde_json::from_slice(&response.body).expect("JSON");
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (response.status, text("__type"), text("Message"))
}

fn json(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    serde_json::from_slice(&response.body).expect("JSON")
}
