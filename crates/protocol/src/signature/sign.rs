//! The client's end: headers for a request.

use std::sync::Mutex;

use hmac::Mac;

use super::{
    ALGORITHM, AmzDate, Credentials, SERVICE, SignedParts, SigningKey, TERMINATOR, hex, string_to_sign,
};

/// Signs requests with one set of credentials in one region, and keeps the key of the day.
#[derive(Debug)]
pub struct Signer {
    credentials: Credentials,
    region: String,
    /// The day and its key, as last used.
    key: Mutex<Option<(String, SigningKey)>>,
}

impl Signer {
    /// A signer for both QLDB services.
    pub fn new(credentials: Credentials, region: impl Into<String>) -> Signer {
        Signer { credentials, region: region.into(), key: Mutex::new(None) }
    }

    /// The headers that sign a request, to be added to those of `parts`, all of which are signed:
    /// `x-amz-date`, for temporary credentials `x-amz-security-token`, and `authorization`.
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
        let scope = format!("{day}/{}/{SERVICE}/{TERMINATOR}", self.region);
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
        // A panic elsewhere cannot leave a wrong key here, so a poisoned lock is as good as any.
        let mut kept = self.key.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match &*kept {
            Some((kept_day, key)) if *kept_day == day => key.clone(),
            _ => {
                let key =
                    SigningKey::derive(&self.credentials.secret_access_key, &day, &self.region, SERVICE);
                *kept = Some((day, key.clone()));
                key
            }
        }
    }
}
