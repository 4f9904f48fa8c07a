//! What tests, the simulator and the benchmarks share. No program and no library of the product depends on it.
//!
//! ```
//! use everstrand_testkit::Random;
//!
//! let (mut one, mut other) = (Random::new(7), Random::new(7));
//! assert_eq!(one.below(1000), other.below(1000));
//! ```
//!
//! With the feature `ledger` there are stores: a disk that loses what was not synced, a slot store that fails on
//! demand, the contract of slot stores, a view in the engine `redb`. With `driver` there is a transport that answers
//! by script. With `servers` there are PostgreSQL and an S3 store, started in a scratch folder.

pub mod data;
pub mod ignored;
mod random;

#[cfg(feature = "ledger")]
pub mod contract;
#[cfg(feature = "ledger")]
pub mod faulty_slots;
#[cfg(feature = "ledger")]
pub mod memory_disk;
#[cfg(feature = "ledger")]
pub mod redb_view;
#[cfg(feature = "driver")]
pub mod scripted;
#[cfg(feature = "servers")]
pub mod servers;

pub use random::Random;
