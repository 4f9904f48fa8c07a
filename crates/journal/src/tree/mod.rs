//! The tree over all blocks of a journal.
//!
//! Its leaves are the hashes of the blocks, in order. Its shape is that of RFC 6962: every left subtree is full, and
//! an odd last node moves up unchanged. [`crate::dot`] joins two nodes.
//!
//! A journal only grows, therefore a full subtree never changes. [`Tiles`] stores the full subtrees; a [`Frontier`]
//! has the roots of the greatest of them, which suffice to append a block and to know the digest.

mod consistency;
mod frontier;
mod nodes;
mod proof;
mod store;
mod tile;

pub(crate) use consistency::consistency_over;
pub use consistency::{consistency, verify_consistency};
pub use frontier::Frontier;
pub(crate) use nodes::Nodes;
pub use proof::{Proof, block_path, path_length, root_at};
pub use store::{TileKey, TileReader, TileWrite, TreeError};
pub use tile::Tiles;
