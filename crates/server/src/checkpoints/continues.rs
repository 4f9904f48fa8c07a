//! Checks that a journal continues its newest published checkpoint.

use std::cmp::Ordering;

use everstrand_journal::{Checkpoint, CheckpointVerifier, Digest};
use everstrand_ledger::{Ledger, LedgerError};

use super::place::{Newest, PutError};

/// What the operator can do about a contradiction.
const WHAT_TO_DO: &str = "Nothing is published, because there would be two signed histories of one ledger. There are two \
     causes. If the data folder was restored from an older copy, restore the newer one; no checkpoint covers what was \
     written since then. If another server publishes here for the same ledger, stop one of the two. To continue with this \
     journal nevertheless, publish at another place, and tell the verifiers why";

/// Compares the newest published checkpoint with the present journal. Answers the number of the checkpoint's last block.
pub(super) fn check(
    newest: &Newest,
    key: &CheckpointVerifier,
    ledger: &Ledger,
    now: &Digest,
) -> Result<u64, PutError> {
    let name = &newest.name;
    let checkpoint = Checkpoint::parse(&newest.text)
        .map_err(|error| PutError::Refused(format!("{name} exists and is not a checkpoint: {error}")))?;
    if !checkpoint.is_signed_by(key) {
        let why = format!("{name} exists and is not signed by this ledger's key, {key}");
        return Err(PutError::Refused(why));
    }
    let (then, tip) = (checkpoint.digest, now.digest_tip_address.sequence_no);
    let then_tip = then.digest_tip_address.sequence_no;
    let not_computed = |error: LedgerError| {
        PutError::Refused(format!("the digest of block {then_tip} could not be computed: {error}"))
    };
    let continued = match then_tip.cmp(&tip) {
        // The journal's store may have slots of another server that this one has not applied.
        Ordering::Greater => match ledger.digest_ahead(then_tip).map_err(not_computed)? {
            Some(digest) => digest,
            None => {
                let why = format!(
                    "{name} covers the blocks up to {then_tip}, but the journal ends before it, after block {tip}"
                );
                return Err(PutError::Contradicted(format!("{why}. {WHAT_TO_DO}")));
            }
        },
        Ordering::Equal => *now,
        Ordering::Less => ledger.digest_at(then_tip).map_err(not_computed)?,
    };
    if continued == then {
        return Ok(then_tip);
    }
    let why = format!(
        "{name} has the digest {} of block {then_tip}, but the journal here has {}",
        then.digest, continued.digest
    );
    Err(PutError::Contradicted(format!("{why}. {WHAT_TO_DO}")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use everstrand_journal::{CheckpointSigner, origin};
    use everstrand_ledger::storage::slots::SlotStore;
    use everstrand_ledger::storage::{MemorySlots, MemoryView};
    use everstrand_ledger::{Environment, LedgerOptions, ManualClock, SeededIds};

    use super::*;

    fn open(slots: &Arc<MemorySlots>, seed: u64) -> Ledger {
        let environment =
            Environment { clock: Arc::new(ManualClock::new(0)), ids: Arc::new(SeededIds::new(seed)) };
        let (slots, view) = (Arc::clone(slots), Arc::new(MemoryView::new()));
        Ledger::open(slots, view, environment, LedgerOptions::default()).expect("a ledger")
    }

    /// Two servers over one journal publish at one place, and the one that knows fewer blocks comes second.
    #[test]
    fn a_checkpoint_beyond_our_last_block_is_compared_with_what_the_store_has() {
        let slots = Arc::new(MemorySlots::new());
        let (ours, other) = (open(&slots, 1), open(&slots, 2));
        let signer = CheckpointSigner::from_seed(&origin(ours.strand_id()), &[7; 32]).expect("a key");
        let publish = |table: &str| {
            let mut transaction = other.start_transaction().expect("a transaction");
            transaction.execute(&format!("CREATE TABLE {table}"), &[]).expect("a statement");
            transaction.commit_unchecked().wait().expect("committed");
            let text = Checkpoint::new(other.digest()).signed(&signer).to_note();
            Newest { name: "latest".to_owned(), text, version: None }
        };
        let check =
            |newest: &Newest, ledger: &Ledger| check(newest, &signer.verifier(), ledger, &ledger.digest());
        let first = publish("a");
        let second = publish("b");
        for (newest, tip) in [(&first, 1), (&second, 2)] {
            assert_eq!(ours.digest().digest_tip_address.sequence_no, 0, "it has not read the other's slots");
            assert!(matches!(check(newest, &ours), Ok(found) if found == tip));
            assert!(matches!(check(newest, &other), Ok(found) if found == tip));
        }
        assert_eq!(ours.digest_ahead(3).expect("read to its end"), None);

        let older = Arc::new(MemorySlots::new());
        older.create(0, &slots.read(0).expect("read").expect("slot 0")).expect("created");
        let older = open(&older, 3);
        assert!(matches!(check(&first, &older), Err(PutError::Contradicted(_))), "the store ends before it");
        let mut transaction = older.start_transaction().expect("a transaction");
        transaction.execute("CREATE TABLE other", &[]).expect("a statement");
        transaction.commit_unchecked().wait().expect("committed");
        assert!(matches!(check(&first, &older), Err(PutError::Contradicted(_))), "another history");
    }
}
