//! COUNT(*) answers from a kept count. It must be the number of documents whatever was written: by earlier
//! transactions, by statements of the same one, by some that failed; and after a restart with and without the view.

use std::sync::Arc;

use everstrand_ledger::storage::MemoryView;
use everstrand_ledger::{Ledger, Transaction};
use everstrand_testkit::Random;

use crate::support::{World, all, run};

/// A change of one or two tables; some of them fail.
fn statement(random: &mut Random) -> String {
    let table = ["t", "u"][random.index(2)];
    let n = random.below(6);
    match random.below(9) {
        0..3 => format!("INSERT INTO {table} << {{'n': {n}}}, {{'n': {}}} >>", random.below(6)),
        3 => format!("DELETE FROM {table} WHERE n = {n}"),
        4 => format!("UPDATE {table} AS d SET d.n = {n} WHERE d.n = {}", random.below(6)),
        5 => format!("INSERT INTO {table} VALUE {{'n': {n}, 'key': {n}}} ON CONFLICT DO REPLACE"),
        6 => format!("INSERT INTO t VALUE {{'key': {n}}}"),
        7 => format!("FROM {table} AS d WHERE d.n = {n} SET d.n = 1 / 0"),
        _ => format!("DROP TABLE {table}"),
    }
}

fn check(what: &str, mut answer: impl FnMut(&str) -> Vec<String>) {
    for table in ["t", "u"] {
        for view in ["", "_ql_committed_"] {
            let ids = match view {
                "" => answer(&format!("SELECT VALUE id FROM {table} AS d BY id")),
                _ => answer(&format!("SELECT VALUE d.metadata.id FROM {view}{table} AS d")),
            };
            let count = answer(&format!("SELECT VALUE COUNT(*) FROM {view}{table} AS d"));
            assert_eq!(count, [ids.len().to_string()], "{what}: {view}{table}");
        }
    }
}

fn check_within(what: &str, transaction: &mut Transaction) {
    check(what, |query| all(transaction, query, &[]).unwrap());
}

fn check_after(what: &str, ledger: &Ledger) {
    check(what, |query| run(ledger, query, &[]).unwrap());
}

#[test]
fn the_kept_count_is_the_number_of_documents() {
    let mut random = Random::new(5);
    for round in 0..30 {
        let world = World::new();
        let mut ledger = world.open();
        run(&ledger, "CREATE TABLE t", &[]).unwrap();
        run(&ledger, "CREATE UNIQUE INDEX ON t (key)", &[]).unwrap();
        run(&ledger, "CREATE TABLE u", &[]).unwrap();
        run(&ledger, "CREATE INDEX ON u (n)", &[]).unwrap();
        for step in 0..20 {
            let mut transaction = ledger.start_transaction().unwrap();
            for _ in 0..=random.below(3) {
                let statement = statement(&mut random);
                let dropped = statement.strip_prefix("DROP TABLE ").map(str::to_owned);
                drop(transaction.execute(&statement, &[]));
                if let Some(table) = dropped {
                    // A table that comes back has its documents again, a new one none.
                    let back = match random.below(2) {
                        0 => format!("CREATE TABLE {table}"),
                        _ => {
                            let ids = "SELECT VALUE tableId FROM information_schema.user_tables AS i \
                                       WHERE i.status = 'INACTIVE' AND i.name = ";
                            let id =
                                all(&mut transaction, &format!("{ids}'{table}'"), &[]).unwrap().remove(0);
                            format!("UNDROP TABLE {id}")
                        }
                    };
                    transaction.execute(&back, &[]).unwrap();
                }
                check_within(&format!("round {round}, step {step}: {statement}"), &mut transaction);
            }
            match random.below(4) {
                0 => transaction.abort(),
                _ => drop(transaction.commit_unchecked().wait().unwrap()),
            }
            check_after(&format!("round {round}, step {step}"), &ledger);
            if random.below(6) == 0 {
                drop(ledger);
                ledger = world.open();
                check_after("opened again", &ledger);
            }
        }
        drop(ledger);
        let views = Arc::new(MemoryView::new());
        check_after("computed again", &World { views, ..world.clone() }.open());
    }
}
