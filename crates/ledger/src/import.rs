//! A journal that begins with the blocks of another ledger.
//!
//! The importer writes the blocks as they are, before the ledger is opened for the first time. Opening it builds
//! tables and histories from them, as from any other journal. The ledger's own blocks follow them in the same tree,
//! so every digest that was saved of the other ledger holds here too.

use everstrand_journal::tree::Frontier;
use everstrand_journal::{
    BlockAddress, Digest, ForeignBlock, Hash, Slot, SlotContent, SlotHeader, UniqueId, WriterId,
};

use crate::error::LedgerError;
use crate::storage::slots::{Created, SlotStore};

/// A slot is written as soon as its blocks have so many bytes.
const SLOT_BYTES: usize = 1 << 20;

/// Writes the blocks of another ledger into an empty journal.
pub struct Importer<'a> {
    slots: &'a dyn SlotStore,
    writer: UniqueId,
    next_slot: u64,
    previous_link: Hash,
    /// The frontier of the tree over the blocks that were written.
    frontier: Frontier,
    waiting: Vec<ForeignBlock>,
    waiting_bytes: usize,
    last: Option<(BlockAddress, Hash)>,
}

impl<'a> Importer<'a> {
    /// An importer into a journal without slots. `writer` is a new id.
    pub fn new(slots: &'a dyn SlotStore, writer: UniqueId) -> Result<Importer<'a>, LedgerError> {
        if slots.tip_hint()?.is_some() {
            return Err(LedgerError::bad_request(
                "the journal has blocks already; only a new one can begin with others",
            ));
        }
        Ok(Importer {
            slots,
            writer,
            next_slot: 0,
            previous_link: Hash([0; 32]),
            frontier: Frontier::empty(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            last: None,
        })
    }

    /// Takes the next block. The first must be block 0, and each must follow the one before.
    pub fn push(&mut self, block: ForeignBlock) -> Result<(), LedgerError> {
        let address = block.address();
        let number = address.sequence_no;
        let refused = |why: String| Err(LedgerError::bad_request(format!("block {number}: {why}")));
        let (expected, strand_id, hash) = match self.last {
            None => (0, address.strand_id, None),
            Some((last, hash)) => (last.sequence_no + 1, last.strand_id, Some(hash)),
        };
        if address.strand_id != strand_id {
            return refused(format!(
                "it is of strand {}, and those before are of {strand_id}",
                address.strand_id
            ));
        }
        if number != expected {
            return refused(format!(
                "block {expected} comes next; a ledger can only begin with a whole journal"
            ));
        }
        if block.previous_hash() != hash {
            return refused("it does not follow the block before".to_owned());
        }
        if let Err(error) = block.revisions() {
            return refused(error.to_string());
        }
        self.last = Some((address, block.hash()));
        self.waiting_bytes += block.value().as_bytes().len() + block.source().map_or(0, str::len);
        self.waiting.push(block);
        if self.waiting_bytes >= SLOT_BYTES { self.write() } else { Ok(()) }
    }

    /// The same as [`Importer::digest`], when all blocks were pushed.
    pub fn finish(mut self) -> Result<Option<Digest>, LedgerError> {
        self.digest()
    }

    /// Writes the blocks that wait. Answers the digest of all blocks so far; `None` if there was none.
    pub fn digest(&mut self) -> Result<Option<Digest>, LedgerError> {
        self.write()?;
        let digest = self.frontier.root();
        Ok(self
            .last
            .zip(digest)
            .map(|((digest_tip_address, _), digest)| Digest { digest, digest_tip_address }))
    }

    fn write(&mut self) -> Result<(), LedgerError> {
        let Some(first) = self.waiting.first() else {
            return Ok(());
        };
        let header = SlotHeader {
            strand_id: first.address().strand_id,
            slot: self.next_slot,
            writer: WriterId { id: self.writer, attempt: self.next_slot },
            previous_link: self.previous_link,
            first_block_no: first.address().sequence_no,
        };
        let blocks = SlotContent::Foreign(std::mem::take(&mut self.waiting));
        let internal = |error: everstrand_journal::FormatError| LedgerError::Internal(error.to_string());
        let slot = Slot::new(header, &self.frontier, blocks).map_err(internal)?;
        match self.slots.create(self.next_slot, &slot.encode().map_err(internal)?)? {
            Created::Won => {}
            Created::Exists => {
                return Err(LedgerError::Unavailable(
                    "another program writes to the same journal".to_owned(),
                ));
            }
        }
        self.waiting_bytes = 0;
        self.next_slot += 1;
        self.previous_link = slot.link();
        self.frontier = slot.frontier().clone();
        Ok(())
    }
}
