//! `everstrand verify`: evidence that somebody saved, against the digest that it was saved with. Offline, unless
//! an endpoint is asked for the evidence.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use everstrand_driver::{HttpTransport, QldbDriver};
use everstrand_ion::{Data, Value, text};
use everstrand_journal::evidence::{Evidence, Input, Role};
use everstrand_journal::{BlockAddress, CheckpointVerifier, verify_files};
use everstrand_protocol::control::{ControlReply, ControlRequest, GetDigestRequest, GetRevisionRequest};

/// What `verify` may be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Files that hold any of digest, revision, block and proof, or all of them as members
    files: Vec<PathBuf>,
    /// A file that holds a digest, or a signed checkpoint
    #[arg(long, value_name = "FILE")]
    digest: Option<PathBuf>,
    /// A file that holds a revision
    #[arg(long, value_name = "FILE")]
    revision: Option<PathBuf>,
    /// A file that holds a block
    #[arg(long, value_name = "FILE", conflicts_with = "revision")]
    block: Option<PathBuf>,
    /// A file that holds a proof
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    /// A key that may have signed a checkpoint, as `name+hash+base64` (may be repeated)
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// Ask this server for the evidence
    #[arg(long, value_name = "URL", requires_all = ["ledger", "document"])]
    endpoint: Option<String>,
    /// The ledger on that server
    #[arg(long, value_name = "NAME", requires = "endpoint")]
    ledger: Option<String>,
    /// The id of the document there whose latest revision is to be verified
    #[arg(long, value_name = "ID", requires = "endpoint")]
    document: Option<String>,
}

/// Verifies, prints every step, and exits with 0 (verified), 1 (not verified) or 2 (unusable input, an error).
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let mut files = Vec::new();
    for (path, role) in [
        (&arguments.digest, Role::Digest),
        (&arguments.revision, Role::Revision),
        (&arguments.block, Role::Block),
        (&arguments.proof, Role::Proof),
    ] {
        if let Some(path) = path {
            files.push((path.display().to_string(), role, read(path)?));
        }
    }
    for path in &arguments.files {
        files.push((path.display().to_string(), Role::Any, read(path)?));
    }
    if let (Some(endpoint), Some(ledger), Some(document)) =
        (&arguments.endpoint, &arguments.ledger, &arguments.document)
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let saved = files.iter().filter(|(_, role, _)| *role == Role::Digest);
        let saved: Vec<Input<'_>> =
            saved.map(|(name, role, bytes)| Input { name, role: *role, bytes }).collect();
        let tip = Evidence::read(&saved)?.digest_tip_address;
        let fetched = runtime.block_on(fetch(endpoint, ledger, document, tip))?;
        files.extend(fetched.into_iter().map(|(role, text)| (endpoint.clone(), role, text.into_bytes())));
    }
    if files.is_empty() {
        return Err("there is nothing to verify: give files, or --endpoint, --ledger and --document".into());
    }
    let inputs: Vec<Input<'_>> =
        files.iter().map(|(name, role, bytes)| Input { name, role: *role, bytes }).collect();
    let keys =
        arguments.key.iter().map(|key| CheckpointVerifier::parse(key)).collect::<Result<Vec<_>, _>>()?;
    let report = verify_files(&inputs, &keys)?;
    println!("{report}");
    Ok(if report.is_verified() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
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
        Some(tip) => text::write(&tip.to_ion()).into(),
        None => {
            let request = ControlRequest::GetDigest(GetDigestRequest { name: ledger.to_owned() });
            let ControlReply::GetDigest(found) = transport.control(&request).await? else {
                return Err("the server answered another request than GetDigest".into());
            };
            let blob = text::write(&Value::new(Data::Blob(found.digest)));
            let tip = found.digest_tip_address;
            evidence.push((Role::Digest, format!("{{digest:{blob},digestTipAddress:{}}}", tip.text)));
            tip
        }
    };
    let request = ControlRequest::GetRevision(GetRevisionRequest {
        name: ledger.to_owned(),
        block_address: text::write(&address.to_ion()).into(),
        document_id: document.to_owned(),
        digest_tip_address: Some(tip),
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
