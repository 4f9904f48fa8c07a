//! `everstrand credentials`: temporary keys for unmodified SDKs.

use std::error::Error;
use std::process::ExitCode;

use everstrand_protocol::identity::{IdentityReply, IdentityRequest};
use serde_json::json;

use crate::remote;

/// Print a temporary key, in the form that the AWS SDKs read from a credential_process
///
/// The request is signed with the user's own key, from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. The temporary key ends at its time,
/// when the user is removed or disabled, and when the user's own key ends.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long the key is valid, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = clap::value_parser!(u32).range(900..=43_200))]
    duration: u32,
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
    let request = IdentityRequest::MakeTemporaryKey { duration_seconds: arguments.duration };
    let IdentityReply::TemporaryKey { access_key_id, secret_access_key, session_token, expiration } =
        runtime.block_on(transport.identity(&request))?
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
