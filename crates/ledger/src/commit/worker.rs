//! The worker: does what the committer asks for, and reports the result.

use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

use everstrand_journal::{Slot, UniqueId};

use super::Committer;
use super::event::{Action, Arrivals, Event};
use super::rebuild::Rebuilder;
use crate::core::{Core, Status};
use crate::error::LedgerError;
use crate::storage::slots::SlotError;
use crate::storage::views::{Applied, Batch, ViewError, ViewSnapshot};

/// The clock may be behind the last block by so much before it is worth a warning.
const CLOCK_BEHIND_MILLIS: i64 = 1000;

/// A committer, and the actions that it asked for.
pub(super) struct Worker {
    committer: Committer,
    /// Done in order, and all of them before the next proposals are taken.
    actions: VecDeque<Action>,
    /// Whether the committer asked for a pause whose end it was not told yet.
    waiting: bool,
    /// Since when the view has changes that were not saved.
    unsaved_since: Option<u64>,
    rebuilder: Rebuilder,
    /// Whether the clock was behind the journal when something was last committed.
    clock_is_behind: bool,
}

impl Worker {
    pub(super) fn new(committer: Committer) -> Worker {
        Worker {
            committer,
            actions: VecDeque::new(),
            waiting: false,
            unsaved_since: None,
            rebuilder: Rebuilder::default(),
            clock_is_behind: false,
        }
    }

    /// Commits proposals, answers readers, and does one part of each work in the background.
    pub(super) fn work(&mut self, core: &Core, arrivals: Arrivals) {
        if !arrivals.is_empty() {
            self.feed(core, Event::Arrived(arrivals));
            self.finish(core);
        }
        // After every group: otherwise commits could keep an index from ever being built.
        if self.committer.has_background_work() {
            self.feed(core, Event::Idle);
            self.finish(core);
        }
        if self.rebuild(core) {
            self.finish(core);
        }
        self.persist_in_time(core);
    }

    /// Whether everything that the committer asked for is done.
    pub(super) fn is_idle(&self) -> bool {
        self.actions.is_empty() && !self.waiting
    }

    /// Tells the committer an event, and queues the actions that it answers.
    pub(super) fn feed(&mut self, core: &Core, event: Event) {
        let now = core.environment.clock.unix_millis();
        if matches!(event, Event::Arrived(_)) {
            self.watch_clock(core, now);
        }
        self.actions.extend(self.committer.on(event, now));
    }

    /// Warns when the clock falls behind the last block, once until it has caught up.
    fn watch_clock(&mut self, core: &Core, now: i64) {
        let behind = core.snapshot().head.tip.timestamp.saturating_sub(now);
        let is_behind = behind > CLOCK_BEHIND_MILLIS;
        if is_behind && !self.clock_is_behind {
            tracing::warn!(
                strand_id = %core.strand_id,
                behind_millis = behind,
                "the clock is behind the journal's last block: until it has caught up, blocks have that block's time"
            );
        }
        self.clock_is_behind = is_behind;
    }

    /// Does all that the committer wants done.
    fn finish(&mut self, core: &Core) {
        while let Some(millis) = self.act(core) {
            thread::sleep(Duration::from_millis(millis));
        }
    }

    /// Does the next action and reports its result. Answers after how many milliseconds to go on; `None` when there
    /// was nothing to do.
    pub(super) fn act(&mut self, core: &Core) -> Option<u64> {
        if std::mem::take(&mut self.waiting) {
            self.feed(core, Event::Waited { is_closing: core.status() == Status::Closed });
            return Some(0);
        }
        let event = match self.actions.pop_front()? {
            Action::Create { slot, bytes } => Event::Created(core.slots.create(slot, &bytes)),
            Action::Read { slot } => Event::Read(core.slots.read(slot)),
            Action::WriteView { batch, applied } => {
                self.unsaved_since.get_or_insert_with(|| core.environment.clock.monotonic_millis());
                Event::ViewWritten(write_to_view(core, &batch, applied))
            }
            Action::Redact { block, document_id } => {
                let redacted = redact(core, block, document_id);
                if let Err(error) = &redacted
                    && core.options.follows.is_none()
                {
                    tracing::warn!(strand_id = %core.strand_id, block, %document_id, %error, "not redacted yet");
                }
                Event::Redacted(redacted)
            }
            Action::Publish(snapshot) => {
                core.publish(snapshot);
                return Some(0);
            }
            Action::Reply(answer) => {
                answer.send();
                return Some(0);
            }
            Action::DistrustView(why) => {
                core.distrust_view(&why);
                return Some(0);
            }
            Action::Adopt(views) => {
                core.adopt_views(views);
                return Some(0);
            }
            Action::Wait { millis } => {
                self.waiting = true;
                return Some(millis);
            }
            Action::Fault(error) => {
                if let LedgerError::View(why) = &error {
                    core.distrust_view(why);
                }
                core.fault(error);
                return Some(0);
            }
        };
        self.feed(core, event);
        Some(0)
    }

    /// Forgets what is under way. Whoever waits for it is answered that nobody knows what became of it.
    pub(super) fn give_up(&mut self, error: LedgerError) {
        self.actions.clear();
        self.committer.give_up(error);
    }

    /// Whether the committer has something to do that nobody waits for.
    pub(super) fn has_committer_work(&self) -> bool {
        self.committer.has_background_work()
    }

    /// Whether there is something to do that nobody waits for.
    pub(super) fn has_background_work(&self, core: &Core) -> bool {
        self.committer.has_background_work() || self.replaces_view(core)
    }

    /// Whether the view must be replaced: it failed, or its files may hold redacted data.
    fn replaces_view(&self, core: &Core) -> bool {
        core.view_is_distrusted()
            || self.committer.view_held_redacted() && core.views().keeps_what_was_removed()
    }

    /// In how many milliseconds to do the next part of another view. `None` where none is needed, or where the
    /// ledger takes no writes for a reason that another view would not remove.
    pub(super) fn rebuild_due(&self, core: &Core) -> Option<u64> {
        let helps = matches!(core.status(), Status::Open | Status::Faulted(LedgerError::View(_)));
        let now = core.environment.clock.monotonic_millis();
        (helps && self.replaces_view(core)).then(|| self.rebuilder.due(now))?
    }

    /// Does the next part of another view, if it is due. Answers whether it was.
    pub(super) fn rebuild(&mut self, core: &Core) -> bool {
        if self.rebuild_due(core) != Some(0) {
            return false;
        }
        if let Some(rebuilt) = self.rebuilder.part(core, self.committer.next_slot()) {
            self.feed(core, Event::Rebuilt(Box::new(rebuilt)));
        }
        true
    }

    /// Whether the view has changes that were not saved.
    pub(super) fn is_unsaved(&self) -> bool {
        self.unsaved_since.is_some()
    }

    pub(super) fn persist_in_time(&mut self, core: &Core) {
        let now = core.environment.clock.monotonic_millis();
        if self.unsaved_since.is_some_and(|since| now.saturating_sub(since) >= core.options.persist_millis) {
            self.unsaved_since = None;
            warn_if_unsaved(core, core.views().begin_to_persist());
        }
    }

    pub(super) fn persist(&mut self, core: &Core) {
        self.unsaved_since = None;
        warn_if_unsaved(core, core.views().persist());
    }
}

fn warn_if_unsaved(core: &Core, saved: Result<(), ViewError>) {
    if let Err(error) = saved {
        tracing::warn!(strand_id = %core.strand_id, %error, "the view was not saved");
    }
}

/// Writes a batch to the view and takes a snapshot.
fn write_to_view(core: &Core, batch: &Batch, applied: Applied) -> Result<Box<dyn ViewSnapshot>, ViewError> {
    let views = core.views();
    views.commit(batch, applied)?;
    views.snapshot()
}

/// How often a redaction is tried again because another process redacted the same slot meanwhile.
const REDACTION_ATTEMPTS: usize = 8;

/// Writes the slot of a block again without the data of a revision. It is done only when a read shows the data gone.
fn redact(core: &Core, block: u64, document_id: UniqueId) -> Result<(), LedgerError> {
    let damaged = |why: &dyn std::fmt::Display| LedgerError::Damaged(format!("block {block}: {why}"));
    let position = core.snapshot().block_position(block)?;
    let (position, _) = position.ok_or_else(|| damaged(&"it is not in the directory"))?;
    let mut answer = Ok(());
    for _ in 0..REDACTION_ATTEMPTS {
        let stored = core.slots.read(position.slot)?.ok_or_else(|| damaged(&"its slot is gone"))?;
        let slot = Slot::decode(stored.clone()).map_err(|error| damaged(&error))?;
        let redacted = slot.redacted(&[(block, document_id)]).map_err(|error| damaged(&error))?;
        let bytes = redacted.encode().map_err(|error| damaged(&error))?;
        if bytes == stored {
            return Ok(());
        }
        if let Some(why) = &core.options.follows {
            return Err(LedgerError::Unavailable(why.clone()));
        }
        answer = core.slots.redact(position.slot, &stored, &bytes);
        if !matches!(answer, Ok(()) | Err(SlotError::NotSent(_) | SlotError::Unknown(_))) {
            break;
        }
    }
    answer?;
    Err(LedgerError::Unavailable(format!("block {block}: its slot still shows what was redacted")))
}
