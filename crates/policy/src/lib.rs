//! Policies in IAM's language for the actions of QLDB.
//!
//! A policy says in JSON which [`Action`]s on which resources are allowed or denied. [`Policy::parse`] reads it strictly: it refuses
//! what this crate does not understand, because an operator of a server must not believe in a rule that nobody enforces.
//! [`decide`] is a function of the policies and the request alone.
//!
//! ```
//! use everstrand_policy::{Action, Context, Decision, Policy, Request, decide};
//!
//! let policy = Policy::parse(
//!     r#"{"Version": "2012-10-17", "Statement": {
//!         "Effect": "Allow", "Action": "qldb:PartiQL*", "Resource": "arn:aws:qldb:*:*:ledger/bank/table/*"}}"#,
//! )?;
//! let resource = "arn:aws:qldb:us-east-1:000000000000:ledger/bank/table/8F0TPCmdNQ6JTRpiLj2TmW";
//! let request = |action| Request { action, resource, context: Context::default() };
//! let decided = |action| decide([("tellers", &policy)], &request(action));
//! assert!(decided(Action::PartiQLSelect).is_allowed());
//! assert_eq!(decided(Action::SendCommand), Decision::NotAllowed);
//! # Ok::<(), String>(())
//! ```

mod action;
mod condition;
mod date;
mod decide;
mod document;
mod json;
mod network;
mod pattern;
mod request;
mod resource;

pub use action::Action;
pub use decide::{Decision, Reach, Rule, decide, reach};
pub use document::{Effect, POLICY_BYTES_MAX, Policy, Statement};
pub use network::Network;
pub use request::{Context, Request, Tags};
pub use resource::Place;
