//! A key management service that speaks AWS KMS' JSON API at an endpoint: the third kind of master key. Its keys never leave it.
//! It seals data keys and opens them, each bound to the id of its ledger.

mod answer;
mod client;
mod keys;

pub use answer::KmsError;
pub use client::{KmsClient, KmsEndpoint};
pub use keys::KmsKeys;
pub(crate) use keys::{Lost, Sealed};

/// The name in the encryption context, whose value is the ledger's id. The service opens a data key only with the same context.
const CONTEXT: &str = "everstrand:ledger-id";
