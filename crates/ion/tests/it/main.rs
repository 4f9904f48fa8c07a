//! The integration tests of the Ion crate, in one binary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod compare;
mod documents;
mod ion_hash;
mod ion_tests;
mod qldb_text;
#[cfg(feature = "serde")]
mod serde;
mod strategy;
mod text;
