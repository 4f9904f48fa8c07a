//! A transport without a service, for tests of the driver and of programs that use it. It answers as a service does, except
//! where a test tells it otherwise.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use everstrand_protocol::send_command::{
    AbortTransactionResult, Command, CommitTransactionResult, EndSessionResult, ExecuteStatementResult,
    FetchPageResult, IoUsage, Page, Reply, SendCommandRequest, SessionToken, StartSessionResult,
    StartTransactionResult, TimingInformation,
};
use everstrand_protocol::{Exception, ServiceError};

use everstrand_driver::{
    SendCommandResponse, TransactionOutcome, TransactionOutcomeRequest, Transport, TransportError,
};

/// One answer of the script.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The answer that a service gives.
    Usual,
    /// This result.
    Reply(Box<Reply>),
    /// This exception.
    Fails(ServiceError),
    /// No answer, because there was no connection.
    NotSent,
    /// No answer, because the connection broke after the request was sent.
    Lost,
    /// No answer for as long as the caller waits.
    Never,
}

/// Answers by a script, and records the requests.
#[derive(Debug, Default)]
pub struct ScriptedTransport(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The next answers to each command.
    script: HashMap<&'static str, VecDeque<Answer>>,
    sent: Vec<SendCommandRequest>,
    /// The next answers to the question what became of a transaction; afterwards such questions are not supported.
    outcomes: VecDeque<TransactionOutcome>,
    sessions: u32,
    transactions: u32,
}

impl ScriptedTransport {
    /// A transport without a script.
    pub fn new() -> ScriptedTransport {
        ScriptedTransport::default()
    }

    /// Adds an answer for the next command with this name that has none yet.
    pub fn on(&self, command: &'static str, answer: Answer) -> &ScriptedTransport {
        self.state().script.entry(command).or_default().push_back(answer);
        self
    }

    /// Adds an answer to the next question what became of a transaction.
    pub fn on_outcome(&self, outcome: TransactionOutcome) -> &ScriptedTransport {
        self.state().outcomes.push_back(outcome);
        self
    }

    /// All requests so far, in order.
    pub fn sent(&self) -> Vec<SendCommandRequest> {
        self.state().sent.clone()
    }

    /// The names of the commands that were sent, in order.
    pub fn commands(&self) -> Vec<&'static str> {
        self.state().sent.iter().map(|request| request.command.name()).collect()
    }

    /// The answer that a service gives to a command.
    pub fn usual_reply(&self, command: &Command) -> Reply {
        self.state().usual(command)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    /// A result.
    pub fn reply(reply: Reply) -> Answer {
        Answer::Reply(Box::new(reply))
    }

    /// An exception with a message.
    pub fn fails(exception: Exception, message: &str) -> Answer {
        Answer::Fails(ServiceError::new(exception, message))
    }
}

impl Transport for ScriptedTransport {
    async fn send_command(&self, request: SendCommandRequest) -> Result<SendCommandResponse, TransportError> {
        let (answer, usual, number) = {
            let mut state = self.state();
            let answer = state.script.get_mut(request.command.name()).and_then(VecDeque::pop_front);
            let usual = state.usual(&request.command);
            state.sent.push(request);
            (answer, usual, state.sent.len())
        };
        let reply = match answer.unwrap_or(Answer::Usual) {
            Answer::Usual => usual,
            Answer::Reply(reply) => *reply,
            Answer::Fails(error) => return Err(TransportError::Service(error)),
            Answer::NotSent => return Err(TransportError::NotSent("by script".into())),
            Answer::Lost => return Err(TransportError::Lost("by script".into())),
            Answer::Never => std::future::pending().await,
        };
        Ok(SendCommandResponse { request_id: Some(format!("request-{number}")), reply })
    }

    async fn transaction_outcome(
        &self,
        _request: TransactionOutcomeRequest,
    ) -> Result<TransactionOutcome, TransportError> {
        Ok(self.state().outcomes.pop_front().unwrap_or(TransactionOutcome::NotSupported))
    }
}

impl State {
    fn usual(&mut self, command: &Command) -> Reply {
        let timing_information = Some(TimingInformation::of_milliseconds(1));
        let consumed_ios = Some(IoUsage::new(0, 0));
        let other = serde_json::Map::new();
        match command {
            Command::StartSession { .. } => {
                self.sessions += 1;
                let session_token = SessionToken::from(format!("session{}", self.sessions));
                Reply::StartSession(StartSessionResult { session_token, timing_information, other })
            }
            Command::StartTransaction => {
                self.transactions += 1;
                let transaction_id = format!("{:022}", self.transactions);
                Reply::StartTransaction(StartTransactionResult { transaction_id, timing_information, other })
            }
            Command::ExecuteStatement { .. } => Reply::ExecuteStatement(ExecuteStatementResult {
                first_page: Page::default(),
                timing_information,
                consumed_ios,
                other,
            }),
            Command::FetchPage { .. } => Reply::FetchPage(FetchPageResult {
                page: Page::default(),
                timing_information,
                consumed_ios,
                other,
            }),
            Command::CommitTransaction { transaction_id, commit_digest } => {
                Reply::CommitTransaction(CommitTransactionResult {
                    transaction_id: transaction_id.clone(),
                    commit_digest: commit_digest.clone(),
                    timing_information,
                    consumed_ios,
                    other,
                })
            }
            Command::AbortTransaction => {
                Reply::AbortTransaction(AbortTransactionResult { timing_information, other })
            }
            Command::EndSession => Reply::EndSession(EndSessionResult { timing_information, other }),
        }
    }
}
