//! A disk in memory that behaves as badly as a real one may, on demand and deterministically.
//!
//! What is written is seen at once but survives a loss of power only when synced: bytes by their file's
//! sync, names by the directory's. A failed sync drops what it should have kept and still shows it, as
//! Linux does, so that whoever simply syncs again believes wrongly. Calls are numbered; any of them can be
//! made to fail in any way.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand_ledger::storage::disk::{Disk, DiskFile, DiskLock};

use crate::random::Random;

/// What a disk writes at once or not at all.
const SECTOR_BYTES: usize = 512;

/// A disk in memory. A clone is the same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    world: Arc<Mutex<World>>,
}

/// What a call does instead of what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing, and it reports an I/O error.
    NotPersisted,
    /// All of it, and it reports an I/O error.
    Persisted,
    /// Of a write the first bytes, of another call nothing, and it reports an I/O error.
    Torn(usize),
    /// Nothing, and it reports that no space is left.
    NoSpace,
    /// Of a write or a read the first byte, and it reports just that; other calls do as they should.
    Short,
    /// Nothing, and no later call does anything until [`MemoryDisk::crash`].
    PowerCut,
}

/// What of the unsynced writes and names a loss of power leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// Nothing.
    Lost,
    /// Everything.
    Kept,
    /// The first bytes of the writes, in the order they were made, and all names.
    Bytes(usize),
    /// Some sectors of some writes and some of the latest names, chosen by a seed.
    Seed(u64),
}

/// How often what was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// All calls that fail or succeed by number.
    pub all: u64,
    /// Writes.
    pub writes: u64,
    /// Syncs of a file.
    pub syncs: u64,
    /// Syncs of the directory.
    pub directory_syncs: u64,
}

#[derive(Default)]
struct World {
    files: BTreeMap<u64, Contents>,
    next_file: u64,
    /// What programs see.
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    /// Changes of names since the directory was synced.
    name_changes: Vec<NameChange>,
    locked: bool,
    /// Handles of an earlier life of the process or the machine answer nothing any more.
    life: u64,
    without_power: bool,
    calls: Calls,
    faults: BTreeMap<u64, Fault>,
    nonce: u64,
    /// How many bytes there is room for.
    space: Option<u64>,
}

/// A file's bytes.
#[derive(Default)]
struct Contents {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last sync.
    unsynced: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone)]
enum NameChange {
    Created(String, u64),
    /// One change: no crash leaves half of it.
    Renamed(String, String, u64),
    Removed(String),
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the call with this number go wrong; the first call ever is number 0.
    pub fn fail(&self, call: u64, fault: Fault) {
        self.world().faults.insert(call, fault);
    }

    /// Lets all later calls succeed.
    pub fn heal(&self) {
        self.world().faults.clear();
    }

    /// Lets the files together have at most so many bytes; `None` lifts the bound.
    pub fn limit_space(&self, bytes: Option<u64>) {
        self.world().space = bytes;
    }

    /// How many bytes the files have together.
    pub fn used_space(&self) -> u64 {
        self.world().used_space()
    }

    /// How often what was called so far.
    pub fn calls(&self) -> Calls {
        self.world().calls
    }

    /// The process ends: its files are closed and its lock is free, what it wrote is still seen.
    pub fn kill(&self) {
        let mut world = self.world();
        world.life += 1;
        world.locked = false;
    }

    /// The machine loses power and comes back: what was synced is there, and of the rest what `unsynced`
    /// says.
    pub fn crash(&self, unsynced: Unsynced) {
        let mut world = self.world();
        world.life += 1;
        world.locked = false;
        world.without_power = false;
        world.lose(unsynced);
    }

    /// Changes bytes of a file behind everybody's back, durably, as decay or an intruder does.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut world = self.world();
        let Some(id) = world.names.get(name).copied() else { return };
        if let Some(contents) = world.files.get_mut(&id) {
            change(&mut contents.seen);
            contents.durable = contents.seen.clone();
            contents.unsynced.clear();
        }
    }

    /// A disk of its own with the same files, all of them durable.
    pub fn copy(&self) -> MemoryDisk {
        let world = self.world();
        let mut copy = World { next_file: world.next_file, nonce: world.nonce, ..World::default() };
        for (name, id) in &world.names {
            let Some(contents) = world.files.get(id) else { continue };
            let (seen, durable) = (contents.seen.clone(), contents.seen.clone());
            copy.files.insert(*id, Contents { seen, durable, unsynced: Vec::new() });
            copy.names.insert(name.clone(), *id);
        }
        copy.durable_names = copy.names.clone();
        MemoryDisk { world: Arc::new(Mutex::new(copy)) }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, world: &World, id: u64) -> Arc<dyn DiskFile> {
        Arc::new(MemoryFile { disk: self.clone(), id, life: world.life })
    }
}

impl World {
    /// Counts a call and says what it shall do; an error is what it answers at once.
    fn call(&mut self) -> io::Result<Option<Fault>> {
        let number = self.calls.all;
        self.calls.all += 1;
        let fault = self.faults.get(&number).copied();
        if fault == Some(Fault::PowerCut) {
            self.without_power = true;
        }
        if self.without_power {
            return Err(io::Error::other("the power is cut"));
        }
        match fault {
            Some(Fault::NotPersisted) => Err(io::Error::other("input/output error")),
            Some(Fault::NoSpace) => Err(io::ErrorKind::StorageFull.into()),
            other => Ok(other),
        }
    }

    fn contents(&mut self, id: u64, life: u64) -> io::Result<&mut Contents> {
        if life != self.life {
            return Err(io::Error::other("the file was opened before the crash"));
        }
        self.files.get_mut(&id).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn used_space(&self) -> u64 {
        self.files.values().map(|contents| contents.seen.len() as u64).sum()
    }

    fn named(&self, name: &str) -> io::Result<u64> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{name} is not there")))
    }

    fn change_name(&mut self, change: NameChange) {
        apply(&mut self.names, &change);
        self.name_changes.push(change);
    }

    fn lose(&mut self, unsynced: Unsynced) {
        let mut random = match unsynced {
            Unsynced::Seed(seed) => Some(Random::new(seed)),
            _ => None,
        };
        let kept_names = match (&unsynced, &mut random) {
            (Unsynced::Lost, _) => 0,
            (_, Some(random)) => random.index(self.name_changes.len() + 1),
            _ => self.name_changes.len(),
        };
        for change in self.name_changes.drain(..).take(kept_names) {
            apply(&mut self.durable_names, &change);
        }
        self.name_changes.clear();
        self.names = self.durable_names.clone();
        let mut bytes_left = match unsynced {
            Unsynced::Bytes(bytes) => bytes,
            _ => usize::MAX,
        };
        for contents in self.files.values_mut() {
            for (offset, bytes) in std::mem::take(&mut contents.unsynced) {
                match (&unsynced, &mut random) {
                    (Unsynced::Lost, _) => {}
                    (_, Some(random)) => {
                        for (at, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
                            if random.below(2) == 1 {
                                put(&mut contents.durable, offset + at * SECTOR_BYTES, sector);
                            }
                        }
                    }
                    _ => {
                        let kept = bytes.len().min(bytes_left);
                        bytes_left -= kept;
                        put(&mut contents.durable, offset, &bytes[..kept]);
                    }
                }
            }
            contents.seen = contents.durable.clone();
        }
        let names = &self.names;
        self.files.retain(|id, _| names.values().any(|named| named == id));
    }
}

fn apply(names: &mut BTreeMap<String, u64>, change: &NameChange) {
    match change {
        NameChange::Created(name, id) => drop(names.insert(name.clone(), *id)),
        NameChange::Renamed(from, to, id) => {
            names.remove(from);
            names.insert(to.clone(), *id);
        }
        NameChange::Removed(name) => drop(names.remove(name)),
    }
}

/// Writes into bytes that grow as needed.
fn put(into: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    if into.len() < offset {
        into.resize(offset, 0);
    }
    let (over, behind) = bytes.split_at(bytes.len().min(into.len() - offset));
    into[offset..offset + over.len()].copy_from_slice(over);
    into.extend_from_slice(behind);
}

impl Disk for MemoryDisk {
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.world();
        let fault = world.call()?;
        if world.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        failed_without(fault)?;
        let id = world.next_file;
        world.next_file += 1;
        world.files.insert(id, Contents::default());
        world.change_name(NameChange::Created(name.into(), id));
        failed_with(fault)?;
        Ok(self.file(&world, id))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.world();
        let fault = world.call()?;
        failed_without(fault)?;
        failed_with(fault)?;
        let id = world.named(name)?;
        Ok(self.file(&world, id))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.world();
        let fault = world.call()?;
        failed_without(fault)?;
        let id = world.named(from)?;
        world.change_name(NameChange::Renamed(from.into(), to.into(), id));
        failed_with(fault)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut world = self.world();
        let fault = world.call()?;
        failed_without(fault)?;
        world.named(name)?;
        world.change_name(NameChange::Removed(name.into()));
        failed_with(fault)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut world = self.world();
        let fault = world.call()?;
        failed_without(fault)?;
        failed_with(fault)?;
        Ok(world.names.keys().cloned().collect())
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut world = self.world();
        world.calls.directory_syncs += 1;
        let fault = world.call()?;
        failed_without(fault)?;
        for change in std::mem::take(&mut world.name_changes) {
            apply(&mut world.durable_names, &change);
        }
        failed_with(fault)
    }

    fn lock(&self) -> io::Result<Box<dyn DiskLock>> {
        let mut world = self.world();
        if world.locked {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "another process has the disk open"));
        }
        world.locked = true;
        Ok(Box::new(MemoryLock { disk: self.clone(), life: world.life }))
    }

    fn nonce(&self) -> io::Result<u64> {
        let mut world = self.world();
        world.nonce += 1;
        Ok(Random::new(world.nonce).next())
    }
}

struct MemoryFile {
    disk: MemoryDisk,
    id: u64,
    life: u64,
}

impl DiskFile for MemoryFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut world = self.disk.world();
        let fault = world.call()?;
        failed_without(fault)?;
        failed_with(fault)?;
        let seen = &world.contents(self.id, self.life)?.seen;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(seen.len());
        let wanted = if fault == Some(Fault::Short) { buffer.len().min(1) } else { buffer.len() };
        let length = wanted.min(seen.len() - from);
        buffer[..length].copy_from_slice(&seen[from..from + length]);
        Ok(length)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut world = self.disk.world();
        world.calls.writes += 1;
        let fault = world.call()?;
        let written = match fault {
            Some(Fault::Torn(kept)) => kept.min(bytes.len()),
            Some(Fault::Short) => bytes.len().min(1),
            _ => bytes.len(),
        };
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let (space, used) = (world.space, world.used_space());
        let contents = world.contents(self.id, self.life)?;
        let grown = (offset + written).saturating_sub(contents.seen.len()) as u64;
        if grown > 0 && space.is_some_and(|space| used + grown > space) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        put(&mut contents.seen, offset, &bytes[..written]);
        contents.unsynced.push((offset, bytes[..written].to_vec()));
        match fault {
            Some(Fault::Torn(_)) => Err(io::Error::other("input/output error")),
            fault => failed_with(fault).map(|()| written),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut world = self.disk.world();
        world.calls.syncs += 1;
        let outcome = world.call().and_then(|fault| failed_without(fault).map(|()| fault));
        if world.without_power {
            return outcome.map(drop);
        }
        let contents = world.contents(self.id, self.life)?;
        let unsynced = std::mem::take(&mut contents.unsynced);
        let fault = outcome?;
        for (offset, bytes) in unsynced {
            put(&mut contents.durable, offset, &bytes);
        }
        failed_with(fault)
    }

    fn length(&self) -> io::Result<u64> {
        let mut world = self.disk.world();
        let fault = world.call()?;
        failed_without(fault)?;
        failed_with(fault)?;
        Ok(world.contents(self.id, self.life)?.seen.len() as u64)
    }
}

/// A call that cannot do a part of it does nothing.
fn failed_without(fault: Option<Fault>) -> io::Result<()> {
    match fault {
        Some(Fault::Torn(_)) => Err(io::Error::other("input/output error")),
        _ => Ok(()),
    }
}

/// It has done everything, and says that it has not.
fn failed_with(fault: Option<Fault>) -> io::Result<()> {
    match fault {
        Some(Fault::Persisted) => Err(io::Error::other("input/output error")),
        _ => Ok(()),
    }
}

struct MemoryLock {
    disk: MemoryDisk,
    life: u64,
}

impl DiskLock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        let mut world = self.disk.world();
        if world.life == self.life {
            world.locked = false;
        }
    }
}
