//! What lies under a ledger: slots, which are the truth, and views, which are derived from them.

pub mod slots;
pub mod views;
