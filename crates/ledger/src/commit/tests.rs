//! The committer, event by event.

use std::ops::Bound;

use everstrand_ion::{Document, Struct, Value};
use everstrand_journal::{
    Block, BlockAddress, CatalogChange, Draft, Hash, ProposedRevision, ProposedTransaction, SlotContent,
    SlotHeader,
};

use super::future::{CommitFuture, Committed, pair};
use super::*;
use crate::core::Environment;
use crate::occ::read_set::ReadSet;
use crate::occ::recent_writes::Footprint;
use crate::recover;
use crate::storage::slots::SlotStore;
use crate::storage::views::ViewStore;
use crate::storage::{MemorySlots, MemoryView};
use crate::{BufferedBytes, ManualClock, SeededIds};

mod equal_keys;
mod shared;

const NOW: i64 = 1_000;

/// A committer and what lies around it.
struct World {
    slots: MemorySlots,
    views: MemoryView,
    committer: Committer,
    published: Arc<Snapshot>,
    now: i64,
}

impl World {
    fn new() -> World {
        World::with(&LedgerOptions::default())
    }

    fn with(options: &LedgerOptions) -> World {
        let (slots, views) = (MemorySlots::new(), MemoryView::new());
        let environment =
            Environment { clock: Arc::new(ManualClock::new(NOW)), ids: Arc::new(SeededIds::new(7)) };
        let opened = recover::open(&slots, &views, &environment, None).unwrap();
        let published = Arc::clone(&opened.snapshot);
        let recent = Arc::new(Mutex::new(RecentWrites::new(0)));
        let committer = opened.committer(options, recent);
        let mut world = World { slots, views, committer, published, now: NOW };
        let (create, future) = world.proposal(1, |transaction, footprint| {
            let change = CatalogChange::CreateTable { table_id: id(100), name: "t".to_owned(), tags: None };
            transaction.catalog_changes.push(change);
            footprint.table_ids.push(id(100));
        });
        world.run(vec![create]);
        assert!(future.wait().is_ok());
        world
    }

    /// A transaction on the published snapshot.
    fn proposal(
        &self,
        number: u8,
        fill: impl FnOnce(&mut ProposedTransaction, &mut Footprint),
    ) -> ((Proposal, CommitReply), CommitFuture) {
        let mut transaction =
            ProposedTransaction { transaction_id: id(number), transaction_time: NOW, ..Default::default() };
        let mut footprint = Footprint::default();
        fill(&mut transaction, &mut footprint);
        let committed =
            Committed { transaction_id: id(number), commit_digest: Hash([number; 32]), block_address: None };
        let proposal = Proposal {
            committed,
            snapshot: Arc::clone(&self.published),
            reads: ReadSet::default(),
            footprint,
            draft: Draft::new(&transaction).unwrap(),
            kept: BufferedBytes::default().charge(),
        };
        let (reply, future) = pair();
        ((proposal, reply), future)
    }

    /// The insert of a document that touches this key.
    fn insert(&self, number: u8, key: &[u8]) -> ((Proposal, CommitReply), CommitFuture) {
        self.insert_but(number, key, &|_| {})
    }

    /// The same, but for a change.
    fn insert_but(
        &self,
        number: u8,
        key: &[u8],
        but: &dyn Fn(&mut ProposedTransaction),
    ) -> ((Proposal, CommitReply), CommitFuture) {
        self.proposal(number, |transaction, footprint| {
            transaction.revisions.push(inserted(number));
            but(transaction);
            footprint.documents.push(id(number));
            footprint.tables.push(id(100));
            footprint.keys.push(key.to_vec());
        })
    }

    fn step(&mut self, event: Event) -> Vec<Action> {
        self.committer.on(event, self.now)
    }

    /// Does all that follows from these proposals.
    fn run(&mut self, proposals: Vec<(Proposal, CommitReply)>) {
        let actions = self.step(proposed(proposals));
        self.perform(actions);
    }

    fn perform(&mut self, actions: Vec<Action>) {
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            let event = match action {
                Action::Create { slot, bytes } => Event::Created(self.slots.create(slot, &bytes)),
                Action::Read { slot } => Event::Read(self.slots.read(slot)),
                Action::WriteView { batch, applied } => {
                    self.views.commit(&batch, applied).unwrap();
                    Event::ViewWritten(self.views.snapshot())
                }
                Action::Publish(snapshot) => {
                    self.published = snapshot;
                    continue;
                }
                Action::Reply(answer) => {
                    answer.send();
                    continue;
                }
                Action::Wait { .. } => waited(),
                Action::Redact { .. } => Event::Redacted(Ok(())),
                Action::DistrustView(_) | Action::Fault(_) | Action::Adopt(_) => continue,
            };
            actions.extend(self.step(event));
        }
    }

    fn tip(&self) -> u64 {
        self.published.head.tip.block_no
    }
}

/// The first revision of a document.
fn inserted(number: u8) -> ProposedRevision {
    let data = Document::from(&Value::from(Struct::from_iter([("k", Value::from(i64::from(number)))])));
    ProposedRevision {
        document_id: id(number),
        version: 0,
        table_id: id(100),
        table_name: "t".into(),
        statements: vec![0],
        data: Some(data),
    }
}

fn proposed(proposals: Vec<(Proposal, CommitReply)>) -> Event {
    Event::Arrived(Arrivals { proposals, ..Arrivals::default() })
}

fn waited() -> Event {
    Event::Waited { is_closing: false }
}

fn id(number: u8) -> UniqueId {
    UniqueId::from_bytes([number; 16])
}

fn block_of(future: CommitFuture) -> u64 {
    future.wait().unwrap().block_address.unwrap().sequence_no
}

fn is_conflict(future: CommitFuture) -> bool {
    matches!(future.wait(), Err(LedgerError::OccConflict { .. }))
}

/// The slot and the bytes of the one create among these actions.
fn create_of(actions: &[Action]) -> (u64, Arc<Vec<u8>>) {
    let [Action::Create { slot, bytes }] = actions else {
        panic!("not one create");
    };
    (*slot, Arc::clone(bytes))
}

#[test]
fn what_arrives_together_goes_into_one_slot() {
    let mut world = World::new();
    let (first, first_answer) = world.insert(2, b"a");
    let (second, second_answer) = world.insert(3, b"b");
    let actions = world.step(proposed(vec![first, second]));
    let (slot, bytes) = create_of(&actions);
    assert_eq!((slot, Slot::decode(bytes.to_vec()).unwrap().blocks().len()), (2, 2));
    world.perform(actions);
    assert_eq!((block_of(first_answer), block_of(second_answer), world.tip()), (2, 3, 3));
}

#[test]
fn what_arrives_meanwhile_goes_into_the_next_slot() {
    let mut world = World::new();
    let (first, first_answer) = world.insert(2, b"a");
    let (second, second_answer) = world.insert(3, b"b");
    let actions = world.step(proposed(vec![first]));
    assert!(world.step(proposed(vec![second])).is_empty());
    world.perform(actions);
    assert_eq!((block_of(first_answer), block_of(second_answer)), (2, 3));
    assert_eq!(world.published.head.tip.slot, 3);
}

#[test]
fn a_transaction_is_validated_against_earlier_ones_of_its_group() {
    let mut world = World::new();
    let (writer, written) = world.insert(2, b"key");
    let reads: [fn(&mut ReadSet); 5] = [
        |reads| {
            reads.documents.insert(id(2));
        },
        |reads| {
            reads.tables.insert(id(100));
        },
        |reads| reads.span(id(100), Bound::Included(b"key".to_vec()), Bound::Included(b"key".to_vec())),
        |reads| reads.span(id(100), Bound::Included(b"ka".to_vec()), Bound::Excluded(b"kz".to_vec())),
        |reads| reads.span(id(100), Bound::Unbounded, Bound::Unbounded),
    ];
    let mut group = vec![writer];
    let mut losers = Vec::new();
    for (number, read) in (10..).zip(reads) {
        let ((mut proposal, reply), answer) = world.insert(number, b"other");
        read(&mut proposal.reads);
        group.push((proposal, reply));
        losers.push(answer);
    }
    let ((mut unrelated, reply), kept) = world.insert(20, b"third");
    unrelated.reads.documents.insert(id(99));
    unrelated.reads.span(id(100), Bound::Excluded(b"key".to_vec()), Bound::Unbounded);
    group.push((unrelated, reply));

    world.run(group);
    assert_eq!(block_of(written), 2);
    assert!(losers.into_iter().all(is_conflict));
    assert_eq!(block_of(kept), 3);
}

#[test]
fn a_transaction_is_validated_against_what_was_committed_since_its_snapshot() {
    let mut world = World::new();
    let ((mut late, reply), lost) = world.insert(2, b"x");
    late.reads.span(id(100), Bound::Included(b"k".to_vec()), Bound::Included(b"k".to_vec()));
    let (early, won) = world.insert(3, b"k");
    world.run(vec![early]);
    assert_eq!(block_of(won), 2);
    world.run(vec![(late, reply)]);
    assert!(is_conflict(lost));

    // The same read on the snapshot after it holds.
    let ((mut again, reply), answer) = world.insert(2, b"x");
    again.reads.span(id(100), Bound::Included(b"k".to_vec()), Bound::Included(b"k".to_vec()));
    world.run(vec![(again, reply)]);
    assert_eq!(block_of(answer), 3);
}

#[test]
fn an_unknown_outcome_is_settled_by_the_same_bytes() {
    for happened in [false, true] {
        let mut world = World::new();
        let (proposal, answer) = world.insert(2, b"a");
        let actions = world.step(proposed(vec![proposal]));
        let (slot, bytes) = create_of(&actions);
        if happened {
            world.slots.create(slot, &bytes).unwrap();
        }
        let actions = world.step(Event::Created(Err(SlotError::Unknown("no answer".to_owned()))));
        assert!(matches!(actions[..], [Action::Wait { .. }]));
        // Nothing else may be sent for this slot meanwhile.
        let (other, other_answer) = world.insert(3, b"b");
        assert!(world.step(proposed(vec![other])).is_empty());
        let actions = world.step(waited());
        assert_eq!(create_of(&actions), (slot, bytes));
        world.perform(actions);
        assert_eq!((block_of(answer), block_of(other_answer)), (2, 3));
    }
}

#[test]
fn an_outcome_that_stays_unknown_closes_the_ledger_for_writing() {
    let mut world = World::new();
    let (proposal, answer) = world.insert(2, b"a");
    let (waiting, waiting_answer) = world.insert(3, b"b");
    let mut actions = world.step(proposed(vec![proposal]));
    let first = create_of(&actions);
    world.step(proposed(vec![waiting]));
    for _ in 1..LedgerOptions::default().unknown_outcome_attempts {
        assert_eq!(create_of(&actions), first);
        let pause = world.step(Event::Created(Err(SlotError::Unknown("no answer".to_owned()))));
        assert!(matches!(pause[..], [Action::Wait { .. }]));
        actions = world.step(waited());
    }
    // Once in doubt, an error that says it was not written does not say so of the attempts before.
    let last = world.step(Event::Created(Err(SlotError::NotSent("refused".to_owned()))));
    assert!(last.iter().any(|action| matches!(action, Action::Fault(_))));
    world.perform(last);
    assert!(matches!(answer.wait(), Err(LedgerError::OutcomeUnknown(_))));
    assert!(matches!(waiting_answer.wait(), Err(LedgerError::Unavailable(_))));

    let (refused, refused_answer) = world.insert(4, b"c");
    world.run(vec![refused]);
    assert!(matches!(refused_answer.wait(), Err(LedgerError::Unavailable(_))));
}

#[test]
fn what_was_certainly_not_written_is_told_and_the_slot_is_free() {
    let errors: [fn(String) -> SlotError; 3] = [SlotError::NotSent, SlotError::Denied, SlotError::Full];
    for error in errors {
        let mut world = World::new();
        let (proposal, answer) = world.insert(2, b"a");
        let actions = world.step(proposed(vec![proposal]));
        let (slot, _) = create_of(&actions);
        let actions = world.step(Event::Created(Err(error("no".to_owned()))));
        world.perform(actions);
        assert!(matches!(answer.wait(), Err(LedgerError::Unavailable(_))));
        // What it would have changed is no conflict for those that come after.
        let ((mut proposal, reply), answer) = world.insert(3, b"b");
        proposal.reads.span(id(100), Bound::Unbounded, Bound::Unbounded);
        let actions = world.step(proposed(vec![(proposal, reply)]));
        assert_eq!(create_of(&actions).0, slot);
        world.perform(actions);
        assert_eq!(block_of(answer), 2);
    }
}

/// An older slot of theirs may lack data that was current there; what superseded it is in a later one.
#[test]
fn another_writers_slots_are_shown_when_all_of_them_were_taken_in() {
    let mut world = World::new();
    let (proposal, answer) = world.insert(2, b"a");
    let actions = world.step(proposed(vec![proposal]));
    let (slot, _) = create_of(&actions);
    let before = Arc::clone(&world.published);
    let first = foreign_slot(&world, 9);
    world.slots.create(slot, &first).unwrap();
    // The second follows the first.
    let next = Next::after(&world.committer.state, &Slot::decode(first).unwrap(), &*before.view).unwrap();
    world.published =
        Arc::new(Snapshot { head: next.state.head, view: world.views.snapshot().unwrap(), build: 0 });
    let second = foreign_slot(&world, 10);
    world.slots.create(slot + 1, &second).unwrap();
    world.published = before;

    let mut actions = world.step(Event::Created(Ok(Created::Exists)));
    for read in [slot, slot + 1] {
        assert!(matches!(actions[..], [Action::Read { slot }] if slot == read));
        // What arrives meanwhile waits.
        if read == slot {
            let (waiting, _) = world.insert(3, b"b");
            assert!(world.step(proposed(vec![waiting])).is_empty());
        }
        actions = world.step(Event::Read(world.slots.read(read)));
        let [Action::WriteView { batch, applied }] = &actions[..] else { panic!("not one apply") };
        world.views.commit(batch, *applied).unwrap();
        actions = world.step(Event::ViewWritten(world.views.snapshot()));
    }
    assert!(matches!(actions[..], [Action::Read { slot: last }] if last == slot + 2));
    // Whether there is another is not known until the store says so.
    for _ in 1..LedgerOptions::default().unknown_outcome_attempts {
        let waits = world.step(Event::Read(Err(SlotError::Unknown("no answer".to_owned()))));
        assert!(matches!(waits[..], [Action::Wait { .. }]));
        actions = world.step(waited());
        assert!(matches!(actions[..], [Action::Read { .. }]));
    }
    world.perform(actions);
    // Then the group that lost its slot, and what waited.
    assert_eq!(block_of(answer), 4);
    assert_eq!(world.tip(), 5);
}

#[test]
fn another_writers_slot_that_cannot_be_read_closes_the_ledger_for_writing() {
    for answers in [true, false] {
        let attempts = if answers { 1 } else { LedgerOptions::default().unknown_outcome_attempts };
        let mut world = World::new();
        let (proposal, answer) = world.insert(2, b"a");
        let actions = world.step(proposed(vec![proposal]));
        let (slot, _) = create_of(&actions);
        let theirs = foreign_slot(&world, 9);
        world.slots.create(slot, &theirs).unwrap();
        world.step(Event::Created(Ok(Created::Exists)));
        let actions = world.step(Event::Read(Ok(Some(theirs))));
        let [Action::WriteView { batch, applied }] = &actions[..] else { panic!("not one apply") };
        world.views.commit(batch, *applied).unwrap();
        world.step(Event::ViewWritten(world.views.snapshot()));
        let mut actions = Vec::new();
        for _ in 0..attempts {
            let no_answer = SlotError::Unknown("no answer".to_owned());
            let read = if answers { Ok(Some(b"no slot".to_vec())) } else { Err(no_answer) };
            actions = world.step(Event::Read(read));
            world.step(waited());
        }
        assert!(actions.iter().any(|action| matches!(action, Action::Fault(_))));
        world.perform(actions);
        assert!(matches!(answer.wait(), Err(LedgerError::Unavailable(_))), "it was certainly not written");
        assert_eq!(world.tip(), 1, "what was read before is read on");
    }
}

#[test]
fn a_spurious_exists_is_followed_by_the_same_bytes() {
    let mut world = World::new();
    let (proposal, answer) = world.insert(2, b"a");
    let actions = world.step(proposed(vec![proposal]));
    let first = create_of(&actions);
    let actions = world.step(Event::Created(Ok(Created::Exists)));
    assert!(matches!(actions[..], [Action::Read { .. }]));
    let actions = world.step(Event::Read(Ok(None)));
    assert!(matches!(actions[..], [Action::Wait { .. }]));
    let actions = world.step(waited());
    assert_eq!(create_of(&actions), first);
    world.perform(actions);
    assert_eq!(block_of(answer), 2);
}

#[test]
fn what_cannot_be_applied_is_refused_and_its_neighbours_are_not() {
    let mut world = World::new();
    // What no transaction proposes, unless its view was damaged or the engine is wrong.
    let unknown_table = |transaction: &mut ProposedTransaction| {
        let revision = transaction.revisions.last_mut().unwrap();
        revision.table_id = id(101);
    };
    let no_predecessor = |transaction: &mut ProposedTransaction| {
        transaction.revisions.last_mut().unwrap().version = 7;
    };
    let half_good = |transaction: &mut ProposedTransaction| {
        let good = transaction.revisions[0].clone();
        transaction.revisions.push(ProposedRevision { document_id: id(150), version: 7, ..good });
    };
    let bad: [&dyn Fn(&mut ProposedTransaction); 3] = [&unknown_table, &no_predecessor, &half_good];
    for (round, spoil) in (0u8..).zip(bad) {
        let (number, tip) = (10 * (round + 1), world.tip());
        let (first, first_answer) = world.insert(number, b"a");
        let (bad, bad_answer) = world.insert_but(number + 1, b"b", spoil);
        let ((mut second, reply), second_answer) = world.insert(number + 2, b"c");
        // What was refused changed nothing that somebody else could have read.
        second.reads.documents.insert(id(number + 1));
        let actions = world.step(proposed(vec![first, bad, (second, reply)]));
        let [Action::DistrustView(_), Action::Reply(_), Action::Create { .. }] = &actions[..] else {
            panic!("not the refusal and one create");
        };
        world.perform(actions);
        assert!(matches!(bad_answer.wait(), Err(LedgerError::Unavailable(_))));
        assert_eq!((block_of(first_answer), block_of(second_answer)), (tip + 1, tip + 2));
        // Alone it makes no slot at all.
        let (bad, bad_answer) = world.insert_but(number + 1, b"b", spoil);
        world.run(vec![bad]);
        assert!(matches!(bad_answer.wait(), Err(LedgerError::Unavailable(_))));
        assert_eq!(
            (world.tip(), world.slots.tip_hint().unwrap()),
            (tip + 2, Some(world.published.head.tip.slot))
        );
    }
    // And what is in the journal can be replayed, to the same documents under the same numbers.
    let environment =
        Environment { clock: Arc::new(ManualClock::new(NOW)), ids: Arc::new(SeededIds::new(8)) };
    let replayed = recover::open(&world.slots, &MemoryView::new(), &environment, None).unwrap();
    assert_eq!(replayed.snapshot.head.digest(), world.published.head.digest());
    let documents = |snapshot: &Snapshot| {
        let (view, all) = (&snapshot.view, (Bound::Unbounded, Bound::Unbounded));
        view.range(Keyspace::Documents, all.0, all.1, false, 1000).unwrap()
    };
    assert_eq!(documents(&replayed.snapshot), documents(&world.published));
}

#[test]
fn time_does_not_go_backwards() {
    let mut world = World::new();
    for (number, now) in [(2, 5_000), (3, 4_000), (4, 6_000)] {
        let (proposal, _answer) = world.insert(number, b"a");
        let actions = world.committer.on(proposed(vec![proposal]), now);
        world.perform(actions);
    }
    let timestamps: Vec<i64> = (2..=4)
        .map(|slot| Slot::decode(world.slots.read(slot).unwrap().unwrap()).unwrap().blocks()[0].timestamp())
        .collect();
    assert_eq!(timestamps, [5_000, 5_000, 6_000]);
}

#[test]
fn what_no_open_transaction_can_ask_about_is_forgotten() {
    let mut world = World::new();
    for number in 2..50 {
        let (proposal, _answer) = world.insert(number, &[number]);
        world.run(vec![proposal]);
    }
    assert!(lock(&world.committer.recent).len() <= 2);
    let held = Arc::clone(&world.published);
    for number in 50..80 {
        let (proposal, _answer) = world.insert(number, &[number]);
        world.run(vec![proposal]);
    }
    assert_eq!(lock(&world.committer.recent).len(), 30);
    drop(held);
    let (proposal, _answer) = world.insert(80, b"last");
    world.run(vec![proposal]);
    assert!(lock(&world.committer.recent).len() <= 2);
}

#[test]
fn a_snapshot_is_thought_to_be_held_until_its_transactions_must_have_expired() {
    let mut world = World::new();
    let life = i64::try_from(LedgerOptions::default().limits.transaction_millis).unwrap();
    let held = Arc::clone(&world.published);
    let (proposal, _answer) = world.insert(2, b"a");
    world.run(vec![proposal]);
    // From now on no transaction begins on what is held.
    let replaced = world.now;
    for (number, after, remembered) in [(3, 0, 1), (4, life, 2), (5, life + 1, 0)] {
        world.now = replaced + after;
        let (proposal, _answer) = world.insert(number, b"b");
        let actions = world.step(proposed(vec![proposal]));
        assert_eq!(lock(&world.committer.recent).len(), remembered, "after {after} ms");
        world.perform(actions);
    }
    drop(held);
}

#[test]
fn a_group_has_no_more_transactions_than_it_may() {
    let mut world = World::with(&LedgerOptions { group_transactions: 2, ..LedgerOptions::default() });
    let (proposals, answers): (Vec<_>, Vec<_>) = (2..7).map(|number| world.insert(number, &[number])).unzip();
    world.run(proposals);
    assert_eq!(answers.into_iter().map(block_of).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
    assert_eq!(blocks_of_slots(&world), [1, 1, 2, 2, 1]);
}

/// The last one that is taken in may go beyond the bound.
#[test]
fn a_group_that_has_as_many_bytes_as_it_may_takes_no_more() {
    let mut world = World::new();
    let (proposal, _answer) = world.insert(2, b"a");
    world.run(vec![proposal]);
    let block = Slot::decode(world.slots.read(2).unwrap().unwrap()).unwrap().blocks()[0].as_bytes().len();
    for (group_bytes, expected) in
        [(1, vec![1, 1, 1, 1]), (2 * block, vec![2, 2]), (2 * block + 1, vec![3, 1])]
    {
        let mut world = World::with(&LedgerOptions { group_bytes, ..LedgerOptions::default() });
        let proposals = (2..6).map(|number| world.insert(number, &[number]).0).collect();
        world.run(proposals);
        assert_eq!(blocks_of_slots(&world)[2..], expected, "{group_bytes} bytes");
    }
}

#[test]
fn what_was_refused_does_not_count_to_the_bytes_of_a_group() {
    let mut world = World::new();
    let (proposal, _answer) = world.insert(2, b"a");
    world.run(vec![proposal]);
    let block = Slot::decode(world.slots.read(2).unwrap().unwrap()).unwrap().blocks()[0].as_bytes().len();
    let mut world = World::with(&LedgerOptions { group_bytes: 2 * block + 1, ..LedgerOptions::default() });
    let no_predecessor = |transaction: &mut ProposedTransaction| transaction.revisions[0].version = 7;
    let mut proposals = vec![world.insert_but(9, b"b", &no_predecessor).0];
    proposals.extend((3..6).map(|number| world.insert(number, &[number]).0));
    world.run(proposals);
    assert_eq!(blocks_of_slots(&world)[2..], [3]);
}

/// How many blocks each slot holds.
fn blocks_of_slots(world: &World) -> Vec<usize> {
    let slots = 0..=world.slots.tip_hint().unwrap().unwrap();
    slots.map(|slot| Slot::decode(world.slots.read(slot).unwrap().unwrap()).unwrap().blocks().len()).collect()
}

#[test]
fn every_attempt_at_a_slot_has_a_number_of_its_own() {
    let mut world = World::new();
    for number in 2..5 {
        let (proposal, _answer) = world.insert(number, b"a");
        world.run(vec![proposal]);
    }
    let attempt =
        |slot| Slot::decode(world.slots.read(slot).unwrap().unwrap()).unwrap().header().writer.attempt;
    assert_eq!((1..5).map(attempt).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn the_waits_of_a_doubt_become_longer() {
    let mut world = World::with(&LedgerOptions { unknown_outcome_attempts: 9, ..LedgerOptions::default() });
    let (proposal, _answer) = world.insert(2, b"a");
    world.step(proposed(vec![proposal]));
    let mut waits = Vec::new();
    loop {
        let actions = world.step(Event::Created(Err(SlotError::Unknown("no answer".to_owned()))));
        let [Action::Wait { millis }] = actions[..] else { break };
        waits.push(millis);
        world.step(waited());
    }
    assert_eq!(waits, [100, 200, 400, 800, 1600, 1600, 1600, 1600]);
}

/// The link does not tell who wrote a slot: the same blocks by another writer are not ours.
#[test]
fn the_same_blocks_by_another_writer_are_another_group() {
    let mut world = World::new();
    let (proposal, answer) = world.insert(2, b"a");
    let actions = world.step(proposed(vec![proposal]));
    let (slot, bytes) = create_of(&actions);
    let ours = Slot::decode(bytes.to_vec()).unwrap();
    let header = SlotHeader { writer: WriterId { id: id(200), attempt: 1 }, ..*ours.header() };
    let content = SlotContent::Blocks(ours.blocks().to_vec());
    let theirs = Slot::new(header, &world.published.head.frontier, content).unwrap();
    assert!(theirs.link() == ours.link() && theirs.header().writer != ours.header().writer);
    world.slots.create(slot, &theirs.encode().unwrap()).unwrap();
    world.perform(actions);
    assert_eq!((block_of(answer), world.tip()), (3, 3), "theirs does not count as ours");
}

#[test]
fn a_redaction_that_failed_is_left_for_the_next_opening() {
    let mut world = World::new();
    assert!(!world.committer.has_background_work());
    assert!(world.step(Event::Idle).is_empty());
    let pending = PendingRedaction { key: [7; 13], block: 1, document_id: id(2) };
    world.committer.state.redactions.push_back(pending);
    assert!(world.committer.has_background_work());
    let actions = world.step(Event::Idle);
    assert!(matches!(actions[..], [Action::Redact { block: 1, .. }]));
    assert!(world.step(Event::Redacted(Err(LedgerError::Closed))).is_empty());
    assert!(!world.committer.has_background_work());
    assert!(world.step(Event::Idle).is_empty());
    // Commits go on.
    let (proposal, answer) = world.insert(2, b"a");
    world.run(vec![proposal]);
    assert_eq!(block_of(answer), 2);
    // Where the ledger is closed for writing there is nothing to be done.
    world.committer.redaction_failed = false;
    assert!(world.committer.has_background_work());
    world.committer.give_up(LedgerError::Closed);
    assert!(!world.committer.has_background_work());
}

/// A slot of one block without changes that follows the published state, by another writer.
fn foreign_slot(world: &World, number: u8) -> Vec<u8> {
    foreign_slot_of(world, number, &|_| {})
}

fn foreign_slot_of(world: &World, number: u8, fill: &dyn Fn(&mut ProposedTransaction)) -> Vec<u8> {
    let head = &world.published.head;
    let mut transaction =
        ProposedTransaction { transaction_id: id(number), transaction_time: NOW, ..Default::default() };
    fill(&mut transaction);
    let address = BlockAddress { strand_id: head.strand_id, sequence_no: head.tip.block_no + 1 };
    let block: Block = Draft::new(&transaction).unwrap().seal(address, NOW, head.last_hash());
    let header = SlotHeader {
        strand_id: head.strand_id,
        slot: head.next_slot(),
        writer: WriterId { id: id(200), attempt: 1 },
        previous_link: head.tip.link,
        first_block_no: address.sequence_no,
    };
    Slot::new(header, &head.frontier, SlotContent::Blocks(vec![block])).unwrap().encode().unwrap()
}
