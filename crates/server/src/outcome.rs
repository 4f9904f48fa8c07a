//! Commits without an answer: what became of a transaction, asked by its client, or settled for a commit that arrives where
//! nobody knows its session.
//!
//! A commit is never answered with *no such session* or *no open transaction* while somebody else may have committed it,
//! because official drivers run the transaction again after such an answer.

use everstrand_journal::{Hash, UniqueId};
use everstrand_ledger::{Ledger, LedgerError, Outcome};
use everstrand_policy::Action;
use everstrand_protocol::outcome::{self, GetTransactionOutcomeRequest, GetTransactionOutcomeResult};
use everstrand_protocol::{Exception, ServiceError, SessionToken};

use crate::client::Caller;
use crate::identity::permissions::Principal;
use crate::ledger_errors::service_error;
use crate::service::Service;

impl Service {
    /// What became of a transaction. The token must be of the session that began it, and genuine.
    pub async fn transaction_outcome(
        &self,
        request: &GetTransactionOutcomeRequest,
    ) -> Result<GetTransactionOutcomeResult, ServiceError> {
        self.outcome_for(&Caller::IN_PROCESS, request).await
    }

    /// The same for a caller. Who has the permission `qldb:GetTransactionOutcome` on the ledger needs no genuine token.
    pub(crate) async fn outcome_for(
        &self,
        caller: &Caller,
        request: &GetTransactionOutcomeRequest,
    ) -> Result<GetTransactionOutcomeResult, ServiceError> {
        let id = transaction_id(&request.transaction_id)?;
        let ledger = self.ledger_of(caller, &request.session_token).await?;
        self.take_void(caller, &ledger, id)?;
        let answer = |outcome, sequence_no| GetTransactionOutcomeResult { outcome, sequence_no };
        Ok(match self.outcome_of(&ledger, id).await {
            Ok(Outcome::Committed { block }) => answer(outcome::Outcome::Committed, Some(block)),
            Ok(Outcome::Never) => answer(outcome::Outcome::Never, None),
            Err(_) => answer(outcome::Outcome::Undecided, None),
        })
    }

    /// Settles a commit that no open transaction here belongs to: success if a block has the transaction, a conflict if none
    /// ever will.
    pub(crate) async fn settle(
        &self,
        caller: &Caller,
        token: &SessionToken,
        transaction: &str,
        commit_digest: Hash,
    ) -> Result<(), ServiceError> {
        if !self.ledgers.is_shared() {
            // Nobody else can have committed it.
            return Err(no_session());
        }
        let ledger = self.ledger_of(caller, token).await.map_err(|error| unknown(&error.message))?;
        let id = transaction_id(transaction)?;
        // A commit is never refused for a rate. It stays open what became of it, and the client may ask again.
        self.take_void(caller, &ledger, id).map_err(|error| unknown(&error.message))?;
        let block = match self.outcome_of(&ledger, id).await {
            Ok(Outcome::Committed { block }) => block,
            Ok(Outcome::Never) => {
                let never = "The transaction was not committed, and its session is gone: run it again";
                return Err(ServiceError::new(Exception::OccConflict, never));
            }
            Err(error) => return Err(unknown(&error.to_string())),
        };
        let of_block = ledger.clone();
        let committed =
            self.ledgers.files.run(move || of_block.commit_digest_of(block).map_err(service_error));
        match committed.await {
            Ok(Some(digest)) if digest == commit_digest => Ok(()),
            Ok(_) => Err(service_error(LedgerError::DigestMismatch)),
            Err(error) => Err(unknown(&error.message)),
        }
    }

    /// Counts a question whose answer may take a void.
    fn take_void(&self, caller: &Caller, ledger: &Ledger, id: UniqueId) -> Result<(), ServiceError> {
        let takes_voids = self.ledgers.is_shared() && ledger.options().follows.is_none();
        if !takes_voids || ledger.known_outcome(id).map_err(service_error)?.is_some() {
            return Ok(());
        }
        let now = self.clock.monotonic_millis();
        self.voids.take_one(&caller.client, now, "questions for outcomes that nobody knows")
    }

    async fn outcome_of(&self, ledger: &Ledger, id: UniqueId) -> Result<Outcome, LedgerError> {
        if ledger.options().follows.is_some() {
            // It writes no void, so it answers what the blocks say. They must be all that there are.
            match ledger.read_barrier().await {
                Ok(()) | Err(LedgerError::Sealed(_)) => {}
                Err(error) => return Err(error),
            }
        }
        match ledger.outcome(id).await {
            // Nothing follows a seal, so the blocks that are there decide.
            Err(LedgerError::Sealed(_)) => Ok(match ledger.block_of_transaction(id)? {
                Some(block) => Outcome::Committed { block },
                None => Outcome::Never,
            }),
            decided => decided,
        }
    }

    /// The ledger of a token that the caller may use.
    async fn ledger_of(&self, caller: &Caller, token: &SessionToken) -> Result<Ledger, ServiceError> {
        let genuine = self.tokens.ledger_of(token.as_str(), caller.principal.id());
        let id = match (genuine, &caller.principal) {
            (Some(id), _) => id,
            (None, Principal::User(_)) => {
                crate::tokens::named_ledger(token.as_str()).ok_or_else(no_session)?
            }
            (None, Principal::Operator) => return Err(no_session()),
        };
        let name = match self.ledgers.name_of(id) {
            Some(name) => name,
            None => {
                let ledgers = std::sync::Arc::clone(&self.ledgers);
                self.ledgers.files.run(move || ledgers.refresh_all()).await?;
                self.ledgers.name_of(id).ok_or_else(no_session)?
            }
        };
        if genuine.is_none() {
            let resource = || self.place().ledger(&name);
            self.permit(caller, Action::GetTransactionOutcome, resource).map_err(|_| no_session())?;
        }
        self.ledgers.open(&name).await
    }
}

fn no_session() -> ServiceError {
    ServiceError::new(Exception::InvalidSession, "No such session")
}

fn transaction_id(text: &str) -> Result<UniqueId, ServiceError> {
    text.parse().map_err(|_| ServiceError::bad_request(format!("{text} is not the id of a transaction")))
}

fn unknown(why: &str) -> ServiceError {
    let message = format!("Nobody knows yet whether the transaction was committed: {why}");
    ServiceError::new(Exception::CommitOutcomeUnknown, message)
}
