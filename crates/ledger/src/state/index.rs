//! The keys of documents in indexes.

use std::ops::Bound;

use everstrand_ion::{RawValue, Value};
use everstrand_journal::UniqueId;
use everstrand_partiql::key;

use super::catalog::Index;

/// The key of a document in an index.
pub(crate) fn key_of(index: &Index, document: RawValue<'_>) -> Vec<u8> {
    match &index.paths[..] {
        [path] => key::encode(&[key::at_path(document, path)]),
        paths => {
            let parts: Vec<_> = paths.iter().map(|path| key::at_path(document, path)).collect();
            key::encode(&parts)
        }
    }
}

/// The key that must be unique; `None` if a part of it is missing or null, because unknown values are not equal to
/// each other.
pub(crate) fn unique_key_of(index: &Index, document: RawValue<'_>) -> Option<Vec<u8>> {
    let known = |path: &Vec<String>| key::at_path(document, path).is_some_and(|part| !part.is_null());
    index.paths.iter().all(known).then(|| key_of(index, document))
}

/// The values of a document at the paths of an index, as a list.
pub(crate) fn values_of(index: &Index, document: RawValue<'_>) -> Value {
    let part =
        |path: &Vec<String>| key::at_path(document, path).map_or_else(Value::null, |part| part.to_value());
    Value::from(index.paths.iter().map(part).collect::<Vec<Value>>())
}

/// A key in the one ordered space of all indexes, in which read sets and footprints are compared.
pub(crate) fn global_key(index: UniqueId, key: &[u8]) -> Vec<u8> {
    [index.as_bytes().as_slice(), key].concat()
}

/// The bounds with a prefix before them: the id of the index for [`global_key`]s, its number for stored entries.
pub(crate) fn prefixed(
    prefix: &[u8],
    lower: &Bound<Vec<u8>>,
    upper: &Bound<Vec<u8>>,
) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let with = |key: &Vec<u8>| [prefix, key].concat();
    let lower = match lower {
        Bound::Unbounded => Bound::Included(prefix.to_vec()),
        bound => bound.as_ref().map(with),
    };
    let upper = match upper {
        Bound::Unbounded => successor(prefix).map_or(Bound::Unbounded, Bound::Excluded),
        bound => bound.as_ref().map(with),
    };
    (lower, upper)
}

/// The least key after all keys that begin with this one, if there is any.
pub(crate) fn successor(key: &[u8]) -> Option<Vec<u8>> {
    let kept = key.iter().rposition(|byte| *byte != 0xFF)?;
    let mut next = key[..=kept].to_vec();
    next[kept] += 1;
    Some(next)
}
