//! `everstrand ledger`: creates, lists, describes, protects, tags and deletes ledgers.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap_complete::engine::ArgValueCandidates;
use everstrand_protocol::control::{
    ControlReply, ControlRequest, CreateLedgerRequest, DeleteLedgerRequest, DescribeLedgerRequest,
    ListTagsForResourceRequest, PermissionsMode, TagResourceRequest, Tags, UntagResourceRequest,
    UpdateLedgerPermissionsModeRequest, UpdateLedgerRequest,
};

use crate::completions;
use crate::place::Place;
use crate::remote::Certificates;

/// Create, list, describe, protect, tag and delete ledgers
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Use this data folder; no server may be running on it
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "endpoint")]
    data: Option<PathBuf>,
    /// Ask this server [default: the server that AWS_ENDPOINT_URL_QLDB_SESSION or AWS_ENDPOINT_URL_QLDB names, else
    /// http://127.0.0.1:8182]
    #[arg(long, global = true, value_name = "URL")]
    endpoint: Option<String>,
    #[command(flatten)]
    certificates: Certificates,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print the names of all ledgers, one a line
    List,
    /// Create a ledger
    Create {
        /// Its name: 1 to 32 letters, digits and hyphens
        name: String,
        /// Protect it from deletion
        #[arg(long)]
        protect: bool,
        /// Accept QLDB's language only, without extensions
        #[arg(long)]
        strict: bool,
        /// Ask policies about each table that a statement of a user touches (the permissions mode STANDARD)
        #[arg(long)]
        standard: bool,
        /// A tag of the new ledger (may be repeated)
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
        tags: Vec<(String, String)>,
    },
    /// Print what is known of a ledger, as JSON
    Describe {
        /// Its name
        #[arg(add = ArgValueCandidates::new(completions::ledgers))]
        name: String,
    },
    /// Delete a ledger with everything in it
    Delete {
        /// Its name
        #[arg(add = ArgValueCandidates::new(completions::ledgers))]
        name: String,
        /// Its name again: what is deleted does not come back
        #[arg(long, value_name = "NAME")]
        confirm: String,
    },
    /// Protect a ledger from deletion
    Protect {
        /// Its name
        #[arg(add = ArgValueCandidates::new(completions::ledgers))]
        name: String,
        /// Allow its deletion
        #[arg(long)]
        off: bool,
    },
    /// Choose who decides about the tables of a ledger
    Permissions {
        /// Its name
        #[arg(add = ArgValueCandidates::new(completions::ledgers))]
        name: String,
        /// Policies decide (STANDARD), or whoever may send commands may do everything (ALLOW_ALL)
        #[arg(value_parser = ["STANDARD", "ALLOW_ALL"])]
        mode: String,
    },
    /// Print the tags of a ledger, after setting and removing some
    Tag {
        /// The ledger's name
        #[arg(add = ArgValueCandidates::new(completions::ledgers))]
        name: String,
        /// Tags to set
        #[arg(value_name = "KEY=VALUE", value_parser = tag)]
        set: Vec<(String, String)>,
        /// A tag to remove (may be repeated)
        #[arg(long, value_name = "KEY")]
        remove: Vec<String>,
    },
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a tag is written KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Exits with 0 (done) or 2 (refused).
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let place =
        Place::open(arguments.data.as_deref(), arguments.endpoint.as_deref(), &arguments.certificates)?;
    let done = runtime.block_on(carry_out(&place, arguments.command));
    place.close();
    done.map(|()| ExitCode::SUCCESS)
}

async fn carry_out(place: &Place, command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::List => place.ledgers().await?.iter().for_each(|name| println!("{name}")),
        Command::Create { name, protect, strict, standard, tags } => {
            let mode = if standard { PermissionsMode::Standard } else { PermissionsMode::AllowAll };
            let request = ControlRequest::CreateLedger(CreateLedgerRequest {
                name,
                permissions_mode: mode,
                deletion_protection: Some(protect),
                kms_key: None,
                tags: tags.into_iter().collect(),
                strict: strict.then_some(true),
            });
            print(&place.control(request).await?)?;
        }
        Command::Permissions { name, mode } => {
            let standard = mode == PermissionsMode::Standard.name();
            let permissions_mode =
                if standard { PermissionsMode::Standard } else { PermissionsMode::AllowAll };
            let request = UpdateLedgerPermissionsModeRequest { name, permissions_mode };
            print(&place.control(ControlRequest::UpdateLedgerPermissionsMode(request)).await?)?;
        }
        Command::Describe { name } => {
            let request = ControlRequest::DescribeLedger(DescribeLedgerRequest { name });
            print(&place.control(request).await?)?;
        }
        Command::Delete { name, confirm } => {
            if name != confirm {
                return Err(
                    format!("--confirm says {confirm:?} and not {name:?}; nothing was deleted").into()
                );
            }
            place.control(ControlRequest::DeleteLedger(DeleteLedgerRequest { name })).await?;
        }
        Command::Protect { name, off } => {
            let request = ControlRequest::UpdateLedger(UpdateLedgerRequest {
                name,
                deletion_protection: Some(!off),
                kms_key: None,
                strict: None,
            });
            print(&place.control(request).await?)?;
        }
        Command::Tag { name, set, remove } => {
            let resource_arn = arn(place, name).await?;
            if !set.is_empty() {
                let tags: Tags = set.into_iter().collect();
                let resource_arn = resource_arn.clone();
                place.control(ControlRequest::TagResource(TagResourceRequest { resource_arn, tags })).await?;
            }
            if !remove.is_empty() {
                let request = UntagResourceRequest { resource_arn: resource_arn.clone(), tag_keys: remove };
                place.control(ControlRequest::UntagResource(request)).await?;
            }
            let request = ListTagsForResourceRequest { resource_arn };
            let ControlReply::ListTagsForResource(found) =
                place.control(ControlRequest::ListTagsForResource(request)).await?
            else {
                return Err("the server answered another request than ListTagsForResource".into());
            };
            found.tags.iter().for_each(|(key, value)| println!("{key}={value}"));
        }
    }
    Ok(())
}

async fn arn(place: &Place, name: String) -> Result<String, Box<dyn Error>> {
    let request = ControlRequest::DescribeLedger(DescribeLedgerRequest { name });
    match place.control(request).await? {
        ControlReply::DescribeLedger(found) => Ok(found.arn.ok_or("the server told no ARN of the ledger")?),
        _ => Err("the server answered another request than DescribeLedger".into()),
    }
}

fn print(reply: &ControlReply) -> Result<(), Box<dyn Error>> {
    let json: serde_json::Value = serde_json::from_slice(&reply.to_json())?;
    println!("{}", serde_json::to_string_pretty(&json)?);
    Ok(())
}
