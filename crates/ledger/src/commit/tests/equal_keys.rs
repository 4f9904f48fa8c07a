//! A journal in which two documents of a table have one key under a unique index. A version that compared
//! by another rule wrote it: it took a float and the decimal of 38 digits that is nearest to it for two keys.

use everstrand_ion::text;

use super::*;
use crate::{Ledger, LedgerError};

const FLOAT: &str = "0.1e0";
const DECIMAL: &str = "0.10000000000000000555111512312578270212";

/// The ledger that such a journal makes, with a view built from it anew.
fn ledger() -> Ledger {
    let mut world = World::new();
    let (create, _answer) = world.proposal(2, |transaction, touched| {
        let paths = vec![vec!["k".to_owned()]];
        let create = CatalogChange::CreateIndex {
            index_id: id(101),
            table_id: id(100),
            name: None,
            paths,
            unique: true,
        };
        transaction.catalog_changes.push(create);
        touched.table_ids.push(id(100));
    });
    world.run(vec![create]);
    for (number, k) in [(3, FLOAT), (4, DECIMAL)] {
        let data = text::read_one(&format!("{{k: {k}, n: {number}}}")).unwrap();
        let (insert, answer) = world.insert_but(number, k.as_bytes(), &|transaction| {
            transaction.revisions[0].data = Some(Document::from(&data));
        });
        world.run(vec![insert]);
        assert!(answer.wait().is_ok());
    }
    let environment =
        Environment { clock: Arc::new(ManualClock::new(NOW)), ids: Arc::new(SeededIds::new(8)) };
    let (slots, views) = (Arc::new(world.slots), Arc::new(MemoryView::new()));
    Ledger::open(slots, views, environment, LedgerOptions::default()).unwrap()
}

fn run(ledger: &Ledger, statement: &str) -> Result<Vec<String>, LedgerError> {
    let mut transaction = ledger.start_transaction()?;
    let page = transaction.execute(statement, &[])?;
    transaction.commit_unchecked().wait()?;
    Ok(page.values.iter().map(ToString::to_string).collect())
}

fn is_refused(outcome: Result<Vec<String>, LedgerError>) -> bool {
    outcome.is_err_and(|error| error.to_string().contains("has the same key in the unique index"))
}

#[test]
fn both_documents_are_found_and_a_third_is_refused() {
    let ledger = ledger();
    let status = "SELECT VALUE indexes[0].status FROM information_schema.user_tables";
    assert_eq!(run(&ledger, status).unwrap(), ["\"ONLINE\""]);
    for key in [FLOAT, DECIMAL] {
        let found = run(&ledger, &format!("SELECT VALUE n FROM t WHERE k = `{key}`")).unwrap();
        assert_eq!(found, ["3", "4"], "{key}");
        assert!(is_refused(run(&ledger, &format!("INSERT INTO t VALUE {{'k': `{key}`, 'n': 5}}"))), "{key}");
    }
    assert_eq!(run(&ledger, "SELECT VALUE n FROM t").unwrap(), ["3", "4"]);
}

#[test]
fn each_can_be_changed_and_is_unique_once_it_has_given_up_the_key() {
    let ledger = ledger();
    run(&ledger, "UPDATE t SET m = 1").unwrap();
    assert_eq!(run(&ledger, &format!("SELECT VALUE m FROM t WHERE k = `{FLOAT}`")).unwrap(), ["1", "1"]);
    run(&ledger, &format!("UPDATE t SET k = `{DECIMAL}` WHERE n = 3")).unwrap();
    run(&ledger, "UPDATE t SET k = 2 WHERE n = 3").unwrap();
    assert!(is_refused(run(&ledger, &format!("UPDATE t SET k = `{FLOAT}` WHERE n = 3"))));
    run(&ledger, "DELETE FROM t WHERE n = 4").unwrap();
    run(&ledger, &format!("UPDATE t SET k = `{FLOAT}` WHERE n = 3")).unwrap();
    assert_eq!(run(&ledger, &format!("SELECT VALUE n FROM t WHERE k = `{DECIMAL}`")).unwrap(), ["3"]);
}

#[test]
fn what_a_document_gave_up_in_a_transaction_it_does_not_keep() {
    let ledger = ledger();
    run(&ledger, "DELETE FROM t WHERE n = 4").unwrap();
    let mut transaction = ledger.start_transaction().unwrap();
    for statement in ["UPDATE t SET k = 2 WHERE n = 3", "INSERT INTO t VALUE {'k': `0.1e0`, 'n': 5}"] {
        transaction.execute(statement, &[]).unwrap();
    }
    assert!(transaction.execute("UPDATE t SET k = `0.1e0` WHERE n = 3", &[]).is_err());
}
