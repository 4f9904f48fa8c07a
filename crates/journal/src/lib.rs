//! The auditor's library: the journal of a ledger, byte for byte and hash for hash, without a database.
//!
//! A journal is a chain of [`Block`]s. They are stored in groups, the [`Slot`]s. All hashes are QLDB's: [`dot`] joins two
//! hashes and [`root`] a list of them. A [`Digest`] stands for all blocks up to its tip, and a [`Proof`] leads from a
//! block or a revision to a digest. The stored bytes are our own format, which `docs/journal-format.md` draws; QLDB's
//! shape of a block is made from them. Nothing here reads a file, a clock or a socket.
//!
//! ```
//! use everstrand_journal::{Auditor, Draft, ProposedTransaction, UniqueId, check_block, genesis};
//!
//! // Two blocks: the first one of a new ledger, and a transaction after it.
//! let strand_id = UniqueId::from_bytes([1; 16]);
//! let first = genesis(strand_id, UniqueId::from_bytes([2; 16]), 1_700_000_000_000);
//! let transaction =
//!     ProposedTransaction { transaction_id: UniqueId::from_bytes([3; 16]), ..ProposedTransaction::default() };
//! let mut address = first.address();
//! address.sequence_no += 1;
//! let second = Draft::new(&transaction)?.seal(address, 1_700_000_000_250, Some(first.hash()));
//!
//! // An auditor computes all hashes again, and then the digest.
//! let mut auditor = Auditor::new([]);
//! for block in [&first, &second] {
//!     assert!(auditor.block(check_block(block)).is_empty(), "no finding");
//! }
//! let (summary, _) = auditor.finish();
//! assert!(summary.is_clean());
//! assert_eq!(summary.digest.map(|digest| digest.digest_tip_address), Some(address));
//! # Ok::<(), everstrand_journal::FormatError>(())
//! ```

pub mod evidence;
mod format;
mod hashing;
mod qldb;
pub mod tree;

#[doc(inline)]
pub use evidence::{
    AuditSummary, Auditor, BlockShape, Check, CheckedBlock, Checkpoint, CheckpointSigner, CheckpointVerifier,
    DELETE_RULES, Deviation, Forbidden, InvalidNote, SavedDigest, SlotTree, audit_slots, check_block,
    check_foreign, check_revision, check_slot, hashes_only, on_all_cores, origin, verify, verify_files,
    verify_prefix,
};
pub use format::{
    Addition, Block, BlockKind, Draft, ForeignBlock, ForeignRevision, Fork, ForkedRedaction, FormatError,
    JournalBlock, ProposedRevision, ProposedTransaction, Seal, Settings, Slot, SlotContent, SlotHeader,
    StoredData, StoredRevision, StoredStatement, Void, WriterId, genesis,
};
pub use hashing::{
    BlockAddress, CatalogChange, CommitDigest, Digest, Hash, InvalidAddress, InvalidChange, InvalidId,
    RedactedRevision, Revision, RevisionData, RevisionMetadata, StatementInfo, UniqueId, dot, join,
    revision_hash, root, statement_digest,
};
pub use qldb::{ExportObject, ExportWriter, export, json};
pub use tree::Proof;
