//! Signed checkpoints, published to a second place on a cadence.
//!
//! A journal whose end was cut off is a shorter journal without a fault; only a digest that its operator cannot
//! take back shows what is missing. So every ledger has a key, and whoever configures a place (a folder that is
//! copied away, a server that belongs to somebody else) finds its digests there, signed:
//!
//! ```text
//! PLACE/<strandId>/key                                    the public key, to be kept by those who will verify
//! PLACE/<strandId>/<20 digits of sequenceNo>.checkpoint   one for each published tip, never replaced
//! PLACE/<strandId>/latest.checkpoint                      the newest of them
//! ```
//!
//! Before anything is put there, the newest checkpoint of the ledger is read. Where the journal here is shorter, or not
//! a continuation of what was signed then, nothing is published ([`continues`]): who has both checkpoints would hold
//! proof that this ledger's operator signed two histories.
//!
//! Nothing waits for a place. One that fails is asked again on the next cadence, then after two, four and at most
//! eight of them; meanwhile the age of what was published last grows in the metrics.

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
use place::{Existing, LATEST, PutError};

pub use url::{CheckpointUrl, fetch};

/// A place that fails is asked again after so many cadences at the latest.
const CADENCES_BETWEEN_MAX: u64 = 8;

/// What was published of each ledger, and how the place does.
#[derive(Default)]
pub(crate) struct Published {
    by_strand: Mutex<BTreeMap<UniqueId, Last>>,
    /// Held while somebody publishes: two rounds at once would only be in each other's way.
    rounds: Mutex<Rounds>,
}

/// What was published of one ledger.
#[derive(Clone, Default)]
struct Last {
    /// The tip, and when its checkpoint was known to cover all blocks, on the monotonic clock.
    covered: Option<(u64, u64)>,
    failures: u64,
    /// Why the last attempt failed.
    problem: Option<String>,
    /// Whether it failed because the place has a checkpoint that this journal does not continue.
    contradicted: bool,
}

#[derive(Default)]
struct Rounds {
    failures_in_a_row: u32,
    not_before_millis: u64,
}

/// A ledger whose checkpoint is due.
pub(crate) struct Due {
    /// Its name, for the log.
    pub(crate) name: String,
    /// What to publish a digest of.
    pub(crate) ledger: Ledger,
    /// What signs it, or why there is none.
    pub(crate) seed: Result<[u8; 32], String>,
}

/// Where checkpoints are put, for one round.
enum Opened<'a> {
    Folder(&'a std::path::Path),
    Url(Box<url::Connection<'a>>),
}

impl Opened<'_> {
    fn put(&self, strand: &str, name: &str, content: &str, existing: Existing) -> Result<(), PutError> {
        match self {
            Opened::Folder(folder) => folder::put(&folder.join(strand), name, content, existing),
            Opened::Url(connection) => connection.put(&format!("{strand}/{name}"), content, existing),
        }
    }

    /// Where the newest checkpoint of a strand lies, and its text; none where nothing was published.
    fn newest(&self, strand: &str) -> Result<Option<(String, String)>, PutError> {
        match self {
            Opened::Folder(folder) => folder::newest(&folder.join(strand)),
            Opened::Url(connection) => connection.get(&format!("{strand}/{LATEST}")),
        }
    }
}

impl Published {
    /// Publishes what is due, as soon as somebody else's round is over.
    pub(crate) fn publish(&self, to: &Checkpoints, due: Vec<Due>, now: u64) {
        let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        self.round(to, due, now, &mut rounds);
    }

    /// Publishes what is due, unless somebody does already or the place is being left in peace.
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
            // Now and not when the round began to wait: it must not be older than what another round put there.
            let digest = ledger.ledger.digest();
            let tip = digest.digest_tip_address;
            let is_new = self.last(tip.strand_id).covered.is_none_or(|(last, _)| last != tip.sequence_no);
            let published = match (is_new, &unreachable) {
                (false, _) => Ok(()),
                (true, Some(why)) => Err(PutError::Unreachable(why.clone())),
                (true, None) => put_all(&mut place, to, &ledger, digest),
            };
            let mut by_strand = self.by_strand.lock().unwrap_or_else(PoisonError::into_inner);
            let last = by_strand.entry(tip.strand_id).or_default();
            match published {
                Ok(()) => {
                    *last = Last {
                        covered: Some((tip.sequence_no, now)),
                        failures: last.failures,
                        ..Last::default()
                    };
                }
                Err(error) => {
                    last.failures += 1;
                    last.contradicted = matches!(error, PutError::Contradicted(_));
                    // That one ledger's journal is another is not the place's fault.
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

    /// Milliseconds since the last checkpoint of a ledger covered all that it had.
    pub(crate) fn age_millis(&self, strand_id: UniqueId, now: u64) -> Option<u64> {
        self.last(strand_id).covered.map(|(_, at)| now.saturating_sub(at))
    }

    /// How often a checkpoint of a ledger could not be published.
    pub(crate) fn failures(&self, strand_id: UniqueId) -> u64 {
        self.last(strand_id).failures
    }

    /// Why the last attempt to publish a checkpoint of a ledger failed; nothing where it did not.
    pub(crate) fn problem(&self, strand_id: UniqueId) -> Option<String> {
        self.last(strand_id).problem
    }

    /// Which checkpoint the place has of a ledger that its journal does not continue; nothing where it has none.
    pub(crate) fn contradiction(&self, strand_id: UniqueId) -> Option<String> {
        let last = self.last(strand_id);
        last.problem.filter(|_| last.contradicted)
    }

    /// Whether what was published of a ledger covers all blocks up to this digest.
    pub(crate) fn covers(&self, digest: &Digest) -> bool {
        let tip = digest.digest_tip_address;
        self.last(tip.strand_id).covered.is_some_and(|(covered, _)| covered == tip.sequence_no)
    }

    /// The same, of a ledger that is closed; where it does, it does so still at this time.
    pub(crate) fn covers_still(&self, digest: &Digest, now: u64) -> bool {
        let covers = self.covers(digest);
        if covers {
            let tip = digest.digest_tip_address;
            let mut by_strand = self.by_strand.lock().unwrap_or_else(PoisonError::into_inner);
            by_strand.entry(tip.strand_id).or_default().covered = Some((tip.sequence_no, now));
        }
        covers
    }

    fn last(&self, strand_id: UniqueId) -> Last {
        let by_strand = self.by_strand.lock().unwrap_or_else(PoisonError::into_inner);
        by_strand.get(&strand_id).cloned().unwrap_or_default()
    }
}

/// For how many milliseconds a place is left in peace after so many rounds with a failure: until half a cadence
/// before the one on which it is asked again, so that a tick that comes a little early counts.
fn pause(every: Duration, failures_in_a_row: u32) -> u64 {
    let Some(doublings) = failures_in_a_row.checked_sub(1) else { return 0 };
    let cadences = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX).min(CADENCES_BETWEEN_MAX);
    let every = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
    every.saturating_mul(cadences).saturating_sub(every / 2)
}

/// Puts the key, the checkpoint and its second name of one ledger where they belong, unless what is there already
/// says something else; opens the place first.
fn put_all<'a>(
    place: &mut Option<Opened<'a>>,
    to: &'a Checkpoints,
    ledger: &Due,
    digest: Digest,
) -> Result<(), PutError> {
    let strand_id = digest.digest_tip_address.strand_id;
    let refused = |why: String| PutError::Refused(why);
    let seed = ledger.seed.as_ref().map_err(|why| refused(why.clone()))?;
    let signer =
        CheckpointSigner::from_seed(&origin(strand_id), seed).map_err(|error| refused(error.to_string()))?;
    let place = match place {
        Some(place) => place,
        None => place.insert(match &to.place {
            CheckpointPlace::Folder(folder) => Opened::Folder(folder),
            CheckpointPlace::Url(url) => {
                Opened::Url(Box::new(url::Connection::open(url, to.patience).map_err(PutError::Unreachable)?))
            }
        }),
    };
    let strand = strand_id.to_string();
    if let Some((name, newest)) = place.newest(&strand)? {
        continues::check(&name, &newest, &signer.verifier(), &ledger.ledger, &digest)?;
    }
    let note = Checkpoint::new(digest).signed(&signer).to_note();
    let number = format!("{:020}.checkpoint", digest.digest_tip_address.sequence_no);
    place.put(&strand, "key", &format!("{}\n", signer.verifier()), Existing::Keep)?;
    place.put(&strand, &number, &note, Existing::Keep)?;
    place.put(&strand, LATEST, &note, Existing::Replace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_fails_is_left_in_peace_for_longer_and_longer() {
        let pauses: Vec<u64> = (0..7).map(|failures| pause(Duration::from_secs(10), failures)).collect();
        assert_eq!(pauses, [0, 5_000, 15_000, 35_000, 75_000, 75_000, 75_000]);
    }
}
