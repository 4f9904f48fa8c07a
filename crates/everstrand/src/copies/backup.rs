//! `everstrand backup`: brings a copy of a ledger up to date while a server runs, lists, verifies and prunes copies.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use everstrand_copies::{Copies, Copy, CopyError, Known, Origin, Run, Verdict, Verified, verify};
use everstrand_server::StoredLedger;
use serde_json::{Value, json};

use super::place::{self, Journal, Source};
use crate::audit::saved_digests;
use crate::progress::{Progress, bytes};
use crate::remote::Certificates;
use crate::store::Access;

/// Copy ledgers to a folder, a bucket or a database, also while a server serves them
///
/// A run copies only the slots that the copy lacks, in order, and checks every hash of them. Whenever it stops, the copy is a
/// beginning of the ledger's journal, and the next run goes on there. What the copied journal says is redacted is taken out of
/// the copy's own bytes. A copy is an audit's input and `everstrand restore`'s; a server never serves it.
///
/// Exits with 0 (all copies are up to date), 1 (a source or a copy is damaged, or the copy is not of this journal) or 2 (the
/// arguments cannot be used, or a place cannot be read or written).
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArguments,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the copies in a place, the oldest first
    List(ListArguments),
    Verify(VerifyArguments),
    Prune(PruneArguments),
    Shred(ShredArguments),
}

#[derive(clap::Args)]
#[group(id = "backup-run")]
struct RunArguments {
    /// The ledger
    #[arg(required_unless_present = "all")]
    ledger: Option<String>,
    /// Copy all ledgers
    #[arg(long, conflicts_with = "ledger")]
    all: bool,
    /// The data folder that has the ledgers [default: the variable EVERSTRAND_DATA, else ./everstrand-data]
    #[arg(long, value_name = "DIR", conflicts_with = "store")]
    data: Option<PathBuf>,
    /// The store that has the ledgers: s3://BUCKET/PREFIX or postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "LOCATION")]
    store: Option<String>,
    /// The place of the copies: a folder, s3://BUCKET/PREFIX or postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "PLACE", required = true)]
    to: Option<String>,
    /// Begin another whole copy instead of going on with the newest one
    #[arg(long)]
    new: bool,
    /// Copy at most so many megabytes a second, so that a server on the same disk keeps its throughput
    #[arg(long, value_name = "MB")]
    rate: Option<u32>,
    /// Write the digest at the copy's last block to this file, to be kept where the copy's place cannot change it
    #[arg(long, value_name = "FILE", conflicts_with = "all")]
    save_digest: Option<PathBuf>,
    /// Print one JSON object for each ledger
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

#[derive(clap::Args)]
struct ListArguments {
    /// The place of the copies
    place: String,
    /// Print one JSON object for each copy
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

/// Compute every hash of copies again, without their source, and say up to which slot each opens
///
/// A copy is refused if a hash does not fit, if slots are missing that it had on its last run, if a saved digest does not fit, or
/// if it shows data that its own journal says is redacted (the next run takes such data out). A copy is incomplete from the first
/// slot on that shows emptied data without the block that redacted it: up to there it opens, and another run completes it.
///
/// Exits with 0 (every copy opens to its end), 3 (a copy is incomplete), 1 (a copy is refused) or 2 (a copy cannot be read, or a
/// saved digest could not be compared).
#[derive(clap::Args)]
struct VerifyArguments {
    /// The place of the copies
    place: String,
    /// A ledger, or the id of a copy [default: all copies]
    copy: Option<String>,
    /// A file or URL with a digest, or with a signed checkpoint, that was saved elsewhere (may be repeated)
    #[arg(long, value_name = "FILE|URL", requires = "copy")]
    digest: Vec<String>,
    /// A key that may have signed a checkpoint (may be repeated)
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// Print one JSON object for each copy
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

/// Remove whole copies, the oldest first
#[derive(clap::Args)]
struct PruneArguments {
    /// The place of the copies
    place: String,
    /// A ledger [default: each ledger that has copies there]
    ledger: Option<String>,
    /// How many copies of each ledger stay
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: u32,
    #[command(flatten)]
    access: Access,
}

/// Remove the data key of copies of an encrypted ledger, so that nobody can ever read them
///
/// DeleteLedger does this for the copies that it can reach, and its log names the others. No master key is needed.
#[derive(clap::Args)]
struct ShredArguments {
    /// The place of the copies
    place: String,
    /// The ledger, or the id of a copy
    copy: String,
    #[command(flatten)]
    access: Access,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    match &arguments.command {
        None => back_up(&arguments.run),
        Some(Command::List(arguments)) => list(arguments),
        Some(Command::Verify(arguments)) => verify_copies(arguments),
        Some(Command::Prune(arguments)) => prune(arguments),
        Some(Command::Shred(arguments)) => shred(arguments),
    }
}

fn back_up(arguments: &RunArguments) -> Result<ExitCode, Box<dyn Error>> {
    let to = arguments.to.as_deref().ok_or("name the place of the copies with --to")?;
    let (data, store) = (arguments.data.as_deref(), arguments.store.as_deref());
    let (source, mut ledgers) = Source::find(data, store, &arguments.access)?;
    if let Some(name) = &arguments.ledger {
        ledgers.retain(|ledger| ledger.name == *name);
        if ledgers.is_empty() {
            return Err(format!("there is no ledger {name}").into());
        }
    }
    let copies = place::write(to, &arguments.access)?;
    let known = copies.list()?;
    if known.is_empty() && to.contains("://") {
        arguments.access.check_for_copies(to)?;
    }
    let mut worst = 0;
    for ledger in &ledgers {
        let limit = arguments.rate.map(|rate| u64::from(rate) * 1_000_000);
        let mut progress = Progress::new(format!("ledger {}", ledger.name), limit);
        let done = source.journal(ledger).and_then(|journal| {
            let newest = newest_of(&known, ledger, &journal, arguments);
            let copy = copy_of(&copies, newest, ledger, &journal)?;
            if journal.sealed.is_some() {
                source.note_copy(ledger.id, to, copy.id())?;
            }
            let run = journal.backup(&copy, &mut progress, place::now_millis()).run()?;
            if let Some(file) = &arguments.save_digest {
                let text = everstrand_ion::text::write_pretty(&run.mark.digest.to_ion()) + "\n";
                std::fs::write(file, text)
                    .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
            }
            Ok((copy, run))
        });
        progress.end();
        match done {
            Ok((copy, run)) if arguments.json => println!("{}", run_as_json(ledger, &copy, &run, &progress)),
            Ok((copy, run)) => println!("{}", run_as_text(ledger, &copy, &run, &progress)),
            Err(error) => {
                worst = worst.max(code_of(&*error));
                if arguments.json {
                    println!("{}", json!({"ledger": ledger.name, "error": error.to_string()}));
                } else {
                    eprintln!("everstrand: ledger {} was not copied to its end: {error}", ledger.name);
                }
            }
        }
    }
    Ok(ExitCode::from(worst))
}

/// Damage and another journal are 1, so that a script can tell them from a place that does not answer.
pub(super) fn code_of(error: &(dyn Error + 'static)) -> u8 {
    match error.downcast_ref::<CopyError>() {
        Some(
            CopyError::Source(_) | CopyError::Diverged(_) | CopyError::Damaged(_) | CopyError::NotEmptied(_),
        ) => 1,
        _ => 2,
    }
}

/// The newest copy of a ledger, if the run goes on with it.
fn newest_of<'a>(
    known: &'a [Known],
    ledger: &StoredLedger,
    journal: &Journal,
    arguments: &RunArguments,
) -> Option<&'a Known> {
    let newest = known.iter().rfind(|copy| copy.origin.ledger_id == ledger.id)?;
    if !newest.origin.is_sealed && journal.sealed.is_some() && !arguments.new {
        eprintln!(
            "everstrand: ledger {} was encrypted after copy {} was begun, which lies in clear. Another copy is begun; remove the \
             one in clear with `everstrand backup prune`",
            ledger.name, newest.id
        );
        return None;
    }
    (!arguments.new).then_some(newest)
}

/// The copy of a ledger, or a new one.
fn copy_of(
    copies: &Copies,
    newest: Option<&Known>,
    ledger: &StoredLedger,
    journal: &Journal,
) -> Result<Copy, Box<dyn Error>> {
    let (key, forms) = match &journal.sealed {
        Some(sealed) => (Some(sealed.key.clone()), &sealed.forms[..]),
        None => (None, &[][..]),
    };
    if let Some(newest) = newest {
        if newest.origin.is_sealed {
            // The run brings the forms that the copy lacks, and finds one that was swapped or changed.
            copies.bring_data_key(newest, forms)?;
        }
        return Ok(copies.open(newest.clone(), key)?);
    }
    let origin = Origin {
        ledger_id: ledger.id,
        name: ledger.name.clone(),
        begun_millis: place::now_millis(),
        record: ledger.record.clone(),
        is_sealed: journal.sealed.is_some(),
    };
    Ok(copies.begin(place::new_id(), origin, key, forms)?)
}

fn run_as_text(ledger: &StoredLedger, copy: &Copy, run: &Run, progress: &Progress) -> String {
    let rate = rate(run.bytes, progress.seconds());
    let emptied = match run.slots_emptied {
        0 => String::new(),
        number => format!("; redacted data was taken out of {number} slots that were copied before"),
    };
    format!(
        "ledger {}: copied {} slots with {} blocks, {} in {:.1} s, {}/s{emptied}\ncopy {}: {} slots, blocks 0 to {}, digest {}",
        ledger.name,
        run.slots,
        run.blocks,
        bytes(run.bytes),
        progress.seconds(),
        bytes(rate),
        copy.id(),
        run.mark.slots,
        run.mark.digest.digest_tip_address.sequence_no,
        run.mark.digest.digest,
    )
}

fn run_as_json(ledger: &StoredLedger, copy: &Copy, run: &Run, progress: &Progress) -> Value {
    json!({
        "ledger": ledger.name,
        "copy": copy.id().to_string(),
        "slotsBefore": run.slots_before,
        "slotsCopied": run.slots,
        "blocksCopied": run.blocks,
        "bytesCopied": run.bytes,
        "bytesPerSecond": rate(run.bytes, progress.seconds()),
        "seconds": progress.seconds(),
        "slotsEmptied": run.slots_emptied,
        "slots": run.mark.slots,
        "tip": run.mark.digest.digest_tip_address.sequence_no,
        "strandId": run.mark.digest.digest_tip_address.strand_id.to_string(),
        "digest": run.mark.digest.digest.to_string(),
    })
}

#[expect(clippy::cast_possible_truncation, reason = "a rate needs no more digits")]
fn rate(bytes: u64, seconds: f64) -> u64 {
    (bytes as f64 / seconds.max(0.001)) as u64
}

fn list(arguments: &ListArguments) -> Result<ExitCode, Box<dyn Error>> {
    for copy in place::read(&arguments.place, &arguments.access)?.list()? {
        let Known { id, origin, mark, .. } = copy;
        let (begun, written) = (time(origin.begun_millis), mark.map(|mark| time(mark.millis)));
        let slots = mark.map_or(0, |mark| mark.slots);
        let tip = mark.map(|mark| mark.digest.digest_tip_address.sequence_no);
        if arguments.json {
            let line = json!({
                "copy": id.to_string(), "ledger": origin.name, "ledgerId": origin.ledger_id.to_string(),
                "encrypted": origin.is_sealed, "begun": begun, "lastRun": written, "slots": slots, "tip": tip,
                "digest": mark.map(|mark| mark.digest.digest.to_string()),
            });
            println!("{line}");
            continue;
        }
        let end = match (written, tip) {
            (Some(written), Some(tip)) => format!("{slots} slots, blocks 0 to {tip}, last run {written}"),
            _ => "no run was completed".to_owned(),
        };
        let encrypted = if origin.is_sealed { "  encrypted" } else { "" };
        println!("{id}  {}  begun {begun}  {end}{encrypted}", origin.name);
    }
    Ok(ExitCode::SUCCESS)
}

fn time(millis: i64) -> String {
    everstrand_ion::Timestamp::from_unix_millis(millis).to_string()
}

fn verify_copies(arguments: &VerifyArguments) -> Result<ExitCode, Box<dyn Error>> {
    let copies = place::read(&arguments.place, &arguments.access)?;
    let named = place::named(copies.list()?, arguments.copy.as_deref())?;
    let mut worst = Worst::default();
    if named.is_empty() {
        return Err(format!("{} holds no copy", arguments.place).into());
    }
    for known in named {
        let digests = saved_digests(&arguments.digest, &arguments.key, &Certificates::default())?;
        let mut progress = Progress::new(format!("copy {}", known.id), None);
        let copy = place::open(&copies, &known)?;
        let verified = verify(&copy, digests, &mut progress)?;
        progress.end();
        worst.take(&verified);
        match arguments.json {
            true => println!("{}", verified_as_json(&known, &verified)),
            false => print_verified(&known, &verified, &progress),
        }
    }
    Ok(ExitCode::from(worst.code()))
}

/// The worst that was found: refused, unchecked, incomplete, nothing.
#[derive(Default)]
struct Worst {
    refused: bool,
    unchecked: bool,
    incomplete: bool,
}

impl Worst {
    fn take(&mut self, verified: &Verified) {
        self.refused |= verified.verdict() == Verdict::Refused;
        self.incomplete |= verified.verdict() == Verdict::Incomplete;
        self.unchecked |= !verified.summary.is_complete();
    }

    fn code(&self) -> u8 {
        match (self.refused, self.unchecked, self.incomplete) {
            (true, _, _) => 1,
            (_, true, _) => 2,
            (_, _, true) => 3,
            _ => 0,
        }
    }
}

fn print_verified(known: &Known, verified: &Verified, progress: &Progress) {
    println!("copy {} of ledger {}, read in {:.1} s", known.id, known.origin.name, progress.seconds());
    for deviation in &verified.deviations {
        println!("DEVIATION  {deviation}");
    }
    if let Some(why) = &verified.lost {
        println!("LOST       {why}");
    }
    for standing in &verified.standing {
        println!(
            "STANDS     slot {} shows data of block {}, which block {} redacted: run the backup again",
            standing.slot, standing.block, standing.redacted_by
        );
    }
    for name in &verified.summary.digests_matched {
        println!("ok         the copy agrees with {name}");
    }
    for name in &verified.summary.digests_unchecked {
        println!("unchecked  {name}");
    }
    match (verified.verdict(), verified.incomplete) {
        (Verdict::Refused, _) => println!("REFUSED"),
        (_, Some(emptied)) => println!(
            "INCOMPLETE from slot {}, which shows emptied data of block {} without the block that redacted it; it opens up to \
             slot {}, with {} blocks. Another run completes it",
            emptied.slot,
            emptied.block,
            verified.opens.saturating_sub(1),
            verified.blocks
        ),
        _ => println!(
            "whole: it opens up to slot {}, with {} blocks{}",
            verified.opens.saturating_sub(1),
            verified.blocks,
            verified.summary.digest.map_or(String::new(), |digest| format!(", digest {}", digest.digest))
        ),
    }
}

fn verified_as_json(known: &Known, verified: &Verified) -> Value {
    json!({
        "copy": known.id.to_string(),
        "ledger": known.origin.name,
        "verdict": match verified.verdict() {
            Verdict::Whole => "whole",
            Verdict::Incomplete => "incomplete",
            Verdict::Refused => "refused",
        },
        "slots": verified.slots,
        "opensSlots": verified.opens,
        "opensBlocks": verified.blocks,
        "incompleteFromSlot": verified.incomplete.map(|emptied| emptied.slot),
        "stands": verified.standing.iter().map(|standing| json!({
            "slot": standing.slot, "block": standing.block, "redactedBy": standing.redacted_by,
        })).collect::<Vec<_>>(),
        "deviations": verified.deviations.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "lost": verified.lost,
        "digest": verified.summary.digest.map(|digest| digest.digest.to_string()),
        "digestsMatched": verified.summary.digests_matched,
        "digestsUnchecked": verified.summary.digests_unchecked,
    })
}

fn prune(arguments: &PruneArguments) -> Result<ExitCode, Box<dyn Error>> {
    let copies = place::write(&arguments.place, &arguments.access)?;
    for id in copies.remove_leftovers()? {
        println!("removed what was left of copy {id}");
    }
    let named = place::named(copies.list()?, arguments.ledger.as_deref())?;
    for (at, copy) in named.iter().enumerate() {
        let younger = named[at + 1..].iter().filter(|other| other.origin.ledger_id == copy.origin.ledger_id);
        if younger.count() >= arguments.keep as usize {
            copies.remove(copy)?;
            println!(
                "removed copy {} of ledger {}, begun {}",
                copy.id,
                copy.origin.name,
                time(copy.origin.begun_millis)
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn shred(arguments: &ShredArguments) -> Result<ExitCode, Box<dyn Error>> {
    let copies = place::write(&arguments.place, &arguments.access)?;
    for copy in place::named(copies.list()?, Some(&arguments.copy))? {
        if !copy.origin.is_sealed {
            return Err(
                format!("copy {} lies in clear, so there is no key to remove: prune it", copy.id).into()
            );
        }
        copies.remove_data_key(&copy)?;
        println!("removed the data key of copy {} of ledger {}", copy.id, copy.origin.name);
    }
    Ok(ExitCode::SUCCESS)
}
