//! Reads a journal for an audit: from a ledger's folder, an export's folder, or a server.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use everstrand_driver::HttpTransport;
use everstrand_journal::export::read_blocks;
use everstrand_journal::{
    Auditor, BlockAddress, CheckedBlock, FormatError, Slot, check_foreign, check_slot, on_all_cores,
};
use everstrand_ledger::storage::slots::SlotError;
use everstrand_server::ledger_folders;

use super::remember::Remembered;
use super::report::Report;
use crate::exported::{BATCH_BLOCKS, ExportFolder};
use crate::journal_folder;
use crate::remote::{self, Certificates};

/// Bytes of slots that are read and checked at a time.
const BATCH_BYTES: usize = 16 << 20;

/// A journal that can be read.
pub(crate) enum Journal {
    /// The folder of a journal's segments.
    Slots(PathBuf),
    /// The folder of an export.
    Export(PathBuf),
    /// One file of an export.
    ExportedFile(PathBuf),
    /// A ledger on a server.
    Server { endpoint: String, ledger: String, certificates: Certificates },
}

/// Decides from the argument and the files there which kind of journal it names.
pub(crate) fn find(
    source: &str,
    ledger: Option<&str>,
    certificates: &Certificates,
) -> Result<Journal, String> {
    if source.starts_with("http://") || source.starts_with("https://") {
        let ledger = ledger.ok_or("name the ledger on that server with --ledger NAME")?;
        return Ok(Journal::Server {
            endpoint: source.to_owned(),
            ledger: ledger.to_owned(),
            certificates: certificates.clone(),
        });
    }
    let path = Path::new(source);
    if path.is_file() {
        return Ok(Journal::ExportedFile(path.to_owned()));
    }
    if !path.is_dir() {
        return Err(format!("there is no {source}"));
    }
    if has_segments(path) {
        return Ok(Journal::Slots(path.to_owned()));
    }
    if path.join("journal").is_dir() {
        return Ok(Journal::Slots(path.join("journal")));
    }
    let ledgers = ledger_folders(path)?;
    match (ledger, ledgers.as_slice()) {
        (_, []) if ledger.is_none() => Ok(Journal::Export(path.to_owned())),
        (None, [(_, folder)]) => Ok(Journal::Slots(folder.join("journal"))),
        (None, several) => {
            let names = several.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            Err(format!("{source} holds several ledgers, {names}: name one with --ledger NAME"))
        }
        (Some(wanted), ledgers) => ledgers
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, folder)| Journal::Slots(folder.join("journal")))
            .ok_or_else(|| format!("{source} holds no ledger {wanted}")),
    }
}

fn has_segments(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.path().extension().is_some_and(|extension| extension == "segment"))
    })
}

impl Journal {
    /// Passes every block to the auditor. Answers the number after the last slot, if the journal has slots.
    pub(super) fn audit(
        &self,
        auditor: &mut Auditor,
        remembered: Option<&Remembered>,
        report: &mut Report,
    ) -> Result<Option<u64>, Box<dyn Error>> {
        match self {
            Journal::Slots(folder) => audit_slots(folder, remembered, auditor, report).map(Some),
            Journal::Export(folder) => {
                let export = ExportFolder::open(folder)?;
                audit_export(&export, remembered.map(|remembered| remembered.last), auditor, report)?;
                Ok(None)
            }
            Journal::ExportedFile(file) => {
                let export = ExportFolder::of_file(file)?;
                audit_export(&export, remembered.map(|remembered| remembered.last), auditor, report)?;
                Ok(None)
            }
            Journal::Server { endpoint, ledger, certificates } => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let from = remembered.map_or(0, |remembered| remembered.last.sequence_no + 1);
                runtime.block_on(audit_server(
                    &certificates.transport(endpoint)?,
                    ledger,
                    from,
                    auditor,
                    report,
                ))?;
                Ok(None)
            }
        }
    }
}

fn audit_slots(
    folder: &Path,
    remembered: Option<&Remembered>,
    auditor: &mut Auditor,
    report: &mut Report,
) -> Result<u64, Box<dyn Error>> {
    let slots = journal_folder::open(folder)?;
    let last = slots.tip_hint()?;
    if last.is_none() {
        let why = "holds no slot of a journal; every ledger has one with block 0, so its segments are gone";
        return Err(format!("{} {why}", folder.display()).into());
    }
    let from = remembered.and_then(|remembered| remembered.next_slot).unwrap_or(0);
    report.expect(last.map_or(0, |last| (last + 1).saturating_sub(from)));
    // An earlier audit of a server or an export has remembered a block, but no slot. Then this audit reads all slots, and skips
    // the blocks up to the remembered one.
    let after = remembered.filter(|_| from == 0);
    let mut was_met = after.is_none();
    let mut unreadable = Unreadable::default();
    let mut next = from;
    if from > 0 && slots.read(from - 1)?.is_none() {
        let gone = format!("slot {} was audited before and is gone", from - 1);
        report.deviations(&auditor.unreadable("the journal is shorter than it was", &gone))?;
    }
    loop {
        let batch = match slots.read_many(next, BATCH_BYTES) {
            Ok(batch) if batch.is_empty() => {
                unreadable.report(auditor, report)?;
                if let Some(Remembered { last, .. }) = after.filter(|_| !was_met) {
                    let why = format!("it lacks block {}, which was audited before", last.sequence_no);
                    report.deviations(&auditor.unreadable("this is another journal", &why))?;
                }
                return Ok(next);
            }
            Ok(batch) => batch,
            Err(SlotError::Corrupt { slot, why }) if last.is_some_and(|last| next <= last) => {
                if !unreadable.add(next, slot, &why) {
                    unreadable.report(auditor, report)?;
                    unreadable = Unreadable { slots: Some((slot, slot)), why };
                }
                next = slot.max(next) + 1;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        unreadable.report(auditor, report)?;
        let count = batch.len() as u64;
        report.advance(count, batch.iter().map(Vec::len).sum());
        let checked = on_all_cores(batch, |bytes| {
            Slot::decode(bytes).map(|slot| {
                let blocks = check_slot(&slot);
                (slot, blocks)
            })
        });
        for (offset, checked) in (0..).zip(checked) {
            let found = match checked {
                Ok((slot, mut blocks)) => {
                    if let Some(Remembered { last, last_hash, .. }) = after {
                        was_met |=
                            blocks.iter().any(|block| block.address == *last && block.hash == *last_hash);
                        blocks.retain(|block| block.address.sequence_no > last.sequence_no);
                        // No block of the slot is new: an earlier audit has read all, or it has none.
                        if blocks.is_empty() && slot.frontier().size() <= last.sequence_no + 1 {
                            report.deviations(&auditor.audited_slot(&slot))?;
                            continue;
                        }
                    }
                    blocks.iter().try_for_each(|block| report.block(block))?;
                    auditor.checked_slot(&slot, blocks)
                }
                Err(error) => auditor.unreadable(&format!("slot {}", next + offset), &error),
            };
            report.deviations(&found)?;
        }
        next += count;
    }
}

/// Consecutive slots that cannot be read for the same reason. They are reported as one deviation.
#[derive(Default)]
struct Unreadable {
    slots: Option<(u64, u64)>,
    why: String,
}

impl Unreadable {
    /// Adds an unreadable slot that a read from `next` on met, if it continues these slots. Answers whether it does.
    fn add(&mut self, next: u64, slot: u64, why: &str) -> bool {
        match &mut self.slots {
            Some((_, last)) if next == *last + 1 && slot == next && self.why == why => {
                *last = slot;
                true
            }
            _ => false,
        }
    }

    /// Reports these slots, if there are any.
    fn report(&mut self, auditor: &mut Auditor, report: &mut Report) -> std::io::Result<()> {
        let what = match self.slots.take() {
            None => return Ok(()),
            Some((first, last)) if first == last => format!("slot {first}"),
            Some((first, last)) => format!("slots {first} to {last}"),
        };
        report.deviations(&auditor.unreadable(&what, &self.why))
    }
}

fn audit_export(
    export: &ExportFolder,
    after: Option<BlockAddress>,
    auditor: &mut Auditor,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    report.expect(export.bytes());
    if export.is_unfinished() {
        let why = "it was begun and not completed: it has no completed manifest, so blocks may be missing at its end";
        report.deviations(&auditor.unreadable("the export", &why))?;
    }
    for key in export.missing()? {
        let why = "the completed manifest names this file, but the folder does not have it";
        report.deviations(&auditor.unreadable(&key, &why))?;
    }
    for object in export.objects() {
        if after.is_some_and(|after| after.strand_id == object.strand_id && after.sequence_no >= object.last)
        {
            continue;
        }
        let bytes = export.read(object)?;
        report.advance(bytes.len() as u64, bytes.len());
        let mut blocks = match read_blocks(&bytes) {
            Ok(blocks) => blocks.peekable(),
            Err(error) => {
                report.deviations(&auditor.unreadable(&object.name, &error))?;
                continue;
            }
        };
        while blocks.peek().is_some() {
            let batch: Vec<_> = blocks.by_ref().take(BATCH_BLOCKS).collect();
            let checked = on_all_cores(batch, |block| export.check(&block?));
            take_blocks(checked, &object.name, after, auditor, report)?;
        }
    }
    Ok(())
}

fn take_blocks(
    checked: Vec<Result<CheckedBlock, FormatError>>,
    name: &str,
    after: Option<BlockAddress>,
    auditor: &mut Auditor,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    for checked in checked {
        let found = match checked {
            Ok(block) if after.is_some_and(|after| block.address.sequence_no <= after.sequence_no) => {
                continue;
            }
            Ok(block) => {
                report.block(&block)?;
                auditor.block(block)
            }
            Err(error) => auditor.unreadable(name, &error),
        };
        report.deviations(&found)?;
    }
    Ok(())
}

async fn audit_server(
    transport: &HttpTransport,
    ledger: &str,
    from: u64,
    auditor: &mut Auditor,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    let digest = remote::digest(transport, ledger).await?;
    let tip = digest.digest_tip_address;
    report.expect((tip.sequence_no + 1).saturating_sub(from));
    for sequence_no in from..=tip.sequence_no {
        let address = BlockAddress { sequence_no, ..tip };
        let block = remote::block(transport, ledger, address).await?;
        report.advance(1, block.as_bytes().len());
        let block = check_foreign(block.root(), None);
        take_blocks(vec![block], &format!("block {sequence_no}"), None, auditor, report)?;
    }
    if auditor.digest().is_some_and(|computed| computed.digest != digest.digest) {
        let differs = "it does not match the blocks that the server sent";
        report.deviations(&auditor.unreadable("the server's digest", &differs))?;
    }
    Ok(())
}
