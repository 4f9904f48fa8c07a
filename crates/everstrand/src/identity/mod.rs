//! Users, groups, policies and keys: `everstrand init`, `user`, `group`, `policy` and `credentials`.

pub(crate) mod credentials;
pub(crate) mod group;
pub(crate) mod init;
pub(crate) mod policy;
pub(crate) mod serve;
pub(crate) mod user;
pub(crate) mod users_key;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use everstrand_protocol::identity::{IdentityReply, IdentityRequest};
use everstrand_server::Service;
use everstrand_server::config::{Config, Storage};

use crate::{master_key, remote};

/// Where the users are.
#[derive(clap::Args)]
#[group(id = "identity-place")]
pub(crate) struct Place {
    /// Use this data folder; no server may be running on it. Whoever can write the folder and read this key needs no key of
    /// an administrator
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "endpoint")]
    data: Option<PathBuf>,
    /// Ask this server, with the keys that AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY name [default: the server that
    /// AWS_ENDPOINT_URL_QLDB_SESSION or AWS_ENDPOINT_URL_QLDB names, else http://127.0.0.1:8182]
    #[arg(long, global = true, value_name = "URL")]
    endpoint: Option<String>,
    /// With --data: make the change also if it leaves nobody who may administer users
    #[arg(long, global = true, requires = "data")]
    force: bool,
    #[command(flatten)]
    certificates: remote::Certificates,
    /// The file of the key that seals the secrets of the users [default: users.key in the data folder]
    #[arg(long, global = true, env = "EVERSTRAND_USERS_KEY", value_name = "FILE", requires = "data")]
    users_key: Option<PathBuf>,
}

impl Place {
    /// Runs one operation.
    fn run(&self, request: &IdentityRequest) -> Result<IdentityReply, Box<dyn Error>> {
        if let Some(folder) = &self.data {
            let service = folder_service(folder.clone(), self.users_key.as_deref(), false)?;
            service.check_users()?;
            let reply = match self.force {
                true => service.administer_without_guard(request),
                false => service.administer(request),
            };
            let reply = reply.map_err(|error| error.message);
            service.close();
            return Ok(reply?);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let transport = self.certificates.transport(&remote::endpoint(self.endpoint.as_deref()))?;
        Ok(runtime.block_on(transport.identity(request))?)
    }

    /// Runs an operation that answers nothing.
    fn done(&self, request: &IdentityRequest) -> Result<(), Box<dyn Error>> {
        match self.run(request)? {
            IdentityReply::Done {} => Ok(()),
            _ => Err("the server answered another request".into()),
        }
    }
}

/// A service over a data folder, with the key of its users.
fn folder_service(
    folder: PathBuf,
    users_key: Option<&std::path::Path>,
    may_make_key: bool,
) -> Result<Arc<Service>, Box<dyn Error>> {
    if !may_make_key && !folder.is_dir() {
        return Err(format!("there is no folder {}", folder.display()).into());
    }
    let key = match may_make_key {
        true => Some(users_key::of_folder_or_new(&folder, users_key)?),
        false => users_key::of_folder(&folder, users_key)?,
    };
    let mut config = Config::new(Storage::Folder(folder));
    config.users_key = key;
    master_key::configure(&mut config)?;
    Ok(Arc::new(Service::open(config)?))
}

/// Prints a key in the format of the AWS tools' files of credentials.
fn print_key(reply: &IdentityReply) -> Result<(), Box<dyn Error>> {
    let IdentityReply::Key { user_name, access_key_id, secret_access_key } = reply else {
        return Err("the server answered another request".into());
    };
    println!("[{user_name}]");
    println!("aws_access_key_id = {access_key_id}");
    println!("aws_secret_access_key = {secret_access_key}");
    Ok(())
}
