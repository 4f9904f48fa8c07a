//! The public keys of an issuer: a JSON Web Key Set.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Map, Value};

/// No issuer has more keys.
const KEYS_MAX: usize = 64;
/// Members of private keys. An issuer that publishes them has no secret any more.
const PRIVATE: [&str; 3] = ["d", "p", "q"];

/// The keys that can check signatures.
#[derive(Debug)]
pub(super) struct Keys(Vec<Key>);

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    id: Option<String>,
    /// The algorithms that fit the key.
    algorithms: &'static [Algorithm],
    /// The only one that the issuer uses it for, if it says so.
    only: Option<KeyAlgorithm>,
    pub(super) key: DecodingKey,
}

/// Why no key fits a token.
pub(super) enum NoKey {
    /// There is none with this id.
    Unknown,
    /// The token names none, and there are several.
    Unnamed,
    /// The key is for another algorithm.
    Unfit,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Map<String, Value>>,
}

impl Keys {
    /// Reads a key set. Keys for other purposes, or of an unknown type, are left out, as the standard wants.
    pub(super) fn parse(bytes: &[u8]) -> Result<Keys, String> {
        let set: Set =
            serde_json::from_slice(bytes).map_err(|error| format!("no JSON Web Key Set: {error}"))?;
        if set.keys.len() > KEYS_MAX {
            return Err(format!("there are {} keys, and {KEYS_MAX} are the most", set.keys.len()));
        }
        if set.keys.iter().any(|key| PRIVATE.iter().any(|member| key.contains_key(*member))) {
            return Err(
                "there is a private key among the keys; tokens are checked with public keys".to_owned()
            );
        }
        let keys: Vec<Key> = set.keys.into_iter().filter_map(Key::of).collect();
        if keys.is_empty() {
            return Err(
                "no key is there that could check a signature of RS256, RS384, RS512, ES256, ES384 or EdDSA"
                    .to_owned(),
            );
        }
        Ok(Keys(keys))
    }

    /// The key that a token names, if it fits the token's algorithm. A token that names none is checked with the only key.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&Key, NoKey> {
        let named: Vec<&Key> = match (id, self.0.as_slice()) {
            (None, [only]) => vec![only],
            (None, _) => return Err(NoKey::Unnamed),
            (Some(id), keys) => keys.iter().filter(|key| key.id.as_deref() == Some(id)).collect(),
        };
        if named.is_empty() {
            return Err(NoKey::Unknown);
        }
        named.into_iter().find(|key| key.fits(algorithm)).ok_or(NoKey::Unfit)
    }
}

impl Key {
    fn of(members: Map<String, Value>) -> Option<Key> {
        let jwk: Jwk = serde_json::from_value(Value::Object(members)).ok()?;
        let common = &jwk.common;
        let signs = common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
        let operations = common.key_operations.as_ref();
        let verifies = operations.is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        if !signs || !verifies {
            return None;
        }
        let algorithms: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => &[Algorithm::RS256, Algorithm::RS384, Algorithm::RS512],
            AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
                EllipticCurve::P256 => &[Algorithm::ES256],
                EllipticCurve::P384 => &[Algorithm::ES384],
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
                &[Algorithm::EdDSA]
            }
            // A symmetric key is a secret, which no issuer shares with us.
            _ => return None,
        };
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Key { id: jwk.common.key_id, algorithms, only: jwk.common.key_algorithm, key })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm) && self.only.is_none_or(|only| only == algorithm.into())
    }
}
