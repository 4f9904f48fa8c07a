//! Slots as rows: the primary key (journal, slot) lets exactly one creator win.

mod connection;
mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::SharedStore;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore, check_redaction};
use tokio::sync::Mutex;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::location::{Replication, SqlPlace};
use crate::threads::RequestThreads;
pub(crate) use connection::Connection;
pub(crate) use settings::settings;

/// Whether the last of the tables exists.
const HAS_TABLES: &str = "SELECT to_regclass('everstrand_keys') IS NOT NULL";
const CREATE_TABLES: &str = "
    CREATE TABLE IF NOT EXISTS everstrand_slots (
        journal text COLLATE \"C\" NOT NULL,
        slot bigint NOT NULL CHECK (slot >= 0),
        body bytea NOT NULL,
        PRIMARY KEY (journal, slot));
    ALTER TABLE everstrand_slots ALTER COLUMN body SET STORAGE EXTERNAL;
    CREATE TABLE IF NOT EXISTS everstrand_barriers (
        server text PRIMARY KEY,
        number bigint NOT NULL);
    CREATE TABLE IF NOT EXISTS everstrand_names (
        name text COLLATE \"C\" NOT NULL,
        revision bigint NOT NULL CHECK (revision >= 0),
        body bytea NOT NULL,
        PRIMARY KEY (name, revision));
    CREATE TABLE IF NOT EXISTS everstrand_keys (
        ledger text COLLATE \"C\" NOT NULL,
        revision bigint NOT NULL CHECK (revision >= 0),
        body bytea NOT NULL,
        PRIMARY KEY (ledger, revision))";

/// What is asked of a table of chains.
struct Statements {
    create: &'static str,
    read: &'static str,
    read_many: &'static str,
    tip: &'static str,
    redact: &'static str,
}

macro_rules! statements {
    ($table:literal, $chain:literal, $number:literal) => {
        Statements {
            // The row appears only if the one before exists and this one does not. One statement decides it.
            create: concat!(
                "INSERT INTO ",
                $table,
                " (",
                $chain,
                ", ",
                $number,
                ", body) ",
                "SELECT $1::text, $2::bigint, $3::bytea WHERE $2 = 0::bigint OR EXISTS (SELECT FROM ",
                $table,
                " WHERE ",
                $chain,
                " = $1 AND ",
                $number,
                " = $2 - 1) ON CONFLICT DO NOTHING"
            ),
            read: concat!("SELECT body FROM ", $table, " WHERE ", $chain, " = $1 AND ", $number, " = $2"),
            read_many: concat!(
                "SELECT ",
                $number,
                ", body FROM ",
                $table,
                " WHERE ",
                $chain,
                " = $1 AND ",
                $number,
                " >= $2 ORDER BY ",
                $number,
                " LIMIT $3"
            ),
            tip: concat!("SELECT max(", $number, ") FROM ", $table, " WHERE ", $chain, " = $1"),
            redact: concat!(
                "UPDATE ",
                $table,
                " SET body = $4 WHERE ",
                $chain,
                " = $1 AND ",
                $number,
                " = $2 AND body = $3"
            ),
        }
    };
}

static OF_SLOTS: Statements = statements!("everstrand_slots", "journal", "slot");
static OF_NAMES: Statements = statements!("everstrand_names", "name", "revision");
static OF_KEYS: Statements = statements!("everstrand_keys", "ledger", "revision");
const REMOVE_KEYS: &str = "DELETE FROM everstrand_keys WHERE ledger = $1";
const NAMES: &str = "SELECT name, max(revision) FROM everstrand_names GROUP BY name ORDER BY name";

const REMOVE_SLOTS: &str = "DELETE FROM everstrand_slots WHERE journal = $1";
const REMOVE_NAME: &str = "DELETE FROM everstrand_names WHERE name = $1";

/// A write whose commit waits for the standby. What it follows in the log is on the standby, too.
const BARRIER: &str = "
    INSERT INTO everstrand_barriers (server, number) VALUES ($1, 1)
    ON CONFLICT (server) DO UPDATE SET number = everstrand_barriers.number + 1";

/// The most rows that one query fetches.
const ROWS_MAX: u64 = 64;

/// How many connections write and how many read, for all journals of a process.
const CONNECTIONS: usize = 8;

/// The journals and names in a PostgreSQL database.
pub struct SqlStore {
    threads: Arc<RequestThreads>,
    database: Arc<Database>,
}

struct Database {
    /// The name of this process's row among the barriers.
    server: String,
    replication: Replication,
    /// Creates and barriers wait for the standby, so reads have connections of their own.
    writes: Vec<Mutex<Connection>>,
    reads: Vec<Mutex<Connection>>,
}

/// The slots of one journal in PostgreSQL.
///
/// With a standby, PostgreSQL commits on the primary alone when the wait for the standby is cancelled, and says so in a
/// WARNING only. So a write that brought any warning has an unknown outcome. A read may meet a row that no standby has,
/// or an old primary that does not hear of the newest rows. So what a read found is answered only after one more
/// synchronous write, unless this process knows that the slot is on the standby.
pub struct SqlSlots {
    threads: Arc<RequestThreads>,
    shared: Arc<Chain>,
}

/// One journal, or the revisions of one name.
struct Chain {
    database: Arc<Database>,
    statements: &'static Statements,
    key: String,
    /// Which of the connections it uses.
    lane: usize,
    /// All slots below this number are known to be where the database keeps what it acknowledged.
    kept: AtomicU64,
}

impl SqlStore {
    /// The store of a database. Makes the tables if they do not exist.
    pub fn open(
        place: &SqlPlace,
        threads: Arc<RequestThreads>,
        replication: Replication,
    ) -> Result<SqlStore, SlotError> {
        let store = SqlStore::open_existing(place, threads, replication)?;
        // Only where they are missing: changing a table waits for all who read it, and for the standby.
        store.wait(|database| async move {
            let of_tables = |failed: connection::Failed| failed.of_read("the tables");
            let rows = database.reads[0].lock().await.query(HAS_TABLES, &[]).await.map_err(of_tables)?;
            if rows.first().is_some_and(|row| row.get(0)) {
                return Ok(());
            }
            database.writes[0].lock().await.run(CREATE_TABLES).await.map_err(of_tables)
        })?;
        Ok(store)
    }

    /// The store of a database that has its tables. Writes nothing.
    pub fn open_existing(
        place: &SqlPlace,
        threads: Arc<RequestThreads>,
        replication: Replication,
    ) -> Result<SqlStore, SlotError> {
        let mut server = [0; 16];
        getrandom::fill(&mut server).map_err(|error| SlotError::NotSent(error.to_string()))?;
        let connections = || -> Result<Vec<Mutex<Connection>>, SlotError> {
            let denied = |error: tokio_postgres::Error| SlotError::Denied(error.to_string());
            (0..CONNECTIONS).map(|_| Connection::new(&place.url).map(Mutex::new).map_err(denied)).collect()
        };
        let database = Database {
            server: UniqueId::from_bytes(server).to_string(),
            replication,
            writes: connections()?,
            reads: connections()?,
        };
        Ok(SqlStore { threads, database: Arc::new(database) })
    }

    /// The slots of a journal.
    pub fn slots(&self, journal_id: UniqueId) -> SqlSlots {
        self.chain(&OF_SLOTS, journal_id.to_string())
    }

    fn chain(&self, statements: &'static Statements, key: String) -> SqlSlots {
        let lane = key.bytes().map(usize::from).sum::<usize>() % CONNECTIONS;
        let database = Arc::clone(&self.database);
        let chain = Chain { database, statements, key, lane, kept: AtomicU64::new(0) };
        SqlSlots { threads: Arc::clone(&self.threads), shared: Arc::new(chain) }
    }

    fn wait<T: Send + 'static, F: Future<Output = Result<T, SlotError>> + Send + 'static>(
        &self,
        request: impl FnOnce(Arc<Database>) -> F,
    ) -> Result<T, SlotError> {
        self.threads.wait(request(Arc::clone(&self.database))).unwrap_or_else(|| Err(thread_failed()))
    }
}

impl SharedStore for SqlStore {
    fn journal(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(Arc::new(self.slots(journal_id)))
    }

    fn name(&self, name: &str) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(Arc::new(self.chain(&OF_NAMES, name.to_owned())))
    }

    fn keys(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(Arc::new(self.chain(&OF_KEYS, journal_id.to_string())))
    }

    fn remove_keys(&self, journal_id: UniqueId) -> Result<(), SlotError> {
        self.wait(move |database| async move {
            database.write(0, REMOVE_KEYS, &[&journal_id.to_string()]).await.map(drop)
        })
    }

    fn names(&self) -> Result<Vec<(String, u64)>, SlotError> {
        self.wait(|database| async move {
            let rows = database.reads[0].lock().await.query(NAMES, &[]).await;
            let rows = rows.map_err(|failed| failed.of_read("the names of ledgers"))?;
            database.barrier(0).await?;
            let number = |row: &Row| u64::try_from(row.get::<_, i64>(1)).unwrap_or(0);
            Ok(rows.iter().map(|row| (row.get(0), number(row))).collect())
        })
    }

    fn remove(&self, journal_id: UniqueId, name: &str) -> Result<(), SlotError> {
        let (journal, name) = (journal_id.to_string(), name.to_owned());
        self.wait(|database| async move {
            database.write(0, REMOVE_SLOTS, &[&journal]).await?;
            database.write(0, REMOVE_NAME, &[&name]).await.map(drop)
        })
    }
}

impl std::fmt::Debug for SqlStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SqlStore").finish_non_exhaustive()
    }
}

fn thread_failed() -> SlotError {
    SlotError::Unknown("the thread that sent the request failed".to_owned())
}

impl SqlSlots {
    fn wait<T: Send + 'static, F: Future<Output = Result<T, SlotError>> + Send + 'static>(
        &self,
        request: impl FnOnce(Arc<Chain>) -> F,
    ) -> Result<T, SlotError> {
        self.threads.wait(request(Arc::clone(&self.shared))).unwrap_or_else(|| Err(thread_failed()))
    }
}

impl Database {
    /// Executes a write. The number of changed rows, or what is known of it.
    async fn write(
        &self,
        lane: usize,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, SlotError> {
        let mut connection = self.writes[lane].lock().await;
        connection.execute(statement, values).await.map_err(connection::Failed::of_write)
    }

    /// Answers only if all that this process has read so far is kept: on the standby as well, where there is one.
    async fn barrier(&self, lane: usize) -> Result<(), SlotError> {
        if self.replication != Replication::Standby {
            return Ok(());
        }
        match self.write(lane, BARRIER, &[&self.server]).await {
            Ok(_) => Ok(()),
            Err(SlotError::Denied(why)) => Err(SlotError::Denied(why)),
            Err(error) => Err(SlotError::NotSent(format!(
                "what was read is not confirmed, because a write to the standby failed: {error}"
            ))),
        }
    }
}

impl Chain {
    async fn write(&self, statement: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, SlotError> {
        self.database.write(self.lane, statement, values).await
    }

    async fn query(
        &self,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, connection::Failed> {
        self.database.reads[self.lane].lock().await.query(statement, values).await
    }

    async fn barrier(&self) -> Result<(), SlotError> {
        self.database.barrier(self.lane).await
    }

    fn keeps(&self, slot: u64) -> bool {
        slot < self.kept.load(Ordering::Relaxed)
    }

    fn note_kept(&self, slot: u64) {
        self.kept.fetch_max(slot.saturating_add(1), Ordering::Relaxed);
    }

    async fn body(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        let Ok(number) = i64::try_from(slot) else { return Ok(None) };
        let rows = self.query(self.statements.read, &[&self.key, &number]).await;
        let rows = rows.map_err(|failed| failed.of_read(&format!("slot {slot}")))?;
        Ok(rows.first().map(|row| row.get(0)))
    }
}

/// A slot's number as the database has it.
fn number(slot: u64) -> Result<i64, SlotError> {
    i64::try_from(slot)
        .map_err(|_| SlotError::NotSent(format!("slot {slot} is beyond the last that a row can name")))
}

impl SlotStore for SqlSlots {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        let (number, bytes) = (number(slot)?, bytes.to_vec());
        self.wait(|shared| async move {
            if shared.write(shared.statements.create, &[&shared.key, &number, &bytes]).await? == 1 {
                shared.note_kept(slot);
                return Ok(Created::Won);
            }
            let before = slot.saturating_sub(1);
            if shared.body(slot).await?.is_none() && slot > 0 && shared.body(before).await?.is_none() {
                let why = format!("slot {slot} cannot be created: slot {before} does not exist");
                return Err(SlotError::NotSent(why));
            }
            Ok(Created::Exists)
        })
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        self.wait(|shared| async move {
            let body = shared.body(slot).await?;
            if body.is_none() || !shared.keeps(slot) {
                shared.barrier().await?;
            }
            if body.is_some() {
                shared.note_kept(slot);
            }
            Ok(body)
        })
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        self.wait(|shared| async move {
            let rows = shared.query(shared.statements.tip, &[&shared.key]).await;
            let rows = rows.map_err(|failed| failed.of_read("the last slot"))?;
            let tip: Option<i64> = rows.first().and_then(|row| row.get(0));
            Ok(tip.and_then(|tip| u64::try_from(tip).ok()))
        })
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        let (number, stored, bytes) = (number(slot)?, stored.to_vec(), bytes.to_vec());
        self.wait(|shared| async move {
            let absent = || SlotError::NotSent(format!("slot {slot} cannot be redacted: it does not exist"));
            let held = shared.body(slot).await?.ok_or_else(absent)?;
            check_redaction(slot, &held, &stored, &bytes)?;
            match shared.write(shared.statements.redact, &[&shared.key, &number, &stored, &bytes]).await? {
                1 => Ok(()),
                _ => Err(SlotError::NotSent(format!("slot {slot} has changed since it was read"))),
            }
        })
    }

    fn read_many(&self, from: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, SlotError> {
        self.wait(|shared| async move {
            let (mut slots, mut size, mut count) = (Vec::<Vec<u8>>::new(), 0, 1);
            while size < bytes_max.max(1) {
                let next = from.saturating_add(slots.len() as u64);
                let Ok(first) = i64::try_from(next) else { break };
                let limit = i64::try_from(count).unwrap_or(i64::MAX);
                let rows = shared.query(shared.statements.read_many, &[&shared.key, &first, &limit]).await;
                let rows = rows.map_err(|failed| failed.of_read(&format!("slots from {next} on")))?;
                let found = rows.len() as u64;
                for (row, expected) in rows.iter().zip(first..) {
                    if row.get::<_, i64>(0) != expected {
                        let why = "its row is gone, though a later one is there".to_owned();
                        return Err(SlotError::Corrupt { slot: expected.unsigned_abs(), why });
                    }
                    let body: Vec<u8> = row.get(1);
                    size += body.len().max(1);
                    slots.push(body);
                }
                if found < count {
                    break;
                }
                let usual = (size / slots.len()).max(1);
                let left = bytes_max.saturating_sub(size).div_ceil(usual) as u64;
                count = (count * 2).min(left).clamp(1, ROWS_MAX);
            }
            let last = (slots.len() as u64).checked_sub(1).map(|last| from.saturating_add(last));
            if last.is_none_or(|last| !shared.keeps(last)) {
                shared.barrier().await?;
            }
            if let Some(last) = last {
                shared.note_kept(last);
            }
            Ok(slots)
        })
    }
}
