//! `everstrand user`: users and their keys.

use std::error::Error;
use std::process::ExitCode;

use everstrand_protocol::identity::{IdentityReply, IdentityRequest};

use super::{Place, print_key};

/// Add, list, tag, disable and remove users, and give them new keys
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Add a user and print the key, in the format of ~/.aws/credentials. The secret is shown once
    Add {
        /// The name: 1 to 64 letters, digits and characters of +=,.@_-
        name: String,
        /// A group that the user is in (may be repeated)
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
        /// A policy of the user (may be repeated)
        #[arg(long = "policy", value_name = "POLICY")]
        policies: Vec<String>,
        /// A tag that policies ask about with aws:PrincipalTag/KEY (may be repeated)
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
        tags: Vec<(String, String)>,
    },
    /// Print all users as JSON, one a line
    List,
    /// Replace the tags of a user
    Tag {
        /// The user
        name: String,
        /// All tags from now on
        #[arg(value_name = "KEY=VALUE", value_parser = tag)]
        tags: Vec<(String, String)>,
    },
    /// Give a user a new key and print it. The old keys end
    Rotate {
        /// The user
        name: String,
        /// Let the last key stay valid until the next rotation, so that the new one can be spread
        #[arg(long)]
        keep_last: bool,
    },
    /// Refuse what the user's keys sign, temporary keys included, until the user is enabled
    Disable {
        /// The user
        name: String,
    },
    /// Answer a disabled user again
    Enable {
        /// The user
        name: String,
    },
    /// Remove a user with all keys, temporary ones included
    Remove {
        /// The user
        name: String,
    },
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a tag is written KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Exits with 0 (done) or 2 (refused).
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let place = arguments.place;
    match arguments.command {
        Command::Add { name: user_name, groups, policies, tags } => {
            let tags = tags.into_iter().collect();
            print_key(&place.run(&IdentityRequest::AddUser { user_name, groups, policies, tags })?)?;
        }
        Command::List => {
            let IdentityReply::Users { users } = place.run(&IdentityRequest::ListUsers {})? else {
                return Err("the server answered another request".into());
            };
            for user in users {
                println!("{}", serde_json::to_string(&user)?);
            }
        }
        Command::Tag { name: user_name, tags } => {
            place.done(&IdentityRequest::TagUser { user_name, tags: tags.into_iter().collect() })?;
        }
        Command::Rotate { name: user_name, keep_last } => {
            print_key(&place.run(&IdentityRequest::RotateKey { user_name, keep_last })?)?;
        }
        Command::Disable { name: user_name } => {
            place.done(&IdentityRequest::EnableUser { user_name, enabled: false })?;
        }
        Command::Enable { name: user_name } => {
            place.done(&IdentityRequest::EnableUser { user_name, enabled: true })?;
        }
        Command::Remove { name: user_name } => place.done(&IdentityRequest::RemoveUser { user_name })?,
    }
    Ok(ExitCode::SUCCESS)
}
