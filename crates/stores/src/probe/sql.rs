//! The checks of a PostgreSQL database.

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::SlotError;
use futures_util::future::join_all;

use super::report::{Check, Need, Report, Seen};
use crate::location::{Replication, SqlPlace};
use crate::sql::{Connection, settings};

const RACERS: usize = 16;
const ROUNDS: i64 = 8;

/// A temporary table would be seen by one connection only.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS everstrand_probe (
    probe text NOT NULL, round bigint NOT NULL, writer text NOT NULL, PRIMARY KEY (probe, round))";
const CREATE: &str = "INSERT INTO everstrand_probe VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const WINNER: &str = "SELECT writer FROM everstrand_probe WHERE probe = $1 AND round = $2";
const SWEEP: &str = "DELETE FROM everstrand_probe WHERE probe = $1";

pub(super) async fn probe(place: &SqlPlace, replication: Replication) -> Result<Report, SlotError> {
    let mut checks: Vec<Check> = settings(place, replication)
        .await?
        .into_iter()
        .map(|setting| Check {
            name: setting.name,
            need: Need::Journal,
            seen: if setting.unfit.is_some() { Seen::Fails } else { Seen::Holds },
            evidence: match setting.unfit {
                Some(why) => format!("{:?}: {why}", setting.value),
                None => format!("{:?}", setting.value),
            },
        })
        .collect();
    if checks.iter().all(|check| check.seen == Seen::Holds) {
        checks.push(race(place).await?);
    }
    Ok(Report { checks })
}

async fn race(place: &SqlPlace) -> Result<Check, SlotError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| SlotError::NotSent(error.to_string()))?;
    let id = UniqueId::from_bytes(id).to_string();
    let connect = || Connection::new(&place.url).map_err(|error| SlotError::Denied(error.to_string()));
    let mut first = connect()?;
    first.run(TABLE).await.map_err(|failed| failed.of_write())?;
    let mut racers = (0..RACERS).map(|_| connect()).collect::<Result<Vec<_>, _>>()?;
    let (mut broken, mut unanswered) = (None, 0);
    for round in 0..ROUNDS {
        let writers: Vec<String> = (0..RACERS).map(|racer| racer.to_string()).collect();
        let id = &id;
        let answers = join_all(
            racers
                .iter_mut()
                .zip(&writers)
                .map(|(racer, writer)| async move { racer.execute(CREATE, &[id, &round, writer]).await }),
        )
        .await;
        let won: Vec<&String> =
            answers.iter().zip(&writers).filter(|(it, _)| matches!(it, Ok(1))).map(|(_, it)| it).collect();
        unanswered += answers.iter().filter(|answer| answer.is_err()).count();
        let rows = first.query(WINNER, &[id, &round]).await.map_err(|failed| failed.of_read("the winner"))?;
        let held: Option<String> = rows.first().map(|row| row.get(0));
        if won.len() > 1 || won.first().is_some_and(|winner| held.as_ref() != Some(*winner)) {
            broken = Some(format!("{} of {RACERS} won, and the row is of {held:?}", won.len()));
        }
    }
    // Rows of a probe are of no use to anybody; that they stay does no harm.
    let _ = first.execute(SWEEP, &[&id]).await;
    let evidence = broken
        .clone()
        .unwrap_or_else(|| format!("{ROUNDS} rounds; {unanswered} statements were not answered"));
    let seen = match broken {
        Some(_) => Seen::Fails,
        None if unanswered > 0 => Seen::Unknown,
        None => Seen::Holds,
    };
    Ok(Check { name: "of 16 creators of a row one wins", need: Need::Journal, seen, evidence })
}
