//! How the view stores the head.
//!
//! ```text
//! 's'  "EVVpre-5"  strand id:16  block:u64  hash:32  timestamp:i64  slot:u64  link:32
//!      next document number:u64  tables:u32  indexes ever created:u32  frontier: size:u64, hashes 32 × n
//! ```
//!
//! Once a slot had an addition, the name is "EVVpre-6" and "seal: length:u32, text" stands before the frontier: no text
//! if there is no seal, "deleted", or "at" and the place. A build that does not know additions refuses such a view and
//! builds it again; then it meets the addition in the journal, so it never writes behind it. Once a slot had a fork, the
//! name is "EVVpre-7", and behind the seal stand "parts: u32, each: strand id:16  last block:u64  length:u32, ledger id".
//!
//! Every value of the keyspace Catalog ends with the CRC32C of its key and of the bytes before. If a bit of a table's
//! id changed, the next commits would name that id, and the journal's replay would refuse them. The engine's own
//! checksums do not notice a bit that changed in memory or by a bug.
//!
//! The name of the whole view's format stands here. A view of another format counts as damaged, so it is rebuilt.

use std::ops::Bound;
use std::sync::Arc;

use everstrand_ion::Document;
use everstrand_journal::tree::Frontier;
use everstrand_journal::{Hash, Seal, UniqueId};

use super::catalog::{Catalog, Table};
use super::changes::Changes;
use super::checked_entry;
use super::head::{Additions, Head, Part, Tip};
use super::keys::{self, TableNumber};
use super::statistics::Statistics;
use crate::storage::views::{Keyspace, ViewError, ViewSnapshot};

/// The name of the view's format. Change it with any of the layouts in this folder, and with index keys. Since pre-3
/// floats have keys of 38 digits, since pre-4 there are statistics, and since pre-5 a table has the names of its fields.
const FORMAT: &[u8; 8] = b"EVVpre-5";

/// The name of the format of a view that has applied an addition.
const FORMAT_WITH_ADDITIONS: &[u8; 8] = b"EVVpre-6";

/// The name of the format of a restored ledger's view.
const FORMAT_WITH_PARTS: &[u8; 8] = b"EVVpre-7";

impl Head {
    /// Writes the head without its tables.
    pub(crate) fn store(&self, changes: &mut Changes<'_>) {
        let mut bytes = Vec::with_capacity(140 + 32 * self.frontier.hashes().len());
        bytes.extend_from_slice(match (&self.additions, self.parts().is_empty()) {
            (None, _) => FORMAT,
            (Some(_), true) => FORMAT_WITH_ADDITIONS,
            (Some(_), false) => FORMAT_WITH_PARTS,
        });
        bytes.extend_from_slice(self.strand_id.as_bytes());
        bytes.extend_from_slice(&self.tip.block_no.to_be_bytes());
        bytes.extend_from_slice(self.tip.hash.as_bytes());
        bytes.extend_from_slice(&self.tip.timestamp.to_be_bytes());
        bytes.extend_from_slice(&self.tip.slot.to_be_bytes());
        bytes.extend_from_slice(self.tip.link.as_bytes());
        bytes.extend_from_slice(&self.next_number.to_be_bytes());
        bytes.extend_from_slice(&self.catalog.table_count().to_be_bytes());
        bytes.extend_from_slice(&self.catalog.index_count().to_be_bytes());
        if let Some(additions) = &self.additions {
            let seal = seal_to_text(additions.seal.as_ref());
            bytes.extend_from_slice(&u32::try_from(seal.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(seal.as_bytes());
        }
        store_parts(self.parts(), &mut bytes);
        bytes.extend_from_slice(&self.frontier.size().to_be_bytes());
        for hash in self.frontier.hashes() {
            bytes.extend_from_slice(hash.as_bytes());
        }
        checked_entry::put(changes, keys::STATE, bytes);
    }

    /// Writes one table.
    pub(crate) fn store_table(&self, number: TableNumber, changes: &mut Changes<'_>) {
        if let Some(table) = self.catalog.by_number(number) {
            checked_entry::put(changes, &keys::table(number), table.to_stored().as_bytes().to_vec());
        }
    }

    /// Reads the head with its tables; `None` from an empty view.
    pub(crate) fn load(view: &dyn ViewSnapshot) -> Result<Option<Head>, ViewError> {
        let damaged = || ViewError("the stored state is damaged".to_owned());
        let Some(bytes) = view.get(Keyspace::Catalog, keys::STATE)? else {
            return Ok(None);
        };
        let (mut state, tables) =
            checked_entry::checked(keys::STATE, &bytes).and_then(read).ok_or_else(damaged)?;
        let (lower, upper) = (Bound::Included(keys::TABLES), Bound::Excluded(keys::TABLES_END));
        let mut catalog = Catalog::default();
        for (key, stored) in view.range(Keyspace::Catalog, lower, upper, false, usize::MAX)? {
            let stored = checked_entry::checked(&key, &stored).ok_or_else(damaged)?;
            let stored = Document::from_canonical(stored).map_err(|_| damaged())?;
            let table = Table::from_stored(&stored.to_value()).ok_or_else(damaged)?;
            catalog.restore(table).map_err(ViewError)?;
        }
        if catalog.table_count() != tables {
            return Err(damaged());
        }
        catalog.restore_index_count(state.catalog.index_count());
        state.catalog = Arc::new(catalog);
        state.statistics = Statistics::load(view)?;
        Ok(Some(state))
    }
}

/// The head, and the number of its tables.
fn read(bytes: &[u8]) -> Option<(Head, u32)> {
    let (format, mut rest) = bytes.split_first_chunk::<8>()?;
    let (has_additions, has_parts) = match format {
        FORMAT => (false, false),
        FORMAT_WITH_ADDITIONS => (true, false),
        FORMAT_WITH_PARTS => (true, true),
        _ => return None,
    };
    let strand_id = UniqueId::from_bytes(take(&mut rest)?);
    let block_no = u64::from_be_bytes(take(&mut rest)?);
    let hash = Hash(take(&mut rest)?);
    let timestamp = i64::from_be_bytes(take(&mut rest)?);
    let slot = u64::from_be_bytes(take(&mut rest)?);
    let link = Hash(take(&mut rest)?);
    let next_number = u64::from_be_bytes(take(&mut rest)?);
    let tables = u32::from_be_bytes(take(&mut rest)?);
    let indexes = u32::from_be_bytes(take(&mut rest)?);
    let additions = match has_additions {
        true => {
            let seal = take_seal(&mut rest)?;
            let parts = if has_parts { take_parts(&mut rest)? } else { Vec::new() };
            Some(Arc::new(Additions { seal, parts }))
        }
        false => None,
    };
    let size = u64::from_be_bytes(take(&mut rest)?);
    let hashes: Option<Vec<Hash>> = rest.chunks(Hash::LENGTH).map(Hash::from_slice).collect();
    let mut catalog = Catalog::default();
    catalog.restore_index_count(indexes);
    let head = Head {
        strand_id,
        catalog: Arc::new(catalog),
        tip: Tip { block_no, hash, timestamp, slot, link },
        additions,
        frontier: Frontier::from_parts(size, hashes?)?,
        next_number,
        statistics: Statistics::default(),
    };
    Some((head, tables))
}

fn seal_to_text(seal: Option<&Seal>) -> String {
    match seal {
        None => String::new(),
        Some(Seal::Deleted) => "deleted".to_owned(),
        Some(Seal::ContinuesAt(place)) => format!("at{place}"),
    }
}

/// What [`seal_to_text`] wrote; `None` if it is damaged.
fn take_seal(rest: &mut &[u8]) -> Option<Option<Seal>> {
    let length = usize::try_from(u32::from_be_bytes(take(rest)?)).ok()?;
    let (text, left) = rest.split_at_checked(length)?;
    *rest = left;
    match std::str::from_utf8(text).ok()? {
        "" => Some(None),
        "deleted" => Some(Some(Seal::Deleted)),
        other => Some(Some(Seal::ContinuesAt(other.strip_prefix("at")?.to_owned()))),
    }
}

/// Writes the parts of a restored ledger; nothing for any other one.
fn store_parts(parts: &[Part], bytes: &mut Vec<u8>) {
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    if parts.is_empty() {
        return;
    }
    bytes.extend_from_slice(&length(parts.len()));
    for part in parts {
        bytes.extend_from_slice(part.strand_id.as_bytes());
        bytes.extend_from_slice(&part.last_block.to_be_bytes());
        bytes.extend_from_slice(&length(part.ledger.len()));
        bytes.extend_from_slice(part.ledger.as_bytes());
    }
}

/// What [`store_parts`] wrote; `None` if it is damaged.
fn take_parts(rest: &mut &[u8]) -> Option<Vec<Part>> {
    let count = u32::from_be_bytes(take(rest)?);
    let mut parts = Vec::new();
    for _ in 0..count {
        let strand_id = UniqueId::from_bytes(take(rest)?);
        let last_block = u64::from_be_bytes(take(rest)?);
        let length = usize::try_from(u32::from_be_bytes(take(rest)?)).ok()?;
        let (ledger, left) = rest.split_at_checked(length)?;
        *rest = left;
        parts.push(Part { ledger: std::str::from_utf8(ledger).ok()?.to_owned(), strand_id, last_block });
    }
    Some(parts)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}
