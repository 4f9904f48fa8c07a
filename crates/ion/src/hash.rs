//! Ion Hash 1.0.
//!
//! ```text
//! scalar      0B  type-and-qualifier  escaped payload  0E
//! container   0B  type-and-qualifier  what is inside   0E
//!   list      its elements, serialized
//!   struct    the digests of its fields (the name as a symbol, then the value), sorted and then escaped
//! annotated   0B  E0  the annotations as symbols, the value  0E
//! escape      0C before each 0B, 0C and 0E
//! ```
//!
//! The payloads are those of the canonical binary form. Therefore a [`RawValue`] is hashed from its bytes. A [`Value`] is
//! encoded first, so that there is one implementation.

use sha2::Digest;

use crate::binary::RAW_DEPTH_MAX;
use crate::document::{Document, RawValue};
use crate::value::{IonType, Value};

const BEGIN: u8 = 0x0B;
const ESCAPE: u8 = 0x0C;
const END: u8 = 0x0E;

/// A hash function for Ion Hash. Ledgers use SHA-256; the conformance suite uses the identity.
pub trait Hasher {
    /// The type of a hash.
    type Output: AsRef<[u8]> + Ord;
    /// The state before the first byte.
    fn new() -> Self;
    /// Adds bytes.
    fn update(&mut self, bytes: &[u8]);
    /// The hash of all bytes.
    fn finish(self) -> Self::Output;
}

/// SHA-256, the hash function of ledgers.
struct Sha256Hasher(sha2::Sha256);

impl Hasher for Sha256Hasher {
    type Output = [u8; 32];

    fn new() -> Sha256Hasher {
        Sha256Hasher(sha2::Sha256::new())
    }

    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

impl Document {
    /// The SHA-256 Ion hash of the value.
    pub fn ion_hash(&self) -> [u8; 32] {
        self.root().ion_hash()
    }
}

impl RawValue<'_> {
    /// The SHA-256 Ion hash of the value.
    pub fn ion_hash(self) -> [u8; 32] {
        ion_hash_raw::<Sha256Hasher>(self)
    }
}

/// The SHA-256 Ion hash of a value.
pub fn ion_hash(value: &Value) -> [u8; 32] {
    Document::from(value).ion_hash()
}

/// The Ion hash of a value, with any hash function.
pub fn ion_hash_with<H: Hasher>(value: &Value) -> H::Output {
    ion_hash_raw::<H>(Document::from(value).root())
}

/// The Ion hash of an encoded value, with any hash function.
fn ion_hash_raw<H: Hasher>(value: RawValue<'_>) -> H::Output {
    let mut serializer = Serializer::<H> { out: Vec::with_capacity(256), digests: Vec::new() };
    serializer.value(value, 0);
    digest::<H>(&serializer.out)
}

fn digest<H: Hasher>(bytes: &[u8]) -> H::Output {
    let mut hasher = H::new();
    hasher.update(bytes);
    hasher.finish()
}

/// Serializes values as the specification says. The fields of a struct are serialized at the end of `out`, hashed, and
/// removed again, so that a struct needs no buffer of its own.
struct Serializer<H: Hasher> {
    out: Vec<u8>,
    digests: Vec<H::Output>,
}

impl<H: Hasher> Serializer<H> {
    fn value(&mut self, value: RawValue<'_>, depth: usize) {
        if !value.has_annotations() {
            return self.unannotated(value, depth);
        }
        self.out.extend_from_slice(&[BEGIN, 0xE0]);
        for id in value.annotation_ids() {
            self.symbol(value.document().symbol_bytes(id));
        }
        self.unannotated(value, depth);
        self.out.push(END);
    }

    fn unannotated(&mut self, value: RawValue<'_>, depth: usize) {
        let code = value.descriptor() & 0xF0;
        if value.is_null() || depth >= RAW_DEPTH_MAX {
            self.out.extend_from_slice(&[BEGIN, code | 0x0F, END]);
            return;
        }
        match value.ion_type() {
            IonType::Null | IonType::Bool => self.scalar(value.descriptor(), &[]),
            IonType::Symbol => {
                self.symbol(value.symbol_id().and_then(|id| value.document().symbol_bytes(id)));
            }
            IonType::List | IonType::Sexp => {
                self.out.extend_from_slice(&[BEGIN, code]);
                for item in value.items() {
                    self.value(item, depth + 1);
                }
                self.out.push(END);
            }
            IonType::Struct => self.structure(value, depth),
            _ => self.scalar(code, value.payload()),
        }
    }

    fn structure(&mut self, value: RawValue<'_>, depth: usize) {
        let first = self.digests.len();
        for (id, field) in value.fields().with_ids() {
            let start = self.out.len();
            self.symbol(value.document().symbol_bytes(id));
            self.value(field, depth + 1);
            let digest = digest::<H>(&self.out[start..]);
            self.out.truncate(start);
            self.digests.push(digest);
        }
        // The digests are sorted as unsigned bytes, before they are escaped.
        self.digests[first..].sort_unstable();
        self.out.extend_from_slice(&[BEGIN, 0xD0]);
        for digest in self.digests.drain(first..) {
            escape(digest.as_ref(), &mut self.out);
        }
        self.out.push(END);
    }

    /// Serializes a symbol with this text; `None` is the symbol of unknown text.
    fn symbol(&mut self, text: Option<&[u8]>) {
        match text {
            Some(text) => self.scalar(0x70, text),
            None => self.scalar(0x71, &[]),
        }
    }

    fn scalar(&mut self, type_and_qualifier: u8, payload: &[u8]) {
        self.out.extend_from_slice(&[BEGIN, type_and_qualifier]);
        escape(payload, &mut self.out);
        self.out.push(END);
    }
}

fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    let is_marker = |byte: u8| matches!(byte, BEGIN | ESCAPE | END);
    // Does not stop at the first marker, because then the processor can look at many bytes at a time. Markers are rare.
    if !bytes.iter().fold(false, |found, byte| found | is_marker(*byte)) {
        return out.extend_from_slice(bytes);
    }
    let mut rest = bytes;
    while let Some(marker) = rest.iter().position(|byte| is_marker(*byte)) {
        out.extend_from_slice(&rest[..marker]);
        out.extend_from_slice(&[ESCAPE, rest[marker]]);
        rest = &rest[marker + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Data, Struct};

    fn hex(hash: [u8; 32]) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    // From recorded commits of QLDB's official drivers.
    #[test]
    fn hashes_are_those_that_the_official_drivers_send() {
        let structure: Struct = [("a", Value::from(1)), ("b", Value::from("x"))].into_iter().collect();
        for (value, expected) in [
            (
                Value::from("HgXAkLjAtV0HQ4lNYdzX60"),
                "6ce6b01b093100c468837296334d0e19213e0267aaae8b6d4e43c22ea83bcdaa",
            ),
            (
                Value::from("INSERT INTO T ?"),
                "d80b84e9a638314cc12ee0760a88bf22657b2b234094ec86382621957c30f93f",
            ),
            (Value::from(1), "f089f64ca73b9b160d33f19b07f8d0c97d4e8e4215c0b6b8b836dedcfb65929a"),
            (Value::from("x"), "52fcb708306dac99324c4b5e4f326cb5fece61b9a110f9cca86891a2fd84737f"),
            (
                Value::new(Data::Struct(structure)),
                "3c2fad67883c746973506cc34811b97e44314e0213b19a76b886c65b32d31605",
            ),
        ] {
            assert_eq!(hex(ion_hash(&value)), expected);
        }
    }
}
