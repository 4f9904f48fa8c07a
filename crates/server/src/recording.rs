//! When events are recorded: a change of the control API before it begins, every operation before it is answered, a command of the
//! session API after it ran, and an exchange of a token before its key is handed out.

use std::sync::Arc;

use everstrand_protocol::control::ControlRequest;
use everstrand_protocol::identity::{IdentityReply, IdentityRequest};
use everstrand_protocol::{Command, Exception, SendCommandRequest, ServiceError};

use crate::audit_trail::event::{Asked, Event};
use crate::client::Caller;
use crate::request::Request;
use crate::service::Service;

impl Service {
    /// Records that an operation on users, groups and policies begins, if it changes something. An error means that it must not begin.
    pub(crate) async fn record_identity_begin(
        &self,
        caller: &Caller,
        request: &Request<'_>,
        operation: &IdentityRequest,
        request_id: &str,
    ) -> Result<Option<Event>, ServiceError> {
        let asked = self.asked(caller, request, request_id);
        self.begin(|| Event::identity(&self.place(), &asked, operation)).await
    }

    /// Records that an operation of the control API begins, if it changes something. An error means that it must not begin.
    pub(crate) async fn record_begin(
        &self,
        caller: &Caller,
        request: &Request<'_>,
        operation: &ControlRequest,
        request_id: &str,
    ) -> Result<Option<Event>, ServiceError> {
        let asked = self.asked(caller, request, request_id);
        self.begin(|| Event::control(&self.place(), &asked, operation)).await
    }

    async fn begin(&self, event: impl FnOnce() -> Event) -> Result<Option<Event>, ServiceError> {
        if self.trails.is_empty() {
            return Ok(None);
        }
        let event = event();
        if event.changes {
            let written = self.write_durably(&event, event.begun(self.ids.next())).await;
            written.map_err(|error| refusal(&error, "and nothing was changed"))?;
        }
        Ok(Some(event))
    }

    /// Records what became of an operation of the control API, and passes that on. If it cannot be recorded, the client gets an error
    /// in its place.
    pub(crate) async fn record_end<T>(
        &self,
        event: Option<Event>,
        answered: Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let Some(event) = event else { return answered };
        let what = match (event.changes, &answered) {
            (true, Ok(_)) => "but the change is made: its begin is recorded",
            _ => "and nothing was changed",
        };
        let line = event.clone().ended(self.ids.next(), answered.as_ref().err(), true);
        self.write_durably(&event, line).await.map_err(|error| refusal(&error, what))?;
        answered
    }

    /// The event of a command of the session API, if such events are recorded.
    pub(crate) fn command_event(
        &self,
        caller: &Caller,
        request: &Request<'_>,
        command: &SendCommandRequest,
        request_id: &str,
    ) -> Option<Event> {
        self.trails.iter().find(|trail| trail.has_data_events())?;
        let of_token =
            |token: &str| self.ledgers.name_of(self.tokens.ledger_of(token, caller.principal.id())?);
        let (name, token) = (command.command.name(), command.session_token.as_ref());
        let ledger = match &command.command {
            Command::StartSession { ledger_name } => Some(ledger_name.to_string()),
            _ => token.and_then(|token| of_token(token.as_str())),
        };
        let transaction = match &command.command {
            Command::ExecuteStatement { transaction_id, .. }
            | Command::FetchPage { transaction_id, .. }
            | Command::CommitTransaction { transaction_id, .. } => Some(&**transaction_id),
            _ => None,
        };
        let asked = self.asked(caller, request, request_id);
        Some(Event::command(&self.place(), &asked, name, ledger.as_deref(), transaction))
    }

    /// Records what became of a command of the session API.
    pub(crate) fn record_command(&self, event: Event, error: Option<&ServiceError>) {
        let (id, line) = (self.ids.next(), event.clone());
        let line = line.ended(id, error, false);
        for trail in self.trails.iter().filter(|trail| trail.has_data_events() && trail.takes(&event)) {
            trail.write(line.clone());
        }
    }

    /// Writes a line to each trail, and waits until it is durable in all of them.
    async fn write_durably(&self, event: &Event, line: Vec<u8>) -> std::io::Result<()> {
        for trail in self.trails.iter().filter(|trail| trail.takes(event)) {
            trail.write_durably(line.clone()).await?;
        }
        Ok(())
    }

    /// The event of an exchange of a token, if anything is recorded.
    pub(crate) fn exchange_event(
        &self,
        caller: &Caller,
        request: &Request<'_>,
        request_id: &str,
        issuer: &str,
        duration_seconds: u32,
    ) -> Option<Event> {
        self.trails.first()?;
        let asked = self.asked(caller, request, request_id);
        Some(Event::exchange(&self.place(), &asked, issuer, duration_seconds))
    }

    /// Records what became of an exchange. A key that cannot be recorded is not handed out. A refusal does not wait for the file,
    /// because anybody can cause one.
    pub(crate) async fn record_exchange(
        &self,
        event: Option<Event>,
        made: &Result<(Arc<str>, IdentityReply), ServiceError>,
    ) -> Result<(), ServiceError> {
        let Some(event) = event else { return Ok(()) };
        match made {
            Ok((user, IdentityReply::TemporaryKey { access_key_id, expiration, .. })) => {
                let event = event.for_user(user, access_key_id, expiration);
                let line = event.clone().ended(self.ids.next(), None, true);
                let written = self.write_durably(&event, line).await;
                written.map_err(|error| refusal(&error, "and no key was made"))
            }
            Ok(_) => Ok(()),
            Err(error) => {
                let line = event.ended(self.ids.next(), Some(error), true);
                let files = self.trails.iter().filter(|trail| !trail.is_ledger());
                files.for_each(|trail| trail.write(line.clone()));
                Ok(())
            }
        }
    }

    fn asked<'a>(&self, caller: &'a Caller, request: &Request<'a>, request_id: &'a str) -> Asked<'a> {
        let user_agent = request.header("user-agent").unwrap_or("");
        Asked { caller, user_agent, request_id, unix_millis: self.clock.unix_millis() }
    }
}

fn refusal(error: &std::io::Error, what: &str) -> ServiceError {
    let message = format!("The audit trail cannot be written ({error}), {what}; the server's log says more");
    ServiceError::new(Exception::ServiceUnavailable, message)
}
