//! `everstrand group`: groups of users.

use std::error::Error;
use std::process::ExitCode;

use everstrand_protocol::identity::{IdentityReply, IdentityRequest};

use super::Place;

/// Add, list and remove groups, and choose who is in them
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Add a group
    Add {
        /// The name: 1 to 64 letters, digits and characters of +=,.@_-
        name: String,
    },
    /// Print all groups with their policies as JSON, one a line
    List,
    /// Put a user in a group
    Join {
        /// The group
        name: String,
        /// The user
        user: String,
    },
    /// Take a user out of a group
    Leave {
        /// The group
        name: String,
        /// The user
        user: String,
    },
    /// Remove a group. Its users stay
    Remove {
        /// The group
        name: String,
    },
}

/// Exits with 0 (done) or 2 (refused).
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let place = arguments.place;
    match arguments.command {
        Command::Add { name: group_name } => place.done(&IdentityRequest::AddGroup { group_name })?,
        Command::List => {
            let IdentityReply::Groups { groups } = place.run(&IdentityRequest::ListGroups {})? else {
                return Err("the server answered another request".into());
            };
            for group in groups {
                println!("{}", serde_json::to_string(&group)?);
            }
        }
        Command::Join { name: group_name, user: user_name } => {
            place.done(&IdentityRequest::SetMember { group_name, user_name, member: true })?;
        }
        Command::Leave { name: group_name, user: user_name } => {
            place.done(&IdentityRequest::SetMember { group_name, user_name, member: false })?;
        }
        Command::Remove { name: group_name } => place.done(&IdentityRequest::RemoveGroup { group_name })?,
    }
    Ok(ExitCode::SUCCESS)
}
