//! Every slot store keeps the contract, and the suite catches a store that breaks any clause of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::{DiskSlots, DiskSlotsOptions, FileDisk, MemorySlots, SealedSlots};
use everstrand_sealing::SealingKey;
use everstrand_testkit::contract::{Clause, Placement, check};
use everstrand_testkit::memory_disk::{MemoryDisk, Unsynced};

/// Small, so that journals have many.
const SEGMENT_BYTES: u64 = 4096;

fn open(disk: MemoryDisk) -> DiskSlots {
    let options = DiskSlotsOptions { segment_bytes: SEGMENT_BYTES, ..DiskSlotsOptions::default() };
    DiskSlots::open(Arc::new(disk), options).unwrap()
}

struct InMemory(Arc<MemorySlots>);

impl Placement for InMemory {
    fn reopen(&self) -> Arc<dyn SlotStore> {
        self.0.clone()
    }
}

/// Loses power between two openings.
struct OnMemoryDisk(MemoryDisk);

impl Placement for OnMemoryDisk {
    fn reopen(&self) -> Arc<dyn SlotStore> {
        self.0.crash(Unsynced::Lost);
        Arc::new(open(self.0.clone()))
    }
}

struct OnFiles(tempfile::TempDir);

impl Placement for OnFiles {
    fn reopen(&self) -> Arc<dyn SlotStore> {
        let disk = FileDisk::create(self.0.path().join("a/ledger")).unwrap();
        let options = DiskSlotsOptions { segment_bytes: SEGMENT_BYTES, ..DiskSlotsOptions::default() };
        Arc::new(DiskSlots::open(Arc::new(disk), options).unwrap())
    }
}

#[test]
fn memory_slots_keep_the_contract() {
    for clause in Clause::ALL {
        let placement = InMemory(Arc::new(MemorySlots::new()));
        // C2: what is in memory promises to survive nothing, so it is the same store.
        check(clause, &placement).unwrap_or_else(|seen| panic!("{clause:?}: {seen}"));
    }
}

#[test]
fn disk_slots_keep_the_contract_through_losses_of_power() {
    for clause in Clause::ALL {
        let placement = OnMemoryDisk(MemoryDisk::new());
        check(clause, &placement).unwrap_or_else(|seen| panic!("{clause:?}: {seen}"));
    }
}

#[test]
fn disk_slots_keep_the_contract_on_real_files() {
    for clause in Clause::ALL {
        let placement = OnFiles(tempfile::tempdir().unwrap());
        check(clause, &placement).unwrap_or_else(|seen| panic!("{clause:?}: {seen}"));
    }
}

/// Encrypts what another placement holds.
struct Sealed<Inner>(Inner);

impl<Inner: Placement> Placement for Sealed<Inner> {
    fn reopen(&self) -> Arc<dyn SlotStore> {
        let key = SealingKey::from_bytes(&[7; 32]);
        Arc::new(SealedSlots::new(self.0.reopen(), UniqueId::from_bytes([7; 16]), key))
    }
}

#[test]
fn sealed_slots_keep_the_contract_over_memory_and_disk() {
    for clause in Clause::ALL {
        let in_memory = Sealed(InMemory(Arc::new(MemorySlots::new())));
        check(clause, &in_memory).unwrap_or_else(|seen| panic!("{clause:?}: {seen}"));
        let on_disk = Sealed(OnMemoryDisk(MemoryDisk::new()));
        check(clause, &on_disk).unwrap_or_else(|seen| panic!("{clause:?}: {seen}"));
    }
}

/// Slots that arrive together are a segment of their own. After a loss of power all of them are there or none, and what
/// follows them is appended as ever.
#[test]
fn many_slots_at_once_are_there_after_a_loss_of_power() {
    let disk = MemoryDisk::new();
    let body = |slot: u64| format!("slot {slot}").into_bytes();
    let bodies = |slots: std::ops::Range<u64>| slots.map(body).collect::<Vec<_>>();
    let store = open(disk.clone());
    assert_eq!(store.create_many(0, &bodies(0..100)).unwrap(), 100);
    assert_eq!(store.create_many(100, &bodies(100..103)).unwrap(), 3);
    assert_eq!(store.create_many(103, &bodies(103..203)).unwrap(), 100);
    // Those that exist are not created again, and none is left out.
    assert_eq!(store.create_many(150, &bodies(150..250)).unwrap(), 0);
    assert!(matches!(store.create_many(204, &bodies(204..304)), Err(SlotError::NotSent(_))));
    disk.crash(Unsynced::Lost);
    drop(store);
    disk.crash(Unsynced::Lost);
    let store = open(disk.clone());
    assert_eq!(store.create(203, &body(203)).unwrap(), Created::Won);
    let read = store.read_many(0, usize::MAX).unwrap().len() as u64;
    assert!(read > 0);
    for slot in 0..204 {
        assert_eq!(store.read(slot).unwrap(), Some(body(slot)), "slot {slot}");
    }
    assert_eq!(store.read(204).unwrap(), None);
    assert!(store.damage().is_none());
    let shown = DiskSlots::open_read_only(Arc::new(disk)).unwrap();
    shown.make_durable().unwrap();
    assert_eq!(shown.tip_hint().unwrap(), Some(203));
}

/// As many as fit into a segment are created at once; the caller asks for the rest again.
#[test]
fn slots_that_do_not_fit_into_a_segment_are_left_to_the_next_call() {
    let store = open(MemoryDisk::new());
    let bodies: Vec<Vec<u8>> = (0..200).map(|_| vec![7; 100]).collect();
    let mut created = 0;
    while created < bodies.len() {
        let more = store.create_many(created as u64, &bodies[created..]).unwrap();
        assert!(more > 0);
        created += more;
    }
    assert_eq!(store.tip_hint().unwrap(), Some(199));
}

/// Breaks one clause.
struct Broken {
    clause: Clause,
    slots: MemorySlots,
    late: Mutex<Option<(u64, Vec<u8>)>>,
    calls: AtomicU64,
}

impl SlotStore for Broken {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        match self.clause {
            // Two winners: the look and the act are not one.
            Clause::OneBody => match self.slots.create(slot, bytes)? {
                Created::Exists if bytes.ends_with(b"racing") => Ok(Created::Won),
                created => Ok(created),
            },
            // It is not there until somebody creates the next one.
            Clause::Linearizable => {
                if let Some((slot, bytes)) = self.late.lock().unwrap().replace((slot, bytes.to_vec())) {
                    self.slots.create(slot, &bytes)?;
                }
                Ok(Created::Won)
            }
            // It says "exists" for ever, and nothing is there.
            Clause::ExistsIsRead => Ok(Created::Exists),
            // "Certainly not", and yet.
            Clause::UnknownSettles => {
                self.slots.create(slot, bytes)?;
                Err(SlotError::NotSent("the network is down".into()))
            }
            _ => self.slots.create(slot, bytes),
        }
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        let stored = self.slots.read(slot)?;
        Ok(match self.clause {
            Clause::NoDeletion if self.calls.fetch_add(1, Ordering::Relaxed) > 100 && slot == 20 => None,
            Clause::NoSilentChange => stored.map(|mut bytes| {
                bytes.truncate(1_000_000);
                bytes
            }),
            _ => stored,
        })
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        self.slots.tip_hint()
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        match self.clause {
            Clause::RedactionKeepsLink => {
                let held = self.slots.read(slot)?.unwrap_or_default();
                self.slots.redact(slot, &held, bytes)
            }
            _ => self.slots.redact(slot, stored, bytes),
        }
    }
}

struct BrokenPlacement {
    clause: Clause,
    store: Mutex<Arc<Broken>>,
}

impl BrokenPlacement {
    fn new(clause: Clause) -> Self {
        BrokenPlacement { clause, store: Mutex::new(Self::store(clause)) }
    }

    fn store(clause: Clause) -> Arc<Broken> {
        let slots = MemorySlots::new();
        Arc::new(Broken { clause, slots, late: Mutex::default(), calls: AtomicU64::default() })
    }
}

impl Placement for BrokenPlacement {
    fn reopen(&self) -> Arc<dyn SlotStore> {
        let mut store = self.store.lock().unwrap();
        if self.clause == Clause::Durable {
            *store = Self::store(self.clause);
        }
        store.clone()
    }
}

#[test]
fn a_store_that_breaks_a_clause_is_caught_by_that_clause() {
    for clause in Clause::ALL {
        assert!(check(clause, &BrokenPlacement::new(clause)).is_err(), "{clause:?} was not caught");
    }
}
