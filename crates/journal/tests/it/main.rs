//! The auditor's library from outside.

mod commit_digest;
mod samples;
mod slot;
mod tree;
