//! Follows a journal from block to block, and compares it with digests that were saved outside of it.
//!
//! Each block is checked by itself first ([`crate::check_block`], [`crate::check_foreign`]); many can be at the same time.
//! The [`Auditor`] then does what must be done in order, and that is little: block numbers, links, the frontier of the
//! tree, and what earlier slots forbid. Apart from the ids in voids it needs the same memory for a journal of any length.
//!
//! A journal whose last blocks were cut off is a shorter journal without a fault. Only a digest or a signed checkpoint
//! that was saved elsewhere shows that blocks are missing.

use std::collections::BTreeMap;
use std::fmt;

use crate::evidence::forks::{Forks, fork_of};
use crate::evidence::{BlockShape, Check, CheckedBlock, Deviation, Forbidden, check_block, check_foreign};
use crate::format::{ForeignBlock, Fork, FormatError, Slot, SlotContent, SlotHeader};
use crate::hashing::{BlockAddress, Digest, Hash, UniqueId};
use crate::tree::{Frontier, Proof};

/// Follows a journal, see [`Auditor::slot`] and [`Auditor::block`].
#[derive(Clone, Debug, Default)]
pub struct Auditor {
    tip: Option<(BlockAddress, Hash)>,
    last_slot: Option<LastSlot>,
    forbidden: Forbidden,
    forks: Forks,
    /// The frontier after all blocks so far; `None` if the journal did not begin with block 0 or has a gap.
    frontier: Option<Frontier>,
    /// The digests that are still to be compared, by the number of the block at which they are.
    ahead: BTreeMap<u64, Vec<SavedDigest>>,
    /// The block after which this audit goes on, and the findings about the digests at that block.
    resumed: Option<(u64, Vec<Deviation>)>,
    summary: AuditSummary,
}

/// What the next slot must follow.
#[derive(Clone, Copy, Debug)]
struct LastSlot {
    header: SlotHeader,
    link: Hash,
    /// The number of the block after its last one.
    next_block_no: u64,
}

/// A digest that was saved outside of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedDigest {
    /// The digest.
    pub digest: Digest,
    /// Its name in reports, such as the name of the file that holds it.
    pub name: String,
    /// A block before the tip, and the proof that leads from it to the digest. AWS's migration kit saved one for the last
    /// block of an export, because its digest covers later blocks, which the export lacks.
    pub proof: Option<(u64, Proof)>,
}

/// The result of an audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSummary {
    /// The number of slots that were read.
    pub slots: u64,
    /// The number of blocks that were read.
    pub blocks: u64,
    /// The number of revisions of documents that were read.
    pub revisions: u64,
    /// The number of findings by check.
    pub deviations: BTreeMap<Check, u64>,
    /// The names of the digests that are digests of this journal.
    pub digests_matched: Vec<String>,
    /// The names of the digests that could not be compared, because the beginning of the journal or a block is missing.
    pub digests_unchecked: Vec<String>,
    /// The first block that was read.
    pub first: Option<BlockAddress>,
    /// The last block that was read.
    pub last: Option<BlockAddress>,
    /// Where this ledger and those that it was restored from were restored, each with the strand that begins there.
    pub forks: Vec<(UniqueId, Fork)>,
    /// The digest at the last block; `None` if the beginning or a block is missing.
    pub digest: Option<Digest>,
}

impl SavedDigest {
    /// The block at which the journal is compared with the digest.
    fn compared_at(&self) -> u64 {
        self.proof.as_ref().map_or(self.digest.digest_tip_address.sequence_no, |(block_no, _)| *block_no)
    }
}

impl AuditSummary {
    /// Whether there is no finding. The audit is a success only if [`AuditSummary::is_complete`] holds too.
    pub fn is_clean(&self) -> bool {
        self.deviations.is_empty()
    }

    /// Whether every saved digest could be compared.
    pub fn is_complete(&self) -> bool {
        self.digests_unchecked.is_empty()
    }
}

impl Auditor {
    /// Begins an audit, which compares the journal with these digests.
    pub fn new(digests: impl IntoIterator<Item = SavedDigest>) -> Auditor {
        let mut auditor = Auditor::default();
        for saved in digests {
            auditor.ahead.entry(saved.compared_at()).or_default().push(saved);
        }
        auditor
    }

    /// Continues an audit that stopped after the block `last`, with its hash and the frontier after it. See
    /// [`Auditor::tip`] and [`Auditor::frontier`].
    pub fn resume(
        digests: impl IntoIterator<Item = SavedDigest>,
        last: BlockAddress,
        last_hash: Hash,
        frontier: Frontier,
    ) -> Auditor {
        let mut auditor =
            Auditor { tip: Some((last, last_hash)), frontier: Some(frontier), ..Auditor::new(digests) };
        let here = auditor.ahead.remove(&last.sequence_no).unwrap_or_default();
        let found = here.iter().filter_map(|saved| auditor.compare(saved)).collect();
        auditor.resumed = Some((last.sequence_no, found));
        auditor
    }

    /// The same audit, which knows what slots before its first one forbid. See [`Auditor::forbidden`].
    pub fn with_forbidden(self, forbidden: Forbidden) -> Auditor {
        Auditor { forbidden, ..self }
    }

    /// Takes the next block, which was already checked by itself. Returns all findings about it.
    pub fn block(&mut self, checked: CheckedBlock) -> Vec<Deviation> {
        let forbidden = self.forbidden.block(&checked);
        let mut found = checked.deviations;
        found.extend(forbidden);
        let block_no = checked.address.sequence_no;
        let follows = self.follow(&checked.address, checked.previous_hash, &mut found);
        self.tip = Some((checked.address, checked.hash));
        self.summary.first.get_or_insert(checked.address);
        self.summary.last = Some(checked.address);
        self.summary.blocks += 1;
        self.summary.revisions += checked.revisions;
        if self.summary.blocks == 1 && self.frontier.is_none() && block_no == 0 {
            self.frontier = Some(Frontier::empty());
        }
        if !follows {
            self.frontier = None;
        }
        if let Some(frontier) = &mut self.frontier {
            frontier.push(checked.hash);
        }
        for saved in self.ahead.remove(&block_no).unwrap_or_default() {
            found.extend(self.compare(&saved));
        }
        self.count(&found);
        found
    }

    /// Takes the next slot, checks its blocks, and returns all findings.
    pub fn slot(&mut self, slot: &Slot) -> Vec<Deviation> {
        let checked = check_slot(slot);
        self.checked_slot(slot, checked)
    }

    /// Takes the next slot, whose blocks [`check_slot`] has already checked. Returns all findings.
    pub fn checked_slot(&mut self, slot: &Slot, blocks: Vec<CheckedBlock>) -> Vec<Deviation> {
        let header = slot.header();
        let mut found = self.slot_follows(slot);
        for block in blocks {
            found.extend(self.block(block));
        }
        if self.frontier.as_ref().is_some_and(|frontier| frontier != slot.frontier()) {
            let detail = format!("the frontier in slot {} is not that of the blocks", header.slot);
            let deviation = Deviation::new(Some(header.first_block_no), Check::Frontier, detail);
            self.count(std::slice::from_ref(&deviation));
            found.push(deviation);
        }
        if let Some(fork) = fork_of(slot) {
            self.summary.forks.push((header.strand_id, fork.clone()));
            self.forks.enter(header.strand_id, fork);
        }
        found
    }

    fn slot_follows(&mut self, slot: &Slot) -> Vec<Deviation> {
        let header = slot.header();
        let mut found = Vec::new();
        let report = |detail: String| Deviation::new(Some(header.first_block_no), Check::Slot, detail);
        let has_no_block = slot.frontier().size() == header.first_block_no;
        match self.last_slot {
            Some(before) if before.header.slot.checked_add(1) != Some(header.slot) => {
                found.push(report(format!("slot {} follows slot {}", header.slot, before.header.slot)));
            }
            Some(before) if header.strand_id != before.header.strand_id && fork_of(slot).is_none() => {
                found.push(report(format!("slot {} is of another strand than the slot before", header.slot)));
            }
            Some(before) if header.previous_link != before.link => {
                found.push(report(format!("slot {} does not name the link of the slot before", header.slot)));
            }
            // Of a slot with blocks, the blocks show it.
            Some(before) if has_no_block && header.first_block_no != before.next_block_no => {
                let (slot, next, other) = (header.slot, before.next_block_no, header.first_block_no);
                found.push(report(format!(
                    "block {next} comes next, and slot {slot} says that it is {other}"
                )));
            }
            None if header.slot == 0 && header.previous_link != Hash([0; 32]) => {
                found.push(report("slot 0 names a slot before".to_owned()));
            }
            _ => {}
        }
        let before = self.last_slot.map(|before| before.header.strand_id);
        found.extend(fork_of(slot).and_then(|fork| Forks::misplaced(fork, slot, before)).map(&report));
        found.extend(self.forbidden.slot(slot));
        self.last_slot =
            Some(LastSlot { header: *header, link: slot.link(), next_block_no: slot.frontier().size() });
        self.summary.slots += 1;
        self.count(&found);
        found
    }

    /// Takes the next slot, whose blocks an earlier audit has read. Only its place behind the slot before is checked.
    pub fn audited_slot(&mut self, slot: &Slot) -> Vec<Deviation> {
        let found = self.slot_follows(slot);
        if let Some(fork) = fork_of(slot) {
            self.summary.forks.push((slot.header().strand_id, fork.clone()));
            self.forks.enter(slot.header().strand_id, fork);
        }
        found
    }

    /// Records a part of the journal, `what`, that could not be read at all. Its blocks count as missing.
    pub fn unreadable(&mut self, what: &str, why: &dyn fmt::Display) -> Vec<Deviation> {
        let next = self.tip.map_or(0, |(address, _)| address.sequence_no.saturating_add(1));
        let found = vec![Deviation::new(Some(next), Check::Encoding, format!("{what}: {why}"))];
        self.count(&found);
        found
    }

    /// The result so far.
    pub fn summary(&self) -> &AuditSummary {
        &self.summary
    }

    /// The last block so far, and its hash.
    pub fn tip(&self) -> Option<(BlockAddress, Hash)> {
        self.tip
    }

    /// The frontier after all blocks so far; `None` if the beginning or a block is missing.
    pub fn frontier(&self) -> Option<&Frontier> {
        self.frontier.as_ref()
    }

    /// What the slots so far forbid to those after them.
    pub fn forbidden(&self) -> &Forbidden {
        &self.forbidden
    }

    /// The digest at the last block so far; `None` if the beginning or a block is missing.
    pub fn digest(&self) -> Option<Digest> {
        let (digest_tip_address, _) = self.tip?;
        Some(Digest { digest: self.frontier.as_ref()?.root()?, digest_tip_address })
    }

    /// Ends the audit. A digest at a block that never came is a finding, because the journal was cut off.
    pub fn finish(mut self) -> (AuditSummary, Vec<Deviation>) {
        let (resumed_after, found) = self.resumed.take().unzip();
        let mut found: Vec<Deviation> = found.unwrap_or_default();
        for saved in std::mem::take(&mut self.ahead).into_values().flatten() {
            let tip = saved.compared_at();
            let is_before = self.summary.first.is_some_and(|first| tip < first.sequence_no);
            if is_before || resumed_after.is_some_and(|after| tip < after) {
                self.summary.digests_unchecked.push(saved.name);
                continue;
            }
            let detail = match self.tip {
                _ if let Some(detail) =
                    self.forks.after_restore(&saved.name, saved.digest.digest_tip_address) =>
                {
                    detail
                }
                Some((last, _)) if tip < last.sequence_no => {
                    format!("{} covers block {tip}, which is missing", saved.name)
                }
                Some((last, _)) => format!(
                    "{} covers block {tip}, but the journal ends with block {}: blocks are missing",
                    saved.name, last.sequence_no
                ),
                None => format!("{} covers block {tip}, but the journal has no block", saved.name),
            };
            found.push(Deviation::new(Some(tip), Check::Digest, detail));
        }
        self.count(&found);
        self.summary.digest = self.digest();
        (self.summary, found)
    }

    fn follow(
        &self,
        address: &BlockAddress,
        previous_hash: Option<Hash>,
        found: &mut Vec<Deviation>,
    ) -> bool {
        let block_no = address.sequence_no;
        let Some((before, before_hash)) = self.tip else {
            if block_no == 0 && previous_hash.is_some() {
                let detail = "block 0 names a block before";
                found.push(Deviation::new(Some(0), Check::PreviousBlockHash, detail));
            }
            return true;
        };
        let expected = before.sequence_no.checked_add(1);
        if !self.forks.follows(&before, address) || expected != Some(block_no) {
            let detail = format!(
                "block {} of strand {} is followed by block {block_no} of strand {}",
                before.sequence_no, before.strand_id, address.strand_id
            );
            found.push(Deviation::new(Some(block_no), Check::BlockNumber, detail));
        }
        if previous_hash != Some(before_hash) {
            let detail = format!("is not the hash of block {}", before.sequence_no);
            found.push(Deviation::new(Some(block_no), Check::PreviousBlockHash, detail));
        }
        expected == Some(block_no)
    }

    fn compare(&mut self, saved: &SavedDigest) -> Option<Deviation> {
        let computed = match (&saved.proof, self.tip) {
            (Some((_, proof)), Some((tip, hash))) => Some(Digest {
                digest: proof.fold(hash),
                digest_tip_address: BlockAddress {
                    strand_id: tip.strand_id,
                    ..saved.digest.digest_tip_address
                },
            }),
            _ => self.digest(),
        };
        let Some(digest) = computed else {
            self.summary.digests_unchecked.push(saved.name.clone());
            return None;
        };
        if digest == saved.digest {
            self.summary.digests_matched.push(saved.name.clone());
            return None;
        }
        let tip = saved.digest.digest_tip_address;
        let detail = if let Some(detail) = self.forks.after_restore(&saved.name, tip) {
            detail
        } else if digest.digest_tip_address.strand_id == tip.strand_id {
            format!("{} is not the digest of the journal up to here, which is {}", saved.name, digest.digest)
        } else {
            format!("{} is of another strand, {}", saved.name, tip.strand_id)
        };
        Some(Deviation::new(Some(tip.sequence_no), Check::Digest, detail))
    }

    fn count(&mut self, found: &[Deviation]) {
        for deviation in found {
            *self.summary.deviations.entry(deviation.check).or_default() += 1;
        }
    }
}

/// Checks each block of a slot by itself.
pub fn check_slot(slot: &Slot) -> Vec<CheckedBlock> {
    match slot.content() {
        SlotContent::Blocks(blocks) => blocks.iter().map(check_block).collect(),
        SlotContent::Foreign(blocks) => {
            let check = |block: &ForeignBlock| {
                check_foreign(block.value().root(), block.catalog_changes())
                    .unwrap_or_else(|error| unreadable(block, &error))
            };
            blocks.iter().map(check).collect()
        }
    }
}

fn unreadable(block: &ForeignBlock, error: &FormatError) -> CheckedBlock {
    let address = block.address();
    CheckedBlock {
        address,
        hash: block.hash(),
        previous_hash: block.previous_hash(),
        timestamp: block.timestamp(),
        transaction_id: block.transaction_id(),
        revisions: 0,
        deviations: vec![Deviation::new(Some(address.sequence_no), Check::Encoding, error.to_string())],
        shape: BlockShape::default(),
    }
}
