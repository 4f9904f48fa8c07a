//! The entries of a block: what its hash is made of.

use std::sync::LazyLock;

use everstrand_ion::{Data, IonType, Struct, Value, ion_hash};

use crate::hashing::struct_hash::{StructHash, id, timestamp, uint};
use crate::hashing::{BlockAddress, CatalogChange, Hash, UniqueId};

/// What the hashed `formatVersion` of a block says until a release promises to keep it.
const FORMAT_VERSION: &str = "pre-1";

/// All entries but the first, which is the only one that depends on where and when a block is sealed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entries {
    pub(crate) revisions_root: Option<Hash>,
    pub(crate) catalog: Hash,
    pub(crate) transaction_info: Option<Hash>,
    pub(crate) redaction_info: Option<Hash>,
}

impl Entries {
    /// `entriesHashList`: a system hash, the root of the revisions (empty where there are none), a
    /// system hash, the transaction info's where there is one, the redaction info's where there is one.
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

/// The first system hash, of `{blockAddress, transactionId, blockTimestamp}`: it binds a block's
/// content to its place, its transaction and its time.
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

/// The second system hash, of `{formatVersion, stateRoot, catalogue}`: the version of these rules, the
/// place of an authenticated state root that no version fills yet, and the changes of the catalogue.
pub(crate) fn catalog_hash(changes: &[CatalogChange]) -> Hash {
    static OF_NO_CHANGE: LazyLock<Hash> = LazyLock::new(|| system_hash(&[]));
    if changes.is_empty() { *OF_NO_CHANGE } else { system_hash(changes) }
}

fn system_hash(changes: &[CatalogChange]) -> Hash {
    let system = Struct::from_iter([
        ("formatVersion", Value::from(FORMAT_VERSION)),
        ("stateRoot", Value::new(Data::Null(IonType::Null))),
        ("catalogue", Value::from(changes.iter().map(CatalogChange::to_ion).collect::<Vec<Value>>())),
    ]);
    Hash(ion_hash(&system.into()))
}
