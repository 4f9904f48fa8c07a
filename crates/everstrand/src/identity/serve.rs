//! What `everstrand serve` may be told of users.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use everstrand_server::config::{Config, Storage};
use everstrand_server::{MasterKey, Network, Oidc, OidcSettings};

use super::users_key;

/// Users of a server
#[derive(clap::Args)]
#[group(id = "users")]
pub(crate) struct Users {
    /// The file of the key that seals the secrets of the users that everstrand init has made
    /// [default: users.key in the data folder if it exists, else the master key]
    #[arg(long, env = "EVERSTRAND_USERS_KEY", value_name = "FILE")]
    users_key: Option<PathBuf>,
    /// Exchange tokens of this issuer of OpenID Connect for temporary keys: its claim `iss`, letter by letter. See everstrand
    /// credentials --oidc-token-file
    #[arg(long, value_name = "URL", requires_all = ["oidc_audience", "oidc_keys"])]
    oidc_issuer: Option<String>,
    /// Accept only tokens that were made for this audience, their claim `aud`
    #[arg(long, value_name = "NAME", requires = "oidc_issuer")]
    oidc_audience: Option<String>,
    /// The issuer's public keys, a JSON Web Key Set: a file, or a URL with https. They are read again after ten minutes, and at an
    /// unknown key, but at most once a minute
    #[arg(long, value_name = "FILE|URL", requires = "oidc_issuer")]
    oidc_keys: Option<String>,
    /// The claim that is the name of the user. The issuer must not let people choose its value
    #[arg(long, value_name = "CLAIM", default_value = "sub", requires = "oidc_issuer")]
    oidc_claim: String,
    /// A file of certificates in PEM that are trusted at the URL of --oidc-keys, instead of the public ones
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    oidc_ca: Option<PathBuf>,
    /// A proxy whose header X-Forwarded-For is believed when a policy asks for aws:SourceIp: an address or a network such as
    /// 10.0.0.0/8 (may be repeated)
    #[arg(long, value_name = "CIDR")]
    trusted_proxy: Vec<Network>,
}

impl Users {
    /// Puts these settings into a configuration.
    pub(crate) fn configure(self, config: &mut Config) -> Result<(), Box<dyn std::error::Error>> {
        config.trusted_proxies = self.trusted_proxy;
        if let (Some(issuer), Some(audience), Some(keys)) =
            (self.oidc_issuer, self.oidc_audience, self.oidc_keys)
        {
            let (claim, certificates) = (self.oidc_claim, self.oidc_ca);
            let settings = OidcSettings { issuer, audience, claim, keys, certificates };
            config.oidc = Some(Arc::new(Oidc::open(settings)?));
        }
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
