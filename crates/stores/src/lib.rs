//! Journals beyond one machine. [`ObjectJournals`] keeps the journals and names of ledgers in an S3-compatible object store, and
//! [`SqlStore`] keeps them in PostgreSQL. [`FolderStore`] keeps them in a folder, for copies. All keep the contract of
//! [`SlotStore`], so what is above them is the same as over a disk. [`probe`] finds out whether a store can keep it, before a ledger trusts the store.
//!
//! The engine is synchronous. [`RequestThreads`] sends the requests from threads of its own, and a call waits for the
//! answer. No call may be made on a thread of an async runtime that must not wait.
//!
//! ```no_run
//! use std::sync::Arc;
//! use everstrand_journal::UniqueId;
//! use everstrand_stores::{Location, ObjectJournals, ObjectStoreOptions, RequestThreads};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let Location::Objects(place) = "s3://bucket/ledgers".parse()? else { unreachable!() };
//! let threads = Arc::new(RequestThreads::start()?);
//! let options =
//!     ObjectStoreOptions { endpoint: Some("http://127.0.0.1:9000".to_owned()), ..ObjectStoreOptions::default() };
//! let store = place.open(&options)?;
//! let slots = ObjectJournals::new(store, threads, &place.prefix).slots(UniqueId::from_bytes([7; 16]));
//! # drop(slots);
//! # Ok(())
//! # }
//! ```
//!
//! [`SlotStore`]: everstrand_ledger::storage::slots::SlotStore

mod folder;
mod location;
mod object;
pub mod probe;
mod sql;
mod threads;

pub use folder::FolderStore;
pub use location::{Location, LocationError, ObjectPlace, ObjectStoreOptions, Replication, SqlPlace};
pub use object::{ObjectJournals, ObjectSlots};
pub use sql::{SqlSlots, SqlStore};
pub use threads::RequestThreads;
