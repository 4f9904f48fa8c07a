//! ImportJournal: the blocks of another ledger arrive in parts and become a new ledger.
//!
//! A thread of its own creates the ledger. It waits for the parts, which the requests hand over, computes the hashes of every block
//! again and writes the blocks. The ledger appears when the client names the digest of all blocks and the digest of what was written
//! is the same. Whatever ends the import before that (a deviation, the client's silence, a stop of the server) leaves no ledger.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use everstrand_ion::text;
use everstrand_journal::{Auditor, BlockAddress, Digest, Hash, Slot, SlotContent, check_foreign};
use everstrand_ledger::{Ids, Importer};
use everstrand_protocol::control::{ImportJournalRequest, ImportJournalResult, ImportStep};
use everstrand_protocol::{Exception, ServiceError};

use crate::ledgers::Ledgers;
use crate::workers::Workers;

/// The greatest number of imports at a time.
const IMPORTS_MAX: usize = 2;
/// An import is given up when its client has sent nothing for this time.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long a server that stops waits for imports to be given up.
const CLOSING_MAX: Duration = Duration::from_secs(10);

/// The imports that are under way.
pub(crate) struct Imports {
    ids: Arc<dyn Ids>,
    /// Threads for the requests, which wait until their part is written.
    pub(crate) requests: Workers,
    threads: Workers,
    running: Mutex<HashMap<String, Running>>,
    ended: Condvar,
}

/// An import as its requests know it.
struct Running {
    ledger: String,
    /// The way to its thread; `None` once the server stops.
    steps: Option<SyncSender<Step>>,
}

/// What a client asks of the thread of its import.
struct Step {
    step: ImportStep,
    answer: Answer,
}

type Answer = SyncSender<Result<(), ServiceError>>;

impl Imports {
    pub(crate) fn new(ids: Arc<dyn Ids>) -> Imports {
        Imports {
            ids,
            requests: Workers::new("everstrand-import-requests", 2 * IMPORTS_MAX),
            threads: Workers::new("everstrand-imports", IMPORTS_MAX),
            running: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// Runs one step. Blocks the thread until the step is done.
    pub(crate) fn run(
        self: &Arc<Imports>,
        ledgers: &Arc<Ledgers>,
        request: ImportJournalRequest,
    ) -> Result<ImportJournalResult, ServiceError> {
        let ImportJournalRequest { name, step } = request;
        let import_id = match &step {
            ImportStep::Begin { accept_deviations } => return self.begin(ledgers, name, *accept_deviations),
            ImportStep::Blocks { import_id, .. }
            | ImportStep::Finish { import_id, .. }
            | ImportStep::Abandon { import_id } => import_id.clone(),
        };
        let known = self.running().get(&import_id).filter(|it| it.ledger == name).map(|it| it.steps.clone());
        let steps = known.flatten().ok_or_else(|| unknown(&import_id, &name))?;
        let (answer, answered) = sync_channel(1);
        steps.send(Step { step, answer }).map_err(|_| unknown(&import_id, &name))?;
        // The thread may end before it takes the step.
        answered.recv().unwrap_or_else(|_| Err(unknown(&import_id, &name)))?;
        Ok(ImportJournalResult { import_id })
    }

    /// Starts the thread of an import, and waits until the ledger's name is taken.
    fn begin(
        self: &Arc<Imports>,
        ledgers: &Arc<Ledgers>,
        name: String,
        accept_deviations: bool,
    ) -> Result<ImportJournalResult, ServiceError> {
        let import_id = self.ids.next().to_string();
        // Without room for waiting steps, a step that could be sent is taken or its sender is told.
        let (steps, arriving) = sync_channel(0);
        {
            let mut running = self.running();
            if running.len() >= IMPORTS_MAX {
                let message =
                    format!("There are {IMPORTS_MAX} imports already; try again when one has ended");
                return Err(ServiceError::new(Exception::LimitExceeded, message));
            }
            running.insert(import_id.clone(), Running { ledger: name.clone(), steps: Some(steps) });
        }
        let (begun, began) = sync_channel(1);
        let (imports, ledgers, id) = (Arc::clone(self), Arc::clone(ledgers), import_id.clone());
        let job = move || {
            let ended = Ended { imports, id };
            import(&ledgers, &name, accept_deviations, &arriving, begun, ended);
        };
        if !self.threads.start(job) {
            self.running().remove(&import_id);
        }
        let no_thread = || ServiceError::new(Exception::InternalFailure, "The import could not begin");
        began.recv().unwrap_or_else(|_| Err(no_thread()))?;
        Ok(ImportJournalResult { import_id })
    }

    /// Gives all imports up, and waits until they have removed what they wrote.
    pub(crate) fn close(&self) {
        let mut running = self.running();
        running.values_mut().for_each(|import| import.steps = None);
        let waiting = self.ended.wait_timeout_while(running, CLOSING_MAX, |running| !running.is_empty());
        if waiting.is_ok_and(|(_, waited)| waited.timed_out()) {
            tracing::warn!("an import has not ended; the next start removes what it wrote");
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes an import from the list when its thread is done with it, also by a panic.
struct Ended {
    imports: Arc<Imports>,
    id: String,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.imports.running().remove(&self.id);
        self.imports.ended.notify_all();
    }
}

/// Creates the ledger from the steps that arrive, until one of them ends the import.
fn import(
    ledgers: &Ledgers,
    name: &str,
    accept_deviations: bool,
    arriving: &Receiver<Step>,
    begun: Answer,
    ended: Ended,
) {
    // Answered when the ledger exists, or when nothing is left of it.
    let mut last = None;
    let mut refused = None;
    let made = ledgers.import(name, &mut |importer| {
        let _ = begun.send(Ok(()));
        let mut received = Received { auditor: Auditor::new([]), accept_deviations, parts: 0 };
        loop {
            let Step { step, answer } = arriving.recv_timeout(SILENCE_MAX).map_err(|error| match error {
                RecvTimeoutError::Timeout => format!("nothing was sent for {SILENCE_MAX:?}"),
                RecvTimeoutError::Disconnected => "the server stops".to_owned(),
            })?;
            let outcome = match &step {
                ImportStep::Blocks { part, blocks, .. } => received.blocks(importer, *part, blocks),
                ImportStep::Finish { digest, digest_tip_address, .. } => {
                    is_digest(importer, digest, &digest_tip_address.text)
                }
                ImportStep::Begin { .. } | ImportStep::Abandon { .. } => {
                    last = Some((answer, Wanted::Nothing));
                    return Err("its client has given it up".to_owned());
                }
            };
            match (outcome, step) {
                (Ok(()), ImportStep::Blocks { .. }) => drop(answer.send(Ok(()))),
                (outcome, _) => {
                    last = Some((answer, Wanted::Ledger));
                    refused = outcome.as_ref().err().cloned();
                    return outcome;
                }
            }
        }
    });
    if let Err(error) = &made {
        tracing::warn!(ledger = name, why = %error.message, "an import has ended without a ledger");
    }
    drop(ended);
    let made = match refused {
        Some(why) => {
            Err(ServiceError::new(Exception::InvalidParameter, format!("Nothing was imported: {why}")))
        }
        None => made.map(drop),
    };
    match last {
        Some((answer, Wanted::Ledger)) => drop(answer.send(made)),
        Some((answer, Wanted::Nothing)) => drop(answer.send(Ok(()))),
        // The import has not begun, or nobody waits any more.
        None => drop(begun.try_send(made)),
    }
}

/// What the client wants of the last step of an import.
enum Wanted {
    Ledger,
    Nothing,
}

/// What has arrived of a journal.
struct Received {
    auditor: Auditor,
    accept_deviations: bool,
    parts: u64,
}

impl Received {
    /// Takes the next part.
    fn blocks(&mut self, importer: &mut Importer<'_>, part: u64, bytes: &[u8]) -> Result<(), String> {
        if part != self.parts {
            return Err(format!("part {} was to come, and part {part} came", self.parts));
        }
        self.parts += 1;
        let slot = Slot::decode(bytes.to_vec()).map_err(|error| format!("part {part}: {error}"))?;
        let SlotContent::Foreign(blocks) = slot.content() else {
            return Err(format!("part {part} has no imported blocks"));
        };
        for block in blocks {
            let checked = check_foreign(block.value().root(), block.catalog_changes())
                .map_err(|error| format!("block {}: {error}", block.address().sequence_no))?;
            let deviations = self.auditor.block(checked);
            if let Some(deviation) = deviations.first().filter(|_| !self.accept_deviations) {
                return Err(format!("the journal deviates: {deviation}"));
            }
            importer.push(block.clone()).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// Compares the digest of what was written with that of what was sent.
fn is_digest(importer: &mut Importer<'_>, digest: &[u8], tip: &str) -> Result<(), String> {
    let sent = text::read_one(tip).ok().and_then(|tip| BlockAddress::try_from(&tip).ok());
    let sent = Hash::from_slice(digest).zip(sent);
    let sent = sent.map(|(digest, digest_tip_address)| Digest { digest, digest_tip_address });
    let written = importer.digest().map_err(|error| error.to_string())?;
    match sent.is_some() && sent == written {
        true => Ok(()),
        false => Err("the digest is not that of the blocks that have arrived".to_owned()),
    }
}

fn unknown(import_id: &str, ledger: &str) -> ServiceError {
    let message = format!(
        "There is no import {import_id} into a ledger {ledger} here. It has ended, maybe because nothing was sent for {SILENCE_MAX:?}, or \
         another server has it"
    );
    ServiceError::new(Exception::ResourceNotFound, message).with_resource("JournalImport", import_id)
}
