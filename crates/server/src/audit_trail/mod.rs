//! The audit trail: who did what to which ledger, one line of JSON for each event, in the field names of AWS CloudTrail.
//!
//! `event` makes lines, `lines` hands them to a thread that writes them to a file (`file`) or into a ledger (`crates/server/src/audit_ledger.rs`), `crates/server/src/recording.rs` decides when. Operations of the control API are always recorded, and a line is
//! durable before the operation is answered. Where no line can be written, they are refused. Commands of the session API are recorded
//! if the operator asks for it. They do not wait for the file: where it is too slow or full, lines are counted as lost.
//!
//! No line holds a secret, a token, a statement or a parameter of one. Requests that are refused because of their signature are no
//! events, because anybody could fill the file with them.

pub(crate) mod event;
mod file;
pub(crate) mod lines;

use std::path::Path;
use std::sync::Arc;

use file::Appended;
use lines::{Lines, Sink};

/// An audit trail in a file or in a ledger.
#[derive(Debug)]
pub struct AuditTrail {
    lines: Lines,
    is_ledger: bool,
    /// Whether commands of the session API are recorded too.
    data_events: bool,
}

impl AuditTrail {
    /// Appends to a file, which is made for this user alone if there is none.
    pub fn open(file: &Path, data_events: bool) -> Result<Arc<AuditTrail>, String> {
        let lines = Lines::start(file.display().to_string(), Box::new(Appended::open(file)?))?;
        Ok(Arc::new(AuditTrail { lines, is_ledger: false, data_events }))
    }

    /// Writes into a ledger.
    pub(crate) fn in_ledger(
        name: String,
        sink: Box<dyn Sink>,
        data_events: bool,
    ) -> Result<Arc<AuditTrail>, String> {
        Ok(Arc::new(AuditTrail { lines: Lines::start(name, sink)?, is_ledger: true, data_events }))
    }

    /// Whether it lies in a ledger, from which nothing can be removed.
    pub(crate) fn is_ledger(&self) -> bool {
        self.is_ledger
    }

    /// Whether an event belongs here. What is asked of the ledger of audit trails would otherwise make it grow by being read.
    pub(crate) fn takes(&self, event: &event::Event) -> bool {
        !(self.is_ledger && event.is_of_trail)
    }

    /// Opens the file by its name again, after somebody renamed it. If that fails, the trail goes on in the file that it has.
    pub fn reopen(&self) -> Result<(), String> {
        self.lines.reopen()
    }

    /// Waits until everything that was recorded is written. This blocks the thread.
    pub fn flush(&self) {
        self.lines.flush();
    }

    /// Whether commands of the session API are recorded too.
    pub(crate) fn has_data_events(&self) -> bool {
        self.data_events
    }

    /// Writes a line later. If too many wait, the line is lost.
    pub(crate) fn write(&self, line: Vec<u8>) {
        self.lines.write(line);
    }

    /// Writes a line and makes it durable.
    pub(crate) async fn write_durably(&self, line: Vec<u8>) -> std::io::Result<()> {
        self.lines.write_durably(line).await
    }

    /// How many events of the session API were not written.
    pub(crate) fn lost(&self) -> u64 {
        self.lines.lost()
    }

    /// Whether the last line could be written.
    pub(crate) fn is_writable(&self) -> bool {
        self.lines.is_writable()
    }
}
