//! Which key signs a request: none, one that lasts, or one that expires and is renewed.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use everstrand_protocol::signature::{Credentials, Signer};
use tokio::sync::Mutex;

use crate::transport::TransportError;

/// Credentials, and the time until which they are valid.
#[derive(Clone, Debug)]
pub struct TemporaryCredentials {
    /// The credentials.
    pub credentials: Credentials,
    /// When they expire; `None` if nobody knows. Then they are used until the service says that they have expired.
    pub expires: Option<SystemTime>,
}

/// What a source of credentials answers, some time. An error is shown to the caller of the driver, so it may not hold a secret.
pub type CredentialsFuture<'a> =
    Pin<Box<dyn Future<Output = Result<TemporaryCredentials, Box<dyn StdError + Send + Sync>>> + Send + 'a>>;

/// Where credentials come from that expire: a process, a file, a service. A transport asks again before they expire, and when the
/// service says that they have. At most one question of a transport is on its way.
pub trait CredentialsSource: fmt::Debug + Send + Sync {
    /// Credentials that are valid now.
    fn credentials(&self) -> CredentialsFuture<'_>;
}

/// The keys of a transport.
#[derive(Debug)]
pub(super) enum Keys {
    /// Requests are not signed.
    None,
    Lasting(Arc<Signer>),
    Renewed(Renewal),
}

impl Keys {
    /// The key that signs a request now. An error means that there is none, so nothing was sent.
    pub(super) async fn signer(&self) -> Result<Option<Arc<Signer>>, TransportError> {
        match self {
            Keys::None => Ok(None),
            Keys::Lasting(signer) => Ok(Some(Arc::clone(signer))),
            Keys::Renewed(renewal) => renewal.signer().await.map(Some),
        }
    }

    /// Notes that the service called a key expired. Answers whether another one can be had.
    pub(super) async fn has_expired(&self, signer: Option<&Arc<Signer>>) -> bool {
        let (Keys::Renewed(renewal), Some(signer)) = (self, signer) else { return false };
        let mut held = renewal.held.lock().await;
        // Somebody else may have renewed it meanwhile.
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(&held.signer, signer)) {
            *held = None;
        }
        true
    }
}

/// A source, and the key that it gave last.
#[derive(Debug)]
pub(super) struct Renewal {
    source: Arc<dyn CredentialsSource>,
    region: String,
    /// Whoever asks the source holds the lock, so others wait for its answer and do not ask too.
    held: Mutex<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    signer: Arc<Signer>,
    /// When to ask for another one, and when this one is of no use any more.
    renew: Option<SystemTime>,
    expires: Option<SystemTime>,
}

/// A key is renewed when a quarter of its time is left, but not earlier than this before its end.
const RENEWED_BEFORE_MAX: Duration = Duration::from_secs(300);

impl Renewal {
    pub(super) fn new(source: Arc<dyn CredentialsSource>, region: String) -> Renewal {
        Renewal { source, region, held: Mutex::new(None) }
    }

    async fn signer(&self) -> Result<Arc<Signer>, TransportError> {
        let mut held = self.held.lock().await;
        let now = SystemTime::now();
        let is_before = |time: Option<SystemTime>| time.is_none_or(|time| now < time);
        if let Some(held) = held.as_ref().filter(|held| is_before(held.renew)) {
            return Ok(Arc::clone(&held.signer));
        }
        match (self.source.credentials().await, held.take()) {
            (Ok(found), _) => {
                let renew = found.expires.map(|expires| renew_at(now, expires));
                let signer = Arc::new(Signer::new(found.credentials, self.region.clone()));
                *held = Some(Held { signer: Arc::clone(&signer), renew, expires: found.expires });
                Ok(signer)
            }
            (Err(_), Some(last)) if is_before(last.expires) => {
                // The error may hold a secret, so it is not logged.
                tracing::warn!("credentials could not be renewed; the last ones are still valid");
                Ok(Arc::clone(&held.insert(last).signer))
            }
            (Err(error), _) => Err(TransportError::NotSent(format!("no credentials: {error}").into())),
        }
    }
}

/// When a key that was got `now` is renewed.
fn renew_at(now: SystemTime, expires: SystemTime) -> SystemTime {
    let left = expires.duration_since(now).unwrap_or_default();
    expires.checked_sub((left / 4).min(RENEWED_BEFORE_MAX)).unwrap_or(expires)
}
