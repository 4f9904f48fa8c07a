//! Sealing: each block gets its number, its time and the hash that chains it to the block before.

use everstrand_journal::{
    Addition, Block, BlockAddress, Draft, FormatError, Hash, Slot, SlotContent, SlotHeader, WriterId,
};

use crate::planted::planted;
use crate::state::head::Head;

/// The blocks of a group, on top of the last block of a state.
pub(crate) struct Sealing<'a> {
    head: &'a Head,
    blocks: Vec<Block>,
    bytes: usize,
}

impl<'a> Sealing<'a> {
    /// No block yet.
    pub(crate) fn new(head: &'a Head) -> Sealing<'a> {
        Sealing { head, blocks: Vec::new(), bytes: 0 }
    }

    /// Seals the next block. Its time is never before the last block's, whatever the clock says.
    pub(crate) fn seal(&mut self, draft: Draft, now: i64) -> &Block {
        let address = BlockAddress { strand_id: self.head.strand_id, sequence_no: self.next_block_no() };
        let (timestamp, previous) = match self.blocks.last() {
            Some(block) => (block.timestamp(), Some(block.hash())),
            None => (self.head.tip.timestamp, self.head.last_hash()),
        };
        let now = if planted!("time-goes-back") { now } else { now.max(timestamp) };
        let block = draft.seal(address, now, previous);
        self.bytes += block.as_bytes().len();
        self.blocks.push(block);
        &self.blocks[self.blocks.len() - 1]
    }

    /// Takes the last block back, so that the next one gets its number.
    pub(crate) fn unseal(&mut self) {
        if let Some(block) = self.blocks.pop() {
            self.bytes -= block.as_bytes().len();
        }
    }

    /// The number that the next block gets.
    pub(crate) fn next_block_no(&self) -> u64 {
        self.head.frontier.size() + self.blocks.len() as u64
    }

    /// The blocks so far.
    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// How many bytes they have.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The slot of these blocks.
    pub(crate) fn into_slot(self, writer: WriterId, addition: Option<Addition>) -> Result<Slot, FormatError> {
        let header = header(self.head, writer);
        let content = SlotContent::Blocks(self.blocks);
        match addition {
            None => Slot::new(header, &self.head.frontier, content),
            Some(addition) => Slot::with_addition(header, &self.head.frontier, content, addition),
        }
    }
}

/// The slot of these blocks, which follows the last slot of a state.
pub(crate) fn slot(head: &Head, writer: WriterId, blocks: Vec<Block>) -> Result<Slot, FormatError> {
    Slot::new(header(head, writer), &head.frontier, SlotContent::Blocks(blocks))
}

fn header(head: &Head, writer: WriterId) -> SlotHeader {
    SlotHeader {
        strand_id: head.strand_id,
        slot: head.next_slot(),
        writer,
        previous_link: if head.is_empty() { Hash([0; 32]) } else { head.tip.link },
        first_block_no: head.frontier.size(),
    }
}
