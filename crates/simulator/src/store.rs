//! Where a world's journal lies, and how the process and the machine around it fail.

use std::sync::Arc;

use everstrand_ledger::storage::slots::{SlotError, SlotStore};
use everstrand_ledger::storage::{DiskSlots, DiskSlotsOptions};
use everstrand_testkit::Random;
use everstrand_testkit::memory_disk::{Fault, MemoryDisk, Unsynced};

use crate::planted::PlantedDisk;
use crate::settings::{Settings, Store};
use crate::slots::{RemoteSlots, RemoteStore};

/// What outlives the process.
pub(crate) enum JournalStore {
    Disk {
        disk: MemoryDisk,
        segment_bytes: u64,
        /// Whether a ledger was ever open on it. Then there must be a journal.
        has_journal: bool,
        /// The call at which the power is cut, while it is to come.
        power_cut_at: Option<u64>,
    },
    Remote {
        store: Arc<RemoteStore>,
        /// The process's connection to it.
        slots: Option<Arc<RemoteSlots>>,
        fault_permille: u64,
    },
}

impl JournalStore {
    pub(crate) fn new(settings: &Settings) -> JournalStore {
        match settings.store {
            Store::Disk => JournalStore::Disk {
                disk: MemoryDisk::new(),
                segment_bytes: settings.segment_bytes,
                has_journal: false,
                power_cut_at: None,
            },
            Store::Remote => JournalStore::Remote {
                store: Arc::new(RemoteStore::new()),
                slots: None,
                fault_permille: settings.store_faults,
            },
        }
    }

    /// A process's connection to the journal.
    pub(crate) fn open(&mut self, random: &mut Random) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(match self {
            JournalStore::Disk { disk, segment_bytes, has_journal, .. } => {
                open_disk(disk, *segment_bytes, *has_journal)?
            }
            JournalStore::Remote { store, slots, .. } => {
                let opened = Arc::new(RemoteSlots::new(Arc::clone(store), random.split()));
                *slots = Some(Arc::clone(&opened));
                opened
            }
        })
    }

    /// Notes that a ledger is open on it. From now on there must be a journal, and calls to a remote one may fail.
    pub(crate) fn note_open(&mut self) {
        match self {
            JournalStore::Disk { has_journal, .. } => *has_journal = true,
            JournalStore::Remote { slots: Some(slots), fault_permille, .. } => {
                slots.set_trouble(*fault_permille);
            }
            JournalStore::Remote { .. } => {}
        }
    }

    /// A faultless journal of its own with the same content, as a backup or an auditor has it.
    pub(crate) fn open_copy(&self) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(match self {
            JournalStore::Disk { disk, segment_bytes, .. } => open_disk(&disk.copy(), *segment_bytes, true)?,
            JournalStore::Remote { store, .. } => Arc::new(RemoteSlots::new(store.copy(), Random::new(0))),
        })
    }

    /// Another process's faultless connection to the same journal, if the store allows two.
    pub(crate) fn open_second(&self) -> Option<Arc<dyn SlotStore>> {
        match self {
            JournalStore::Disk { .. } => None,
            JournalStore::Remote { store, .. } => {
                Some(Arc::new(RemoteSlots::new(Arc::clone(store), Random::new(0))))
            }
        }
    }

    /// Lets the power be cut within the next calls of the disk. Answers whether there is a disk.
    pub(crate) fn plan_power_cut(&mut self, random: &mut Random) -> bool {
        let JournalStore::Disk { disk, power_cut_at, .. } = self else { return false };
        if power_cut_at.is_some() {
            return false;
        }
        let at = disk.calls().all + random.below(12);
        disk.fail(at, Fault::PowerCut);
        *power_cut_at = Some(at);
        true
    }

    /// Lets one of the next calls of the disk fail. Answers how.
    pub(crate) fn plan_fault(&mut self, random: &mut Random) -> Option<Fault> {
        let JournalStore::Disk { disk, .. } = self else { return None };
        let fault = match random.below(6) {
            0..2 => Fault::NotPersisted,
            2 => Fault::Persisted,
            3 => Fault::Torn(random.index(600)),
            4 => Fault::NoSpace,
            _ => Fault::Short,
        };
        disk.fail(disk.calls().all + random.below(12), fault);
        Some(fault)
    }

    /// Whether the power was cut since the last crash.
    pub(crate) fn is_without_power(&self) -> bool {
        match self {
            JournalStore::Disk { disk, power_cut_at: Some(at), .. } => disk.calls().all > *at,
            _ => false,
        }
    }

    /// The process is gone; the machine runs on.
    pub(crate) fn kill(&mut self) {
        if let JournalStore::Disk { disk, .. } = self {
            disk.kill();
        }
    }

    /// The machine loses power and comes back, and its disk is well.
    pub(crate) fn lose_power(&mut self, random: &mut Random) {
        if let JournalStore::Disk { disk, power_cut_at, .. } = self {
            let unsynced = match random.below(8) {
                0..3 => Unsynced::Lost,
                3 => Unsynced::Kept,
                4..6 => Unsynced::Bytes(random.index(2000)),
                _ => Unsynced::Seed(random.next()),
            };
            disk.heal();
            disk.crash(unsynced);
            *power_cut_at = None;
        }
    }

    /// No more planned faults.
    pub(crate) fn heal(&mut self) {
        match self {
            JournalStore::Disk { disk, power_cut_at, .. } => {
                disk.heal();
                *power_cut_at = None;
            }
            JournalStore::Remote { fault_permille, .. } => *fault_permille = 0,
        }
    }
}

fn open_disk(
    disk: &MemoryDisk,
    segment_bytes: u64,
    must_exist: bool,
) -> Result<Arc<dyn SlotStore>, SlotError> {
    let disk = Arc::new(PlantedDisk(disk.clone()));
    Ok(Arc::new(DiskSlots::open(disk, DiskSlotsOptions { segment_bytes, must_exist })?))
}
