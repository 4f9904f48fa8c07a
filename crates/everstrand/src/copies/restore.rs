//! `everstrand restore`: makes a new ledger of a copy, up to any block or time.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use everstrand::InProcess;
use everstrand_copies::{Copy, CopyError, Point, Restore, Restored};
use everstrand_driver::QldbDriver;
use everstrand_ion::text;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_server::Service;
use everstrand_server::config::{Config, Storage};
use serde_json::json;

use super::place::{self, Source};
use crate::progress::Progress;
use crate::store::Access;

/// What the first own block of a restored ledger records.
const FIRST_STATEMENT: &str = "SELECT VALUE name FROM information_schema.user_tables";

/// Make a new ledger of a copy, up to any block or time
///
/// The restored ledger has a new id and, from its first own block on, a new strand. The blocks before keep their addresses and
/// hashes, so digests and proofs that were saved up to the last restored block verify as before. What the copy or the source
/// knows to be redacted, also later than that block, is taken out of all that is written. The ledger that was copied is left as
/// it is; a name that is taken is refused, so give another one with --as.
///
/// Exits with 0 (restored), 1 (the copy is damaged, nothing was restored) or 2 (the arguments cannot be used, the copy cannot be
/// opened up to that block, or a place does not answer).
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The place of the copies: a folder, s3://BUCKET/PREFIX or postgres://USER@HOST/DATABASE
    from: String,
    /// The ledger that was copied, or the id of a copy [default: the only ledger in the place]
    ledger: Option<String>,
    /// The data folder for the new ledger; no server may be running on it [default: the variable EVERSTRAND_DATA, else
    /// ./everstrand-data]
    #[arg(long, value_name = "DIR", conflicts_with = "store")]
    data: Option<PathBuf>,
    /// The store for the new ledger: s3://BUCKET/PREFIX or postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "LOCATION")]
    store: Option<String>,
    /// The last block to restore [default: the copy's last]
    #[arg(long, value_name = "N", conflicts_with = "to_time")]
    to_block: Option<u64>,
    /// Restore up to the last block that is not later than this time, such as 2026-11-30T12:00:00Z
    #[arg(long, value_name = "TIME")]
    to_time: Option<String>,
    /// The new ledger's name [default: the name that the copied ledger had]
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// A data folder or a store that has the copied ledger: redactions that are later than the copy are taken from there. The
    /// place of the new ledger is always asked
    #[arg(long, value_name = "PLACE")]
    ask: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

impl Arguments {
    fn point(&self) -> Result<Point, Box<dyn Error>> {
        if let Some(block) = self.to_block {
            return Ok(Point::Block(block));
        }
        let Some(time) = &self.to_time else { return Ok(Point::End) };
        let value = text::read_one(time).ok();
        let time = value
            .as_ref()
            .and_then(|value| value.as_timestamp())
            .ok_or_else(|| format!("{time:?} is no time: write one as 2026-11-30T12:00:00Z"))?;
        Ok(Point::Time(time.unix_millis()))
    }
}

/// Restores, and prints what the new ledger is.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let point = arguments.point()?;
    let copies = place::read(&arguments.from, &arguments.access)?;
    let known = place::newest(&copies, arguments.ledger.as_deref())?;
    let name = arguments.name.clone().unwrap_or_else(|| known.origin.name.clone());
    let copy = place::open(&copies, &known)?;
    let source = source_of(arguments, &copy)?;
    let mut progress = Progress::new(format!("reading copy {}", copy.id()), None);
    let planned = Restore::plan(&copy, point, source.as_deref(), &mut progress);
    progress.end();
    let restore = match planned {
        Err(CopyError::Damaged(why)) => {
            eprintln!("everstrand: nothing was restored: the copy is damaged: {why}");
            return Ok(ExitCode::FAILURE);
        }
        planned => planned?,
    };
    drop(source);
    let service = service(arguments, &copy)?;
    let mut progress = Progress::new(format!("writing ledger {name}"), None);
    let mut restored: Option<Restored> = None;
    let from = format!("ledger {}, block {}", copy.origin().ledger_id, restore.block());
    let made = service.restore_ledger(&name, &copy.origin().record, &from, &mut |slots| {
        let (strand_id, writer) = (place::new_id(), place::new_id());
        let done =
            restore.write(slots, strand_id, writer, &mut progress).map_err(|error| error.to_string())?;
        restored = Some(done);
        Ok(())
    });
    progress.end();
    let first = made.map_err(|error| error.message.into()).and_then(|()| begin_strand(&service, &name));
    service.close();
    first?;
    let restored = restored.ok_or("nothing was written")?;
    match arguments.json {
        true => println!("{}", as_json(&name, &copy, &restored)),
        false => print!("{}", as_text(&name, &copy, &restored)),
    }
    Ok(ExitCode::SUCCESS)
}

/// The ledger that was copied, where it can be asked which redactions are later than the copy.
fn source_of(arguments: &Arguments, copy: &Copy) -> Result<Option<Arc<dyn SlotStore>>, Box<dyn Error>> {
    let asked = match &arguments.ask {
        Some(place) if place.contains("://") => (None, Some(place.as_str())),
        Some(place) => (Some(std::path::Path::new(place)), None),
        None => (arguments.data.as_deref(), arguments.store.as_deref()),
    };
    let is_there = asked.1.is_some() || crate::place::data_folder(asked.0).is_dir();
    if !is_there && arguments.ask.is_none() {
        return Ok(None);
    }
    let (source, ledgers) = Source::find(asked.0, asked.1, &arguments.access)?;
    let copied = ledgers.iter().find(|ledger| ledger.id == copy.origin().ledger_id);
    match copied {
        Some(ledger) => Ok(Some(source.journal(ledger)?.clear())),
        None if arguments.ask.is_some() => {
            Err("the place that was to be asked does not have the copied ledger".into())
        }
        None => Ok(None),
    }
}

fn service(arguments: &Arguments, copy: &Copy) -> Result<Arc<Service>, Box<dyn Error>> {
    let storage = match &arguments.store {
        Some(location) => Storage::Shared { store: arguments.access.open(location)?, cache: None },
        None => Storage::Folder(crate::place::data_folder(arguments.data.as_deref())),
    };
    let mut config = Config::new(storage);
    crate::master_key::configure(&mut config)?;
    let has_kms_key = copy.origin().record.get("kmsKey").is_some();
    if copy.origin().is_sealed && config.master_key.is_none() && !has_kms_key {
        return Err(
            "the copied ledger is encrypted, and the new one would lie in clear: name a master key".into()
        );
    }
    // The first own block is made by a transaction that only reads.
    config.record_reads = true;
    Ok(Arc::new(Service::open(config)?))
}

/// Gives the ledger its first own block, so that its digests and checkpoints name its own strand.
fn begin_strand(service: &Arc<Service>, name: &str) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let transport = Arc::new(InProcess::new(Arc::clone(service)));
        let driver = QldbDriver::builder(name).build_over(transport)?;
        driver
            .execute(|transaction| async move {
                transaction.execute(FIRST_STATEMENT, ()).await?.fetch_all().await
            })
            .await?;
        driver.close().await;
        Ok(())
    })
}

fn as_text(name: &str, copy: &Copy, restored: &Restored) -> String {
    let fork = &restored.fork;
    let mut lines = format!(
        "ledger {name} is ledger {} as it was after block {}\n  digest there  {}, as the copied ledger had it\n  slots         {}, \
         from copy {}\n",
        fork.ledger,
        fork.block,
        restored.digest.digest,
        restored.slots,
        copy.id()
    );
    if !fork.redactions.is_empty() {
        lines += &format!(
            "  {} revisions are shown without their data, because they were redacted after block {}\n",
            fork.redactions.len(),
            fork.block
        );
    }
    lines
}

fn as_json(name: &str, copy: &Copy, restored: &Restored) -> serde_json::Value {
    json!({
        "ledger": name,
        "copy": copy.id().to_string(),
        "restoredFrom": restored.fork.ledger,
        "strandId": restored.fork.strand_id.to_string(),
        "block": restored.fork.block,
        "digest": restored.digest.digest.to_string(),
        "slots": restored.slots,
        "redactedLater": restored.fork.redactions.len(),
    })
}
