//! `everstrand init`: the first administrator.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use everstrand_protocol::identity::IdentityReply;
use everstrand_server::config::{Config, Storage};
use everstrand_server::{MasterKey, Service};

use super::{folder_service, print_key};
use crate::{master_key, place, store};

/// The least length of a secret that the caller has chosen.
const SECRET_CHARACTERS_MIN: usize = 16;

/// Make a server one with users: create the first administrator and print the key
///
/// From then on a server on this folder or store answers only requests that are signed by a user, or by a key of its file of access
/// keys. The key is printed once, in the format of ~/.aws/credentials. It is taken from the variables EVERSTRAND_ADMINISTRATOR_KEY_ID and
/// EVERSTRAND_ADMINISTRATOR_SECRET, if both are set, and not printed then. Servers that run already over a store must be restarted.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The name of the administrator
    #[arg(long, value_name = "NAME", default_value = "admin")]
    administrator: String,
    /// The data folder; no server may be running on it [default: the variable EVERSTRAND_DATA, else ./everstrand-data]
    #[arg(long, value_name = "DIR", conflicts_with = "store")]
    data: Option<PathBuf>,
    /// The store, as for everstrand serve
    #[arg(
        long,
        env = "EVERSTRAND_STORE",
        hide_env_values = true,
        value_name = "LOCATION",
        requires = "users_key"
    )]
    store: Option<String>,
    #[command(flatten)]
    store_access: store::Access,
    /// The file of the key that seals the secrets of users. It is made if it does not exist. Every server over a store needs the same one
    /// [default: users.key in the data folder]
    #[arg(long, env = "EVERSTRAND_USERS_KEY", value_name = "FILE")]
    users_key: Option<PathBuf>,
}

/// Exits with 0 (done) or 2 (there are users already, or the place cannot be used).
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let given = match (set("EVERSTRAND_ADMINISTRATOR_KEY_ID"), set("EVERSTRAND_ADMINISTRATOR_SECRET")) {
        (None, None) => None,
        (Some(_), Some(secret)) if secret.len() < SECRET_CHARACTERS_MIN => {
            return Err(format!(
                "EVERSTRAND_ADMINISTRATOR_SECRET has less than {SECRET_CHARACTERS_MIN} characters"
            )
            .into());
        }
        (Some(id), Some(_)) if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            return Err("EVERSTRAND_ADMINISTRATOR_KEY_ID is not of letters and digits".into());
        }
        (Some(id), Some(secret)) => Some((id, secret)),
        _ => {
            return Err(
                "EVERSTRAND_ADMINISTRATOR_KEY_ID and EVERSTRAND_ADMINISTRATOR_SECRET belong together".into(),
            );
        }
    };
    let service = match (&arguments.store, &arguments.users_key) {
        (Some(location), Some(file)) => {
            let store = arguments.store_access.open_to_serve(location)?.store;
            let mut config = Config::new(Storage::Shared { store, cache: None });
            config.users_key = Some(MasterKey::from_file_or_new(file)?);
            master_key::configure(&mut config)?;
            Arc::new(Service::open(config)?)
        }
        _ => folder_service(
            place::data_folder(arguments.data.as_deref()),
            arguments.users_key.as_deref(),
            true,
        )?,
    };
    let is_given = given.is_some();
    let created = service.create_users(&arguments.administrator, given).map_err(|error| error.message);
    service.close();
    match (is_given, &created?) {
        (true, IdentityReply::Key { user_name, access_key_id, .. }) => {
            println!("{user_name} has the key {access_key_id}");
        }
        (_, reply) => print_key(reply)?,
    }
    Ok(ExitCode::SUCCESS)
}
