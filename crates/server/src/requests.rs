//! The record of requests: one line of the log for each, and counts for the metrics.
//!
//! A line says which client asked for what, and what the answer was. It never holds a token, a parameter, a statement or a
//! secret.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use everstrand_protocol::ServiceError;

use crate::client::Client;
use crate::request::Request;

/// The upper bounds of the histogram's buckets: in milliseconds, and as Prometheus writes them in seconds.
const BUCKETS: [(u64, &str); 10] = [
    (1, "0.001"),
    (3, "0.003"),
    (10, "0.01"),
    (30, "0.03"),
    (100, "0.1"),
    (300, "0.3"),
    (1000, "1"),
    (3000, "3"),
    (10_000, "10"),
    (30_000, "30"),
];

/// The operations that have a histogram. All operations of the control API count as one.
const COUNTED: [&str; 8] = [
    "StartSession",
    "StartTransaction",
    "ExecuteStatement",
    "FetchPage",
    "CommitTransaction",
    "AbortTransaction",
    "EndSession",
    "Control",
];

/// Counts of requests by their outcome.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    latencies: [Latencies; COUNTED.len()],
    /// The number of refused requests by operation and exception. Clients cannot make this map large, because both are names of
    /// ours.
    refused: Mutex<BTreeMap<(&'static str, String), u64>>,
}

#[derive(Debug, Default)]
struct Latencies {
    /// One bucket for each bound, and a last one for requests that took longer.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    millis: AtomicU64,
}

impl Requests {
    /// Logs and counts a request that was answered.
    pub(crate) fn note(
        &self,
        client: &Client,
        request: &Request<'_>,
        operation: &'static str,
        millis: u64,
        answered: Result<u16, &ServiceError>,
        request_id: &str,
    ) {
        if let Some(position) = COUNTED.iter().position(|counted| *counted == operation) {
            self.latencies[position].add(millis);
        }
        let (method, path) = (request.method, request.path);
        match answered {
            Ok(status) => {
                tracing::debug!(%client, method, path, operation, status, millis, request_id, "answered");
            }
            Err(error) => {
                let exception = error.exception.name();
                let status = error.http_status();
                let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                *refused.entry((operation, exception.to_owned())).or_default() += 1;
                drop(refused);
                let code = error.code.as_deref().unwrap_or("");
                // The reason why a statement was refused may repeat a part of it.
                let reason = if operation == "ExecuteStatement" { "" } else { error.message.as_str() };
                tracing::debug!(
                    %client, method, path, operation, status, millis, request_id, exception, code, reason, "refused"
                );
            }
        }
    }

    /// Writes all counts in the text format of Prometheus.
    pub(crate) fn write(&self, text: &mut String) {
        let name = "everstrand_command_latency_seconds";
        family(
            text,
            name,
            "histogram",
            "The time to answer a command; all operations of the control API count as one.",
        );
        for (operation, latencies) in COUNTED.iter().zip(&self.latencies) {
            let mut count = 0;
            for ((_, bound), bucket) in BUCKETS.iter().zip(&latencies.buckets) {
                count += bucket.load(Ordering::Relaxed);
                let _ = writeln!(text, "{name}_bucket{{CommandType=\"{operation}\",le=\"{bound}\"}} {count}");
            }
            count += latencies.buckets[BUCKETS.len()].load(Ordering::Relaxed);
            let millis = latencies.millis.load(Ordering::Relaxed);
            let (whole, rest) = (millis / 1000, millis % 1000);
            let _ = writeln!(text, "{name}_bucket{{CommandType=\"{operation}\",le=\"+Inf\"}} {count}");
            let _ = writeln!(text, "{name}_sum{{CommandType=\"{operation}\"}} {whole}.{rest:03}");
            let _ = writeln!(text, "{name}_count{{CommandType=\"{operation}\"}} {count}");
        }
        let name = "everstrand_exceptions_total";
        family(
            text,
            name,
            "counter",
            "Requests that were answered with an exception, OCC conflicts among them.",
        );
        for ((operation, exception), count) in &*self.refused.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = writeln!(text, "{name}{{CommandType=\"{operation}\",Exception=\"{exception}\"}} {count}");
        }
    }
}

impl Latencies {
    fn add(&self, millis: u64) {
        let bucket = BUCKETS.iter().position(|(bound, _)| millis <= *bound).unwrap_or(BUCKETS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.millis.fetch_add(millis, Ordering::Relaxed);
    }
}

/// Writes the head of a family: the lines before the numbers of one name.
pub(crate) fn family(text: &mut String, name: &str, kind: &str, meaning: &str) {
    let _ = writeln!(text, "# HELP {name} {meaning}\n# TYPE {name} {kind}");
}
