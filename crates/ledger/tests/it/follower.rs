//! A process that only follows: it reads what others wrote, and writes nothing into their store.

use std::sync::Arc;

use everstrand_ledger::storage::{FjallView, FjallViewOptions, MemoryView};
use everstrand_ledger::{Committing, Ledger, LedgerError, LedgerOptions, Outcome, Status};

use crate::support::{World, all, documents};

const WHY: &str = "it was started with --follow";

/// A second process over the journal of another one.
fn beside(world: &World, follows: bool) -> World {
    let follows = follows.then(|| WHY.to_owned());
    let options =
        LedgerOptions { is_shared: true, committing: Committing::ByCaller, follows, ..Default::default() };
    World { views: Arc::new(MemoryView::new()), options, ..world.clone() }
}

fn shared() -> World {
    beside(&World::new(), false)
}

fn do_all(ledger: &Ledger) {
    while ledger.step().is_some() {}
}

/// [`run`], for a ledger that this test drives.
fn run_driven(ledger: &Ledger, statement: &str, parameters: &[&str]) -> Result<Vec<String>, LedgerError> {
    let mut transaction = ledger.start_transaction()?;
    let values = all(&mut transaction, statement, parameters)?;
    let committed = transaction.commit_unchecked();
    do_all(ledger);
    committed.wait()?;
    Ok(values)
}

/// What a transaction on a follower sees that begins now.
fn read(follower: &Ledger, query: &str) -> Vec<String> {
    let barrier = follower.read_barrier();
    do_all(follower);
    barrier.wait().unwrap();
    run_driven(follower, query, &[]).unwrap()
}

fn slots_of(world: &World) -> Vec<Vec<u8>> {
    world.slots.read_many(0, usize::MAX).unwrap()
}

#[test]
fn a_follower_reads_what_others_commit_and_writes_nothing() {
    let world = shared();
    let writer = world.open();
    run_driven(&writer, "CREATE TABLE t", &[]).unwrap();
    run_driven(&writer, "CREATE INDEX ON t (k)", &[]).unwrap();
    run_driven(&writer, "INSERT INTO t VALUE {'k': 1}", &[]).unwrap();
    let follower = World {
        options: LedgerOptions { record_reads: true, ..beside(&world, true).options },
        ..beside(&world, true)
    };
    let follower = follower.open();
    for k in 1..4 {
        assert_eq!(read(&follower, "SELECT VALUE COUNT(*) FROM t"), [k.to_string()]);
        run_driven(&writer, "INSERT INTO t VALUE {'k': 1}", &[]).unwrap();
    }
    assert_eq!(read(&follower, "SELECT VALUE COUNT(*) FROM t"), ["4"]);
    assert_eq!(follower.digest(), writer.digest());
    let before = slots_of(&world);
    let table = read(&follower, "SELECT VALUE tableId FROM information_schema.user_tables").remove(0);
    let table = table.trim_matches('"');
    for statement in [
        "INSERT INTO t VALUE {'k': 2}",
        "UPDATE t SET k = 2",
        "UPDATE t SET k = 2 WHERE k = 77",
        "DELETE FROM t",
        "FROM t AS t WHERE t.k = 1 SET t.k = 2",
        "CREATE TABLE other",
        "CREATE INDEX ON t (other)",
        "DROP TABLE t",
        "EXEC REDACT_REVISION 1, 2, 3",
    ] {
        let refused = run_driven(&follower, statement, &[]);
        let message = format!("The statement cannot write: {WHY}");
        assert_eq!(refused, Err(LedgerError::BadRequest { code: None, message }), "{statement}");
    }
    run_driven(&writer, "DROP TABLE t", &[]).unwrap();
    assert_eq!(read(&follower, "SELECT * FROM information_schema.user_tables").len(), 1);
    let refused = run_driven(&follower, &format!("UNDROP TABLE \"{table}\""), &[]).unwrap_err();
    assert!(refused.to_string().contains(WHY), "{refused}");
    assert_eq!(slots_of(&world)[..before.len()], before);
    assert_eq!(slots_of(&world).len(), before.len() + 1, "that is the writer's");
}

#[test]
fn a_follower_tells_what_the_blocks_say_of_a_transaction_and_voids_none() {
    let world = shared();
    let writer = world.open();
    run_driven(&writer, "CREATE TABLE t", &[]).unwrap();
    let follower = beside(&world, true).open();
    let mut open = writer.start_transaction().unwrap();
    open.execute("INSERT INTO t VALUE {'k': 1}", &[]).unwrap();
    let id = open.id().parse().unwrap();
    let ask = || {
        let barrier = follower.read_barrier();
        do_all(&follower);
        barrier.wait().unwrap();
        let outcome = follower.outcome(id);
        do_all(&follower);
        outcome.wait()
    };
    let before = slots_of(&world);
    assert_eq!(ask(), Err(LedgerError::OutcomeUnknown(WHY.to_owned())));
    assert_eq!(slots_of(&world), before);
    let committed = open.commit_unchecked();
    do_all(&writer);
    assert!(committed.wait().is_ok(), "nobody has voided it");
    assert_eq!(ask(), Ok(Outcome::Committed { block: 2 }));
}

/// Makes a revision that can be redacted, and redacts it without the slot.
fn redacted_without_the_slot(writer: &Ledger) {
    run_driven(writer, "CREATE TABLE t", &[]).unwrap();
    run_driven(writer, "INSERT INTO t VALUE {'k': 1, 'secret': 'a very private thing'}", &[]).unwrap();
    run_driven(writer, "UPDATE t SET secret = 'nothing'", &[]).unwrap();
    let one = |query: &str| run_driven(writer, query, &[]).unwrap().remove(0);
    let first = "FROM history(t) AS h WHERE h.metadata.version = 0";
    let arguments = [
        one(&format!("SELECT VALUE h.blockAddress {first}")),
        one("SELECT VALUE tableId FROM information_schema.user_tables"),
        one(&format!("SELECT VALUE h.metadata.id {first}")),
    ];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut transaction = writer.start_transaction().unwrap();
    transaction.execute("EXEC REDACT_REVISION ?, ?, ?", &documents(&arguments)).unwrap();
    let mut committed = std::pin::pin!(transaction.commit_unchecked().into_future());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    // The answer comes before the slot is redacted.
    while committed.as_mut().poll(&mut context).is_pending() {
        writer.step();
    }
}

#[test]
fn a_follower_leaves_redacted_slots_to_others_and_waits_for_them() {
    let world = shared();
    let writer = world.open();
    redacted_without_the_slot(&writer);
    let before = slots_of(&world);
    let follower = beside(&world, true).open();
    do_all(&follower);
    assert!(read(&follower, "SELECT * FROM history(t)").len() == 2 && follower.is_redacting());
    assert_eq!(slots_of(&world), before);
    do_all(&writer);
    let after = slots_of(&world);
    assert_ne!(after, before, "the writer has redacted the slot");
    read(&follower, "SELECT * FROM t");
    do_all(&follower);
    assert!(!follower.is_redacting());
    assert_eq!(slots_of(&world), after);
}

/// After a redaction the view is built anew. Another process that writes meanwhile does not disturb that.
#[test]
fn another_view_is_built_beside_another_writer() {
    let folder = tempfile::tempdir().unwrap();
    let view = FjallView::open(folder.path().join("view"), FjallViewOptions::default()).unwrap();
    let world = World { views: Arc::new(view), ..shared() };
    let ledger = world.open();
    redacted_without_the_slot(&ledger);
    let other = beside(&world, false).open();
    do_all(&other);
    run_driven(&other, "INSERT INTO t VALUE {'k': 2}", &[]).unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while ledger.has_work() {
        world.clock.advance(1000);
        ledger.step();
        assert!(std::time::Instant::now() < until, "the view was not built anew: {:?}", ledger.status());
    }
    assert_eq!(ledger.status(), Status::Open);
    assert_eq!(read(&ledger, "SELECT VALUE COUNT(*) FROM t"), ["2"]);
    assert_eq!(ledger.digest(), other.digest());
}
