//! The entries of a stored tree, and the store that keeps them.

/// The key of an entry of the stored tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TileKey {
    /// A full tile.
    Full {
        /// 0 for tiles over leaves.
        level: u8,
        /// Its number from the left in its level, from 0.
        index: u64,
    },
    /// A leaf of the last tile of a level, while that tile is not full.
    Partial {
        /// 0 for tiles over leaves.
        level: u8,
        /// Its number from the left in the tile, from 0.
        position: u8,
    },
}

impl TileKey {
    /// The key as bytes, for an ordered store.
    pub fn to_bytes(self) -> Vec<u8> {
        match self {
            TileKey::Full { level, index } => {
                let mut key = vec![b't', level];
                key.extend_from_slice(&index.to_be_bytes());
                key
            }
            TileKey::Partial { level, position } => vec![b'e', level, position],
        }
    }
}

/// An entry to be stored. It replaces the entry with the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileWrite {
    /// The key.
    pub key: TileKey,
    /// The hashes, one after the other, 32 bytes each.
    pub value: Vec<u8>,
}

/// Reads the entries of a stored tree.
pub trait TileReader {
    /// The error of the store.
    type Error;

    /// The entry last written under this key; `None` if there is none.
    fn read(&self, key: TileKey) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// A tree could not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError<E> {
    /// The tree has no such block.
    #[error("block {0} is beyond the last block of the tree")]
    Beyond(u64),
    /// An entry is absent or too short, so the store does not hold a tree of this size.
    #[error("the stored tree lacks {0:?}")]
    Missing(TileKey),
    /// The store failed.
    #[error(transparent)]
    Reader(E),
}
