//! The master key of encrypted ledgers. A process has one, which its command line or its environment names.

use std::path::PathBuf;
use std::sync::OnceLock;

use everstrand_sealing::MasterKey;

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

/// The master key of this process, if one was named.
pub(crate) fn of_process() -> Result<Option<MasterKey>, String> {
    NAMED.get_or_init(MasterKeyArguments::default).read()
}
