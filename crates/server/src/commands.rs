//! The seven commands of the session API: one match from commands to methods of a session, and from errors to exceptions.

use std::sync::Arc;

use everstrand_ion::{Document, text};
use everstrand_journal::Hash;
use everstrand_ledger::{Clock, LedgerError, Page as LedgerPage, Session};
use everstrand_protocol::send_command::Limits;
use everstrand_protocol::{
    AbortTransactionResult, Command, CommitTransactionResult, EndSessionResult, Exception,
    ExecuteStatementResult, FetchPageResult, IoUsage, Page, PageToken, Reply, SendCommandRequest,
    ServiceError, SessionToken, StartSessionResult, StartTransactionResult, TimingInformation, ValueHolder,
};
use serde_json::Map;
use tokio::sync::OwnedMutexGuard;

use crate::client::{Caller, Client, Presence};
use crate::ledger_errors::service_error;
use crate::scheduler::{Account, Permit};
use crate::service::Service;
use crate::sessions::{Cancellation, Owner, SharedSession};

/// How long the server keeps an expired session, so that its client is told that it expired.
const REMEMBERED_MILLIS: u64 = 60_000;

impl Service {
    /// Runs one command. While the command waits for its turn in a session, or for a commit to be durable, it blocks no thread.
    pub async fn send_command(&self, request: SendCommandRequest) -> Result<Reply, ServiceError> {
        request.validate(&self.wire_limits())?;
        self.valid_command(&Caller::IN_PROCESS, request).await.map(|(reply, _)| reply)
    }

    /// The same for a caller whose thread polls this future to its end: a statement runs on that thread, without a hand-over. While it
    /// runs, it asks `presence` whether anybody still waits for the answer.
    pub async fn send_command_here(
        &self,
        request: SendCommandRequest,
        presence: Arc<dyn Presence>,
    ) -> Result<Reply, ServiceError> {
        request.validate(&self.wire_limits())?;
        let caller = Caller::IN_PROCESS.with_presence(presence);
        self.valid_command(&caller, request).await.map(|(reply, _)| reply)
    }

    /// The greatest lengths of a request's parts: QLDB's, or those of the ledgers' limits if they are larger.
    pub(crate) fn wire_limits(&self) -> Limits {
        let limits = &self.config.limits;
        let qldb = Limits::default();
        Limits {
            statement_characters_max: limits.statement_characters,
            ion_binary_bytes_max: qldb.ion_binary_bytes_max.max(limits.document_bytes),
            ion_text_characters_max: qldb.ion_text_characters_max.max(limits.document_bytes),
        }
    }

    /// Parses a command and checks its lengths and patterns.
    pub(crate) async fn read_command(
        &self,
        client: &Client,
        body: &[u8],
    ) -> Result<SendCommandRequest, ServiceError> {
        let (account, limits) = (Account::of(client), self.wire_limits());
        let read = move || SendCommandRequest::from_json_within(body, &limits);
        self.scheduler.read(&account, body.len(), read).await.map_err(service_error)?
    }

    /// Runs a command whose lengths and patterns were checked.
    ///
    /// A statement's answer comes with the permit that the statement held, because its encoding needs one too. If the encoding had to
    /// wait for a new permit, finished answers would pile up in memory.
    pub(crate) async fn valid_command(
        &self,
        caller: &Caller,
        request: SendCommandRequest,
    ) -> Result<(Reply, Option<Permit>), ServiceError> {
        let stopwatch = Stopwatch { clock: &*self.clock, started: self.clock.monotonic_millis() };
        let token = match (&request.command, request.session_token) {
            (Command::StartSession { ledger_name }, _) => {
                let session_token = Box::pin(self.start_session(caller, ledger_name)).await?;
                let timing_information = stopwatch.timing();
                let result = StartSessionResult { session_token, timing_information, other: Map::new() };
                return Ok((Reply::StartSession(result), None));
            }
            (_, Some(token)) => token,
            (_, None) => return Err(ServiceError::bad_request("The parameter SessionToken is not valid")),
        };
        let shared = match (self.sessions.get(&token, caller.principal.id()), &request.command) {
            (Ok(shared), _) => shared,
            (Err(_), Command::CommitTransaction { transaction_id, commit_digest }) => {
                let digest = digest(commit_digest);
                Box::pin(self.settle(caller, &token, transaction_id, digest)).await?;
                return Ok((committed(transaction_id.clone(), commit_digest.clone(), &stopwatch), None));
            }
            (Err(error), _) => return Err(error),
        };
        let cancellation = match request.command {
            Command::AbortTransaction => Some(Cancellation::Transaction),
            Command::EndSession => Some(Cancellation::Session),
            _ => None,
        };
        if let Some(cancellation) = cancellation
            && shared.cancel(cancellation)
        {
            return Ok((self.cancelled_reply(cancellation, &token, stopwatch.timing()), None));
        }
        if cancellation.is_none() {
            self.permit_commands(caller, shared.ledger())?;
        }
        self.run_in_session(&shared, &token, caller, request.command, stopwatch).await
    }

    /// Runs a command when the earlier commands of its session are over.
    async fn run_in_session(
        &self,
        shared: &Arc<SharedSession>,
        token: &SessionToken,
        caller: &Caller,
        command: Command,
        stopwatch: Stopwatch<'_>,
    ) -> Result<(Reply, Option<Permit>), ServiceError> {
        let mut session = shared.lock().await;
        let mut held = None;
        let reply = match command {
            Command::StartSession { .. } => unreachable!("answered above"),
            Command::StartTransaction => {
                session.read_barrier().await.map_err(service_error)?;
                let transactions_max = self.config.limits.open_transactions;
                let transaction_id = shared.start_transaction(&mut session, transactions_max);
                let transaction_id = transaction_id.map_err(service_error)?.to_string();
                let timing_information = stopwatch.timing();
                Reply::StartTransaction(StartTransactionResult {
                    transaction_id,
                    timing_information,
                    other: Map::new(),
                })
            }
            Command::ExecuteStatement { transaction_id, statement, parameters } => {
                let parameters = decode_parameters(&parameters)?;
                let authorize = self.table_permissions(caller, shared.ledger());
                let execute = move |session: &mut Session| {
                    session.set_authorize(authorize);
                    session.execute(&transaction_id, &statement, &parameters).map(encode_page)
                };
                let ran = shared.run(session, &self.scheduler, caller, execute).await;
                let ((first_page, consumed_ios), permit) = ran.map_err(service_error)?;
                held = permit;
                Reply::ExecuteStatement(ExecuteStatementResult {
                    first_page,
                    timing_information: stopwatch.timing(),
                    consumed_ios: Some(consumed_ios),
                    other: Map::new(),
                })
            }
            Command::FetchPage { transaction_id, next_page_token } => {
                let authorize = self.table_permissions(caller, shared.ledger());
                let fetch = move |session: &mut Session| {
                    session.set_authorize(authorize);
                    session.fetch_page(&transaction_id, next_page_token.as_str()).map(encode_page)
                };
                let ran = shared.run(session, &self.scheduler, caller, fetch).await;
                let ((page, consumed_ios), permit) = ran.map_err(service_error)?;
                held = permit;
                Reply::FetchPage(FetchPageResult {
                    page,
                    timing_information: stopwatch.timing(),
                    consumed_ios: Some(consumed_ios),
                    other: Map::new(),
                })
            }
            Command::CommitTransaction { transaction_id, commit_digest } => {
                self.commit(caller, shared, session, token, &transaction_id, &commit_digest).await?;
                committed(transaction_id, commit_digest, &stopwatch)
            }
            Command::AbortTransaction => {
                let aborted = session.abort();
                shared.release_ended_transaction(&session);
                aborted.map_err(service_error)?;
                self.cancelled_reply(Cancellation::Transaction, token, stopwatch.timing())
            }
            Command::EndSession => {
                session.end();
                self.cancelled_reply(Cancellation::Session, token, stopwatch.timing())
            }
        };
        Ok((reply, held))
    }

    /// Commits the session's transaction, and answers when its block is durable.
    async fn commit(
        &self,
        caller: &Caller,
        shared: &SharedSession,
        mut session: OwnedMutexGuard<Session>,
        token: &SessionToken,
        transaction_id: &str,
        commit_digest: &[u8],
    ) -> Result<(), ServiceError> {
        let digest = digest(commit_digest);
        let permit = self.scheduler.begin(shared.account()).await.map_err(service_error)?;
        let commit = session.commit(transaction_id, digest);
        drop(permit);
        shared.release_ended_transaction(&session);
        match commit {
            // Another server may have been asked to commit it, or this one whose answer was lost.
            Err(LedgerError::NoOpenTransaction) if self.ledgers.is_shared() => {
                drop(session);
                Box::pin(self.settle(caller, token, transaction_id, digest)).await
            }
            Err(error) => Err(commit_error(error)),
            Ok(commit) => commit.await.map(drop).map_err(commit_error),
        }
    }

    fn cancelled_reply(
        &self,
        cancellation: Cancellation,
        token: &SessionToken,
        timing_information: Option<TimingInformation>,
    ) -> Reply {
        let other = Map::new();
        match cancellation {
            Cancellation::Transaction => {
                Reply::AbortTransaction(AbortTransactionResult { timing_information, other })
            }
            Cancellation::Session => {
                self.sessions.remove(token);
                Reply::EndSession(EndSessionResult { timing_information, other })
            }
        }
    }

    async fn start_session(&self, caller: &Caller, ledger_name: &str) -> Result<SessionToken, ServiceError> {
        self.permit_commands(caller, ledger_name)?;
        let ledger = self.ledgers.open(ledger_name).await.map_err(|error| match error.exception {
            // The session API has no ResourceNotFoundException.
            Exception::ResourceNotFound => ServiceError::bad_request(error.message),
            _ => error,
        })?;
        let token =
            self.tokens.make(&self.ledgers.id_of(ledger_name)?, self.ids.next(), caller.principal.id());
        let session = ledger.start_session();
        let lifetime = self.config.limits.session_millis.saturating_add(REMEMBERED_MILLIS);
        let now = self.clock.monotonic_millis();
        let owner = Owner { client: &caller.client, principal: caller.principal.id(), ledger: ledger_name };
        self.sessions.insert(&token, session, owner, now, now.saturating_add(lifetime))?;
        Ok(SessionToken::from(token))
    }
}

/// The time since a command came in.
struct Stopwatch<'a> {
    clock: &'a dyn Clock,
    started: u64,
}

impl Stopwatch<'_> {
    fn timing(&self) -> Option<TimingInformation> {
        let elapsed = self.clock.monotonic_millis().saturating_sub(self.started);
        Some(TimingInformation::of_milliseconds(i64::try_from(elapsed).unwrap_or(i64::MAX)))
    }
}

/// A digest of another length becomes all zeros, which no hash is. So it fails the same checks in the same order as any
/// other wrong digest.
fn digest(commit_digest: &[u8]) -> Hash {
    Hash(commit_digest.try_into().unwrap_or([0; 32]))
}

fn committed(transaction_id: String, commit_digest: Vec<u8>, stopwatch: &Stopwatch<'_>) -> Reply {
    Reply::CommitTransaction(CommitTransactionResult {
        transaction_id,
        commit_digest,
        timing_information: stopwatch.timing(),
        consumed_ios: Some(io_usage(0, 0)),
        other: Map::new(),
    })
}

fn decode_parameters(holders: &[ValueHolder]) -> Result<Vec<Document>, ServiceError> {
    holders
        .iter()
        .enumerate()
        .map(|(position, holder)| {
            match holder {
                ValueHolder::IonBinary(bytes) => Document::from_binary(bytes),
                ValueHolder::IonText(written) => text::read_one(written).map(|value| Document::from(&value)),
            }
            .map_err(|error| {
                ServiceError::bad_request(format!(
                    "Parameter {} is not a valid Ion value: {error}",
                    position + 1
                ))
            })
        })
        .collect()
}

fn encode_page(page: LedgerPage) -> (Page, IoUsage) {
    let values = page.values.iter().map(|value| ValueHolder::IonBinary(value.as_bytes().to_vec())).collect();
    let usage = io_usage(page.read_ios, page.write_ios);
    (Page::new(values, page.next_page_token.map(PageToken::from)), usage)
}

fn io_usage(read_ios: u64, write_ios: u64) -> IoUsage {
    IoUsage::new(i64::try_from(read_ios).unwrap_or(i64::MAX), i64::try_from(write_ios).unwrap_or(i64::MAX))
}

/// The exception for a commit that failed. Behind a seal it is a conflict: nothing was committed, and drivers run the
/// transaction again, with a session of the ledger that has the name by then.
fn commit_error(error: LedgerError) -> ServiceError {
    match error {
        LedgerError::Sealed(_) => ServiceError::new(Exception::OccConflict, error.to_string()),
        other => service_error(other),
    }
}
