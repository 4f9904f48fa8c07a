//! The checks of an object store.

use std::time::{Duration, Instant};

use bytes::Bytes;
use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::SlotError;
use futures_util::StreamExt;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};

use super::races::{Race, create, race_of_creates, race_of_replacements};
use super::report::{Check, Need, Report, Seen};
use super::slow_body::late_end_of_a_slow_body;
use crate::object::chain;

/// Some stores break one round in ten only, and some take ten seconds for a round. So the rounds go on up to a number
/// or a time, but never end before a few.
const ROUNDS_MIN: usize = 8;
const ROUNDS_MAX: usize = 40;
const ROUNDS_TIME: Duration = Duration::from_secs(20);
/// Lengths around what stores keep inline, in one block, or in chunks.
const LENGTHS: [usize; 5] = [0, 1, 4096, 131_073, 8 * 1024 * 1024];

/// A folder of our own, so that probes that run at the same time do not meet.
pub(super) async fn probe(store: &AmazonS3, prefix: &Path) -> Result<Report, SlotError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| SlotError::NotSent(error.to_string()))?;
    let folder = prefix.clone().join("probe").join(UniqueId::from_bytes(id).to_string());
    let mut checks = vec![missing_key(store, &folder).await?];
    checks.push(bytes_come_back(store, &folder).await);
    checks.push(read_after_create(store, &folder).await);
    checks.push(creates(store, &folder).await);
    checks.push(late_end_of_a_slow_body(store, &folder).await);
    checks.push(replacements(store, &folder).await);
    checks.push(listing(store, &folder).await);
    sweep(store, &folder).await;
    Ok(Report { checks })
}

/// The first request. An error here means that the store cannot be reached, or not with these keys.
async fn missing_key(store: &AmazonS3, folder: &Path) -> Result<Check, SlotError> {
    let (seen, evidence) = match store.get(&folder.clone().join("missing")).await {
        Err(Error::NotFound { .. }) => (Seen::Holds, "404".to_owned()),
        Err(Error::PermissionDenied { .. }) => {
            (Seen::Fails, "403: grant ListBucket, otherwise absence cannot be seen".to_owned())
        }
        Err(error @ Error::Unauthenticated { .. }) => return Err(SlotError::Denied(chain(&error))),
        Err(error) => return Err(SlotError::NotSent(chain(&error))),
        Ok(_) => (Seen::Fails, "an object that nobody created was read".to_owned()),
    };
    Ok(Check { name: "a missing key is answered 404", need: Need::Journal, seen, evidence })
}

async fn bytes_come_back(store: &AmazonS3, folder: &Path) -> Check {
    let mut evidence = format!("{} bytes and less", LENGTHS[LENGTHS.len() - 1]);
    let mut seen = Seen::Holds;
    for length in LENGTHS {
        let key = folder.clone().join(format!("bytes-{length}"));
        let bytes = Bytes::from_iter((0..length).map(|at| at.wrapping_mul(0x9e37_79b1).to_le_bytes()[2]));
        let read = match create(store, &key, bytes.clone()).await {
            Ok(()) => match store.get(&key).await {
                Ok(found) => found.bytes().await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        match read {
            Ok(read) if read == bytes => {}
            Ok(read) => {
                (seen, evidence) =
                    (Seen::Fails, format!("{length} bytes came back as {} others", read.len()));
            }
            Err(error) => (seen, evidence) = (Seen::Unknown, format!("{length} bytes: {}", chain(&error))),
        }
    }
    Check { name: "bytes come back as they were sent", need: Need::Journal, seen, evidence }
}

/// The read goes over whatever connection is free, and the key was read as absent just before.
async fn read_after_create(store: &AmazonS3, folder: &Path) -> Check {
    const ROUNDS: usize = 20;
    let (mut fresh, mut unknown) = (0, 0);
    for round in 0..ROUNDS {
        let key = folder.clone().join(format!("fresh-{round}"));
        let absent = matches!(store.head(&key).await, Err(Error::NotFound { .. }));
        let created = create(store, &key, Bytes::from_static(b"fresh")).await.is_ok();
        let reads = futures_util::future::join_all((0..4).map(|_| store.head(&key))).await;
        match absent && created {
            true if reads.iter().all(Result::is_ok) => fresh += 1,
            true => {}
            false => unknown += 1,
        }
    }
    let seen = match (fresh, unknown) {
        (ROUNDS, _) => Seen::Holds,
        (fresh, unknown) if fresh + unknown == ROUNDS => Seen::Unknown,
        _ => Seen::Fails,
    };
    let evidence = format!("{fresh} of {ROUNDS} keys were seen at once after they were read as absent");
    Check { name: "a created key is seen at once", need: Need::Journal, seen, evidence }
}

async fn creates(store: &AmazonS3, folder: &Path) -> Check {
    let mut races = Rounds::begin();
    while races.go_on() {
        let key = folder.clone().join(format!("race-{}", races.done.len()));
        races.done.push(race_of_creates(store, &key).await);
    }
    judged("of 16 creators of a key one wins", Need::Journal, &races.done)
}

async fn replacements(store: &AmazonS3, folder: &Path) -> Check {
    let mut races = Rounds::begin();
    while races.go_on() {
        let key = folder.clone().join(format!("replace-{}", races.done.len()));
        races.done.push(race_of_replacements(store, &key).await);
    }
    judged("of 16 replacements with a tag one wins", Need::Redaction, &races.done)
}

/// The races so far.
struct Rounds {
    done: Vec<Race>,
    begun: Instant,
}

impl Rounds {
    fn begin() -> Rounds {
        Rounds { done: Vec::new(), begun: Instant::now() }
    }

    fn go_on(&self) -> bool {
        let done = self.done.len();
        let is_decided = self.done.iter().any(|race| race.broken.is_some());
        done < ROUNDS_MIN || (done < ROUNDS_MAX && !is_decided && self.begun.elapsed() < ROUNDS_TIME)
    }
}

fn judged(name: &'static str, need: Need, races: &[Race]) -> Check {
    let broken: Vec<&str> = races.iter().filter_map(|race| race.broken.as_deref()).collect();
    let unanswered: usize = races.iter().map(|race| race.unanswered).sum();
    let (seen, evidence) = match broken[..] {
        [first, ..] => (Seen::Fails, format!("{} of {} rounds: {first}", broken.len(), races.len())),
        [] if races.iter().any(|race| !race.has_winner) => {
            (Seen::Unknown, format!("a round had no winner; {unanswered} requests were not answered"))
        }
        [] => (Seen::Holds, format!("{} rounds; {unanswered} requests were not answered", races.len())),
    };
    Check { name, need, seen, evidence }
}

async fn listing(store: &AmazonS3, folder: &Path) -> Check {
    const KEYS: usize = 10;
    let folder = folder.clone().join("list");
    let mut expected = Vec::new();
    for number in 0..KEYS {
        let key = folder.clone().join(format!("{number:016x}"));
        if create(store, &key, Bytes::from_static(b"listed")).await.is_ok() {
            expected.push(key);
        }
    }
    let listed: Vec<_> = store.list(Some(&folder)).collect().await;
    let listed: Result<Vec<Path>, Error> =
        listed.into_iter().map(|object| object.map(|object| object.location)).collect();
    let (seen, evidence) = match listed {
        Err(error) => (Seen::Fails, chain(&error)),
        Ok(mut listed) => {
            listed.sort();
            let all = expected.iter().all(|key| listed.binary_search(key).is_ok());
            let seen = if all && expected.len() == KEYS { Seen::Holds } else { Seen::Fails };
            (seen, format!("{} of {KEYS} new keys are listed", listed.len()))
        }
    };
    Check { name: "a created key is listed at once", need: Need::Listing, seen, evidence }
}

/// Deletes what the probe left. The server's role may not be allowed to, and that is right.
async fn sweep(store: &AmazonS3, folder: &Path) {
    let left: Vec<_> = store.list(Some(folder)).collect().await;
    for object in left.into_iter().flatten() {
        if store.delete(&object.location).await.is_err() {
            return;
        }
    }
}
