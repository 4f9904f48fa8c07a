//! A block of a journal, wherever it was made.

use everstrand_ion::Value;

use crate::format::{Block, ForeignBlock, FormatError};
use crate::hashing::{BlockAddress, CatalogChange, Hash, Revision, UniqueId};

/// One block of a journal that may have begun elsewhere.
#[derive(Clone, Debug)]
pub enum JournalBlock {
    /// Made here.
    Own(Block),
    /// Imported.
    Foreign(ForeignBlock),
}

impl JournalBlock {
    /// Where it stands.
    pub fn address(&self) -> BlockAddress {
        match self {
            JournalBlock::Own(block) => block.address(),
            JournalBlock::Foreign(block) => block.address(),
        }
    }

    /// When it was made, in milliseconds since 1970-01-01T00:00Z.
    pub fn timestamp(&self) -> i64 {
        match self {
            JournalBlock::Own(block) => block.timestamp(),
            JournalBlock::Foreign(block) => block.timestamp(),
        }
    }

    /// Its hash, as stored.
    pub fn hash(&self) -> Hash {
        match self {
            JournalBlock::Own(block) => block.hash(),
            JournalBlock::Foreign(block) => block.hash(),
        }
    }

    /// What it did to the catalogue; `None` where that is not known.
    pub fn catalog_changes(&self) -> Result<Option<Vec<CatalogChange>>, FormatError> {
        match self {
            JournalBlock::Own(block) => block.catalog_changes().map(Some),
            JournalBlock::Foreign(block) => Ok(block.catalog_changes().map(<[CatalogChange]>::to_vec)),
        }
    }

    /// The revision of a document; `None` where the block has none of it.
    pub fn revision(&self, document_id: UniqueId) -> Result<Option<Revision>, FormatError> {
        match self {
            JournalBlock::Own(block) => {
                let stored = block.revisions().find(|revision| revision.document_id == document_id);
                stored.map(|stored| block.revision(&stored)).transpose()
            }
            JournalBlock::Foreign(block) => block.revision(document_id),
        }
    }

    /// The way from the revision of a document to the hash of this block: what a revision's proof has
    /// before it goes on as the block's. `None` when the block holds no revision of the document.
    pub fn revision_path(&self, document_id: UniqueId) -> Result<Option<Vec<Hash>>, FormatError> {
        match self {
            JournalBlock::Own(block) => block.revision_path(document_id),
            JournalBlock::Foreign(block) => Ok(block.revision_path(document_id)),
        }
    }

    /// QLDB's shape of a block.
    pub fn to_ion(&self) -> Result<Value, FormatError> {
        match self {
            JournalBlock::Own(block) => block.to_ion(),
            JournalBlock::Foreign(block) => Ok(block.value().to_value()),
        }
    }

    /// The block, if it was made here.
    pub fn own(&self) -> Option<&Block> {
        match self {
            JournalBlock::Own(block) => Some(block),
            JournalBlock::Foreign(_) => None,
        }
    }
}
