//! Session tokens: the id of the ledger, a random id, and a code that authenticates both and the principal of the session; behind
//! them, sealed, the server that holds the session, if other servers can reach it. Only the holder knows the session of a token. But
//! every server with the same cluster key can tell that a token is genuine, of which ledger it is, and who its holder is. So another
//! server can pass a command on to the holder, or answer what became of a transaction when the holder is gone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use everstrand_journal::UniqueId;
use everstrand_sealing::SealingKey;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

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

    /// A secret for one purpose, which tells nothing about the key.
    pub(crate) fn secret_for(&self, purpose: &str) -> String {
        let derived = self.sealing_key_for(purpose);
        derived.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn sealing_key_for(&self, purpose: &str) -> SealingKey {
        SealingKey::from_bytes(&self.0).derive(purpose)
    }
}

impl std::fmt::Debug for ClusterKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ClusterKey(***)")
    }
}

/// A process that holds sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// A new id at each start, so that a process that started again at the same address is not taken for its predecessor.
    pub(crate) start: UniqueId,
    pub(crate) url: String,
}

impl Holder {
    /// As it stands in tokens, before it is sealed.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [self.start.as_bytes(), self.url.as_bytes()].concat()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Holder> {
        let (start, url) = bytes.split_first_chunk::<16>()?;
        Some(Holder { start: UniqueId::from_bytes(*start), url: String::from_utf8(url.to_vec()).ok()? })
    }
}

/// Makes and checks tokens.
pub(crate) struct Tokens {
    code: Hmac<Sha256>,
    holders: SealingKey,
    /// This process, sealed, as it stands in its tokens. Empty if no other server can reach it.
    own_holder: String,
}

impl Tokens {
    /// Tokens of a process that other servers reach as `holder`.
    pub(crate) fn new(key: &ClusterKey, holder: Option<&Holder>) -> Tokens {
        let mut derived = code(&key.0);
        derived.update(PURPOSE);
        let holders = key.sealing_key_for("holders of sessions");
        let sealed = |holder: &Holder| STANDARD_NO_PAD.encode(holders.seal(b"", &holder.to_bytes()));
        Tokens {
            own_holder: holder.map(sealed).unwrap_or_default(),
            holders,
            code: code(&derived.finalize().into_bytes()),
        }
    }

    /// A token of a principal's session on a ledger. `session` is an id that nobody else has.
    pub(crate) fn make(&self, ledger_id: &str, session: UniqueId, principal: &str) -> String {
        let named = format!("{ledger_id}{session}");
        let holder = &self.own_holder;
        let code = self.code(&named, principal, holder).finalize().into_bytes();
        let code = UniqueId::from_bytes(code[..16].try_into().expect("a code has more bytes"));
        format!("{named}{code}{holder}")
    }

    /// The ledger of a token that is genuine in the hands of a principal.
    pub(crate) fn ledger_of<'t>(&self, token: &'t str, principal: &str) -> Option<&'t str> {
        let (named, rest) = token.split_at_checked(2 * ID)?;
        let (code, holder) = rest.split_at_checked(ID)?;
        let code: UniqueId = code.parse().ok()?;
        // In constant time, so that nobody can guess a code byte by byte.
        self.code(named, principal, holder).verify_truncated_left(code.as_bytes()).ok()?;
        named.get(..ID)
    }

    /// The other process that holds the session of a token, if the token is genuine in the hands of a principal and names one.
    pub(crate) fn other_holder(&self, token: &str, principal: &str) -> Option<Holder> {
        let holder = token.get(3 * ID..).filter(|holder| !holder.is_empty() && *holder != self.own_holder)?;
        self.ledger_of(token, principal)?;
        let sealed = STANDARD_NO_PAD.decode(holder).ok()?;
        Holder::from_bytes(&self.holders.open(b"", &sealed).ok()?)
    }

    /// What is named has one length always, and no principal has a zero byte. So none of the three is mistaken for a part of
    /// another.
    fn code(&self, named: &str, principal: &str, holder: &str) -> Hmac<Sha256> {
        let mut code = self.code.clone();
        code.update(named.as_bytes());
        code.update(principal.as_bytes());
        if !holder.is_empty() {
            code.update(b"\0");
            code.update(holder.as_bytes());
        }
        code
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
        let tokens = Tokens::new(&secret(b'a'), None);
        let ledger = UniqueId::from_bytes([3; 16]).to_string();
        let token = tokens.make(&ledger, UniqueId::from_bytes([5; 16]), "ann");
        assert_eq!(tokens.ledger_of(&token, "ann"), Some(ledger.as_str()));
        assert_eq!(Tokens::new(&secret(b'b'), None).ledger_of(&token, "ann"), None);
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

    #[test]
    fn a_token_tells_other_servers_alone_who_holds_its_session() {
        let key = ClusterKey::from_secret(&[b'a'; 40]).expect("it is long enough");
        let holder =
            |byte| Holder { start: UniqueId::from_bytes([byte; 16]), url: "http://10.0.0.1:8182".to_owned() };
        let (ours, theirs) = (Tokens::new(&key, Some(&holder(1))), Tokens::new(&key, Some(&holder(2))));
        let ledger = UniqueId::from_bytes([3; 16]).to_string();
        let token = theirs.make(&ledger, UniqueId::from_bytes([5; 16]), "ann");
        let characters = |it: char| it.is_ascii_alphanumeric() || "-+/=".contains(it);
        assert!(token.chars().all(characters), "{token} is a token by the model");
        assert_eq!(ours.other_holder(&token, "ann"), Some(holder(2)));
        assert_eq!(Tokens::new(&key, None).other_holder(&token, "ann"), Some(holder(2)));
        assert_eq!(theirs.other_holder(&token, "ann"), None, "it is its own");
        assert_eq!(ours.other_holder(&token, "bob"), None);
        let unnamed = Tokens::new(&key, None).make(&ledger, UniqueId::from_bytes([5; 16]), "ann");
        assert_eq!(ours.other_holder(&unnamed, "ann"), None);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(ours.other_holder(&changed, "ann"), None, "{at}");
            assert_eq!(ours.ledger_of(&changed, "ann"), None, "{at}");
        }
    }

    #[test]
    fn a_holder_reads_as_it_was_written() {
        let holder = Holder { start: UniqueId::from_bytes([7; 16]), url: "http://10.0.0.1:8182".to_owned() };
        assert_eq!(Holder::from_bytes(&holder.to_bytes()), Some(holder));
        assert_eq!(Holder::from_bytes(b"short"), None);
    }
}
