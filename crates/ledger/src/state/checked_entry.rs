//! Entries of the keyspace Catalog, each with a checksum over key and value behind its value.

use super::changes::Changes;
use crate::storage::views::Keyspace;

/// Sets a key of the keyspace Catalog.
pub(crate) fn put(changes: &mut Changes<'_>, key: &[u8], mut value: Vec<u8>) {
    value.extend_from_slice(&checksum(key, &value).to_be_bytes());
    changes.put(Keyspace::Catalog, key, value);
}

/// The value that [`put`] was given; `None` if the checksum does not fit.
pub(crate) fn checked<'a>(key: &[u8], stored: &'a [u8]) -> Option<&'a [u8]> {
    let (value, check) = stored.split_last_chunk()?;
    (*check == checksum(key, value).to_be_bytes()).then_some(value)
}

fn checksum(key: &[u8], value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), value)
}
