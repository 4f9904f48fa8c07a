//! What an answer of the key management service means.

use std::fmt;

use serde_json::Value;

/// Why the service did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KmsError {
    /// The key is disabled, is gone, or may not be used by us. The service said so.
    Denied(String),
    /// The service did not answer, or could not answer now. It says nothing about the key.
    Unreachable(String),
    /// The sealed data key is not as the service made it, or belongs to another ledger or key.
    Damaged(String),
}

impl fmt::Display for KmsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (KmsError::Denied(why) | KmsError::Unreachable(why) | KmsError::Damaged(why)) = self;
        formatter.write_str(why)
    }
}

/// The errors with which the service says that it cannot answer now, also with a status below 500.
const LATER: [&str; 8] = [
    "DependencyTimeoutException",
    "KMSInternalException",
    "KeyUnavailableException",
    "LimitExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
];

/// The errors about a ciphertext.
const DAMAGED: [&str; 2] = ["InvalidCiphertextException", "IncorrectKeyException"];

/// The answer's object, or what its error means.
pub(super) fn read(status: u16, body: &[u8]) -> Result<Value, KmsError> {
    let object = serde_json::from_slice::<Value>(body).ok().filter(Value::is_object);
    if status == 200 {
        return object.ok_or_else(|| {
            KmsError::Unreachable("the KMS answered with something that is no JSON object".to_owned())
        });
    }
    let text = |names: [&str; 2]| {
        let object = object.as_ref()?;
        names.iter().find_map(|name| object.get(name)?.as_str())
    };
    // Some services write the error's type with a namespace in front.
    let code = text(["__type", "code"]).and_then(|code| code.rsplit('#').next()).unwrap_or("");
    let why = match text(["message", "Message"]) {
        Some(message) => format!("the KMS answered {status} {code}: {message}"),
        None => format!("the KMS answered {status} {code}").trim_end().to_owned(),
    };
    Err(match status {
        _ if LATER.contains(&code) => KmsError::Unreachable(why),
        400..=499 if DAMAGED.contains(&code) => KmsError::Damaged(why),
        // An answer without the service's error is a proxy's: it says nothing about the key.
        400..=499 if !code.is_empty() && status != 429 && status != 408 => KmsError::Denied(why),
        _ => KmsError::Unreachable(why),
    })
}

/// A text of an answer, or an error that names what is missing.
pub(super) fn text<'a>(answer: &'a Value, path: &[&str]) -> Result<&'a str, KmsError> {
    let found = path.iter().try_fold(answer, |value, name| value.get(name)).and_then(Value::as_str);
    found.ok_or_else(|| KmsError::Unreachable(format!("the KMS answered without {}", path.join("."))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_services_own_refusal_says_something_about_a_key() {
        let read = |status, body: &str| read(status, body.as_bytes());
        let denied = [
            (400, r#"{"__type":"AccessDeniedException","Message":"no"}"#),
            (400, r#"{"__type":"com.amazonaws.kms#DisabledException","message":"off"}"#),
            (400, r#"{"__type":"NotFoundException"}"#),
            (400, r#"{"__type":"KMSInvalidStateException"}"#),
            (403, r#"{"__type":"InvalidSignatureException"}"#),
        ];
        for (status, body) in denied {
            assert!(matches!(read(status, body), Err(KmsError::Denied(_))), "{body}");
        }
        let unreachable = [
            (200, "<html>"),
            (200, "[]"),
            (400, "<html>"),
            (403, ""),
            (429, r#"{"__type":"TooMany"}"#),
            (400, r#"{"__type":"ThrottlingException"}"#),
            (400, r#"{"__type":"KMSInternalException"}"#),
            (500, r#"{"__type":"AccessDeniedException"}"#),
            (503, ""),
            (302, ""),
        ];
        for (status, body) in unreachable {
            assert!(matches!(read(status, body), Err(KmsError::Unreachable(_))), "{status} {body}");
        }
        let damaged = read(400, r#"{"__type":"InvalidCiphertextException"}"#);
        assert!(matches!(damaged, Err(KmsError::Damaged(_))));
        assert_eq!(read(200, r#"{"a":1}"#), Ok(serde_json::json!({"a": 1})));
    }
}
