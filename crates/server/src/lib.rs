//! Both QLDB APIs over ledgers: bytes in, bytes out.
//!
//! [`Service`] is the server without sockets; [`http`] puts it behind one. A program that embeds a ledger but
//! wants to talk to it as to a server calls [`Service::send_command`] and [`Service::control`] directly.

pub mod config;
pub mod http;

mod access_keys;
mod admission;
mod audit_ledger;
mod audit_trail;
mod budget;
mod certificates;
mod checkpoints;
mod client;
mod commands;
mod control;
mod counts;
mod data_keys;
mod descriptors;
mod identity;
mod imports;
mod kms;
mod ledger_errors;
mod ledgers;
mod memory;
mod metrics;
mod oidc;
mod open_error;
mod origins;
mod outcome;
mod own_ledgers;
mod passing;
mod peers;
mod rates;
mod ready;
mod record;
mod recording;
mod request;
mod requests;
mod revisions;
mod scheduler;
mod service;
mod sessions;
mod tokens;
mod verification;
mod workers;

pub use access_keys::AccessKeys;
pub use audit_trail::AuditTrail;
pub use checkpoints::{CheckpointUrl, fetch};
pub use client::{Address, Admission, Caller, Client, Presence};
pub use config::{Config, PeerSettings};
pub use data_keys::{DataKey, DataKeys, NotedCopy, PlacesOfCopies};
pub use descriptors::Descriptors;
pub use everstrand_policy::Network;
pub use everstrand_sealing::{MasterKey, MasterKeyError};
pub use kms::{KmsClient, KmsEndpoint, KmsError, KmsKeys};
pub use ledgers::{StoredLedger, is_data_folder_in_use, ledger_folders, ledgers_in_folder, ledgers_in_store};
pub use memory::Memory;
pub use oidc::{Oidc, OidcSettings};
pub use open_error::ServiceOpenError;
pub use origins::Origin;
pub use request::{Request, Response};
pub use scheduler::Concurrency;
pub use service::Service;
pub use tokens::ClusterKey;
