//! Reads: one document by index and by id, a page of a range, counts.

use std::time::Instant;

use everstrand_ion::Document;
use everstrand_ledger::Ledger;
use everstrand_testkit::Random;

use crate::Arguments;
use crate::commits::SELECT;
use crate::data::{parameter, vin};
use crate::http::Served;
use crate::ledgers::{Opened, fill, raised_limits};
use crate::measure::{self, Failure, Sample, Times, Turn};
use crate::report::Report;

const BY_ID: &str = "SELECT Mileage FROM Registration BY id WHERE id = ?";
const PAGE: &str = "SELECT VIN, PendingPenaltyTicketAmount FROM Registration WHERE PendingPenaltyTicketAmount >= ? \
                    ORDER BY PendingPenaltyTicketAmount LIMIT 50";
const COUNT: &str = "SELECT COUNT(*) FROM Registration WHERE PendingPenaltyTicketAmount BETWEEN ? AND ?";
const COUNT_ALL: &str = "SELECT COUNT(*) FROM Registration";

/// Each read in a transaction of its own, which is validated at its end.
pub(crate) fn reads(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let folder = arguments.scratch()?;
    let opened = Opened::open(folder.path(), raised_limits())?;
    fill(&opened.ledger, arguments.documents)?;
    let ids = ids(&opened.ledger, arguments.documents)?;
    let served = Served::start(&opened.ledger)?;
    let documents = arguments.documents;
    for _ in 0..arguments.rounds {
        for clients in [1, 2, 16] {
            let mut measure = |what: &str,
                               statement: &str,
                               parameters: &(dyn Fn(&mut Random) -> Vec<Document> + Sync),
                               rows: usize| {
                let sample = measure::run(
                    clients,
                    arguments.time(),
                    |client| Ok(Random::new(client)),
                    |random| read(&opened.ledger, statement, &parameters(random), rows),
                )?;
                report.sample(what, clients, "reads/s", &sample, 1, None);
                Ok::<(), Failure>(())
            };
            let by_vin = |random: &mut Random| vec![parameter(vin(random.below(documents)))];
            measure("read by index, embedded", SELECT, &by_vin, 1)?;
            let by_id = |random: &mut Random| {
                let place = usize::try_from(random.below(ids.len() as u64)).unwrap_or(0);
                vec![ids[place].clone()]
            };
            measure("read by id, embedded", BY_ID, &by_id, 1)?;
            if clients == 1 {
                let from = |random: &mut Random| vec![parameter(random.below(90_000).cast_signed())];
                measure("page of 50 in order of an index", PAGE, &from, 50)?;
                let thousandth = |random: &mut Random| {
                    let low = random.below(90_000).cast_signed();
                    vec![parameter(low), parameter(low + 999)]
                };
                measure("COUNT of a hundredth by index", COUNT, &thousandth, 1)?;
                measure("COUNT of all", COUNT_ALL, &|_| Vec::new(), 1)?;
            }
            let sample = read_over_http(&served, clients, arguments)?;
            report.sample("read by index, HTTP", clients, "reads/s", &sample, 1, None);
        }
    }
    Ok(())
}

fn read(ledger: &Ledger, statement: &str, parameters: &[Document], rows: usize) -> Result<Turn, Failure> {
    let mut transaction = ledger.start_transaction()?;
    let page = transaction.execute(statement, parameters)?;
    if page.values.len() != rows {
        return Err(format!("{} rows, not {rows}: {statement}", page.values.len()).into());
    }
    transaction.commit_unchecked().wait()?;
    Ok(Turn::Done)
}

/// The ids of some documents, as parameters.
fn ids(ledger: &Ledger, documents: u64) -> Result<Vec<Document>, Failure> {
    let mut random = Random::new(documents);
    let mut ids = Vec::new();
    for _ in 0..10_000 {
        let mut transaction = ledger.start_transaction()?;
        let vin = parameter(vin(random.below(documents)));
        let page = transaction.execute("SELECT VALUE id FROM Registration BY id WHERE VIN = ?", &[vin])?;
        ids.extend(page.values);
    }
    Ok(ids)
}

fn read_over_http(served: &Served, clients: u64, arguments: &Arguments) -> Result<Sample, Failure> {
    let (time, documents) = (arguments.time(), arguments.documents);
    served.run(clients, |driver, client, started| async move {
        let mut random = Random::new(client);
        let mut times = Times::default();
        while started.elapsed() < time {
            let vin = vin(random.below(documents));
            let began = Instant::now();
            let read = driver.execute(|transaction| {
                let vin = vin.clone();
                async move { transaction.execute(SELECT, vin).await?.next().await }
            });
            read.await?.ok_or("a document is missing")?;
            times.note(began, &Turn::Done);
        }
        Ok(times)
    })
}
