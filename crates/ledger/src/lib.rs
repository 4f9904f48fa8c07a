//! The embeddable ledger engine: a ledger is the left fold of its journal.

pub mod storage;
