//! `everstrand credentials`: temporary keys for unmodified SDKs.

use std::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use everstrand_protocol::identity::{ExchangeToken, IdentityReply, IdentityRequest};
use serde_json::json;

use crate::remote;

/// Print a temporary key, in the form that the AWS SDKs read from a credential_process
///
/// The request is signed with the user's own key, from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; or a token of OpenID Connect proves
/// who asks, if the server accepts its issuer. The temporary key ends at its time, when the user is removed or disabled, and when the
/// user's own key ends.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long the key is valid, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = clap::value_parser!(u32).range(900..=43_200))]
    duration: u32,
    /// The file of a token of OpenID Connect whose claim names the user, or - for standard input. Nothing is signed then
    #[arg(long, env = "EVERSTRAND_OIDC_TOKEN_FILE", value_name = "FILE")]
    oidc_token_file: Option<PathBuf>,
    /// Ask this server [default: the server that AWS_ENDPOINT_URL_QLDB_SESSION or AWS_ENDPOINT_URL_QLDB names, else
    /// http://127.0.0.1:8182]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    #[command(flatten)]
    certificates: remote::Certificates,
}

/// Exits with 0 (printed) or 2 (refused).
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let transport = arguments.certificates.transport(&remote::endpoint(arguments.endpoint.as_deref()))?;
    let duration_seconds = arguments.duration;
    let reply = match arguments.oidc_token_file.as_deref().filter(|file| !file.as_os_str().is_empty()) {
        Some(file) => {
            let request = ExchangeToken { token: token(file)?, duration_seconds };
            runtime.block_on(transport.exchange_token(&request))?
        }
        None => {
            runtime.block_on(transport.identity(&IdentityRequest::MakeTemporaryKey { duration_seconds }))?
        }
    };
    let IdentityReply::TemporaryKey { access_key_id, secret_access_key, session_token, expiration } = reply
    else {
        return Err("the server answered another request".into());
    };
    println!(
        "{}",
        json!({
            "Version": 1,
            "AccessKeyId": access_key_id,
            "SecretAccessKey": secret_access_key,
            "SessionToken": session_token,
            "Expiration": expiration,
        })
    );
    Ok(ExitCode::SUCCESS)
}

/// The token in a file, without the white space around it.
fn token(file: &Path) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().read_to_string(&mut text).map(drop),
        false => std::fs::read_to_string(file).map(|read| text = read),
    };
    read.map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(text.trim().to_owned())
}
