//! What lies under a ledger: slots, which are the truth, and views, which are derived from them.

pub mod contract;
pub mod disk;
pub mod disk_slots;
pub mod faulty_slots;
pub mod file;
pub mod fjall_view;
pub mod memory_disk;
pub mod memory_slots;
pub mod memory_view;
pub mod meta;
pub mod redb_view;
pub mod slots;
mod view_engine;
pub mod views;

pub use disk_slots::{DiskSlots, DiskSlotsOptions};
pub use faulty_slots::{CreateFault, FaultySlots, ReadFault};
pub use file::FileDisk;
pub use fjall_view::{FjallCache, FjallView, FjallViewOptions};
pub use memory_disk::MemoryDisk;
pub use memory_slots::MemorySlots;
pub use memory_view::MemoryView;
pub use redb_view::{RedbView, RedbViewOptions};
