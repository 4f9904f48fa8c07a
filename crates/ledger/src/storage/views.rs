//! View stores, which hold what is computed from the journal: ordered keys and values. They can be deleted at any
//! time, because the ledger computes them again.

use std::ops::Bound;
use std::sync::Arc;

/// The kinds of entries in a view. Each is an ordered map of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Keyspace {
    /// Tables and indexes, counters, the applied slot and link.
    Catalog,
    /// Document id → table and number.
    Ids,
    /// Table + number → header and data of the current revision.
    Documents,
    /// Table + number + version → superseded and deleted revisions.
    History,
    /// Index + key + number → nothing.
    Indexes,
    /// Block number → slot, index in the slot and timestamp; transaction id → block number.
    Blocks,
    /// The tiles of the journal's tree.
    Tiles,
}

impl Keyspace {
    /// All of them, in a fixed order.
    pub const ALL: [Keyspace; 7] = [
        Keyspace::Catalog,
        Keyspace::Ids,
        Keyspace::Documents,
        Keyspace::History,
        Keyspace::Indexes,
        Keyspace::Blocks,
        Keyspace::Tiles,
    ];

    /// Its index in [`Keyspace::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// The last slot that was applied to a view, and that slot's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub slot: u64,
    /// Its link, which stands for its content and for all slots before it.
    pub link: [u8; 32],
}

/// Changes that take effect together. Keys have 1 to 65,535 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// In order. A later change of the same key wins.
    pub changes: Vec<Change>,
}

/// The new value of a key; `None` deletes it.
pub type Change = (Keyspace, Vec<u8>, Option<Vec<u8>>);

impl Batch {
    /// Sets a key.
    pub fn put(&mut self, keyspace: Keyspace, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.changes.push((keyspace, key.into(), Some(value.into())));
    }

    /// Removes a key.
    pub fn delete(&mut self, keyspace: Keyspace, key: impl Into<Vec<u8>>) {
        self.changes.push((keyspace, key.into(), None));
    }
}

/// One entry of a view.
pub type Entry = (Vec<u8>, Vec<u8>);

/// What is done with the key and the value of an entry. It answers whether the next entry is wanted.
pub type EachEntry<'e> = dyn FnMut(&[u8], &[u8]) -> Result<bool, ViewError> + 'e;

/// A view failed. It can be rebuilt.
#[derive(Debug, thiserror::Error)]
#[error("the ledger's view failed: {0}")]
pub struct ViewError(pub String);

/// Holds the view of a ledger.
pub trait ViewStore: Send + Sync {
    /// The last slot that was applied to the view; `None` if it is empty.
    fn applied(&self) -> Result<Option<Applied>, ViewError>;

    /// Writes a batch and the new `applied` atomically. Only the committer's worker and replay call this.
    fn commit(&self, batch: &Batch, applied: Applied) -> Result<(), ViewError>;

    /// A snapshot of the present entries. Only the caller of [`ViewStore::commit`] calls this, and never during a
    /// commit, because an engine's snapshot may then show half of it.
    fn snapshot(&self) -> Result<Box<dyn ViewSnapshot>, ViewError>;

    /// Syncs what was committed, so that it survives a loss of power.
    fn persist(&self) -> Result<(), ViewError>;

    /// The same, but may answer before it is done, so that commits do not wait for it.
    fn begin_to_persist(&self) -> Result<(), ViewError> {
        self.persist()
    }

    /// Remembers durably that this view failed, so that the next opening begins an empty one. A view in memory need
    /// not remember it, because every opening finds it empty.
    fn distrust(&self, _why: &str) {}

    /// Creates an empty view of the same kind beside this one. The next opening finds that one instead. `None` if the
    /// store has no room for a second view.
    fn fresh(&self) -> Result<Option<Arc<dyn ViewStore>>, ViewError> {
        Ok(None)
    }

    /// Whether its files may hold values that were removed or replaced long ago. If so, data is certainly gone only
    /// when another view replaces this one, see [`ViewStore::fresh`].
    fn keeps_what_was_removed(&self) -> bool {
        false
    }

    /// The bytes of changes that are in memory and not in files yet.
    fn unwritten_bytes(&self) -> u64 {
        0
    }

    /// Writes those changes to files, in the background. Afterwards they need no memory.
    fn write_out(&self) {}

    /// Another view has replaced this one: removes its files as soon as nobody reads a snapshot of it.
    fn discard(&self) {}

    /// Empties the view.
    fn wipe(&self) -> Result<(), ViewError>;
}

/// A snapshot of a view. It does not change while it lives.
pub trait ViewSnapshot: Send + Sync {
    /// The value of a key.
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError>;

    /// Lends at most `limit` entries between two keys one after another, in ascending or descending order, until `each`
    /// answers that this is enough. None if the lower bound is above the upper one.
    fn visit(
        &self,
        keyspace: Keyspace,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        descending: bool,
        limit: usize,
        each: &mut EachEntry<'_>,
    ) -> Result<(), ViewError>;

    /// Copies of these entries.
    fn range(
        &self,
        keyspace: Keyspace,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<Entry>, ViewError> {
        let mut entries = Vec::new();
        self.visit(keyspace, lower, upper, descending, limit, &mut |key, value| {
            entries.push((key.to_vec(), value.to_vec()));
            Ok(true)
        })?;
        Ok(entries)
    }
}

/// Whether no key can lie between two bounds. Several engines panic when they are asked for such a range.
pub(crate) fn is_empty_range(lower: Bound<&[u8]>, upper: Bound<&[u8]>) -> bool {
    match (lower, upper) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
        (
            Bound::Included(lower) | Bound::Excluded(lower),
            Bound::Included(upper) | Bound::Excluded(upper),
        ) => lower >= upper,
    }
}

/// The last change of each key, in order of keyspace and key. Engines disagree on two changes of one key in one batch,
/// and all of them are faster with keys in order.
///
/// Fails before anything is written if a key is one that some engine refuses.
pub(super) fn last_changes(batch: &Batch) -> Result<impl Iterator<Item = &Change>, ViewError> {
    let is_bad = |key: &Vec<u8>| key.is_empty() || key.len() > usize::from(u16::MAX);
    if let Some((keyspace, key, _)) = batch.changes.iter().find(|(_, key, _)| is_bad(key)) {
        return Err(ViewError(format!("a key of {keyspace:?} has {} bytes", key.len())));
    }
    // Many keys of a keyspace come in order already. The sort is stable and uses that.
    let mut by_keyspace = Keyspace::ALL.map(|_| Vec::<&Change>::new());
    for change in &batch.changes {
        by_keyspace[change.0.index()].push(change);
    }
    for changes in &mut by_keyspace {
        changes.sort_by(|(_, a_key, _), (_, b_key, _)| a_key.cmp(b_key));
    }
    let mut changes = by_keyspace.into_iter().flatten().peekable();
    Ok(std::iter::from_fn(move || {
        loop {
            let change = changes.next()?;
            if changes.peek().is_none_or(|next| (next.0, &next.1) != (change.0, &change.1)) {
                return Some(change);
            }
        }
    }))
}

/// The stored form: slot, link.
pub(super) fn encode_applied(applied: Applied) -> [u8; 40] {
    let mut bytes = [0; 40];
    bytes[..8].copy_from_slice(&applied.slot.to_be_bytes());
    bytes[8..].copy_from_slice(&applied.link);
    bytes
}

/// What [`encode_applied`] wrote; `None` for other bytes.
pub(super) fn decode_applied(bytes: &[u8]) -> Option<Applied> {
    let bytes: &[u8; 40] = bytes.try_into().ok()?;
    let (slot, link) = bytes.split_first_chunk()?;
    Some(Applied { slot: u64::from_be_bytes(*slot), link: link.try_into().ok()? })
}
