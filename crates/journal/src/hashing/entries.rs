//! The entries of a block: the hashes that the block's hash is computed from.

use std::sync::LazyLock;

use everstrand_ion::{Data, IonType, Struct, Value, ion_hash};

use crate::hashing::struct_hash::{StructHash, id, timestamp, uint};
use crate::hashing::{BlockAddress, CatalogChange, Hash, UniqueId};

/// The hashed `formatVersion` of a block. It stays `pre-1` until a release promises never to change the format.
const FORMAT_VERSION: &str = "pre-1";

/// All entries but the first. Only the first depends on the block's address and time, which sealing decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entries {
    pub(crate) revisions_root: Option<Hash>,
    pub(crate) catalog: Hash,
    pub(crate) transaction_info: Option<Hash>,
    pub(crate) redaction_info: Option<Hash>,
}

impl Entries {
    /// `entriesHashList`, in its order: the position hash, the root of the revisions' hashes (empty if there are
    /// none), the catalog hash, the hash of `transactionInfo` if there is one, the hash of `redactionInfo` if
    /// there is one.
    pub(crate) fn list(
        &self,
        address: BlockAddress,
        transaction_id: UniqueId,
        timestamp: i64,
    ) -> Vec<Option<Hash>> {
        let position = position_hash(address, transaction_id, timestamp);
        let mut list = vec![Some(position), self.revisions_root, Some(self.catalog)];
        list.extend([self.transaction_info, self.redaction_info].into_iter().flatten().map(Some));
        list
    }
}

/// The position hash, of `{blockAddress, transactionId, blockTimestamp}`. It binds a block's content to its address,
/// its transaction and its time (in milliseconds since 1970-01-01T00:00Z).
pub(crate) fn position_hash(address: BlockAddress, transaction_id: UniqueId, time: i64) -> Hash {
    let mut place = StructHash::default();
    place.field("strandId", |out| id(address.strand_id, out));
    place.field("sequenceNo", |out| uint(address.sequence_no, out));
    let mut position = StructHash::default();
    position.field("blockAddress", |out| place.write(out));
    position.field("transactionId", |out| id(transaction_id, out));
    position.field("blockTimestamp", |out| timestamp(time, out));
    position.finish()
}

/// The catalog hash, of `{formatVersion, stateRoot, catalogue}`: the version of these rules; null, where a later
/// version may put the root of an authenticated state; the catalog changes.
pub(crate) fn catalog_hash(changes: &[CatalogChange]) -> Hash {
    static OF_NO_CHANGE: LazyLock<Hash> = LazyLock::new(|| system_hash(&[]));
    if changes.is_empty() { *OF_NO_CHANGE } else { system_hash(changes) }
}

fn system_hash(changes: &[CatalogChange]) -> Hash {
    let system = Struct::from_iter([
        ("formatVersion", Value::from(FORMAT_VERSION)),
        ("stateRoot", Value::new(Data::Null(IonType::Null))),
        // The field is spelt so because it is hashed: another name would change every hash.
        ("catalogue", CatalogChange::list_to_ion(changes)),
    ]);
    Hash(ion_hash(&system.into()))
}
