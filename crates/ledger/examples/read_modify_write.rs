//! Read-modify-write transactions per second of an embedded ledger.
//!
//! `cargo run --release -p everstrand-ledger --example read_modify_write [seconds] [documents]`
//!
//! Every transaction looks one random document up by index, replaces one of its fields and commits.
//! Each configuration runs with 1, 16 and 64 threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use everstrand_ion::{Document, Value};
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::views::ViewStore;
use everstrand_ledger::storage::{
    DiskSlots, DiskSlotsOptions, FileDisk, FjallView, FjallViewOptions, MemorySlots, MemoryView,
};
use everstrand_ledger::{Environment, Ledger, LedgerError, LedgerOptions, RandomIds, SystemClock};
use everstrand_testkit::Random;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().map_or(Ok(3), |seconds| seconds.parse())?;
    let documents: i64 = arguments.next().map_or(Ok(10_000), |documents| documents.parse())?;
    let only = arguments.next();
    for (slots_name, views_name) in [("memory", "memory"), ("memory", "fjall"), ("disk", "fjall")] {
        if only.as_ref().is_some_and(|only| *only != format!("{slots_name}/{views_name}")) {
            continue;
        }
        let directory = tempfile::tempdir()?;
        let slots: Arc<dyn SlotStore> = match slots_name {
            "memory" => Arc::new(MemorySlots::new()),
            _ => {
                let disk = Arc::new(FileDisk::create(directory.path().join("journal"))?);
                Arc::new(DiskSlots::open(disk, DiskSlotsOptions::default())?)
            }
        };
        let views: Arc<dyn ViewStore> = match views_name {
            "memory" => Arc::new(MemoryView::new()),
            _ => Arc::new(FjallView::open(directory.path().join("view"), FjallViewOptions::default())?),
        };
        let clock = Arc::new(SystemClock::new());
        let environment = Environment { clock: clock.clone(), ids: Arc::new(RandomIds::new(clock)) };
        let ledger = Ledger::open(slots, views, environment, LedgerOptions::default())?;
        fill(&ledger, documents)?;
        for threads in [1, 16, 64] {
            measure(
                &ledger,
                threads,
                Duration::from_secs(seconds),
                documents,
                &format!("{slots_name}/{views_name}"),
            )?;
        }
    }
    Ok(())
}

fn fill(ledger: &Ledger, documents: i64) -> Result<(), Failure> {
    for definition in ["CREATE TABLE account", "CREATE INDEX ON account (number)"] {
        let mut transaction = ledger.start_transaction()?;
        transaction.execute(definition, &[])?;
        transaction.commit_unchecked().wait()?;
    }
    let mut number = 0;
    while number < documents {
        let mut transaction = ledger.start_transaction()?;
        for _ in 0..40 {
            let text = format!(
                "{{number: {number}, owner: \"somebody of some length\", balance: 0, note: \"{}\"}}",
                "n".repeat(60)
            );
            let document = Document::from(&everstrand_ion::text::read_one(&text)?);
            transaction.execute("INSERT INTO account ?", &[document])?;
            number += 1;
        }
        transaction.commit_unchecked().wait()?;
    }
    Ok(())
}

fn measure(ledger: &Ledger, threads: u64, time: Duration, documents: i64, name: &str) -> Result<(), Failure> {
    let (done, conflicts, over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let started = Instant::now();
    let before = ledger.digest().digest_tip_address.sequence_no;
    std::thread::scope(|scope| -> Result<(), LedgerError> {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let (done, conflicts, over) = (&done, &conflicts, &over);
                scope.spawn(move || -> Result<(), LedgerError> {
                    let mut random = Random::new(thread);
                    while !over.load(Ordering::Relaxed) {
                        let number = random.between(0, documents - 1);
                        match transfer(ledger, number) {
                            Ok(()) => done.fetch_add(1, Ordering::Relaxed),
                            Err(LedgerError::OccConflict { .. }) => conflicts.fetch_add(1, Ordering::Relaxed),
                            Err(error) => return Err(error),
                        };
                    }
                    Ok(())
                })
            })
            .collect();
        std::thread::sleep(time);
        over.store(true, Ordering::Relaxed);
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
    })?;
    let elapsed = started.elapsed().as_secs_f64();
    let done = done.into_inner();
    let blocks = ledger.digest().digest_tip_address.sequence_no - before;
    println!(
        "{name:>14}  {threads:>2} threads  {:>8.0} tx/s  {:>7.1} µs of a core each  {} conflicts  {blocks} blocks",
        done as f64 / elapsed,
        2.0 * elapsed * 1e6 / done as f64,
        conflicts.into_inner(),
    );
    Ok(())
}

fn transfer(ledger: &Ledger, number: i64) -> Result<(), LedgerError> {
    let mut transaction = ledger.start_transaction()?;
    let number = Document::from(&Value::from(number));
    let page =
        transaction.execute("SELECT balance FROM account WHERE number = ?", std::slice::from_ref(&number))?;
    let balance = page.values.first().and_then(|row| row.root().get("balance")?.as_i64()).unwrap_or(0);
    let balance = Document::from(&Value::from(balance + 1));
    transaction.execute("UPDATE account SET balance = ? WHERE number = ?", &[balance, number])?;
    transaction.commit_unchecked().wait()?;
    Ok(())
}
