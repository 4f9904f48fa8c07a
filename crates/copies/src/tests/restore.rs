//! What must hold of a restored ledger: to every block it answers as the copied one did as of that block.

use std::collections::BTreeSet;
use std::sync::Arc;

use everstrand_journal::{Auditor, Digest, SavedDigest, UniqueId, check_slot};
use everstrand_ledger::Ledger;
use everstrand_ledger::storage::MemorySlots;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_testkit::Random;

use super::backup::{Mortal, Nobody, begin, newest};
use super::history::{History, Seen, commit, holds, open, query};
use crate::planted;
use crate::slots::{decode, emptied, listed, redacted_by, redactions};
use crate::{Backup, Copies, Point, Restore, Restored};

const TABLES: [&str; 3] = ["One", "Two", "Three"];

fn saved(digest: Digest) -> SavedDigest {
    SavedDigest {
        name: format!("the digest at {}", digest.digest_tip_address.sequence_no),
        digest,
        proof: None,
    }
}

/// Audits a journal against digests; answers the texts of what was found.
fn audit(slots: &dyn SlotStore, digests: &[Digest]) -> Vec<String> {
    let mut auditor = Auditor::new(digests.iter().copied().map(saved));
    let mut found = Vec::new();
    for number in 0.. {
        let Some(bytes) = slots.read(number).unwrap() else { break };
        let slot = decode(&bytes).unwrap();
        found.extend(auditor.checked_slot(&slot, check_slot(&slot)));
    }
    let (_, missing) = auditor.finish();
    found.into_iter().chain(missing).map(|deviation| deviation.detail).collect()
}

/// Answers of `before` as of a block, and of `after` now, that differ.
fn different_answers(before: &Ledger, after: &Ledger, block: u64) -> Result<(), String> {
    for table in TABLES {
        let now = query(after, &format!("SELECT id, t AS row FROM {table} AS t BY id"));
        let then = query(before, &format!("SELECT id, t AS row FROM {table} AS OF {block} AS t BY id"));
        if now.as_ref().ok() != then.as_ref().ok() {
            return Err(format!("table {table} as of {block}: {now:?} and not {then:?}"));
        }
        if now.is_err() {
            continue;
        }
        let history = format!(
            "SELECT h.blockAddress, h.hash, h.metadata, h.data FROM history({table}) AS h \
             WHERE h.blockAddress.sequenceNo <= {block}"
        );
        let (now, then) = (query(after, &history), query(before, &history));
        if then.is_ok() && now != then {
            return Err(format!("history of {table} up to {block}: {now:?} and not {then:?}"));
        }
    }
    for number in 0..=block {
        let hash =
            |ledger: &Ledger| ledger.block(number).unwrap().map(|block| (block.address(), block.hash()));
        if hash(before) != hash(after) {
            return Err(format!("block {number} has another hash or address"));
        }
    }
    Ok(())
}

/// A ledger that was restored from the copy in `copies`, up to a block.
fn restored(copies: &Copies, block: u64, strand: u8) -> Result<(Arc<MemorySlots>, Restored), String> {
    let copy = newest(copies);
    let target = Arc::new(MemorySlots::new());
    let restore =
        Restore::plan(&copy, Point::Block(block), None, &mut Nobody).map_err(|error| error.to_string())?;
    let strand_id = UniqueId::from_bytes([strand; 16]);
    let done = restore.write(&*target, strand_id, UniqueId::from_bytes([9; 16]), &mut Nobody);
    Ok((target, done.map_err(|error| error.to_string())?))
}

/// Checks a restored ledger against the one that was copied. `journal` has the slots of the copied one.
fn check_restored(
    original: &Ledger,
    journal: &[Vec<u8>],
    target: &Arc<MemorySlots>,
    restored: &Restored,
    block: u64,
) -> Result<Ledger, String> {
    let last = target.tip_hint().unwrap().unwrap();
    let fork = decode(&target.read(last).unwrap().unwrap()).unwrap();
    if fork.addition().and_then(|addition| addition.fork.clone()).as_ref() != Some(&restored.fork) {
        return Err("a restored ledger without fork slot is served".to_owned());
    }
    let (_, environment) = super::history::environment(77);
    let ledger = open(target.clone(), &environment);
    different_answers(original, &ledger, block)?;
    if ledger.digest_at(block).ok() != original.digest_at(block).ok() || ledger.digest() != restored.digest {
        return Err(format!("another digest at block {block}"));
    }
    // What is listed is just what shows and was redacted by a block that was not restored.
    let mut known = BTreeSet::new();
    let mut own = BTreeSet::new();
    let mut shown = BTreeSet::new();
    for bytes in journal {
        let slot = decode(bytes).unwrap();
        known.extend(redacted_by(&slot).into_iter().map(|redaction| redaction.place));
        own.extend(
            redactions(&slot)
                .into_iter()
                .filter(|redaction| redaction.by <= block)
                .map(|redaction| redaction.place),
        );
        if slot.frontier().size() <= block + 1 && slot.header().slot <= restored.fork.slot {
            own.extend(listed(&slot).into_iter().map(|redaction| redaction.place));
        }
    }
    for slot in 0..=last {
        shown.extend(emptied(&decode(&target.read(slot).unwrap().unwrap()).unwrap()));
    }
    let missing: Vec<_> =
        known.iter().filter(|place| place.block <= block && !shown.contains(*place)).collect();
    if !missing.is_empty() {
        return Err(format!("it shows data that is redacted: {missing:?}"));
    }
    let listed: BTreeSet<_> =
        restored.fork.redactions.iter().map(|redaction| (redaction.block, redaction.document_id)).collect();
    let expected: BTreeSet<_> = known
        .iter()
        .filter(|place| place.block <= block && !own.contains(*place))
        .map(|place| (place.block, place.document_id))
        .collect();
    if listed != expected {
        return Err(format!("the fork lists {listed:?} and not {expected:?}"));
    }
    let found =
        audit(&**target, &[original.digest_at(block).unwrap(), original.digest_at(block / 2).unwrap()]);
    match found.first() {
        None => Ok(ledger),
        Some(first) => Err(format!("its audit found: {first}")),
    }
}

/// A history, its copy, a ledger restored from it that goes on, the copy of that one, and a ledger restored from this.
fn two_restores(seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let history = History::random(&mut random, 35);
    let copies = Copies::new(Mortal::new());
    begin(&copies);
    let source = Seen::new(&history);
    (0..3).for_each(|_| source.go_on(&mut random));
    source.finish();
    Backup::new(&source, &newest(&copies), &mut Nobody, 1).run().map_err(|error| error.to_string())?;
    let block = random.below(history.blocks());
    let (target, done) = restored(&copies, block, 50)?;
    let ledger = check_restored(&history.ledger, &history.originals, &target, &done, block)?;
    // It goes on by itself, and what it writes has its own strand.
    commit(&ledger, &[("CREATE TABLE Own".to_owned(), Vec::new())]);
    commit(&ledger, &[("INSERT INTO Own VALUE {'a': 1}".to_owned(), Vec::new())]);
    let tip = ledger.digest().digest_tip_address;
    if (tip.strand_id, tip.sequence_no) != (UniqueId::from_bytes([50; 16]), block + 2) {
        return Err(format!("its blocks go on at {tip:?}"));
    }
    let mut digests = vec![ledger.digest(), history.ledger.digest_at(block).unwrap()];
    if let Some(first) = audit(&*target, &digests).first() {
        return Err(format!("the audit of the ledger that went on found: {first}"));
    }
    // A digest that the copied ledger gave later is answered with what happened.
    if block + 1 < history.blocks() {
        digests.push(history.ledger.digest_at(block + 1).unwrap());
        let found = audit(&*target, &digests);
        if found.len() != 1 || !found[0].contains("This ledger was restored from that strand up to block") {
            return Err(format!("a digest from after the restored block is answered with {found:?}"));
        }
    }
    let again = Copies::new(Mortal::new());
    begin(&again);
    Backup::new(&*target, &newest(&again), &mut Nobody, 1).run().map_err(|error| error.to_string())?;
    let journal: Vec<_> = (0..).map_while(|slot| target.read(slot).unwrap()).collect();
    let block = random.below(block + 3);
    let (target, done) = restored(&again, block, 51)?;
    check_restored(&ledger, &journal, &target, &done, block)?;
    for secret in &history.secrets {
        if (0..).map_while(|slot| target.read(slot).unwrap()).any(|bytes| holds(&bytes, secret)) {
            return Err(format!("the restored ledger holds {secret:?}"));
        }
    }
    Ok(())
}

/// `COPIES_SEEDS` makes it longer.
#[test]
fn a_ledger_restored_to_any_block_answers_as_the_copied_one_did_as_of_it() {
    let seeds = std::env::var("COPIES_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(60);
    for seed in 0..seeds {
        two_restores(seed).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    }
}

#[test]
fn each_planted_mistake_of_a_restore_is_caught() {
    let mistakes = [
        "served without a fork slot",
        "fork slot without list",
        "the rest of its slot is not searched",
        "fork slot byte for byte",
        "list of the older fork slot is left out",
    ];
    for mistake in mistakes {
        let caught = (0..300).find_map(|seed| planted::with(mistake, || two_restores(seed)).err());
        assert!(caught.is_some(), "{mistake}: nothing noticed it");
    }
}

/// A copy is restored only up to where it opens, whether its copier died or not.
fn of_an_incomplete_copy(seed: u64) -> Result<bool, String> {
    let mut random = Random::new(seed);
    let history = History::random(&mut random, 35);
    let store = Mortal::new();
    let copies = Copies::new(store.clone());
    begin(&copies);
    let source = Seen::new(&history);
    let mut refused = false;
    for _ in 0..6 {
        source.go_on(&mut random);
        let most = *random.pick(&[15, 60]);
        store.lives(i64::try_from(random.below(most)).unwrap());
        let _ = super::backup::back_up(&source, &copies);
        store.lives(i64::MAX);
        let slots = newest(&copies).slot_count().map_err(|error| error.to_string())?;
        let Some(last) = slots.checked_sub(1) else { continue };
        let last = decode(&newest(&copies).slots().read(last).unwrap().unwrap()).unwrap();
        let block = random.below(last.frontier().size());
        match restored(&copies, block, 50) {
            Err(why) if why.contains("incomplete") => refused = true,
            Err(why) => return Err(why),
            Ok((target, done)) => {
                let journal: Vec<_> = (0..slots)
                    .map(|slot| history.originals[usize::try_from(slot).unwrap()].clone())
                    .collect();
                match check_restored(&history.ledger, &journal, &target, &done, block) {
                    // The original shows without its data what was redacted beyond the copy.
                    Err(why) if why.starts_with("table") || why.starts_with("history") => {}
                    checked => drop(checked?),
                }
                let known: BTreeSet<_> = journal
                    .iter()
                    .flat_map(|bytes| redacted_by(&decode(bytes).unwrap()))
                    .map(|redaction| redaction.place)
                    .collect();
                for slot in 0..=target.tip_hint().unwrap().unwrap() {
                    let shown = decode(&target.read(slot).unwrap().unwrap()).unwrap();
                    if emptied(&shown).any(|place| !known.contains(&place)) {
                        return Err(
                            "a ledger was restored that shows emptied data and does not know why".to_owned()
                        );
                    }
                }
            }
        }
    }
    Ok(refused)
}

#[test]
fn nothing_is_restored_from_where_a_copy_is_incomplete() {
    let mut refused = 0;
    for seed in 0..100 {
        refused += u32::from(of_an_incomplete_copy(seed).unwrap_or_else(|why| panic!("seed {seed}: {why}")));
    }
    assert!(refused > 0, "no copy was incomplete");
    let caught = (0..300)
        .any(|seed| planted::with("incomplete copy is restored", || of_an_incomplete_copy(seed)).is_err());
    assert!(caught, "an incomplete copy was restored, and nothing noticed it");
}

/// By time, and beyond the end.
#[test]
fn a_point_is_a_block_or_a_time() {
    let mut random = Random::new(11);
    let history = History::random(&mut random, 20);
    let copies = Copies::new(Mortal::new());
    begin(&copies);
    let source = Seen::new(&history);
    source.finish();
    Backup::new(&source, &newest(&copies), &mut Nobody, 1).run().unwrap();
    let copy = newest(&copies);
    let plan = |point| Restore::plan(&copy, point, None, &mut Nobody).map(|restore| restore.block());
    let last = history.blocks() - 1;
    assert_eq!(plan(Point::End).unwrap(), last);
    assert_eq!(plan(Point::Time(i64::MAX)).unwrap(), last);
    for block in 0..=last {
        let time = history.ledger.block(block).unwrap().unwrap().timestamp();
        let at = plan(Point::Time(time)).unwrap();
        let is_later =
            |number: u64| history.ledger.block(number).unwrap().is_none_or(|block| block.timestamp() > time);
        assert!(at >= block && is_later(at + 1));
    }
    assert!(plan(Point::Block(last + 1)).is_err());
    assert!(plan(Point::Time(0)).is_err());
}
