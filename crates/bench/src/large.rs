//! A ledger that is larger than memory: bulk inserts, then random reads and a new opening.
//!
//! The caller limits the memory of the process. If it does so with a control group, the page cache counts as well.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use everstrand_testkit::Random;

use crate::Arguments;
use crate::commits::SELECT;
use crate::data::{DEFINITIONS, parameter, registration, vin};
use crate::ledgers::{Opened, define, insert, raised_limits, settle};
use crate::machine::{folder_bytes, peak_mebibytes};
use crate::measure::{self, Failure, Turn};
use crate::report::Report;

const DOCUMENTS_PER_TRANSACTION: u64 = 1000;
const WRITERS: u64 = 4;

/// Inserts `arguments.documents` documents and prints its progress every million.
pub(crate) fn large(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let folder = arguments.scratch()?;
    let opened = Opened::open(folder.path(), raised_limits())?;
    define(&opened.ledger, &DEFINITIONS[..2])?;
    settle(&opened.ledger);
    let (next, documents) = (AtomicU64::new(0), arguments.documents);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                scope.spawn(|| -> Result<(), Failure> {
                    loop {
                        let first = next.fetch_add(DOCUMENTS_PER_TRANSACTION, Ordering::Relaxed);
                        if first >= documents {
                            return Ok(());
                        }
                        let last = documents.min(first + DOCUMENTS_PER_TRANSACTION);
                        insert(&opened.ledger, (first..last).map(registration).collect())?;
                        if last % 1_000_000 == 0 {
                            let seconds = started.elapsed().as_secs_f64();
                            let rate = last as f64 / seconds;
                            eprintln!("{last} documents after {seconds:.0} s, {rate:.0} documents/s, peak {:.0} MiB", peak_mebibytes());
                        }
                    }
                })
            })
            .collect();
        writers.into_iter().try_for_each(|writer| writer.join().expect("a writer does not panic"))
    })?;
    report.number(
        &format!("insert of {documents} documents"),
        "documents/s",
        documents as f64 / started.elapsed().as_secs_f64(),
    );
    report.number("peak memory of the process after inserting", "MiB", peak_mebibytes());
    for clients in [1, 16] {
        let sample = measure::run(
            clients,
            Duration::from_secs(20),
            |client| Ok(Random::new(client + 77)),
            |random| {
                let mut transaction = opened.ledger.start_transaction()?;
                let page = transaction.execute(SELECT, &[parameter(vin(random.below(documents)))])?;
                if page.values.len() != 1 {
                    return Err("a document is missing".into());
                }
                transaction.commit_unchecked().wait()?;
                Ok(Turn::Done)
            },
        )?;
        report.sample("read of a random document by index", clients, "reads/s", &sample, 1, None);
    }
    opened.ledger.close();
    drop(opened);
    report.number(
        "journal on disk",
        "bytes a document",
        folder_bytes(&folder.path().join("journal")) as f64 / documents as f64,
    );
    report.number(
        "view on disk",
        "bytes a document",
        folder_bytes(&folder.path().join("view")) as f64 / documents as f64,
    );
    let started = Instant::now();
    let opened = Opened::open(folder.path(), raised_limits())?;
    report.time("open after a clean end", started.elapsed());
    opened.ledger.close();
    report.number("peak memory of the process in all", "MiB", peak_mebibytes());
    Ok(())
}
