//! `everstrand audit`: computes every hash of a journal again, from a data folder, an export or a server.
//!
//! `source` reads, the journal crate checks, `report` prints. All cores check blocks in parallel; the chain is followed in order. One
//! batch of blocks is in memory at a time, whatever the length of the journal.

mod collected;
mod remember;
pub(crate) mod report;
pub(crate) mod source;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap_complete::engine::ArgValueCandidates;
use everstrand_journal::evidence::{Evidence, Input, Role};
use everstrand_journal::{Auditor, CheckpointVerifier, SavedDigest};

use self::remember::Remembered;
use self::report::{Form, Report};
use crate::completions;
use crate::remote::Certificates;
use crate::report_file::ReportFile;
use crate::saved;

/// The arguments of `audit`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A data folder, a ledger's folder in it, an export's folder, one file of an export, or the URL of a server
    source: String,
    /// The ledger, if the source is a server or a data folder with several ledgers
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completions::ledgers))]
    ledger: Option<String>,
    /// A file or URL with a digest, or with a signed checkpoint, that was saved outside of the journal (may be repeated).
    /// Without one, a journal whose end was cut off looks like a shorter journal
    #[arg(long, value_name = "FILE|URL")]
    digest: Vec<String>,
    /// A key that may have signed a checkpoint, as `name+hash+base64` (may be repeated); a checkpoint signed by none of them
    /// is refused
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// Continue where the audit that wrote this file ended, and write the end of this audit to it
    #[arg(long, value_name = "FILE")]
    remember: Option<PathBuf>,
    #[command(flatten)]
    certificates: Certificates,
    /// Print one JSON object a line: each deviation, then the summary
    #[arg(long, conflicts_with = "hashes_only")]
    json: bool,
    /// Print one Ion struct a line that shows how each block is built, without any data of documents
    #[arg(long)]
    hashes_only: bool,
    /// Write what was audited and what was found to this file, in Markdown
    #[arg(long, value_name = "FILE.md")]
    report: Option<PathBuf>,
}

/// Audits, prints the deviations, and exits with 0 (none), 1 (deviations) or 2 (unusable input, an error, or a digest that could
/// not be compared).
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let digests = saved_digests(&arguments.digest, &arguments.key, &arguments.certificates)?;
    let form = match (arguments.json, arguments.hashes_only) {
        (true, _) => Form::JsonLines,
        (_, true) => Form::HashesOnly,
        _ => Form::Text,
    };
    let mut report = Report::new(form);
    let file =
        arguments.report.as_deref().map(|file| ReportFile::create(file, "Audit of a journal")).transpose()?;
    if file.is_some() {
        report.collect();
    }
    let journal = source::find(&arguments.source, arguments.ledger.as_deref(), &arguments.certificates)?;
    let remembered = match &arguments.remember {
        Some(file) if file.exists() => Some(Remembered::read(file)?),
        _ => None,
    };
    let mut auditor = match &remembered {
        None => Auditor::new(digests),
        Some(remembered) => remembered.auditor(digests),
    };
    let next = journal.audit(&mut auditor, remembered.as_ref(), &mut report)?;
    let end = Remembered::of(&auditor, next);
    let (summary, missing) = auditor.finish();
    report.deviations(&missing)?;
    report.summary(&summary)?;
    if let Some(file) = file {
        report.write(file, arguments, &summary)?;
    }
    if let (Some(file), Some(end), true) = (&arguments.remember, end, summary.is_clean()) {
        end.write(file)?;
    }
    Ok(match (summary.is_clean(), summary.is_complete()) {
        (true, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::from(2),
        (false, _) => ExitCode::FAILURE,
    })
}

/// Reads the digests in these files, or at these URLs.
pub(crate) fn saved_digests(
    files: &[String],
    keys: &[String],
    certificates: &Certificates,
) -> Result<Vec<SavedDigest>, Box<dyn Error>> {
    let keys = keys.iter().map(|key| CheckpointVerifier::parse(key)).collect::<Result<Vec<_>, _>>()?;
    files.iter().map(|file| saved_digest(file, &keys, certificates)).collect()
}

fn saved_digest(
    name: &str,
    keys: &[CheckpointVerifier],
    certificates: &Certificates,
) -> Result<SavedDigest, Box<dyn Error>> {
    let bytes = saved::read(name, certificates)?;
    let evidence = Evidence::read(&[Input { name, role: Role::Digest, bytes: &bytes }])?;
    if let Some(checkpoint) = evidence.checkpoint.as_ref().filter(|_| !keys.is_empty())
        && !keys.iter().any(|key| checkpoint.is_signed_by(key))
    {
        return Err(format!("the checkpoint in {name} is signed by none of the keys given with --key").into());
    }
    evidence
        .saved_digest(name)
        .ok_or_else(|| format!("{name} holds no digest with the address of its tip").into())
}
