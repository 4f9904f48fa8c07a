//! Where journals and names lie in a bucket:
//!
//! ```text
//! PREFIX/HH/JOURNAL/j/SLOT       a slot of a journal. HH are two hexadecimal digits of the hash of its id
//! PREFIX/names/NAME/REVISION     a revision of a ledger's name
//! PREFIX/keys/LEDGER/REVISION    a revision of an encrypted ledger's data key
//! ```
//!
//! Slots and revisions are numbers of sixteen hexadecimal digits, so that keys have their order.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use sha2::{Digest as _, Sha256};

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::SharedStore;
use everstrand_ledger::storage::slots::{SlotError, SlotStore};

use super::ObjectSlots;
use super::answers::chain;
use crate::threads::RequestThreads;

/// The journals and names under a prefix of a bucket.
pub struct ObjectJournals {
    objects: Arc<dyn ObjectStore>,
    threads: Arc<RequestThreads>,
    prefix: Path,
}

impl ObjectJournals {
    /// The journals under `prefix`. It sends nothing yet.
    pub fn new(objects: impl ObjectStore, threads: Arc<RequestThreads>, prefix: &Path) -> ObjectJournals {
        ObjectJournals { objects: Arc::new(objects), threads, prefix: prefix.clone() }
    }

    /// The slots of a journal.
    pub fn slots(&self, journal_id: UniqueId) -> ObjectSlots {
        self.chain(self.slots_folder(journal_id))
    }

    fn slots_folder(&self, journal_id: UniqueId) -> Path {
        let id = journal_id.to_string();
        // They spread journals over a store's partitions.
        let spread = Sha256::digest(&id)[0];
        self.prefix.clone().join(format!("{spread:02x}")).join(id).join("j")
    }

    fn chain(&self, folder: Path) -> ObjectSlots {
        ObjectSlots::new(Arc::clone(&self.objects), Arc::clone(&self.threads), folder)
    }

    fn keys_folder(&self, journal_id: UniqueId) -> Path {
        self.prefix.clone().join("keys").join(journal_id.to_string())
    }

    fn names_folder(&self) -> Path {
        self.prefix.clone().join("names")
    }
}

impl SharedStore for ObjectJournals {
    fn journal(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(Arc::new(self.slots(journal_id)))
    }

    fn name(&self, name: &str) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(Arc::new(self.chain(self.names_folder().join(name))))
    }

    fn keys(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(Arc::new(self.chain(self.keys_folder(journal_id))))
    }

    fn remove_keys(&self, journal_id: UniqueId) -> Result<(), SlotError> {
        let (objects, folder) = (Arc::clone(&self.objects), self.keys_folder(journal_id));
        let removed = self.threads.wait(async move {
            let keys: Vec<_> = objects.list(Some(&folder)).try_collect().await?;
            for meta in keys {
                objects.delete(&meta.location).await?;
            }
            Ok::<_, object_store::Error>(())
        });
        let failed =
            |why: String| SlotError::Unknown(format!("the keys of {journal_id} may be there: {why}"));
        let removed = removed.ok_or_else(|| failed("the thread that sent the request failed".to_owned()))?;
        removed.map_err(|error| failed(chain(&error)))
    }

    fn names(&self) -> Result<Vec<(String, u64)>, SlotError> {
        let (objects, folder) = (Arc::clone(&self.objects), self.names_folder());
        let listed = self.threads.wait(async move {
            let mut names = BTreeMap::new();
            let mut keys = objects.list(Some(&folder));
            while let Some(meta) = keys.try_next().await? {
                let parts = meta.location.prefix_match(&folder).map(|parts| parts.collect::<Vec<_>>());
                if let Some([name, revision]) = parts.as_deref()
                    && let Ok(revision) = u64::from_str_radix(revision.as_ref(), 16)
                {
                    let last = names.entry(name.as_ref().to_owned()).or_insert(revision);
                    *last = revision.max(*last);
                }
            }
            Ok::<_, object_store::Error>(names)
        });
        let failed = |why: String| SlotError::NotSent(format!("the names of ledgers were not listed: {why}"));
        let listed = listed.ok_or_else(|| failed("the thread that sent the request failed".to_owned()))?;
        Ok(listed.map_err(|error| failed(chain(&error)))?.into_iter().collect())
    }

    fn remove(&self, journal_id: UniqueId, name: &str) -> Result<(), SlotError> {
        let (journal, names) = (self.slots_folder(journal_id), self.names_folder().join(name));
        let objects = Arc::clone(&self.objects);
        let removed = self.threads.wait(async move {
            for (folder, newest_first) in [(journal, true), (names, false)] {
                let mut keys: Vec<Path> =
                    objects.list(Some(&folder)).map_ok(|meta| meta.location).try_collect().await?;
                keys.sort();
                if newest_first {
                    keys.reverse();
                }
                for key in keys {
                    match objects.delete(&key).await {
                        Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            Ok::<_, object_store::Error>(())
        });
        let failed = |why: String| SlotError::Unknown(format!("{name} was not removed: {why}"));
        let removed = removed.ok_or_else(|| failed("the thread that sent the request failed".to_owned()))?;
        removed.map_err(|error| failed(chain(&error)))
    }
}

impl fmt::Debug for ObjectJournals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ObjectJournals").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
