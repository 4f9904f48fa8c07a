//! Checks one block: computes every hash in it again.
//!
//! The check needs only the block, so that many blocks can be checked at the same time. [`crate::Auditor`] then checks
//! that the blocks follow one another. [`check_block`] takes blocks of our own format, [`crate::check_foreign`] those in
//! QLDB's shape.

use crate::evidence::{Check, Deviation};
use crate::format::{Block, FormatError};
use crate::hashing::struct_hash::MetadataHasher;
use crate::hashing::{BlockAddress, Hash, UniqueId, join, revision_hash, root};

/// A block whose hashes were computed again: what an audit needs to follow the chain, and the findings.
#[derive(Clone, Debug)]
pub struct CheckedBlock {
    /// The address of the block.
    pub address: BlockAddress,
    /// The hash of the block, as stored.
    pub hash: Hash,
    /// The hash of the block before, as stored; `None` in block 0.
    pub previous_hash: Option<Hash>,
    /// The time at which it was made, in milliseconds since 1970-01-01T00:00Z.
    pub timestamp: i64,
    /// The transaction; `None` if a block of another ledger names none.
    pub transaction_id: Option<UniqueId>,
    /// The number of revisions of documents, with redacted and deleted ones. Catalog changes do not count.
    pub revisions: u64,
    /// The findings.
    pub deviations: Vec<Deviation>,
    /// The structure of the block.
    pub shape: BlockShape,
}

/// The structure of a block, without any user's data: what [`crate::hashes_only`] reports of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockShape {
    /// The number of entries.
    pub entries: usize,
    /// The number of entries that are empty.
    pub empty_entries: usize,
    /// The position of the revisions' root among the entries, from 0.
    pub revisions_root_at: Option<usize>,
    /// The position of the hash of `transactionInfo`.
    pub transaction_info_at: Option<usize>,
    /// The position of the hash of `redactionInfo`.
    pub redaction_info_at: Option<usize>,
    /// Whether the block has a `transactionInfo`.
    pub transaction_info: bool,
    /// Whether the block has a `redactionInfo`.
    pub redaction_info: bool,
    /// Whether `transactionInfo` names documents.
    pub documents: bool,
    /// The number of statements.
    pub statements: usize,
    /// The number of revisions with data.
    pub revisions_with_data: usize,
    /// The number of revisions that show only their hash.
    pub revisions_hash_only: usize,
    /// The number of revisions whose data was redacted.
    pub revisions_redacted: usize,
    /// The number of deleted revisions by the rule of [`crate::DELETE_RULES`] that their hash follows. The last count is
    /// of those that follow none of them.
    pub deletes_by_rule: [usize; 6],
    /// Whether Everstrand made the block.
    pub made_here: bool,
}

/// Computes all hashes of a block of our own format again.
pub fn check_block(block: &Block) -> CheckedBlock {
    let address = block.address();
    let mut checked = CheckedBlock {
        address,
        hash: block.hash(),
        previous_hash: block.previous_hash(),
        timestamp: block.timestamp(),
        transaction_id: Some(block.transaction_id()),
        revisions: 0,
        deviations: Vec::new(),
        shape: BlockShape { made_here: true, ..BlockShape::default() },
    };
    let block_no = Some(address.sequence_no);
    let mut metadata = MetadataHasher::new(block.transaction_time(), block.transaction_id());
    for revision in block.revisions() {
        checked.revisions += 1;
        let metadata_hash = metadata.hash(revision.document_id, revision.version);
        let expected = revision.data.hash().map(|data| revision_hash(data, metadata_hash));
        let problem = match expected {
            Ok(expected) if expected == revision.hash => continue,
            Ok(_) => "does not match data and metadata".to_owned(),
            Err(error) => error.to_string(),
        };
        let detail = format!("document {} version {} {problem}", revision.document_id, revision.version);
        checked.deviations.push(Deviation::new(block_no, Check::RevisionHash, detail));
    }
    match computed_hash(block) {
        Ok(hash) if hash == Some(checked.hash) => {}
        Ok(_) => {
            let detail =
                "does not match statements, revisions, catalog changes, place, time and the block before";
            checked.deviations.push(Deviation::new(block_no, Check::BlockHash, detail));
        }
        Err(error) => checked.deviations.push(Deviation::new(block_no, Check::Encoding, error.to_string())),
    }
    checked
}

fn computed_hash(block: &Block) -> Result<Option<Hash>, FormatError> {
    Ok(join(root(&block.entries_hash_list()?), block.previous_hash()))
}
