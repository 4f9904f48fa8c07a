//! A journal that other processes write to: lost slots, and read barriers.

use super::*;
use crate::commit::future::{BarrierFuture, Outcome, OutcomeFuture};
use crate::state::index::global_key;

/// A reader that waits for a barrier.
fn reader() -> (Event, BarrierFuture) {
    let (reply, future) = pair();
    (Event::Arrived(Arrivals { barriers: vec![reply], ..Arrivals::default() }), future)
}

/// Whether the reader has its answer by now.
fn is_answered(future: &mut Option<BarrierFuture>) -> bool {
    let awaited = future.take().expect("asked once").into_future();
    let mut awaited = std::pin::pin!(awaited);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    std::future::Future::poll(awaited.as_mut(), &mut context).is_ready()
}

#[test]
fn a_group_that_lost_its_slot_is_proposed_again_and_only_true_conflicts_fail() {
    let mut world = World::new();
    let ((mut scans, reply), scan_answer) = world.insert(2, b"a");
    scans.reads.tables.insert(id(100));
    let scans = (scans, reply);
    let ((mut looks_up, reply), lookup_answer) = world.insert(3, b"b");
    looks_up.reads.documents.insert(id(9));
    let looks_up = (looks_up, reply);
    let (writes, write_answer) = world.insert(4, b"c");
    let actions = world.step(proposed(vec![scans, looks_up, writes]));
    let (slot, _) = create_of(&actions);
    // What waits behind the group was read on the same snapshot, and is validated in the same way.
    let ((mut later, reply), later_answer) = world.insert(5, b"d");
    later.reads.documents.insert(id(77));
    world.step(proposed(vec![(later, reply)]));
    let theirs = foreign_slot_of(&world, 9, &|transaction| transaction.revisions.push(inserted(9)));
    world.slots.create(slot, &theirs).unwrap();
    world.perform(actions);
    assert!(is_conflict(scan_answer), "they inserted into the table that it scanned");
    assert!(is_conflict(lookup_answer), "they inserted the document that it looked for");
    assert_eq!((block_of(write_answer), block_of(later_answer)), (3, 4));
    assert_eq!(world.tip(), 4);
}

#[test]
fn the_index_entries_of_another_writers_slot_are_known() {
    for is_met in [true, false] {
        let mut world = World::new();
        let (create, created) = world.proposal(8, |transaction, footprint| {
            transaction.catalog_changes.push(CatalogChange::CreateIndex {
                index_id: id(101),
                table_id: id(100),
                name: None,
                paths: vec![vec!["k".to_owned()]],
                unique: false,
            });
            footprint.table_ids.push(id(100));
        });
        world.run(vec![create]);
        assert!(created.wait().is_ok());
        let table = world.published.head.catalog.by_id(id(100)).unwrap();
        let index = &table.indexes[0];
        let document = inserted(9).data.unwrap();
        let mut key = crate::state::index::key_of(index, document.root());
        if !is_met {
            key.push(1);
        }
        let ((mut proposal, reply), answer) = world.insert(2, b"a");
        let bound = Bound::Included(global_key(index.id, &key));
        proposal.reads.span(id(100), bound.clone(), bound);
        let actions = world.step(proposed(vec![(proposal, reply)]));
        let (slot, _) = create_of(&actions);
        let theirs = foreign_slot_of(&world, 9, &|transaction| transaction.revisions.push(inserted(9)));
        world.slots.create(slot, &theirs).unwrap();
        world.perform(actions);
        assert_eq!(is_conflict(answer), is_met);
    }
}

#[test]
fn a_reader_is_answered_when_the_next_slot_was_read_after_it_arrived() {
    let mut world = World::new();
    let (arrived, future) = reader();
    let actions = world.step(arrived);
    assert!(matches!(actions[..], [Action::Read { slot: 2 }]));
    // This one arrives while the read is under way, so the read proves nothing to it.
    let (arrived, second) = reader();
    assert!(world.step(arrived).is_empty());
    let actions = world.step(Event::Read(Ok(None)));
    assert!(matches!(actions[..], [Action::Reply(_), Action::Read { slot: 2 }]));
    world.perform(actions);
    assert!(future.wait().is_ok() && second.wait().is_ok());
}

#[test]
fn a_reader_sees_what_others_wrote_before_it_arrived() {
    let mut world = World::new();
    let theirs = foreign_slot_of(&world, 9, &|transaction| transaction.revisions.push(inserted(9)));
    world.slots.create(2, &theirs).unwrap();
    let (arrived, future) = reader();
    let actions = world.step(arrived);
    world.perform(actions);
    assert!(future.wait().is_ok());
    assert_eq!(world.tip(), 2);
}

#[test]
fn a_slot_that_is_sent_after_a_reader_arrived_is_its_barrier_and_one_sent_before_is_not() {
    let mut world = World::new();
    let (proposal, answer) = world.insert(2, b"a");
    let (reply, early) = pair();
    let actions = world.step(Event::Arrived(Arrivals {
        proposals: vec![proposal],
        barriers: vec![reply],
        ..Arrivals::default()
    }));
    let (slot, bytes) = create_of(&actions);
    let (arrived, late) = reader();
    assert!(world.step(arrived).is_empty());
    world.slots.create(slot, &bytes).unwrap();
    let mut actions = world.step(Event::Created(Ok(Created::Won)));
    let Some(Action::WriteView { batch, applied }) = actions.pop() else { panic!("not written") };
    world.views.commit(&batch, applied).unwrap();
    let mut actions = world.step(Event::ViewWritten(world.views.snapshot()));
    let read = actions.pop();
    assert!(
        matches!(read, Some(Action::Read { slot }) if slot == 3),
        "the late reader needs a read of its own"
    );
    world.perform(actions);
    assert!(early.wait().is_ok());
    assert_eq!(block_of(answer), 2);
    let mut late = Some(late);
    assert!(!is_answered(&mut late));
}

#[test]
fn who_waits_while_the_store_is_silent_is_answered_and_nothing_is_forgotten() {
    let options = LedgerOptions { unknown_outcome_attempts: u32::MAX, ..LedgerOptions::default() };
    let mut world = World::with(&options);
    let (proposal, answer) = world.insert(2, b"a");
    let (behind, behind_answer) = world.insert(3, b"b");
    let silent = || Event::Created(Err(SlotError::Unknown("no answer".to_owned())));
    let actions = world.step(proposed(vec![proposal]));
    let first = create_of(&actions);
    world.step(proposed(vec![behind]));
    let (arrived, read) = reader();
    world.step(arrived);
    world.step(silent());
    world.now += 20_000;
    world.step(waited());
    let actions = world.step(silent());
    assert!(matches!(actions.last(), Some(Action::Wait { .. })));
    for action in actions {
        if let Action::Reply(answer) = action {
            answer.send();
        }
    }
    assert!(matches!(answer.wait(), Err(LedgerError::OutcomeUnknown(_))), "it may happen yet");
    assert!(matches!(behind_answer.wait(), Err(LedgerError::Unavailable(_))), "it was never sent");
    assert!(matches!(read.wait(), Err(LedgerError::Unavailable(_))));
    // The same bytes are sent until the store answers; then the ledger goes on.
    let actions = world.step(waited());
    assert_eq!(create_of(&actions), first);
    world.perform(actions);
    assert_eq!(world.tip(), 2);
    let (next, next_answer) = world.insert(4, b"c");
    world.run(vec![next]);
    assert_eq!(block_of(next_answer), 3);
    // A ledger that is closed gives up.
    let (last, last_answer) = world.insert(5, b"d");
    world.step(proposed(vec![last]));
    for _ in 1..5 {
        world.step(silent());
        world.step(Event::Waited { is_closing: true });
    }
    world.step(silent());
    let actions = world.step(Event::Waited { is_closing: true });
    assert!(actions.iter().any(|action| matches!(action, Action::Fault(_))));
    world.perform(actions);
    assert!(matches!(last_answer.wait(), Err(LedgerError::OutcomeUnknown(_))));
}

/// Somebody who asks what became of a transaction.
fn question(number: u8) -> (Event, OutcomeFuture) {
    let (reply, future) = pair();
    (Event::Arrived(Arrivals { outcomes: vec![(id(number), reply)], ..Arrivals::default() }), future)
}

fn shared_world() -> World {
    World::with(&LedgerOptions { is_shared: true, ..LedgerOptions::default() })
}

fn ask(world: &mut World, number: u8) -> Outcome {
    let (asked, future) = question(number);
    let actions = world.step(asked);
    world.perform(actions);
    future.wait().unwrap()
}

#[test]
fn a_transaction_whose_outcome_was_told_never_contradicts_it() {
    for is_shared in [true, false] {
        let mut world = World::with(&LedgerOptions { is_shared, ..LedgerOptions::default() });
        let (committed, answer) = world.insert(2, b"a");
        let (late, late_answer) = world.insert(3, b"b");
        world.run(vec![committed]);
        assert_eq!(block_of(answer), 2);
        assert_eq!(ask(&mut world, 2), Outcome::Committed { block: 2 });
        let slots = world.slots.tip_hint().unwrap();
        assert_eq!(ask(&mut world, 3), Outcome::Never);
        let written = world.slots.tip_hint().unwrap().unwrap() - slots.unwrap();
        assert_eq!(written, u64::from(is_shared), "only other processes have to be told");
        world.run(vec![late]);
        assert!(is_conflict(late_answer));
        assert_eq!(ask(&mut world, 3), Outcome::Never);
        // The journal goes on behind the slot without blocks.
        let (next, answer) = world.insert(4, b"c");
        world.run(vec![next]);
        assert_eq!(block_of(answer), 3);
    }
}

#[test]
fn a_transaction_that_waits_is_decided_by_its_commit() {
    let mut world = shared_world();
    let (first, first_answer) = world.insert(2, b"a");
    let actions = world.step(proposed(vec![first]));
    let (waiting, waiting_answer) = world.insert(3, b"b");
    world.step(proposed(vec![waiting]));
    let asked: Vec<_> = [2, 3]
        .map(|number| {
            let (asked, future) = question(number);
            assert!(world.step(asked).is_empty());
            future
        })
        .into_iter()
        .collect();
    world.perform(actions);
    assert_eq!((block_of(first_answer), block_of(waiting_answer)), (2, 3));
    let outcomes: Vec<Outcome> = asked.into_iter().map(|future| future.wait().unwrap()).collect();
    assert_eq!(outcomes, [Outcome::Committed { block: 2 }, Outcome::Committed { block: 3 }]);
}

#[test]
fn a_transaction_that_waits_and_is_refused_is_decided_at_once() {
    for is_shared in [true, false] {
        let mut world = World::with(&LedgerOptions { is_shared, ..LedgerOptions::default() });
        let ((mut late, reply), lost) = world.insert(2, b"x");
        late.reads.span(id(100), Bound::Included(b"k".to_vec()), Bound::Included(b"k".to_vec()));
        let (early, won) = world.insert(3, b"k");
        world.run(vec![early]);
        assert_eq!(block_of(won), 2);
        let (outcome_reply, decided) = pair();
        let both = Arrivals {
            proposals: vec![(late, reply)],
            outcomes: vec![(id(2), outcome_reply)],
            ..Arrivals::default()
        };
        let actions = world.step(Event::Arrived(both));
        world.perform(actions);
        assert!(is_conflict(lost));
        // Nothing else arrives. A question that is still there is answered as unknown.
        drop(world);
        assert_eq!(decided.wait().unwrap(), Outcome::Never, "shared: {is_shared}");
    }
}

#[test]
fn who_asks_and_loses_the_slot_looks_into_it() {
    // Another process committed the transaction meanwhile.
    let mut world = shared_world();
    let (asked, future) = question(9);
    let actions = world.step(asked);
    let (slot, bytes) = create_of(&actions);
    assert!(Slot::decode(bytes.to_vec()).unwrap().blocks().is_empty());
    let theirs = foreign_slot(&world, 9);
    world.slots.create(slot, &theirs).unwrap();
    world.perform(actions);
    assert_eq!(future.wait().unwrap(), Outcome::Committed { block: 2 });

    // Another process voided a transaction that waits here.
    let mut world = shared_world();
    let (proposal, answer) = world.insert(2, b"a");
    let (waiting, waiting_answer) = world.insert(3, b"b");
    let actions = world.step(proposed(vec![proposal, waiting]));
    let (slot, _) = create_of(&actions);
    let theirs = void_slot(&world, 2);
    world.slots.create(slot, &theirs).unwrap();
    world.perform(actions);
    assert!(is_conflict(answer), "it is void");
    assert_eq!(block_of(waiting_answer), 2);
    assert_eq!(ask(&mut world, 2), Outcome::Never);
}

#[test]
fn a_void_is_remembered_as_long_as_its_transaction_may_be_open() {
    let mut world = shared_world();
    let (late, late_answer) = world.insert(2, b"a");
    assert_eq!(ask(&mut world, 2), Outcome::Never);
    for number in 10..20 {
        let (other, answer) = world.insert(number, b"x");
        world.run(vec![other]);
        assert!(answer.wait().is_ok());
    }
    world.run(vec![late]);
    assert!(is_conflict(late_answer));
}

#[test]
fn behind_a_seal_nothing_is_written_and_everybody_is_told() {
    let mut world = shared_world();
    let (proposal, answer) = world.insert(2, b"a");
    let actions = world.step(proposed(vec![proposal]));
    crate::seal_deleted(&world.slots, id(201)).unwrap();
    world.perform(actions);
    assert!(matches!(answer.wait(), Err(LedgerError::Sealed(_))));
    let (arrived, read) = reader();
    let actions = world.step(arrived);
    world.perform(actions);
    assert!(matches!(read.wait(), Err(LedgerError::Sealed(_))));
    let slots = world.slots.tip_hint();
    crate::seal_deleted(&world.slots, id(202)).unwrap();
    assert_eq!(world.slots.tip_hint().unwrap(), slots.unwrap(), "one seal is enough");
}

fn void_slot(world: &World, number: u8) -> Vec<u8> {
    let head = &world.published.head;
    let header = SlotHeader {
        strand_id: head.strand_id,
        slot: head.next_slot(),
        writer: WriterId { id: id(200), attempt: 1 },
        previous_link: head.tip.link,
        first_block_no: head.frontier.size(),
    };
    let void = everstrand_journal::Void::new([id(number)], NOW).unwrap();
    let addition = everstrand_journal::Addition { void: Some(void), ..Default::default() };
    let content = SlotContent::Blocks(Vec::new());
    Slot::with_addition(header, &head.frontier, content, addition).unwrap().encode().unwrap()
}
