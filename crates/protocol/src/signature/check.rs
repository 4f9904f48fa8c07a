//! The server's end: who signed a request, and whether it is the one that was signed.

use hmac::Mac;

use super::{ALGORITHM, AmzDate, SignedParts, SigningKey, TERMINATOR, string_to_sign};
use crate::error::{Exception, ServiceError};

/// How far the signature's time may lie from the server's, as everywhere at AWS.
pub const CLOCK_SKEW_SECONDS_MAX: i64 = 300;

/// What a request says about its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Whose key signed; the server looks the secret up by it.
    pub access_key_id: String,
    /// `YYYYMMDD`.
    pub day: String,
    /// The region the client has in mind.
    pub region: String,
    /// The service the client has in mind.
    pub service: String,
    /// The time of the signature.
    pub date: AmzDate,
    /// What came along with temporary credentials.
    pub session_token: Option<String>,
    signed_headers: String,
    signature: [u8; 32],
}

impl Authorization {
    /// Reads the header `Authorization` and those that belong to it.
    pub fn from_headers(headers: &[(&str, &str)]) -> Result<Authorization, ServiceError> {
        let header = |name: &str| {
            headers.iter().find(|header| header.0.eq_ignore_ascii_case(name)).map(|header| header.1)
        };
        let Some(authorization) = header("authorization") else {
            let message = "The request is not signed, and this service demands a signature";
            return Err(ServiceError::new(Exception::MissingAuthenticationToken, message));
        };
        let Some(members) = authorization.trim().strip_prefix(ALGORITHM) else {
            return Err(incomplete(&format!("the algorithm is not {ALGORITHM}")));
        };
        let member = |name: &str| {
            let values = members.split(',').filter_map(|member| member.trim().split_once('='));
            let mut values = values.filter(|(key, _)| *key == name).map(|(_, value)| value);
            values.next().ok_or_else(|| incomplete(&format!("{name} is missing")))
        };
        let credential = member("Credential")?;
        // The key's id may hold slashes, the scope behind it may not.
        let mut scope = credential.rsplitn(5, '/');
        let (Some(TERMINATOR), Some(service), Some(region), Some(day), Some(access_key_id)) =
            (scope.next(), scope.next(), scope.next(), scope.next(), scope.next())
        else {
            return Err(incomplete("Credential is not KEY/DAY/REGION/SERVICE/aws4_request"));
        };
        let signed_headers = member("SignedHeaders")?.to_ascii_lowercase();
        // Sorted, as the signature wants them, no name is there twice: else a short request could ask for a long text,
        // with all values of a header in it as often as the header is named.
        if !signed_headers.split(';').is_sorted_by(|name, next| name < next) {
            return Err(incomplete("SignedHeaders is not sorted, or names a header twice"));
        }
        let signature = signature_bytes(member("Signature")?)
            .ok_or_else(|| incomplete("Signature is not of 64 hexadecimal digits"))?;
        let date: AmzDate = header("x-amz-date")
            .and_then(|date| date.parse().ok())
            .ok_or_else(|| incomplete("the header X-Amz-Date is missing or not YYYYMMDD'T'HHMMSS'Z'"))?;
        if date.day() != day {
            return Err(invalid("The day in Credential is not the one in X-Amz-Date"));
        }
        Ok(Authorization {
            access_key_id: access_key_id.to_owned(),
            day: day.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            date,
            session_token: header("x-amz-security-token").map(str::to_owned),
            signed_headers,
            signature,
        })
    }

    /// Derives the key that must have signed, from the secret that belongs to
    /// [`access_key_id`](Authorization::access_key_id).
    pub fn signing_key(&self, secret_access_key: &str) -> SigningKey {
        SigningKey::derive(secret_access_key, &self.day, &self.region, &self.service)
    }

    /// Checks what can be checked before the body is there: the time, and that everything is signed which says what
    /// the request means. A header that is not signed can be changed, or added, on the way.
    pub fn check_head(&self, headers: &[(&str, &str)], now: AmzDate) -> Result<(), ServiceError> {
        if (now.unix_seconds() - self.date.unix_seconds()).abs() > CLOCK_SKEW_SECONDS_MAX {
            let message = format!("Signature expired: {} is not within 5 minutes of {now}", self.date);
            return Err(invalid(&message));
        }
        let is_signed =
            |name: &str| self.signed_headers.split(';').any(|signed| signed.eq_ignore_ascii_case(name));
        if !is_signed("host") {
            return Err(invalid("'Host' must be a 'SignedHeader' in the AWS Authorization."));
        }
        match headers.iter().find(|(name, _)| is_of_aws(name) && !is_signed(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let name = name.to_ascii_lowercase();
                Err(invalid(&format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")))
            }
        }
    }

    /// Checks head and signature. The comparison takes the same time wherever they differ.
    pub fn check(&self, parts: &SignedParts<'_>, key: &SigningKey, now: AmzDate) -> Result<(), ServiceError> {
        self.check_head(parts.headers, now)?;
        let scope = format!("{}/{}/{}/{TERMINATOR}", self.day, self.region, self.service);
        let text = string_to_sign(parts, &self.signed_headers, &self.date, &scope);
        key.mac(&text).verify_slice(&self.signature).map_err(|_| {
            invalid("The signature does not match the request; check the secret access key and the method of signing")
        })
    }
}

/// Whether a header's name begins with `x-amz-`, in whatever case.
fn is_of_aws(name: &str) -> bool {
    name.get(..6).is_some_and(|prefix| prefix.eq_ignore_ascii_case("x-amz-"))
}

fn signature_bytes(hex: &str) -> Option<[u8; 32]> {
    let digits = hex.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (char::from(pair[0]).to_digit(16)?, char::from(pair[1]).to_digit(16)?);
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

fn incomplete(what: &str) -> ServiceError {
    ServiceError::new(
        Exception::IncompleteSignature,
        format!("The Authorization header is not complete: {what}"),
    )
}

fn invalid(message: &str) -> ServiceError {
    ServiceError::new(Exception::InvalidSignature, message)
}
