//! The integration tests of the Ion crate, in one binary.

mod ion_tests;
mod strategy;
mod suites;
mod text;
