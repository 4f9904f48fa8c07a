//! What lies under a ledger: slots, which are the truth, and views, which are derived from them.

pub mod memory_slots;
pub mod memory_view;
pub mod slots;
pub mod views;

pub use memory_slots::MemorySlots;
pub use memory_view::MemoryView;
