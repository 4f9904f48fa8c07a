//! A journal that begins with the blocks of another ledger.
//!
//! The blocks are written as they came, group by group, before the ledger is opened for the first time. Opening it
//! then builds tables and histories from them as from any other journal, and its own blocks follow theirs: the
//! tree has the same leaves, so that every digest that was ever saved of the other ledger holds here too.

use everstrand_journal::tree::Frontier;
use everstrand_journal::{
    BlockAddress, Digest, ForeignBlock, Hash, Slot, SlotContent, SlotHeader, UniqueId, WriterId,
};

use crate::error::LedgerError;
use crate::storage::slots::{Created, SlotStore};

/// A slot ends with the block that brings it to so many bytes.
const SLOT_BYTES: usize = 1 << 20;

/// Writes foreign blocks into an empty journal.
pub struct Importer<'a> {
    slots: &'a dyn SlotStore,
    writer: UniqueId,
    next_slot: u64,
    previous_link: Hash,
    /// The tree over the blocks that were written.
    frontier: Frontier,
    waiting: Vec<ForeignBlock>,
    waiting_bytes: usize,
    last: Option<(BlockAddress, Hash)>,
}

impl<'a> Importer<'a> {
    /// An importer into a journal that has no slot yet. `writer` is an id that nobody has used.
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

    /// Takes the next block; the first has the number 0, and all follow one another.
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

    /// Writes what waits. Answers the digest over all blocks; `None` where there was none.
    pub fn finish(mut self) -> Result<Option<Digest>, LedgerError> {
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
