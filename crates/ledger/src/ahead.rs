//! Slots of a journal in order, read and decoded ahead of their use.
//!
//! A short journal is read on the caller's thread. The rest of a longer one is read and decoded by a thread, so that
//! decoding later slots and applying earlier ones go on at the same time.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, Scope};

use everstrand_journal::Slot;

use crate::error::LedgerError;
use crate::storage::slots::SlotStore;

/// How many bytes of slots are read at once.
pub(crate) const READ_BYTES: usize = 1 << 20;

/// So many reads are done before a thread is started.
const READS_WITHOUT_THREAD: usize = 8;

/// The thread is at most so many reads ahead.
const READS_AHEAD: usize = 2;

/// The slots of one read; empty at the end of the journal.
pub(crate) type Chunk = Vec<Slot>;

/// Reads the slots from some number on.
pub(crate) struct Ahead<'scope, 'env> {
    slots: &'scope dyn SlotStore,
    scope: &'scope Scope<'scope, 'env>,
    read_bytes: usize,
    /// The next slot to read.
    next: u64,
    reads: usize,
    chunk: std::vec::IntoIter<Slot>,
    /// Where the thread sends what it has read, once it was started.
    thread: Option<Receiver<Result<Chunk, LedgerError>>>,
}

impl<'scope, 'env> Ahead<'scope, 'env> {
    /// Reads the slots from `next` on. The thread, if one is needed, lives in `scope`.
    pub(crate) fn new(
        slots: &'scope dyn SlotStore,
        next: u64,
        scope: &'scope Scope<'scope, 'env>,
    ) -> Ahead<'scope, 'env> {
        Ahead {
            slots,
            scope,
            read_bytes: READ_BYTES,
            next,
            reads: 0,
            chunk: Vec::new().into_iter(),
            thread: None,
        }
    }

    /// The next slot; `None` behind the last.
    pub(crate) fn next(&mut self) -> Result<Option<Slot>, LedgerError> {
        if self.chunk.len() == 0 {
            self.chunk = self.read()?.into_iter();
        }
        Ok(self.chunk.next())
    }

    fn read(&mut self) -> Result<Chunk, LedgerError> {
        if self.reads == READS_WITHOUT_THREAD {
            self.start_thread();
        }
        self.reads += 1;
        if let Some(thread) = &self.thread {
            // After the end of the journal the thread is gone, and there is still nothing more.
            return thread.recv().unwrap_or_else(|_| Ok(Vec::new()));
        }
        let chunk = read(self.slots, self.next, self.read_bytes)?;
        self.next += chunk.len() as u64;
        Ok(chunk)
    }

    /// If the system gives no thread, reading goes on without one.
    fn start_thread(&mut self) {
        let (sender, receiver) = sync_channel(READS_AHEAD);
        let (slots, mut next, read_bytes) = (self.slots, self.next, self.read_bytes);
        let run = move || {
            loop {
                let chunk = read(slots, next, read_bytes);
                let length = chunk.as_ref().map_or(0, Vec::len);
                next += length as u64;
                // Nobody receives any more after a slot that could not be applied.
                if sender.send(chunk).is_err() || length == 0 {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("everstrand-replay".to_owned());
        if thread.spawn_scoped(self.scope, run).is_ok() {
            self.thread = Some(receiver);
        }
    }
}

/// Reads about so many bytes of slots from `next` on; at least one slot if it exists.
pub(crate) fn read(slots: &dyn SlotStore, next: u64, bytes: usize) -> Result<Chunk, LedgerError> {
    (next..).zip(slots.read_many(next, bytes)?).map(|(number, bytes)| decode(number, bytes)).collect()
}

/// Decodes a slot, and checks that it has the number under which it was stored.
pub(crate) fn decode(number: u64, bytes: Vec<u8>) -> Result<Slot, LedgerError> {
    let slot =
        Slot::decode(bytes).map_err(|error| LedgerError::Damaged(format!("slot {number}: {error}")))?;
    if slot.header().slot != number {
        let other = slot.header().slot;
        return Err(LedgerError::Damaged(format!("slot {number} says that it is slot {other}")));
    }
    Ok(slot)
}

#[cfg(test)]
mod tests {
    use everstrand_journal::tree::Frontier;
    use everstrand_journal::{
        BlockAddress, Draft, Hash, ProposedTransaction, SlotContent, SlotHeader, UniqueId, WriterId, genesis,
    };

    use super::*;
    use crate::storage::MemorySlots;

    const SLOTS: u64 = 40;
    const ID: UniqueId = UniqueId::from_bytes([7; 16]);

    /// A journal of that many slots, one of which may not be readable.
    fn journal(damaged: Option<u64>) -> MemorySlots {
        let slots = MemorySlots::new();
        let (mut frontier, mut previous_link, mut last) = (Frontier::empty(), Hash([0; 32]), None);
        for number in 0..SLOTS {
            let address = BlockAddress { strand_id: ID, sequence_no: number };
            let transaction = ProposedTransaction { transaction_id: ID, ..Default::default() };
            let block = match number {
                0 => genesis(ID, ID, 0),
                _ => Draft::new(&transaction).unwrap().seal(address, 0, last),
            };
            last = Some(block.hash());
            let header = SlotHeader {
                strand_id: ID,
                slot: number,
                writer: WriterId { id: ID, attempt: 0 },
                previous_link,
                first_block_no: number,
            };
            let slot = Slot::new(header, &frontier, SlotContent::Blocks(vec![block])).unwrap();
            (frontier, previous_link) = (slot.frontier().clone(), slot.link());
            let mut bytes = slot.encode().unwrap();
            if damaged == Some(number) {
                bytes.pop();
            }
            slots.create(number, &bytes).unwrap();
        }
        slots
    }

    /// The numbers of the slots from one on, and whether an error ended them. Each slot is a read of its own.
    fn numbers(slots: &MemorySlots, from: u64, at_most: usize) -> (Vec<u64>, bool) {
        thread::scope(|scope| {
            let mut ahead = Ahead { read_bytes: 1, ..Ahead::new(slots, from, scope) };
            let mut numbers = Vec::new();
            while numbers.len() < at_most {
                match ahead.next() {
                    Ok(Some(slot)) => numbers.push(slot.header().slot),
                    Ok(None) => {
                        assert!(matches!(ahead.next(), Ok(None)), "the end stays the end");
                        break;
                    }
                    Err(_) => return (numbers, true),
                }
            }
            (numbers, false)
        })
    }

    #[test]
    fn all_slots_come_in_order_with_and_without_a_thread() {
        let slots = journal(None);
        for from in 0..=SLOTS {
            assert_eq!(numbers(&slots, from, usize::MAX), ((from..SLOTS).collect(), false));
        }
    }

    #[test]
    fn who_stops_early_does_not_wait_for_the_thread() {
        let slots = journal(None);
        for at_most in 0..20 {
            assert_eq!(numbers(&slots, 3, at_most).0.len(), at_most);
        }
    }

    #[test]
    fn a_slot_that_cannot_be_read_is_told_in_its_place() {
        for damaged in 0..SLOTS {
            let slots = journal(Some(damaged));
            assert_eq!(numbers(&slots, 0, usize::MAX), ((0..damaged).collect(), true));
        }
    }
}
