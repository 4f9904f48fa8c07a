//! Checks that a journal continues its newest published checkpoint.

use std::cmp::Ordering;

use everstrand_journal::{Checkpoint, CheckpointVerifier, Digest};
use everstrand_ledger::Ledger;

use super::place::PutError;

/// What the operator can do about a contradiction.
const WHAT_TO_DO: &str = "Nothing is published, because there would be two signed histories of one ledger. There are two \
     causes. If the data folder was restored from an older copy, restore the newer one; no checkpoint covers what was \
     written since then. If another server publishes here for the same ledger, stop one of the two. To continue with this \
     journal nevertheless, publish at another place, and tell the verifiers why";

/// Compares the newest published checkpoint with the present journal.
pub(super) fn check(
    name: &str,
    newest: &str,
    key: &CheckpointVerifier,
    ledger: &Ledger,
    now: &Digest,
) -> Result<(), PutError> {
    let checkpoint = Checkpoint::parse(newest)
        .map_err(|error| PutError::Refused(format!("{name} exists and is not a checkpoint: {error}")))?;
    if !checkpoint.is_signed_by(key) {
        let why = format!("{name} exists and is not signed by this ledger's key, {key}");
        return Err(PutError::Refused(why));
    }
    let (then, tip) = (checkpoint.digest, now.digest_tip_address.sequence_no);
    let then_tip = then.digest_tip_address.sequence_no;
    let continued = match then_tip.cmp(&tip) {
        Ordering::Greater => {
            let why =
                format!("{name} covers the blocks up to {then_tip}, but the journal ends with block {tip}");
            return Err(PutError::Contradicted(format!("{why}. {WHAT_TO_DO}")));
        }
        Ordering::Equal => *now,
        Ordering::Less => ledger.digest_at(then_tip).map_err(|error| {
            PutError::Refused(format!("the digest of block {then_tip} could not be computed: {error}"))
        })?,
    };
    if continued == then {
        return Ok(());
    }
    let why = format!(
        "{name} has the digest {} of block {then_tip}, but the journal here has {}",
        then.digest, continued.digest
    );
    Err(PutError::Contradicted(format!("{why}. {WHAT_TO_DO}")))
}
