//! What lies under a ledger: slots, which are the truth, and views, which are derived from them.

pub mod contract;
pub mod disk;
pub mod disk_slots;
pub mod file;
pub mod memory_disk;
pub mod memory_slots;
pub mod memory_view;
pub mod meta;
pub mod slots;
pub mod views;

pub use disk_slots::{DiskSlots, DiskSlotsOptions};
pub use file::FileDisk;
pub use memory_disk::MemoryDisk;
pub use memory_slots::MemorySlots;
pub use memory_view::MemoryView;
