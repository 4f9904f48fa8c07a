//! What the network costs: TLS beside plain HTTP, users with policies beside anybody, and a quiet ledger beside one that is flooded.

use std::time::Instant;

use everstrand_ledger::Ledger;

use crate::Arguments;
use crate::commits::{change_over_http, change_until};
use crate::http::{NAME, Served};
use crate::ledgers::{Opened, fill, raised_limits};
use crate::measure::{Failure, Sample, Times};
use crate::report::Report;

/// How many documents each ledger of [`share`] has at most; what is measured does not depend on it.
const DOCUMENTS_MAX: u64 = 10_000;
/// The name of the ledger with few clients.
const QUIET: &str = "quiet";
/// How many clients the quiet ledger has.
const QUIET_CLIENTS: u64 = 2;

/// Looks a document up by index, changes one of its fields, commits: over plain HTTP and over TLS, on connections that are kept.
pub(crate) fn tls(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let folder = arguments.scratch()?;
    let opened = Opened::open(folder.path(), raised_limits())?;
    fill(&opened.ledger, arguments.documents)?;
    let (plain, tls) = (Served::start(&opened.ledger)?, Served::start_tls(&opened.ledger)?);
    compare(
        [("read-modify-write, HTTP", plain), ("read-modify-write, HTTP over TLS", tls)],
        arguments,
        report,
    )
}

/// The same over plain HTTP: to anybody, and to a user whose signatures and permissions are checked.
pub(crate) fn users(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let folder = arguments.scratch()?;
    let opened = Opened::open(folder.path(), raised_limits())?;
    fill(&opened.ledger, arguments.documents)?;
    let (anybody, users) = (Served::start(&opened.ledger)?, Served::start_with_users(&opened.ledger)?);
    let ways = [("read-modify-write, HTTP", anybody), ("read-modify-write, HTTP with users", users)];
    compare(ways, arguments, report)
}

/// Measures two ways to the same ledger in turn.
fn compare(mut ways: [(&str, Served); 2], arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    for (_, served) in &ways {
        // The handshakes belong to no measurement.
        for &clients in &arguments.clients {
            change_over_http(served, clients, arguments)?;
        }
    }
    for _ in 0..arguments.rounds {
        for (what, served) in &ways {
            for &clients in &arguments.clients {
                let sample = change_over_http(served, clients, arguments)?;
                report.sample(what, clients, "tx/s", &sample, 1, None);
            }
        }
        // Neither is always the first.
        ways.reverse();
    }
    Ok(())
}

/// Two clients of a quiet ledger: alone, beside clients that change another ledger, and beside clients that scan it.
pub(crate) fn share(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let folders = [arguments.scratch()?, arguments.scratch()?];
    let open = |folder: &tempfile::TempDir| -> Result<Ledger, Failure> {
        let opened = Opened::open(folder.path(), raised_limits())?;
        fill(&opened.ledger, documents(arguments))?;
        Ok(opened.ledger)
    };
    let (flooded, quiet) = (open(&folders[0])?, open(&folders[1])?);
    let served = Served::start_with(&[(NAME, &flooded), (QUIET, &quiet)], None)?;
    for _ in 0..arguments.rounds {
        let sample = change_quiet(&served, arguments)?;
        report.sample("quiet ledger, alone", QUIET_CLIENTS, "tx/s", &sample, 1, None);
        for &clients in &arguments.clients {
            for (how, scans) in [("changed", false), ("scanned", true)] {
                let (quiet, flood) = std::thread::scope(|scope| {
                    let flood = scope.spawn(|| match scans {
                        false => flood_with_changes(&served, clients, arguments),
                        true => flood_with_scans(&served, clients, arguments),
                    });
                    let quiet = change_quiet(&served, arguments);
                    (quiet, flood.join().expect("a client does not panic"))
                });
                let what = format!("quiet ledger, beside {clients} clients by whom another is {how}");
                report.sample(&what, QUIET_CLIENTS, "tx/s", &quiet?, 1, None);
                report.sample(&format!("the ledger that is {how}"), clients, "tx/s", &flood?, 1, None);
            }
        }
    }
    Ok(())
}

fn documents(arguments: &Arguments) -> u64 {
    arguments.documents.min(DOCUMENTS_MAX)
}

fn change_quiet(served: &Served, arguments: &Arguments) -> Result<Sample, Failure> {
    let (time, documents) = (arguments.time(), documents(arguments));
    served.run_on(QUIET, QUIET_CLIENTS, |driver, client, started| {
        change_until(driver, client, started, time, documents)
    })
}

fn flood_with_changes(served: &Served, clients: u64, arguments: &Arguments) -> Result<Sample, Failure> {
    let (time, documents) = (arguments.time(), documents(arguments));
    served.run_on(NAME, clients, |driver, client, started| {
        change_until(driver, client, started, time, documents)
    })
}

fn flood_with_scans(served: &Served, clients: u64, arguments: &Arguments) -> Result<Sample, Failure> {
    let time = arguments.time();
    served.run_on(NAME, clients, |driver, _, started| async move {
        let mut times = Times::default();
        while started.elapsed() < time {
            let began = Instant::now();
            let statement = "SELECT COUNT(*) FROM Registration WHERE Mileage < 0";
            driver
                .execute(|transaction| async move { transaction.execute(statement, ()).await.map(drop) })
                .await?;
            times.push(began.elapsed());
        }
        Ok(times)
    })
}
