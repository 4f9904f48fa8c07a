//! Durable commits: read-modify-write in this process and over HTTP, and inserts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use everstrand_driver::{HttpTransport, QldbDriver};
use everstrand_ion::Document;
use everstrand_ledger::{Ledger, LedgerError, LedgerOptions};
use everstrand_testkit::Random;

use crate::Arguments;
use crate::data::{DEFINITIONS, parameter, registration, vin};
use crate::http::Served;
use crate::ledgers::{Opened, define, fill, insert, raised_limits, settle};
use crate::light;
use crate::measure::{self, Failure, Sample, Times, Turn};
use crate::report::{LIGHT, Report};

pub(crate) const SELECT: &str = "SELECT Mileage FROM Registration WHERE VIN = ?";
const UPDATE: &str = "UPDATE Registration SET Mileage = ? WHERE VIN = ?";

/// Looks a document up by index, changes one of its eleven fields, commits.
pub(crate) fn read_modify_write(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let folder = arguments.scratch()?;
    let opened = Opened::open(folder.path(), raised_limits())?;
    fill(&opened.ledger, arguments.documents)?;
    let served = Served::start(&opened.ledger)?;
    speed_of_light(arguments, report)?;
    for _ in 0..arguments.rounds {
        for &clients in &arguments.clients {
            let before = opened.syncs();
            let sample = change_embedded(&opened.ledger, clients, arguments)?;
            let syncs = Some(opened.syncs() - before);
            report.sample("read-modify-write, embedded", clients, "tx/s", &sample, 1, syncs);
            if arguments.embedded_only {
                continue;
            }
            let before = opened.syncs();
            let sample = change_over_http(&served, clients, arguments)?;
            let syncs = Some(opened.syncs() - before);
            report.sample("read-modify-write, HTTP", clients, "tx/s", &sample, 1, syncs);
        }
    }
    speed_of_light(arguments, report)
}

/// Measures what encryption at rest costs, by the same changes of an encrypted ledger and of one in clear.
pub(crate) fn encryption(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let folders = [arguments.scratch()?, arguments.scratch()?];
    let mut ledgers = [
        ("in clear", Opened::open(folders[0].path(), raised_limits())?),
        ("encrypted", Opened::open_encrypted(folders[1].path(), raised_limits())?),
    ];
    for (_, opened) in &ledgers {
        fill(&opened.ledger, arguments.documents)?;
    }
    for _ in 0..arguments.rounds {
        for (what, opened) in &ledgers {
            for &clients in &arguments.clients {
                let before = opened.syncs();
                let sample = change_embedded(&opened.ledger, clients, arguments)?;
                let syncs = Some(opened.syncs() - before);
                report.sample(&format!("read-modify-write, {what}"), clients, "tx/s", &sample, 1, syncs);
            }
        }
        // Neither is always the first.
        ledgers.reverse();
    }
    Ok(())
}

/// Measures what saving the view costs, by the same commits in a ledger that saves it as usual and in one that never does.
pub(crate) fn saving(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let usual = LedgerOptions { limits: raised_limits(), ..LedgerOptions::default() };
    let never = LedgerOptions { persist_millis: u64::MAX, ..usual.clone() };
    let folders = [arguments.scratch()?, arguments.scratch()?];
    let mut ledgers = [
        ("view saved every 3 s", Opened::open_with(folders[0].path(), usual)?),
        ("view never saved", Opened::open_with(folders[1].path(), never)?),
    ];
    for (_, opened) in &ledgers {
        fill(&opened.ledger, arguments.documents)?;
    }
    let next = AtomicU64::new(arguments.documents);
    for _ in 0..arguments.rounds {
        for (what, opened) in &ledgers {
            for &clients in &arguments.clients {
                let before = opened.syncs();
                let sample = change_embedded(&opened.ledger, clients, arguments)?;
                let syncs = Some(opened.syncs() - before);
                report.sample(&format!("read-modify-write, {what}"), clients, "tx/s", &sample, 1, syncs);
                let before = opened.syncs();
                let sample = measure::run(
                    clients,
                    arguments.time(),
                    |_| Ok(()),
                    |()| {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        insert(&opened.ledger, vec![registration(number)])?;
                        Ok(Turn::Done)
                    },
                )?;
                let syncs = Some(opened.syncs() - before);
                report.sample(&format!("insert, {what}"), clients, "tx/s", &sample, 1, syncs);
            }
        }
        // Neither is always the first.
        ledgers.reverse();
    }
    Ok(())
}

/// Inserts of 1, 40 and 1000 documents a transaction.
pub(crate) fn inserts(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    speed_of_light(arguments, report)?;
    for _ in 0..arguments.rounds {
        for (documents, clients) in [(1, 16), (40, 16), (1000, 4)] {
            let folder = arguments.scratch()?;
            let opened = Opened::open(folder.path(), raised_limits())?;
            define(&opened.ledger, &DEFINITIONS)?;
            settle(&opened.ledger);
            let next = AtomicU64::new(0);
            let before = opened.syncs();
            let sample = measure::run(
                clients,
                arguments.time(),
                |_| Ok(()),
                |()| {
                    let first = next.fetch_add(documents, Ordering::Relaxed);
                    insert(&opened.ledger, (first..first + documents).map(registration).collect())?;
                    Ok(Turn::Done)
                },
            )?;
            let what = format!("insert, {documents} a transaction");
            let syncs = Some(opened.syncs() - before);
            report.sample(&what, clients, "documents/s", &sample, documents, syncs);
        }
    }
    speed_of_light(arguments, report)
}

/// The speed of light, with each number of clients.
pub(crate) fn speed_of_light(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let folder = arguments.scratch()?;
    for &clients in &arguments.clients {
        let sample = light::measure(folder.path(), clients, arguments.time())?;
        report.sample(LIGHT, clients, "tx/s", &sample, 1, None);
    }
    Ok(())
}

/// Clients in this process, each on a thread, change one document after another.
pub(crate) fn change_embedded(
    ledger: &Ledger,
    clients: u64,
    arguments: &Arguments,
) -> Result<Sample, Failure> {
    measure::run(
        clients,
        arguments.time(),
        |client| Ok(Random::new(client)),
        |random| change_one(ledger, random.below(arguments.documents)),
    )
}

fn change_one(ledger: &Ledger, number: u64) -> Result<Turn, Failure> {
    let vin = parameter(vin(number));
    let mut transaction = ledger.start_transaction()?;
    let page = transaction.execute(SELECT, std::slice::from_ref(&vin))?;
    let mileage = page.values.first().and_then(|row| row.root().get("Mileage")?.as_i64());
    let mileage = mileage.ok_or("a document is missing")?;
    transaction.execute(UPDATE, &[parameter(mileage + 1), vin])?;
    match transaction.commit_unchecked().wait() {
        Ok(_) => Ok(Turn::Done),
        Err(LedgerError::OccConflict { .. }) => Ok(Turn::Conflict),
        Err(error) => Err(error.into()),
    }
}

/// Clients over HTTP change one document after another.
pub(crate) fn change_over_http(
    served: &Served,
    clients: u64,
    arguments: &Arguments,
) -> Result<Sample, Failure> {
    let (time, documents) = (arguments.time(), arguments.documents);
    served.run(clients, |driver, client, started| change_until(driver, client, started, time, documents))
}

/// Clients over HTTP insert one document after another.
pub(crate) fn insert_over_http(
    served: &Served,
    clients: u64,
    arguments: &Arguments,
    next: &Arc<AtomicU64>,
) -> Result<Sample, Failure> {
    let time = arguments.time();
    served.run(clients, |driver, _, started| insert_until(driver, started, time, Arc::clone(next)))
}

pub(crate) async fn change_until(
    driver: QldbDriver<HttpTransport>,
    client: u64,
    started: Instant,
    time: Duration,
    documents: u64,
) -> Result<Times, Failure> {
    let mut random = Random::new(client);
    let mut times = Times::default();
    while started.elapsed() < time {
        let vin: Arc<str> = vin(random.below(documents)).into();
        let attempts = AtomicU64::new(0);
        let began = Instant::now();
        driver
            .execute(|transaction| {
                let vin = Arc::clone(&vin);
                attempts.fetch_add(1, Ordering::Relaxed);
                async move {
                    let mut rows = transaction.execute(SELECT, &*vin).await?;
                    let row = rows.next().await?.ok_or("a document is missing")?;
                    let mileage = row.root().get("Mileage").and_then(|mileage| mileage.as_i64()).unwrap_or(0);
                    transaction.execute(UPDATE, (mileage + 1, &*vin)).await?;
                    Ok::<(), Failure>(())
                }
            })
            .await?;
        times.note(began, &Turn::Done);
        (1..attempts.into_inner()).for_each(|_| times.note(began, &Turn::Conflict));
    }
    Ok(times)
}

async fn insert_until(
    driver: QldbDriver<HttpTransport>,
    started: Instant,
    time: Duration,
    next: Arc<AtomicU64>,
) -> Result<Times, Failure> {
    let mut times = Times::default();
    while started.elapsed() < time {
        let document = Document::from(&registration(next.fetch_add(1, Ordering::Relaxed)));
        let began = Instant::now();
        let insert = driver.execute(|transaction| {
            let document = document.clone();
            async move { transaction.execute("INSERT INTO Registration ?", document).await.map(drop) }
        });
        insert.await?;
        times.note(began, &Turn::Done);
    }
    Ok(times)
}
