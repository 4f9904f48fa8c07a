//! The house as a whole: its plan, its documents and its program.

mod additions;
mod bulk;
mod container;
mod damage;
mod demo;
mod driver_transports;
mod encrypted_copies;
mod encryption;
mod endpoint;
mod env;
mod evidence;
mod examples;
mod export;
mod import;
mod kms;
mod ledger_command;
mod logs;
mod old_data;
mod saved_forms;
mod session_states;
mod shell;
mod terminal;
mod tidy;
