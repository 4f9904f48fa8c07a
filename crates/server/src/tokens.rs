//! Session tokens: the id of the ledger, a random id, and a code that authenticates both and the principal of the session. Only this server knows the session
//! of a token. But every server with the same cluster key can tell that a token is genuine, and of which ledger it is. So
//! another server, or this one after a restart, can answer what became of a transaction of the session.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use everstrand_journal::UniqueId;

/// What the code is for. Codes for another purpose never equal it.
const PURPOSE: &[u8] = b"session-token";

/// The length of an id as text.
const ID: usize = 22;

/// The secret that all servers over one store share. Keys for single purposes are made of it.
#[derive(Clone)]
pub struct ClusterKey([u8; 32]);

impl ClusterKey {
    /// The least number of bytes in a file that holds a cluster key.
    pub const BYTES_MIN: usize = 32;

    /// The key of a secret, which is the content of a file. White space around it does not count.
    pub fn from_secret(secret: &[u8]) -> Result<ClusterKey, String> {
        let secret = secret.trim_ascii();
        if secret.len() < ClusterKey::BYTES_MIN {
            return Err(format!(
                "a cluster key needs {} bytes or more, such as `openssl rand -hex 32` prints",
                ClusterKey::BYTES_MIN
            ));
        }
        Ok(ClusterKey(Sha256::digest(secret).into()))
    }

    /// The key of random bytes, which nobody else has.
    pub(crate) fn of_random(bytes: [u8; 32]) -> ClusterKey {
        ClusterKey(bytes)
    }
}

impl std::fmt::Debug for ClusterKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ClusterKey(***)")
    }
}

/// Makes and checks tokens.
pub(crate) struct Tokens(Hmac<Sha256>);

impl Tokens {
    pub(crate) fn new(key: &ClusterKey) -> Tokens {
        let mut derived = code(&key.0);
        derived.update(PURPOSE);
        Tokens(code(&derived.finalize().into_bytes()))
    }

    /// A token of a principal's session on a ledger. `session` is an id that nobody else has.
    pub(crate) fn make(&self, ledger_id: &str, session: UniqueId, principal: &str) -> String {
        let named = format!("{ledger_id}{session}");
        let code = self.code(&named, principal);
        format!("{named}{code}")
    }

    /// The ledger of a token that is genuine in the hands of a principal.
    pub(crate) fn ledger_of<'t>(&self, token: &'t str, principal: &str) -> Option<&'t str> {
        let (named, code) = token.split_at_checked(2 * ID)?;
        let code: UniqueId = code.parse().ok()?;
        let mut expected = self.0.clone();
        expected.update(named.as_bytes());
        expected.update(principal.as_bytes());
        // In constant time, so that nobody can guess a code byte by byte.
        expected.verify_truncated_left(code.as_bytes()).ok()?;
        named.get(..ID)
    }

    /// What is named has one length always, so the principal after it cannot be mistaken for a part of it.
    fn code(&self, named: &str, principal: &str) -> UniqueId {
        let mut code = self.0.clone();
        code.update(named.as_bytes());
        code.update(principal.as_bytes());
        let bytes = code.finalize().into_bytes();
        UniqueId::from_bytes(bytes[..16].try_into().expect("a code has more bytes"))
    }
}

/// The ledger that a token names, whether or not the token is genuine.
pub(crate) fn named_ledger(token: &str) -> Option<&str> {
    token.get(..ID)
}

fn code(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("every length of a key is allowed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_genuine_only_under_its_key_and_unchanged() {
        let secret = |byte: u8| ClusterKey::from_secret(&[byte; 40]).expect("it is long enough");
        let tokens = Tokens::new(&secret(b'a'));
        let ledger = UniqueId::from_bytes([3; 16]).to_string();
        let token = tokens.make(&ledger, UniqueId::from_bytes([5; 16]), "ann");
        assert_eq!(tokens.ledger_of(&token, "ann"), Some(ledger.as_str()));
        assert_eq!(Tokens::new(&secret(b'b')).ledger_of(&token, "ann"), None);
        for other in ["", "bob", "an", "annn"] {
            assert_eq!(tokens.ledger_of(&token, other), None, "{other} has no use of it");
        }
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(tokens.ledger_of(&changed, "ann"), None, "{at}");
        }
        for other in ["", "x", &token[..40], &format!("{token}0")] {
            assert_eq!(tokens.ledger_of(other, "ann"), None, "{other}");
        }
        assert!(ClusterKey::from_secret(b"  too short  ").is_err());
    }
}
