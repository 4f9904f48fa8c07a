//! Encryption at rest. A [`SealingKey`] encrypts bytes so that a change of any of them is noticed. The [`MasterKey`]
//! of a server stays outside its data, and seals the keys that lie beside the data.
//!
//! The cipher is XChaCha20-Poly1305. Each sealing draws a nonce of 192 bits and keeps it with the ciphertext. Two
//! nonces of that length are never equal by chance, so a key may seal any number of records, from any number of
//! servers, with no counter.

mod key;
mod master;

pub use key::{NotOpened, SEALED_BYTES_MORE, SealingKey};
pub use master::{MasterKey, MasterKeyError};
