//! What must hold of a copy whenever its copier dies.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use everstrand_ion::Value;
use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::{MemoryStore, SharedStore};
use everstrand_sealing::SealingKey;
use everstrand_testkit::Random;

use super::history::{History, Seen, holds};
use crate::planted;
use crate::slots::decode;
use crate::{Backup, Copies, Copy, CopyError, Origin, Run, Verdict, Verified, Watcher, Way, verify};

pub(super) struct Nobody;

impl Watcher for Nobody {
    fn progress(&mut self, _way: &Way) {}
    fn pause(&mut self, _attempt: u32) {}
}

/// A store whose copier dies after so many requests.
pub(super) struct Mortal {
    store: MemoryStore,
    requests_left: Arc<AtomicI64>,
}

struct MortalSlots {
    slots: Arc<dyn SlotStore>,
    requests_left: Arc<AtomicI64>,
}

impl Mortal {
    pub(super) fn new() -> Arc<Mortal> {
        Arc::new(Mortal { store: MemoryStore::new(), requests_left: Arc::new(AtomicI64::new(i64::MAX)) })
    }

    pub(super) fn lives(&self, requests: i64) {
        self.requests_left.store(requests, Ordering::SeqCst);
    }

    fn of(&self, slots: Result<Arc<dyn SlotStore>, SlotError>) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(Arc::new(MortalSlots { slots: slots?, requests_left: Arc::clone(&self.requests_left) }))
    }
}

impl fmt::Debug for Mortal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Mortal")
    }
}

impl SharedStore for Mortal {
    fn journal(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError> {
        self.of(self.store.journal(journal_id))
    }

    fn name(&self, name: &str) -> Result<Arc<dyn SlotStore>, SlotError> {
        self.of(self.store.name(name))
    }

    fn keys(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError> {
        self.of(self.store.keys(journal_id))
    }

    fn remove_keys(&self, journal_id: UniqueId) -> Result<(), SlotError> {
        self.store.remove_keys(journal_id)
    }

    fn names(&self) -> Result<Vec<(String, u64)>, SlotError> {
        self.store.names()
    }

    fn remove(&self, journal_id: UniqueId, name: &str) -> Result<(), SlotError> {
        self.store.remove(journal_id, name)
    }
}

impl MortalSlots {
    fn alive(&self) -> Result<(), SlotError> {
        match self.requests_left.fetch_sub(1, Ordering::SeqCst) > 0 {
            true => Ok(()),
            false => Err(SlotError::Denied("the copier is dead".to_owned())),
        }
    }
}

impl SlotStore for MortalSlots {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        self.alive()?;
        self.slots.create(slot, bytes)
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        self.alive()?;
        self.slots.read(slot)
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        self.slots.tip_hint()
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        self.alive()?;
        self.slots.redact(slot, stored, bytes)
    }
}

pub(super) fn begin(copies: &Copies) -> Copy {
    let id = |number: u8| UniqueId::from_bytes([number; 16]);
    let origin = Origin {
        ledger_id: id(1),
        name: "a-ledger".to_owned(),
        begun_millis: 1,
        record: Value::from(7),
        is_sealed: false,
    };
    copies.begin(id(2), origin, None, &[]).unwrap()
}

/// The key of all copies that are sealed.
pub(super) fn key() -> SealingKey {
    SealingKey::from_bytes(&[7; 32])
}

pub(super) fn newest(copies: &Copies) -> Copy {
    copies.open(copies.list().unwrap().pop().unwrap(), Some(key())).unwrap()
}

pub(super) fn back_up(source: &dyn SlotStore, copies: &Copies) -> Result<Run, CopyError> {
    let known = copies.list()?.pop().unwrap();
    Backup::new(source, &copies.open(known, None)?, &mut Nobody, 1).run()
}

/// Why a copy is not what it may be. `before` is what was accepted before.
pub(super) fn bad(history: &History, copies: &Copies, before: &mut u64) -> Result<Verified, String> {
    let copy = newest(copies);
    let verified = verify(&copy, Vec::new(), &mut Nobody).map_err(|error| error.to_string())?;
    // A copier that died before the first slot leaves nothing to open.
    if verified.slots == 0 && *before == 0 {
        return Ok(verified);
    }
    if !verified.summary.is_clean() || verified.lost.is_some() {
        return Err(format!("a copy is damaged: {verified:?}"));
    }
    for (number, original) in (0..verified.slots).zip(&history.originals) {
        let stored = decode(&copy.slots().read(number).unwrap().unwrap()).unwrap();
        if stored.link() != decode(original).unwrap().link() {
            return Err(format!("slot {number} is not the source's"));
        }
    }
    let redactions = history.redactions();
    let known: Vec<_> =
        redactions.iter().filter(|(by, _)| *by < verified.slots).map(|(_, place)| *place).collect();
    let mut complete = verified.slots;
    let mut stands = false;
    for number in 0..verified.slots {
        let stored = decode(&copy.slots().read(number).unwrap().unwrap()).unwrap();
        if crate::slots::emptied(&stored).any(|place| !known.contains(&place)) {
            complete = complete.min(number);
        }
        let named: Vec<_> = known.iter().map(|place| (place.block, place.document_id)).collect();
        stands |= stored.redacted(&named).unwrap().encode().unwrap() != stored.encode().unwrap();
    }
    match verified.verdict() {
        Verdict::Refused if stands => return Ok(verified),
        Verdict::Refused => return Err("a good copy is refused".to_owned()),
        _ if stands => return Err("a copy is accepted that shows what it says is redacted".to_owned()),
        _ => {}
    }
    if verified.opens != complete {
        return Err(format!("it opens up to {}, and is complete up to {complete}", verified.opens));
    }
    if verified.opens < *before {
        return Err(format!("it opened up to {before}, and opens up to {} now", verified.opens));
    }
    *before = verified.opens;
    Ok(verified)
}

/// One copy from its beginning to its end, by copiers that die.
fn life_of_a_copy(seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let history = History::random(&mut random, 30);
    let source = Seen::new(&history);
    let store = Mortal::new();
    let copies = Copies::new(store.clone());
    begin(&copies);
    let mut accepted = 0;
    for _ in 0..8 {
        source.go_on(&mut random);
        let most = *random.pick(&[15, 100]);
        store.lives(i64::try_from(random.below(most)).unwrap());
        let _ = back_up(&source, &copies);
        store.lives(i64::MAX);
        bad(&history, &copies, &mut accepted)?;
    }
    source.finish();
    let run = back_up(&source, &copies).map_err(|error| error.to_string())?;
    let verified = bad(&history, &copies, &mut accepted)?;
    if verified.verdict() != Verdict::Whole || verified.slots != history.originals.len() as u64 {
        return Err(format!("the last run was completed, and the copy is not whole: {verified:?}"));
    }
    if verified.summary.digest != Some(history.ledger.digest()) || run.mark.digest != history.ledger.digest()
    {
        return Err("the copy has another digest".to_owned());
    }
    let copy = newest(&copies);
    for secret in &history.secrets {
        if (0..verified.slots).any(|slot| holds(&copy.slots().read(slot).unwrap().unwrap(), secret)) {
            return Err(format!("the copy still holds {secret:?}"));
        }
    }
    Ok(())
}

/// `COPIES_SEEDS` makes it longer.
pub(super) fn seeds() -> u64 {
    std::env::var("COPIES_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(40)
}

#[test]
fn a_copy_is_a_beginning_that_opens_ever_further_whenever_its_copier_dies() {
    for seed in 0..seeds() {
        life_of_a_copy(seed).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    }
}

#[test]
fn each_planted_mistake_of_a_copier_is_caught() {
    let mistakes = [
        "slots that are there are skipped",
        "emptied before the REDACT is copied",
        "emptied because it was read so",
        "incomplete copy is opened",
        "refused as a whole",
        "verify ignores what still stands",
    ];
    for mistake in mistakes {
        let caught = (0..200).find_map(|seed| planted::with(mistake, || life_of_a_copy(seed)).err());
        assert!(caught.is_some(), "{mistake}: nothing noticed it");
    }
}

/// Two copiers redact one slot: the replacement of the first is built on bytes that the second has replaced meanwhile.
#[test]
fn a_replacement_without_a_tag_and_a_create_that_overwrites_are_caught() {
    for (mistake, is_caught) in [("", false), ("replaced without tag", true), ("copy overwrites", true)] {
        let caught = (0..200).any(|seed| two_copiers(seed, mistake).is_err());
        assert_eq!(caught, is_caught, "{mistake}");
    }
}

/// A store that does what the contract forbids, and whose requests another copier overtakes.
#[derive(Debug)]
struct Loose {
    copies: Arc<Mortal>,
    mistake: &'static str,
}

/// A first copier reads everything; a second one does its whole run; then what the first one sends arrives.
fn two_copiers(seed: u64, mistake: &'static str) -> Result<(), String> {
    let mut random = Random::new(seed);
    let history = History::random(&mut random, 30);
    let source = Seen::new(&history);
    let loose = Loose { copies: Mortal::new(), mistake };
    let copies = Copies::new(loose.copies.clone());
    begin(&copies);
    // A copy of slots as they were before anything was redacted, without any sweep.
    source.finish();
    let copy = newest(&copies);
    let stale: Vec<Vec<u8>> = (0..).map_while(|slot| source.read(slot).unwrap()).collect();
    for (slot, bytes) in (0..).zip(&stale) {
        copy.slots().create(slot, bytes).unwrap();
    }
    let places: Vec<_> = history.redactions().into_iter().map(|(_, place)| place).collect();
    let Some(first) = places.first() else { return Ok(()) };
    let number = crate::sweep::Sweep::default()
        .slot_of(copy.slots(), first.block, stale.len() as u64)
        .map_err(|error| error.to_string())?;
    let (held, slot) = crate::slots::read(copy.slots(), number).map_err(|error| error.to_string())?;
    let emptied =
        crate::slots::without(number, &slot, &held, &[*first]).map_err(|error| error.to_string())?;
    back_up(&source, &copies).map_err(|error| error.to_string())?;
    loose.arrives(&copy, number, &held, &emptied.unwrap_or_else(|| held.clone()));
    bad(&history, &copies, &mut 0)?;
    match verify(&copy, Vec::new(), &mut Nobody).map_err(|error| error.to_string())?.verdict() {
        Verdict::Whole => Ok(()),
        verdict => Err(format!("both copiers are done, and the copy is {verdict:?}")),
    }
}

impl Loose {
    /// The late request of the first copier.
    fn arrives(&self, copy: &Copy, number: u64, held: &[u8], emptied: &[u8]) {
        let overwrite = |bytes: &[u8]| {
            let now = copy.slots().read(number).unwrap().unwrap();
            copy.slots().redact(number, &now, bytes).unwrap();
        };
        match self.mistake {
            "copy overwrites" => overwrite(held),
            "replaced without tag" => overwrite(emptied),
            _ => {
                let _ = copy.slots().create(number, held);
                let _ = copy.slots().redact(number, held, emptied);
            }
        }
    }
}

/// A source that went back, or went on differently, is not copied.
#[test]
fn a_source_that_lost_slots_or_went_on_with_others_is_refused() {
    let mut random = Random::new(3);
    let (history, other) = (History::random(&mut random, 20), History::random(&mut random, 30));
    let copies = Copies::new(Mortal::new());
    begin(&copies);
    let source = Seen::new(&history);
    source.finish();
    back_up(&source, &copies).unwrap();
    source.slots.fetch_sub(2, Ordering::SeqCst);
    let refused = back_up(&source, &copies).unwrap_err();
    assert!(refused.to_string().contains("the source ends with slot"), "{refused}");
    let source = Seen::new(&other);
    source.finish();
    let refused = back_up(&source, &copies).unwrap_err();
    assert!(matches!(refused, CopyError::Diverged(_)), "{refused}");
}

/// A run over a copy that is up to date reads and writes next to nothing, and a mark shows a copy that was cut.
#[test]
fn a_copy_that_lost_its_end_is_refused() {
    let mut random = Random::new(4);
    let history = History::random(&mut random, 20);
    let store = Mortal::new();
    let copies = Copies::new(store.clone());
    begin(&copies);
    let source = Seen::new(&history);
    source.finish();
    back_up(&source, &copies).unwrap();
    let again = back_up(&source, &copies).unwrap();
    assert_eq!((again.slots, again.bytes), (0, 0));
    let copy = newest(&copies);
    let kept: Vec<_> =
        (0..again.mark.slots - 1).map(|slot| copy.slots().read(slot).unwrap().unwrap()).collect();
    store.remove(copy.id(), "").unwrap();
    let copy = newest(&copies);
    for (slot, bytes) in (0..).zip(kept) {
        copy.slots().create(slot, &bytes).unwrap();
    }
    let verified = verify(&copy, Vec::new(), &mut Nobody).unwrap();
    assert_eq!(verified.verdict(), Verdict::Refused);
    assert!(matches!(back_up(&source, &copies), Err(CopyError::Damaged(_))));
}

/// Removing a copy leaves the others, and what a crash left of a removal is no copy.
#[test]
fn whole_copies_are_removed() {
    let mut random = Random::new(5);
    let history = History::random(&mut random, 10);
    let store = Mortal::new();
    let copies = Copies::new(store.clone());
    let first = begin(&copies);
    let source = Seen::new(&history);
    source.finish();
    back_up(&source, &copies).unwrap();
    let origin = Origin { begun_millis: 2, ..first.origin().clone() };
    copies.begin(UniqueId::from_bytes([3; 16]), origin, None, &[]).unwrap();
    back_up(&source, &copies).unwrap();
    let both = copies.list().unwrap();
    assert_eq!(both.iter().map(|copy| copy.origin.begun_millis).collect::<Vec<_>>(), [1, 2]);
    copies.remove(&both[0]).unwrap();
    let left = copies.list().unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(verify(&newest(&copies), Vec::new(), &mut Nobody).unwrap().verdict(), Verdict::Whole);
    assert_eq!(copies.remove_leftovers().unwrap(), []);
}
