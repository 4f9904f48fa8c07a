//! `everstrand env`: the variables that point SDKs at a server.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use everstrand_server::AccessKeys;

use crate::client_variables::{self, Syntax};
use crate::remote;

/// Print the environment variables that point QLDB's drivers and the AWS CLI at a server
///
/// Use it as `eval "$(everstrand env)"`; in fish as `everstrand env --shell fish | source`; in PowerShell as
/// `everstrand env --shell powershell | Out-String | Invoke-Expression`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The server [default: what AWS_ENDPOINT_URL_QLDB_SESSION or AWS_ENDPOINT_URL_QLDB names, else
    /// http://127.0.0.1:8182]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The file of access keys that the server was started with. Its first profile is used
    #[arg(long, value_name = "FILE")]
    access_keys: Option<PathBuf>,
    /// A file of certificates in PEM that clients have to trust, for an endpoint with https
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The shell that reads the variables
    #[arg(long, value_enum, default_value_t)]
    shell: Syntax,
}

/// Exits with 0, or with 2 if the file of access keys cannot be used.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let keys = match &arguments.access_keys {
        None => None,
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| error.to_string());
            let keys = text.and_then(|text| AccessKeys::parse(&text));
            Some((file, keys.map_err(|error| format!("{}: {error}", file.display()))?))
        }
    };
    let endpoint = remote::endpoint(arguments.endpoint.as_deref());
    let credentials = keys.as_ref().map(|(file, keys)| (file.as_path(), keys.profile()));
    for line in client_variables::lines(&endpoint, credentials, arguments.ca.as_deref(), arguments.shell)? {
        println!("{line}");
    }
    Ok(ExitCode::SUCCESS)
}
