//! Copies of encrypted ledgers: they hold what the source's place holds, and never a slot in clear.

use std::sync::Arc;

use everstrand_ion::Value;
use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::{MemorySlots, SealedSlots, SharedStore, is_sealed};
use everstrand_sealing::SealingKey;
use everstrand_testkit::Random;

use super::backup::{Mortal, Nobody, bad, key, newest, seeds};
use super::history::{History, Seen, holds};
use crate::planted;
use crate::{Backup, Copies, Copy, CopyError, Origin, Point, Restore, Run, Verdict};

fn id(number: u8) -> UniqueId {
    UniqueId::from_bytes([number; 16])
}

fn begin(copies: &Copies) -> Copy {
    let name = "a-ledger".to_owned();
    let origin = Origin { ledger_id: id(1), name, begun_millis: 1, record: Value::from(7), is_sealed: true };
    copies.begin(id(2), origin, Some(key()), &[b"wrap 0".to_vec()]).unwrap()
}

fn source(key: SealingKey) -> SealedSlots {
    SealedSlots::new(Arc::new(MemorySlots::new()), id(1), key)
}

/// Writes what is seen of a ledger to its encrypted place.
fn follow(seen: &Seen<'_>, source: &SealedSlots) {
    for (slot, bytes) in (0..).map_while(|slot| Some((slot, seen.read(slot).unwrap()?))) {
        match source.read(slot).unwrap() {
            None => drop(source.create(slot, &bytes).unwrap()),
            Some(held) if held != bytes => source.redact(slot, &held, &bytes).unwrap(),
            Some(_) => {}
        }
    }
}

fn back_up(source: &SealedSlots, copies: &Copies) -> Result<Run, CopyError> {
    let known = copies.list()?.pop().unwrap();
    Backup::of_sealed(source, &copies.open(known, Some(key()))?, &mut Nobody, 1).run()
}

/// One copy from its beginning to its end, by copiers that die. Some slots of the source lie in clear, because it is being
/// encrypted.
fn life_of_a_copy(seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let history = History::random(&mut random, 30);
    let (seen, source, store) = (Seen::new(&history), source(key()), Mortal::new());
    for slot in 0..random.below(3) {
        if let Some(bytes) = seen.read(slot).unwrap() {
            source.stored().create(slot, &bytes).unwrap();
        }
    }
    let copies = Copies::new(store.clone());
    begin(&copies);
    let mut accepted = 0;
    for _ in 0..6 {
        seen.go_on(&mut random);
        follow(&seen, &source);
        let most = *random.pick(&[15, 100]);
        store.lives(i64::try_from(random.below(most)).unwrap());
        let _ = back_up(&source, &copies);
        store.lives(i64::MAX);
        bad(&history, &copies, &mut accepted)?;
    }
    seen.finish();
    follow(&seen, &source);
    back_up(&source, &copies).map_err(|error| error.to_string())?;
    let verified = bad(&history, &copies, &mut accepted)?;
    if verified.verdict() != Verdict::Whole || verified.summary.digest != Some(history.ledger.digest()) {
        return Err(format!("the last run was completed, and the copy is not whole: {verified:?}"));
    }
    let stored = store.journal(id(2)).unwrap();
    let mut carried = 0;
    for slot in 0..verified.slots {
        let bytes = stored.read(slot).unwrap().unwrap();
        if !is_sealed(&bytes) {
            return Err(format!("slot {slot} of the copy lies in clear"));
        }
        if history.secrets.iter().any(|secret| holds(&bytes, secret)) {
            return Err(format!("slot {slot} of the copy shows a secret"));
        }
        carried += u64::from(source.stored().read(slot).unwrap().unwrap() == bytes);
    }
    // Slots with redacted data are sealed again in the copy, and those that lay in clear.
    match carried > 0 || verified.slots < 6 {
        true => Ok(()),
        false => Err("no slot was carried as it is stored".to_owned()),
    }
}

#[test]
fn a_sealed_copy_is_a_beginning_that_shows_nothing_whenever_its_copier_dies() {
    for seed in 0..seeds() {
        life_of_a_copy(seed).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    }
}

#[test]
fn each_planted_mistake_of_a_copier_of_ciphertext_is_caught() {
    for mistake in ["clear slots are copied in clear", "sealed slots are sealed again"] {
        let caught = (0..200).find_map(|seed| planted::with(mistake, || life_of_a_copy(seed)).err());
        assert!(caught.is_some(), "{mistake}: nothing noticed it");
    }
}

/// A copy is restored under another ledger's key: its slots show nothing, and open under that key alone.
#[test]
fn a_restored_ledger_is_sealed_under_its_own_key() {
    let history = History::random(&mut Random::new(7), 30);
    let (seen, source, copies) = (Seen::new(&history), source(key()), Copies::new(Mortal::new()));
    seen.finish();
    follow(&seen, &source);
    begin(&copies);
    back_up(&source, &copies).unwrap();
    let copy = newest(&copies);
    let own = SealingKey::random();
    let target = SealedSlots::new(Arc::new(MemorySlots::new()), id(5), own.clone());
    let restore = Restore::plan(&copy, Point::End, None, &mut Nobody).unwrap();
    let restored = restore.write(&target, id(6), id(7), &mut Nobody).unwrap();
    assert_eq!(restored.digest, history.ledger.digest());
    let under = |key: SealingKey, ledger| SealedSlots::new(Arc::clone(target.stored()), ledger, key);
    for slot in 0..restored.slots {
        assert!(is_sealed(&target.stored().read(slot).unwrap().unwrap()));
        assert!(under(own.clone(), id(5)).read(slot).unwrap().is_some());
        assert!(under(key(), id(5)).read(slot).is_err());
        assert!(under(own.clone(), id(1)).read(slot).is_err());
    }
}

#[test]
fn a_wrong_key_a_lost_key_and_a_swapped_key_are_refused() {
    let history = History::random(&mut Random::new(8), 20);
    let (seen, source, copies) = (Seen::new(&history), source(key()), Copies::new(Mortal::new()));
    seen.finish();
    follow(&seen, &source);
    begin(&copies);
    back_up(&source, &copies).unwrap();
    let known = copies.list().unwrap().pop().unwrap();
    let refused = copies.open(known.clone(), None).err().unwrap();
    assert!(matches!(refused, CopyError::Refused(_)), "{refused}");
    let wrong = copies.open(known.clone(), Some(SealingKey::random())).unwrap();
    let refused = crate::verify(&wrong, Vec::new(), &mut Nobody).unwrap_err();
    assert!(refused.to_string().contains("under another key"), "{refused}");
    // The source is opened under another key than it was sealed with.
    let other = SealedSlots::new(Arc::clone(source.stored()), id(1), SealingKey::random());
    let copy = copies.open(known.clone(), Some(key())).unwrap();
    let refused = Backup::of_sealed(&other, &copy, &mut Nobody, 1).run().unwrap_err();
    assert!(refused.to_string().contains("under another key"), "{refused}");
    // A clear source is not copied into a sealed copy.
    let refused = Backup::new(&seen, &copy, &mut Nobody, 1).run().unwrap_err();
    assert!(matches!(refused, CopyError::Refused(_)), "{refused}");
    // The data key of the copy is brought up to date, and never replaced.
    let forms = [b"wrap 0".to_vec(), b"wrap 1".to_vec()];
    copies.bring_data_key(&known, &forms).unwrap();
    assert_eq!(copies.data_key(&known).unwrap(), forms);
    let bring_another = || copies.bring_data_key(&known, &[b"another".to_vec()]);
    assert!(matches!(bring_another(), Err(CopyError::Diverged(_))));
    assert!(planted::with("another data key is taken over", bring_another).is_ok());
    copies.remove_data_key(&known).unwrap();
    assert!(copies.data_key(&known).unwrap().is_empty());
}
