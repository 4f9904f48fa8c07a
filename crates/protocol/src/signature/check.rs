//! Checks signatures, for servers: who signed a request, and whether it was changed since.

use hmac::Mac;

use super::{ALGORITHM, AmzDate, SignedParts, SigningKey, TERMINATOR, string_to_sign};
use crate::error::{Exception, ServiceError};

/// How many seconds the time of a signature may differ from the server's. AWS uses the same limit.
pub const CLOCK_SKEW_SECONDS_MAX: i64 = 300;

/// The header `Authorization` of a request, and the headers that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// The id of the key that signed. The server finds the secret by it.
    pub access_key_id: String,
    /// The day in the signature, as `YYYYMMDD`.
    pub day: String,
    /// The region in the signature.
    pub region: String,
    /// The service in the signature.
    pub service: String,
    /// The time of the signature.
    pub date: AmzDate,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
    pub(super) signed_headers: String,
    pub(super) signature: [u8; 32],
}

impl Authorization {
    /// Reads the header `Authorization` and the headers that belong to it. An error says what is missing or wrong.
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
        // The id of the key may have slashes; the parts after it have none.
        let mut scope = credential.rsplitn(5, '/');
        let (Some(TERMINATOR), Some(service), Some(region), Some(day), Some(access_key_id)) =
            (scope.next(), scope.next(), scope.next(), scope.next(), scope.next())
        else {
            return Err(incomplete("Credential is not KEY/DAY/REGION/SERVICE/aws4_request"));
        };
        let signed_headers = member("SignedHeaders")?.to_ascii_lowercase();
        // The names must be sorted and different. If a name could stand there often, a short request could make a very
        // long canonical text, because each name brings all values of its header.
        if !signed_headers.split(';').is_sorted_by(|name, next| name < next) {
            return Err(incomplete("SignedHeaders is not sorted, or names a header twice"));
        }
        let signature = signature_bytes(member("Signature")?)
            .ok_or_else(|| incomplete("Signature is not of 64 hexadecimal digits"))?;
        let date: AmzDate = header("x-amz-date")
            .and_then(|date| date.parse().ok())
            .ok_or_else(|| incomplete("the header X-Amz-Date is missing or not YYYYMMDD'T'HHMMSS'Z'"))?;
        if date.day() != day {
            return Err(invalid("The day in Credential is not the day in X-Amz-Date"));
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

    /// Checks what can be checked before the body is read: the time, and that the host and all headers of AWS are signed.
    /// Somebody between client and server could change or add a header that is not signed. The error is an
    /// `InvalidSignatureException`.
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

    /// Checks what [`Authorization::check_head`] checks, and the signature. The comparison takes the same time wherever two
    /// signatures differ, so that nobody can find one byte by byte. The error is an `InvalidSignatureException`.
    pub fn check(&self, parts: &SignedParts<'_>, key: &SigningKey, now: AmzDate) -> Result<(), ServiceError> {
        self.check_head(parts.headers, now)?;
        let scope = format!("{}/{}/{}/{TERMINATOR}", self.day, self.region, self.service);
        let text = string_to_sign(parts, &self.signed_headers, &self.date, &scope);
        key.mac(&text).verify_slice(&self.signature).map_err(|_| {
            invalid("The signature does not match the request; check the secret access key and the method of signing")
        })
    }
}

/// Whether the name of a header begins with `x-amz-`, in upper or lower case.
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
