//! `everstrand drill`: restores copies into memory and compares digests, so that nobody learns on the worst day that a copy
//! cannot be restored.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use everstrand_copies::{Copies, CopyError, Known, Point, Restore};
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_ledger::{Environment, Ledger, LedgerOptions, Status};
use serde_json::json;

use super::place;
use crate::progress::Progress;
use crate::store::Access;

/// Restore the newest copy of each ledger into memory, and compare digests
///
/// Nothing is written. The memory that it takes is that of the ledger as a server in memory would hold it. Made for cron: it prints
/// one line for each ledger, and exits with 0 (every copy can be restored), 1 (one cannot) or 2 (a place does not answer).
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The place of the copies
    from: String,
    /// A ledger, or the id of a copy [default: the newest copy of each ledger]
    ledger: Option<String>,
    /// Print one JSON object for each ledger
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

/// Restores each copy and prints what came of it.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let copies = place::read(&arguments.from, &arguments.access)?;
    let mut failed = false;
    for known in place::newest_of_each(&copies, arguments.ledger.as_deref())? {
        let mut progress = Progress::new(format!("copy {}", known.id), None);
        let name = known.origin.name.clone();
        let id = known.id.to_string();
        let outcome = drill(&copies, known, &mut progress);
        progress.end();
        let seconds = progress.seconds();
        failed |= outcome.is_err();
        match (outcome, arguments.json) {
            (Ok((block, digest)), true) => {
                println!(
                    "{}",
                    json!({"ledger": name, "copy": id, "block": block, "digest": digest, "seconds": seconds})
                );
            }
            (Ok((block, digest)), false) => {
                println!(
                    "ledger {name}: copy {id} was restored up to block {block} in {seconds:.1} s, digest {digest}"
                );
            }
            (Err(why), true) => println!("{}", json!({"ledger": name, "copy": id, "error": why})),
            (Err(why), false) => println!("ledger {name}: copy {id} CANNOT BE RESTORED: {why}"),
        }
    }
    Ok(ExitCode::from(u8::from(failed)))
}

/// Restores one copy into memory. Answers the last block and the digest there.
fn drill(copies: &Copies, known: Known, progress: &mut Progress) -> Result<(u64, String), String> {
    let readable = |error: CopyError| error.to_string();
    let mark = known.mark.ok_or("no run of the backup was ever completed")?;
    let copy = place::open(copies, &known).map_err(|error| error.to_string())?;
    let restore = Restore::plan(&copy, Point::End, None, progress).map_err(readable)?;
    let slots = Arc::new(MemorySlots::new());
    let restored = restore.write(&*slots, place::new_id(), place::new_id(), progress).map_err(readable)?;
    let ledger =
        Ledger::open(slots, Arc::new(MemoryView::new()), Environment::of_machine(), LedgerOptions::default());
    let ledger = ledger.map_err(|error| error.to_string())?;
    if let Status::Faulted(error) = ledger.status() {
        return Err(format!("the restored ledger does not work: {error}"));
    }
    let digest = ledger
        .digest_at(restored.digest.digest_tip_address.sequence_no)
        .map_err(|error| error.to_string())?;
    if digest != restored.digest {
        return Err(format!(
            "the restored ledger has the digest {}, and the copy {}",
            digest.digest, restored.digest.digest
        ));
    }
    let tip = mark.digest.digest_tip_address.sequence_no;
    let noted = ledger.digest_at(tip).map_err(|error| error.to_string())?;
    if noted.digest != mark.digest.digest {
        return Err(format!(
            "at block {tip} it has the digest {}, and the source had {}",
            noted.digest, mark.digest.digest
        ));
    }
    Ok((restored.digest.digest_tip_address.sequence_no, digest.digest.to_string()))
}
