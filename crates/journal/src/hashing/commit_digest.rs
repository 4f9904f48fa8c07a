//! What was said in a transaction, folded into one hash by both ends.

use everstrand_ion::Document;
use sha2::{Digest as _, Sha256};

use crate::hashing::struct_hash;
use crate::hashing::{Hash, UniqueId, dot};

/// The hash of a statement and its parameters: the Ion hash of its text, joined with that of each
/// parameter in order. The journal keeps it beside the text.
pub fn statement_digest(statement: &str, parameters: &[Document]) -> Hash {
    parameters.iter().fold(text_hash(statement), |digest, parameter| dot(digest, Hash(parameter.ion_hash())))
}

/// The hash that a client sends with its commit and the ledger computes for itself: they must have
/// seen the same statements in the same order, failed ones included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitDigest(Hash);

impl CommitDigest {
    /// The digest of a transaction in which nothing was said yet.
    pub fn new(transaction_id: UniqueId) -> CommitDigest {
        CommitDigest::from_text(&transaction_id.to_string())
    }

    /// The same for a client, to which ids are opaque.
    pub fn from_text(transaction_id: &str) -> CommitDigest {
        CommitDigest(text_hash(transaction_id))
    }

    /// Takes in the next statement by its [`statement_digest`].
    pub fn add(&mut self, statement_digest: Hash) {
        self.0 = dot(self.0, statement_digest);
    }

    /// The digest of all that was said so far.
    pub fn value(&self) -> Hash {
        self.0
    }
}

/// The Ion hash of a string, taken without building the value.
fn text_hash(text: &str) -> Hash {
    let mut serialized = Vec::with_capacity(text.len() + 8);
    struct_hash::text(text, &mut serialized);
    Hash(Sha256::digest(&serialized).into())
}

#[cfg(test)]
mod tests {
    use everstrand_ion::{Value, ion_hash};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_hash_of_a_text_is_its_ion_hash(text in "[\\x00-\\x7F\\PC]{0,200}") {
            prop_assert_eq!(text_hash(&text), Hash(ion_hash(&Value::from(text.as_str()))));
        }
    }
}
