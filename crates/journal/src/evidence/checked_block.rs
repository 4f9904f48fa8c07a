//! A block with every hash in it computed again.
//!
//! Checking a block needs nothing but the block, so many can be checked at once; what ties blocks
//! together is [`crate::audit`]'s. [`check_block`] is for blocks in our frame, [`crate::check_foreign`]
//! for those in QLDB's shape.

use crate::evidence::{Check, Deviation};
use crate::format::{Block, FormatError};
use crate::hashing::struct_hash::MetadataHasher;
use crate::hashing::{BlockAddress, Hash, join, revision_hash, root};

/// What an audit needs to know of a block to follow the chain, and what it found inside.
#[derive(Clone, Debug)]
pub struct CheckedBlock {
    /// Where the block stands.
    pub address: BlockAddress,
    /// Its hash, as stored.
    pub hash: Hash,
    /// The hash of the block before, as stored.
    pub previous_hash: Option<Hash>,
    /// When it was made, in milliseconds since 1970-01-01T00:00Z.
    pub timestamp: i64,
    /// How many revisions of documents it holds, redacted and deleted ones included. Those of the catalogue, of which
    /// a block shows the hash alone, are none.
    pub revisions: u64,
    /// What does not hold.
    pub deviations: Vec<Deviation>,
    /// How it is built.
    pub shape: BlockShape,
}

/// How a block is built: no data of any user, only what the open questions about QLDB's journal need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockShape {
    /// The number of entries.
    pub entries: usize,
    /// How many of them are empty.
    pub empty_entries: usize,
    /// Where the revisions' root is among the entries.
    pub revisions_root_at: Option<usize>,
    /// Where the hash of the transaction info is.
    pub transaction_info_at: Option<usize>,
    /// Where the hash of the redaction info is.
    pub redaction_info_at: Option<usize>,
    /// Whether there is a transaction info.
    pub transaction_info: bool,
    /// Whether there is a redaction info.
    pub redaction_info: bool,
    /// Whether the transaction info names documents.
    pub documents: bool,
    /// The number of statements.
    pub statements: usize,
    /// Revisions with data.
    pub revisions_with_data: usize,
    /// Revisions of which only the hash is there.
    pub revisions_hash_only: usize,
    /// Revisions whose data was redacted.
    pub revisions_redacted: usize,
    /// Deleted revisions by the rule that their hash follows; the last is "none of the known".
    pub deletes_by_rule: [usize; 6],
    /// Whether the first entry is ours.
    pub made_here: bool,
}

/// Computes all hashes of a block in our frame.
pub fn check_block(block: &Block) -> CheckedBlock {
    let address = block.address();
    let mut checked = CheckedBlock {
        address,
        hash: block.hash(),
        previous_hash: block.previous_hash(),
        timestamp: block.timestamp(),
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
                "does not match statements, revisions, catalogue changes, place, time and the block before";
            checked.deviations.push(Deviation::new(block_no, Check::BlockHash, detail));
        }
        Err(error) => checked.deviations.push(Deviation::new(block_no, Check::Encoding, error.to_string())),
    }
    checked
}

fn computed_hash(block: &Block) -> Result<Option<Hash>, FormatError> {
    Ok(join(root(&block.entries_hash_list()?), block.previous_hash()))
}
