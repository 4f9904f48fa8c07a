//! The audit trail: who did what to which ledger, one line of JSON for each event, in the field names of AWS CloudTrail.
//!
//! `event` makes lines, `file` writes them, `crates/server/src/recording.rs` decides when. Operations of the control API are always recorded, and a line is
//! durable before the operation is answered. Where no line can be written, they are refused. Commands of the session API are recorded
//! if the operator asks for it. They do not wait for the file: where it is too slow or full, lines are counted as lost.
//!
//! No line holds a secret, a token, a statement or a parameter of one. Requests that are refused because of their signature are no
//! events, because anybody could fill the file with them.

pub(crate) mod event;
mod file;

use std::path::Path;
use std::sync::Arc;

use file::Lines;

/// An audit trail in a file.
#[derive(Debug)]
pub struct AuditTrail {
    lines: Lines,
    /// Whether commands of the session API are recorded too.
    data_events: bool,
}

impl AuditTrail {
    /// Appends to a file, which is made for this user alone if there is none.
    pub fn open(file: &Path, data_events: bool) -> Result<Arc<AuditTrail>, String> {
        Ok(Arc::new(AuditTrail { lines: Lines::open(file)?, data_events }))
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
