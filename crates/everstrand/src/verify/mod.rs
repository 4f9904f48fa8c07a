//! `everstrand verify`: checks saved evidence against a saved digest, and an old digest against a newer one (`prefix`). It works
//! offline, unless it has to ask a server for the evidence.

mod prefix;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap_complete::engine::ArgValueCandidates;
use everstrand::InProcess;
use everstrand_driver::{QldbDriver, Transport};
use everstrand_ion::text;
use everstrand_journal::evidence::verify::{Outcome, Step, VerifyReport};
use everstrand_journal::evidence::{Evidence, Input, Role};
use everstrand_journal::{BlockAddress, CheckpointVerifier, verify_files};
use everstrand_protocol::control::{ControlReply, ControlRequest, GetRevisionRequest};

use serde_json::json;

use crate::completions;
use crate::place::Place;
use crate::remote::{self, Certificates};
use crate::report_file::ReportFile;
use crate::saved;

/// The arguments of `verify`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Files that hold a digest, a revision, a block or a proof, or several of them as members
    files: Vec<String>,
    /// A file or URL that holds a digest or a signed checkpoint. Give two, the older one first, to verify that the journal
    /// of the older digest is the beginning of the newer one's
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
    /// Ask this server for the evidence. Without --document, ask it for a proof that its journal continues the digest
    /// [default with --ledger and without --data: the server that AWS_ENDPOINT_URL_QLDB_SESSION or AWS_ENDPOINT_URL_QLDB
    /// names, else http://127.0.0.1:8182]
    #[arg(long, value_name = "URL", requires = "ledger")]
    endpoint: Option<String>,
    #[command(flatten)]
    certificates: Certificates,
    /// Read the journal in this data folder, or in a ledger's folder in it, and make a proof that it continues the digest.
    /// With --document, take the evidence out of this data folder, which no server may have open
    #[arg(long, value_name = "DIR", conflicts_with = "endpoint")]
    data: Option<String>,
    /// The ledger on that server, or in that folder
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completions::ledgers))]
    ledger: Option<String>,
    /// The id of a document on that server, or in that folder; its latest revision is verified
    #[arg(long, value_name = "ID", requires = "ledger")]
    document: Option<String>,
    /// The version of the document that is verified instead of the latest, from 0
    #[arg(long, value_name = "N", requires = "document")]
    version: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write the newer digest and the proof to this file. Later the file serves as the newer --digest
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Write what was verified, and how, to this file, in Markdown
    #[arg(long, value_name = "FILE.md")]
    report: Option<PathBuf>,
}

/// Verifies, prints every step, and exits with 0 (verified), 1 (not verified) or 2 (unusable input, an error).
pub(crate) fn run(mut arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    if arguments.ledger.is_some() && arguments.data.is_none() {
        arguments.endpoint = Some(remote::endpoint(arguments.endpoint.as_deref()));
    }
    let arguments = &arguments;
    let file =
        arguments.report.as_deref().map(|file| ReportFile::create(file, "Verification")).transpose()?;
    let keys =
        arguments.key.iter().map(|key| CheckpointVerifier::parse(key)).collect::<Result<Vec<_>, _>>()?;
    let report = if prefix::is_asked(arguments) {
        prefix::verify(arguments, &keys)?
    } else {
        verify_files(&as_inputs(&evidence(arguments)?), &keys)?
    };
    let is_fresh = arguments.document.is_some() && arguments.digest.is_empty() && arguments.files.is_empty();
    if is_fresh {
        // --json prints JSON alone.
        if arguments.json { eprintln!("{CAVEAT}") } else { println!("{CAVEAT}") }
    }
    if arguments.json {
        println!("{}", as_json(&report));
    } else {
        println!("{report}");
    }
    if let Some(file) = file {
        write_report(file, arguments, &report, is_fresh)?;
    }
    Ok(if report.is_verified() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Said if the digest is not older than the question.
const CAVEAT: &str =
    "no saved digest was compared: the digest that the ledger gave just now proves nothing about the past";

fn write_report(
    mut file: ReportFile,
    arguments: &Arguments,
    report: &VerifyReport,
    is_fresh: bool,
) -> Result<(), String> {
    file.verdict(if report.is_verified() { "Verified" } else { "NOT VERIFIED" });
    if is_fresh {
        file.note(CAVEAT);
    }
    let Arguments { files, digest, revision, block, proof, .. } = arguments;
    let mut evidence = Vec::new();
    let mut add = |what: &str, names: &mut dyn Iterator<Item = &String>| {
        evidence.extend(names.map(|name| [what.to_owned(), saved::without_query(name).to_owned()]));
    };
    add("digest", &mut digest.iter());
    add("revision", &mut revision.iter());
    add("block", &mut block.iter());
    add("proof", &mut proof.iter());
    add("file", &mut files.iter());
    add("server", &mut arguments.endpoint.iter());
    add("data folder", &mut arguments.data.iter());
    add("ledger", &mut arguments.ledger.iter());
    add("document", &mut arguments.document.iter());
    file.table("Evidence", ["what", "where from"], &evidence);
    let facts: Vec<_> =
        report.facts.iter().map(|(name, value)| [(*name).to_owned(), value.clone()]).collect();
    let heading = if report.is_verified() { "What was verified" } else { "What the evidence says of itself" };
    file.table(heading, ["fact", "value"], &facts);
    let step = |step: &Step| {
        let (outcome, why) = match &step.outcome {
            Outcome::Passed => ("holds", ""),
            Outcome::Failed(why) => ("DOES NOT HOLD", why.as_str()),
            Outcome::Skipped(why) => ("skipped", why.as_str()),
        };
        [step.what.clone(), outcome.to_owned(), why.to_owned()]
    };
    let steps: Vec<_> = report.steps.iter().map(step).collect();
    file.table("Steps", ["step", "outcome", "why"], &steps);
    file.finish()
}

fn as_json(report: &VerifyReport) -> serde_json::Value {
    let step = |step: &Step| match &step.outcome {
        Outcome::Passed => json!({ "what": step.what, "outcome": "passed" }),
        Outcome::Failed(why) => json!({ "what": step.what, "outcome": "failed", "why": why }),
        Outcome::Skipped(why) => json!({ "what": step.what, "outcome": "skipped", "why": why }),
    };
    let facts = report.facts.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
    json!({
        "verified": report.is_verified(),
        "facts": facts.collect::<serde_json::Map<_, _>>(),
        "steps": report.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

/// A file: its name, the role that the arguments give it, and its bytes.
type File = (String, Role, Vec<u8>);

fn as_inputs(files: &[File]) -> Vec<Input<'_>> {
    files.iter().map(|(name, role, bytes)| Input { name, role: *role, bytes }).collect()
}

/// Reads files that have the same role.
fn read<'a>(
    arguments: &Arguments,
    names: impl IntoIterator<Item = &'a String>,
    role: Role,
) -> Result<Vec<File>, String> {
    let certificates = &arguments.certificates;
    names.into_iter().map(|name| Ok((name.clone(), role, saved::read(name, certificates)?))).collect()
}

/// Reads all evidence that belongs together, and asks the server for the rest.
fn evidence(arguments: &Arguments) -> Result<Vec<File>, Box<dyn Error>> {
    let mut files = read(arguments, &arguments.digest, Role::Digest)?;
    files.extend(read(arguments, &arguments.revision, Role::Revision)?);
    files.extend(read(arguments, &arguments.block, Role::Block)?);
    files.extend(read(arguments, &arguments.proof, Role::Proof)?);
    files.extend(read(arguments, &arguments.files, Role::Any)?);
    if let (Some(ledger), Some(document)) = (&arguments.ledger, &arguments.document) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let saved: Vec<File> = files.iter().filter(|(_, role, _)| *role == Role::Digest).cloned().collect();
        let tip = Evidence::read(&as_inputs(&saved))?.digest_tip_address;
        let name = arguments.data.as_ref().or(arguments.endpoint.as_ref()).cloned().unwrap_or_default();
        let place = Place::open(
            arguments.data.as_ref().map(Path::new),
            arguments.endpoint.as_deref(),
            &arguments.certificates,
        )?;
        let sought = Sought { ledger, document, version: arguments.version };
        let fetched = runtime.block_on(fetch(&place, &sought, tip));
        place.close();
        files.extend(fetched?.into_iter().map(|(role, text)| (name.clone(), role, text.into_bytes())));
    }
    if files.is_empty() {
        return Err("there is nothing to verify: give files, or --endpoint, --ledger and --document".into());
    }
    Ok(files)
}

/// Verifies the latest revision of a document against the digest that its ledger has now.
pub(crate) async fn latest(
    place: &Place,
    ledger: &str,
    document: &str,
) -> Result<VerifyReport, Box<dyn Error>> {
    let fetched = fetch(place, &Sought { ledger, document, version: None }, None).await?;
    let files: Vec<File> = fetched
        .into_iter()
        .map(|(role, text)| ("the ledger's answer".to_owned(), role, text.into_bytes()))
        .collect();
    Ok(verify_files(&as_inputs(&files), &[])?)
}

/// The revision that is asked for.
struct Sought<'a> {
    ledger: &'a str,
    document: &'a str,
    /// The latest if not said.
    version: Option<u64>,
}

/// Asks for a revision and its proof under the digest of `saved_tip`. If no digest was saved, asks for the ledger's present
/// digest too.
async fn fetch(
    place: &Place,
    sought: &Sought<'_>,
    saved_tip: Option<BlockAddress>,
) -> Result<Vec<(Role, String)>, Box<dyn Error>> {
    let address = match place {
        Place::Server(transport) => address(sought, Arc::clone(transport)).await?,
        Place::Folder(service) => address(sought, Arc::new(InProcess::new(Arc::clone(service)))).await?,
    };
    let mut evidence = Vec::new();
    let tip = match saved_tip {
        Some(tip) => tip,
        None => {
            let digest = place.digest(sought.ledger).await?;
            evidence.push((Role::Digest, text::write(&digest.to_ion())));
            digest.digest_tip_address
        }
    };
    let request = ControlRequest::GetRevision(GetRevisionRequest {
        name: sought.ledger.to_owned(),
        block_address: text::write(&address.to_ion()).into(),
        document_id: sought.document.to_owned(),
        digest_tip_address: Some(text::write(&tip.to_ion()).into()),
    });
    let ControlReply::GetRevision(found) = place.control(request).await? else {
        return Err("the server answered another request than GetRevision".into());
    };
    evidence.push((Role::Revision, found.revision.text));
    evidence.push((Role::Proof, found.proof.ok_or("the server sent no proof")?.text));
    Ok(evidence)
}

/// The address of the block with a revision of a document. Only a query of the committed view, or of the history, answers
/// this, because the control API has no such operation.
async fn address<T: Transport>(
    sought: &Sought<'_>,
    transport: Arc<T>,
) -> Result<BlockAddress, Box<dyn Error>> {
    let Sought { ledger, document, version } = *sought;
    let driver = QldbDriver::builder(ledger).build_over(transport)?;
    for table in driver.list_tables().await? {
        let statement = match version {
            None => format!("SELECT VALUE blockAddress FROM \"_ql_committed_{table}\" BY id WHERE id = ?"),
            Some(version) => format!(
                "SELECT VALUE h.blockAddress FROM history(\"{table}\") AS h \
                 WHERE h.metadata.id = ? AND h.metadata.version = {version}"
            ),
        };
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
    Err(match version {
        None => format!(
            "ledger {ledger} has no current document {document}; a deleted one has versions: give --version"
        ),
        Some(version) => format!("ledger {ledger} has no version {version} of a document {document}"),
    }
    .into())
}
