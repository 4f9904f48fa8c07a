//! A journal in segment files on a local disk. A slot is appended and synced once. Only redaction changes it later.
//!
//! * `segment` defines the bytes, `scan` reads a whole segment, `install` puts whole files in place, `open` recovers,
//!   `index` knows where each slot lies. This file is the store itself.
//! * There is one writer: the directory's lock keeps other processes out, and a mutex other threads. Readers take
//!   neither.
//! * A failed sync is never repeated on the same file, because afterwards the kernel may count bytes as written that
//!   never reached the disk. The store refuses all further writes. Opening it again copies what can be read to a new
//!   file, and that decides which slots exist.

mod bulk;
mod index;
mod install;
mod open;
mod scan;
mod segment;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use everstrand_journal::UniqueId;
use everstrand_sealing::SealingKey;

use self::index::{Files, Index, Offsets, Place, Segment, cannot_read};
use self::install::{InstallError, Installed, Installing, fill};
use self::open::{append_table, cannot_open};
use self::scan::scan;
use self::segment::{
    BODY_BYTES_MAX, RECORD_HEADER_BYTES, RecordHeader, RecordKind, SegmentHeader, encode_record,
    encode_table, record_extent,
};
use super::disk::{Disk, DiskFile, DiskLock, read_full_at, write_all_at};
use super::sealed_form::{is_sealed, seal_if_clear};
use super::slots::{Created, SlotError, SlotStore, check_redaction};

/// A read begins with so many bytes, because most records are not longer.
const READ_BYTES: usize = 4096;

/// How a journal on disk is laid out.
#[derive(Clone, Copy, Debug)]
pub struct DiskSlotsOptions {
    /// No record is added to a segment if it would make it longer than this; at most 1 GiB. A longer slot gets a
    /// segment of its own.
    pub segment_bytes: u64,
    /// Refuse a directory without a journal, because there has to be one.
    pub must_exist: bool,
}

impl Default for DiskSlotsOptions {
    fn default() -> Self {
        DiskSlotsOptions { segment_bytes: 64 * 1024 * 1024, must_exist: false }
    }
}

/// A journal in one directory.
pub struct DiskSlots {
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    /// Locked during each create and redaction, including the sync.
    writer: Mutex<Writer>,
    /// Locked for writing for a moment, when a slot is durable. Lock `writer` before it.
    index: RwLock<Index>,
    files: Files,
    /// `None` if the journal is open for reading only. Dropped last.
    _lock: Option<Box<dyn DiskLock>>,
}

enum Writer {
    Open(Tail),
    /// The store refuses to write, for this reason.
    Refusing(String),
}

/// The end of the last segment.
struct Tail {
    header: SegmentHeader,
    file: Arc<dyn DiskFile>,
    /// Where the next record goes. The file is filled with zeros for at least one more record header.
    end: u64,
    filled: u64,
    /// The next segment may exist already, under the name of the next slot. So that slot must not go into this one.
    is_over: bool,
}

impl DiskSlots {
    /// Opens the journal in a directory, or begins one. Fails if another process has it open. A damaged journal opens
    /// for reading only, see [`SlotStore::damage`].
    pub fn open(disk: Arc<dyn Disk>, options: DiskSlotsOptions) -> Result<Self, SlotError> {
        let lock = disk.lock().map_err(cannot_open)?;
        let opened = open::open(&*disk, options.must_exist)?;
        let writer = match opened.tail {
            Some((header, installed)) => Writer::Open(Tail::new(header, installed)),
            None => Writer::Refusing("the journal is damaged and open for reading only".into()),
        };
        let segment_bytes = options.segment_bytes.min(1024 * 1024 * 1024);
        Ok(DiskSlots::new(disk, segment_bytes, writer, opened.index, Some(lock)))
    }

    /// Opens a journal for reading only, also beside the process that writes it. It shows the slots of this moment. The
    /// newest of them may not be synced yet.
    pub fn open_read_only(disk: Arc<dyn Disk>) -> Result<Self, SlotError> {
        let index = open::open_read_only(&*disk)?;
        let writer = Writer::Refusing("it was opened for reading only".into());
        Ok(DiskSlots::new(disk, 0, writer, index, None))
    }

    fn new(
        disk: Arc<dyn Disk>,
        segment_bytes: u64,
        writer: Writer,
        index: Index,
        lock: Option<Box<dyn DiskLock>>,
    ) -> Self {
        let (writer, index) = (Mutex::new(writer), RwLock::new(index));
        DiskSlots { disk, segment_bytes, writer, index, files: Files::default(), _lock: lock }
    }

    // Nothing panics while these locks are held, so the data is whole even if a lock is poisoned.

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, slot: u64) -> Result<Option<Place>, SlotError> {
        self.index().place(slot, &*self.disk, &self.files)
    }
}

impl SlotStore for DiskSlots {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        let mut writer = self.writer();
        let next = self.index().next;
        if slot < next {
            return Ok(Created::Exists);
        }
        let tail = match &mut *writer {
            Writer::Open(tail) => tail,
            Writer::Refusing(why) => return Err(SlotError::Denied(why.clone())),
        };
        if slot > next {
            return Err(SlotError::gap(slot, next));
        }
        let extent = record_extent(body_length(bytes)?);
        if tail.is_full(extent, self.segment_bytes)
            && let Err((error, refuse)) = self.begin_segment(tail, slot)
        {
            if refuse {
                *writer = Writer::Refusing(stopped(&error));
            }
            return Err(error);
        }
        tail.make_room(extent)?;
        if let Err(error) = tail.append(slot, bytes) {
            self.index_mut().unknown_slot = Some(slot);
            *writer = Writer::Refusing(stopped(&error));
            return Err(SlotError::Unknown(error.to_string()));
        }
        let mut index = self.index_mut();
        let offset = u32::try_from(tail.end).expect("segments are shorter than 4 GiB");
        match index.segments.last_mut().map(|segment| &mut segment.offsets) {
            Some(Offsets::Memory(offsets)) => offsets.push(offset),
            _ => unreachable!("the last segment's offsets are in memory"),
        }
        index.next = slot + 1;
        tail.end += extent;
        Ok(Created::Won)
    }

    fn create_many(&self, from: u64, slots: &[Vec<u8>]) -> Result<usize, SlotError> {
        self.create_segment(from, slots)
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        let Some(place) = self.place(slot)? else { return Ok(None) };
        let io = |error: io::Error| cannot_read(slot, &error);
        if let Some(bytes) = read_record(&place, slot, place.offset).map_err(io)? {
            return Ok(Some(bytes));
        }
        // The offset in the table may be wrong, so search the segment for the record.
        let scan = scan(&*place.file, place.first_slot, place.nonce).map_err(io)?;
        let offset = usize::try_from(slot - place.first_slot).ok().and_then(|at| scan.offsets.get(at));
        if let Some(&offset) = offset
            && let Some(bytes) = read_record(&place, slot, offset.into()).map_err(io)?
        {
            return Ok(Some(bytes));
        }
        let why = scan.damages.iter().find(|damage| damage.slots.contains(&slot));
        let why = why.map_or_else(|| "its record is not whole".into(), |damage| damage.why.clone());
        Err(SlotError::Corrupt { slot, why })
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        Ok(self.index().next.checked_sub(1))
    }

    /// The first damage that opening found. Opening reads the last segment whole, and only the ends of the others, so
    /// later reads may find more.
    fn damage(&self) -> Option<SlotError> {
        let index = self.index();
        let damage = index.damages.iter().min_by_key(|damage| damage.slots.start)?;
        Some(SlotError::Corrupt { slot: damage.slots.start, why: damage.why.clone() })
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        let mut writer = self.writer();
        let tail = match &mut *writer {
            Writer::Open(tail) => tail,
            Writer::Refusing(why) => return Err(SlotError::Denied(why.clone())),
        };
        let held = self.read(slot)?.ok_or_else(|| SlotError::absent(slot))?;
        check_redaction(slot, &held, stored, bytes)?;
        body_length(bytes)?;
        let replaced = |each, held| if each == slot { bytes.to_vec() } else { held };
        if let Err((error, refuse)) = self.rewrite(tail, slot, &replaced) {
            if refuse {
                *writer = Writer::Refusing(stopped(&error));
            }
            return Err(error);
        }
        Ok(())
    }

    fn read_many(&self, from: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, SlotError> {
        let Some(place) = self.place(from)? else { return Ok(Vec::new()) };
        let length = place.file.length().map_err(|error| cannot_read(from, &error))?;
        let left = usize::try_from(length.saturating_sub(place.offset)).unwrap_or(usize::MAX);
        let mut chunk = vec![0; bytes_max.max(READ_BYTES).min(left)];
        let read = read_full_at(&*place.file, place.offset, &mut chunk);
        chunk.truncate(read.map_err(|error| cannot_read(from, &error))?);
        let (mut slots, mut rest) = (Vec::new(), chunk.as_slice());
        for slot in from..place.segment_end {
            let Some((bytes, behind)) = split_record(rest, slot, place.nonce) else { break };
            slots.push(bytes.to_vec());
            rest = behind;
        }
        if slots.is_empty() {
            slots.extend(self.read(from)?);
        }
        Ok(slots)
    }
}

impl DiskSlots {
    /// Encrypts the slots of one segment that lie in clear: those of the segment of `slot`. Answers the first slot after
    /// the segment, or `None` if `slot` does not exist. A crash leaves the old segment or the new one.
    pub fn seal_segment(
        &self,
        slot: u64,
        journal_id: UniqueId,
        key: &SealingKey,
    ) -> Result<Option<u64>, SlotError> {
        let mut writer = self.writer();
        let tail = match &mut *writer {
            Writer::Open(tail) => tail,
            Writer::Refusing(why) => return Err(SlotError::Denied(why.clone())),
        };
        let Some(place) = self.place(slot)? else { return Ok(None) };
        let mut all = place.first_slot..place.segment_end;
        let is_clear = |each| Ok(self.read(each)?.is_some_and(|stored| !is_sealed(&stored)));
        if all.try_fold(false, |any, each| is_clear(each).map(|clear| any || clear))? {
            let sealed = |each, held| seal_if_clear(journal_id, key, each, held);
            if let Err((error, refuse)) = self.rewrite(tail, slot, &sealed) {
                if refuse {
                    *writer = Writer::Refusing(stopped(&error));
                }
                return Err(error);
            }
        }
        Ok(Some(place.segment_end))
    }

    /// Begins the segment of `slot`. An error says whether the store must refuse all further writes.
    fn begin_segment(&self, tail: &mut Tail, slot: u64) -> Result<(), (SlotError, bool)> {
        let prepare = || {
            let header = SegmentHeader { first_slot: slot, nonce: self.disk.nonce()? };
            Ok((header, Installing::begin(&*self.disk, header)?.prepare(None)?))
        };
        let (header, prepared) = prepare().map_err(|error| (not_written(&error), false))?;
        let installed = prepared.install().map_err(|error| match error {
            // The new segment may or may not exist now, but it is empty. Every later attempt must create it again,
            // and the slot must not go into the old segment.
            InstallError::Renaming(error) => {
                tail.is_over = true;
                (not_written(&error), false)
            }
            InstallError::Syncing(error) => (not_written(&error), true),
        })?;
        let full = std::mem::replace(tail, Tail::new(header, installed));
        let mut index = self.index_mut();
        full.append_table_to(&mut index);
        index.segments.push(Segment::empty(header));
        index.tail = Some(Arc::clone(&tail.file));
        Ok(())
    }

    /// Writes the segment of `slot` again, with what `replaced` answers for each of its slots. An error says whether the
    /// store must refuse all further writes.
    fn rewrite(
        &self,
        tail: &mut Tail,
        slot: u64,
        replaced: &dyn Fn(u64, Vec<u8>) -> Vec<u8>,
    ) -> Result<(), (SlotError, bool)> {
        let place = self.place(slot).and_then(|place| place.ok_or_else(|| SlotError::absent(slot)));
        let place = place.map_err(|error| (error, false))?;
        let header = SegmentHeader { first_slot: place.first_slot, nonce: place.nonce };
        let is_tail = header.first_slot == tail.header.first_slot;
        let prepare = || {
            let mut installing = Installing::begin(&*self.disk, header)?;
            let mut offsets = Vec::new();
            for each in place.first_slot..place.segment_end {
                let absent = || io::Error::other(format!("slot {each} of the same segment reads as absent"));
                let held = self.read(each).map_err(io::Error::other)?.ok_or_else(absent)?;
                let body = replaced(each, held);
                offsets.push(u32::try_from(installing.end()).map_err(io::Error::other)?);
                installing.append(&encode_record(RecordKind::Slot, each, header.nonce, &body))?;
            }
            let table = encode_table(&offsets, installing.end());
            let table_bytes = table.len() as u64;
            let prepared = installing.prepare((!is_tail).then_some(table))?;
            Ok((offsets, table_bytes, prepared))
        };
        let (offsets, table_bytes, prepared) = prepare().map_err(|error| (not_written(&error), false))?;
        // Locked before the rename, so that no reader opens the new file and looks up the old offsets.
        let mut index = self.index_mut();
        let installed = prepared.install().map_err(|error| match error {
            InstallError::Renaming(error) | InstallError::Syncing(error) => {
                (SlotError::Unknown(error.to_string()), true)
            }
        });
        self.files.forget(header.first_slot);
        let installed = installed?;
        let at = index.segment_of(slot).expect("the slot was found above");
        index.segments[at].offsets = match is_tail {
            true => Offsets::Memory(offsets),
            false => Offsets::Table { at: installed.filled - table_bytes },
        };
        if is_tail {
            index.tail = Some(Arc::clone(&installed.file));
            *tail = Tail::new(header, installed);
        }
        Ok(())
    }
}

impl Tail {
    fn new(header: SegmentHeader, installed: Installed) -> Self {
        let Installed { file, end, filled } = installed;
        Tail { header, file, end, filled, is_over: false }
    }

    /// Whether a record of this extent must go into the next segment.
    fn is_full(&self, extent: u64, segment_bytes: u64) -> bool {
        let is_empty = self.end == segment::SEGMENT_HEADER_BYTES as u64;
        self.is_over || (!is_empty && self.end + extent + RECORD_HEADER_BYTES as u64 > segment_bytes)
    }

    /// Fills the file with zeros ahead, so that writing the record neither runs out of space nor changes the length.
    fn make_room(&mut self, extent: u64) -> Result<(), SlotError> {
        let needed = self.end + extent + RECORD_HEADER_BYTES as u64;
        if needed > self.filled {
            self.filled = fill(&*self.file, self.filled, needed).map_err(|error| not_written(&error))?;
        }
        Ok(())
    }

    /// No record follows: the table of its offsets goes behind it, so that they need not be in memory.
    fn append_table_to(&self, index: &mut Index) {
        if let Some(segment) = index.segments.last_mut()
            && let Offsets::Memory(offsets) = &segment.offsets
            && let Ok(at) = append_table(&*self.file, &encode_table(offsets, self.end))
        {
            segment.offsets = Offsets::Table { at };
        }
    }

    /// Writes a record and syncs it. After an error the record may exist or not.
    fn append(&self, slot: u64, bytes: &[u8]) -> io::Result<()> {
        let record = encode_record(RecordKind::Slot, slot, self.header.nonce, bytes);
        write_all_at(&*self.file, self.end, &record)?;
        self.file.sync_data()
    }
}

impl Drop for DiskSlots {
    /// Writes the mark of a clean end, which saves the next opening a copy. The next record will overwrite it.
    fn drop(&mut self) {
        let next = self.index().next;
        if let Writer::Open(tail) = &*self.writer() {
            let mark = encode_record(RecordKind::CleanEnd, next, tail.header.nonce, &[]);
            // If the mark is not written, the next opening does the same as after a crash.
            let written = write_all_at(&*tail.file, tail.end, &mark);
            let _ = written.and_then(|()| tail.file.sync_data());
        }
    }
}

/// The body of the record at `offset`; `None` if that is not the whole record of the slot.
fn read_record(place: &Place, slot: u64, offset: u64) -> io::Result<Option<Vec<u8>>> {
    if offset == 0 {
        return Ok(None);
    }
    let mut bytes = vec![0; READ_BYTES];
    let read = read_full_at(&*place.file, offset, &mut bytes)?;
    bytes.truncate(read);
    let header = RecordHeader::decode(&bytes).filter(|header| is_of(header, slot, place.nonce));
    let Some(header) = header else { return Ok(None) };
    // A wrong length must not take more memory than the file has bytes.
    let left = usize::try_from(place.file.length()?.saturating_sub(offset)).unwrap_or(usize::MAX);
    let end = (RECORD_HEADER_BYTES + header.length as usize).min(left);
    let have = bytes.len().min(end);
    bytes.resize(end, 0);
    let read = read_full_at(&*place.file, offset + have as u64, &mut bytes[have..])?;
    bytes.truncate(have + read);
    bytes.drain(..RECORD_HEADER_BYTES);
    Ok(header.is_body(&bytes).then_some(bytes))
}

/// The body of the slot's record at the beginning of `bytes`, and the bytes behind the record.
fn split_record(bytes: &[u8], slot: u64, nonce: u64) -> Option<(&[u8], &[u8])> {
    let header = RecordHeader::decode(bytes).filter(|header| is_of(header, slot, nonce))?;
    let start = RECORD_HEADER_BYTES;
    let body = bytes.get(start..start + header.length as usize).filter(|body| header.is_body(body))?;
    let extent = usize::try_from(header.extent()).ok()?;
    Some((body, bytes.get(extent..).unwrap_or_default()))
}

fn is_of(header: &RecordHeader, slot: u64, nonce: u64) -> bool {
    (header.kind, header.slot, header.nonce) == (RecordKind::Slot, slot, nonce)
}

fn body_length(bytes: &[u8]) -> Result<u32, SlotError> {
    match u32::try_from(bytes.len()) {
        Ok(length) if length <= BODY_BYTES_MAX => Ok(length),
        _ => Err(SlotError::NotSent(format!("a slot of {} bytes is too long", bytes.len()))),
    }
}

/// A failure before any byte of the record was written.
fn not_written(error: &io::Error) -> SlotError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => SlotError::Full(error.to_string()),
        _ => SlotError::NotSent(error.to_string()),
    }
}

fn stopped(error: &impl std::fmt::Display) -> String {
    format!(
        "writing has stopped because of an earlier failure ({error}); opening again decides what is stored"
    )
}
