//! Users, groups, policies and keys.
//!
//! They lie in a ledger of their own beside the others, so several servers over one store share them. A server decides with what it
//! has read of that ledger. In a shared store it reads every second; if it could not for five seconds, it refuses the requests of
//! users, because a user or a right may have been taken away meanwhile.

mod administrators;
mod changes;
mod directory;
mod exchange;
mod journal;
pub(crate) mod permissions;
mod sealed_again;
mod service;
mod temporary;
mod users;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everstrand_journal::Digest;
use everstrand_ledger::{Clock, Ids};
use everstrand_policy::Place;
use everstrand_protocol::identity::{IdentityReply, IdentityRequest};
use everstrand_protocol::signature::{AmzDate, Authorization};
use everstrand_protocol::{Exception, ServiceError};
use everstrand_sealing::{MasterKey, SealingKey};

use self::changes::NewKeys;
use self::directory::Key;
use self::temporary::TemporaryKey;
use self::users::{KnownUser, Users, of_secret};
use crate::access_keys::unrecognized;
use crate::ledgers::{Ledgers, random_seed};
use crate::oidc::Oidc;
use crate::own_ledgers::USERS_LEDGER;

/// What was read longer ago does not decide any more, where other servers may have changed it.
const AGE_MILLIS_MAX: u64 = 5000;

/// The policy of the first administrator.
const ADMINISTRATOR: &str = "administrator";

/// The users of a server, as it has read them last.
pub(crate) struct Identity {
    ledgers: Arc<Ledgers>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    secrets: SealingKey,
    temporary: SealingKey,
    oidc: Option<Arc<Oidc>>,
    read: RwLock<Read>,
    /// Held while the ledger is read, so that an older answer never replaces a newer one.
    reading: Mutex<()>,
}

/// What was read of the ledger.
#[derive(Clone)]
struct Read {
    users: Arc<Users>,
    /// The digest of the ledger that was read.
    digest: Digest,
    /// Before when reading began, on the monotonic clock.
    at: u64,
}

impl Identity {
    /// The users of a service whose ledgers include the ledger of users.
    pub(crate) fn open(
        ledgers: Arc<Ledgers>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        master_key: &MasterKey,
        oidc: Option<Arc<Oidc>>,
    ) -> Result<Identity, String> {
        let secrets = secrets_key(master_key);
        let read = read(&ledgers, &secrets, &*clock, None).map_err(|error| error.message)?;
        let temporary = master_key.key_for("temporary keys");
        Ok(Identity {
            ledgers,
            clock,
            ids,
            secrets,
            temporary,
            oidc,
            read: RwLock::new(read),
            reading: Mutex::default(),
        })
    }

    /// Reads the ledger again. This waits for the store.
    pub(crate) fn refresh(&self) -> Result<(), ServiceError> {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.last_read();
        let read = read(&self.ledgers, &self.secrets, &*self.clock, Some(&known))?;
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    fn issuer(&self) -> Option<&str> {
        self.oidc.as_ref().map(|oidc| oidc.issuer())
    }

    fn last_read(&self) -> Read {
        self.read.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The users, unless what is known of them is too old.
    pub(crate) fn users(&self) -> Result<Arc<Users>, ServiceError> {
        let read = self.last_read();
        let age = self.clock.monotonic_millis().saturating_sub(read.at);
        if self.ledgers.is_shared() && age > AGE_MILLIS_MAX {
            let message =
                "The server could not read its users for 5 seconds, so it answers no user until it can";
            return Err(ServiceError::new(Exception::ServiceUnavailable, message));
        }
        Ok(read.users)
    }

    /// The user whose key a request names, and the key's secret.
    pub(crate) fn user_of(
        &self,
        authorization: &Authorization,
        unix_seconds: i64,
    ) -> Result<(Arc<KnownUser>, String), ServiceError> {
        let users = self.users()?;
        let key_id = &authorization.access_key_id;
        let found = match &authorization.session_token {
            None => users.with_key(key_id).cloned(),
            Some(token) => match TemporaryKey::from_token(token, &self.temporary) {
                Some(key) if key.access_key_id == *key_id && key.expires <= unix_seconds => {
                    let message = "The security token included in the request is expired";
                    return Err(ServiceError::new(Exception::ExpiredToken, message));
                }
                Some(key) if key.access_key_id == *key_id => {
                    let user = users.with_id(&key.user_id).filter(|user| user.keys.contains(&key.made_by));
                    let user =
                        user.filter(|_| key.issuer.is_none() || key.issuer.as_deref() == self.issuer());
                    user.map(|user| (Arc::clone(user), key.secret_access_key))
                }
                _ => None,
            },
        };
        found.filter(|(user, _)| user.enabled).ok_or_else(unrecognized)
    }

    /// The user with an id, unless it is disabled.
    pub(crate) fn user_with_id(&self, id: &str) -> Result<Arc<KnownUser>, ServiceError> {
        let users = self.users()?;
        users.with_id(id).filter(|user| user.enabled).cloned().ok_or_else(unrecognized)
    }

    /// Changes or lists users, groups and policies. Unless the change is forced, it must leave an administrator. This waits for the
    /// disk or the store.
    pub(crate) fn administer(
        &self,
        request: &IdentityRequest,
        place: &Place,
        is_forced: bool,
    ) -> Result<IdentityReply, ServiceError> {
        let ledger = self.ledgers.open_current(USERS_LEDGER)?;
        let reply = journal::change(&ledger, |directory| {
            let before = directory.clone();
            let reply = changes::apply(directory, request, place, &mut self.new_keys())?;
            if !is_forced {
                administrators::check(&before, directory, self.clock.unix_millis().div_euclid(1000))?;
            }
            Ok(reply)
        })?;
        // What this server was just told it heeds at once; the others heed it when they read.
        self.refresh()?;
        Ok(reply)
    }

    /// A temporary key of a user, who signed the request with one of the keys that last.
    pub(crate) fn temporary_key(
        &self,
        user: &KnownUser,
        made_by: &str,
        duration_seconds: u32,
        unix_seconds: i64,
    ) -> Result<IdentityReply, ServiceError> {
        if !user.keys.iter().any(|key| key == made_by) {
            let message = "A temporary key cannot make another one: sign with the user's own key";
            return Err(ServiceError::new(Exception::AccessDenied, message));
        }
        self.make_temporary_key(user, made_by, None, duration_seconds, unix_seconds)
    }

    /// A temporary key that ends with the key `made_by`. If the user has proved to be it by a token of OpenID Connect, `issuer` is
    /// whose token it was.
    fn make_temporary_key(
        &self,
        user: &KnownUser,
        made_by: &str,
        issuer: Option<&str>,
        duration_seconds: u32,
        unix_seconds: i64,
    ) -> Result<IdentityReply, ServiceError> {
        if !(900..=43_200).contains(&duration_seconds) {
            let message = "DurationSeconds is 900 to 43200";
            return Err(
                ServiceError::new(Exception::InvalidParameter, message).with_parameter("DurationSeconds")
            );
        }
        let (access_key_id, secret_access_key) = random_key("EVTK").map_err(internal)?;
        let expires = unix_seconds + i64::from(duration_seconds);
        let key = TemporaryKey {
            access_key_id: access_key_id.clone(),
            secret_access_key: secret_access_key.clone(),
            user_id: user.id.to_string(),
            made_by: made_by.to_owned(),
            issuer: issuer.map(str::to_owned),
            expires,
        };
        let session_token = key.to_token(&self.temporary);
        let expiration = iso_8601(expires);
        Ok(IdentityReply::TemporaryKey { access_key_id, secret_access_key, session_token, expiration })
    }

    /// Adds the first administrator, unless there are users. `given` is the id and the secret of the administrator's key, if the
    /// caller has chosen them.
    pub(crate) fn initialise(
        &self,
        place: &Place,
        administrator: &str,
        given: Option<(String, String)>,
    ) -> Result<IdentityReply, ServiceError> {
        let ledger = self.ledgers.open_current(USERS_LEDGER)?;
        let everything =
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let policy = IdentityRequest::PutPolicy {
            policy_name: ADMINISTRATOR.to_owned(),
            document: everything.to_owned(),
        };
        let user = IdentityRequest::AddUser {
            user_name: administrator.to_owned(),
            groups: Vec::new(),
            policies: vec![ADMINISTRATOR.to_owned()],
            tags: Default::default(),
        };
        let reply = journal::change(&ledger, |directory| {
            if !directory.users.is_empty() {
                let message = "There are users already; use everstrand user with an administrator's key, or with --data";
                return Err(ServiceError::new(Exception::ResourceAlreadyExists, message));
            }
            let mut keys = RandomKeys { given: given.clone(), ..self.new_keys() };
            changes::apply(directory, &policy, place, &mut keys)?;
            changes::apply(directory, &user, place, &mut keys)
        })?;
        self.refresh()?;
        Ok(reply)
    }

    fn new_keys(&self) -> RandomKeys<'_> {
        RandomKeys { secrets: &self.secrets, ids: &*self.ids, clock: &*self.clock, given: None }
    }
}

/// The key that seals the secrets of users.
fn secrets_key(master_key: &MasterKey) -> SealingKey {
    master_key.key_for("secret access keys")
}

/// Reads the ledger, unless it is as it was when `known` was read.
fn read(
    ledgers: &Ledgers,
    secrets: &SealingKey,
    clock: &dyn Clock,
    known: Option<&Read>,
) -> Result<Read, ServiceError> {
    let at = clock.monotonic_millis();
    let ledger = ledgers.open_current(USERS_LEDGER)?;
    let digest = ledger.digest();
    if let Some(known) = known.filter(|known| known.digest == digest) {
        return Ok(Read { at, ..known.clone() });
    }
    // A block that comes between the digest and the reading is read now and once more at the next call.
    let users = Users::new(&journal::read(&ledger)?, secrets).map_err(internal)?;
    Ok(Read { users: Arc::new(users), digest, at })
}

/// Keys of random bytes.
struct RandomKeys<'a> {
    secrets: &'a SealingKey,
    ids: &'a dyn Ids,
    clock: &'a dyn Clock,
    /// The id and the secret of the next key, if they are chosen.
    given: Option<(String, String)>,
}

impl NewKeys for RandomKeys<'_> {
    fn user_id(&mut self) -> String {
        self.ids.next().to_string()
    }

    fn key(&mut self, user_id: &str) -> Result<(Key, String), ServiceError> {
        let (id, secret) = match self.given.clone() {
            Some(given) => given,
            None => random_key("EVST").map_err(internal)?,
        };
        let sealed = STANDARD.encode(self.secrets.seal(&of_secret(user_id, &id), secret.as_bytes()));
        let created_millis = self.clock.unix_millis();
        Ok((Key { id, secret: sealed, created_millis }, secret))
    }
}

/// The id of a new key, which has 20 characters like AWS's, and its secret, which has 40.
fn random_key(prefix: &str) -> Result<(String, String), String> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = random_seed()?;
    let letters = letters[..16].iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    let id = prefix.chars().chain(letters).collect();
    Ok((id, STANDARD.encode(&random_seed()?[..30])))
}

/// A time such as `2026-11-30T12:00:00Z`.
fn iso_8601(unix_seconds: i64) -> String {
    let compact = AmzDate::from_unix_seconds(unix_seconds).to_string();
    let part = |range: std::ops::Range<usize>| compact.get(range).unwrap_or_default().to_owned();
    format!("{}-{}-{}T{}:{}:{}Z", part(0..4), part(4..6), part(6..8), part(9..11), part(11..13), part(13..15))
}

fn internal(why: String) -> ServiceError {
    ServiceError::new(Exception::InternalFailure, why)
}
