//! `everstrand copy`: brings the copies of one place to another, so that a copy can move to other storage.

use std::error::Error;
use std::process::ExitCode;

use everstrand_copies::{Backup, Copies, Known, Run};
use serde_json::json;

use super::place;
use crate::progress::{Progress, bytes};
use crate::store::Access;

/// Bring the newest copy of each ledger from one place of copies to another
///
/// Both places are a folder, s3://BUCKET/PREFIX or postgres://USER@HOST/DATABASE. A run sends what the other place lacks, by the same
/// rules as `everstrand backup`, and the digest is the same on both sides. The ledger need not exist any more.
///
/// Exits with 0 (all are there), 1 (a copy is damaged, or the other place has another one) or 2 (a place does not answer).
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The place that has the copies
    from: String,
    /// The place that gets them
    to: String,
    /// A ledger, or the id of a copy [default: the newest copy of each ledger]
    #[arg(long, value_name = "LEDGER")]
    ledger: Option<String>,
    /// Print one JSON object for each ledger
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

/// Copies, and prints both digests.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let from = place::read(&arguments.from, &arguments.access)?;
    let to = place::write(&arguments.to, &arguments.access)?;
    let there = to.list()?;
    if there.is_empty() && arguments.to.contains("://") {
        arguments.access.check_for_copies(&arguments.to)?;
    }
    let mut worst = 0;
    for known in place::newest_of_each(&from, arguments.ledger.as_deref())? {
        let name = known.origin.name.clone();
        let mut progress = Progress::new(format!("ledger {name}"), None);
        let done = bring(&from, &to, &there, known, &mut progress);
        progress.end();
        match done {
            Ok((id, run)) if arguments.json => {
                let digest = run.mark.digest.digest.to_string();
                let slots = run.mark.slots;
                println!(
                    "{}",
                    json!({"ledger": name, "copy": id, "slotsCopied": run.slots, "slots": slots, "digest": digest})
                );
            }
            Ok((id, run)) => println!(
                "ledger {name}: {} slots, {}, to copy {id}, which has {} slots; digest {} on both sides",
                run.slots,
                bytes(run.bytes),
                run.mark.slots,
                run.mark.digest.digest
            ),
            Err(error) => {
                worst = worst.max(super::backup::code_of(&*error));
                eprintln!("everstrand: ledger {name} was not copied to its end: {error}");
            }
        }
    }
    Ok(ExitCode::from(worst))
}

/// Brings one copy to the other place. Answers its id there.
fn bring(
    from: &Copies,
    to: &Copies,
    there: &[Known],
    known: Known,
    progress: &mut Progress,
) -> Result<(String, Run), Box<dyn Error>> {
    let origin = known.origin.clone();
    let mark = known.mark.ok_or("no run of its backup was ever completed")?;
    let (key, forms) = (place::key_of(from, &known)?, from.data_key(&known)?);
    let source = from.open(known, key.clone())?;
    let is_same = |copy: &&Known| {
        copy.origin.ledger_id == origin.ledger_id && copy.origin.is_sealed == origin.is_sealed
    };
    let target = match there.iter().rfind(is_same) {
        Some(newest) => {
            to.bring_data_key(newest, &forms)?;
            to.open(newest.clone(), key)?
        }
        None => to.begin(place::new_id(), origin, key, &forms)?,
    };
    let backup = match source.sealed_slots() {
        Some(sealed) => Backup::of_sealed(sealed, &target, progress, place::now_millis()),
        None => Backup::new(source.slots(), &target, progress, place::now_millis()),
    };
    let run = backup.run()?;
    if run.mark.slots == mark.slots && run.mark.digest != mark.digest {
        return Err(format!(
            "the digest is {} here and {} there",
            mark.digest.digest, run.mark.digest.digest
        )
        .into());
    }
    Ok((target.id().to_string(), run))
}
