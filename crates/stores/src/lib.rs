//! Journals beyond one machine. [`ObjectSlots`] keeps the slots of a ledger in an S3-compatible object store, and
//! [`SqlSlots`] keeps them in PostgreSQL. Both keep the contract of [`SlotStore`], so the engine above them is the same
//! as over a disk. [`probe`] finds out whether a store can keep it, before a ledger trusts the store.
//!
//! The engine is synchronous. [`RequestThreads`] sends the requests from threads of its own, and a call waits for the
//! answer. No call may be made on a thread of an async runtime that must not wait.
//!
//! ```no_run
//! use std::sync::Arc;
//! use everstrand_journal::UniqueId;
//! use everstrand_stores::{Location, ObjectSlots, ObjectStoreOptions, RequestThreads};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let Location::Objects(place) = "s3://bucket/ledgers".parse()? else { unreachable!() };
//! let threads = Arc::new(RequestThreads::start()?);
//! let options =
//!     ObjectStoreOptions { endpoint: Some("http://127.0.0.1:9000".to_owned()), ..ObjectStoreOptions::default() };
//! let store = place.open(&options)?;
//! let slots = ObjectSlots::new(store, threads, &place.prefix, UniqueId::from_bytes([7; 16]));
//! # drop(slots);
//! # Ok(())
//! # }
//! ```
//!
//! [`SlotStore`]: everstrand_ledger::storage::slots::SlotStore

mod location;
mod object;
pub mod probe;
mod sql;
mod threads;

pub use location::{Location, LocationError, ObjectPlace, ObjectStoreOptions, Replication, SqlPlace};
pub use object::ObjectSlots;
pub use sql::SqlSlots;
pub use threads::RequestThreads;
