//! Both ends of passing on: the server that is asked, and the one that holds the session.

use everstrand_protocol::signature::{Authorization, SERVICE};
use everstrand_protocol::{Exception, ServiceError, SessionToken, outcome};

use crate::access_keys::unrecognized;
use crate::client::{Caller, Claim};
use crate::identity::permissions::Principal;
use crate::peers::passed::{PassedCaller, write_answer};
use crate::request::{ACCESS_KEY_ID, PassedOn, Request};
use crate::service::Service;
use crate::tokens::Holder;

impl Service {
    /// Checks the head of a request that another server passes on. Only servers with the cluster key can sign it.
    pub(crate) fn peer_claim(&self, head: &Request<'_>) -> Result<Claim, ServiceError> {
        let peers = self.peers.as_ref().ok_or_else(unrecognized)?;
        let authorization = Authorization::from_headers(head.headers)?;
        if authorization.access_key_id != ACCESS_KEY_ID || authorization.service != SERVICE {
            return Err(unrecognized());
        }
        authorization.check_head(head.headers, self.amz_date())?;
        let key = authorization.signing_key(peers.secret());
        Ok(Claim { authorization, key, principal: Principal::Operator, source_ip: None })
    }

    /// The other server that holds the session of a token, if servers pass requests on and the token is the caller's.
    pub(crate) fn other_holder(&self, caller: &Caller, token: &SessionToken) -> Option<Holder> {
        self.peers.as_ref()?;
        self.tokens.other_holder(token.as_str(), caller.principal.id())
    }

    /// Passes a request on to the server that holds its session. `None` if it gave no answer that counts.
    pub(crate) async fn pass(
        &self,
        caller: &Caller,
        request: &Request<'_>,
        holder: &Holder,
        operation: PassedOn,
    ) -> Option<Result<Vec<u8>, ServiceError>> {
        self.peers.as_ref()?.pass(holder, operation, caller, request, self.amz_date()).await
    }

    /// What became of a transaction, asked at any server. Its holder is asked first: it knows of a transaction that is open or under
    /// way, and nobody else does.
    pub(crate) async fn outcome_of_anybody(
        &self,
        caller: &Caller,
        request: &Request<'_>,
    ) -> Result<Vec<u8>, ServiceError> {
        let asked = outcome::GetTransactionOutcomeRequest::from_json(request.body)?;
        if let Some(holder) = self.other_holder(caller, &asked.session_token)
            && let Some(Ok(answer)) = self.pass(caller, request, &holder, PassedOn::Outcome).await
            && outcome::GetTransactionOutcomeResult::is_decided(&answer)
        {
            return Ok(answer);
        }
        Ok(self.outcome_for(caller, &asked).await?.to_json())
    }

    /// Runs what another server passes on. An error means that it did not run here, unless it is within the answer.
    pub(crate) async fn held_session(
        &self,
        peer: &Caller,
        request: &Request<'_>,
        target: &str,
        request_id: &str,
    ) -> Result<Vec<u8>, ServiceError> {
        if !self.peers.as_ref().is_some_and(|peers| peers.is_for_this_process(request)) {
            let message = "The process that held the session is gone";
            return Err(ServiceError::new(Exception::InvalidSession, message));
        }
        let mut caller = PassedCaller::caller(request, self.identity.get().map(|identity| &**identity))?;
        caller.presence.clone_from(&peer.presence);
        let answered = match PassedOn::of_target(target) {
            Some(PassedOn::Outcome) => {
                let asked = outcome::GetTransactionOutcomeRequest::from_json(request.body)?;
                self.outcome_for(&caller, &asked).await.map(|answer| answer.to_json())
            }
            Some(PassedOn::Command | PassedOn::Commit) => {
                let command = self.read_command(&peer.client, request.body).await?;
                self.run_command(&caller, request, command, request_id).await
            }
            None => {
                let message = format!("There is no operation {target} that servers pass on");
                return Err(ServiceError::new(Exception::UnknownOperation, message));
            }
        };
        Ok(write_answer(answered))
    }
}
