//! The tree as it is stored: 256 nodes wide and eight levels high at a time.
//!
//! A tile of level 0 holds 256 leaves and all nodes above them up to their root: 511 hashes, level by level. A tile of
//! level 1 has the roots of 256 tiles of level 0 as its leaves, and so on. A full tile is written once.
//!
//! The last tile of a level is usually not full. In its place there is a small entry for each of its leaves: the leaf,
//! and the nodes that it completed. The entries of the next tile overwrite them. Therefore appending a block writes some
//! 64 bytes, and one read finds any node.

use crate::hashing::{Hash, dot};
use crate::tree::{Frontier, Nodes, TileKey, TileReader, TileWrite, TreeError};

const WIDTH: usize = 256;
const HEIGHT: u32 = 8;

/// The last tile of each level, in memory: appends leaves and says what is to be stored.
#[derive(Clone, Debug, Default)]
pub struct Tiles {
    size: u64,
    levels: Vec<PartialTile>,
}

/// A tile that is not full: its nodes, by their height above the tile's leaves.
#[derive(Clone, Debug, Default)]
struct PartialTile {
    heights: [Vec<Hash>; HEIGHT as usize + 1],
}

impl Tiles {
    /// The tree without leaves.
    pub fn new() -> Tiles {
        Tiles::default()
    }

    /// Reads the last tile of each level of a stored tree with `size` leaves. An error means that an entry is absent or
    /// cannot be read.
    pub fn open<R: TileReader>(size: u64, reader: &R) -> Result<Tiles, TreeError<R::Error>> {
        let mut tiles = Tiles { size, levels: Vec::new() };
        let mut nodes = size;
        for level in 0..=u8::MAX {
            if nodes == 0 {
                break;
            }
            let mut partial = PartialTile::default();
            for position in 0..=u8::MAX {
                if u64::from(position) >= nodes % (1 << HEIGHT) {
                    break;
                }
                let key = TileKey::Partial { level, position };
                let entry = reader.read(key).map_err(TreeError::Reader)?;
                let leaf =
                    entry.as_deref().and_then(|entry| hash_at(entry, 0)).ok_or(TreeError::Missing(key))?;
                partial.push(leaf);
            }
            tiles.levels.push(partial);
            nodes >>= HEIGHT;
        }
        Ok(tiles)
    }

    /// The number of leaves: of blocks.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a block and returns what is to be stored: one small entry, and with every 256th block a tile of
    /// 16 KiB.
    pub fn append(&mut self, block_hash: Hash) -> Vec<TileWrite> {
        let mut writes = Vec::new();
        let mut leaf = block_hash;
        for level in 0..=u8::MAX {
            if self.levels.len() == usize::from(level) {
                self.levels.push(PartialTile::default());
            }
            let partial = &mut self.levels[usize::from(level)];
            let completed = partial.push(leaf);
            let Some(full) = partial.take_full() else {
                let position = u8::try_from(partial.heights[0].len() - 1).expect("the tile is not full");
                writes.push(TileWrite {
                    key: TileKey::Partial { level, position },
                    value: concatenate(&completed),
                });
                break;
            };
            // The root of a full tile is a leaf of a tile one level up.
            leaf = *full.last().expect("a full tile has a root");
            let index = self.size >> (HEIGHT * (u32::from(level) + 1));
            writes.push(TileWrite { key: TileKey::Full { level, index }, value: concatenate(&full) });
        }
        self.size += 1;
        writes
    }

    /// The frontier of the tree.
    pub fn frontier(&self) -> Frontier {
        let hashes = self.levels.iter().rev().flat_map(PartialTile::full_subtrees).collect();
        Frontier::from_parts(self.size, hashes).expect("one subtree per bit of the size")
    }
}

impl PartialTile {
    /// Appends a leaf. Returns it and the nodes that it completes, from the leaf upwards.
    fn push(&mut self, leaf: Hash) -> Vec<Hash> {
        let mut completed = vec![leaf];
        let mut node = leaf;
        for height in 0..HEIGHT as usize {
            self.heights[height].push(node);
            let nodes = &self.heights[height];
            if nodes.len() % 2 == 1 {
                return completed;
            }
            node = dot(nodes[nodes.len() - 2], node);
            completed.push(node);
        }
        self.heights[HEIGHT as usize].push(node);
        completed
    }

    /// If the tile is full, returns all its nodes, level by level, and leaves the tile empty.
    fn take_full(&mut self) -> Option<Vec<Hash>> {
        (self.heights[0].len() == WIDTH).then(|| std::mem::take(self).heights.concat())
    }

    /// The roots of the full subtrees that are not part of a greater one, the greatest first.
    fn full_subtrees(&self) -> impl Iterator<Item = Hash> {
        let odd = |nodes: &&Vec<Hash>| nodes.len() % 2 == 1;
        self.heights.iter().rev().filter(odd).filter_map(|nodes| nodes.last().copied())
    }
}

/// Reads nodes of a stored tree. It keeps the entry that it read last, because neighbouring nodes are often in one.
pub(crate) struct NodeReader<'a, R> {
    reader: &'a R,
    size: u64,
    last: Option<(TileKey, Vec<u8>)>,
}

impl<'a, R: TileReader> NodeReader<'a, R> {
    pub(crate) fn new(reader: &'a R, size: u64) -> NodeReader<'a, R> {
        NodeReader { reader, size, last: None }
    }
}

impl<R: TileReader> Nodes for NodeReader<'_, R> {
    type Error = R::Error;

    fn size(&self) -> u64 {
        self.size
    }

    fn node(&mut self, height: u32, index: u64) -> Result<Hash, TreeError<R::Error>> {
        let (level, height) = (height / HEIGHT, height % HEIGHT);
        let tile = index >> (HEIGHT - height);
        let place = usize::try_from(index - (tile << (HEIGHT - height))).expect("less than 256");
        let tile_level = u8::try_from(level).expect("a height has six bits");
        let full_tiles = self.size.checked_shr(HEIGHT * (level + 1)).unwrap_or(0);
        let (key, node) = if tile < full_tiles {
            // A full tile has its nodes level by level: 256, 128, … The levels below this one come first.
            let below = 2 * WIDTH - ((2 * WIDTH) >> height);
            (TileKey::Full { level: tile_level, index: tile }, below + place)
        } else {
            // In the last tile, a node is in the entry of the leaf that completed it.
            let last_leaf = ((place + 1) << height) - 1;
            let position = u8::try_from(last_leaf).expect("a place in a tile");
            (TileKey::Partial { level: tile_level, position }, height as usize)
        };
        if self.last.as_ref().is_none_or(|(last, _)| *last != key) {
            let entry = self.reader.read(key).map_err(TreeError::Reader)?;
            self.last = Some((key, entry.ok_or(TreeError::Missing(key))?));
        }
        let entry = self.last.as_ref().map(|(_, entry)| entry.as_slice());
        entry.and_then(|entry| hash_at(entry, node)).ok_or(TreeError::Missing(key))
    }
}

fn hash_at(entry: &[u8], number: usize) -> Option<Hash> {
    let start = number * Hash::LENGTH;
    Hash::from_slice(entry.get(start..start + Hash::LENGTH)?)
}

fn concatenate(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}
