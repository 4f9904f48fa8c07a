//! Random histories, made by the engine, and what a copier sees of them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use everstrand_ion::{Document, text};
use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_ledger::{
    Committing, Environment, Ids, Ledger, LedgerOptions, ManualClock, SeededIds, Transaction,
};
use everstrand_testkit::Random;

use crate::slots::{Place, decode, redacted_by};

/// 2020-01-01T00:00Z.
pub(super) const START: i64 = 1_577_836_800_000;

/// Keeps the slots as they were created.
#[derive(Default)]
pub(super) struct Recorder {
    slots: MemorySlots,
    originals: Mutex<Vec<Vec<u8>>>,
}

impl SlotStore for Recorder {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        let created = self.slots.create(slot, bytes)?;
        self.originals.lock().unwrap().push(bytes.to_vec());
        Ok(created)
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        self.slots.read(slot)
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        self.slots.tip_hint()
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        self.slots.redact(slot, stored, bytes)
    }
}

/// A ledger with a past.
pub(super) struct History {
    pub(super) ledger: Ledger,
    pub(super) originals: Vec<Vec<u8>>,
    /// The texts that were redacted.
    pub(super) secrets: Vec<String>,
}

pub(super) fn environment(seed: u64) -> (Arc<ManualClock>, Environment) {
    let clock = Arc::new(ManualClock::new(START));
    let ids: Arc<dyn Ids> = Arc::new(SeededIds::new(seed));
    (clock.clone(), Environment { clock, ids })
}

pub(super) fn options() -> LedgerOptions {
    LedgerOptions { committing: Committing::ByCaller, ..LedgerOptions::default() }
}

pub(super) fn open(slots: Arc<dyn SlotStore>, environment: &Environment) -> Ledger {
    Ledger::open(slots, Arc::new(MemoryView::new()), environment.clone(), options()).unwrap()
}

/// All values of a statement, in text.
pub(super) fn values(transaction: &mut Transaction, statement: &str) -> Result<Vec<String>, String> {
    let mut page = transaction.execute(statement, &[]).map_err(|error| error.to_string())?;
    let mut values = Vec::new();
    loop {
        values.extend(page.values.iter().map(|value| text::write(&value.to_value())));
        let Some(token) = page.next_page_token.take() else { return Ok(values) };
        page = transaction.fetch_page(&token).map_err(|error| error.to_string())?;
    }
}

/// What a ledger answers to a query.
pub(super) fn query(ledger: &Ledger, statement: &str) -> Result<Vec<String>, String> {
    values(&mut ledger.start_transaction().map_err(|error| error.to_string())?, statement)
}

/// Commits these statements, each in a transaction of its own, together. Some may fail.
pub(super) fn commit(ledger: &Ledger, statements: &[(String, Vec<Document>)]) {
    let mut waiting = Vec::new();
    for (statement, parameters) in statements {
        let mut transaction = ledger.start_transaction().unwrap();
        if transaction.execute(statement, parameters).is_ok() {
            waiting.push(transaction.commit_unchecked());
        }
    }
    while ledger.step().is_some() {}
    for commit in waiting {
        let _ = commit.wait();
    }
}

impl History {
    /// A history of so many rounds.
    pub(super) fn random(random: &mut Random, rounds: usize) -> History {
        let slots = Arc::new(Recorder::default());
        let (clock, environment) = environment(random.next());
        let ledger = open(slots.clone(), &environment);
        let mut made = 0;
        let mut secrets = Vec::new();
        for _ in 0..rounds {
            clock.advance(u32::try_from(random.below(2000)).unwrap());
            let statements: Vec<_> = match random.below(10) {
                0 | 1 => vec![definition(random)],
                2..5 => redactions(random, &ledger, &mut secrets),
                _ => (0..1 + random.below(3)).map(|_| change(random, &mut made)).collect(),
            };
            commit(&ledger, &statements);
        }
        let originals = slots.originals.lock().unwrap().clone();
        // A REDACT may have lost its race, so only what is gone counts.
        let shown = |secret: &str| originals_hold(&slots.slots, secret);
        secrets.retain(|secret| !shown(secret));
        History { ledger, originals, secrets }
    }

    /// How many blocks it has.
    pub(super) fn blocks(&self) -> u64 {
        self.ledger.digest().digest_tip_address.sequence_no + 1
    }

    /// What its slots say is redacted, by the number of the slot that says so.
    pub(super) fn redactions(&self) -> Vec<(u64, Place)> {
        let of_slot = |(number, bytes): (u64, &Vec<u8>)| {
            redacted_by(&decode(bytes).unwrap())
                .into_iter()
                .map(move |redaction| (number, redaction.place))
                .collect::<Vec<_>>()
        };
        (0..).zip(&self.originals).flat_map(of_slot).collect()
    }
}

fn originals_hold(slots: &MemorySlots, secret: &str) -> bool {
    (0..).map_while(|slot| slots.read(slot).unwrap()).any(|bytes| holds(&bytes, secret))
}

pub(super) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

const TABLES: [&str; 3] = ["One", "Two", "Three"];

fn definition(random: &mut Random) -> (String, Vec<Document>) {
    let table = random.pick(&TABLES);
    let statement = match random.below(6) {
        0..3 => format!("CREATE TABLE {table}"),
        3 => format!("CREATE INDEX ON {table} (k)"),
        4 => format!("DROP TABLE {table}"),
        _ => format!("CREATE INDEX ON {table} (secret)"),
    };
    (statement, Vec::new())
}

fn change(random: &mut Random, made: &mut u64) -> (String, Vec<Document>) {
    let table = random.pick(&TABLES);
    let key = random.below(6);
    *made += 1;
    let value = format!("{{k: {key}, secret: \"secret number {made}.\"}}");
    let statement = match random.below(8) {
        0..3 => format!("INSERT INTO {table} VALUE ?"),
        3..7 => format!("UPDATE {table} SET secret = ?.secret WHERE k = {key}").replace("?.secret", "?"),
        _ => return (format!("DELETE FROM {table} WHERE k = {key}"), Vec::new()),
    };
    let value = match statement.starts_with("UPDATE") {
        true => format!("\"secret number {made}.\""),
        false => value,
    };
    (statement, vec![Document::from(&text::read_one(&value).unwrap())])
}

/// Redacts superseded revisions, each in a transaction of its own.
fn redactions(
    random: &mut Random,
    ledger: &Ledger,
    secrets: &mut Vec<String>,
) -> Vec<(String, Vec<Document>)> {
    let table = random.pick(&TABLES);
    let id = query(
        ledger,
        &format!(
            "SELECT VALUE tableId FROM information_schema.user_tables WHERE name = '{table}' AND status = 'ACTIVE'"
        ),
    );
    let Some(table_id) = id.ok().and_then(|ids| ids.first().cloned()) else { return Vec::new() };
    let superseded = format!(
        "SELECT h.blockAddress AS address, h.metadata.id AS id, h.data.secret AS secret FROM history({table}) AS h \
         WHERE h.data IS NOT MISSING AND h.data.secret IS NOT MISSING"
    );
    let Ok(rows) = query(ledger, &superseded) else { return Vec::new() };
    let mut statements = Vec::new();
    for _ in 0..2 {
        if rows.is_empty() {
            break;
        }
        let row = text::read_one(&rows[random.index(rows.len())]).unwrap();
        let parameters = ["address", "table", "id"].map(|field| match field {
            "table" => Document::from(&text::read_one(&table_id).unwrap()),
            field => Document::from(row.get(field).unwrap()),
        });
        secrets.push(row.get("secret").unwrap().as_text().unwrap().to_owned());
        statements.push(("EXEC REDACT_REVISION ?, ?, ?".to_owned(), parameters.to_vec()));
    }
    statements
}

/// The source as a copier sees it: so many slots, and so much of them emptied.
pub(super) struct Seen<'a> {
    history: &'a History,
    pub(super) slots: AtomicU64,
    emptied: Mutex<BTreeSet<(u64, UniqueId)>>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(history: &'a History) -> Seen<'a> {
        Seen { history, slots: AtomicU64::new(1), emptied: Mutex::default() }
    }

    /// Commits some more slots, and empties some of what those say is redacted.
    pub(super) fn go_on(&self, random: &mut Random) {
        let all = self.history.originals.len() as u64;
        let slots = (self.slots.load(Ordering::SeqCst) + random.below(12)).min(all);
        self.slots.store(slots, Ordering::SeqCst);
        let known = self.history.redactions();
        let known =
            known.iter().filter(|(by, _)| *by < slots).map(|(_, place)| (place.block, place.document_id));
        self.emptied.lock().unwrap().extend(known.filter(|_| random.below(2) == 0));
    }

    pub(super) fn finish(&self) {
        self.slots.store(self.history.originals.len() as u64, Ordering::SeqCst);
    }
}

impl SlotStore for Seen<'_> {
    fn create(&self, _slot: u64, _bytes: &[u8]) -> Result<Created, SlotError> {
        unreachable!("nobody writes to the source")
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        if slot >= self.slots.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let original = decode(&self.history.originals[usize::try_from(slot).unwrap()]).unwrap();
        let emptied: Vec<_> = self.emptied.lock().unwrap().iter().copied().collect();
        Ok(Some(original.redacted(&emptied).unwrap().encode().unwrap()))
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        Ok(self.slots.load(Ordering::SeqCst).checked_sub(1))
    }

    fn redact(&self, _slot: u64, _stored: &[u8], _bytes: &[u8]) -> Result<(), SlotError> {
        unreachable!("nobody writes to the source")
    }
}
