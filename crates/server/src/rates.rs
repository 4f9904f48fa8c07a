//! How many requests a second one client may send: a bucket of tokens for each client, which holds those of one second.
//!
//! What ends a transaction or a session takes no token. A commit that is refused would make its client do all the work again.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use everstrand_protocol::{Command, Exception, ServiceError};

use crate::client::Client;

/// How many tokens of OpenID Connect a client may send in a second. Each costs the check of a signature.
pub(crate) const EXCHANGES_PER_SECOND: NonZeroU32 = NonZeroU32::new(5).expect("it is not 0");
/// How many transactions a principal may have voided in a second. A void takes a place in the journal for ever.
pub(crate) const VOIDS_PER_SECOND: NonZeroU32 = NonZeroU32::new(10).expect("it is not 0");

/// From this number of buckets on, full ones are removed.
const BUCKETS_MAX: usize = 10_000;
/// The parts of a token that a bucket counts.
const PARTS: u64 = 1000;

/// The buckets of all clients; none if there is no bound.
pub(crate) struct Rates {
    per_second: Option<NonZeroU32>,
    buckets: Mutex<HashMap<Client, Bucket>>,
}

struct Bucket {
    /// Thousandths of tokens that were there at `at`.
    parts: u64,
    at: u64,
}

impl Rates {
    pub(crate) fn new(per_second: Option<NonZeroU32>) -> Rates {
        Rates { per_second, buckets: Mutex::default() }
    }

    /// Takes a token for a command, at a time in milliseconds. An error means that the client sends too much.
    pub(crate) fn take_for(&self, client: &Client, command: &Command, now: u64) -> Result<(), ServiceError> {
        match command {
            Command::CommitTransaction { .. } | Command::AbortTransaction | Command::EndSession => Ok(()),
            _ => self.take(client, now),
        }
    }

    /// Takes a token for any other request.
    pub(crate) fn take(&self, client: &Client, now: u64) -> Result<(), ServiceError> {
        self.take_one(client, now, "requests")
    }

    /// Takes a token, of which the error says what for. A caller in this process needs none.
    pub(crate) fn take_one(&self, client: &Client, now: u64, what: &str) -> Result<(), ServiceError> {
        let Some(per_second) = self.per_second.filter(|_| *client != Client::InProcess) else {
            return Ok(());
        };
        let per_second = u64::from(per_second.get());
        let full = per_second * PARTS;
        // A token a second is a thousandth of one a millisecond.
        let parts_at =
            |bucket: &Bucket| (bucket.parts + now.saturating_sub(bucket.at) * per_second).min(full);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(client) {
            buckets.retain(|_, bucket| parts_at(bucket) < full);
        }
        let bucket = buckets.entry(client.clone()).or_insert(Bucket { parts: full, at: now });
        *bucket = Bucket { parts: parts_at(bucket), at: now };
        if let Some(left) = bucket.parts.checked_sub(PARTS) {
            bucket.parts = left;
            return Ok(());
        }
        // With this status the official drivers wait and try again; with QLDB's 400 they would not.
        let message = format!("Rate exceeded: a client of this server may send {per_second} {what} a second");
        Err(ServiceError::new(Exception::RateExceeded, message).with_http_status(503))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn client(last: u8) -> Client {
        Client::at(Ipv4Addr::new(10, 0, 0, last).into())
    }

    #[test]
    fn each_client_has_its_own_tokens_and_gets_new_ones_with_time() {
        let rates = Rates::new(NonZeroU32::new(10));
        let taken =
            |number: u8, now: u64| (0..100).filter(|_| rates.take(&client(number), now).is_ok()).count();
        assert_eq!((taken(1, 0), taken(1, 0), taken(2, 0)), (10, 0, 10));
        assert_eq!((taken(1, 99), taken(1, 100), taken(1, 100)), (0, 1, 0));
        assert_eq!(taken(1, 60_000), 10, "no more than those of a second");
        let error = rates.take(&client(1), 60_000).expect_err("none is left");
        assert_eq!((error.exception.clone(), error.http_status()), (Exception::RateExceeded, 503));
        assert!(rates.take(&Client::InProcess, 0).is_ok());
        assert!((0..1000).all(|_| Rates::new(None).take(&client(1), 0).is_ok()));
    }

    /// A commit is never refused because of the rate, nor is what gives something back.
    #[test]
    fn what_ends_a_transaction_takes_no_token() {
        let rates = Rates::new(NonZeroU32::new(1));
        rates.take(&client(1), 0).expect("the only one");
        let commit = Command::CommitTransaction {
            transaction_id: "HgXAkLjAtV0HQ4lNYdzX60".into(),
            commit_digest: vec![0; 32],
        };
        for command in [commit, Command::AbortTransaction, Command::EndSession] {
            rates.take_for(&client(1), &command, 0).expect("no token is needed");
        }
        let start = Command::StartSession { ledger_name: "cars".into() };
        rates.take_for(&client(1), &start, 0).expect_err("no token is left");
    }

    #[test]
    fn clients_that_are_gone_take_no_memory() {
        let rates = Rates::new(NonZeroU32::new(1));
        for number in 0..u32::try_from(BUCKETS_MAX).expect("small") {
            rates.take(&Client::at(Ipv4Addr::from(number).into()), 0).expect("the first");
        }
        rates.take(&client(1), 1000).expect("room is made");
        assert!(rates.buckets.lock().expect("no panic").len() <= 2);
    }
}
