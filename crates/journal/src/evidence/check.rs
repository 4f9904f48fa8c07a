//! The checks that an audit makes, by name, and what it reports.

use std::fmt;

/// One thing that must hold in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Check {
    /// The bytes can be read as what they should be.
    Encoding,
    /// A slot follows the one before: number, link, journal.
    Slot,
    /// Blocks are numbered without a gap, in one strand.
    SequenceNo,
    /// `previousBlockHash` is the hash of the block before.
    PreviousBlockHash,
    /// A revision names its block and its transaction.
    RevisionAddress,
    /// A revision's hash is that of its data and metadata.
    RevisionHash,
    /// The root of the revisions is among the entries.
    RevisionsRoot,
    /// The hash of `transactionInfo` is among the entries.
    TransactionInfo,
    /// The hash of `redactionInfo` is among the entries.
    RedactionInfo,
    /// The system hashes of a block made here are what they should be.
    SystemHashes,
    /// `entriesHash` is the root of the entries.
    EntriesHash,
    /// `blockHash` joins the entries and the block before.
    BlockHash,
    /// The tree's edge that a slot keeps is that of its blocks.
    Frontier,
    /// A digest that was saved is that of the journal.
    Digest,
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Check::Encoding => "encoding",
            Check::Slot => "slot chain",
            Check::SequenceNo => "sequence number",
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
            Check::Digest => "digest",
        })
    }
}

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// The block, where one can be named.
    pub block: Option<u64>,
    /// What does not hold.
    pub check: Check,
    /// In which way.
    pub detail: String,
}

impl Deviation {
    pub(crate) fn new(block: Option<u64>, check: Check, detail: impl Into<String>) -> Deviation {
        Deviation { block, check, detail: detail.into() }
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.block {
            Some(block) => write!(formatter, "block {block}: {}: {}", self.check, self.detail),
            None => write!(formatter, "{}: {}", self.check, self.detail),
        }
    }
}
