//! Creates the revisions of a chain in a store that other servers use, too: of a name, or of a data key.

use std::fmt::Display;
use std::thread;
use std::time::Duration;

use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};

/// How often a revision is sent while the store does not say whether it is there.
const ATTEMPTS: u32 = 6;

/// Creates a revision. Answers whether it is this one; if not, somebody else's is there. While nobody knows, the same bytes are sent
/// again.
pub(crate) fn create_revision(chain: &dyn SlotStore, number: u64, bytes: &[u8]) -> Result<bool, String> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let unknown = match chain.create(number, bytes) {
            Ok(Created::Won) => return Ok(true),
            Ok(Created::Exists) => match chain.read(number) {
                Ok(Some(stored)) => return Ok(stored == bytes),
                Ok(None) => "the store said that the revision exists, and then that it does not".to_owned(),
                Err(error) => because(&error),
            },
            Err(SlotError::Unknown(why)) => why,
            Err(error) if attempts == 1 => return Err(because(&error)),
            Err(error) => because(&error),
        };
        if attempts == ATTEMPTS {
            return Err(format!("nobody knows whether revision {number} was created: {unknown}"));
        }
        thread::sleep(Duration::from_millis(50 << attempts));
    }
}

/// The reason alone: a slot's error says what did not happen to a journal.
pub(crate) fn because(error: &SlotError) -> String {
    let why: &dyn Display = match error {
        SlotError::Unknown(why) | SlotError::NotSent(why) | SlotError::Denied(why) | SlotError::Full(why) => {
            why
        }
        SlotError::Corrupt { .. } => error,
    };
    format!("the store: {why}")
}
