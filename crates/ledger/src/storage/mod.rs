//! The stores of a ledger: slot stores hold the journal, view stores hold what is computed from it.

pub mod disk;
pub mod disk_slots;
pub mod file;
pub mod fjall_view;
mod generations;
pub(crate) mod layer;
pub mod memory_slots;
pub mod memory_store;
pub mod memory_view;
pub mod meta;
pub mod read_only;
pub(crate) mod sealed_form;
pub mod sealed_slots;
pub mod sealed_view;
pub mod shared;
pub mod slots;
mod view_engine;
pub mod views;

pub use disk_slots::{DiskSlots, DiskSlotsOptions};
pub use file::{FileDisk, FileLock};
pub use fjall_view::{FjallCache, FjallView, FjallViewOptions};
pub use memory_slots::MemorySlots;
pub use memory_store::MemoryStore;
pub use memory_view::MemoryView;
pub use read_only::ReadOnlyStore;
pub use sealed_form::is_sealed;
pub use sealed_slots::SealedSlots;
pub use sealed_view::{SealedView, SealedViewOptions};
pub use shared::SharedStore;
