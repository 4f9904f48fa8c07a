//! Integration tests of the ledger.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that fails may panic, and its numbers are small"
)]

mod additions;
mod bounds;
mod committing;
mod contract;
mod damaged_view;
mod diff;
mod different_keys;
mod disk_damage;
mod disk_layout;
mod disk_slots;
mod embed;
mod fault_table;
mod fault_table_shared;
mod faults;
mod follower;
mod full_view;
mod imported;
mod indexes;
mod kept_counts;
mod language_reference;
mod ledger_fixture;
mod lifecycle;
mod limits;
mod meta;
mod occ_table;
mod redaction;
mod scripts;
mod sealed_slots;
mod serial;
mod sqllogictest;
mod support;
mod views;
