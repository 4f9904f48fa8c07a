//! The master key of encrypted ledgers, and the key management service of those with a KMS key. A process has one of each, which its
//! command line or its environment names.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use everstrand_protocol::signature::Credentials;
use everstrand_sealing::MasterKey;
use everstrand_server::config::Config;
use everstrand_server::{KmsClient, KmsEndpoint, KmsKeys};

/// The variable that holds the master key itself.
const VARIABLE: &str = "EVERSTRAND_MASTER_KEY";

/// What the command line says of it, for whatever opens ledgers or journals in this process.
static NAMED: OnceLock<MasterKeyArguments> = OnceLock::new();

/// Where the master key is. The variable EVERSTRAND_MASTER_KEY may hold it, too.
#[derive(clap::Args, Clone, Debug, Default)]
#[group(id = "master-key")]
pub(crate) struct MasterKeyArguments {
    /// The file with the master key of encrypted ledgers, which `openssl rand -hex 32` makes. The variable
    /// EVERSTRAND_MASTER_KEY may hold the key itself
    #[arg(
        long,
        global = true,
        env = "EVERSTRAND_MASTER_KEY_FILE",
        value_name = "FILE",
        conflicts_with = "master_key_command"
    )]
    master_key_file: Option<PathBuf>,
    /// A command that prints the master key, for example of a secret manager
    #[arg(long, global = true, env = "EVERSTRAND_MASTER_KEY_COMMAND", value_name = "COMMAND")]
    master_key_command: Option<String>,
    /// A key management service that speaks AWS KMS' JSON API, for ledgers with a KmsKey. Its access key comes from
    /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN
    #[arg(long, global = true, env = "EVERSTRAND_KMS_ENDPOINT", value_name = "URL")]
    kms_endpoint: Option<String>,
    /// The region of the key management service [default: the variable AWS_REGION or AWS_DEFAULT_REGION]
    #[arg(
        long,
        global = true,
        env = "EVERSTRAND_KMS_REGION",
        value_name = "REGION",
        requires = "kms_endpoint"
    )]
    kms_region: Option<String>,
    /// A ledger in use asks for its data key again after so many seconds, so that a key that was taken away is noticed
    #[arg(
        long, global = true, value_name = "SECONDS", default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=240)
    )]
    kms_check: u64,
    /// A ledger may be used for so many seconds while the key management service does not answer
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 3600)]
    kms_grace: u64,
}

impl MasterKeyArguments {
    /// From now on [`of_process`] answers the key that these arguments name.
    pub(crate) fn hold(self) {
        let _ = NAMED.set(self);
    }

    fn read(&self) -> Result<Option<MasterKey>, String> {
        let key = match (&self.master_key_file, &self.master_key_command) {
            (Some(file), _) => MasterKey::from_file(file),
            (None, Some(command)) => MasterKey::from_command(command),
            (None, None) => match std::env::var(VARIABLE) {
                Ok(text) if !text.is_empty() => MasterKey::from_text(&text, VARIABLE),
                _ => return Ok(None),
            },
        };
        key.map(Some).map_err(|error| error.to_string())
    }
}

/// The key management service of this process, if one was named.
pub(crate) fn kms_of_process() -> Result<Option<Arc<KmsKeys>>, String> {
    let named = NAMED.get_or_init(MasterKeyArguments::default);
    let Some(url) = &named.kms_endpoint else { return Ok(None) };
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let needed =
        |name: &str| variable(name).ok_or_else(|| format!("--kms-endpoint needs the variable {name}"));
    let region = named.kms_region.clone().or_else(|| variable("AWS_REGION"));
    let region = region
        .or_else(|| variable("AWS_DEFAULT_REGION"))
        .ok_or("--kms-endpoint needs a region: give --kms-region or the variable AWS_REGION")?;
    let credentials = Credentials {
        access_key_id: needed("AWS_ACCESS_KEY_ID")?,
        secret_access_key: needed("AWS_SECRET_ACCESS_KEY")?,
        session_token: variable("AWS_SESSION_TOKEN"),
    };
    let client = KmsClient::new(KmsEndpoint::parse(url)?, &region, credentials);
    let seconds = Duration::from_secs;
    Ok(Some(Arc::new(KmsKeys::new(client, seconds(named.kms_check), seconds(named.kms_grace)))))
}

/// What this process has to open data keys, for a service.
pub(crate) fn configure(config: &mut Config) -> Result<(), String> {
    config.master_key = of_process()?;
    config.kms = kms_of_process()?;
    Ok(())
}

/// The master key of this process, if one was named.
pub(crate) fn of_process() -> Result<Option<MasterKey>, String> {
    NAMED.get_or_init(MasterKeyArguments::default).read()
}
