//! A ledger in memory whose time stands still and whose ids are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everstrand_ion::{Document, text};
use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::views::ViewStore;
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_ledger::{
    Environment, Ids, Ledger, LedgerError, LedgerOptions, ManualClock, Page, Transaction,
};

/// 2020-01-01T00:00Z.
const START: i64 = 1_577_836_800_000;

/// Ids that are numbers: `0000000000000000000007`.
#[derive(Default)]
pub(crate) struct NumberedIds(AtomicU64);

impl Ids for NumberedIds {
    fn next(&self) -> UniqueId {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        format!("{number:0>22}").parse().unwrap()
    }
}

/// Everything that outlives a ledger's closing.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) environment: Environment,
    pub(crate) slots: Arc<dyn SlotStore>,
    pub(crate) views: Arc<dyn ViewStore>,
    pub(crate) options: LedgerOptions,
}

impl World {
    pub(crate) fn new() -> World {
        World::with(Arc::new(MemorySlots::new()), Arc::new(MemoryView::new()))
    }

    pub(crate) fn with(slots: Arc<dyn SlotStore>, views: Arc<dyn ViewStore>) -> World {
        let clock = Arc::new(ManualClock::new(START));
        let environment = Environment { clock: clock.clone(), ids: Arc::new(NumberedIds::default()) };
        World { clock, environment, slots, views, options: LedgerOptions::default() }
    }

    pub(crate) fn open(&self) -> Ledger {
        self.try_open().unwrap()
    }

    pub(crate) fn try_open(&self) -> Result<Ledger, LedgerError> {
        let environment = self.environment.clone();
        Ledger::open(self.slots.clone(), self.views.clone(), environment, self.options.clone())
    }
}

/// Values in text Ion, as documents.
pub(crate) fn documents(values: &[&str]) -> Vec<Document> {
    values.iter().map(|value| Document::from(&text::read_one(value).unwrap())).collect()
}

/// A page's values in text Ion.
pub(crate) fn texts(page: &Page) -> Vec<String> {
    page.values.iter().map(|value| text::write(&value.to_value())).collect()
}

/// All values of a statement, over its pages, in text Ion.
pub(crate) fn all(
    transaction: &mut Transaction,
    statement: &str,
    parameters: &[&str],
) -> Result<Vec<String>, LedgerError> {
    let mut page = transaction.execute(statement, &documents(parameters))?;
    let mut values = texts(&page);
    while let Some(token) = page.next_page_token.take() {
        page = transaction.fetch_page(&token)?;
        values.extend(texts(&page));
    }
    Ok(values)
}

/// A statement in a transaction of its own.
pub(crate) fn run(ledger: &Ledger, statement: &str, parameters: &[&str]) -> Result<Vec<String>, LedgerError> {
    let mut transaction = ledger.start_transaction()?;
    let values = all(&mut transaction, statement, parameters)?;
    transaction.commit_unchecked().wait()?;
    Ok(values)
}
