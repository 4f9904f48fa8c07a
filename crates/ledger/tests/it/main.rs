//! Integration tests of the ledger.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod contract;
