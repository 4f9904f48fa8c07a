//! `everstrand verify`: evidence that somebody saved, against the digest that it was saved with, and an old digest
//! against a newer one (`prefix`). Offline, unless an endpoint is asked for the evidence.

mod prefix;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use everstrand_driver::{HttpTransport, QldbDriver};
use everstrand_ion::text;
use everstrand_journal::evidence::{Evidence, Input, Role};
use everstrand_journal::{BlockAddress, CheckpointVerifier, verify_files};
use everstrand_protocol::control::{ControlReply, ControlRequest, GetRevisionRequest};

use crate::{remote, saved};

/// What `verify` may be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Files that hold any of digest, revision, block and proof, or all of them as members
    files: Vec<String>,
    /// A file that holds a digest, or a signed checkpoint, or its URL. Given twice, the older one first: that nothing
    /// was changed between the two is verified
    #[arg(long, value_name = "FILE|URL")]
    digest: Vec<String>,
    /// A file that holds a revision
    #[arg(long, value_name = "FILE")]
    revision: Option<String>,
    /// A file that holds a block
    #[arg(long, value_name = "FILE", conflicts_with = "revision")]
    block: Option<String>,
    /// A file that holds a proof
    #[arg(long, value_name = "FILE")]
    proof: Option<String>,
    /// A key that may have signed a checkpoint, as `name+hash+base64` (may be repeated)
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// Ask this server for the evidence; without --document, for the proof that its journal continues the digest's
    /// [default with --ledger and without --data: what AWS_ENDPOINT_URL_QLDB_SESSION or AWS_ENDPOINT_URL_QLDB names,
    /// else http://127.0.0.1:8182]
    #[arg(long, value_name = "URL", requires = "ledger")]
    endpoint: Option<String>,
    /// Make the proof that a journal continues the digest's from this data folder, or a ledger's folder in it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["endpoint", "document"])]
    data: Option<String>,
    /// The ledger on that server, or in that folder
    #[arg(long, value_name = "NAME")]
    ledger: Option<String>,
    /// The id of the document there whose latest revision is to be verified
    #[arg(long, value_name = "ID", requires = "ledger")]
    document: Option<String>,
    /// Keep the newer digest and the proof that was made in this file, which is then what a newer --digest may be
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// Verifies, prints every step, and exits with 0 (verified), 1 (not verified) or 2 (unusable input, an error).
pub(crate) fn run(mut arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    if arguments.ledger.is_some() && arguments.data.is_none() {
        arguments.endpoint = Some(remote::endpoint(arguments.endpoint.as_deref()));
    }
    let arguments = &arguments;
    let keys =
        arguments.key.iter().map(|key| CheckpointVerifier::parse(key)).collect::<Result<Vec<_>, _>>()?;
    let report = if prefix::is_asked(arguments) {
        prefix::verify(arguments, &keys)?
    } else {
        verify_files(&as_inputs(&evidence(arguments)?), &keys)?
    };
    if arguments.document.is_some() && arguments.digest.is_empty() && arguments.files.is_empty() {
        println!(
            "no saved digest was compared: the server's own of this moment shows nothing about the past"
        );
    }
    println!("{report}");
    Ok(if report.is_verified() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A file: its name, what it is said to hold, and its bytes.
type File = (String, Role, Vec<u8>);

fn as_inputs(files: &[File]) -> Vec<Input<'_>> {
    files.iter().map(|(name, role, bytes)| Input { name, role: *role, bytes }).collect()
}

/// Reads some of the files that were named.
fn read<'a>(names: impl IntoIterator<Item = &'a String>, role: Role) -> Result<Vec<File>, String> {
    names.into_iter().map(|name| Ok((name.clone(), role, saved::read(name)?))).collect()
}

/// All that is to be verified together.
fn evidence(arguments: &Arguments) -> Result<Vec<File>, Box<dyn Error>> {
    let mut files = read(&arguments.digest, Role::Digest)?;
    files.extend(read(&arguments.revision, Role::Revision)?);
    files.extend(read(&arguments.block, Role::Block)?);
    files.extend(read(&arguments.proof, Role::Proof)?);
    files.extend(read(&arguments.files, Role::Any)?);
    if let (Some(endpoint), Some(ledger), Some(document)) =
        (&arguments.endpoint, &arguments.ledger, &arguments.document)
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let saved: Vec<File> = files.iter().filter(|(_, role, _)| *role == Role::Digest).cloned().collect();
        let tip = Evidence::read(&as_inputs(&saved))?.digest_tip_address;
        let fetched = runtime.block_on(fetch(endpoint, ledger, document, tip))?;
        files.extend(fetched.into_iter().map(|(role, text)| (endpoint.clone(), role, text.into_bytes())));
    }
    if files.is_empty() {
        return Err("there is nothing to verify: give files, or --endpoint, --ledger and --document".into());
    }
    Ok(files)
}

/// The latest revision of a document with its proof for the digest of this tip; where none was saved, also a
/// digest as the ledger stands.
async fn fetch(
    endpoint: &str,
    ledger: &str,
    document: &str,
    saved_tip: Option<BlockAddress>,
) -> Result<Vec<(Role, String)>, Box<dyn Error>> {
    let address = latest_address(endpoint, ledger, document).await?;
    let transport = HttpTransport::builder().endpoint(endpoint).build()?;
    let mut evidence = Vec::new();
    let tip = match saved_tip {
        Some(tip) => tip,
        None => {
            let digest = remote::digest(&transport, ledger).await?;
            evidence.push((Role::Digest, text::write(&digest.to_ion())));
            digest.digest_tip_address
        }
    };
    let request = ControlRequest::GetRevision(GetRevisionRequest {
        name: ledger.to_owned(),
        block_address: text::write(&address.to_ion()).into(),
        document_id: document.to_owned(),
        digest_tip_address: Some(text::write(&tip.to_ion()).into()),
    });
    let ControlReply::GetRevision(found) = transport.control(&request).await? else {
        return Err("the server answered another request than GetRevision".into());
    };
    evidence.push((Role::Revision, found.revision.text));
    evidence.push((Role::Proof, found.proof.ok_or("the server sent no proof")?.text));
    Ok(evidence)
}

/// Where the latest revision of a document stands. The control API does not tell; the committed view does.
async fn latest_address(
    endpoint: &str,
    ledger: &str,
    document: &str,
) -> Result<BlockAddress, Box<dyn Error>> {
    let driver = QldbDriver::builder(ledger).endpoint(endpoint).build()?;
    for table in driver.list_tables().await? {
        let statement =
            format!("SELECT VALUE blockAddress FROM \"_ql_committed_{table}\" BY id WHERE id = ?");
        let found = driver
            .execute(|transaction| {
                let statement = statement.clone();
                async move { transaction.execute(&statement, document).await?.fetch_all().await }
            })
            .await?;
        if let Some(address) = found.first() {
            return Ok(BlockAddress::try_from(&address.to_value())?);
        }
    }
    Err(format!("ledger {ledger} has no current document {document}").into())
}
