//! A block that another ledger made, stored whole.
//!
//! Nothing of it may be lost, not even the order of fields or an unknown entry, because we know the rules of its
//! hashes only in part. Therefore the Ion value is stored as it came, after a frame with the few fields that the chain
//! needs. A block that came as JSON keeps its line too.
//!
//! ```text
//! frame     0 … 111  as in `block_layout.rs`, kind 3, flags: bit 1 if the previous hash is empty
//!         112     4  CRC-32C of the frame before
//! data    116     4  D, length of the region
//!         120        length 4, the block as Ion binary
//!                    length 4, the JSON line it came as; empty where it came as Ion
//!                    length 4, its catalog changes, a list in Ion binary; empty if they are not known
//!       D+112     4  CRC-32C of the region before
//! ```

use std::sync::Arc;

use everstrand_ion::{Document, RawValue, binary};

use crate::format::FormatError;
use crate::format::block_layout::{
    AT_BLOCK_NO, AT_HASH, AT_PREVIOUS_HASH, AT_TIMESTAMP, KIND_FOREIGN, MAGIC, frame,
};
use crate::format::frame::{Reader, VERSION, Writer, to_u32, to_usize};
use crate::hashing::{BlockAddress, CatalogChange, Hash, UniqueId};

const FLAG_FIRST: u8 = 2;
const FRAME_LENGTH: usize = 116;

/// A block that another ledger made. A clone shares the bytes.
#[derive(Clone, Debug)]
pub struct ForeignBlock {
    address: BlockAddress,
    timestamp: i64,
    previous_hash: Option<Hash>,
    hash: Hash,
    value: Document,
    source: Arc<str>,
    catalog: Option<Arc<[CatalogChange]>>,
}

/// What gives a block in QLDB's shape its place in a chain.
pub(crate) struct Place {
    pub(crate) address: BlockAddress,
    pub(crate) timestamp: i64,
    pub(crate) previous_hash: Option<Hash>,
    pub(crate) hash: Hash,
}

impl Place {
    pub(crate) fn of(block: RawValue<'_>) -> Result<Place, FormatError> {
        let missing = |name: &str| FormatError::new(format!("the block has no {name} of the right type"), 0);
        let field = |name: &'static str| block.get(name).ok_or_else(|| missing(name));
        let address = BlockAddress::try_from(&field("blockAddress")?.to_value())
            .map_err(|error| FormatError::new(error.to_string(), 0))?;
        let timestamp = field("blockTimestamp")?.as_timestamp().ok_or_else(|| missing("blockTimestamp"))?;
        let hash = Hash::from_ion(field("blockHash")?).flatten().ok_or_else(|| missing("blockHash"))?;
        let previous_hash =
            Hash::from_ion(field("previousBlockHash")?).ok_or_else(|| missing("previousBlockHash"))?;
        Ok(Place { address, timestamp: timestamp.unix_millis(), previous_hash, hash })
    }
}

impl ForeignBlock {
    /// Takes a block in QLDB's shape. `source` is the line of JSON that it came as, if it did. `catalog` are its catalog
    /// changes, if they are known: our exports tell them, QLDB's do not.
    ///
    /// An error means that the address, the time or a hash is absent, without which the block has no place in a chain.
    /// [`crate::check_foreign`] checks the rest.
    pub fn new(
        value: Document,
        source: Option<&str>,
        catalog: Option<&[CatalogChange]>,
    ) -> Result<ForeignBlock, FormatError> {
        let Place { address, timestamp, previous_hash, hash } = Place::of(value.root())?;
        Ok(ForeignBlock {
            address,
            timestamp,
            previous_hash,
            hash,
            value,
            source: source.unwrap_or_default().into(),
            catalog: catalog.map(Arc::from),
        })
    }

    /// The address of the block.
    pub fn address(&self) -> BlockAddress {
        self.address
    }

    /// The time at which it was made, in milliseconds since 1970-01-01T00:00Z.
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// The hash of the block before; `None` in block 0.
    pub fn previous_hash(&self) -> Option<Hash> {
        self.previous_hash
    }

    /// The hash of the block, as stated in it.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The block in QLDB's shape.
    pub fn value(&self) -> &Document {
        &self.value
    }

    /// The line of JSON that it came as; `None` if it came as Ion.
    pub fn source(&self) -> Option<&str> {
        Some(&*self.source).filter(|source| !source.is_empty())
    }

    /// The catalog changes of the block; `None` if they are not known.
    pub fn catalog_changes(&self) -> Option<&[CatalogChange]> {
        self.catalog.as_deref()
    }

    /// The id of the transaction; `None` if the block does not name one.
    pub fn transaction_id(&self) -> Option<UniqueId> {
        self.field("transactionId").and_then(RawValue::as_text)?.parse().ok()
    }

    pub(crate) fn field(&self, name: &str) -> Option<RawValue<'_>> {
        self.value.root().get(name)
    }

    /// Reads the block that fills these bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<ForeignBlock, FormatError> {
        let (kind, length) = frame(bytes)?;
        if kind != KIND_FOREIGN || length != FRAME_LENGTH {
            return Err(FormatError::new("this is not a foreign block", 8));
        }
        let mut data = Reader::at(bytes, FRAME_LENGTH);
        let data_length = to_usize(data.u32()?);
        let value = Document::from_canonical(data.bytes()?)
            .map_err(|error| FormatError::new(format!("a foreign block is no Ion: {error}"), FRAME_LENGTH))?;
        let source = data.text()?;
        let catalog = read_catalog(data.bytes()?).map_err(|error| error.shifted(FRAME_LENGTH))?;
        data.checksum_since(FRAME_LENGTH, "a foreign block's value")?;
        if data.remaining() > 0 || data.position() - FRAME_LENGTH != data_length {
            return Err(FormatError::new("bytes follow the block", data.position()));
        }
        let block = ForeignBlock::new(value, Some(source), catalog.as_deref())?;
        if block.frame()[..FRAME_LENGTH] != bytes[..FRAME_LENGTH] {
            return Err(FormatError::new("the frame of a foreign block disagrees with its value", 0));
        }
        Ok(block)
    }

    /// Appends the bytes of the block.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) -> Result<(), FormatError> {
        bytes.extend_from_slice(&self.frame());
        let start = bytes.len();
        bytes.put_u32(0);
        bytes.put_bytes(self.value.as_bytes())?;
        bytes.put_bytes(self.source.as_bytes())?;
        bytes.put_bytes(&self.catalog.as_deref().map_or(Vec::new(), write_catalog))?;
        let length = to_u32(bytes.len() - start + 4)?;
        bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
        bytes.put_checksum_since(start);
        Ok(())
    }

    fn frame(&self) -> Vec<u8> {
        let mut frame = vec![0; FRAME_LENGTH - 4];
        let mut put = |at: usize, field: &[u8]| frame[at..at + field.len()].copy_from_slice(field);
        put(0, &MAGIC);
        put(3, &VERSION);
        put(8, &[KIND_FOREIGN, if self.previous_hash.is_none() { FLAG_FIRST } else { 0 }]);
        put(12, &u32::try_from(FRAME_LENGTH).expect("a constant").to_le_bytes());
        put(AT_BLOCK_NO, &self.address.sequence_no.to_le_bytes());
        put(AT_BLOCK_NO + 8, self.address.strand_id.as_bytes());
        put(AT_TIMESTAMP, &self.timestamp.to_le_bytes());
        put(AT_PREVIOUS_HASH, &self.previous_hash.unwrap_or(Hash([0; 32])).0);
        put(AT_HASH, &self.hash.0);
        frame.put_checksum_since(0);
        frame
    }
}

fn write_catalog(changes: &[CatalogChange]) -> Vec<u8> {
    binary::write(&CatalogChange::list_to_ion(changes))
}

fn read_catalog(bytes: &[u8]) -> Result<Option<Vec<CatalogChange>>, FormatError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let invalid = |why: &dyn std::fmt::Display| {
        FormatError::new(format!("a foreign block's catalog changes: {why}"), 0)
    };
    let value = binary::read_one(bytes).map_err(|error| invalid(&error))?;
    let changes = CatalogChange::list_from_ion(&value).map_err(|error| invalid(&error))?;
    if write_catalog(&changes) != bytes {
        return Err(invalid(&"they are not in the form that this version writes"));
    }
    Ok(Some(changes))
}
