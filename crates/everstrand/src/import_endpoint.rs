//! `import --endpoint`: the journal of a ledger that a running server creates. The blocks go there in parts, each in the form of a slot.

use std::error::Error;
use std::time::Duration;

use everstrand_driver::HttpTransport;
use everstrand_ion::text;
use everstrand_journal::Digest;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_protocol::control::{ControlReply, ControlRequest, ImportJournalRequest, ImportStep};
use tokio::runtime::Runtime;

use crate::remote::{self, Certificates};

/// How long an answer may take. The last one comes when the server has built tables and indexes of the whole journal.
const ANSWER_MAX: Duration = Duration::from_secs(3600);

/// An import into a server, which takes the slots that an importer writes.
pub(crate) struct RemoteJournal {
    runtime: Runtime,
    transport: HttpTransport,
    ledger: String,
    import_id: String,
}

impl RemoteJournal {
    /// Takes the name for the new ledger.
    pub(crate) fn begin(
        endpoint: &str,
        certificates: &Certificates,
        ledger: &str,
        accept_deviations: bool,
    ) -> Result<RemoteJournal, Box<dyn Error>> {
        let transport = certificates.transport_builder(endpoint)?.timeout(ANSWER_MAX).build()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut journal =
            RemoteJournal { runtime, transport, ledger: ledger.to_owned(), import_id: String::new() };
        journal.import_id = journal.ask(ImportStep::Begin { accept_deviations })?;
        Ok(journal)
    }

    /// Lets the ledger appear, if the server has the blocks of this digest.
    pub(crate) fn finish(&self, digest: &Digest) -> Result<(), Box<dyn Error>> {
        let finished = self.ask(ImportStep::Finish {
            import_id: self.import_id.clone(),
            digest: digest.digest.0.to_vec(),
            digest_tip_address: text::write(&digest.digest_tip_address.to_ion()).into(),
        });
        // The answer may have been lost on the way. The ledger then has this digest, unless somebody has changed it already.
        finished.map(drop).or_else(|error| {
            let found = self.runtime.block_on(remote::digest(&self.transport, &self.ledger));
            if found.is_ok_and(|found| found == *digest) { Ok(()) } else { Err(error.into()) }
        })
    }

    /// Frees the ledger's name. The server does so itself when nothing comes any more, only later.
    pub(crate) fn abandon(&self) {
        let _ = self.ask(ImportStep::Abandon { import_id: self.import_id.clone() });
    }

    /// The way to the server.
    pub(crate) fn into_transport(self) -> HttpTransport {
        self.transport
    }

    /// Asks for one step, and answers the import's id.
    fn ask(&self, step: ImportStep) -> Result<String, String> {
        let request = ControlRequest::ImportJournal(ImportJournalRequest { name: self.ledger.clone(), step });
        match self.runtime.block_on(self.transport.control(&request)) {
            Ok(ControlReply::ImportJournal(answer)) => Ok(answer.import_id),
            Ok(_) => Err("the server answered another request than ImportJournal".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl SlotStore for RemoteJournal {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        let import_id = self.import_id.clone();
        self.ask(ImportStep::Blocks { import_id, part: slot, blocks: bytes.to_vec() })
            .map(|_| Created::Won)
            .map_err(SlotError::NotSent)
    }

    fn read(&self, _: u64) -> Result<Option<Vec<u8>>, SlotError> {
        Err(SlotError::NotSent("a journal that is being sent cannot be read".to_owned()))
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        Ok(None)
    }

    fn redact(&self, slot: u64, _: &[u8], _: &[u8]) -> Result<(), SlotError> {
        Err(SlotError::NotSent(format!("slot {slot} of a journal that is being sent cannot be redacted")))
    }
}
