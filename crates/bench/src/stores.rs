//! A ledger in a store that other servers may use: read-modify-write with a read barrier before each transaction, over
//! gofakes3 and over PostgreSQL, without delay and with 20 ms added to each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::{MemoryView, SharedStore};
use everstrand_ledger::{Environment, Ledger, LedgerOptions};
use everstrand_stores::{
    Location, ObjectJournals, ObjectStoreOptions, Replication, RequestThreads, SqlPlace, SqlStore,
};
use everstrand_testkit::Random;
use everstrand_testkit::servers::{BUCKET, ObjectServer, PostgresServer, find_postgres};

use crate::Arguments;
use crate::commits::change_one;
use crate::ledgers::{fill, raised_limits};
use crate::measure::{self, Failure};
use crate::report::Report;

/// What a request to a store in the same region takes.
const DELAY: Duration = Duration::from_millis(20);

/// Measures each store that is there, one after the other.
pub(crate) fn stores(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    match ObjectServer::in_memory() {
        Ok(server) => over("gofakes3", &|threads| objects(&server, threads), arguments, report)?,
        Err(error) => report.skipped("gofakes3", &error.to_string()),
    }
    match find_postgres(&[]) {
        Some(binaries) => {
            let settings = [("listen_addresses", "127.0.0.1"), ("max_connections", "100")];
            let folder = arguments.scratch()?;
            let server = PostgresServer::start(&binaries, folder.path(), &settings)?;
            let place = SqlPlace { url: server.url() };
            let open = |threads| {
                let store = SqlStore::open(&place, threads, Replication::SingleNode)?;
                Ok(Arc::new(store) as Arc<dyn SharedStore>)
            };
            over("PostgreSQL", &open, arguments, report)
        }
        None => {
            report.skipped("PostgreSQL", "its programs were not found");
            Ok(())
        }
    }
}

type Open<'a> = &'a dyn Fn(Arc<RequestThreads>) -> Result<Arc<dyn SharedStore>, Failure>;

fn objects(server: &ObjectServer, threads: Arc<RequestThreads>) -> Result<Arc<dyn SharedStore>, Failure> {
    let Location::Objects(place) = format!("s3://{BUCKET}/bench").parse()? else {
        return Err("not a bucket".into());
    };
    let access_key = Some(("any".to_owned(), "any".to_owned()));
    let region = Some("any".to_owned());
    let bucket = place.open(&ObjectStoreOptions { endpoint: Some(server.endpoint()), region, access_key })?;
    Ok(Arc::new(ObjectJournals::new(bucket, threads, &place.prefix)))
}

fn over(name: &str, open: Open<'_>, arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let store = open(Arc::new(RequestThreads::start()?))?;
    for (number, delay) in (1u8..).zip([Duration::ZERO, DELAY]) {
        let creates = Arc::<AtomicU64>::default();
        let delay_nanos = Arc::<AtomicU64>::default();
        let slots = store.journal(UniqueId::from_bytes([number; 16]))?;
        let slots = Delayed { slots, delay: Arc::clone(&delay_nanos), creates: Arc::clone(&creates) };
        let options = LedgerOptions { limits: raised_limits(), is_shared: true, ..LedgerOptions::default() };
        let view = Arc::new(MemoryView::new());
        let ledger = Ledger::open(Arc::new(slots), view, Environment::of_machine(), options)?;
        fill(&ledger, arguments.documents)?;
        delay_nanos.store(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        for _ in 0..arguments.rounds {
            for &clients in &arguments.clients {
                let before = creates.load(Ordering::Relaxed);
                let sample = measure::run(
                    clients,
                    arguments.time(),
                    |client| Ok(Random::new(client)),
                    |random| {
                        ledger.read_barrier().wait()?;
                        change_one(&ledger, random.below(arguments.documents))
                    },
                )?;
                let created = Some(creates.load(Ordering::Relaxed) - before);
                let what = format!("read-modify-write, {name}, {} ms added", delay.as_millis());
                report.sample(&what, clients, "tx/s", &sample, 1, created);
            }
        }
    }
    Ok(())
}

/// Slots that answer later, and count how often one was created.
struct Delayed {
    slots: Arc<dyn SlotStore>,
    /// In nanoseconds.
    delay: Arc<AtomicU64>,
    creates: Arc<AtomicU64>,
}

impl Delayed {
    fn delay(&self) {
        let delay = Duration::from_nanos(self.delay.load(Ordering::Relaxed));
        if !delay.is_zero() {
            sleep(delay);
        }
    }
}

impl SlotStore for Delayed {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        self.delay();
        self.creates.fetch_add(1, Ordering::Relaxed);
        self.slots.create(slot, bytes)
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        self.delay();
        self.slots.read(slot)
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        self.slots.tip_hint()
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        self.slots.redact(slot, stored, bytes)
    }
}
