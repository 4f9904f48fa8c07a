//! The auditor's library: what a journal is, byte for byte and hash for hash, without a database.
//!
//! A ledger's history is a chain of [`Block`]s, written in groups called [`Slot`]s. Every hash here is
//! QLDB's: [`dot`] joins two hashes, [`root`] a list of them, a [`Digest`] stands for all blocks up to
//! its tip, a [`Proof`] leads from a block or a revision to a digest. What lies in the files is
//! our own frame, drawn in `docs/journal-format.md`; QLDB's shape is rendered from it. Nothing here
//! reads a file, a clock or a socket.

mod address;
mod audit;
mod audit_slots;
mod block;
mod block_builder;
mod block_layout;
mod catalog_change;
mod check;
mod checked_block;
mod commit_digest;
mod digest;
mod entries;
mod error;
mod export_writer;
mod foreign;
mod foreign_block;
mod foreign_revision;
mod frame;
mod hash;
mod id;
mod journal_block;
mod note;
mod revision;
mod slot;
mod slot_tree;
mod struct_hash;
mod transaction_info;

pub mod evidence;
pub mod export;
pub mod hashes_only;
pub mod json;
pub mod tree;
pub mod verify;
mod written_bytes;

pub use address::BlockAddress;
pub use audit::{AuditSummary, Auditor, SavedDigest, check_slot};
pub use audit_slots::audit_slots;
pub use block::{Block, BlockKind, StoredData, StoredRevision, StoredStatement};
pub use block_builder::{Draft, ProposedRevision, ProposedTransaction, genesis};
pub use catalog_change::CatalogChange;
pub use check::{Check, Deviation};
pub use checked_block::{BlockShape, CheckedBlock, check_block};
pub use commit_digest::{CommitDigest, statement_digest};
pub use digest::Digest;
pub use error::FormatError;
pub use export_writer::{ExportObject, ExportWriter};
pub use foreign::{DELETE_RULES, check_foreign, check_revision};
pub use foreign_block::ForeignBlock;
pub use foreign_revision::ForeignRevision;
pub use hash::{Hash, dot, join, root};
pub use id::UniqueId;
pub use journal_block::JournalBlock;
pub use note::{Checkpoint, CheckpointSigner, CheckpointVerifier, InvalidNote, origin};
pub use revision::{Revision, RevisionData, RevisionMetadata, revision_hash};
pub use slot::{Slot, SlotContent, SlotHeader, WriterId};
pub use slot_tree::SlotTree;
pub use transaction_info::{RedactedRevision, StatementInfo};
pub use tree::Proof;
pub use verify::{verify_files, verify_prefix};
