//! Brings a copy up to its source.
//!
//! Slots are created in order, each only when the one before it is there, and never overwritten; so a run that dies
//! leaves a beginning of the source's journal, and the next run goes on behind it. Each slot's hashes are computed
//! before it is sent. After a batch of slots is there, what they say is redacted is taken out of the copy ([`crate::sweep`]);
//! never before, because a copy that shows emptied data without the REDACT of it is incomplete, and the source may be
//! lost the next moment.

use everstrand_journal::{Auditor, BlockAddress, Digest, Hash, Slot};
use everstrand_ledger::storage::SealedSlots;
use everstrand_ledger::storage::slots::{SlotError, SlotStore};

use crate::copy::{Copy, Mark};
use crate::error::CopyError;
use crate::planted::planted;
use crate::slots::{BATCH_BYTES, Checked, check, decode, read, redacted_by};
use crate::sweep::Sweep;
use crate::watch::{Watcher, Way};

/// How often the same slots are sent again when nobody knows whether they arrived.
const ATTEMPTS: u32 = 6;

/// After so many bytes a long run notes how far it has come.
const NOTE_BYTES: u64 = 1 << 30;

/// What a run has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Slots that were in the copy before.
    pub slots_before: u64,
    /// Slots that were copied.
    pub slots: u64,
    /// Their blocks.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Slots of the copy that were replaced because they showed what was redacted.
    pub slots_emptied: u64,
    /// The end of the copy now.
    pub mark: Mark,
}

/// Slots that were read from the source.
struct Batch {
    clear: Vec<Vec<u8>>,
    /// As they are stored, if the source is encrypted.
    sealed: Option<Vec<Vec<u8>>>,
    /// Why the slot behind them cannot be opened, if so.
    damage: Option<String>,
}

/// One run.
pub struct Backup<'a> {
    /// The source in clear.
    source: &'a dyn SlotStore,
    /// The source as it is stored, if it is encrypted.
    sealed: Option<&'a SealedSlots>,
    copy: &'a Copy,
    watcher: &'a mut dyn Watcher,
    now_millis: i64,
    sweep: Sweep,
    way: Way,
    blocks: u64,
}

impl<'a> Backup<'a> {
    /// A run from a source to a copy. `now_millis` is written into the copy's marks.
    pub fn new(
        source: &'a dyn SlotStore,
        copy: &'a Copy,
        watcher: &'a mut dyn Watcher,
        now_millis: i64,
    ) -> Backup<'a> {
        let (sweep, way) = (Sweep::default(), Way::default());
        Backup { source, sealed: None, copy, watcher, now_millis, sweep, way, blocks: 0 }
    }

    /// A run from an encrypted source, whose slots are copied as they are stored, to a copy that is sealed under the same key.
    pub fn of_sealed(
        source: &'a SealedSlots,
        copy: &'a Copy,
        watcher: &'a mut dyn Watcher,
        now_millis: i64,
    ) -> Backup<'a> {
        Backup { sealed: Some(source), ..Backup::new(source, copy, watcher, now_millis) }
    }

    /// Copies all slots that the source has and the copy lacks. After an error the copy holds what was copied so far.
    pub fn run(mut self) -> Result<Run, CopyError> {
        if self.sealed.is_some() != self.copy.origin().is_sealed {
            let why =
                "of source and copy one is encrypted and the other is not: begin another copy with --new";
            return Err(CopyError::Refused(why.to_owned()));
        }
        let before = self.copy.slot_count()?;
        let last = self.compare(before)?;
        let end = self.source.tip_hint()?.map_or(0, |tip| tip + 1);
        self.way.of_slots = Some(end.saturating_sub(before));
        self.sweep_old(before)?;
        let mut auditor = match &last {
            Some(last) => resumed(last),
            None => Auditor::new([]),
        };
        let mut next = before;
        let mut tip = last;
        let (mut noted, mut swept_bytes) = (before, 0);
        loop {
            let Batch { clear, sealed, damage: not_opened } = self.read_batch(next)?;
            if clear.is_empty() && not_opened.is_none() {
                break;
            }
            let Followed { mut slots, bodies, blocks, damage } = follow(&mut auditor, next, clear);
            let damage = damage.or(not_opened);
            let named = slots.iter().flat_map(redacted_by);
            let mut named: Vec<_> = named.map(|redaction| redaction.place).collect();
            if planted!("emptied before the REDACT is copied") && next > 0 {
                let there = read(self.copy.slots(), next - 1)?.1.frontier().size();
                let early = named.iter().copied().filter(|place| place.block < there);
                self.sweep.take_out(self.copy.slots(), early.collect::<Vec<_>>(), next, self.watcher)?;
            }
            self.send(next, &slots, &bodies, sealed)?;
            next += slots.len() as u64;
            if planted!("emptied because it was read so") {
                named.retain(|place| {
                    let at = self.sweep.slot_of(self.copy.slots(), place.block, next).unwrap_or(0);
                    let shown = self.source.read(at).ok().flatten().and_then(|bytes| decode(&bytes).ok());
                    shown.is_none_or(|slot| crate::slots::emptied(&slot).all(|emptied| emptied != *place))
                });
            }
            self.sweep.take_out(self.copy.slots(), named, next, self.watcher)?;
            let bytes: u64 = bodies.iter().map(|body| body.len() as u64).sum();
            self.blocks += blocks;
            self.way.slots += slots.len() as u64;
            self.way.bytes += bytes;
            swept_bytes += bytes;
            tip = slots.pop().or(tip);
            self.watcher.progress(&self.way);
            if let Some(damage) = damage {
                return Err(CopyError::Source(damage));
            }
            if let (true, Some(tip)) = (swept_bytes >= NOTE_BYTES, &tip) {
                self.copy.note(mark_of(tip, self.now_millis)?)?;
                (noted, swept_bytes) = (next, 0);
            }
        }
        let Some(tip) = tip else {
            return Err(CopyError::Source(
                "it has no slot, and every ledger has one with block 0".to_owned(),
            ));
        };
        let mark = mark_of(&tip, self.now_millis)?;
        if noted < next || self.copy.mark().is_none_or(|known| known.slots < mark.slots) {
            self.copy.note(mark)?;
        }
        let Way { slots, bytes, .. } = self.way;
        let slots_emptied = self.sweep.replaced;
        Ok(Run { slots_before: before, slots, blocks: self.blocks, bytes, slots_emptied, mark })
    }

    /// Reads a batch of slots, up to the first that cannot be opened.
    fn read_batch(&self, from: u64) -> Result<Batch, CopyError> {
        let Some(source) = self.sealed else {
            let clear = self.source.read_many(from, BATCH_BYTES)?;
            return Ok(Batch { clear, sealed: None, damage: None });
        };
        let (mut clear, mut sealed, mut damage) = (Vec::new(), Vec::new(), None);
        for (slot, stored) in (from..).zip(source.stored().read_many(from, BATCH_BYTES)?) {
            match source.open(slot, stored.clone()) {
                Ok(opened) => clear.push(opened),
                Err(error) => {
                    damage = Some(error.to_string());
                    break;
                }
            }
            sealed.push(match planted!("clear slots are copied in clear") {
                true => stored,
                false => source.seal_if_clear(slot, stored),
            });
        }
        Ok(Batch { clear, sealed: Some(sealed), damage })
    }

    /// Compares the end of the copy with its mark and with the source. Answers the copy's last slot.
    fn compare(&self, count: u64) -> Result<Option<Slot>, CopyError> {
        if let Some(mark) = self.copy.mark() {
            self.copy.check_mark(&mark, count)?;
        }
        let Some(number) = count.checked_sub(1) else { return Ok(None) };
        let (_, last) = read(self.copy.slots(), number)?;
        let Some(bytes) = self.source.read(number)? else {
            let end = self.source.tip_hint()?.map_or("no slot".to_owned(), |tip| format!("slot {tip}"));
            return Err(CopyError::Diverged(format!(
                "the copy has slot {number}, and the source ends with {end}. The source has lost slots, or an older state \
                 of it was put back"
            )));
        };
        let source = decode(&bytes).map_err(|error| CopyError::Source(format!("slot {number}: {error}")))?;
        if source.link() != last.link() {
            return Err(CopyError::Diverged(format!(
                "slot {number} is another one in the source than in the copy. The source has lost slots and went on \
                 with others, or it is another ledger"
            )));
        }
        Ok(Some(last))
    }

    /// Sweeps for the slots that a run before has copied, and died before it noted that they are swept.
    fn sweep_old(&mut self, count: u64) -> Result<(), CopyError> {
        if planted!("slots that are there are skipped") {
            return Ok(());
        }
        let mut next = self.copy.mark().map_or(0, |mark| mark.slots);
        while next < count {
            let batch = self.copy.slots().read_many(next, BATCH_BYTES)?;
            if batch.is_empty() {
                return Err(CopyError::Damaged(format!("slot {next} is gone")));
            }
            let mut named = Vec::new();
            for (number, bytes) in (next..).zip(&batch) {
                let slot = decode(bytes).map_err(|error| CopyError::unreadable(number, &error))?;
                named.extend(redacted_by(&slot).into_iter().map(|redaction| redaction.place));
            }
            next += batch.len() as u64;
            self.sweep.take_out(self.copy.slots(), named, count, self.watcher)?;
        }
        Ok(())
    }

    /// Creates slots in the copy, in their sealed form if there is one. One that is there already must be the same.
    fn send(
        &mut self,
        from: u64,
        slots: &[Slot],
        clear: &[Vec<u8>],
        sealed: Option<Vec<Vec<u8>>>,
    ) -> Result<(), CopyError> {
        let (target, bodies) = match (self.copy.sealed_slots(), &sealed) {
            (Some(copy), Some(sealed)) if !planted!("sealed slots are sealed again") => {
                (&**copy.stored(), &sealed[..slots.len()])
            }
            _ => (self.copy.slots(), clear),
        };
        let (mut done, mut attempts) = (0, 0);
        while done < bodies.len() {
            let at = from + done as u64;
            let created = match target.create_many(at, &bodies[done..]) {
                Ok(created) => created,
                Err(SlotError::Unknown(_) | SlotError::NotSent(_)) if attempts < ATTEMPTS => {
                    attempts += 1;
                    self.watcher.pause(attempts);
                    0
                }
                Err(error) => return Err(error.into()),
            };
            done += created;
            if created > 0 {
                attempts = 0;
                continue;
            }
            // Another copier was here, or an earlier attempt arrived. Only what is there counts.
            match self.copy.slots().read(at)? {
                Some(stored) => {
                    let stored = decode(&stored).map_err(|error| CopyError::unreadable(at, &error))?;
                    if stored.link() != slots[done].link() {
                        let why = format!("slot {at} is another one in the copy than in the source");
                        return Err(CopyError::Diverged(why));
                    }
                    done += 1;
                    attempts = 0;
                }
                None if attempts < ATTEMPTS => {
                    attempts += 1;
                    self.watcher.pause(attempts);
                }
                None => {
                    let why = format!("slot {at} of the copy was not created");
                    return Err(SlotError::Unknown(why).into());
                }
            }
        }
        Ok(())
    }
}

/// An auditor that goes on behind this slot. What the voids before it forbid is not known to it; verifying the copy
/// reads them.
fn resumed(last: &Slot) -> Auditor {
    let Some((address, hash)) = last_block(last) else {
        // A slot without blocks does not tell the hash of the block before it, so the chain of slots alone is followed.
        let mut auditor = Auditor::new([]);
        auditor.audited_slot(last);
        return auditor;
    };
    let mut auditor = Auditor::resume([], address, hash, last.frontier().clone());
    auditor.audited_slot(last);
    auditor
}

/// The last block of a slot, and its hash.
fn last_block(slot: &Slot) -> Option<(BlockAddress, Hash)> {
    let mut number = 0;
    let mut last = None;
    while let Some(block) = slot.block(number) {
        last = Some((block.address(), block.hash()));
        number += 1;
    }
    last
}

/// The slots of a batch up to the first that is not as it must be.
struct Followed {
    slots: Vec<Slot>,
    /// Their bytes.
    bodies: Vec<Vec<u8>>,
    /// How many blocks they have.
    blocks: u64,
    /// What is wrong with the slot behind them.
    damage: Option<String>,
}

fn follow(auditor: &mut Auditor, from: u64, batch: Vec<Vec<u8>>) -> Followed {
    let mut good = Followed { slots: Vec::new(), bodies: Vec::new(), blocks: 0, damage: None };
    for (number, checked) in (from..).zip(check(batch)) {
        let Checked { bytes, slot, blocks } = match checked {
            Ok(checked) => checked,
            Err(error) => return Followed { damage: Some(format!("slot {number}: {error}")), ..good },
        };
        let count = blocks.len() as u64;
        if let Some(first) = auditor.checked_slot(&slot, blocks).first() {
            return Followed { damage: Some(format!("slot {number}: {first}")), ..good };
        }
        good.slots.push(slot);
        good.bodies.push(bytes);
        good.blocks += count;
    }
    good
}

fn mark_of(tip: &Slot, millis: i64) -> Result<Mark, CopyError> {
    let header = tip.header();
    let digest = tip.frontier().root().ok_or_else(|| CopyError::Source("it has no block".to_owned()))?;
    let address = BlockAddress {
        strand_id: last_block(tip).map_or(header.strand_id, |(address, _)| address.strand_id),
        sequence_no: tip.frontier().size().saturating_sub(1),
    };
    let digest = Digest { digest, digest_tip_address: address };
    Ok(Mark { slots: header.slot + 1, link: tip.link(), digest, millis })
}
