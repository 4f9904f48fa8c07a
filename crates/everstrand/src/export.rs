//! `everstrand export`: writes a ledger's journal to a folder, in the layout of QLDB's exports.
//!
//! It reads the blocks from a data folder, on which a server may be running, or asks a server for them. It stops at the block that
//! was the last when it began. It holds one data object in memory at a time.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap_complete::engine::ArgValueCandidates;
use everstrand_driver::HttpTransport;
use everstrand_ion::Timestamp;
use everstrand_journal::export::{OutputFormat, StartedManifest};
use everstrand_journal::{BlockAddress, ExportObject, ExportWriter, ForeignBlock, JournalBlock, Slot};
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::{Clock, Ids, RandomIds, SystemClock};
use everstrand_server::ledger_folders;
use tokio::runtime::Runtime;

use crate::completions;
use crate::remote::{self, Certificates};
use crate::{journal_folder, place};

/// A data object ends with the block that brings it to this size.
const OBJECT_BYTES_MAX: usize = 8 << 20;
/// Bytes of slots that are read at a time.
const BATCH_BYTES: usize = 4 << 20;

/// The arguments of `export`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The ledger's name
    #[arg(add = ArgValueCandidates::new(completions::ledgers))]
    ledger: String,
    /// The data folder that holds it [default: the variable EVERSTRAND_DATA, else ./everstrand-data]
    #[arg(long, value_name = "DIR", conflicts_with = "endpoint")]
    data: Option<PathBuf>,
    /// Ask this server for the blocks instead. Such an export does not name the indexes, because the server does not
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    #[command(flatten)]
    certificates: Certificates,
    /// The folder to write to, which must be new or empty
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// The format of the blocks
    #[arg(long, value_enum, default_value_t = Format::IonText)]
    format: Format,
}

/// The three formats of QLDB's exports.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// Ion text, one block a line
    IonText,
    /// Ion binary
    IonBinary,
    /// JSON Lines, which lose Ion's types
    Json,
}

/// Exports, prints the number of blocks, and exits with 0.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let source: Box<dyn Blocks> = match (&arguments.endpoint, &arguments.data) {
        (Some(endpoint), _) => {
            Box::new(OfServer::new(arguments.certificates.transport(endpoint)?, &arguments.ledger)?)
        }
        (None, data) => Box::new(OfFolder(journal(&place::data_folder(data.as_deref()), &arguments.ledger)?)),
    };
    let (first_block, last_block) = source.first_and_last(&arguments.ledger)?;
    prepare(&arguments.to)?;

    let clock = Arc::new(SystemClock::new());
    let manifest = StartedManifest {
        ledger_name: arguments.ledger.clone(),
        export_id: RandomIds::new(Arc::clone(&clock) as Arc<dyn Clock>).next().to_string(),
        inclusive_start_time: Timestamp::from_unix_millis(first_block.timestamp()),
        exclusive_end_time: Timestamp::from_unix_millis(last_block.timestamp() + 1),
        bucket: arguments.to.display().to_string(),
        prefix: String::new(),
        object_encryption_type: "NO_ENCRYPTION".to_owned(),
        output_format: Some(match arguments.format {
            Format::IonText => OutputFormat::IonText,
            Format::IonBinary => OutputFormat::IonBinary,
            Format::Json => OutputFormat::Json,
        }),
    };
    let strand_id = first_block.address().strand_id;
    let requested = Timestamp::from_unix_millis(clock.unix_millis());
    let mut writer = ExportWriter::new(manifest, strand_id, requested, OBJECT_BYTES_MAX);
    write(&arguments.to, &writer.started())?;
    source.for_each(last_block.address(), &mut |block| {
        if let Some(object) = writer.push(block)? {
            write(&arguments.to, &object)?;
        }
        Ok(())
    })?;
    for object in writer.finish() {
        write(&arguments.to, &object)?;
    }
    println!(
        "{} blocks of {} in {}",
        last_block.address().sequence_no + 1,
        strand_id,
        arguments.to.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// A function that is called with each block.
type Visit<'a> = dyn FnMut(&JournalBlock) -> Result<(), Box<dyn Error>> + 'a;

/// Where blocks come from.
trait Blocks {
    /// The first block and the last.
    fn first_and_last(&self, ledger: &str) -> Result<(JournalBlock, JournalBlock), Box<dyn Error>>;

    /// All blocks up to this one, in order.
    fn for_each(&self, last: BlockAddress, visit: &mut Visit<'_>) -> Result<(), Box<dyn Error>>;
}

/// The journal in a data folder.
struct OfFolder(Arc<dyn SlotStore>);

impl Blocks for OfFolder {
    fn first_and_last(&self, ledger: &str) -> Result<(JournalBlock, JournalBlock), Box<dyn Error>> {
        let no_blocks = || format!("ledger {ledger} has no blocks");
        let last = self.0.tip_hint()?.ok_or_else(no_blocks)?;
        let first = end_block(&*self.0, 0, |blocks| blocks.next())?.ok_or_else(no_blocks)?;
        // The last slots may have no block.
        for slot in (0..=last).rev() {
            if let Some(block) = end_block(&*self.0, slot, |blocks| blocks.last())? {
                return Ok((first, block));
            }
        }
        Err(no_blocks().into())
    }

    fn for_each(&self, last: BlockAddress, visit: &mut Visit<'_>) -> Result<(), Box<dyn Error>> {
        let mut next = 0;
        loop {
            let batch = self.0.read_many(next, BATCH_BYTES)?;
            if batch.is_empty() {
                return Err(format!("slot {next} is gone").into());
            }
            for bytes in batch {
                for block in blocks(&decode(next, bytes)?) {
                    visit(&block)?;
                    if block.address() == last {
                        return Ok(());
                    }
                }
                next += 1;
            }
        }
    }
}

/// A ledger on a server. The server shows its blocks, but not their changes of the catalog.
struct OfServer {
    runtime: Runtime,
    transport: HttpTransport,
    ledger: String,
}

impl OfServer {
    fn new(transport: HttpTransport, ledger: &str) -> Result<OfServer, Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(OfServer { runtime, transport, ledger: ledger.to_owned() })
    }

    fn block(&self, address: BlockAddress) -> Result<JournalBlock, Box<dyn Error>> {
        let block = self.runtime.block_on(remote::block(&self.transport, &self.ledger, address))?;
        Ok(JournalBlock::Foreign(ForeignBlock::new(block, None, None)?))
    }
}

impl Blocks for OfServer {
    fn first_and_last(&self, _: &str) -> Result<(JournalBlock, JournalBlock), Box<dyn Error>> {
        let tip = self.runtime.block_on(remote::digest(&self.transport, &self.ledger))?.digest_tip_address;
        Ok((self.block(BlockAddress { sequence_no: 0, ..tip })?, self.block(tip)?))
    }

    fn for_each(&self, last: BlockAddress, visit: &mut Visit<'_>) -> Result<(), Box<dyn Error>> {
        (0..=last.sequence_no)
            .try_for_each(|sequence_no| visit(&self.block(BlockAddress { sequence_no, ..last })?))
    }
}

fn journal(data: &Path, ledger: &str) -> Result<Arc<dyn SlotStore>, Box<dyn Error>> {
    let ledgers = ledger_folders(data)?;
    let found = ledgers.into_iter().find(|(name, _)| name == ledger);
    let (_, folder) = found.ok_or_else(|| format!("{} holds no ledger {ledger}", data.display()))?;
    journal_folder::open(&folder.join("journal"))
}

/// The first or the last block of a slot; `None` if the slot has none.
fn end_block(
    slots: &dyn SlotStore,
    slot: u64,
    choose: impl Fn(&mut dyn Iterator<Item = JournalBlock>) -> Option<JournalBlock>,
) -> Result<Option<JournalBlock>, Box<dyn Error>> {
    let bytes = slots.read(slot)?.ok_or_else(|| format!("slot {slot} is gone"))?;
    let decoded = decode(slot, bytes)?;
    Ok(choose(&mut blocks(&decoded)))
}

fn decode(slot: u64, bytes: Vec<u8>) -> Result<Slot, String> {
    Slot::decode(bytes).map_err(|error| format!("slot {slot}: {error}"))
}

fn blocks(slot: &Slot) -> impl Iterator<Item = JournalBlock> {
    (0..).map_while(|number| slot.block(number))
}

/// Creates the folder, and refuses one that has files, because two exports in one folder could not be told apart.
fn prepare(folder: &Path) -> Result<(), String> {
    let cannot = |error: std::io::Error| format!("cannot write to {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(cannot)?;
    match fs::read_dir(folder).map_err(cannot)?.next() {
        None => Ok(()),
        Some(_) => Err(format!("{} is not empty; name a new folder", folder.display())),
    }
}

/// Writes a file of the export durably, so that every file exists which the completed manifest names.
fn write(folder: &Path, object: &ExportObject) -> Result<(), String> {
    let path = folder.join(&object.key);
    let cannot = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(cannot)?;
    let mut file = File::create_new(&path).map_err(cannot)?;
    file.write_all(&object.bytes).and_then(|()| file.sync_all()).map_err(cannot)
}
