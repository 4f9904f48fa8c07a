//! The contract of a slot store, as checks that any implementation can be put through.
//!
//! A store that breaks one clause can lose or fork a ledger, so each is checked by itself and names what it
//! saw. C4 and C6 allow a store to be vague; what they demand is that repeating the same bytes settles it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use everstrand_ion::{Document, Value};
use everstrand_journal::tree::Frontier;
use everstrand_journal::{
    BlockAddress, Draft, FormatError, Hash, ProposedRevision, ProposedTransaction, Slot, SlotContent,
    SlotHeader, UniqueId, WriterId,
};

use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};

/// A place where a journal can lie, as the checks need it: empty at first.
pub trait Placement: Send + Sync {
    /// The store, opened anew after whatever the placement promises to survive. Stores that were
    /// opened earlier have been dropped.
    fn reopen(&self) -> Arc<dyn SlotStore>;
}

/// A clause of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clause {
    /// C1: of all creates of a slot ever made, by anyone, at most one body is ever readable.
    OneBody,
    /// C2: after `Won` the body is readable for ever.
    Durable,
    /// C3: a read that starts after a `Won` returned gives the body; one that gives `None` precedes
    /// every later `Won`.
    Linearizable,
    /// C4: `Exists` may be spurious: then a read gives `None`, and the same bytes sent again settle it.
    ExistsIsRead,
    /// C5: no slot disappears.
    NoDeletion,
    /// C6: an `Unknown` create may take effect at any time, a `NotSent` one never.
    UnknownSettles,
    /// C7: bytes come back exactly or as `Corrupt`.
    NoSilentChange,
    /// C8: a slot is replaced by one with the same link only, and only while it holds the bytes that were read.
    RedactionKeepsLink,
}

impl Clause {
    /// C1 to C8.
    pub const ALL: [Clause; 8] = [
        Clause::OneBody,
        Clause::Durable,
        Clause::Linearizable,
        Clause::ExistsIsRead,
        Clause::NoDeletion,
        Clause::UnknownSettles,
        Clause::NoSilentChange,
        Clause::RedactionKeepsLink,
    ];
}

/// A body for a slot, told apart from others by `writer`, with `payload` at its end. It is no slot of the journal's
/// format: a store looks into what it keeps only to redact it.
pub fn body(slot: u64, writer: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![writer; 32];
    bytes[..8].copy_from_slice(&slot.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A slot of the journal's format, and the same slot after its only document was redacted.
pub struct Redactable {
    /// The slot with the document.
    pub whole: Vec<u8>,
    /// The slot without it.
    pub redacted: Vec<u8>,
}

/// A slot with one document, which has this text.
pub fn redactable(slot: u64, text: &str) -> Redactable {
    let id = UniqueId::from_bytes([1; 16]);
    let transaction = ProposedTransaction {
        transaction_id: id,
        revisions: vec![ProposedRevision {
            document_id: id,
            version: 0,
            table_id: id,
            table_name: "t".into(),
            statements: Vec::new(),
            data: Some(Document::from(&Value::from(text))),
        }],
        ..ProposedTransaction::default()
    };
    let header = SlotHeader {
        strand_id: id,
        slot,
        writer: WriterId { id, attempt: 0 },
        previous_link: Hash([0; 32]),
        first_block_no: 0,
    };
    let make = || {
        let draft = Draft::new(&transaction)?;
        let block = draft.seal(BlockAddress { strand_id: id, sequence_no: 0 }, 0, None);
        let whole = Slot::new(header, &Frontier::empty(), SlotContent::Blocks(vec![block]))?;
        let redacted = whole.redacted(&[(0, id)])?;
        Ok(Redactable { whole: whole.encode()?, redacted: redacted.encode()? })
    };
    make().unwrap_or_else(|error: FormatError| panic!("a slot of one document: {error}"))
}

/// Checks one clause; the error says what was seen.
pub fn check(clause: Clause, placement: &dyn Placement) -> Result<(), String> {
    match clause {
        Clause::OneBody => one_body(placement),
        Clause::Durable => durable(placement),
        Clause::Linearizable => linearizable(placement),
        Clause::ExistsIsRead => exists_is_read(placement),
        Clause::NoDeletion => no_deletion(placement),
        Clause::UnknownSettles => unknown_settles(placement),
        Clause::NoSilentChange => no_silent_change(placement),
        Clause::RedactionKeepsLink => redaction_keeps_link(placement),
    }
}

/// Creates a slot whatever it takes, as a committer does: the body that holds it in the end.
pub fn settle(store: &dyn SlotStore, slot: u64, bytes: &[u8]) -> Result<Vec<u8>, String> {
    for _ in 0..100 {
        match store.create(slot, bytes) {
            Ok(Created::Won) => return Ok(bytes.to_vec()),
            Ok(Created::Exists) => {
                if let Some(stored) = read(store, slot)? {
                    return Ok(stored);
                }
            }
            Err(SlotError::Unknown(_) | SlotError::NotSent(_)) => {}
            Err(error) => return Err(format!("creating slot {slot}: {error}")),
        }
    }
    Err(format!("slot {slot} was not settled by 100 attempts with the same bytes"))
}

const WRITERS: u8 = 8;
const ROUNDS: u64 = 8;

fn one_body(placement: &dyn Placement) -> Result<(), String> {
    let mut winners = Vec::new();
    {
        let store = placement.reopen();
        for slot in 0..ROUNDS {
            let create = |writer| (writer, store.create(slot, &body(slot, writer, b"racing")));
            let answers: Vec<(u8, Result<Created, SlotError>)> = thread::scope(|scope| {
                let racing: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || create(writer))).collect();
                racing.into_iter().filter_map(|racer| racer.join().ok()).collect()
            });
            let won: Vec<u8> = answers
                .iter()
                .filter(|(_, it)| matches!(it, Ok(Created::Won)))
                .map(|(writer, _)| *writer)
                .collect();
            let [winner] = won[..] else {
                return Err(format!("{} of {WRITERS} creates of slot {slot} won", won.len()));
            };
            winners.push(body(slot, winner, b"racing"));
            match store.create(slot, &body(slot, WRITERS, b"late")) {
                Ok(Created::Exists) => {}
                other => return Err(format!("a late create of slot {slot} answered {other:?}")),
            }
            expect(&*store, slot, Some(&winners[winners.len() - 1]))?;
        }
        match store.create(ROUNDS + 1, &body(ROUNDS + 1, 0, b"")) {
            Err(SlotError::NotSent(_)) => expect(&*store, ROUNDS + 1, None)?,
            other => return Err(format!("creating a slot behind a gap answered {other:?}")),
        }
    }
    let store = placement.reopen();
    (0..).zip(&winners).try_for_each(|(slot, winner)| expect(&*store, slot, Some(winner)))
}

fn durable(placement: &dyn Placement) -> Result<(), String> {
    for slot in 0..ROUNDS {
        let store = placement.reopen();
        for earlier in 0..slot {
            expect(&*store, earlier, Some(&body(earlier, 0, b"durable")))?;
        }
        expect(&*store, slot, None)?;
        won(&*store, slot, &body(slot, 0, b"durable"))?;
    }
    Ok(())
}

fn linearizable(placement: &dyn Placement) -> Result<(), String> {
    let store = placement.reopen();
    for slot in 0..ROUNDS {
        let bytes = body(slot, 0, b"linear");
        expect(&*store, slot, None)?;
        let has_won = AtomicBool::new(false);
        let watch = || {
            let mut seen = false;
            loop {
                let must_be_there = seen || has_won.load(Ordering::SeqCst);
                match read(&*store, slot)? {
                    Some(stored) if stored == bytes => seen = true,
                    None if !must_be_there => {}
                    other => return Err(format!("a read of slot {slot} gave {other:?} after it was won")),
                }
                if must_be_there {
                    return Ok(());
                }
            }
        };
        thread::scope(|scope| {
            let watchers: Vec<_> = (0..4).map(|_| scope.spawn(watch)).collect();
            let created = won(&*store, slot, &bytes);
            has_won.store(true, Ordering::SeqCst);
            let mut outcomes = watchers.into_iter().map(|watcher| watcher.join());
            created.and(outcomes.try_for_each(|it| it.unwrap_or_else(|_| Err("a reader panicked".into()))))
        })?;
        expect(&*store, slot, Some(&bytes))?;
    }
    Ok(())
}

fn exists_is_read(placement: &dyn Placement) -> Result<(), String> {
    let store = placement.reopen();
    for slot in 0..ROUNDS {
        let (mine, foreign) = (body(slot, 0, b"mine"), body(slot, 1, b"foreign"));
        let settled = settle(&*store, slot, &mine)?;
        if settled != mine {
            return Err(format!("slot {slot} was settled with bytes that nobody sent"));
        }
        if settle(&*store, slot, &foreign)? != mine {
            return Err(format!("slot {slot} was taken, and then taken again"));
        }
        expect(&*store, slot, Some(&mine))?;
    }
    Ok(())
}

fn no_deletion(placement: &dyn Placement) -> Result<(), String> {
    let slots = 200;
    let store = placement.reopen();
    for slot in 0..slots {
        won(&*store, slot, &body(slot, 0, &[7; 100]))?;
        expect(&*store, slot / 2, Some(&body(slot / 2, 0, &[7; 100])))?;
    }
    drop(store);
    let store = placement.reopen();
    for slot in 0..slots {
        expect(&*store, slot, Some(&body(slot, 0, &[7; 100])))?;
    }
    let all = store.read_many(0, usize::MAX).map_err(|error| error.to_string())?;
    if all.is_empty() {
        return Err("reading many slots gave none".into());
    }
    for (slot, bytes) in (0..).zip(&all) {
        if *bytes != body(slot, 0, &[7; 100]) {
            return Err(format!("reading many slots gave other bytes for slot {slot}"));
        }
    }
    match store.tip_hint() {
        Ok(Some(hint)) if hint >= slots => {
            Err(format!("the hint {hint} is above the last slot {}", slots - 1))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn unknown_settles(placement: &dyn Placement) -> Result<(), String> {
    let mut open = Some(placement.reopen());
    for slot in 0..ROUNDS {
        let bytes = body(slot, 0, b"settles");
        let store = open.take().unwrap_or_else(|| placement.reopen());
        match store.create(slot, &bytes) {
            Ok(Created::Won) => {}
            Ok(Created::Exists) => return Err(format!("slot {slot} exists before its first create")),
            Err(SlotError::NotSent(_) | SlotError::Full(_)) => {
                expect(&*store, slot, None)?;
                settle(&*store, slot, &bytes)?;
            }
            Err(_) => {
                // A store may demand to be opened again before it decides.
                drop(store);
                let store = placement.reopen();
                if settle(&*store, slot, &bytes)? != bytes {
                    return Err(format!("slot {slot} holds bytes that nobody sent"));
                }
                expect(&*store, slot, Some(&bytes))?;
                open = Some(store);
                continue;
            }
        }
        expect(&*store, slot, Some(&bytes))?;
        open = Some(store);
    }
    Ok(())
}

fn no_silent_change(placement: &dyn Placement) -> Result<(), String> {
    let lengths = [0, 1, 7, 8, 9, 31, 511, 512, 513, 4063, 4064, 4065, 65_536, 1_048_577, 3];
    let bodies: Vec<Vec<u8>> = (0..)
        .zip(lengths)
        .map(|(slot, length)| {
            let mixed = (0..length as u64).map(|at| at.wrapping_mul(0x9e37_79b9).to_le_bytes()[2]);
            body(slot, 0, &if slot % 2 == 0 { vec![0; length] } else { mixed.collect() })
        })
        .collect();
    let store = placement.reopen();
    for (slot, bytes) in (0..).zip(&bodies) {
        won(&*store, slot, bytes)?;
        expect(&*store, slot, Some(bytes))?;
    }
    drop(store);
    let store = placement.reopen();
    (0..).zip(&bodies).try_for_each(|(slot, bytes)| expect(&*store, slot, Some(bytes)))
}

fn redaction_keeps_link(placement: &dyn Placement) -> Result<(), String> {
    let slots = 50;
    let each: Vec<Redactable> = (0..=slots).map(|slot| redactable(slot, "a secret of somebody")).collect();
    let of = |slot: u64| &each[usize::try_from(slot).unwrap_or(usize::MAX)];
    let (bytes, redacted) = (|slot| &of(slot).whole, |slot| &of(slot).redacted);
    let store = placement.reopen();
    for slot in 0..slots {
        won(&*store, slot, bytes(slot))?;
    }
    let refused = |outcome: Result<(), SlotError>, what: &str| match outcome {
        Ok(()) => Err(format!("a redaction {what} was done")),
        Err(_) => Ok(()),
    };
    refused(store.redact(3, bytes(4), redacted(3)), "of bytes that the slot does not hold")?;
    refused(store.redact(3, bytes(3), redacted(4)), "by a slot with another link")?;
    refused(store.redact(3, bytes(4), redacted(4)), "of another slot")?;
    refused(store.redact(slots, bytes(3), redacted(3)), "of a slot that does not exist")?;
    refused(store.redact(3, bytes(3), b"no slot"), "by bytes that are no slot")?;
    expect(&*store, 3, Some(bytes(3)))?;
    for slot in [0, 3, slots - 1] {
        store
            .redact(slot, bytes(slot), redacted(slot))
            .map_err(|error| format!("redacting slot {slot}: {error}"))?;
        // By the link alone this would bring the data back.
        refused(store.redact(slot, bytes(slot), bytes(slot)), "of bytes that another redaction replaced")?;
    }
    won(&*store, slots, bytes(slots))?;
    let check = |store: &dyn SlotStore| {
        (0..=slots).try_for_each(|slot| {
            let changed = [0, 3, slots - 1].contains(&slot);
            expect(store, slot, Some(if changed { redacted(slot) } else { bytes(slot) }))
        })
    };
    check(&*store)?;
    drop(store);
    check(&*placement.reopen())
}

fn won(store: &dyn SlotStore, slot: u64, bytes: &[u8]) -> Result<(), String> {
    match store.create(slot, bytes) {
        Ok(Created::Won) => Ok(()),
        other => Err(format!("creating slot {slot}, which nobody else does, answered {other:?}")),
    }
}

fn read(store: &dyn SlotStore, slot: u64) -> Result<Option<Vec<u8>>, String> {
    store.read(slot).map_err(|error| format!("reading slot {slot}: {error}"))
}

fn expect(store: &dyn SlotStore, slot: u64, expected: Option<&Vec<u8>>) -> Result<(), String> {
    let stored = read(store, slot)?;
    if stored.as_ref() == expected {
        return Ok(());
    }
    let say = |bytes: Option<&Vec<u8>>| {
        bytes.map_or("nothing".to_owned(), |bytes| format!("{} bytes", bytes.len()))
    };
    Err(format!("slot {slot} gave {} where {} were expected", say(stored.as_ref()), say(expected)))
}

/// The slots that a store holds, in order: for tests that compare whole journals.
pub fn slots_of(store: &dyn SlotStore) -> Result<Vec<Vec<u8>>, SlotError> {
    let mut slots = Vec::new();
    loop {
        let more = store.read_many(slots.len() as u64, 1024 * 1024)?;
        if more.is_empty() {
            return Ok(slots);
        }
        slots.extend(more);
    }
}
