//! Signed checkpoints, published to a second place on a cadence.
//!
//! If somebody cuts a journal's end off, the rest is a shorter journal without a fault. Only a digest that the operator cannot take
//! back shows the loss. So every ledger has a key, and the server publishes its signed digests at a place: a folder that is copied
//! away, or a server that belongs to somebody else.
//!
//! ```text
//! PLACE/<strandId>/key                                    the public key; a verifier should keep a copy
//! PLACE/<strandId>/<20 digits of sequenceNo>.checkpoint   one for each published tip, never replaced
//! PLACE/<strandId>/latest.checkpoint                      the newest of them
//! ```
//!
//! Before the server publishes, it reads the ledger's newest checkpoint. If the journal is shorter than that checkpoint, or does not
//! continue it, the server publishes nothing ([`continues`]). Two checkpoints that contradict each other would prove that the
//! operator signed two histories. Two servers may publish at one place, by mistake or over one journal. In a folder a lock keeps them
//! apart. At a URL `latest.checkpoint` is replaced first, and only if it still is the one that was read. So it is never older than a
//! numbered checkpoint, and of two servers that have read the same one only the first goes on.
//!
//! Commits never wait for a place. A place that fails is asked again after one cadence, then after two, four, and at most eight.
//! Meanwhile the metrics show that the last checkpoint gets older.

mod continues;
mod folder;
mod place;
mod url;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use everstrand_journal::{Checkpoint, CheckpointSigner, Digest, UniqueId, origin};
use everstrand_ledger::Ledger;

use crate::config::{CheckpointPlace, Checkpoints};
use place::{Existing, LATEST, Newest, PutError};

pub(crate) use url::fetch_within;
pub use url::{CheckpointUrl, fetch};

/// The greatest number of cadences until a place that fails is asked again.
const CADENCES_BETWEEN_MAX: u64 = 8;

/// How often a server tries to publish if others publish at the same place meanwhile.
const ATTEMPTS_MAX: u32 = 3;

/// The last checkpoint of each ledger, and the state of the place.
#[derive(Default)]
pub(crate) struct Published {
    by_strand: Mutex<BTreeMap<UniqueId, LastCheckpoint>>,
    /// Held during a round, because two rounds at once would publish the same checkpoints.
    rounds: Mutex<Rounds>,
}

/// The last checkpoint of one ledger.
#[derive(Clone, Default)]
struct LastCheckpoint {
    /// The number of its tip, and the last time at which it covered all blocks, on the monotonic clock.
    covered: Option<(u64, u64)>,
    failures: u64,
    /// Why the last attempt failed.
    problem: Option<String>,
    /// Whether the last attempt failed because this journal does not continue a published checkpoint.
    contradicted: bool,
}

#[derive(Default)]
struct Rounds {
    failures_in_a_row: u32,
    not_before_millis: u64,
}

/// A ledger whose checkpoint is due.
pub(crate) struct Due {
    /// The ledger's name, for the log.
    pub(crate) name: String,
    pub(crate) ledger: Ledger,
    /// The seed of the ledger's key, or why it could not be read.
    pub(crate) seed: Result<[u8; 32], String>,
}

/// The place, opened for one round.
enum OpenPlace<'a> {
    Folder(&'a std::path::Path),
    Url(Box<url::Connection<'a>>),
}

impl OpenPlace<'_> {
    fn put(&self, strand: &str, name: &str, content: &str, existing: Existing<'_>) -> Result<(), PutError> {
        match self {
            OpenPlace::Folder(folder) => folder::put(&folder.join(strand), name, content, existing),
            OpenPlace::Url(connection) => connection.put(&format!("{strand}/{name}"), content, existing),
        }
    }

    /// The newest checkpoint of a strand; `None` if nothing was published.
    fn newest(&self, strand: &str) -> Result<Option<Newest>, PutError> {
        match self {
            OpenPlace::Folder(folder) => folder::newest(&folder.join(strand)),
            OpenPlace::Url(connection) => connection.newest(&format!("{strand}/{LATEST}")),
        }
    }

    /// Puts the next checkpoint under its number and as the newest one.
    fn put_next(
        &self,
        strand: &str,
        number: &str,
        note: &str,
        newest: Option<&Newest>,
    ) -> Result<(), PutError> {
        let latest = || self.put(strand, LATEST, note, Existing::Replace(newest));
        let numbered = || self.put(strand, number, note, Existing::Keep);
        match self {
            // The newest is known by its number.
            OpenPlace::Folder(_) => numbered().and_then(|()| latest()),
            OpenPlace::Url(_) => latest().and_then(|()| numbered()),
        }
    }
}

impl Published {
    /// Publishes the due checkpoints. Waits for another round to end first.
    pub(crate) fn publish(&self, to: &Checkpoints, due: Vec<Due>, now: u64) {
        let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        self.round(to, due, now, &mut rounds);
    }

    /// Publishes the due checkpoints, unless another round is running or the pause after a failure is not over.
    pub(crate) fn publish_on_cadence(&self, to: &Checkpoints, due: impl FnOnce() -> Vec<Due>, now: u64) {
        let Ok(mut rounds) = self.rounds.try_lock() else { return };
        if now >= rounds.not_before_millis {
            self.round(to, due(), now, &mut rounds);
        }
    }

    fn round(&self, to: &Checkpoints, due: Vec<Due>, now: u64, rounds: &mut Rounds) {
        let mut place = None;
        let mut unreachable: Option<String> = None;
        let mut failed = false;
        for ledger in due {
            // Read the digest only now. Read before this round waited for another one, it could be older than the checkpoint that
            // the other round has published.
            let digest = ledger.ledger.digest();
            let tip = digest.digest_tip_address;
            let last = self.last(tip.strand_id).covered.map(|(last, _)| last);
            let is_new = last != Some(tip.sequence_no);
            let published = match (is_new, &unreachable) {
                (false, _) => Ok(()),
                (true, Some(why)) => Err(PutError::Unreachable(why.clone())),
                (true, None) => put_checkpoint(&mut place, to, &ledger, digest, last),
            };
            let mut by_strand = self.by_strand.lock().unwrap_or_else(PoisonError::into_inner);
            let last = by_strand.entry(tip.strand_id).or_default();
            match published {
                Ok(()) => {
                    *last = LastCheckpoint {
                        covered: Some((tip.sequence_no, now)),
                        failures: last.failures,
                        ..LastCheckpoint::default()
                    };
                }
                Err(error) => {
                    last.failures += 1;
                    last.contradicted = matches!(error, PutError::Contradicted(_));
                    // A contradiction is a fault of this ledger, not of the place, so it causes no pause.
                    failed |= !last.contradicted;
                    let is_unreachable = matches!(error, PutError::Unreachable(_));
                    let why = error.into_why();
                    tracing::error!(ledger = %ledger.name, %why, "no checkpoint was published");
                    last.problem = Some(why.clone());
                    unreachable = unreachable.or(is_unreachable.then_some(why));
                }
            }
        }
        rounds.failures_in_a_row = if failed { rounds.failures_in_a_row.saturating_add(1) } else { 0 };
        rounds.not_before_millis = now.saturating_add(pause(to.every, rounds.failures_in_a_row));
    }

    /// Milliseconds since the last checkpoint of a ledger covered all its blocks.
    pub(crate) fn age_millis(&self, strand_id: UniqueId, now: u64) -> Option<u64> {
        self.last(strand_id).covered.map(|(_, at)| now.saturating_sub(at))
    }

    /// How often a checkpoint of a ledger could not be published.
    pub(crate) fn failures(&self, strand_id: UniqueId) -> u64 {
        self.last(strand_id).failures
    }

    /// Why the last attempt to publish a checkpoint of a ledger failed; `None` if it succeeded.
    pub(crate) fn problem(&self, strand_id: UniqueId) -> Option<String> {
        self.last(strand_id).problem
    }

    /// Why a ledger's journal does not continue a published checkpoint; `None` if no such checkpoint is known.
    pub(crate) fn contradiction(&self, strand_id: UniqueId) -> Option<String> {
        let last = self.last(strand_id);
        last.problem.filter(|_| last.contradicted)
    }

    /// Whether the last checkpoint of a ledger covers all blocks of this digest.
    pub(crate) fn covers(&self, digest: &Digest) -> bool {
        let tip = digest.digest_tip_address;
        self.last(tip.strand_id).covered.is_some_and(|(covered, _)| covered == tip.sequence_no)
    }

    /// The same for a closed ledger. If its last checkpoint covers all blocks, notes that it does so at the time `now`.
    pub(crate) fn still_covers(&self, digest: &Digest, now: u64) -> bool {
        let covers = self.covers(digest);
        if covers {
            let tip = digest.digest_tip_address;
            let mut by_strand = self.by_strand.lock().unwrap_or_else(PoisonError::into_inner);
            by_strand.entry(tip.strand_id).or_default().covered = Some((tip.sequence_no, now));
        }
        covers
    }

    fn last(&self, strand_id: UniqueId) -> LastCheckpoint {
        let by_strand = self.by_strand.lock().unwrap_or_else(PoisonError::into_inner);
        by_strand.get(&strand_id).cloned().unwrap_or_default()
    }
}

/// The pause in milliseconds after a number of failed rounds. It ends half a cadence early, so that a tick which comes a little early is
/// not missed.
fn pause(every: Duration, failures_in_a_row: u32) -> u64 {
    let Some(doublings) = failures_in_a_row.checked_sub(1) else { return 0 };
    let cadences = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX).min(CADENCES_BETWEEN_MAX);
    let every = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
    every.saturating_mul(cadences).saturating_sub(every / 2)
}

/// Publishes one ledger's key, its checkpoint, and the checkpoint's second name, unless they contradict what the place has. `last` is
/// the last block of the checkpoint that this server published before. Opens the place if it is not open.
fn put_checkpoint<'a>(
    place: &mut Option<OpenPlace<'a>>,
    to: &'a Checkpoints,
    ledger: &Due,
    digest: Digest,
    last: Option<u64>,
) -> Result<(), PutError> {
    let strand_id = digest.digest_tip_address.strand_id;
    let refused = |why: String| PutError::Refused(why);
    let seed = ledger.seed.as_ref().map_err(|why| refused(why.clone()))?;
    let signer =
        CheckpointSigner::from_seed(&origin(strand_id), seed).map_err(|error| refused(error.to_string()))?;
    let place = match place {
        Some(place) => place,
        None => place.insert(match &to.place {
            CheckpointPlace::Folder(folder) => OpenPlace::Folder(folder),
            CheckpointPlace::Url(url) => OpenPlace::Url(Box::new(url::Connection::new(url, to.patience))),
        }),
    };
    let strand = strand_id.to_string();
    let note = Checkpoint::new(digest).signed(&signer).to_note();
    let number = |tip: u64| format!("{tip:020}.checkpoint");
    let _lock = match place {
        OpenPlace::Folder(folder) => Some(folder::lock(&folder.join(&strand))?),
        OpenPlace::Url(_) => None,
    };
    let mut attempts = 0;
    loop {
        attempts += 1;
        let newest = place.newest(&strand)?;
        if let Some(newest) = &newest {
            let tip = continues::check(newest, &signer.verifier(), &ledger.ledger, &digest)?;
            // A server that was killed may have left it without its number.
            if last != Some(tip) {
                place.put(&strand, &number(tip), &newest.text, Existing::Keep)?;
            }
            // Another server over the same journal has published it, or a later one.
            if tip >= digest.digest_tip_address.sequence_no {
                return Ok(());
            }
        }
        place.put(&strand, "key", &format!("{}\n", signer.verifier()), Existing::Keep)?;
        match place.put_next(&strand, &number(digest.digest_tip_address.sequence_no), &note, newest.as_ref())
        {
            Err(PutError::Overtaken(_)) if attempts < ATTEMPTS_MAX => {}
            put => return put,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_after_failures_gets_longer_and_longer() {
        let pauses: Vec<u64> = (0..7).map(|failures| pause(Duration::from_secs(10), failures)).collect();
        assert_eq!(pauses, [0, 5_000, 15_000, 35_000, 75_000, 75_000, 75_000]);
    }
}
