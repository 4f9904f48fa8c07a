//! SQLite as a rival, in this process: every change leaves its revision in a history and a link in a hash chain.
//!
//! SQLite has one writer at a time, and waits for its turn by sleeping; here the clients take turns at one connection.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use everstrand_testkit::Random;
use rusqlite::{Connection, TransactionBehavior, params_from_iter};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::Arguments;
use crate::data::vin;
use crate::measure::{self, Failure, Sample, Turn};
use crate::rivals::columns::columns;

const COLUMNS: &str = "vin TEXT PRIMARY KEY, license_plate_number TEXT NOT NULL, state TEXT NOT NULL, \
    city TEXT NOT NULL, make TEXT NOT NULL, model TEXT NOT NULL, pending_penalty_ticket_amount INTEGER NOT NULL, \
    valid_from_date TEXT NOT NULL, valid_to_date TEXT NOT NULL, mileage INTEGER NOT NULL, \
    primary_owner TEXT NOT NULL, secondary_owner TEXT NOT NULL";
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -262144;";

/// A database with the documents.
pub(crate) struct Sqlite {
    connection: Mutex<Connection>,
    _folder: TempDir,
}

impl Sqlite {
    /// Creates and fills one; there always is one where this is compiled.
    pub(crate) fn start(arguments: &Arguments) -> Result<Option<Sqlite>, Failure> {
        let folder = arguments.scratch()?;
        let mut connection = Connection::open(folder.path().join("database"))?;
        connection.execute_batch(&format!(
            "{SETTINGS}
             CREATE TABLE registration ({COLUMNS});
             CREATE INDEX amounts ON registration (pending_penalty_ticket_amount);
             CREATE TABLE history (number INTEGER PRIMARY KEY, noted_at INTEGER NOT NULL, hash BLOB NOT NULL, {});
             CREATE TABLE head (hash BLOB NOT NULL);
             INSERT INTO head VALUES (zeroblob(32));",
            COLUMNS.replace(" PRIMARY KEY", " NOT NULL")
        ))?;
        let filling = connection.transaction()?;
        {
            let mut insert = filling.prepare("INSERT INTO registration VALUES (?,?,?,?,?,?,?,?,?,?,?,?)")?;
            for number in 0..arguments.documents {
                insert.execute(params_from_iter(columns(number)))?;
            }
        }
        filling.commit()?;
        connection.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")?;
        Ok(Some(Sqlite { connection: Mutex::new(connection), _folder: folder }))
    }

    /// The version and the settings that are not the defaults.
    pub(crate) fn description(&self) -> String {
        format!("SQLite {}, {SETTINGS} one connection, at which clients take turns", rusqlite::version())
    }

    /// So many clients change one document after another for a while.
    pub(crate) fn measure(&self, clients: u64, time: Duration, documents: u64) -> Result<Sample, Failure> {
        let change = |random: &mut Random| {
            change(&mut self.lock(), &vin(random.below(documents)))?;
            Ok(Turn::Done)
        };
        measure::run(clients, time, |client| Ok(Random::new(client)), change)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn change(connection: &mut Connection, vin: &str) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut select = transaction.prepare_cached("SELECT mileage FROM registration WHERE vin = ?")?;
        let mileage: i64 = select.query_row([vin], |row| row.get(0))?;
        let mut update =
            transaction.prepare_cached("UPDATE registration SET mileage = ? WHERE vin = ? RETURNING *")?;
        let mut row = Sha256::new();
        update.query_row((mileage + 1, vin), |updated| {
            for column in 0..12 {
                let value = updated.get_ref(column)?;
                match value.as_bytes() {
                    Ok(text) => row.update(text),
                    Err(_) => row.update(value.as_i64()?.to_be_bytes()),
                }
                row.update([0]);
            }
            Ok(())
        })?;
        let mut head = transaction.prepare_cached("SELECT hash FROM head")?;
        let before: Vec<u8> = head.query_row([], |row| row.get(0))?;
        let next = Sha256::new().chain_update(before).chain_update(row.finalize()).finalize();
        transaction.prepare_cached("UPDATE head SET hash = ?")?.execute([next.as_slice()])?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let mut note = transaction
            .prepare_cached("INSERT INTO history SELECT NULL, ?, ?, * FROM registration WHERE vin = ?")?;
        note.execute((i64::try_from(now)?, next.as_slice(), vin))?;
    }
    Ok(transaction.commit()?)
}
