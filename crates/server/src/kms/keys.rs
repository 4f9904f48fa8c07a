//! The data keys that a key management service has opened, and whether it still would.
//!
//! A ledger whose key was denied, disabled or removed is *impaired*: nobody reads it or writes to it until the service opens its data
//! key again. A service that does not answer says nothing about a key, so a data key that was opened before is used on, until a grace
//! is over.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use everstrand_sealing::SealingKey;

use super::{KmsClient, KmsError};

/// A key management service, and what it said of the data keys that it sealed.
pub struct KmsKeys {
    client: KmsClient,
    /// A data key that is in use is asked for again after this time.
    check_every: Duration,
    /// A data key may be used for this time after the service opened it last, while the service does not answer.
    grace: Duration,
    known: Mutex<HashMap<String, Known>>,
}

/// A key that the service seals under, and what it has sealed with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed<'a> {
    /// The ledger whose data key it is.
    pub(crate) ledger_id: &'a str,
    /// The key of the service.
    pub(crate) arn: &'a str,
    pub(crate) bytes: &'a [u8],
}

/// What is known of a ledger's data key.
struct Known {
    /// The sealed form that was asked for last.
    sealed: Vec<u8>,
    key: Option<SealingKey>,
    /// When the service opened it last; before that, when it was asked for first.
    good: Instant,
    /// When the service was asked last.
    asked: Instant,
    lost: Option<Lost>,
}

/// Since when a data key may not be used, and why.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) since_millis: i64,
    why: String,
}

impl KmsKeys {
    /// The longest time between two questions for a data key in use, so that a key that was taken away is noticed within five minutes.
    pub const CHECK_EVERY_MAX: Duration = Duration::from_secs(240);

    /// Data keys that this service opens.
    pub fn new(client: KmsClient, check_every: Duration, grace: Duration) -> KmsKeys {
        let check_every = check_every.min(KmsKeys::CHECK_EVERY_MAX);
        KmsKeys { client, check_every, grace, known: Mutex::default() }
    }

    /// The service.
    pub(crate) fn client(&self) -> &KmsClient {
        &self.client
    }

    /// Opens a data key. One that is lost stays so until [`KmsKeys::check`] finds it again.
    pub(crate) fn open(&self, sealed: Sealed<'_>) -> Result<SealingKey, String> {
        if let Some(known) = self.known().get(sealed.ledger_id).filter(|known| known.sealed == sealed.bytes) {
            match (&known.lost, &known.key) {
                (Some(lost), _) => return Err(lost.text(sealed.arn)),
                (None, Some(key)) if known.asked.elapsed() < self.check_every => return Ok(key.clone()),
                _ => {}
            }
        }
        self.ask(sealed)
    }

    /// Whether a ledger's data key was not asked for lately.
    pub(crate) fn is_due(&self, ledger_id: &str) -> bool {
        self.known().get(ledger_id).is_none_or(|known| known.asked.elapsed() >= self.check_every)
    }

    /// Asks for a data key again. What came of it says [`KmsKeys::lost`].
    pub(crate) fn check(&self, sealed: Sealed<'_>) {
        let _ = self.ask(sealed);
    }

    /// Since when a ledger's data key is lost, if it is.
    pub(crate) fn lost(&self, ledger_id: &str) -> Option<Lost> {
        self.known().get(ledger_id)?.lost.clone()
    }

    /// Forgets what is known of a ledger that is deleted, or whose data key is sealed otherwise now.
    pub(crate) fn forget(&self, ledger_id: &str) {
        self.known().remove(ledger_id);
    }

    fn ask(&self, sealed: Sealed<'_>) -> Result<SealingKey, String> {
        let opened = self.client.decrypt(sealed.arn, sealed.ledger_id, sealed.bytes);
        let now = Instant::now();
        let mut all = self.known();
        let known = all.entry(sealed.ledger_id.to_owned()).or_insert_with(|| Known {
            sealed: Vec::new(),
            key: None,
            good: now,
            asked: now,
            lost: None,
        });
        known.asked = now;
        sealed.bytes.clone_into(&mut known.sealed);
        let why = match opened {
            Ok(key) => {
                if known.lost.take().is_some() {
                    tracing::warn!(
                        ledger_id = sealed.ledger_id,
                        key = sealed.arn,
                        "the KMS opens the ledger's data key again"
                    );
                }
                known.good = now;
                known.key = Some(key.clone());
                return Ok(key);
            }
            Err(KmsError::Damaged(why)) => {
                return Err(format!(
                    "its data key is damaged, or another ledger's; put it back from a backup ({why})"
                ));
            }
            Err(KmsError::Unreachable(why)) if now.duration_since(known.good) < self.grace => {
                tracing::warn!(ledger_id = sealed.ledger_id, key = sealed.arn, %why, "the KMS did not open a data key");
                return match &known.key {
                    Some(key) if known.lost.is_none() => Ok(key.clone()),
                    _ => Err(why),
                };
            }
            Err(KmsError::Denied(why) | KmsError::Unreachable(why)) => why,
        };
        known.key = None;
        let lost = known.lost.get_or_insert_with(|| {
            tracing::error!(
                ledger_id = sealed.ledger_id, key = sealed.arn, %why,
                "the ledger is impaired, because the KMS does not open its data key"
            );
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Lost { since_millis: i64::try_from(since.as_millis()).unwrap_or(i64::MAX), why: why.clone() }
        });
        Err(lost.text(sealed.arn))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lost {
    fn text(&self, arn: &str) -> String {
        format!("the ledger is impaired, because its KMS key {arn} is inaccessible: {}", self.why)
    }
}

impl fmt::Debug for KmsKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("KmsKeys").field(&self.client).finish()
    }
}
