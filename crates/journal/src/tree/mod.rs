//! The tree over all blocks of a journal.
//!
//! Its leaves are the block hashes in order; its shape is RFC 6962's: every left subtree is full, an odd
//! last node moves up as it is. Two nodes are joined by [`crate::dot`]. A journal only grows, so a full
//! subtree never changes once it is there: that is what [`Tiles`] stores.

mod consistency;
mod frontier;
mod nodes;
mod proof;
mod tile;

pub(crate) use consistency::consistency_over;
pub use consistency::{consistency, verify_consistency};
pub use frontier::Frontier;
pub(crate) use nodes::Nodes;
pub use proof::{Proof, block_path, path_length, root_at};
pub use tile::{TileKey, TileReader, TileWrite, Tiles, TreeError};
