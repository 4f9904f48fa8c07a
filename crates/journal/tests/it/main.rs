//! The auditor's library from outside.

mod tree;
