//! A slot store that goes wrong on demand: the network between a ledger and its journal, for tests and the
//! simulator. What it does to the journal is always within the contract; what it answers is the worst that
//! the contract allows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};

/// What becomes of a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateFault {
    /// It happens, and the answer is lost.
    AnswerLost,
    /// It does not happen, and nobody can know.
    RequestLost,
    /// It does not happen before [`FaultySlots::deliver_late`], and until then nobody can know.
    Delayed,
    /// It happens, and is sent again by something in between, which gets `Exists` for its own slot.
    SentTwice,
    /// It does not happen, and the answer is `Exists`.
    SpuriousExists,
    /// It does not happen, and this is known.
    NotSent,
    /// There is no space.
    Full,
    /// The store refuses.
    Denied,
}

/// What becomes of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFault {
    /// The bytes end after so many.
    Truncated(usize),
    /// One bit of the byte is another, wherever it lies in the slot.
    Flipped(usize),
    /// The store says that the bytes are damaged.
    Corrupt,
    /// The store cannot be reached.
    Unreachable,
}

/// A slot store between a ledger and the real one.
pub struct FaultySlots {
    inner: Arc<dyn SlotStore>,
    plan: Mutex<Plan>,
}

#[derive(Default)]
struct Plan {
    creates: u64,
    reads: u64,
    /// By the number of the call.
    create_faults: BTreeMap<u64, CreateFault>,
    read_faults: BTreeMap<u64, ReadFault>,
    delayed: Vec<(u64, Vec<u8>)>,
}

impl FaultySlots {
    /// Passes everything on until it is told otherwise.
    pub fn new(inner: Arc<dyn SlotStore>) -> Self {
        FaultySlots { inner, plan: Mutex::default() }
    }

    /// Lets the create with this number go wrong; the first ever is number 0.
    pub fn fail_create(&self, call: u64, fault: CreateFault) {
        self.plan().create_faults.insert(call, fault);
    }

    /// Lets the read with this number go wrong; the first ever is number 0. Reading many slots is one
    /// read, and what becomes of it becomes of the first of them.
    pub fn fail_read(&self, call: u64, fault: ReadFault) {
        self.plan().read_faults.insert(call, fault);
    }

    /// Lets everything succeed from now on. What is delayed stays so.
    pub fn heal(&self) {
        let mut plan = self.plan();
        plan.create_faults.clear();
        plan.read_faults.clear();
    }

    /// How many creates were called so far.
    pub fn creates(&self) -> u64 {
        self.plan().creates
    }

    /// How many reads were called so far.
    pub fn reads(&self) -> u64 {
        self.plan().reads
    }

    /// What was delayed arrives at last; the answers say what the store made of it.
    pub fn deliver_late(&self) -> Vec<Result<Created, SlotError>> {
        let delayed = std::mem::take(&mut self.plan().delayed);
        delayed.iter().map(|(slot, bytes)| self.inner.create(*slot, bytes)).collect()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_read(&self) -> Option<ReadFault> {
        let mut plan = self.plan();
        plan.reads += 1;
        let call = plan.reads - 1;
        plan.read_faults.get(&call).copied()
    }
}

impl SlotStore for FaultySlots {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        let fault = {
            let mut plan = self.plan();
            plan.creates += 1;
            let call = plan.creates - 1;
            plan.create_faults.get(&call).copied()
        };
        let why = || "injected".to_owned();
        match fault {
            None => self.inner.create(slot, bytes),
            Some(CreateFault::AnswerLost) => {
                self.inner.create(slot, bytes)?;
                Err(SlotError::Unknown(why()))
            }
            Some(CreateFault::RequestLost) => Err(SlotError::Unknown(why())),
            Some(CreateFault::Delayed) => {
                self.plan().delayed.push((slot, bytes.to_vec()));
                Err(SlotError::Unknown(why()))
            }
            Some(CreateFault::SentTwice) => {
                self.inner.create(slot, bytes)?;
                self.inner.create(slot, bytes)
            }
            Some(CreateFault::SpuriousExists) => Ok(Created::Exists),
            Some(CreateFault::NotSent) => Err(SlotError::NotSent(why())),
            Some(CreateFault::Full) => Err(SlotError::Full(why())),
            Some(CreateFault::Denied) => Err(SlotError::Denied(why())),
        }
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        let fault = self.next_read();
        let stored = self.inner.read(slot)?;
        match (fault, stored) {
            (None, stored) => Ok(stored),
            (Some(fault), Some(bytes)) => spoil(fault, slot, bytes).map(Some),
            (Some(ReadFault::Unreachable), None) => Err(unreachable()),
            (Some(_), None) => Ok(None),
        }
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        self.inner.tip_hint()
    }

    fn damage(&self) -> Option<SlotError> {
        self.inner.damage()
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        self.inner.redact(slot, stored, bytes)
    }

    fn read_many(&self, from: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, SlotError> {
        let fault = self.next_read();
        let mut slots = self.inner.read_many(from, bytes_max)?;
        match fault {
            None => {}
            Some(ReadFault::Unreachable) => return Err(unreachable()),
            Some(fault) => {
                if let Some(first) = slots.first_mut() {
                    *first = spoil(fault, from, std::mem::take(first))?;
                }
            }
        }
        Ok(slots)
    }
}

fn spoil(fault: ReadFault, slot: u64, mut bytes: Vec<u8>) -> Result<Vec<u8>, SlotError> {
    match fault {
        ReadFault::Truncated(length) => bytes.truncate(length),
        ReadFault::Flipped(at) => {
            let at = at % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1;
            }
        }
        ReadFault::Corrupt => return Err(SlotError::Corrupt { slot, why: "injected".into() }),
        ReadFault::Unreachable => return Err(unreachable()),
    }
    Ok(bytes)
}

fn unreachable() -> SlotError {
    SlotError::Denied("it cannot be reached: injected".into())
}
