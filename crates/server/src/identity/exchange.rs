//! Exchanges tokens of OpenID Connect for temporary keys of the users whom they name.

use std::sync::Arc;

use everstrand_protocol::identity::{ExchangeToken, IdentityReply};
use everstrand_protocol::{Exception, ServiceError};

use crate::client::Caller;
use crate::oidc::{Oidc, Refusal};
use crate::request::Request;
use crate::service::Service;

impl Service {
    /// Answers a request that is not signed, because its token is the proof.
    pub(crate) async fn exchange_token(
        &self,
        caller: &Caller,
        request: &Request<'_>,
        request_id: &str,
    ) -> Result<Vec<u8>, ServiceError> {
        let (Some(oidc), true) = (&self.config.oidc, self.has_users()) else {
            let message = "This server exchanges no tokens: see everstrand serve --oidc-issuer";
            return Err(ServiceError::new(Exception::AccessDenied, message));
        };
        self.exchanges.take_one(&caller.client, self.clock.monotonic_millis(), "tokens")?;
        let asked = ExchangeToken::from_json(request.body)?;
        let event = self.exchange_event(caller, request, request_id, oidc.issuer(), asked.duration_seconds);
        let made = self.exchange(oidc, &asked).await;
        self.record_exchange(event, &made).await?;
        made.map(|(_, key)| key.to_json())
    }

    /// The user whom a token names, and a temporary key of that user.
    async fn exchange(
        &self,
        oidc: &Arc<Oidc>,
        asked: &ExchangeToken,
    ) -> Result<(Arc<str>, IdentityReply), ServiceError> {
        let now = self.amz_date().unix_seconds();
        let mut proven = oidc.decide(&asked.token, now, self.clock.monotonic_millis());
        if oidc.is_due(&proven, self.clock.monotonic_millis()) {
            let (read, monotonic) = (Arc::clone(oidc), self.clock.monotonic_millis());
            let reading = self.ledgers.files.run(move || {
                read.read(monotonic);
                Ok(())
            });
            reading.await?;
            proven = oidc.decide(&asked.token, now, self.clock.monotonic_millis());
        }
        let proven = proven.map_err(|why| {
            let exception = match why {
                Refusal::NoKeys => Exception::ServiceUnavailable,
                _ => Exception::AccessDenied,
            };
            ServiceError::new(exception, format!("The token of OpenID Connect is refused: {why}"))
        })?;
        let identity = self.identity()?;
        let users = identity.users()?;
        let user = users.with_subject(&proven.user).filter(|user| user.enabled);
        let (Some(user), Some(newest)) = (user, user.and_then(|user| user.keys.last())) else {
            let message =
                "The token of OpenID Connect is genuine, but it names no user of this server who is enabled";
            return Err(ServiceError::new(Exception::AccessDenied, message));
        };
        let (issuer, seconds) = (Some(oidc.issuer()), asked.duration_seconds);
        let key = identity.make_temporary_key(user, newest, issuer, seconds, now)?;
        Ok((Arc::clone(&user.name), key))
    }
}
