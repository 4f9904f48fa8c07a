//! Ion hashes of the journal's own structs, computed without building the structs.
//!
//! The cost counts, because sealing hashes one such struct for each block, and an audit several for each revision.
//!
//! The rules are those of Ion Hash, which `ion/src/hash.rs` explains: the digest of a field covers its name as a
//! symbol and its value; a struct is hashed over the sorted digests of its fields; `0C` escapes the three markers.
//! A caller may keep the digest of a field that many structs share and put it in again.

use everstrand_ion::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::hashing::{Hash, UniqueId};

const BEGIN: u8 = 0x0B;
const ESCAPE: u8 = 0x0C;
const END: u8 = 0x0E;

/// A struct that is being hashed: the digests of its fields so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct StructHash {
    digests: Vec<[u8; 32]>,
    buffer: Vec<u8>,
}

impl StructHash {
    /// Adds a field; `write` serializes its value.
    pub(crate) fn field(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) -> &mut StructHash {
        self.buffer.clear();
        scalar(0x70, name.as_bytes(), &mut self.buffer);
        write(&mut self.buffer);
        self.digests.push(Sha256::digest(&self.buffer).into());
        self
    }

    /// Appends the serialized struct to `out`, and leaves this one empty.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>) {
        self.digests.sort_unstable();
        out.extend_from_slice(&[BEGIN, 0xD0]);
        self.digests.drain(..).for_each(|digest| escape(&digest, out));
        out.push(END);
    }

    /// The hash of the struct; leaves this one empty.
    pub(crate) fn finish(&mut self) -> Hash {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        self.write(&mut buffer);
        let hash = Hash(Sha256::digest(&buffer).into());
        self.buffer = buffer;
        hash
    }
}

/// Hashes the metadata of one transaction's revisions. The fields that all of them share are hashed once.
#[derive(Debug)]
pub(crate) struct MetadataHasher {
    shared: [[u8; 32]; 2],
    version: Option<(u64, [u8; 32])>,
    hash: StructHash,
}

impl MetadataHasher {
    pub(crate) fn new(transaction_time: i64, transaction_id: UniqueId) -> MetadataHasher {
        let mut hash = StructHash::default();
        hash.field("txTime", |out| timestamp(transaction_time, out));
        hash.field("txId", |out| id(transaction_id, out));
        let shared = [hash.digests[0], hash.digests[1]];
        MetadataHasher { shared, version: None, hash }
    }

    /// The hash of `{id, version, txTime, txId}`.
    pub(crate) fn hash(&mut self, document_id: UniqueId, version: u64) -> Hash {
        self.hash.digests.clear();
        self.hash.digests.extend(self.shared);
        match self.version {
            Some((known, digest)) if known == version => self.hash.digests.push(digest),
            _ => {
                self.hash.field("version", |out| uint(version, out));
                self.version = self.hash.digests.last().map(|&digest| (version, digest));
            }
        }
        self.hash.field("id", |out| id(document_id, out));
        self.hash.finish()
    }
}

pub(crate) fn text(value: &str, out: &mut Vec<u8>) {
    scalar(0x80, value.as_bytes(), out);
}

pub(crate) fn id(value: UniqueId, out: &mut Vec<u8>) {
    scalar(0x80, &value.to_text(), out);
}

pub(crate) fn blob(value: &[u8], out: &mut Vec<u8>) {
    scalar(0xA0, value, out);
}

pub(crate) fn uint(value: u64, out: &mut Vec<u8>) {
    let bytes = value.to_be_bytes();
    let zeros = usize::try_from(value.leading_zeros() / 8).expect("at most eight");
    scalar(0x20, &bytes[zeros..], out);
}

pub(crate) fn list(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[BEGIN, 0xB0]);
    write(out);
    out.push(END);
}

/// A time in milliseconds since 1970-01-01T00:00Z, as a timestamp in UTC with three fraction digits.
pub(crate) fn timestamp(millis: i64, out: &mut Vec<u8>) {
    let fields = Timestamp::from_unix_millis(millis).utc_fields();
    // The payload of an Ion timestamp: offset 0, then the fields as VarUInts of one byte, but for the year of two; 0xC3 is
    // the exponent -3 of the fraction.
    let mut payload = vec![0x80];
    let [high, low] = (fields.year & 0x3FFF).to_be_bytes();
    let year = (u16::from(high) << 8) | u16::from(low);
    if let Ok(above) = u8::try_from(year >> 7)
        && above > 0
    {
        payload.push(above);
    }
    payload.push(0x80 | (low & 0x7F));
    payload.extend(
        [fields.month, fields.day, fields.hour, fields.minute, fields.second].map(|part| 0x80 | part),
    );
    payload.push(0xC3);
    let fraction = u16::try_from(fields.fraction).expect("less than a thousand").to_be_bytes();
    match fraction {
        [0, 0] => {}
        [0, low] if low < 0x80 => payload.push(low),
        both => payload.extend(both),
    }
    scalar(0x60, &payload, out);
}

fn scalar(type_and_qualifier: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[BEGIN, type_and_qualifier]);
    escape(payload, out);
    out.push(END);
}

fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    let is_marker = |byte: u8| matches!(byte, BEGIN | ESCAPE | END);
    if !bytes.iter().fold(false, |found, byte| found | is_marker(*byte)) {
        return out.extend_from_slice(bytes);
    }
    for &byte in bytes {
        if is_marker(byte) {
            out.push(ESCAPE);
        }
        out.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use everstrand_ion::{Data, Struct, Value, ion_hash};
    use proptest::prelude::*;

    use super::*;
    use crate::hashing::RevisionMetadata;

    proptest! {
        #[test]
        fn metadata_hashes_are_ion_hashes(ids in any::<[[u8; 16]; 2]>(), version in any::<u64>(), time in -4_000_000_000_000i64..9_000_000_000_000) {
            let [document_id, tx_id] = ids.map(UniqueId::from_bytes);
            let mut hasher = MetadataHasher::new(time, tx_id);
            for version in [version, version, version >> 32, version & 0xFF, 0] {
                let metadata = RevisionMetadata { id: document_id, version, tx_time: Timestamp::from_unix_millis(time), tx_id };
                prop_assert_eq!(hasher.hash(document_id, version), Hash(ion_hash(&metadata.to_ion())));
            }
        }

        #[test]
        fn structs_of_all_parts_are_ion_hashes(name in ".{0,9}", said in any::<String>(), bytes in any::<Vec<u8>>(), number in any::<u64>(), time in prop_oneof![any::<i64>(), -63_000_000_000_000i64..254_000_000_000_000]) {
            let mut inner = StructHash::default();
            inner.field("n", |out| uint(number, out));
            let mut hash = StructHash::default();
            hash.field(&name, |out| text(&said, out));
            hash.field("bytes", |out| blob(&bytes, out));
            hash.field("list", |out| list(out, |out| { timestamp(time, out); inner.write(out); }));
            let expected = Struct::from_iter([
                (name.as_str(), Value::from(said.as_str())),
                ("bytes", Value::new(Data::Blob(bytes))),
                ("list", vec![Timestamp::from_unix_millis(time).into(), Struct::from_iter([("n", Value::from(number))]).into()].into()),
            ]);
            prop_assert_eq!(hash.finish(), Hash(ion_hash(&expected.into())));
        }
    }
}
