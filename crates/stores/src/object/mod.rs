//! Slots as objects, each created once with `If-None-Match: *`.

mod answers;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use object_store::path::Path;
use object_store::{
    GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion,
};

use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore, check_redaction};

use crate::threads::RequestThreads;
pub(crate) use answers::chain;
use answers::{not_created, not_read, not_replaced};
pub use store::ObjectJournals;

/// How many slots one call reads at the same time.
const READS_AT_ONCE: usize = 32;

/// How long to wait before a failed read is tried again.
const READ_PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

/// The slots of one journal in an object store.
///
/// A slot is created with `If-None-Match: *`, read with one GET, and replaced with `If-Match` only to redact it. Nothing
/// is ever deleted. The store must be one that passes [`crate::probe`].
pub struct ObjectSlots {
    objects: Arc<dyn ObjectStore>,
    threads: Arc<RequestThreads>,
    /// The folder of the journal's slots.
    folder: Path,
    /// All slots below this number exist, as far as this process has seen.
    seen: AtomicU64,
}

impl ObjectSlots {
    /// The slots in a folder. It sends nothing yet.
    fn new(objects: Arc<dyn ObjectStore>, threads: Arc<RequestThreads>, folder: Path) -> ObjectSlots {
        ObjectSlots { objects, threads, folder, seen: AtomicU64::new(0) }
    }

    /// The key of a slot. The number has a fixed length, so that keys have the order of their slots.
    fn key(&self, slot: u64) -> Path {
        self.folder.clone().join(format!("{slot:016x}"))
    }

    /// Notes that a slot exists, and so all before it.
    fn see(&self, slot: u64) {
        self.seen.fetch_max(slot.saturating_add(1), Ordering::Relaxed);
    }

    fn wait<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T, SlotError>> + Send + 'static,
    ) -> Result<T, SlotError> {
        self.threads
            .wait(request)
            .unwrap_or_else(|| Err(SlotError::Unknown("the thread that sent the request failed".to_owned())))
    }

    /// Whether a slot exists.
    fn exists(&self, slot: u64) -> Result<bool, SlotError> {
        let (objects, key) = (Arc::clone(&self.objects), self.key(slot));
        let exists = self.wait(async move {
            match objects.head(&key).await {
                Ok(_) => Ok(true),
                Err(object_store::Error::NotFound { .. }) => Ok(false),
                Err(error) => Err(not_read(slot, &error)),
            }
        })?;
        if exists {
            self.see(slot);
        }
        Ok(exists)
    }
}

impl SlotStore for ObjectSlots {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        if slot > self.seen.load(Ordering::Relaxed) && !self.exists(slot - 1)? {
            let why = format!("slot {slot} cannot be created: slot {} does not exist", slot - 1);
            return Err(SlotError::NotSent(why));
        }
        let (objects, key) = (Arc::clone(&self.objects), self.key(slot));
        let payload = PutPayload::from(Bytes::copy_from_slice(bytes));
        let created = self.wait(async move {
            match objects.put_opts(&key, payload, PutOptions::from(PutMode::Create)).await {
                Ok(_) => Ok(Created::Won),
                Err(error) => not_created(&error),
            }
        })?;
        if created == Created::Won {
            self.see(slot);
        }
        Ok(created)
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        let (objects, key) = (Arc::clone(&self.objects), self.key(slot));
        let read = self.wait(async move { read(&*objects, &key, slot).await })?;
        if read.is_some() {
            self.see(slot);
        }
        Ok(read.map(|(bytes, _)| bytes))
    }

    /// Gallops from the last slot that this process saw, then halves the distance: about 2 log₂ of the number of new
    /// slots requests. A slot is sent only after the one before it exists, so no slot exists behind an absent one.
    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        let mut present = self.seen.load(Ordering::Relaxed);
        if !self.exists(present)? {
            return Ok(present.checked_sub(1));
        }
        let mut step = 1;
        let mut absent = loop {
            let next = present.saturating_add(step);
            if !self.exists(next)? {
                break next;
            }
            present = next;
            step *= 2;
        };
        while absent - present > 1 {
            let middle = present + (absent - present) / 2;
            if self.exists(middle)? { present = middle } else { absent = middle }
        }
        Ok(Some(present))
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        let (objects, key) = (Arc::clone(&self.objects), self.key(slot));
        let (stored, bytes) = (stored.to_vec(), Bytes::copy_from_slice(bytes));
        self.wait(async move {
            let absent = || SlotError::NotSent(format!("slot {slot} cannot be redacted: it does not exist"));
            // The tag of this very read: a later tag could belong to bytes that nobody looked at.
            let (held, meta) = read(&*objects, &key, slot).await?.ok_or_else(absent)?;
            check_redaction(slot, &held, &stored, &bytes)?;
            let version = UpdateVersion { e_tag: meta.e_tag, version: meta.version };
            let options = PutOptions::from(PutMode::Update(version));
            match objects.put_opts(&key, PutPayload::from(bytes), options).await {
                Ok(_) => Ok(()),
                Err(error) => Err(not_replaced(slot, &error)),
            }
        })
    }

    fn read_many(&self, from: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, SlotError> {
        let mut slots: Vec<Vec<u8>> = Vec::new();
        let (mut size, mut at_once) = (0, 1);
        while size < bytes_max.max(1) {
            let first = from.saturating_add(slots.len() as u64);
            // The first reads tell how large slots are; then as many are read at once as the bytes allow.
            let more = self.read_window(first, at_once)?;
            let is_end = more.len() < at_once;
            size += more.iter().map(|bytes| bytes.len().max(1)).sum::<usize>();
            slots.extend(more);
            if is_end {
                break;
            }
            let usual = (size / slots.len()).max(1);
            let left = bytes_max.saturating_sub(size).div_ceil(usual);
            at_once = (at_once * 2).min(left).clamp(1, READS_AT_ONCE);
        }
        Ok(slots)
    }
}

impl ObjectSlots {
    /// The slots from `first` up to the first absent one, at most `count`.
    fn read_window(&self, first: u64, count: usize) -> Result<Vec<Vec<u8>>, SlotError> {
        let keys: Vec<(u64, Path)> = (first..).take(count).map(|slot| (slot, self.key(slot))).collect();
        let objects = Arc::clone(&self.objects);
        let slots = self.wait(async move {
            let mut reads = stream::iter(keys)
                .map(|(slot, key)| {
                    let objects = Arc::clone(&objects);
                    async move { read(&*objects, &key, slot).await }
                })
                .buffered(count);
            let mut slots = Vec::new();
            while let Some(read) = reads.next().await {
                let Some((bytes, _)) = read? else { break };
                slots.push(bytes);
            }
            Ok(slots)
        })?;
        if let Some(last) = (slots.len() as u64).checked_sub(1) {
            self.see(first.saturating_add(last));
        }
        Ok(slots)
    }
}

/// The bytes of an object with what the store says of them. `None` if there is none. A read changes nothing, so it is
/// simply tried again when the store fails for a moment.
async fn read(
    objects: &dyn ObjectStore,
    key: &Path,
    slot: u64,
) -> Result<Option<(Vec<u8>, ObjectMeta)>, SlotError> {
    let mut attempt = 0;
    loop {
        match read_once(objects, key, slot).await {
            Err(SlotError::NotSent(_) | SlotError::Corrupt { .. }) if attempt < READ_PAUSES.len() => {
                tokio::time::sleep(READ_PAUSES[attempt]).await;
                attempt += 1;
            }
            read => return read,
        }
    }
}

async fn read_once(
    objects: &dyn ObjectStore,
    key: &Path,
    slot: u64,
) -> Result<Option<(Vec<u8>, ObjectMeta)>, SlotError> {
    let failed = |error: object_store::Error| not_read(slot, &error);
    let found = match objects.get_opts(key, GetOptions::default()).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let meta = found.meta.clone();
    let bytes = found.bytes().await.map_err(failed)?;
    if bytes.len() as u64 != meta.size {
        let why = format!("{} bytes arrived of {}", bytes.len(), meta.size);
        return Err(SlotError::Corrupt { slot, why });
    }
    Ok(Some((bytes.into(), meta)))
}
