//! Blocks as they are committed, for a follower in the same process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use everstrand_journal::{JournalBlock, Slot};

use crate::core::Status;
use crate::error::LedgerError;
use crate::handle::Handle;

/// Gives all blocks of a ledger from some number on, in order, each once. It keeps the ledger open.
pub struct Subscription {
    ledger: Arc<Handle>,
    next: u64,
    /// The slot of the last block, because the next one is likely in it too.
    slot: Option<Slot>,
}

impl Subscription {
    pub(crate) fn new(ledger: Arc<Handle>, from_block: u64) -> Subscription {
        Subscription { ledger, next: from_block, slot: None }
    }

    /// The number of the next block.
    pub fn position(&self) -> u64 {
        self.next
    }

    /// The next block. `None` if none came in time, or if the ledger was closed.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<JournalBlock>, LedgerError> {
        let now = |ledger: &Handle| ledger.core().environment.clock.monotonic_millis();
        let millis = u64::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        let deadline = now(&self.ledger).saturating_add(millis);
        loop {
            let told = self.ledger.core().news.count();
            if let Some(block) = self.available()? {
                return Ok(Some(block));
            }
            let left = deadline.saturating_sub(now(&self.ledger));
            let core = self.ledger.core();
            if left == 0 || core.status() == Status::Closed {
                return Ok(None);
            }
            core.news.wait(told, Duration::from_millis(left));
            // Not all news are blocks: a slot may have none, and the building of an index is published too.
            if core.news.count() == told {
                return self.available();
            }
        }
    }

    fn available(&mut self) -> Result<Option<JournalBlock>, LedgerError> {
        let snapshot = self.ledger.core().snapshot();
        let position = snapshot.block_position(self.next).map_err(LedgerError::from);
        let Some((position, _)) = self.ledger.rebuild_if_view_failed(&snapshot, position)? else {
            return Ok(None);
        };
        let slot = match self.slot.take().filter(|slot| slot.header().slot == position.slot) {
            Some(slot) => slot,
            None => self.ledger.core().read_slot(position.slot)?,
        };
        let block = usize::try_from(position.index_in_slot).ok().and_then(|index| slot.block(index));
        let block =
            block.ok_or_else(|| LedgerError::Damaged(format!("slot {} lacks a block", position.slot)))?;
        self.slot = Some(slot);
        self.next += 1;
        Ok(Some(block))
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Subscription").field("next", &self.next).finish_non_exhaustive()
    }
}
