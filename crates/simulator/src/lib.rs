//! The whole ledger in one deterministic world: clients, network, service, ledger, disk and clock under
//! one seed.
//!
//! [`run`] builds a world, lets it live for some steps and answers what was seen, or the first thing
//! that must not be. Nothing here has a thread, reads a clock or draws a random number but from the seed:
//! the same seed gives the same trace, byte for byte.
//!
//! ```
//! use everstrand_simulator::{Lines, run};
//!
//! # fn main() -> Result<(), String> {
//! let report = run(7, 300, Lines::Forget).map_err(|failure| failure.to_string())?;
//! assert!(report.counters.get("block") > 0);
//!
//! let again = run(7, 300, Lines::Forget).map_err(|failure| failure.to_string())?;
//! assert_eq!(report.trace, again.trace);
//! # Ok(())
//! # }
//! ```
//!
//! * `operation` is a statement that clients may send, `chance` draws one, `model` answers it naively;
//! * `client` sends it, over a `network` that loses, repeats and delays messages;
//! * `slots` and `view` are stores that fail and forget, and the disk is the testkit's;
//! * `checker` follows the journal and compares the clients' answers with the model's at the same place in the order
//!   of commits; it never asks the engine what a transaction read;
//! * `planted` has bugs on purpose, which show that the checker is not blind;
//! * `world` decides which event happens next, `run` runs it.

mod chance;
mod checker;
mod client;
mod counters;
mod intruder;
mod model;
mod network;
mod operation;
mod panics;
mod planted;
mod run;
mod settings;
mod slots;
mod store;
mod trace;
mod value;
mod view;
mod world;

pub use counters::Counters;
pub use panics::note_panics;
pub use run::{Failure, Report, run};
pub use trace::Lines;
