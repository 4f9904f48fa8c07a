//! Transactions that run on an open ledger without a session: the world's own, which define tables and inspect the
//! ledger, and those of another process that writes to the same journal.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use everstrand_ion::text;
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_ledger::{
    Committing, DuplicateKey, Environment, Ledger, LedgerError, LedgerOptions, Limits, ReplyFuture, Status,
    Transaction,
};
use everstrand_testkit::Random;

use crate::chance::{self, SoFar};
use crate::checker::Checker;
use crate::model::{Answer, Heard};
use crate::operation::{self, Operation};
use crate::settings::{SESSION_MILLIS, Settings, TRANSACTION_MILLIS};
use crate::view::fill;

/// How the ledgers of a world behave.
pub(crate) fn ledger_options(settings: &Settings) -> LedgerOptions {
    let limits = Limits {
        documents_per_transaction: 1000,
        transaction_millis: TRANSACTION_MILLIS,
        session_millis: SESSION_MILLIS,
        tables: 10_000,
        page_values: settings.page_values,
        ..Limits::default()
    };
    LedgerOptions {
        limits,
        is_shared: settings.servers > 1,
        committing: Committing::ByCaller,
        persist_millis: 1000,
        ..LedgerOptions::default()
    }
}

/// Runs one statement to its last page.
pub(crate) fn ask(transaction: &mut Transaction, operation: &Operation) -> Result<Answer, LedgerError> {
    let (statement, parameters) = operation.partiql();
    let mut values = Vec::new();
    let mut page = match transaction.execute(&statement, &operation::documents(&parameters)) {
        Ok(page) => page,
        Err(LedgerError::BadRequest { code, message }) => {
            return Ok(Answer::Refused { code: code.map(str::to_owned), message });
        }
        Err(error @ LedgerError::DuplicateKey(_)) => {
            let code = Some(DuplicateKey::CODE.to_owned());
            return Ok(Answer::Refused { code, message: error.to_string() });
        }
        Err(error) => return Err(error),
    };
    loop {
        values.extend(page.values.iter().map(|value| text::write(&value.to_value())));
        match page.next_page_token.take() {
            None => return Ok(Answer::Values { values, whole: true }),
            Some(token) => page = transaction.fetch_page(&token)?,
        }
    }
}

/// Runs and commits a transaction, on a server or in a process of its own. Answers whether it was committed. A fault of
/// the store is no error.
pub(crate) fn commit(
    ledger: &Ledger,
    operations: Vec<Operation>,
    checker: &mut Checker,
    server: Option<usize>,
) -> Result<bool, String> {
    let after = checker.acknowledged_block();
    if server.is_some() && drive(ledger, ledger.read_barrier()).is_err() {
        return Ok(false);
    }
    let Ok(mut transaction) = ledger.start_transaction() else { return Ok(false) };
    let id = transaction.id().to_string();
    checker.begin(&id, server, server.map_or(0, |_| after));
    let mut heard = Vec::new();
    for operation in operations {
        match ask(&mut transaction, &operation) {
            Ok(answer) => heard.push(Heard { operation, answer }),
            Err(_) => break,
        }
    }
    if let Some(record) = checker.record(&id) {
        record.heard = heard;
        record.commit_sent = true;
    }
    match drive(ledger, transaction.commit_unchecked()) {
        Ok(_) => Ok(true),
        Err(LedgerError::OutcomeUnknown(_)) => Ok(false),
        Err(_) => {
            // It was not written, and nobody else can have seen it.
            checker.aborted(&id)?;
            Ok(false)
        }
    }
}

/// More steps than any answer takes.
const STEPS_MAX: u32 = 10_000;

/// Drives the ledger until it has answered. Whoever waits for an open ledger is answered, whatever else the ledger still has to do later.
pub(crate) fn drive<T>(ledger: &Ledger, future: ReplyFuture<T>) -> Result<T, LedgerError> {
    let mut future = future.into_future();
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..STEPS_MAX {
        if let Poll::Ready(answer) = Pin::new(&mut future).poll(&mut context) {
            return answer;
        }
        if ledger.step().is_none() {
            break;
        }
    }
    assert_ne!(ledger.status(), Status::Open, "the ledger does not answer");
    Err(LedgerError::OutcomeUnknown("nobody answers".to_owned()))
}

/// The views of another ledger after each of its slots. No ledger of this world may accept one as its own.
pub(crate) fn foreign_views(
    environment: &Environment,
    settings: &Settings,
    random: &mut Random,
) -> Result<Vec<MemoryView>, String> {
    let view = Arc::new(MemoryView::new());
    let slots = Arc::new(MemorySlots::new());
    let ledger = Ledger::open(slots, view.clone(), environment.clone(), ledger_options(settings));
    let ledger = ledger.map_err(|error| error.to_string())?;
    let mut operations = chance::first_definitions(random, settings);
    let known = crate::model::Model::default();
    operations.extend(
        (0..20).map(|_| chance::random(random, settings, &known, SoFar { has_written: true, after: 0 })),
    );
    let mut views = Vec::new();
    for operation in operations {
        let mut transaction = ledger.start_transaction().map_err(|error| error.to_string())?;
        ask(&mut transaction, &operation).map_err(|error| error.to_string())?;
        drive(&ledger, transaction.commit_unchecked()).map_err(|error| error.to_string())?;
        let copy = MemoryView::new();
        fill(&copy, &*view);
        views.push(copy);
    }
    Ok(views)
}
