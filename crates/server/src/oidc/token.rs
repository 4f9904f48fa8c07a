//! What a token proves. The decision depends on the token, the keys, the settings and the time, and on nothing else.

use std::fmt;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::OidcSettings;
use super::keys::{Keys, NoKey};

#[cfg(test)]
mod tests;

/// No issuer makes longer tokens.
pub(super) const TOKEN_BYTES_MAX: usize = 16 << 10;
/// How far the issuer's clock may be from ours.
pub(super) const SKEW_SECONDS: i64 = 60;

/// Signatures that only the holder of a private key can make. `HS256` and its like are none: whoever can check one can make one.
const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What a token proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proven {
    /// What the claim says that names the user.
    pub(crate) user: String,
}

/// Why a token proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No key has the id that the token names. The issuer may have made it since the keys were read.
    UnknownKey,
    /// The issuer's keys could not be read.
    NoKeys,
    /// Everything else, in words that repeat nothing of the token.
    Because(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Refusal::UnknownKey => "it is signed with a key that is not among the issuer's",
            Refusal::NoKeys => "the keys of the issuer could not be read",
            Refusal::Because(why) => why,
        })
    }
}

/// Decides what a token proves.
pub(super) fn decide(
    token: &str,
    keys: &Keys,
    settings: &OidcSettings,
    unix_seconds: i64,
) -> Result<Proven, Refusal> {
    let because = |why| Err(Refusal::Because(why));
    if token.len() > TOKEN_BYTES_MAX {
        return because("it is too long");
    }
    if token.bytes().filter(|byte| *byte == b'.').count() != 2 {
        return because("it is no signed token");
    }
    let Ok(header) = decode_header(token) else { return because("its header cannot be read") };
    if !ALGORITHMS.contains(&header.alg) {
        return because("its algorithm is none of RS256, RS384, RS512, ES256, ES384 and EdDSA");
    }
    if header.crit.is_some() || header.extras.inner().contains_key("b64") {
        return because("its header demands what this server does not know");
    }
    let key = keys.find(header.kid.as_deref(), header.alg).map_err(|why| match why {
        NoKey::Unknown => Refusal::UnknownKey,
        NoKey::Unnamed => Refusal::Because("it names no key, and the issuer has several"),
        NoKey::Unfit => Refusal::Because("the key that it names is for another algorithm"),
    })?;
    // The library checks the signature alone: its own checks of claims would read another clock.
    let mut signature = Validation::new(header.alg);
    signature.required_spec_claims.clear();
    (signature.validate_exp, signature.validate_aud) = (false, false);
    let verified = decode::<Map<String, Value>>(token, &key.key, &signature);
    let verified = verified.map_err(|error| match error.kind() {
        ErrorKind::Json(_) => Refusal::Because("its claims cannot be read"),
        _ => Refusal::Because("its signature is wrong"),
    })?;
    check_claims(&verified.claims, settings, unix_seconds).map_err(Refusal::Because)?;
    match verified.claims.get(&settings.claim) {
        Some(Value::String(user)) if !user.is_empty() => Ok(Proven { user: user.clone() }),
        Some(_) => because("the claim that names the user is no text"),
        None => because("the claim that names the user is missing"),
    }
}

/// Checks for whom the token is, whose it is, and when it is valid.
fn check_claims(claims: &Map<String, Value>, settings: &OidcSettings, now: i64) -> Result<(), &'static str> {
    match claims.get("iss") {
        Some(Value::String(issuer)) if *issuer == settings.issuer => {}
        Some(_) => return Err("it is of another issuer"),
        None => return Err("it names no issuer"),
    }
    let is_ours = |audience: &Value| audience.as_str() == Some(settings.audience.as_str());
    match claims.get("aud") {
        Some(Value::Array(audiences)) if audiences.iter().any(is_ours) => {}
        Some(audience) if is_ours(audience) => {}
        Some(_) => return Err("it is for another audience"),
        None => return Err("it names no audience"),
    }
    let expires = seconds(claims, "exp")?.ok_or("it has no end")?;
    if now >= expires.saturating_add(SKEW_SECONDS) {
        return Err("it has expired");
    }
    let issued = seconds(claims, "iat")?.ok_or("it does not say when it was issued")?;
    if issued > now.saturating_add(SKEW_SECONDS) {
        return Err("it was issued in the future");
    }
    match seconds(claims, "nbf")? {
        Some(begins) if begins > now.saturating_add(SKEW_SECONDS) => Err("it is not valid yet"),
        _ => Ok(()),
    }
}

/// A time in whole seconds since 1970. The standard allows fractions, which are cut off.
#[expect(clippy::cast_possible_truncation, reason = "times that do not fit were refused")]
fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, &'static str> {
    const MAX: f64 = 1e15;
    let Some(value) = claims.get(name) else { return Ok(None) };
    match value.as_f64() {
        Some(seconds) if (0.0..=MAX).contains(&seconds) => Ok(Some(seconds as i64)),
        _ => Err("one of its times is no number of seconds since 1970"),
    }
}
