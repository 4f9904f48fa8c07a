//! Derived state: ordered bytes that may be thrown away and rebuilt from the journal at any time.

use std::ops::Bound;
use std::sync::Arc;

/// The kinds of entries a view keeps apart; each is an ordered map of its own.
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
    /// Block sequence number → slot, number in it and timestamp; transaction id → block.
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

    /// Its place in [`Keyspace::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// The last slot whose effects a view holds, and that slot's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub slot: u64,
    /// Its link, which names its content and all that came before.
    pub link: [u8; 32],
}

/// Changes that take effect together. Keys have 1 to 65,535 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// In order; a later change of the same key wins.
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

/// A view did not answer; it can be rebuilt.
#[derive(Debug, thiserror::Error)]
#[error("the ledger's view failed: {0}")]
pub struct ViewError(pub String);

/// Where derived state lies. Never the truth.
pub trait ViewStore: Send + Sync {
    /// What the view holds; `None` when it is empty.
    fn applied(&self) -> Result<Option<Applied>, ViewError>;

    /// Applies a batch and the new `applied` atomically. Only the committer calls this.
    fn commit(&self, batch: &Batch, applied: Applied) -> Result<(), ViewError>;

    /// The state as it is now. Only the committer calls this, never during a commit: an engine's
    /// snapshots taken beside one may be torn.
    fn snapshot(&self) -> Result<Box<dyn ViewSnapshot>, ViewError>;

    /// Makes what was committed survive a loss of power.
    fn persist(&self) -> Result<(), ViewError>;

    /// Remembers that what it holds cannot be trusted: the next opening begins an empty one. A view that every
    /// opening finds empty has nothing to remember.
    fn distrust(&self, _why: &str) {}

    /// An empty view of the same kind beside this one, which takes its place at the next opening. `None` where
    /// there is no room for two.
    fn fresh(&self) -> Result<Option<Arc<dyn ViewStore>>, ViewError> {
        Ok(None)
    }

    /// Whether its files may hold what was removed or replaced long ago. Then only another one instead of it,
    /// see [`ViewStore::fresh`], makes sure that something is gone.
    fn keeps_what_was_removed(&self) -> bool {
        false
    }

    /// Gives back its place when the last snapshot of it is gone: there is another one instead.
    fn discard(&self) {}

    /// Forgets everything.
    fn wipe(&self) -> Result<(), ViewError>;
}

/// One state of a view, unchanged as long as it is held.
pub trait ViewSnapshot: Send + Sync {
    /// The value of a key.
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError>;

    /// At most `limit` entries between two keys in order, or from the end backwards. A lower bound
    /// above the upper one gives none.
    fn range(
        &self,
        keyspace: Keyspace,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<Entry>, ViewError>;
}

/// Whether no key can lie between two bounds; several engines panic when asked for such a range.
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

/// The last change of each key, in order of keyspace and key: engines do not all agree on what two changes
/// of one key in one batch mean, and all are faster in order.
///
/// Fails before anything has happened when a key is one that not every engine takes.
pub(super) fn last_changes(batch: &Batch) -> Result<impl Iterator<Item = &Change>, ViewError> {
    let is_bad = |key: &Vec<u8>| key.is_empty() || key.len() > usize::from(u16::MAX);
    if let Some((keyspace, key, _)) = batch.changes.iter().find(|(_, key, _)| is_bad(key)) {
        return Err(ViewError(format!("a key of {keyspace:?} has {} bytes", key.len())));
    }
    // Within a keyspace many keys come in order, which sorting makes use of.
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

/// As it is stored: slot, link.
pub(super) fn encode_applied(applied: Applied) -> [u8; 40] {
    let mut bytes = [0; 40];
    bytes[..8].copy_from_slice(&applied.slot.to_be_bytes());
    bytes[8..].copy_from_slice(&applied.link);
    bytes
}

/// `None` when these are not the bytes of one.
pub(super) fn decode_applied(bytes: &[u8]) -> Option<Applied> {
    let bytes: &[u8; 40] = bytes.try_into().ok()?;
    let (slot, link) = bytes.split_first_chunk()?;
    Some(Applied { slot: u64::from_be_bytes(*slot), link: link.try_into().ok()? })
}
