//! Tests of the auditor's library through its public interface.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod addition;
mod audit;
mod commit_digest;
mod evidence;
mod foreign;
mod prefix;
mod samples;
mod second_verifier;
mod slot;
mod synthetic_export;
mod tree;
mod vectors;
