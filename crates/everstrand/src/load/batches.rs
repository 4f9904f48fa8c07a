//! Documents put together to transactions: as many as a transaction may insert.

use std::collections::HashSet;

use everstrand_ion::{Document, IonType};
use tokio::sync::mpsc;

use super::documents::Read;

/// The most documents that a transaction inserts. QLDB and Everstrand allow 40.
const DOCUMENTS_MAX: usize = 40;
/// The most bytes of documents in a transaction. QLDB and Everstrand allow 4 MiB, with what the ledger adds to each.
const BYTES_MAX: usize = 3 << 20;

/// A document to insert.
pub(super) struct Line {
    /// Its line or its place in the file, from 1.
    pub(super) number: u64,
    /// As it stands in the file.
    pub(super) text: String,
    pub(super) document: Document,
    /// The value of the key field, if one was named.
    pub(super) key: Option<Document>,
}

/// The documents of one transaction.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) lines: Vec<Line>,
    /// Lines that are no documents: their number, their text, and the reason.
    pub(super) unreadable: Vec<(u64, String, String)>,
    bytes: usize,
    keys: HashSet<String>,
}

/// Sends everything in batches. Returns early if nobody takes them any more.
pub(super) fn send(
    lines: impl Iterator<Item = std::io::Result<Read>>,
    key: Option<&str>,
    batches: &mpsc::Sender<Batch>,
) -> std::io::Result<()> {
    let mut batch = Batch::default();
    for read in lines {
        let Read { number, text, document } = read?;
        let document = document.and_then(|document| match document.root().ion_type() {
            IonType::Struct if !document.root().is_null() => Ok(document),
            other => Err(format!("it is no object but a value of type {other}")),
        });
        let found = document.and_then(|document| {
            let Some(name) = key else { return Ok((document, None)) };
            let found = document.root().get(name).filter(|value| !value.is_null());
            let found =
                found.map(|value| value.to_document()).ok_or_else(|| format!("it has no field {name}"))?;
            Ok((document, Some(found)))
        });
        match found {
            Err(why) => batch.unreadable.push((number, text, why)),
            Ok((document, key)) => {
                let bytes = document.as_bytes().len();
                // Two documents with one key do not see one another in one transaction's look.
                let repeats = key.as_ref().is_some_and(|key| batch.keys.contains(&key.to_string()));
                let is_full = batch.lines.len() >= DOCUMENTS_MAX || batch.bytes + bytes > BYTES_MAX;
                if (repeats || is_full) && batches.blocking_send(std::mem::take(&mut batch)).is_err() {
                    return Ok(());
                }
                batch.bytes += bytes;
                batch.keys.extend(key.as_ref().map(ToString::to_string));
                batch.lines.push(Line { number, text, document, key });
            }
        }
    }
    // An error means that the load has stopped, which it says itself.
    let _ = batches.blocking_send(batch);
    Ok(())
}
