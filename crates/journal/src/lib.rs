//! The auditor's library: what a journal is, byte for byte and hash for hash, without a database.
//!
//! A ledger's history is a chain of [`Block`]s, written in groups called [`Slot`]s. Every hash here is
//! QLDB's: [`dot`] joins two hashes, [`root`] a list of them, a [`Digest`] stands for all blocks up to
//! its tip, a [`Proof`] leads from a block or a revision to a digest. What lies in the files is
//! our own frame, drawn in `docs/journal-format.md`; QLDB's shape is rendered from it. Nothing here
//! reads a file, a clock or a socket.

pub mod evidence;
mod format;
mod hashing;
mod qldb;
pub mod tree;

#[doc(inline)]
pub use evidence::{
    AuditSummary, Auditor, BlockShape, Check, CheckedBlock, Checkpoint, CheckpointSigner, CheckpointVerifier,
    DELETE_RULES, Deviation, InvalidNote, SavedDigest, SlotTree, audit_slots, check_block, check_foreign,
    check_revision, check_slot, hashes_only, origin, verify, verify_files, verify_prefix,
};
pub use format::{
    Block, BlockKind, Draft, ForeignBlock, ForeignRevision, FormatError, JournalBlock, ProposedRevision,
    ProposedTransaction, Slot, SlotContent, SlotHeader, StoredData, StoredRevision, StoredStatement,
    WriterId, genesis,
};
pub use hashing::{
    BlockAddress, CatalogChange, CommitDigest, Digest, Hash, InvalidAddress, InvalidChange, InvalidId,
    RedactedRevision, Revision, RevisionData, RevisionMetadata, StatementInfo, UniqueId, dot, join,
    revision_hash, root, statement_digest,
};
pub use qldb::{ExportObject, ExportWriter, export, json};
pub use tree::Proof;
