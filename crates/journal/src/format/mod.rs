//! The bytes that a journal is stored as: blocks, the blocks of other ledgers, and the slots that hold them.
//!
//! Sections 3 to 5 of `docs/journal-format.md` draw the same bytes.

mod addition;
mod block;
mod block_builder;
mod block_layout;
mod error;
mod foreign_block;
mod foreign_revision;
mod fork;
mod frame;
mod journal_block;
mod slot;
mod stored;
mod transaction_hash;

pub use addition::{Addition, Seal, Settings, Void};
pub use block::Block;
pub use block_builder::{Draft, ProposedRevision, ProposedTransaction, genesis};
pub use error::FormatError;
pub use foreign_block::ForeignBlock;
pub(crate) use foreign_block::Place;
pub use foreign_revision::ForeignRevision;
pub use fork::{Fork, ForkedRedaction};
pub use journal_block::JournalBlock;
pub use slot::{Slot, SlotContent, SlotHeader, WriterId};
pub use stored::{BlockKind, StoredData, StoredRevision, StoredStatement};
