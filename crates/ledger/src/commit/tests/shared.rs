//! A journal that other processes write to: lost slots, and read barriers.

use super::*;
use crate::commit::future::BarrierFuture;
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
    let actions = world.step(Event::Arrived(Arrivals { proposals: vec![proposal], barriers: vec![reply] }));
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
