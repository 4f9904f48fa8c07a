//! The program as an operator meets it: real processes that are killed, stopped, starved of disk space, given
//! damaged folders and hostile clients. Each test prints the seed that it ran with; `docs/testing.md` names the
//! variables that make the tests longer.

#![expect(clippy::cast_possible_truncation, reason = "what the tests count is small")]

mod attacked;
mod audit_trail;
mod backup;
mod dump;
mod encrypted_store;
mod fair_share;
mod flags;
mod follower;
mod full_disk;
mod hostile;
mod hostile_clients;
mod journal;
mod kill;
mod load;
mod lost_end;
mod many_ledgers;
mod one_store;
mod operations;
mod process;
mod redaction;
mod restore;
mod sessions;
mod settings;
mod shell;
mod stopped;
mod syncs;
mod terminate;
mod tls;
mod two_servers;
mod view_folder;
