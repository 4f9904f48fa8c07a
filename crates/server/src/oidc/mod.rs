//! OpenID Connect: who proves an identity by a token of a known issuer gets a temporary key of the user whom the token names.
//!
//! `token` decides what a token proves, `keys` reads the issuer's keys, `signature` checks signatures, `source` fetches the keys.
//! The keys are read again after ten minutes, and at a key id that is not among them, but at most once a minute.

mod keys;
mod signature;
mod source;
mod token;

use std::sync::{Arc, Mutex, PoisonError};

use keys::Keys;
use source::Source;
pub(crate) use token::{Proven, Refusal};

/// The keys are not asked for more often.
const READ_INTERVAL_MILLIS: u64 = 60_000;
/// Older keys are read again before they are used.
const FRESH_MILLIS: u64 = 10 * 60_000;
/// Keys that could not be read again for this time are not used any more.
const AGE_MILLIS_MAX: u64 = 60 * 60_000;

/// Whose tokens are accepted, and what they must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcSettings {
    /// What the claim `iss` must be, letter by letter.
    pub issuer: String,
    /// What the claim `aud` must be, or must hold.
    pub audience: String,
    /// The claim that names the user.
    pub claim: String,
    /// Where the issuer's keys (a JSON Web Key Set) are: a file, or a URL with `https`.
    pub keys: String,
    /// A file in PEM whose certificates are trusted at that URL, instead of the public ones.
    pub certificates: Option<std::path::PathBuf>,
}

/// The issuer whose tokens are accepted, with its keys.
pub struct Oidc {
    settings: OidcSettings,
    source: Source,
    held: Mutex<Held>,
    /// Held while the keys are read, so that they are read once at a time.
    reading: Mutex<()>,
}

#[derive(Clone, Default)]
struct Held {
    keys: Option<Arc<Keys>>,
    /// When the keys were read, on the monotonic clock.
    read_at: u64,
    /// When they were asked for last.
    asked_at: Option<u64>,
}

impl Oidc {
    /// Reads the keys if they lie in a file; those at a URL are read at the first token.
    pub fn open(settings: OidcSettings) -> Result<Oidc, String> {
        for (name, value) in
            [("issuer", &settings.issuer), ("audience", &settings.audience), ("claim", &settings.claim)]
        {
            if value.trim().is_empty() {
                return Err(format!("the {name} of OpenID Connect is empty"));
            }
        }
        let source = Source::parse(&settings.keys, settings.certificates.as_deref())?;
        if source.is_file() {
            Keys::parse(&source.read()?).map_err(|why| format!("{}: {why}", settings.keys))?;
        }
        signature::install();
        Ok(Oidc { settings, source, held: Mutex::default(), reading: Mutex::default() })
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Decides what a token proves with the keys that are known.
    pub(crate) fn decide(&self, token: &str, unix_seconds: i64, monotonic: u64) -> Result<Proven, Refusal> {
        let held = self.held();
        let keys = held.keys.filter(|_| monotonic.saturating_sub(held.read_at) <= AGE_MILLIS_MAX);
        let keys = keys.ok_or(Refusal::NoKeys)?;
        token::decide(token, &keys, &self.settings, unix_seconds)
    }

    /// Whether to read the keys before a token is decided that was decided so.
    pub(crate) fn is_due(&self, decided: &Result<Proven, Refusal>, monotonic: u64) -> bool {
        let held = self.held();
        let may = held.asked_at.is_none_or(|at| monotonic.saturating_sub(at) >= READ_INTERVAL_MILLIS);
        let wanted = matches!(decided, Err(Refusal::UnknownKey | Refusal::NoKeys))
            || monotonic.saturating_sub(held.read_at) > FRESH_MILLIS;
        may && wanted
    }

    /// Reads the keys, unless somebody else has done so within the interval. This waits for the disk or the network.
    pub(crate) fn read(&self, monotonic: u64) {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let asked_at = self.held().asked_at;
        if asked_at.is_some_and(|at| monotonic.saturating_sub(at) < READ_INTERVAL_MILLIS) {
            return;
        }
        let read = self.source.read().and_then(|bytes| Keys::parse(&bytes));
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.asked_at = Some(monotonic);
        match read {
            Ok(keys) => (held.keys, held.read_at) = (Some(Arc::new(keys)), monotonic),
            Err(error) => {
                tracing::error!(keys = %self.settings.keys, %error, "the keys of the issuer cannot be read");
            }
        }
    }

    fn held(&self) -> Held {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.settings.fmt(formatter)
    }
}
