//! Verifies a copy without its source: every hash, and what rule 13 says of redactions.
//!
//! A copy is *refused* if it shows data whose REDACT it has: the next run takes it out. It is *accepted* up to the first
//! slot that shows emptied data whose REDACT it lacks. From that slot on it is *incomplete*, because its journal there is
//! neither the state before the redaction nor the one after it, and nothing opens it beyond. More slots of the source
//! make it complete again.

use std::collections::BTreeMap;

use everstrand_journal::{AuditSummary, Auditor, Deviation, SavedDigest};

use crate::copy::Copy;
use crate::error::CopyError;
use crate::planted::planted;
use crate::slots::{BATCH_BYTES, Place, Redaction, check, emptied, redacted_by};
use crate::sweep::Sweep;
use crate::watch::{Watcher, Way};

/// The most deviations that are kept.
const DEVIATIONS_MAX: usize = 100;

/// What is said of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It opens up to its last slot.
    Whole,
    /// It opens up to the slot before the one that is named.
    Incomplete,
    /// It must not be used as it is.
    Refused,
}

/// Emptied data whose REDACT the copy lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emptied {
    /// The slot that shows it.
    pub slot: u64,
    /// The number of its block.
    pub block: u64,
}

/// Data that the copy shows although it has the REDACT of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The slot that shows it.
    pub slot: u64,
    /// The number of its block.
    pub block: u64,
    /// The number of the block that says that it is redacted.
    pub redacted_by: u64,
}

/// The result of a verification.
#[derive(Clone, Debug)]
pub struct Verified {
    /// How many slots the copy has.
    pub slots: u64,
    /// How many of them can be opened.
    pub opens: u64,
    /// How many blocks those have.
    pub blocks: u64,
    /// The first slot that shows emptied data whose REDACT the copy lacks.
    pub incomplete: Option<Emptied>,
    /// Data that the copy shows although it has the REDACT of it.
    pub standing: Vec<Standing>,
    /// The first deviations that were found.
    pub deviations: Vec<Deviation>,
    /// The audit.
    pub summary: AuditSummary,
    /// Why slots that were in the copy before are missing, if they are.
    pub lost: Option<String>,
}

impl Verified {
    /// What is said of the copy.
    pub fn verdict(&self) -> Verdict {
        if !self.summary.is_clean() || self.lost.is_some() || !self.standing.is_empty() || self.slots == 0 {
            Verdict::Refused
        } else if self.incomplete.is_some() {
            Verdict::Incomplete
        } else {
            Verdict::Whole
        }
    }
}

/// Reads a copy up to its tip and computes every hash. The saved digests are compared with it.
pub fn verify(
    copy: &Copy,
    digests: Vec<SavedDigest>,
    watcher: &mut dyn Watcher,
) -> Result<Verified, CopyError> {
    let count = copy.slot_count()?;
    let lost = match copy.mark().map(|mark| copy.check_mark(&mark, count)) {
        Some(Err(CopyError::Damaged(why))) => Some(why),
        Some(Err(error)) => return Err(error),
        _ if count == 0 => Some("it has no slot: its first run was stopped before the first one".to_owned()),
        _ => None,
    };
    let mut auditor = Auditor::new(digests);
    let mut sweep = Sweep::default();
    let mut deviations: Vec<Deviation> = Vec::new();
    let mut standing = Vec::new();
    // Emptied revisions whose REDACT has not come yet, each with its slot.
    let mut bare: BTreeMap<Place, u64> = BTreeMap::new();
    let mut way = Way { of_slots: Some(count), ..Way::default() };
    let mut next = 0;
    while next < count {
        let batch = copy.slots().read_many(next, BATCH_BYTES)?;
        if batch.is_empty() {
            break;
        }
        way.bytes += batch.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
        for checked in check(batch) {
            let found = match checked {
                Ok(checked) => {
                    bare.extend(emptied(&checked.slot).map(|place| (place, next)));
                    for Redaction { place, by, .. } in redacted_by(&checked.slot) {
                        if bare.remove(&place).is_some() {
                            continue;
                        }
                        if let Some(slot) = sweep.standing(copy.slots(), place, next + 1)?
                            && !planted!("verify ignores what still stands")
                        {
                            standing.push(Standing { slot, block: place.block, redacted_by: by });
                        }
                    }
                    auditor.checked_slot(&checked.slot, checked.blocks)
                }
                Err(error) => auditor.unreadable(&format!("slot {next}"), &error),
            };
            let room = DEVIATIONS_MAX - deviations.len();
            deviations.extend(found.into_iter().take(room));
            next += 1;
        }
        way.slots = next;
        watcher.progress(&way);
    }
    let (summary, missing) = auditor.finish();
    deviations.extend(missing);
    let first_bare = bare.iter().min_by_key(|(place, slot)| (**slot, **place));
    let incomplete = first_bare.map(|(place, slot)| Emptied { slot: *slot, block: place.block });
    let mut opens = incomplete.map_or(next, |emptied| emptied.slot);
    if incomplete.is_some() && planted!("refused as a whole") {
        opens = 0;
    } else if planted!("incomplete copy is opened") {
        opens = next;
    }
    let blocks = match opens.checked_sub(1) {
        Some(last) if opens < next => crate::slots::read(copy.slots(), last)?.1.frontier().size(),
        _ => summary.blocks,
    };
    Ok(Verified { slots: next, opens, blocks, incomplete, standing, deviations, summary, lost })
}
