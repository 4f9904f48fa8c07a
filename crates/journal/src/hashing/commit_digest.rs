//! The commit digest: all statements of a transaction in one hash, which client and ledger compute alike.

use everstrand_ion::Document;
use sha2::{Digest as _, Sha256};

use crate::hashing::struct_hash;
use crate::hashing::{Hash, UniqueId, dot};

/// The hash of a statement: the Ion hash of its text, joined with the Ion hash of each parameter in order. The
/// journal keeps it beside the text, in place of the parameters.
pub fn statement_digest(statement: &str, parameters: &[Document]) -> Hash {
    parameters.iter().fold(text_hash(statement), |digest, parameter| dot(digest, Hash(parameter.ion_hash())))
}

/// The hash over a transaction's id and all its statements, in order and with those that failed.
///
/// A client sends it with its commit. The ledger computes it too and refuses the commit if the two differ.
///
/// ```
/// use everstrand_journal::{CommitDigest, statement_digest};
///
/// let mut digest = CommitDigest::from_text("HgXAkLjAtV0HQ4lNYdzX60");
/// digest.add(statement_digest("SELECT * FROM Vehicle", &[]));
/// assert_eq!(digest.value().as_bytes().len(), 32);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitDigest(Hash);

impl CommitDigest {
    /// The digest of a transaction before its first statement.
    pub fn new(transaction_id: UniqueId) -> CommitDigest {
        CommitDigest::from_text(&transaction_id.to_string())
    }

    /// The digest of a transaction before its first statement, for a client, which need not read the id's text.
    pub fn from_text(transaction_id: &str) -> CommitDigest {
        CommitDigest(text_hash(transaction_id))
    }

    /// Adds the next statement, by its [`statement_digest`].
    pub fn add(&mut self, statement_digest: Hash) {
        self.0 = dot(self.0, statement_digest);
    }

    /// The digest of all statements so far.
    pub fn value(&self) -> Hash {
        self.0
    }
}

/// The Ion hash of a string, computed without building the value.
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
