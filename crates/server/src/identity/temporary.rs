//! Temporary keys. The server keeps none of them: everything that it must know of one is sealed in the token that the client sends
//! with each request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everstrand_sealing::SealingKey;
use serde::{Deserialize, Serialize};

/// What the token holds under seal.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TemporaryKey {
    #[serde(rename = "k")]
    pub(crate) access_key_id: String,
    #[serde(rename = "s")]
    pub(crate) secret_access_key: String,
    /// The user is looked up at each request, so that the keys of a removed user end at once.
    #[serde(rename = "u")]
    pub(crate) user_id: String,
    /// The key that signed the request for this one. This one ends with it.
    #[serde(rename = "m")]
    pub(crate) made_by: String,
    /// The issuer of the token of OpenID Connect that it was made for, if it was. It ends when the server accepts that issuer no
    /// more.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<String>,
    /// When it ends, in seconds since 1970.
    #[serde(rename = "e")]
    pub(crate) expires: i64,
}

const TOKEN: &[u8] = b"temporary key";
/// Longer tokens are not ours.
const TOKEN_BYTES_MAX: usize = 4096;

impl TemporaryKey {
    /// The value of `X-Amz-Security-Token`.
    pub(crate) fn to_token(&self, key: &SealingKey) -> String {
        let clear = serde_json::to_vec(self).expect("texts are always JSON");
        STANDARD.encode(key.seal(TOKEN, &clear))
    }

    /// The key of a token, if we made it.
    pub(crate) fn from_token(token: &str, key: &SealingKey) -> Option<TemporaryKey> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let sealed = STANDARD.decode(token).ok()?;
        serde_json::from_slice(&key.open(TOKEN, &sealed).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_token_is_not_ours() {
        let key = SealingKey::random();
        let temporary = TemporaryKey {
            access_key_id: "K".to_owned(),
            secret_access_key: "S".to_owned(),
            user_id: "U".to_owned(),
            made_by: "M".to_owned(),
            issuer: None,
            expires: 1,
        };
        let token = temporary.to_token(&key);
        assert_eq!(TemporaryKey::from_token(&token, &key), Some(temporary));
        assert_eq!(TemporaryKey::from_token(&token, &SealingKey::random()), None);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(TemporaryKey::from_token(&changed, &key), None, "{at}");
        }
    }
}
