//! A slot: the blocks of one group, the link to the slot before, and what there is to say beside the blocks.
//!
//! A slot is the unit in which a store keeps a journal. It is created once, as a whole. All numbers are little-endian:
//!
//! ```text
//!    0   3  magic "EVS"
//!    3   5  version "pre-1"
//!    8   1  kind: 1 data, 4 foreign; 2 and 3 are reserved
//!    9   3  zero
//!   12   4  number of blocks
//!   16  16  strand id
//!   32   8  slot number
//!   40  16  writer id
//!   56   8  writer's attempt
//!   64  32  link of the slot before; zero in slot 0
//!   96   8  number of the first block, which is the size of the tree before this slot
//!  104   4  k, number of frontier hashes
//!  108   4  length of the addition; zero if there is none
//!  112      frontier after the last block, 32 × k, greatest subtree first
//!           addition, an Ion struct
//!           link 32
//!           CRC-32C 4 of all bytes before
//!           blocks, one after the other, each with its own checksums
//! ```
//!
//! The link is SHA-256 over `"EVS" "pre-1" kind 1, strand id, link before, slot number, number of the
//! first block, block hashes`, and after them `"addition" SHA-256 of the addition` if there is one. It covers the hashes
//! of the blocks and not their bytes; therefore a redaction, which replaces a document's bytes, does not change it.
//!
//! A slot with an addition may have no block, except for slot 0. Builds from before additions refuse a slot that has
//! one, because these four bytes are not zero. So they never write behind it.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::format::block_layout::encoded_length;
use crate::format::frame::{Reader, VERSION, Writer, to_u32, to_usize};
use crate::format::{Addition, Block, ForeignBlock, FormatError, JournalBlock};
use crate::hashing::{BlockAddress, Hash, UniqueId};
use crate::tree::Frontier;

const MAGIC: [u8; 3] = *b"EVS";
const AT_FRONTIER: usize = 112;
const FRONTIER_MAX: u32 = 64;

/// The head of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotHeader {
    /// The strand of its blocks.
    pub strand_id: UniqueId,
    /// The slot number, from 0.
    pub slot: u64,
    /// The writer that made it.
    pub writer: WriterId,
    /// The link of the slot before; all zero in slot 0.
    pub previous_link: Hash,
    /// The number of its first block; of the next block if it has none.
    pub first_block_no: u64,
}

/// The writer of a slot.
///
/// It only helps to find out who won a slot number. Two slots are the same if their links are, so compare these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterId {
    /// The id of one opening of a ledger: each opening draws a new one.
    pub id: UniqueId,
    /// How many slots this opening had tried to create, this one included.
    pub attempt: u64,
}

/// The content of a slot.
#[derive(Clone, Debug)]
pub enum SlotContent {
    /// Blocks of this ledger.
    Blocks(Vec<Block>),
    /// Blocks that another ledger made, and that were imported.
    Foreign(Vec<ForeignBlock>),
}

/// The blocks of one group, in the form in which they are stored together.
#[derive(Clone, Debug)]
pub struct Slot {
    header: SlotHeader,
    frontier: Frontier,
    link: Hash,
    content: SlotContent,
    addition: Option<Encoded>,
}

/// An addition and its bytes.
#[derive(Clone, Debug)]
struct Encoded {
    addition: Addition,
    bytes: Vec<u8>,
}

impl Slot {
    /// Makes a slot of these blocks; `before` is the frontier before the first of them. An error means that the blocks
    /// do not follow one another, or that the first does not follow the tree.
    pub fn new(header: SlotHeader, before: &Frontier, content: SlotContent) -> Result<Slot, FormatError> {
        Slot::of(header, before, content, None)
    }

    /// Makes a slot that says something beside its blocks. It may have no block, except for slot 0. An error means the
    /// same as in [`Slot::new`], or that the addition cannot be written.
    pub fn with_addition(
        header: SlotHeader,
        before: &Frontier,
        content: SlotContent,
        addition: Addition,
    ) -> Result<Slot, FormatError> {
        let bytes = addition.encode()?;
        Slot::of(header, before, content, Some(Encoded { addition, bytes }))
    }

    fn of(
        header: SlotHeader,
        before: &Frontier,
        content: SlotContent,
        addition: Option<Encoded>,
    ) -> Result<Slot, FormatError> {
        let mut frontier = before.clone();
        content.block_hashes().for_each(|hash| frontier.push(hash));
        Slot::checked(header, frontier, content, addition)
    }

    /// The head of the slot.
    pub fn header(&self) -> &SlotHeader {
        &self.header
    }

    /// The frontier of the tree after the last block. Its root is the digest.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The hash over this slot's blocks, its addition and the link of the slot before. Thus it names this slot and all
    /// before it.
    pub fn link(&self) -> Hash {
        self.link
    }

    /// The content of the slot.
    pub fn content(&self) -> &SlotContent {
        &self.content
    }

    /// The blocks of this ledger; none if the slot holds imported blocks.
    pub fn blocks(&self) -> &[Block] {
        match &self.content {
            SlotContent::Blocks(blocks) => blocks,
            SlotContent::Foreign(_) => &[],
        }
    }

    /// What the slot says beside its blocks.
    pub fn addition(&self) -> Option<&Addition> {
        self.addition.as_ref().map(|encoded| &encoded.addition)
    }

    /// The block at this place in the slot, from 0; `None` if the slot has fewer.
    pub fn block(&self, number: usize) -> Option<JournalBlock> {
        match &self.content {
            SlotContent::Blocks(blocks) => blocks.get(number).cloned().map(JournalBlock::Own),
            SlotContent::Foreign(blocks) => blocks.get(number).cloned().map(JournalBlock::Foreign),
        }
    }

    /// The bytes of the slot. An error means that it exceeds 4 GiB.
    pub fn encode(&self) -> Result<Vec<u8>, FormatError> {
        let mut bytes = self.encode_head()?;
        match &self.content {
            SlotContent::Blocks(blocks) => {
                blocks.iter().for_each(|block| bytes.extend_from_slice(block.as_bytes()))
            }
            SlotContent::Foreign(blocks) => blocks.iter().try_for_each(|block| block.encode(&mut bytes))?,
        }
        Ok(bytes)
    }

    /// Reads a slot. An error means that the layout, a checksum, the order of the blocks or the link is wrong. The hashes
    /// of the blocks are not checked here but by [`crate::check_slot`].
    pub fn decode(bytes: Vec<u8>) -> Result<Slot, FormatError> {
        let bytes = Arc::new(bytes);
        let mut reader = Reader::new(&bytes);
        let head = read_head(&mut reader)?;
        let mut ranges = Vec::new();
        for _ in 0..head.blocks {
            let start = reader.position();
            let length = encoded_length(&bytes[start..]).map_err(|error| error.shifted(start))?;
            reader.take(length)?;
            ranges.push((start, start + length));
        }
        if reader.remaining() > 0 {
            return Err(FormatError::new("bytes follow the last block", reader.position()));
        }
        let content = match head.kind {
            KIND_FOREIGN => {
                let decode = |(start, end): (usize, usize)| {
                    ForeignBlock::decode(&bytes[start..end]).map_err(|error| error.shifted(start))
                };
                SlotContent::Foreign(ranges.into_iter().map(decode).collect::<Result<_, _>>()?)
            }
            _ => {
                let decode = |(start, end)| Block::decode(Arc::clone(&bytes), start, end);
                SlotContent::Blocks(ranges.into_iter().map(decode).collect::<Result<_, _>>()?)
            }
        };
        let slot = Slot::checked(head.header, head.frontier, content, head.addition)?;
        if slot.link != head.link {
            return Err(FormatError::new("the link does not match the blocks and the addition", AT_FRONTIER));
        }
        Ok(slot)
    }

    /// The slot after a redaction: the data of these revisions is replaced by its hash. A revision is named by the number
    /// of its block and by the id of its document; those that are not in this slot are ignored. Neither the link nor any
    /// hash nor the addition changes. An error means that a document cannot be read.
    pub fn redacted(&self, revisions: &[(u64, UniqueId)]) -> Result<Slot, FormatError> {
        let documents_of = |address: BlockAddress| -> Vec<UniqueId> {
            let of_block = revisions.iter().filter(|(block, _)| *block == address.sequence_no);
            of_block.map(|&(_, document)| document).collect()
        };
        let redact = |block: &Block| {
            let documents = documents_of(block.address());
            if documents.is_empty() {
                return Ok(block.clone());
            }
            let bytes = block.redacted(&documents)?;
            let end = bytes.len();
            Block::decode(Arc::new(bytes), 0, end)
        };
        let redact_foreign = |block: &ForeignBlock| match documents_of(block.address()) {
            documents if documents.is_empty() => Ok(block.clone()),
            documents => block.redacted(&documents),
        };
        let content = match &self.content {
            SlotContent::Blocks(blocks) => {
                SlotContent::Blocks(blocks.iter().map(redact).collect::<Result<_, FormatError>>()?)
            }
            SlotContent::Foreign(blocks) => {
                SlotContent::Foreign(blocks.iter().map(redact_foreign).collect::<Result<_, FormatError>>()?)
            }
        };
        Slot::checked(self.header, self.frontier.clone(), content, self.addition.clone())
    }

    fn checked(
        header: SlotHeader,
        frontier: Frontier,
        content: SlotContent,
        addition: Option<Encoded>,
    ) -> Result<Slot, FormatError> {
        let mut next = header.first_block_no;
        let mut previous: Option<(BlockAddress, Hash)> = None;
        for (address, previous_hash, hash) in content.chain() {
            if address.sequence_no != next {
                return Err(FormatError::new(
                    format!("block {next} is missing, {} is there", address.sequence_no),
                    0,
                ));
            }
            let follows = previous.is_none_or(|(before, before_hash)| {
                before.strand_id == address.strand_id && previous_hash == Some(before_hash)
            });
            if !follows {
                return Err(FormatError::new(format!("block {next} does not follow the block before"), 0));
            }
            previous = Some((address, hash));
            next = next.checked_add(1).ok_or_else(|| FormatError::new("no number is left for a block", 0))?;
        }
        if frontier.size() != next {
            return Err(FormatError::new(
                "the tree's frontier has another size than the journal",
                AT_FRONTIER,
            ));
        }
        let is_fork = addition.as_ref().is_some_and(|encoded| encoded.addition.fork.is_some());
        if is_fork
            && (header.slot == 0
                || content.chain().any(|(address, ..)| address.strand_id == header.strand_id))
        {
            return Err(FormatError::new(
                "a fork stands in the first slot, or beside blocks of its own strand",
                0,
            ));
        }
        if previous.is_none() {
            let may_have_no_block =
                addition.is_some() && next > 0 && matches!(content, SlotContent::Blocks(_));
            if !may_have_no_block {
                return Err(FormatError::new("a slot has no block", 0));
            }
        }
        let mut slot = Slot { header, frontier, link: Hash([0; 32]), content, addition };
        slot.link = slot.computed_link();
        Ok(slot)
    }

    fn computed_link(&self) -> Hash {
        let mut hasher = Sha256::new();
        hasher.update(MAGIC);
        hasher.update(VERSION);
        hasher.update([self.kind()]);
        hasher.update(self.header.strand_id.as_bytes());
        hasher.update(self.header.previous_link);
        hasher.update(self.header.slot.to_le_bytes());
        hasher.update(self.header.first_block_no.to_le_bytes());
        self.content.block_hashes().for_each(|hash| hasher.update(hash));
        if let Some(Encoded { bytes, .. }) = &self.addition {
            // The word sets the hash apart from a block's hash in the same place.
            hasher.update(b"addition");
            hasher.update(Sha256::digest(bytes));
        }
        Hash(hasher.finalize().into())
    }

    fn encode_head(&self) -> Result<Vec<u8>, FormatError> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION);
        bytes.extend_from_slice(&[self.kind(), 0, 0, 0]);
        bytes.put_u32(to_u32(self.content.block_hashes().count())?);
        bytes.extend_from_slice(self.header.strand_id.as_bytes());
        bytes.put_u64(self.header.slot);
        bytes.extend_from_slice(self.header.writer.id.as_bytes());
        bytes.put_u64(self.header.writer.attempt);
        bytes.extend_from_slice(&self.header.previous_link.0);
        bytes.put_u64(self.header.first_block_no);
        bytes.put_u32(to_u32(self.frontier.hashes().len())?);
        let addition = self.addition.as_ref().map_or(&[][..], |encoded| &encoded.bytes);
        bytes.put_u32(to_u32(addition.len())?);
        self.frontier.hashes().iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
        bytes.extend_from_slice(addition);
        bytes.extend_from_slice(&self.link.0);
        bytes.put_checksum_since(0);
        Ok(bytes)
    }

    fn kind(&self) -> u8 {
        match self.content {
            SlotContent::Blocks(_) => KIND_DATA,
            SlotContent::Foreign(_) => KIND_FOREIGN,
        }
    }
}

const KIND_DATA: u8 = 1;
const KIND_FOREIGN: u8 = 4;

impl SlotContent {
    fn chain(&self) -> impl Iterator<Item = (BlockAddress, Option<Hash>, Hash)> {
        let (blocks, foreign): (&[Block], &[ForeignBlock]) = match self {
            SlotContent::Blocks(blocks) => (blocks, &[]),
            SlotContent::Foreign(blocks) => (&[], blocks),
        };
        let blocks = blocks.iter().map(|block| (block.address(), block.previous_hash(), block.hash()));
        blocks.chain(foreign.iter().map(|block| (block.address(), block.previous_hash(), block.hash())))
    }

    pub(crate) fn block_hashes(&self) -> impl Iterator<Item = Hash> {
        self.chain().map(|(_, _, hash)| hash)
    }
}

struct Head {
    kind: u8,
    blocks: u32,
    header: SlotHeader,
    frontier: Frontier,
    link: Hash,
    addition: Option<Encoded>,
}

fn read_head(reader: &mut Reader<'_>) -> Result<Head, FormatError> {
    reader.expect(&MAGIC, "a slot")?;
    reader.expect(&VERSION, "a slot of a version that this program reads")?;
    let kind = reader.u8()?;
    if ![KIND_DATA, KIND_FOREIGN].contains(&kind) {
        return Err(FormatError::new(format!("a slot of the unknown kind {kind}"), reader.position()));
    }
    reader.expect(&[0; 3], "a slot: its reserved bytes are not zero")?;
    let blocks = reader.u32()?;
    let strand_id = reader.id()?;
    let slot = reader.u64()?;
    let writer = WriterId { id: reader.id()?, attempt: reader.u64()? };
    let previous_link = reader.hash()?;
    let first_block_no = reader.u64()?;
    let hashes = reader.u32()?;
    let addition = to_usize(reader.u32()?);
    if hashes > FRONTIER_MAX {
        return Err(FormatError::new("the frontier has more than 64 hashes", AT_FRONTIER));
    }
    let hashes = (0..hashes).map(|_| reader.hash()).collect::<Result<Vec<Hash>, FormatError>>()?;
    let at_addition = reader.position();
    let addition = reader.take(addition)?;
    let link = reader.hash()?;
    reader.checksum_since(0, "a slot")?;
    let addition = match addition {
        [] => None,
        bytes => {
            let addition = Addition::decode(bytes).map_err(|error| error.shifted(at_addition))?;
            Some(Encoded { addition, bytes: bytes.to_vec() })
        }
    };
    let size = first_block_no.checked_add(u64::from(blocks));
    let frontier = size.and_then(|size| Frontier::from_parts(size, hashes));
    let frontier = frontier
        .ok_or_else(|| FormatError::new("the frontier does not fit the number of blocks", AT_FRONTIER))?;
    let header = SlotHeader { strand_id, slot, writer, previous_link, first_block_no };
    Ok(Head { kind, blocks, header, frontier, link, addition })
}
