//! What is hashed, and how: ids, addresses, revisions, statements and catalog changes, each with its hash.
//!
//! Section 1 of `docs/journal-format.md` says the same in formulas. Nothing here knows how a block is stored.

mod address;
mod catalog_change;
mod commit_digest;
mod digest;
pub(crate) mod entries;
pub(crate) mod hash;
mod id;
mod revision;
pub(crate) mod struct_hash;
pub(crate) mod transaction_info;

pub use address::{BlockAddress, InvalidAddress};
pub use catalog_change::{CatalogChange, InvalidChange};
pub use commit_digest::{CommitDigest, statement_digest};
pub use digest::Digest;
pub use hash::{Hash, dot, join, root};
pub use id::{InvalidId, UniqueId};
pub use revision::{Revision, RevisionData, RevisionMetadata, revision_hash};
pub use transaction_info::{RedactedRevision, StatementInfo};
