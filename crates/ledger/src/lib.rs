//! The embeddable ledger engine: a ledger is the left fold of its journal.
//!
//! [`Ledger::open`] takes a journal ([`storage::slots::SlotStore`]) and a store for everything that is computed from
//! it ([`storage::views::ViewStore`]). A transaction runs on its caller's thread, reads one snapshot, and commits by
//! optimistic concurrency control. Nothing here knows a network or an async runtime.

mod ahead;
mod authorize;
mod check;
mod clock;
mod commit;
mod core;
mod embed;
mod end_of_journal;
mod error;
mod handle;
mod ids;
mod import;
mod ledger;
mod limits;
mod loss;
mod occ;
mod pace;
mod planted;
mod recover;
mod session;
mod state;
mod statements;
mod subscription;
mod transaction;

pub mod storage;

pub use authorize::{Authorize, Protected, TableAction};
pub use check::{Checked, check_slots};
pub use clock::{Clock, ManualClock, SystemClock};
pub use commit::future::{
    AwaitedReply, BarrierFuture, CommitFuture, Committed, Outcome, OutcomeFuture, ReplyFuture,
};
pub use core::{Environment, Status};
pub use end_of_journal::{ends_deleted, seal_deleted};
pub use error::{DuplicateKey, LedgerError};
pub use everstrand_partiql::BufferedBytes;
pub use everstrand_sealing::SealingKey;
pub use ids::{Ids, RandomIds, SeededIds};
pub use import::Importer;
pub use ledger::Ledger;
pub use limits::{Committing, LedgerOptions, LimitError, Limits};
pub use loss::Loss;
pub use occ::changed::Changed;
pub use pace::{Interrupt, Pace};
pub use session::Session;
pub use state::head::Part;
pub use subscription::Subscription;
pub use transaction::Transaction;
pub use transaction::pages::Page;
