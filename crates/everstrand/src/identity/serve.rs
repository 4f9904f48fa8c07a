//! What `everstrand serve` may be told of users.

use std::path::{Path, PathBuf};

use everstrand_server::config::{Config, Storage};
use everstrand_server::{MasterKey, Network};

use super::users_key;

/// Users of a server
#[derive(clap::Args)]
#[group(id = "users")]
pub(crate) struct Users {
    /// The file of the key that seals the secrets of the users that everstrand init has made
    /// [default: users.key in the data folder if it exists, else the master key]
    #[arg(long, env = "EVERSTRAND_USERS_KEY", value_name = "FILE")]
    users_key: Option<PathBuf>,
    /// A proxy whose header X-Forwarded-For is believed when a policy asks for aws:SourceIp: an address or a network such as
    /// 10.0.0.0/8 (may be repeated)
    #[arg(long, value_name = "CIDR")]
    trusted_proxy: Vec<Network>,
}

impl Users {
    /// Puts these settings into a configuration.
    pub(crate) fn configure(self, config: &mut Config) -> Result<(), Box<dyn std::error::Error>> {
        config.trusted_proxies = self.trusted_proxy;
        config.users_key = match (&config.storage, self.users_key.as_deref()) {
            (_, Some(named)) => Some(MasterKey::from_file(named)?),
            (Storage::Folder(folder), None) if users_key::is_in(folder) => {
                users_key::of_folder(folder, None)?
            }
            (_, None) => config.master_key.clone(),
        };
        Ok(())
    }

    /// Whether a key is named or lies in a data folder, so that only users will be answered.
    pub(crate) fn are_expected(&self, folder: &Path) -> bool {
        self.users_key.is_some() || users_key::is_in(folder)
    }
}
