//! Where a world's journal lies, and how the process and the machine around it fail.

use std::sync::Arc;

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::{SlotError, SlotStore};
use everstrand_ledger::storage::{DiskSlots, DiskSlotsOptions, SealedSlots, is_sealed};
use everstrand_server::MasterKey;
use everstrand_testkit::Random;
use everstrand_testkit::memory_disk::{Fault, MemoryDisk, Unsynced};

use crate::planted::PlantedDisk;
use crate::settings::{Settings, Store};
use crate::slots::{RemoteSlots, RemoteStore};

/// What outlives the process.
pub(crate) struct JournalStore {
    place: Place,
    /// The key of an encrypted journal.
    key: Option<MasterKey>,
}

enum Place {
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
    pub(crate) fn new(settings: &Settings) -> Result<JournalStore, String> {
        let place = match settings.store {
            Store::Disk => Place::Disk {
                disk: MemoryDisk::new(),
                segment_bytes: settings.segment_bytes,
                has_journal: false,
                power_cut_at: None,
            },
            Store::Remote => Place::Remote {
                store: Arc::new(RemoteStore::new()),
                slots: None,
                fault_permille: settings.store_faults,
            },
        };
        let key =
            settings.sealed.then(|| MasterKey::from_text(&"7f".repeat(32), "the simulator")).transpose();
        Ok(JournalStore { place, key: key.map_err(|error| error.to_string())? })
    }

    /// The slots as the ledger sees them.
    fn opened(&self, stored: Arc<dyn SlotStore>) -> Arc<dyn SlotStore> {
        match &self.key {
            None => stored,
            Some(key) => {
                Arc::new(SealedSlots::new(stored, UniqueId::from_bytes([7; 16]), key.key_for("journal")))
            }
        }
    }

    /// A slot that lies in clear although the journal is encrypted.
    pub(crate) fn clear_slot(&self) -> Result<Option<usize>, SlotError> {
        if self.key.is_none() {
            return Ok(None);
        }
        let stored = self.stored_copy()?.read_many(0, usize::MAX)?;
        Ok(stored.iter().position(|stored| !is_sealed(stored)))
    }

    /// A process's connection to the journal.
    pub(crate) fn open(&mut self, random: &mut Random) -> Result<Arc<dyn SlotStore>, SlotError> {
        let stored = match &mut self.place {
            Place::Disk { disk, segment_bytes, has_journal, .. } => {
                open_disk(disk, *segment_bytes, *has_journal)?
            }
            Place::Remote { store, slots, .. } => {
                let opened = Arc::new(RemoteSlots::new(Arc::clone(store), random.split()));
                *slots = Some(Arc::clone(&opened));
                opened
            }
        };
        Ok(self.opened(stored))
    }

    /// Notes that a ledger is open on it. From now on there must be a journal, and calls to a remote one may fail.
    pub(crate) fn note_open(&mut self) {
        match &mut self.place {
            Place::Disk { has_journal, .. } => *has_journal = true,
            Place::Remote { slots: Some(slots), fault_permille, .. } => {
                slots.set_trouble(*fault_permille);
            }
            Place::Remote { .. } => {}
        }
    }

    /// A faultless journal of its own with the same content, as a backup or an auditor has it.
    pub(crate) fn open_copy(&self) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(self.opened(self.stored_copy()?))
    }

    fn stored_copy(&self) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(match &self.place {
            Place::Disk { disk, segment_bytes, .. } => open_disk(&disk.copy(), *segment_bytes, true)?,
            Place::Remote { store, .. } => Arc::new(RemoteSlots::new(store.copy(), Random::new(0))),
        })
    }

    /// Another process's faultless connection to the same journal, if the store allows two.
    pub(crate) fn open_second(&self) -> Option<Arc<dyn SlotStore>> {
        match &self.place {
            Place::Disk { .. } => None,
            Place::Remote { store, .. } => {
                Some(self.opened(Arc::new(RemoteSlots::new(Arc::clone(store), Random::new(0)))))
            }
        }
    }

    /// Lets the power be cut within the next calls of the disk. Answers whether there is a disk.
    pub(crate) fn plan_power_cut(&mut self, random: &mut Random) -> bool {
        let Place::Disk { disk, power_cut_at, .. } = &mut self.place else { return false };
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
        let Place::Disk { disk, .. } = &mut self.place else { return None };
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
        match &self.place {
            Place::Disk { disk, power_cut_at: Some(at), .. } => disk.calls().all > *at,
            _ => false,
        }
    }

    /// The process is gone; the machine runs on.
    pub(crate) fn kill(&mut self) {
        if let Place::Disk { disk, .. } = &mut self.place {
            disk.kill();
        }
    }

    /// The machine loses power and comes back, and its disk is well.
    pub(crate) fn lose_power(&mut self, random: &mut Random) {
        if let Place::Disk { disk, power_cut_at, .. } = &mut self.place {
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
        match &mut self.place {
            Place::Disk { disk, power_cut_at, .. } => {
                disk.heal();
                *power_cut_at = None;
            }
            Place::Remote { fault_permille, .. } => *fault_permille = 0,
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
