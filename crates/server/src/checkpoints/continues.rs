//! Whether a journal continues the checkpoint that was published of it last.

use std::cmp::Ordering;

use everstrand_journal::{Checkpoint, CheckpointVerifier, Digest};
use everstrand_ledger::Ledger;

use super::place::PutError;

/// What an operator can do about it.
const WHAT_TO_DO: &str = "Nothing is published, because two signed histories of one ledger would be there. Either the \
     data folder was put back from an older copy: bring back the newer one; what was written since then is in no \
     checkpoint. Or another server published here for the same ledger: stop one of them. To go on with this journal \
     nevertheless, publish at another place, and tell those who verify why";

/// Compares the newest checkpoint that was published with the journal as it is now.
pub(super) fn check(
    name: &str,
    newest: &str,
    key: &CheckpointVerifier,
    ledger: &Ledger,
    now: &Digest,
) -> Result<(), PutError> {
    let checkpoint = Checkpoint::parse(newest).map_err(|error| {
        PutError::Refused(format!("{name} is there already and is no checkpoint: {error}"))
    })?;
    if !checkpoint.is_signed_by(key) {
        let why = format!("{name} is there already and is not signed by this ledger's key, {key}");
        return Err(PutError::Refused(why));
    }
    let (then, tip) = (checkpoint.digest, now.digest_tip_address.sequence_no);
    let then_tip = then.digest_tip_address.sequence_no;
    let continued = match then_tip.cmp(&tip) {
        Ordering::Greater => {
            let why =
                format!("{name} was published up to block {then_tip}, and the journal ends with block {tip}");
            return Err(PutError::Contradicted(format!("{why}. {WHAT_TO_DO}")));
        }
        Ordering::Equal => *now,
        Ordering::Less => ledger.digest_at(then_tip).map_err(|error| {
            PutError::Refused(format!("the digest of block {then_tip} is not known: {error}"))
        })?,
    };
    if continued == then {
        return Ok(());
    }
    let why = format!(
        "{name} was published with the digest {} of block {then_tip}, and the journal here has {}",
        then.digest, continued.digest
    );
    Err(PutError::Contradicted(format!("{why}. {WHAT_TO_DO}")))
}
