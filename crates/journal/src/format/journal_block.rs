//! A block of a journal, whether this ledger or another one made it.

use everstrand_ion::Value;

use crate::format::{Block, ForeignBlock, FormatError};
use crate::hashing::{BlockAddress, CatalogChange, Hash, Revision, UniqueId};

/// One block of a journal. An imported journal begins with the blocks of another ledger.
#[derive(Clone, Debug)]
pub enum JournalBlock {
    /// A block that this ledger made.
    Own(Block),
    /// A block that another ledger made, and that was imported.
    Foreign(ForeignBlock),
}

impl JournalBlock {
    /// The address of the block.
    pub fn address(&self) -> BlockAddress {
        match self {
            JournalBlock::Own(block) => block.address(),
            JournalBlock::Foreign(block) => block.address(),
        }
    }

    /// The time at which it was made, in milliseconds since 1970-01-01T00:00Z.
    pub fn timestamp(&self) -> i64 {
        match self {
            JournalBlock::Own(block) => block.timestamp(),
            JournalBlock::Foreign(block) => block.timestamp(),
        }
    }

    /// The hash of the block, as stored.
    pub fn hash(&self) -> Hash {
        match self {
            JournalBlock::Own(block) => block.hash(),
            JournalBlock::Foreign(block) => block.hash(),
        }
    }

    /// The catalog changes, in order; `None` if they are not known. An error means that one of them cannot be read.
    pub fn catalog_changes(&self) -> Result<Option<Vec<CatalogChange>>, FormatError> {
        match self {
            JournalBlock::Own(block) => block.catalog_changes().map(Some),
            JournalBlock::Foreign(block) => Ok(block.catalog_changes().map(<[CatalogChange]>::to_vec)),
        }
    }

    /// The revision of a document; `None` if the block has none. An error means that the revision cannot be read.
    pub fn revision(&self, document_id: UniqueId) -> Result<Option<Revision>, FormatError> {
        match self {
            JournalBlock::Own(block) => {
                let stored = block.revisions().find(|revision| revision.document_id == document_id);
                stored.map(|stored| block.revision(&stored)).transpose()
            }
            JournalBlock::Foreign(block) => block.revision(document_id),
        }
    }

    /// The hashes that lead from the revision of a document to the hash of this block, see [`Block::revision_path`].
    /// `None` if the block holds no revision of the document. An error means that the block cannot be read.
    pub fn revision_path(&self, document_id: UniqueId) -> Result<Option<Vec<Hash>>, FormatError> {
        match self {
            JournalBlock::Own(block) => block.revision_path(document_id),
            JournalBlock::Foreign(block) => Ok(block.revision_path(document_id)),
        }
    }

    /// The block in QLDB's shape. An error means that a part of it cannot be read.
    pub fn to_ion(&self) -> Result<Value, FormatError> {
        match self {
            JournalBlock::Own(block) => block.to_ion(),
            JournalBlock::Foreign(block) => Ok(block.value().to_value()),
        }
    }

    /// The block if this ledger made it.
    pub fn own(&self) -> Option<&Block> {
        match self {
            JournalBlock::Own(block) => Some(block),
            JournalBlock::Foreign(_) => None,
        }
    }
}
