//! Signs requests, for clients.

use std::sync::Mutex;

use hmac::Mac;

use super::{
    ALGORITHM, AmzDate, Credentials, SERVICE, SignedParts, SigningKey, TERMINATOR, hex, string_to_sign,
};

/// Signs requests with one access key in one region. It keeps the signing key of the day.
///
/// ```
/// use everstrand_protocol::signature::{AmzDate, Credentials, SignedParts, Signer};
///
/// let credentials = Credentials {
///     access_key_id: "AKIDEXAMPLE".to_owned(),
///     secret_access_key: "secret".to_owned(),
///     session_token: None,
/// };
/// let signer = Signer::new(credentials, "eu-west-1");
/// let headers = [("host", "127.0.0.1:8182")];
/// let parts = SignedParts { method: "GET", path: "/ledgers", query: "", headers: &headers, body: b"" };
/// let added = signer.sign(&parts, AmzDate::from_unix_seconds(1_700_000_000));
/// assert_eq!(added[0], ("x-amz-date", "20231114T221320Z".to_owned()));
/// assert_eq!(added[1].0, "authorization");
/// ```
#[derive(Debug)]
pub struct Signer {
    credentials: Credentials,
    region: String,
    service: &'static str,
    /// The day that was used last, and its key.
    key: Mutex<Option<(String, SigningKey)>>,
}

impl Signer {
    /// A signer for requests to both APIs.
    pub fn new(credentials: Credentials, region: impl Into<String>) -> Signer {
        Signer::for_service(credentials, region, SERVICE)
    }

    /// A signer for requests to another service of AWS' kind.
    pub fn for_service(credentials: Credentials, region: impl Into<String>, service: &'static str) -> Signer {
        Signer { credentials, region: region.into(), service, key: Mutex::new(None) }
    }

    /// Signs a request and all headers in `parts`. Returns the headers that must be added to it: `x-amz-date`, then
    /// `x-amz-security-token` for temporary credentials, then `authorization`.
    pub fn sign(&self, parts: &SignedParts<'_>, date: AmzDate) -> Vec<(&'static str, String)> {
        let mut added = vec![("x-amz-date", date.to_string())];
        if let Some(token) = &self.credentials.session_token {
            added.push(("x-amz-security-token", token.clone()));
        }
        let mut headers = parts.headers.to_vec();
        headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
        let mut names: Vec<String> = headers.iter().map(|header| header.0.to_ascii_lowercase()).collect();
        names.sort_unstable();
        names.dedup();
        let signed_headers = names.join(";");

        let day = date.day();
        let scope = format!("{day}/{}/{}/{TERMINATOR}", self.region, self.service);
        let text =
            string_to_sign(&SignedParts { headers: &headers, ..*parts }, &signed_headers, &date, &scope);
        let signature = hex(&self.key_of(day).mac(&text).finalize().into_bytes());
        let key_id = &self.credentials.access_key_id;
        let authorization = format!(
            "{ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={signed_headers}, Signature={signature}"
        );
        added.push(("authorization", authorization));
        added
    }

    fn key_of(&self, day: String) -> SigningKey {
        // A poisoned lock is no problem, because the key is always replaced as a whole.
        let mut kept = self.key.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match &*kept {
            Some((kept_day, key)) if *kept_day == day => key.clone(),
            _ => {
                let key =
                    SigningKey::derive(&self.credentials.secret_access_key, &day, &self.region, self.service);
                *kept = Some((day, key.clone()));
                key
            }
        }
    }
}
