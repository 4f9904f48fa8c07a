//! A slot store beyond a network. Requests and answers get lost, and some requests arrive long after their sender gave
//! up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand_ledger::storage::MemorySlots;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_testkit::Random;

/// The store itself, which never fails, and the requests that are still on the network.
pub(crate) struct RemoteStore {
    slots: MemorySlots,
    /// Creates whose sender heard nothing, and which may still arrive.
    under_way: Mutex<Vec<(u64, Vec<u8>)>>,
}

/// One process's connection to the store.
pub(crate) struct RemoteSlots {
    store: Arc<RemoteStore>,
    trouble: Mutex<Trouble>,
}

struct Trouble {
    random: Random,
    /// How often in a thousand a call goes wrong.
    permille: u64,
}

impl RemoteStore {
    pub(crate) fn new() -> RemoteStore {
        RemoteStore { slots: MemorySlots::new(), under_way: Mutex::default() }
    }

    /// A store of its own with the same slots.
    pub(crate) fn copy(&self) -> Arc<RemoteStore> {
        let copy = RemoteStore::new();
        let mut slot = 0;
        while let Ok(Some(bytes)) = self.slots.read(slot) {
            copy.slots.create(slot, &bytes).expect("slots in order");
            slot += 1;
        }
        Arc::new(copy)
    }

    /// Lets some of the requests on the network arrive.
    fn arrive(&self, random: &mut Random, permille: u64) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|(slot, bytes)| {
            let arrives = random.permille(permille);
            if arrives {
                // It takes effect if the slot is still free, and nobody hears of it.
                drop(self.slots.create(*slot, bytes));
            }
            !arrives
        });
    }
}

impl RemoteSlots {
    /// A connection that works until trouble is set.
    pub(crate) fn new(store: Arc<RemoteStore>, random: Random) -> RemoteSlots {
        RemoteSlots { store, trouble: Mutex::new(Trouble { random, permille: 0 }) }
    }

    /// From now on calls go wrong so often in a thousand.
    pub(crate) fn set_trouble(&self, permille: u64) {
        self.trouble().permille = permille;
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown() -> SlotError {
    SlotError::Unknown("the connection broke".to_owned())
}

impl SlotStore for RemoteSlots {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        let mut trouble = self.trouble();
        let permille = trouble.permille;
        self.store.arrive(&mut trouble.random, 200);
        if !trouble.random.permille(permille) {
            return self.store.slots.create(slot, bytes);
        }
        match trouble.random.below(7) {
            // It took effect, and the answer is lost.
            0..2 => self.store.slots.create(slot, bytes).and_then(|_| Err(unknown())),
            // The request is lost.
            2 => Err(unknown()),
            // The request is late.
            3 => {
                let mut under_way = self.store.under_way.lock().unwrap_or_else(PoisonError::into_inner);
                under_way.push((slot, bytes.to_vec()));
                Err(unknown())
            }
            // A conflict with another writer that then did not write.
            4 => Ok(Created::Exists),
            5 => Err(SlotError::NotSent("no connection".to_owned())),
            _ => Err(SlotError::Full("quota exceeded".to_owned())),
        }
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        let mut trouble = self.trouble();
        let permille = trouble.permille;
        self.store.arrive(&mut trouble.random, 200);
        if trouble.random.permille(permille / 2) {
            return Err(unknown());
        }
        self.store.slots.read(slot)
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        self.store.slots.tip_hint()
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        self.store.slots.redact(slot, stored, bytes)
    }
}
