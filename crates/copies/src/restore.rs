//! Restores a ledger from a copy, up to any block of it.
//!
//! First all of the copy is read, up to its tip: only then is it known what was redacted later. What is redacted, now or
//! later, is taken out of all that is written. Then the slots are written as they are, and behind them the *fork*: a slot
//! that says where the ledger came from and which redactions show although the block that says so was not restored. From
//! the fork on the ledger has a strand of its own. If the chosen block is not the last one of its slot, the fork carries
//! that slot's blocks up to it.

use std::collections::{BTreeMap, BTreeSet};

use everstrand_journal::tree::Frontier;
use everstrand_journal::{
    Addition, Auditor, BlockAddress, Digest, Fork, ForkedRedaction, Slot, SlotContent, SlotHeader, UniqueId,
    WriterId,
};
use everstrand_ledger::storage::slots::{SlotError, SlotStore};

use crate::copy::Copy;
use crate::error::CopyError;
use crate::planted::planted;
use crate::slots::{
    BATCH_BYTES, Place, Redaction, check, decode, emptied, listed, redacted_by, redactions, without,
};
use crate::watch::{Watcher, Way};

/// What is done with a slot of the copy: its number, what it says, its bytes.
type Take<'t> = dyn FnMut(u64, Slot, Vec<u8>) -> Result<(), CopyError> + 't;

/// Up to where a ledger is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// All that the copy has.
    End,
    /// This block is the last one.
    Block(u64),
    /// The last block that is not later than this time, in milliseconds since 1970-01-01T00:00Z.
    Time(i64),
}

/// What is to be restored. The copy was read and found whole up to there.
pub struct Restore<'a> {
    copy: &'a Copy,
    /// The last block that is restored.
    block: u64,
    /// The slot that has it.
    slot: u64,
    /// Whether it is the last block of its slot.
    is_last: bool,
    /// All redactions that are known.
    known: BTreeMap<Place, Redaction>,
    /// Those that the restored slots tell of themselves.
    own: BTreeSet<Place>,
}

/// A ledger that was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// How many slots were written, the fork included.
    pub slots: u64,
    /// What the fork says.
    pub fork: Fork,
    /// The digest at the last block that was restored, as the copied ledger had it.
    pub digest: Digest,
}

/// What reading a copy has found.
#[derive(Default)]
struct Found {
    known: BTreeMap<Place, Redaction>,
    /// Emptied revisions, each with its slot, until their redaction is met.
    bare: BTreeMap<Place, u64>,
    /// Where the point is, as far as the copy was read.
    at: Option<Chosen>,
}

#[derive(Clone, Copy)]
struct Chosen {
    block: u64,
    slot: u64,
    is_last: bool,
    /// The number of blocks after the slot.
    end: u64,
}

impl<'a> Restore<'a> {
    /// Reads the copy, and whatever the source has beyond it, and decides what is restored. An error means that the copy
    /// is damaged, or that the point lies where it cannot be opened.
    pub fn plan(
        copy: &'a Copy,
        point: Point,
        source: Option<&dyn SlotStore>,
        watcher: &mut dyn Watcher,
    ) -> Result<Restore<'a>, CopyError> {
        let count = copy.slot_count()?;
        if let Some(mark) = copy.mark() {
            copy.check_mark(&mark, count)?;
        }
        let mut found = Found::default();
        let mut auditor = Auditor::new([]);
        let mut way = Way { of_slots: Some(count), ..Way::default() };
        while way.slots < count {
            let batch = copy.slots().read_many(way.slots, BATCH_BYTES)?;
            if batch.is_empty() {
                return Err(CopyError::Damaged(format!("slot {} is gone", way.slots)));
            }
            way.bytes += batch.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
            for checked in check(batch) {
                let checked = checked.map_err(|error| CopyError::unreadable(way.slots, &error))?;
                found.take(&checked.slot, point);
                if let Some(first) = auditor.checked_slot(&checked.slot, checked.blocks).first() {
                    return Err(CopyError::Damaged(format!("slot {}: {first}", way.slots)));
                }
                way.slots += 1;
            }
            watcher.progress(&way);
        }
        if let Some(source) = source {
            found.take_later(source, count)?;
        }
        let Chosen { block, slot, is_last, end } = found.chosen(point)?;
        if planted!("the rest of its slot is not searched") {
            found.known.retain(|_, redaction| !(block + 1..end).contains(&redaction.by));
        }
        if let Some((place, bare)) =
            found.bare.iter().filter(|(_, at)| **at <= slot).min_by_key(|(_, at)| **at)
            && !planted!("incomplete copy is restored")
        {
            return Err(CopyError::Refused(format!(
                "the copy is incomplete from slot {bare} on: it shows emptied data of block {} without the block that \
                 redacted it. Restore to a block before slot {bare}, or run the backup again first",
                place.block
            )));
        }
        if slot == 0 && !is_last {
            return Err(CopyError::Refused(format!(
                "block {block} lies inside of the first slot, which was imported and cannot be cut: restore to block {}",
                end - 1
            )));
        }
        let mut restore = Restore { copy, block, slot, is_last, known: found.known, own: BTreeSet::new() };
        restore.find_own()?;
        Ok(restore)
    }

    /// The last block that is restored.
    pub fn block(&self) -> u64 {
        self.block
    }

    /// Finds which redactions the restored slots tell of themselves.
    fn find_own(&mut self) -> Result<(), CopyError> {
        // Only blocks up to the last one, and the forks of slots that are restored whole.
        let block = self.block;
        let mut own = BTreeSet::new();
        self.each_slot(self.slot + 1, &mut |number, slot, _| {
            let said = redactions(&slot).into_iter().filter(|redaction| redaction.by <= block);
            own.extend(said.map(|redaction| redaction.place));
            if number < self.slot || self.is_last {
                own.extend(listed(&slot).into_iter().map(|redaction| redaction.place));
            }
            Ok(())
        })?;
        self.own = own;
        Ok(())
    }

    /// Reads the first `count` slots of the copy.
    fn each_slot(&self, count: u64, take: &mut Take<'_>) -> Result<(), CopyError> {
        let mut next = 0;
        while next < count {
            let batch = self.copy.slots().read_many(next, BATCH_BYTES)?;
            if batch.is_empty() {
                return Err(CopyError::Damaged(format!("slot {next} is gone")));
            }
            for bytes in batch.into_iter().take(usize::try_from(count - next).unwrap_or(usize::MAX)) {
                let slot = decode(&bytes).map_err(|error| CopyError::unreadable(next, &error))?;
                take(next, slot, bytes)?;
                next += 1;
            }
        }
        Ok(())
    }

    /// Writes the ledger into an empty journal. `strand_id` is the strand of the restored ledger's own blocks.
    pub fn write(
        &self,
        target: &dyn SlotStore,
        strand_id: UniqueId,
        writer: UniqueId,
        watcher: &mut dyn Watcher,
    ) -> Result<Restored, CopyError> {
        let whole = self.slot + u64::from(self.is_last);
        let mut way = Way { of_slots: Some(whole), ..Way::default() };
        let (mut batch, mut batch_bytes, mut written) = (Vec::new(), 0, 0);
        let mut last: Option<Slot> = None;
        let mut cut = None;
        self.each_slot(self.slot + 1, &mut |number, slot, bytes| {
            if last.as_ref().is_some_and(|last| slot.header().previous_link != last.link()) {
                return Err(CopyError::Damaged(format!("slot {number} does not follow the slot before")));
            }
            if emptied(&slot).any(|place| !self.known.contains_key(&place))
                && !planted!("redactions read before the slots")
            {
                let why = "a run of the backup has changed the copy meanwhile: restore it again";
                return Err(CopyError::Refused(why.to_owned()));
            }
            let bytes = without(number, &slot, &bytes, &self.named_in(&slot))?.unwrap_or(bytes);
            if number == whole {
                cut = Some(bytes);
                return Ok(());
            }
            batch_bytes += bytes.len();
            batch.push(bytes);
            last = Some(slot);
            if batch_bytes >= BATCH_BYTES {
                (way.slots, way.bytes) = (way.slots + batch.len() as u64, way.bytes + batch_bytes as u64);
                send(target, &mut written, &batch)?;
                batch.clear();
                batch_bytes = 0;
                watcher.progress(&way);
            }
            Ok(())
        })?;
        send(target, &mut written, &batch)?;
        let header = SlotHeader {
            strand_id,
            slot: written,
            writer: WriterId { id: writer, attempt: 0 },
            previous_link: last.as_ref().map_or(everstrand_journal::Hash([0; 32]), Slot::link),
            first_block_no: last.as_ref().map_or(0, |last| last.frontier().size()),
        };
        let (slot, restored) = self.fork(header, last.as_ref(), cut)?;
        let fork = slot.encode().map_err(|error| CopyError::unreadable(written, &error))?;
        if !planted!("served without a fork slot") {
            send(target, &mut written, &[fork])?;
        }
        Ok(Restored { slots: written, ..restored })
    }

    /// The fork, which follows the slot `last`. `cut` is the slot whose blocks it carries in part.
    fn fork(
        &self,
        header: SlotHeader,
        last: Option<&Slot>,
        cut: Option<Vec<u8>>,
    ) -> Result<(Slot, Restored), CopyError> {
        let unreadable = |error| CopyError::unreadable(self.slot, &error);
        let before = last.map_or_else(Frontier::empty, |last| last.frontier().clone());
        let mut frontier = before.clone();
        let cut = cut.map(|bytes| decode(&bytes)).transpose().map_err(unreadable)?;
        let keep =
            usize::try_from((self.block + 1).saturating_sub(header.first_block_no)).unwrap_or(usize::MAX);
        let (content, link, strand_id) = match (&cut, last) {
            (Some(cut), _) => {
                let content = match cut.content() {
                    SlotContent::Blocks(blocks) => {
                        SlotContent::Blocks(blocks.iter().take(keep).cloned().collect())
                    }
                    SlotContent::Foreign(blocks) => {
                        SlotContent::Foreign(blocks.iter().take(keep).cloned().collect())
                    }
                };
                let strand_id =
                    cut.block(0).map_or(cut.header().strand_id, |block| block.address().strand_id);
                (content, cut.link(), strand_id)
            }
            (None, Some(last)) => (SlotContent::Blocks(Vec::new()), last.link(), last.header().strand_id),
            (None, None) => return Err(CopyError::Damaged("it has no slot".to_owned())),
        };
        (0..keep)
            .map_while(|number| cut.as_ref()?.block(number))
            .for_each(|block| frontier.push(block.hash()));
        let digest = frontier.root().ok_or_else(|| CopyError::Damaged("it has no block".to_owned()))?;
        let fork = Fork {
            ledger: self.copy.origin().ledger_id.to_string(),
            strand_id,
            block: self.block,
            digest,
            slot: self.slot,
            link,
            redactions: self.listed(),
        };
        if fork.redactions.len() > Fork::REDACTIONS_MAX {
            return Err(CopyError::Refused(format!(
                "{} revisions up to block {} were redacted after it, and a fork can list {}: restore to a later block",
                fork.redactions.len(),
                self.block,
                Fork::REDACTIONS_MAX
            )));
        }
        let config = cut.as_ref().and_then(|cut| cut.addition()?.config);
        let addition = Addition { config, fork: Some(fork.clone()), ..Addition::default() };
        let slot = Slot::with_addition(header, &before, content, addition).map_err(unreadable)?;
        let tip = slot.block(keep.saturating_sub(1)).map(|block| block.address());
        let tip = tip.unwrap_or(BlockAddress {
            strand_id: self.strand_of_last(last, strand_id),
            sequence_no: self.block,
        });
        Ok((slot, Restored { slots: 0, fork, digest: Digest { digest, digest_tip_address: tip } }))
    }

    /// The strand of the last block of a slot.
    fn strand_of_last(&self, last: Option<&Slot>, otherwise: UniqueId) -> UniqueId {
        let block = last.and_then(|last| last.block(0));
        block.map_or(otherwise, |block| block.address().strand_id)
    }

    /// The redactions that show and of which no restored slot tells.
    fn listed(&self) -> Vec<ForkedRedaction> {
        if planted!("fork slot without list") {
            return Vec::new();
        }
        let is_listed = |redaction: &&Redaction| {
            redaction.place.block <= self.block && !self.own.contains(&redaction.place)
        };
        let redaction = |redaction: &Redaction| ForkedRedaction {
            block: redaction.place.block,
            document_id: redaction.place.document_id,
            table_id: redaction.table_id,
            version: redaction.version,
            redacted_by: redaction.by,
        };
        self.known.values().filter(is_listed).map(redaction).collect()
    }

    /// The known redactions of revisions in a slot.
    fn named_in(&self, slot: &Slot) -> Vec<Place> {
        let (first, end) = (slot.header().first_block_no, slot.frontier().size());
        let lowest = Place { block: first, document_id: UniqueId::from_bytes([0; 16]) };
        let named = self.known.range(lowest..).map(|(place, _)| *place);
        let named = named.take_while(|place| place.block < end);
        if planted!("fork slot byte for byte") && slot.header().slot == self.slot && !self.is_last {
            return Vec::new();
        }
        named.collect()
    }
}

impl Found {
    fn take(&mut self, slot: &Slot, point: Point) {
        let number = slot.header().slot;
        self.bare.extend(emptied(slot).map(|place| (place, number)));
        let told = match planted!("list of the older fork slot is left out") {
            true => redactions(slot),
            false => redacted_by(slot),
        };
        for redaction in told {
            self.bare.remove(&redaction.place);
            self.known.entry(redaction.place).or_insert(redaction);
        }
        let (first, end) = (slot.header().first_block_no, slot.frontier().size());
        for (at, block_no) in (0..).zip(first..end) {
            let is_meant = match point {
                Point::End => true,
                Point::Block(wanted) => block_no == wanted,
                Point::Time(time) => slot.block(at).is_some_and(|block| block.timestamp() <= time),
            };
            if is_meant {
                self.at = Some(Chosen { block: block_no, slot: number, is_last: block_no + 1 == end, end });
            }
        }
    }

    /// Takes the redactions of the slots that the source has beyond the copy.
    fn take_later(&mut self, source: &dyn SlotStore, mut next: u64) -> Result<(), CopyError> {
        loop {
            let batch = source.read_many(next, BATCH_BYTES)?;
            if batch.is_empty() {
                return Ok(());
            }
            for bytes in &batch {
                let slot =
                    decode(bytes).map_err(|error| CopyError::Source(format!("slot {next}: {error}")))?;
                for redaction in redacted_by(&slot) {
                    self.bare.remove(&redaction.place);
                    self.known.entry(redaction.place).or_insert(redaction);
                }
                next += 1;
            }
        }
    }

    fn chosen(&self, point: Point) -> Result<Chosen, CopyError> {
        self.at.ok_or_else(|| {
            CopyError::Refused(match point {
                Point::End => "the copy has no block".to_owned(),
                Point::Block(block) => format!("the copy has no block {block}"),
                Point::Time(_) => "the copy has no block as old as that".to_owned(),
            })
        })
    }
}

/// Creates slots in the new journal, to which nobody else writes.
fn send(target: &dyn SlotStore, written: &mut u64, slots: &[Vec<u8>]) -> Result<(), CopyError> {
    let mut done = 0;
    while done < slots.len() {
        match target.create_many(*written, &slots[done..])? {
            0 => {
                let why = format!("slot {written} of the restored ledger exists already");
                return Err(SlotError::NotSent(why).into());
            }
            created => {
                done += created;
                *written += created as u64;
            }
        }
    }
    Ok(())
}
