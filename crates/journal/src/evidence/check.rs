//! The names of the checks that an audit makes, and the form of its findings.

use std::fmt;

/// A check that every journal must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Check {
    /// The bytes can be read as a slot or a block.
    Encoding,
    /// The slot follows the one before it: its number, its link and its strand fit.
    Slot,
    /// The blocks of one strand are numbered without a gap.
    BlockNumber,
    /// `previousBlockHash` is the hash of the block before.
    PreviousBlockHash,
    /// A revision names the block and the transaction that it stands in.
    RevisionAddress,
    /// A revision's hash is that of its data and metadata.
    RevisionHash,
    /// The root of the revisions' hashes is among the entries.
    RevisionsRoot,
    /// The hash of `transactionInfo` is among the entries.
    TransactionInfo,
    /// The hash of `redactionInfo` is among the entries.
    RedactionInfo,
    /// The position hash and the catalog hash of a block that Everstrand made are among the entries.
    SystemHashes,
    /// `entriesHash` is the root of the entries.
    EntriesHash,
    /// `blockHash` joins the entries and the block before.
    BlockHash,
    /// The frontier that a slot keeps is that of its blocks.
    Frontier,
    /// No block has a transaction that a void before it or beside it names.
    Void,
    /// Nothing follows a slot that seals the journal.
    Seal,
    /// A saved digest is the digest of this journal.
    Digest,
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Check::Encoding => "encoding",
            Check::Slot => "slot chain",
            Check::BlockNumber => "block number",
            Check::PreviousBlockHash => "previousBlockHash",
            Check::RevisionAddress => "revision address",
            Check::RevisionHash => "revision hash",
            Check::RevisionsRoot => "revisions root",
            Check::TransactionInfo => "transactionInfo hash",
            Check::RedactionInfo => "redactionInfo hash",
            Check::SystemHashes => "system hashes",
            Check::EntriesHash => "entriesHash",
            Check::BlockHash => "blockHash",
            Check::Frontier => "frontier",
            Check::Void => "void",
            Check::Seal => "seal",
            Check::Digest => "digest",
        })
    }
}

/// A finding of an audit: a check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// The number of the block; `None` if the finding is about no block.
    pub block_no: Option<u64>,
    /// The check.
    pub check: Check,
    /// What is wrong.
    pub detail: String,
}

impl Deviation {
    pub(crate) fn new(block_no: Option<u64>, check: Check, detail: impl Into<String>) -> Deviation {
        Deviation { block_no, check, detail: detail.into() }
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.block_no {
            Some(block_no) => write!(formatter, "block {block_no}: {}: {}", self.check, self.detail),
            None => write!(formatter, "{}: {}", self.check, self.detail),
        }
    }
}
