//! Paths through a ledger in memory, whose commits their caller drives: no thread, no disk, no clock, no chance.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use everstrand_ion::{Document, Value};
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_ledger::{
    Committing, Environment, Ledger, LedgerError, LedgerOptions, ManualClock, SeededIds, Transaction,
};
use everstrand_testkit::Random;

use crate::Failure;
use crate::counted::Operation;
use crate::data::{DEFINITIONS, parameter, registration, vin};
use crate::formats::{UNIX_SECONDS, differs};

/// Documents of the table that is read.
pub(crate) const DOCUMENTS: u32 = 1000;
/// Blocks of the journal that is read, with a document each.
pub(crate) const BLOCKS: u32 = 500;

pub(crate) const SELECT: &str = "SELECT Mileage FROM Registration WHERE VIN = ?";
pub(crate) const UPDATE: &str = "UPDATE Registration SET Mileage = ? WHERE VIN = ?";

/// The world of every ledger here: time stands, and ids follow from a seed.
pub(crate) fn environment() -> Environment {
    let clock = Arc::new(ManualClock::new(UNIX_SECONDS * 1000));
    Environment { clock, ids: Arc::new(SeededIds::new(7)) }
}

fn open(slots: &Arc<MemorySlots>) -> Result<Ledger, LedgerError> {
    let options = LedgerOptions { committing: Committing::ByCaller, ..LedgerOptions::default() };
    Ledger::open(slots.clone(), Arc::new(MemoryView::new()), environment(), options)
}

/// Waits for an answer for which the ledger has to be driven.
pub(crate) fn finish<F: IntoFuture>(ledger: &Ledger, future: F) -> Result<F::Output, Failure> {
    let mut future = pin!(future.into_future());
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut context) {
            return Ok(answer);
        }
        ledger.step().ok_or("nobody answers")?;
    }
}

fn commit(ledger: &Ledger, transaction: Transaction) -> Result<(), Failure> {
    finish(ledger, transaction.commit_unchecked())??;
    Ok(())
}

fn run(ledger: &Ledger, statement: &str, parameters: &[Document]) -> Result<(), Failure> {
    let mut transaction = ledger.start_transaction()?;
    transaction.execute(statement, parameters)?;
    commit(ledger, transaction)
}

/// A table with its indexes and so many documents, so many a transaction.
fn filled(slots: &Arc<MemorySlots>, documents: u32, each: u64) -> Result<Ledger, Failure> {
    let ledger = open(slots)?;
    for definition in DEFINITIONS {
        run(&ledger, definition, &[])?;
    }
    while ledger.step() == Some(0) || ledger.is_building_index() {}
    let (mut first, documents) = (0, u64::from(documents));
    while first < documents {
        insert(&ledger, first, each)?;
        first += each;
    }
    Ok(ledger)
}

fn insert(ledger: &Ledger, first: u64, documents: u64) -> Result<(), Failure> {
    let list: Vec<Value> = (first..first + documents).map(registration).collect();
    run(ledger, "INSERT INTO Registration ?", &[Document::from(&Value::from(list))])
}

pub(crate) fn table() -> Result<Ledger, Failure> {
    filled(&Arc::new(MemorySlots::new()), DOCUMENTS, 40)
}

/// A document's number, another one each time.
pub(crate) fn any(random: &mut Random) -> u64 {
    random.below(u64::from(DOCUMENTS))
}

/// A point read whose text nobody has run before.
pub(crate) fn new_statement() -> Result<Operation, Failure> {
    let ledger = table()?;
    let mut number = 0;
    Ok(Box::new(move || {
        number += 1;
        let statement = format!("SELECT Mileage FROM Registration WHERE VIN = '{}'", vin(number));
        read(&ledger, &statement, &[], 1)
    }))
}

/// A point read with a parameter.
pub(crate) fn point_read() -> Result<Operation, Failure> {
    let ledger = table()?;
    let mut random = Random::new(1);
    Ok(Box::new(move || read(&ledger, SELECT, &[parameter(vin(any(&mut random)))], 1)))
}

/// The whole table, of which nothing is sent.
pub(crate) fn scan() -> Result<Operation, Failure> {
    whole_table("SELECT VIN FROM Registration WHERE LicensePlateNumber = 'none'", 0)
}

/// The whole table, grouped.
pub(crate) fn group_by() -> Result<Operation, Failure> {
    whole_table(
        "SELECT Make, COUNT(*) AS n, MAX(v.Mileage) AS most FROM Registration AS v GROUP BY v.Make AS Make",
        4,
    )
}

/// The whole table, sorted.
pub(crate) fn order_by() -> Result<Operation, Failure> {
    whole_table("SELECT VIN FROM Registration ORDER BY LicensePlateNumber LIMIT 10", 10)
}

fn whole_table(statement: &'static str, rows: usize) -> Result<Operation, Failure> {
    let ledger = table()?;
    Ok(Box::new(move || read(&ledger, statement, &[], rows)))
}

fn read(ledger: &Ledger, statement: &str, parameters: &[Document], rows: usize) -> Result<(), Failure> {
    let mut transaction = ledger.start_transaction()?;
    let page = transaction.execute(statement, parameters)?;
    if page.values.len() != rows {
        return Err(format!("{} rows, not {rows}: {statement}", page.values.len()).into());
    }
    commit(ledger, transaction)
}

/// A document looked up, changed, and committed.
pub(crate) fn read_modify_write() -> Result<Operation, Failure> {
    let ledger = table()?;
    let mut random = Random::new(2);
    Ok(Box::new(move || commit(&ledger, change(&ledger, any(&mut random))?)))
}

/// Sixteen of them, of which none changes what another reads, in one group.
pub(crate) fn group_of_sixteen() -> Result<Operation, Failure> {
    let ledger = table()?;
    let mut random = Random::new(3);
    Ok(Box::new(move || {
        let first = any(&mut random);
        let numbers = (first..first + 16).map(|number| number % u64::from(DOCUMENTS));
        let changed: Result<Vec<_>, Failure> = numbers.map(|number| change(&ledger, number)).collect();
        let commits: Vec<_> = changed?.into_iter().map(Transaction::commit_unchecked).collect();
        for commit in commits {
            finish(&ledger, commit)??;
        }
        Ok(())
    }))
}

fn change(ledger: &Ledger, number: u64) -> Result<Transaction, Failure> {
    let vin = parameter(vin(number));
    let mut transaction = ledger.start_transaction()?;
    let page = transaction.execute(SELECT, std::slice::from_ref(&vin))?;
    let mileage = page.values.first().and_then(|row| row.root().get("Mileage")?.as_i64());
    let mileage = mileage.ok_or("a document is missing")?;
    transaction.execute(UPDATE, &[parameter(mileage + 1), vin])?;
    Ok(transaction)
}

/// Forty documents a transaction into a table that grows.
pub(crate) fn insert_of_forty() -> Result<Operation, Failure> {
    let ledger = table()?;
    let mut first = u64::from(DOCUMENTS);
    Ok(Box::new(move || {
        first += 40;
        insert(&ledger, first - 40, 40)
    }))
}

/// A proof of one block after another.
pub(crate) fn proof() -> Result<Operation, Failure> {
    let ledger = filled(&Arc::new(MemorySlots::new()), BLOCKS, 1)?;
    let digest = ledger.digest();
    let mut random = Random::new(4);
    Ok(Box::new(move || {
        let number = random.below(u64::from(BLOCKS));
        let proof = ledger.block_proof(number, digest.digest_tip_address.sequence_no)?;
        let leaf = ledger.block(number)?.ok_or("a block is missing")?.hash();
        if proof.fold(leaf) == digest.digest { Ok(()) } else { Err("a proof does not hold".into()) }
    }))
}

/// A ledger opened over its journal without its view.
pub(crate) fn replay() -> Result<Operation, Failure> {
    let slots = Arc::new(MemorySlots::new());
    let digest = filled(&slots, BLOCKS, 1)?.digest();
    Ok(Box::new(move || {
        let opened = open(&slots)?.digest();
        differs(&(opened != digest), &true)
    }))
}
