//! An audit trail in a ledger of the service's own, which clients can read, verify and audit like any other, and never write.

use std::io;
use std::sync::Arc;

use everstrand_ion::{Document, text};
use everstrand_ledger::{Ledger, LedgerError};

use crate::audit_trail::AuditTrail;
use crate::audit_trail::lines::Sink;
use crate::ledgers::Ledgers;
use crate::own_ledgers::AUDIT_LEDGER;

/// How often a transaction is tried.
const ATTEMPTS_MAX: u32 = 5;

/// Opens the trail. The ledger must be there.
pub(crate) fn open(ledgers: Arc<Ledgers>, data_events: bool) -> Result<Arc<AuditTrail>, String> {
    AuditTrail::in_ledger(format!("the ledger {AUDIT_LEDGER}"), Box::new(InLedger(ledgers)), data_events)
}

/// The ledger.
struct InLedger(Arc<Ledgers>);

impl Sink for InLedger {
    /// Inserts each line as a document, all of them in one transaction. A commit is always durable.
    fn write(&mut self, lines: &[Vec<u8>], _durably: bool) -> io::Result<()> {
        let events = lines.iter().filter(|line| !line.is_empty()).map(|line| document(line));
        let events = events.collect::<Result<Vec<_>, _>>();
        let events = events.map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        if events.is_empty() {
            return Ok(());
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            let ledger =
                self.0.open_current(AUDIT_LEDGER).map_err(|error| io::Error::other(error.message))?;
            match insert(&ledger, &events) {
                // Another server created the table at the same time, or the ledger was closed because nobody used it.
                Err(LedgerError::OccConflict { .. } | LedgerError::Closed) if attempts < ATTEMPTS_MAX => {}
                Err(error) => return Err(io::Error::new(kind(&error), error.to_string())),
                Ok(()) => return Ok(()),
            }
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// JSON is Ion.
fn document(line: &[u8]) -> Result<Document, String> {
    let line = std::str::from_utf8(line).map_err(|error| error.to_string())?;
    text::read_one(line).map(|event| Document::from(&event)).map_err(|error| error.to_string())
}

fn kind(error: &LedgerError) -> io::ErrorKind {
    match error {
        LedgerError::BadRequest { .. } | LedgerError::LimitExceeded(_) => io::ErrorKind::InvalidInput,
        _ => io::ErrorKind::Other,
    }
}

fn insert(ledger: &Ledger, events: &[Document]) -> Result<(), LedgerError> {
    let mut transaction = ledger.start_transaction()?;
    let tables = transaction.execute("SELECT name FROM information_schema.user_tables", &[])?;
    if tables.values.is_empty() {
        transaction.execute("CREATE TABLE audit_event", &[])?;
    }
    for event in events {
        transaction.execute("INSERT INTO audit_event VALUE ?", std::slice::from_ref(event))?;
    }
    transaction.commit_unchecked().wait().map(drop)
}
