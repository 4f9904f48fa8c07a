//! Credentials that expire are renewed in time, by one question at a time, and without a word of them in the log.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use everstrand_driver::{
    Credentials, CredentialsFuture, CredentialsSource, HttpTransport, TemporaryCredentials, Transport,
    TransportError,
};

use crate::http::{answer, listener, start_session};

/// A source that gives keys `KEY1`, `KEY2`, …, each for as long as the script says; `None` is a failure.
#[derive(Debug)]
struct Script {
    lifetimes: Mutex<VecDeque<Option<Duration>>>,
    given: Mutex<u32>,
}

impl Script {
    fn of(lifetimes: impl IntoIterator<Item = Option<Duration>>) -> Arc<Script> {
        Arc::new(Script { lifetimes: Mutex::new(lifetimes.into_iter().collect()), given: Mutex::new(0) })
    }
}

impl CredentialsSource for Script {
    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let lifetime =
                self.lifetimes.lock().unwrap().pop_front().flatten().ok_or("the vault is closed")?;
            let mut given = self.given.lock().unwrap();
            *given += 1;
            Ok(TemporaryCredentials {
                credentials: Credentials {
                    access_key_id: format!("KEY{given}"),
                    secret_access_key: "secret".to_owned(),
                    session_token: Some(format!("token{given}")),
                },
                expires: Some(SystemTime::now() + lifetime),
            })
        })
    }
}

fn started() -> String {
    answer("200 OK", "", r#"{"StartSession":{"SessionToken":"abcd"}}"#)
}

fn transport(url: &str, source: Arc<dyn CredentialsSource>) -> HttpTransport {
    HttpTransport::builder().endpoint(url).region("r").credentials_from(source).build().unwrap()
}

/// Which keys signed the requests.
fn keys(asked: &[String]) -> Vec<&str> {
    let key = |request: &String| request.find("Credential=").unwrap() + "Credential=".len();
    asked.iter().map(|request| request[key(request)..].split('/').next().unwrap()).collect()
}

#[tokio::test]
async fn a_key_is_renewed_before_it_expires() {
    let (url, asked) = listener(vec![started(), started(), started()]).await;
    let two = Some(Duration::from_secs(2));
    let transport = transport(&url, Script::of([two, two]));
    transport.send_command(start_session()).await.unwrap();
    transport.send_command(start_session()).await.unwrap();
    // A quarter of its time is left.
    tokio::time::sleep(Duration::from_millis(1600)).await;
    transport.send_command(start_session()).await.unwrap();
    let asked = asked.await.unwrap();
    assert_eq!(keys(&asked), ["KEY1", "KEY1", "KEY2"]);
    assert!(asked[2].contains("token2"), "the token belongs to the key");
}

/// Requests at the same time wait for one answer of the source.
#[tokio::test]
async fn a_source_is_asked_once_at_a_time() {
    let (url, asked) = listener(vec![started(); 8]).await;
    let source = Script::of([Some(Duration::from_secs(60))]);
    let transport = Arc::new(transport(&url, source.clone()));
    let sent: Vec<_> = (0..8)
        .map(|_| {
            let transport = Arc::clone(&transport);
            tokio::spawn(async move { transport.send_command(start_session()).await.map(drop) })
        })
        .collect();
    for sent in sent {
        sent.await.unwrap().unwrap();
    }
    assert_eq!(keys(&asked.await.unwrap()), ["KEY1"; 8]);
}

/// The service may know better than the clock of this machine when a key expires. It has done nothing, so the request is sent again,
/// but only once.
#[tokio::test]
async fn a_key_that_the_service_calls_expired_is_renewed_once() {
    let expired = || {
        answer(
            "403 Forbidden",
            "x-amzn-ErrorType: ExpiredTokenException\r\n",
            r#"{"message":"The security token included in the request is expired"}"#,
        )
    };
    let hour = Some(Duration::from_secs(3600));
    let (url, asked) = listener(vec![started(), expired(), started(), expired(), expired()]).await;
    let transport = transport(&url, Script::of([hour; 4]));
    transport.send_command(start_session()).await.unwrap();
    transport.send_command(start_session()).await.unwrap();
    let error = transport.send_command(start_session()).await.unwrap_err();
    assert!(matches!(error, TransportError::Service(_)), "{error}");
    assert_eq!(keys(&asked.await.unwrap()), ["KEY1", "KEY1", "KEY2", "KEY2", "KEY3"]);
}

/// While the last key is valid, a source that fails is no reason to fail. Afterwards nothing is sent.
#[tokio::test]
async fn a_source_may_fail_while_the_last_key_is_valid() {
    let (url, asked) = listener(vec![started(), started()]).await;
    let transport = transport(&url, Script::of([Some(Duration::from_secs(4))]));
    transport.send_command(start_session()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(3100)).await;
    transport.send_command(start_session()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1000)).await;
    let error = transport.send_command(start_session()).await.unwrap_err();
    assert!(
        matches!(&error, TransportError::NotSent(why) if why.to_string().contains("the vault is closed"))
    );
    assert_eq!(keys(&asked.await.unwrap()), ["KEY1", "KEY1"]);
}

#[cfg(all(feature = "aws-config", target_os = "linux"))]
#[expect(deprecated, reason = "the names that take their place are in a crate that nothing else here needs")]
mod profiles {
    use everstrand_driver::aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};
    use everstrand_driver::aws_config::{Region, SdkConfig};
    use everstrand_driver::{http_from_sdk_config, sdk_config_loader};

    use super::*;

    /// What the profile `ledger` in a file with this text gives. Variables of the environment go before profiles, so they must not be set.
    async fn config(folder: &std::path::Path, text: &str) -> SdkConfig {
        assert!(
            std::env::var_os("AWS_ACCESS_KEY_ID").is_none(),
            "this test needs an environment without keys"
        );
        let file = folder.join("config");
        std::fs::write(&file, text).unwrap();
        let files = ProfileFiles::builder().with_file(ProfileFileKind::Config, file).build();
        sdk_config_loader().profile_files(files).profile_name("ledger").region(Region::new("r")).load().await
    }

    /// A process that hands out keys of two seconds runs again for each, and not for each request.
    #[tokio::test]
    async fn a_process_of_a_profile_runs_again_when_its_keys_expire() {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("runs");
        let script = folder.path().join("keys.sh");
        let text = r#"echo run >> "$1"
n=$(wc -l < "$1" | tr -d ' ')
until=$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%S.%NZ)
echo "{\"Version\": 1, \"AccessKeyId\": \"KEY$n\", \"SecretAccessKey\": \"s\", \"SessionToken\": \"token$n\", \"Expiration\": \"$until\"}"
"#;
        std::fs::write(&script, text).unwrap();
        let profile =
            format!("[profile ledger]\ncredential_process = sh {} {}\n", script.display(), runs.display());
        let config = config(folder.path(), &profile).await;
        let (url, asked) = listener(vec![started(); 5]).await;
        let transport = http_from_sdk_config(&config).await.unwrap().endpoint(url).build().unwrap();
        for wait in [0, 0, 2000, 0, 2000] {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            transport.send_command(start_session()).await.unwrap();
        }
        let asked = asked.await.unwrap();
        // The first run only showed that there are credentials.
        assert_eq!(keys(&asked), ["KEY2", "KEY2", "KEY3", "KEY3", "KEY4"]);
        assert!(asked[4].contains("token4"));
    }

    /// A process that fails, or a profile that is not there, is told at once and by the name of what failed.
    #[tokio::test]
    async fn a_profile_without_credentials_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for text in
            ["[profile ledger]\ncredential_process = sh -c 'exit 3'\n", "[profile other]\nregion = r\n"]
        {
            let config = config(folder.path(), text).await;
            let error = http_from_sdk_config(&config).await.map(drop).unwrap_err();
            assert!(error.to_string().starts_with("no credentials: "), "{error}");
        }
    }

    /// Static keys of a profile file are used as they are.
    #[tokio::test]
    async fn keys_of_a_profile_file_sign() {
        let folder = tempfile::tempdir().unwrap();
        let text = "[profile ledger]\naws_access_key_id = FILEKEY\naws_secret_access_key = s\n";
        let (url, asked) = listener(vec![started(), started()]).await;
        let builder = http_from_sdk_config(&config(folder.path(), text).await).await.unwrap();
        let transport = builder.endpoint(url).build().unwrap();
        transport.send_command(start_session()).await.unwrap();
        transport.send_command(start_session()).await.unwrap();
        assert_eq!(keys(&asked.await.unwrap()), ["FILEKEY", "FILEKEY"]);
    }
}
