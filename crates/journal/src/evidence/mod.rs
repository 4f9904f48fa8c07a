//! Checks that need no ledger: of blocks, of whole journals, of checkpoints, and of the digests, proofs, revisions
//! and blocks that people saved.

mod audit;
mod audit_slots;
mod check;
mod check_foreign;
mod checked_block;
mod checkpoint;
mod forbidden;
mod forks;
pub mod hashes_only;
mod on_all_cores;
mod saved;
mod slot_tree;
pub mod verify;

pub use audit::{AuditSummary, Auditor, SavedDigest, check_slot};
pub use audit_slots::audit_slots;
pub use check::{Check, Deviation};
pub use check_foreign::{DELETE_RULES, check_foreign, check_revision};
pub use checked_block::{BlockShape, CheckedBlock, check_block};
pub use checkpoint::{Checkpoint, CheckpointSigner, CheckpointVerifier, InvalidNote, origin};
pub use forbidden::Forbidden;
pub use on_all_cores::on_all_cores;
pub use saved::{Evidence, Input, Role, Unusable};
pub use slot_tree::SlotTree;
pub use verify::{verify_files, verify_prefix};
