//! Sends requests to a key management service: DescribeKey, Encrypt and Decrypt, signed with SigV4. It blocks, so it is used on threads
//! that may wait.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use everstrand_protocol::signature::{AmzDate, Credentials, SignedParts, Signer};
use everstrand_sealing::SealingKey;
use hyper::{Request, Uri};
use serde_json::{Value, json};
use ureq::Agent;

use super::CONTEXT;
use super::answer::{self, KmsError};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A longer answer is no answer of the service.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// The prefix of the names of its operations.
const TARGET: &str = "TrentService";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// Where the service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsEndpoint {
    url: String,
    authority: String,
}

impl KmsEndpoint {
    /// Reads `http(s)://HOST[:PORT]`. Plain HTTP is for this machine only, because data keys are sent.
    pub fn parse(url: &str) -> Result<KmsEndpoint, String> {
        let uri: Uri = url.parse().map_err(|error| format!("{url:?} is no URL of a KMS: {error}"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(format!("{url:?} is no URL of a KMS: it must begin with https:// or http://"));
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(format!("{url:?} is no URL of a KMS: it must be https://HOST:PORT alone"));
        }
        let host = authority.host().trim_matches(['[', ']']);
        let is_here = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        match scheme {
            "https" => {}
            "http" if is_here => {}
            "http" => {
                return Err(format!(
                    "{url} is plain HTTP to another machine, and data keys are sent to the KMS: use https://"
                ));
            }
            _ => return Err(format!("{url:?} is no URL of a KMS: it must begin with https:// or http://")),
        }
        Ok(KmsEndpoint { url: format!("{scheme}://{authority}/"), authority: authority.to_string() })
    }
}

/// A key management service, and the access key with which we ask it.
pub struct KmsClient {
    endpoint: KmsEndpoint,
    signer: Signer,
    agent: Agent,
    patience: Duration,
}

impl fmt::Debug for KmsClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KmsClient({})", self.endpoint.url)
    }
}

impl KmsClient {
    /// The service at an endpoint.
    pub fn new(endpoint: KmsEndpoint, region: &str, credentials: Credentials) -> KmsClient {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("everstrand/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let signer = Signer::for_service(credentials, region, "kms");
        KmsClient { endpoint, signer, agent, patience: PATIENCE }
    }

    /// The same service, which has so long to answer one request.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> KmsClient {
        KmsClient { patience, ..self }
    }

    /// The ARN of a key that can seal data keys. The key is named by its id, its ARN, or an alias.
    pub fn describe(&self, key: &str) -> Result<String, KmsError> {
        let answer = self.ask("DescribeKey", &json!({"KeyId": key}))?;
        let arn = answer::text(&answer, &["KeyMetadata", "Arn"])?.to_owned();
        let state = answer::text(&answer, &["KeyMetadata", "KeyState"])?;
        if state != "Enabled" {
            return Err(KmsError::Denied(format!("the key {arn} has the state {state}")));
        }
        // Services that know one kind of key only may leave these out.
        let is = |name: &str, wanted: &str| {
            answer["KeyMetadata"][name].as_str().is_none_or(|value| value == wanted)
        };
        if !is("KeyUsage", "ENCRYPT_DECRYPT") || !is("KeySpec", "SYMMETRIC_DEFAULT") {
            return Err(KmsError::Denied(format!("the key {arn} is no symmetric key for encryption")));
        }
        Ok(arn)
    }

    /// Seals a data key for one ledger.
    pub fn encrypt(&self, arn: &str, ledger_id: &str, key: &SealingKey) -> Result<Vec<u8>, KmsError> {
        let plaintext = STANDARD.encode(key.as_bytes());
        let answer = self.ask(
            "Encrypt",
            &json!({"KeyId": arn, "Plaintext": plaintext, "EncryptionContext": {CONTEXT: ledger_id}}),
        )?;
        bytes(&answer, "CiphertextBlob")
    }

    /// Opens a data key of a ledger.
    pub fn decrypt(&self, arn: &str, ledger_id: &str, sealed: &[u8]) -> Result<SealingKey, KmsError> {
        let answer = self.ask(
            "Decrypt",
            &json!({
                "KeyId": arn, "CiphertextBlob": STANDARD.encode(sealed),
                "EncryptionContext": {CONTEXT: ledger_id},
            }),
        )?;
        let key = <[u8; 32]>::try_from(bytes(&answer, "Plaintext")?);
        let key =
            key.map_err(|_| KmsError::Damaged("the KMS opened something that is no data key".to_owned()))?;
        Ok(SealingKey::from_bytes(&key))
    }

    fn ask(&self, operation: &str, members: &Value) -> Result<Value, KmsError> {
        let body = members.to_string();
        let target = format!("{TARGET}.{operation}");
        let headers = [
            ("content-type", CONTENT_TYPE),
            ("host", self.endpoint.authority.as_str()),
            ("x-amz-target", target.as_str()),
        ];
        let parts =
            SignedParts { method: "POST", path: "/", query: "", headers: &headers, body: body.as_bytes() };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        let added = self.signer.sign(&parts, AmzDate::from_unix_seconds(seconds));
        let mut request = Request::builder().method("POST").uri(&self.endpoint.url);
        for (name, value) in
            headers.iter().copied().chain(added.iter().map(|(name, value)| (*name, value.as_str())))
        {
            request = request.header(name, value);
        }
        let unreachable = |why: String| {
            KmsError::Unreachable(format!("the KMS at {} cannot be reached: {why}", self.endpoint.url))
        };
        let request = request.body(body).map_err(|error| unreachable(error.to_string()))?;
        let patience = self.patience;
        let request = self.agent.configure_request(request).timeout_global(Some(patience)).build();
        let failed = |error: ureq::Error| match error {
            ureq::Error::Timeout(_) => unreachable(format!("no answer within {patience:?}")),
            error => unreachable(error.to_string()),
        };
        let mut answer = self.agent.run(request).map_err(failed)?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(failed)?;
        answer::read(status, &body)
    }
}

fn bytes(answer: &Value, name: &str) -> Result<Vec<u8>, KmsError> {
    let text = answer::text(answer, &[name])?;
    STANDARD
        .decode(text)
        .map_err(|_| KmsError::Unreachable(format!("the KMS answered with a {name} that is no base64")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_keys_are_sent_over_tls_or_stay_on_this_machine() {
        for good in [
            "https://kms.eu-central-1.amazonaws.com",
            "http://127.0.0.1:8080/",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(KmsEndpoint::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://kms.example",
            "http://10.0.0.1",
            "kms.example",
            "ftp://127.0.0.1",
            "https://a/b",
            "https://u:p@a",
            "https://a/?b",
        ] {
            assert!(KmsEndpoint::parse(bad).is_err(), "{bad}");
        }
    }
}
