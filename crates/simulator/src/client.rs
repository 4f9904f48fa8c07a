//! A client: one session at a time, one request at a time, transactions by chance.
//!
//! It relies on answers alone. It tells the checker what it heard and what is certain. If an answer never comes, the
//! outcome is unknown, and not an abort.

use everstrand_ion::{Document, text};
use everstrand_journal::{CommitDigest, statement_digest};
use everstrand_protocol::{
    Command, Exception, Page, PageToken, Reply, SendCommandRequest, ServiceError, SessionToken, ValueHolder,
};
use everstrand_testkit::Random;

use crate::chance::{self, SoFar};
use crate::checker::Checker;
use crate::counters::Counters;
use crate::model::{Answer, Heard};
use crate::operation::{self, Operation};
use crate::settings::{LEDGER, Settings, TRANSACTION_MILLIS};

/// How long a client waits for an answer.
pub(crate) const PATIENCE_MILLIS: u64 = 1200;

/// A client and all it knows.
pub(crate) struct Client {
    random: Random,
    /// The server that it talks to.
    server: usize,
    token: Option<SessionToken>,
    transaction: Option<Open>,
    /// The session may still have an open transaction that the client gave up.
    must_abort: bool,
    /// A transaction that is over, in which the client will send one more command.
    over: Option<Over>,
    waiting: Option<Waiting>,
    requests: u64,
}

struct Open {
    id: String,
    digest: CommitDigest,
    statements_left: u64,
    /// The statement and the token of pages not fetched yet.
    pages: Vec<(usize, PageToken)>,
    has_written: bool,
    end: End,
}

/// How a client means to end a transaction.
#[derive(Clone, Copy, Debug)]
enum End {
    Commit,
    Abort,
    /// With a digest of other statements.
    WrongDigest,
    /// Not at all.
    Forget,
}

struct Over {
    id: String,
    digest: Vec<u8>,
    page: Option<PageToken>,
}

struct Waiting {
    request: u64,
    purpose: Purpose,
    command: SendCommandRequest,
}

enum Purpose {
    StartSession,
    StartTransaction {
        after: u64,
    },
    Execute(Operation),
    Fetch(usize),
    Commit {
        wrong: bool,
    },
    Abort,
    EndSession,
    /// A command that must be refused, because its transaction is over.
    TooLate,
}

/// What a client does next.
pub(crate) enum Move {
    Send { request: u64, command: SendCommandRequest },
    Rest { millis: u64 },
}

impl Client {
    pub(crate) fn new(random: Random, server: usize) -> Client {
        Client {
            random,
            server,
            token: None,
            transaction: None,
            must_abort: false,
            over: None,
            waiting: None,
            requests: 0,
        }
    }

    /// Whether the client waits for an answer.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Decides what to do next, now that nothing is being waited for.
    pub(crate) fn next(
        &mut self,
        settings: &Settings,
        checker: &mut Checker,
        counters: &mut Counters,
    ) -> Result<Move, String> {
        if self.random.permille(settings.stalls) {
            counters.count("client: stalls");
            return Ok(Move::Rest { millis: TRANSACTION_MILLIS - 500 + self.random.below(1500) });
        }
        let Some(_) = &self.token else {
            self.must_abort = false;
            let command = Command::StartSession { ledger_name: LEDGER.to_owned() };
            return Ok(self.send(Purpose::StartSession, command));
        };
        if let Some(over) = self.over.take() {
            return Ok(self.ask_too_late(over));
        }
        if std::mem::take(&mut self.must_abort) {
            return Ok(self.send(Purpose::Abort, Command::AbortTransaction));
        }
        if self.transaction.is_none() {
            if self.random.permille(20) {
                return Ok(self.send(Purpose::EndSession, Command::EndSession));
            }
            let purpose = Purpose::StartTransaction { after: checker.acknowledged_block() };
            return Ok(self.send(purpose, Command::StartTransaction));
        }
        self.go_on(settings, checker, counters)
    }

    fn go_on(
        &mut self,
        settings: &Settings,
        checker: &mut Checker,
        counters: &mut Counters,
    ) -> Result<Move, String> {
        let Some(open) = &mut self.transaction else { return Ok(Move::Rest { millis: 1 }) };
        let transaction_id = open.id.clone();
        if !open.pages.is_empty() && self.random.permille(650) {
            let (statement, next_page_token) = open.pages.remove(self.random.index(open.pages.len()));
            counters.count("page fetched");
            let command = Command::FetchPage { transaction_id, next_page_token };
            return Ok(self.send(Purpose::Fetch(statement), command));
        }
        if open.statements_left > 0 {
            open.statements_left -= 1;
            let after = checker.record(&open.id).map_or(0, |record| record.after);
            let so_far = SoFar { has_written: open.has_written, after };
            let operation = chance::random(&mut self.random, settings, &checker.model(), so_far);
            open.has_written |= !operation.only_reads();
            if operation.must_be_last() {
                open.statements_left = 0;
            }
            counters.count(operation.name());
            let (statement, parameters) = operation.partiql();
            let parameters = operation::documents(&parameters);
            let holder = |document: &Document| ValueHolder::IonBinary(document.as_bytes().to_vec());
            let command = Command::ExecuteStatement {
                transaction_id,
                statement,
                parameters: parameters.iter().map(holder).collect(),
            };
            return Ok(self.send(Purpose::Execute(operation), command));
        }
        Ok(match open.end {
            End::Abort => self.send(Purpose::Abort, Command::AbortTransaction),
            End::Forget => {
                counters.count("client: forgets a transaction");
                self.transaction = None;
                self.token = None;
                checker.aborted(&transaction_id)?;
                Move::Rest { millis: 1 }
            }
            End::Commit | End::WrongDigest => {
                let wrong = matches!(open.end, End::WrongDigest);
                let mut commit_digest = open.digest.value().0.to_vec();
                if wrong {
                    commit_digest[0] ^= 1;
                }
                if let Some(record) = checker.record(&transaction_id) {
                    record.commit_sent = !wrong;
                }
                self.send(
                    Purpose::Commit { wrong },
                    Command::CommitTransaction { transaction_id, commit_digest },
                )
            }
        })
    }

    /// Says something in a transaction that is over.
    fn ask_too_late(&mut self, over: Over) -> Move {
        let transaction_id = over.id;
        let command = match (over.page, self.random.below(3)) {
            (Some(next_page_token), _) => Command::FetchPage { transaction_id, next_page_token },
            (None, 0) => Command::ExecuteStatement {
                transaction_id,
                statement: "SELECT tableId FROM information_schema.user_tables".to_owned(),
                parameters: Vec::new(),
            },
            (None, _) => Command::CommitTransaction { transaction_id, commit_digest: over.digest },
        };
        self.send(Purpose::TooLate, command)
    }

    fn send(&mut self, purpose: Purpose, command: Command) -> Move {
        self.requests += 1;
        let session_token = match purpose {
            Purpose::StartSession => None,
            _ => self.token.clone(),
        };
        let command = SendCommandRequest { session_token, command };
        let request = self.requests;
        self.waiting = Some(Waiting { request, purpose, command: command.clone() });
        Move::Send { request, command }
    }

    /// The network may deliver the request twice.
    pub(crate) fn note_repeated(&mut self, request: u64, checker: &mut Checker) {
        let Some(waiting) = self.waiting.as_ref().filter(|waiting| waiting.request == request) else {
            return;
        };
        let Some(record) = self.transaction.as_ref().and_then(|open| checker.record(&open.id)) else {
            return;
        };
        match waiting.purpose {
            Purpose::Execute(_) | Purpose::Fetch(_) => record.disturbed = true,
            Purpose::Commit { .. } => record.commit_repeated = true,
            _ => {}
        }
    }

    /// The client has waited long enough: it asks again, or takes the answer for lost.
    pub(crate) fn give_up(&mut self, request: u64, checker: &mut Checker) -> Result<Option<Move>, String> {
        let Some(waiting) = self.waiting.as_ref().filter(|waiting| waiting.request == request) else {
            return Ok(None);
        };
        if self.random.permille(400) {
            let command = waiting.command.clone();
            self.note_repeated(request, checker);
            return Ok(Some(Move::Send { request, command }));
        }
        let waiting = self.waiting.take();
        let committing = waiting.is_some_and(|waiting| matches!(waiting.purpose, Purpose::Commit { .. }));
        if let Some(open) = self.transaction.take()
            && !committing
        {
            checker.aborted(&open.id)?;
        }
        self.must_abort = true;
        if self.random.permille(500) {
            self.token = None;
        }
        Ok(None)
    }

    /// An answer came. Answers whether the client was waiting for it.
    pub(crate) fn answer(
        &mut self,
        request: u64,
        answer: Result<Reply, ServiceError>,
        settings: &Settings,
        checker: &mut Checker,
        counters: &mut Counters,
    ) -> Result<bool, String> {
        let Some(waiting) = self.waiting.take_if(|waiting| waiting.request == request) else {
            counters.count("answer nobody waits for");
            return Ok(false);
        };
        if let Err(error) = &answer {
            counters.count(match error.exception {
                Exception::BadRequest => "answer: bad request",
                Exception::OccConflict => "answer: conflict",
                Exception::InvalidSession if error.message.contains("expired") => "answer: expired",
                Exception::InvalidSession => "answer: no such session",
                Exception::InternalFailure => "answer: internal failure",
                Exception::CommitOutcomeUnknown => "answer: outcome unknown",
                Exception::CapacityExceeded => "answer: no capacity",
                Exception::ServiceUnavailable => "answer: unavailable",
                _ => return Err(format!("an answer that no client should see: {error}")),
            });
        }
        match (waiting.purpose, answer) {
            (Purpose::StartSession, Ok(Reply::StartSession(result))) => {
                self.token = Some(result.session_token)
            }
            (Purpose::StartTransaction { after }, Ok(Reply::StartTransaction(result))) => {
                self.begin(result.transaction_id, after, settings, checker);
            }
            (Purpose::StartTransaction { .. }, Err(error)) => {
                // An earlier request, given up on, may have opened one.
                self.must_abort = true;
                self.note_dead_session(&error);
            }
            (Purpose::Execute(operation), Ok(Reply::ExecuteStatement(result))) => {
                self.heard(operation, result.first_page, checker)?;
            }
            (Purpose::Execute(operation), Err(error)) => self.refused(operation, error, checker)?,
            (Purpose::Fetch(statement), Ok(Reply::FetchPage(result))) => {
                self.heard_more(statement, result.page, checker)?;
            }
            (Purpose::Fetch(_), Err(error)) => {
                if error.exception != Exception::BadRequest || error.code.is_some() {
                    self.lose_transaction(&error, checker)?;
                } else if let Some(open) = &self.transaction
                    && checker.record(&open.id).is_some_and(|record| !record.disturbed)
                {
                    return Err(format!("a page that was promised to {} was refused: {error}", open.id));
                }
            }
            (Purpose::Commit { wrong }, answer) => self.committed(wrong, answer, checker, counters)?,
            (Purpose::Abort, answer) => {
                if let Err(error) = &answer {
                    self.note_dead_session(error);
                }
                if let Some(open) = self.transaction.take() {
                    counters.count("aborted by its client");
                    self.note_over(&open);
                    checker.aborted(&open.id)?;
                }
            }
            (Purpose::EndSession, _) => self.token = None,
            (Purpose::TooLate, Ok(reply)) => {
                return Err(format!("a command in a transaction that was over was answered: {reply:?}"));
            }
            (Purpose::TooLate, Err(error)) => {
                counters.count("too late, refused");
                self.note_dead_session(&error);
            }
            (Purpose::StartSession, Err(_)) => {}
            (_, Ok(reply)) => return Err(format!("an answer to another command: {reply:?}")),
        }
        Ok(true)
    }

    fn begin(&mut self, id: String, after: u64, settings: &Settings, checker: &mut Checker) {
        checker.begin(&id, Some(self.server), after);
        let end = match self.random.below(1000) {
            number if number < settings.aborts => {
                *self.random.pick(&[End::Abort, End::Forget, End::WrongDigest])
            }
            _ => End::Commit,
        };
        self.transaction = Some(Open {
            digest: CommitDigest::from_text(&id),
            id,
            statements_left: 1 + self.random.below(settings.statements_max),
            pages: Vec::new(),
            has_written: false,
            end,
        });
    }

    fn heard(&mut self, operation: Operation, page: Page, checker: &mut Checker) -> Result<(), String> {
        self.add_to_digest(&operation);
        let Some(open) = &mut self.transaction else { return Ok(()) };
        let Some(record) = checker.record(&open.id) else { return Ok(()) };
        let whole = page.next_page_token.is_none();
        if let Some(token) = page.next_page_token {
            open.pages.push((record.heard.len(), token));
        }
        let values = texts(&page.values)?;
        record.heard.push(Heard { operation, answer: Answer::Values { values, whole } });
        Ok(())
    }

    fn heard_more(&mut self, statement: usize, page: Page, checker: &mut Checker) -> Result<(), String> {
        let Some(open) = &mut self.transaction else { return Ok(()) };
        let Some(record) = checker.record(&open.id) else { return Ok(()) };
        if let Some(Heard { answer: Answer::Values { values, whole }, .. }) = record.heard.get_mut(statement)
        {
            values.extend(texts(&page.values)?);
            *whole = page.next_page_token.is_none();
        }
        if let Some(token) = page.next_page_token {
            open.pages.push((statement, token));
        }
        Ok(())
    }

    fn refused(
        &mut self,
        operation: Operation,
        error: ServiceError,
        checker: &mut Checker,
    ) -> Result<(), String> {
        let is_refusal = error.exception == Exception::BadRequest && error.code.as_deref() != Some("405");
        if !is_refusal {
            return self.lose_transaction(&error, checker);
        }
        self.add_to_digest(&operation);
        if let Some(record) = self.transaction.as_ref().and_then(|open| checker.record(&open.id)) {
            let answer = Answer::Refused { code: error.code, message: error.message };
            record.heard.push(Heard { operation, answer });
        }
        Ok(())
    }

    /// Both ends count every statement that was answered, also with an error.
    fn add_to_digest(&mut self, operation: &Operation) {
        if let Some(open) = &mut self.transaction {
            let (statement, parameters) = operation.partiql();
            open.digest.add(statement_digest(&statement, &operation::documents(&parameters)));
        }
    }

    fn committed(
        &mut self,
        wrong: bool,
        answer: Result<Reply, ServiceError>,
        checker: &mut Checker,
        counters: &mut Counters,
    ) -> Result<(), String> {
        let Some(open) = self.transaction.take() else { return Ok(()) };
        self.note_over(&open);
        match answer {
            Ok(Reply::CommitTransaction(_)) if wrong => {
                Err(format!("transaction {} was committed with a wrong digest", open.id))
            }
            Ok(Reply::CommitTransaction(result)) => {
                if result.transaction_id != open.id || result.commit_digest != open.digest.value().0 {
                    return Err(format!("the commit of {} was answered for another", open.id));
                }
                counters.count(match checker.acknowledged(&open.id)? {
                    true => "committed with a block",
                    false => "committed without a block",
                });
                Ok(())
            }
            Ok(other) => Err(format!("a commit was answered with {other:?}")),
            Err(error) => {
                self.note_dead_session(&error);
                let repeated = checker.record(&open.id).is_some_and(|record| record.commit_repeated);
                let is_unknown =
                    matches!(error.exception, Exception::InternalFailure | Exception::CommitOutcomeUnknown);
                if is_unknown || (repeated && !wrong) {
                    counters.count("commit with unknown outcome");
                    return Ok(());
                }
                checker.aborted(&open.id)
            }
        }
    }

    /// The transaction is gone, and was not committed.
    fn lose_transaction(&mut self, error: &ServiceError, checker: &mut Checker) -> Result<(), String> {
        self.note_dead_session(error);
        self.must_abort = true;
        match self.transaction.take() {
            Some(open) => checker.aborted(&open.id),
            None => Ok(()),
        }
    }

    fn note_dead_session(&mut self, error: &ServiceError) {
        if error.exception != Exception::BadRequest && error.exception != Exception::OccConflict {
            self.token = None;
        }
    }

    /// Now and then a client goes on with a transaction that is over.
    fn note_over(&mut self, open: &Open) {
        if self.random.permille(120) {
            let page = open.pages.first().map(|(_, token)| token.clone());
            let digest = open.digest.value().0.to_vec();
            self.over = Some(Over { id: open.id.clone(), digest, page });
        }
    }
}

/// Values in Ion text.
fn texts(values: &[ValueHolder]) -> Result<Vec<String>, String> {
    let text = |holder: &ValueHolder| match holder {
        ValueHolder::IonBinary(bytes) => {
            let document = Document::from_binary(bytes).map_err(|error| error.to_string())?;
            Ok(text::write(&document.to_value()))
        }
        ValueHolder::IonText(text) => Ok(text.clone()),
    };
    values.iter().map(text).collect()
}
