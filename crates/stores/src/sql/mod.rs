//! Slots as rows: the primary key (journal, slot) lets exactly one creator win.

mod connection;
mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore, check_redaction};
use tokio::sync::Mutex;
use tokio_postgres::types::ToSql;

use crate::location::{Replication, SqlPlace};
use crate::threads::RequestThreads;
pub(crate) use connection::Connection;
pub(crate) use settings::settings;

/// Whether the last of the tables exists.
const HAS_TABLES: &str = "SELECT to_regclass('everstrand_barriers') IS NOT NULL";
const CREATE_TABLES: &str = "
    CREATE TABLE IF NOT EXISTS everstrand_slots (
        journal text COLLATE \"C\" NOT NULL,
        slot bigint NOT NULL CHECK (slot >= 0),
        body bytea NOT NULL,
        PRIMARY KEY (journal, slot));
    ALTER TABLE everstrand_slots ALTER COLUMN body SET STORAGE EXTERNAL;
    CREATE TABLE IF NOT EXISTS everstrand_barriers (
        server text PRIMARY KEY,
        number bigint NOT NULL)";

/// The row appears only if the slot before exists and this one does not. One statement decides it.
const CREATE: &str = "
    INSERT INTO everstrand_slots (journal, slot, body)
    SELECT $1::text, $2::bigint, $3::bytea
    WHERE $2 = 0::bigint OR EXISTS (SELECT FROM everstrand_slots WHERE journal = $1 AND slot = $2 - 1)
    ON CONFLICT DO NOTHING";
const READ: &str = "SELECT body FROM everstrand_slots WHERE journal = $1 AND slot = $2";
const READ_MANY: &str = "
    SELECT slot, body FROM everstrand_slots WHERE journal = $1 AND slot >= $2 ORDER BY slot LIMIT $3";
const TIP: &str = "SELECT max(slot) FROM everstrand_slots WHERE journal = $1";
const REDACT: &str = "
    UPDATE everstrand_slots SET body = $4 WHERE journal = $1 AND slot = $2 AND body = $3";
/// A write whose commit waits for the standby. What it follows in the log is on the standby, too.
const BARRIER: &str = "
    INSERT INTO everstrand_barriers (server, number) VALUES ($1, 1)
    ON CONFLICT (server) DO UPDATE SET number = everstrand_barriers.number + 1";

/// The most rows that one query fetches.
const ROWS_MAX: u64 = 64;

/// The slots of one journal in PostgreSQL.
///
/// With a standby, PostgreSQL commits on the primary alone when the wait for the standby is cancelled, and says so in a
/// WARNING only. So a write that brought any warning has an unknown outcome. A read may meet a row that no standby has,
/// or an old primary that does not hear of the newest rows. So what a read found is answered only after one more
/// synchronous write, unless this process knows that the slot is on the standby.
pub struct SqlSlots {
    threads: Arc<RequestThreads>,
    shared: Arc<Shared>,
}

struct Shared {
    journal: String,
    /// The name of this process's row among the barriers.
    server: String,
    replication: Replication,
    /// Creates and barriers wait for the standby, so reads have a connection of their own.
    writes: Mutex<Connection>,
    reads: Mutex<Connection>,
    /// All slots below this number are known to be where the database keeps what it acknowledged.
    kept: AtomicU64,
}

impl SqlSlots {
    /// The slots of the journal `journal_id`. Makes the tables if they do not exist.
    pub fn open(
        place: &SqlPlace,
        threads: Arc<RequestThreads>,
        journal_id: UniqueId,
        replication: Replication,
    ) -> Result<SqlSlots, SlotError> {
        let mut server = [0; 16];
        getrandom::fill(&mut server).map_err(|error| SlotError::NotSent(error.to_string()))?;
        let connection = || {
            Connection::new(&place.url).map(Mutex::new).map_err(|error| SlotError::Denied(error.to_string()))
        };
        let shared = Arc::new(Shared {
            journal: journal_id.to_string(),
            server: UniqueId::from_bytes(server).to_string(),
            replication,
            writes: connection()?,
            reads: connection()?,
            kept: AtomicU64::new(0),
        });
        let slots = SqlSlots { threads, shared };
        // Only where they are missing: changing a table waits for all who read it, and for the standby.
        slots.wait(|shared| async move {
            let of_tables = |failed: connection::Failed| failed.of_read("the tables");
            let rows = shared.reads.lock().await.query(HAS_TABLES, &[]).await.map_err(of_tables)?;
            if rows.first().is_some_and(|row| row.get(0)) {
                return Ok(());
            }
            shared.writes.lock().await.run(CREATE_TABLES).await.map_err(of_tables)
        })?;
        Ok(slots)
    }

    fn wait<T: Send + 'static, F: Future<Output = Result<T, SlotError>> + Send + 'static>(
        &self,
        request: impl FnOnce(Arc<Shared>) -> F,
    ) -> Result<T, SlotError> {
        self.threads
            .wait(request(Arc::clone(&self.shared)))
            .unwrap_or_else(|| Err(SlotError::Unknown("the thread that sent the request failed".to_owned())))
    }
}

impl Shared {
    /// Executes a write. The number of changed rows, or what is known of it.
    async fn write(&self, statement: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, SlotError> {
        let mut connection = self.writes.lock().await;
        connection.execute(statement, values).await.map_err(connection::Failed::of_write)
    }

    /// Answers only if all that this process has read so far is kept: on the standby as well, where there is one.
    async fn barrier(&self) -> Result<(), SlotError> {
        if self.replication != Replication::Standby {
            return Ok(());
        }
        match self.write(BARRIER, &[&self.server]).await {
            Ok(_) => Ok(()),
            Err(SlotError::Denied(why)) => Err(SlotError::Denied(why)),
            Err(error) => Err(SlotError::NotSent(format!(
                "what was read is not confirmed, because a write to the standby failed: {error}"
            ))),
        }
    }

    fn keeps(&self, slot: u64) -> bool {
        slot < self.kept.load(Ordering::Relaxed)
    }

    fn note_kept(&self, slot: u64) {
        self.kept.fetch_max(slot.saturating_add(1), Ordering::Relaxed);
    }

    async fn body(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        let Ok(number) = i64::try_from(slot) else { return Ok(None) };
        let rows = self.reads.lock().await.query(READ, &[&self.journal, &number]).await;
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
            if shared.write(CREATE, &[&shared.journal, &number, &bytes]).await? == 1 {
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
            let rows = shared.reads.lock().await.query(TIP, &[&shared.journal]).await;
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
            match shared.write(REDACT, &[&shared.journal, &number, &stored, &bytes]).await? {
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
                let rows =
                    shared.reads.lock().await.query(READ_MANY, &[&shared.journal, &first, &limit]).await;
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
