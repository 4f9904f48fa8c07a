//! Seals the secrets of users under another key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everstrand_protocol::{Exception, ServiceError};
use everstrand_sealing::MasterKey;

use super::users::of_secret;
use super::{journal, secrets_key};
use crate::own_ledgers::USERS_LEDGER;
use crate::service::Service;

impl Service {
    /// Seals all secrets of users under another key, in one commit. What is sealed under the new key already stays, so a call that was
    /// interrupted can be repeated. Answers how many secrets there are; none without users. No server may run meanwhile. This blocks
    /// the thread while it waits for files.
    pub fn seal_users_again(&self, old: &MasterKey, new: &MasterKey) -> Result<usize, String> {
        if !self.ledgers.has(USERS_LEDGER) {
            return Ok(0);
        }
        let (old, new) = (secrets_key(old), secrets_key(new));
        let ledger = self.ledgers.open_current(USERS_LEDGER).map_err(|error| error.message)?;
        let sealed = journal::change(&ledger, |directory| {
            let mut count = 0;
            for (name, user) in &mut directory.users {
                for key in &mut user.keys {
                    let wrong = |why: &str| {
                        let message = format!("the secret of the key {} of the user {name} {why}", key.id);
                        ServiceError::new(Exception::InvalidParameter, message)
                    };
                    count += 1;
                    let of = of_secret(&user.id, &key.id);
                    let sealed = STANDARD.decode(&key.secret).map_err(|_| wrong("is no Base64"))?;
                    if new.open(&of, &sealed).is_ok() {
                        continue;
                    }
                    let secret = old.open(&of, &sealed);
                    let secret = secret.map_err(|_| wrong("is sealed under neither of the two keys"))?;
                    key.secret = STANDARD.encode(new.seal(&of, &secret));
                }
            }
            Ok(count)
        });
        sealed.map_err(|error| error.message)
    }
}
