//! `everstrand policy`: what users may do.

use std::error::Error;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use everstrand_protocol::identity::{IdentityReply, IdentityRequest, PolicyOwner};

use super::Place;

/// Store, list, attach and check policies in IAM's language
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Store a policy, in place of the one with its name. One that the server does not understand is refused
    Put {
        /// The name: 1 to 64 letters, digits and characters of +=,.@_-
        name: String,
        /// The file with the policy, or - for standard input
        file: PathBuf,
    },
    /// Print all policies as JSON, one a line
    List,
    /// Attach a policy to a user or a group
    Attach {
        /// The policy
        name: String,
        #[command(flatten)]
        to: Owner,
    },
    /// Detach a policy from a user or a group
    Detach {
        /// The policy
        name: String,
        #[command(flatten)]
        to: Owner,
    },
    /// Remove a policy that is attached to nothing
    Remove {
        /// The policy
        name: String,
    },
    /// Tell whether a user may do something, and which statement says so. Exits with 1 if not
    Check {
        /// The user
        #[arg(long)]
        user: String,
        /// The action, such as qldb:PartiQLSelect
        #[arg(long)]
        action: String,
        /// The ARN of the ledger, table or stream, or * for an action without a resource
        #[arg(long)]
        resource: String,
        /// The address that the user comes from, for policies that ask for aws:SourceIp
        #[arg(long, value_name = "ADDRESS")]
        source_ip: Option<String>,
        /// Whether a DROP purges, for policies that ask for qldb:Purge
        #[arg(long)]
        purge: Option<bool>,
    },
}

#[derive(clap::Args)]
#[group(id = "owner", required = true, multiple = false)]
struct Owner {
    /// The user
    #[arg(long)]
    user: Option<String>,
    /// The group
    #[arg(long)]
    group: Option<String>,
}

impl Owner {
    fn into_owner(self) -> Result<PolicyOwner, Box<dyn Error>> {
        match (self.user, self.group) {
            (Some(user), _) => Ok(PolicyOwner::User(user)),
            (None, Some(group)) => Ok(PolicyOwner::Group(group)),
            (None, None) => Err("name a user or a group".into()),
        }
    }
}

/// Exits with 0 (done, allowed), 1 (not allowed) or 2 (refused).
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let place = arguments.place;
    match arguments.command {
        Command::Put { name: policy_name, file } => {
            let document = if file.as_os_str() == "-" {
                let mut document = String::new();
                std::io::stdin().read_to_string(&mut document)?;
                document
            } else {
                std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?
            };
            place.done(&IdentityRequest::PutPolicy { policy_name, document })?;
        }
        Command::List => {
            let IdentityReply::Policies { policies } = place.run(&IdentityRequest::ListPolicies {})? else {
                return Err("the server answered another request".into());
            };
            for policy in policies {
                println!("{}", serde_json::to_string(&policy)?);
            }
        }
        Command::Attach { name: policy_name, to } => {
            let to = to.into_owner()?;
            place.done(&IdentityRequest::SetAttached { policy_name, to, attached: true })?;
        }
        Command::Detach { name: policy_name, to } => {
            let to = to.into_owner()?;
            place.done(&IdentityRequest::SetAttached { policy_name, to, attached: false })?;
        }
        Command::Remove { name: policy_name } => {
            place.done(&IdentityRequest::RemovePolicy { policy_name })?
        }
        Command::Check { user: user_name, action, resource, source_ip, purge } => {
            let request = IdentityRequest::CheckPolicy { user_name, action, resource, source_ip, purge };
            let IdentityReply::Checked { allowed, explanation } = place.run(&request)? else {
                return Err("the server answered another request".into());
            };
            println!("{}: {explanation}", if allowed { "allowed" } else { "not allowed" });
            return Ok(ExitCode::from(u8::from(!allowed)));
        }
    }
    Ok(ExitCode::SUCCESS)
}
