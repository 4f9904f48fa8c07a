//! What a service asks about users: who signed a request, and whether that principal may do what it asks for.

use core::net::IpAddr;
use std::sync::Arc;

use everstrand_ledger::{Authorize, Protected, TableAction};
use everstrand_policy::{Action, Decision, Place, Rule};
use everstrand_protocol::control::{ControlRequest, PermissionsMode};
use everstrand_protocol::identity::{IdentityReply, IdentityRequest};
use everstrand_protocol::{Exception, ServiceError};

use super::Identity;
use super::permissions::{Asking, Principal, TablePermissions};
use crate::client::{Caller, Client};
use crate::own_ledgers::{AUDIT_LEDGER, USERS_LEDGER, refuse_changes_of_audit};
use crate::request::Request;
use crate::service::Service;

impl Service {
    /// Whether only users and other holders of keys are answered.
    pub fn has_users(&self) -> bool {
        self.identity.get().is_some()
    }

    /// Why the users cannot be read, if there are any.
    pub fn check_users(&self) -> Result<(), String> {
        if self.users_are_locked { self.open_identity().map(drop) } else { Ok(()) }
    }

    /// Creates the ledger of users with a first administrator, and answers the administrator's key. `given` is its id and its secret,
    /// if the caller has chosen them. This blocks the thread while it waits for files.
    pub fn create_users(
        &self,
        administrator: &str,
        given: Option<(String, String)>,
    ) -> Result<IdentityReply, ServiceError> {
        if !self.has_users() {
            self.check_users().map_err(|why| ServiceError::new(Exception::InvalidParameter, why))?;
            self.ledgers.create_if_missing(USERS_LEDGER)?;
            let identity =
                self.open_identity().map_err(|why| ServiceError::new(Exception::InternalFailure, why))?;
            let _ = self.identity.set(Arc::new(identity));
        }
        self.identity()?.initialise(&self.place(), administrator, given)
    }

    /// Reads the users, which must be there.
    pub(crate) fn open_identity(&self) -> Result<Identity, String> {
        let master_key = self.config.users_key.as_ref().ok_or(
            "there are users here, whose secrets are sealed under a key; name its file with --users-key",
        )?;
        let (clock, ids) = (Arc::clone(&self.clock), Arc::clone(&self.ids));
        Identity::open(Arc::clone(&self.ledgers), clock, ids, master_key, self.config.oidc.clone())
    }

    /// Starts reading the users again, if other servers may have changed them.
    pub(crate) fn start_reading_users(&self) {
        if let Some(identity) = self.identity.get().filter(|_| self.ledgers.is_shared()) {
            let identity = Arc::clone(identity);
            self.ledgers.files.start(move || {
                if let Err(error) = identity.refresh() {
                    tracing::error!(error = %error.message, "the users could not be read");
                }
            });
        }
    }

    pub(super) fn identity(&self) -> Result<&Arc<Identity>, ServiceError> {
        self.identity.get().ok_or_else(|| {
            let message = "This server has no users; everstrand init creates them";
            ServiceError::new(Exception::ResourceNotFound, message)
        })
    }

    /// Runs an operation on users, groups and policies for a caller in this process, who may do everything. This blocks the thread
    /// while it waits for files.
    pub fn administer(&self, request: &IdentityRequest) -> Result<IdentityReply, ServiceError> {
        self.administer_in_process(request, false)
    }

    /// The same, also if the change leaves nobody who may administer users.
    pub fn administer_without_guard(&self, request: &IdentityRequest) -> Result<IdentityReply, ServiceError> {
        self.administer_in_process(request, true)
    }

    fn administer_in_process(
        &self,
        request: &IdentityRequest,
        is_forced: bool,
    ) -> Result<IdentityReply, ServiceError> {
        let identity = self.identity()?;
        match request {
            IdentityRequest::CheckPolicy { .. } => self.check_policy(identity, request),
            IdentityRequest::MakeTemporaryKey { .. } => {
                let message = "Only a user can make a temporary key: sign the request with the user's key";
                Err(ServiceError::new(Exception::InvalidParameter, message))
            }
            _ => identity.administer(request, &self.place(), is_forced),
        }
    }

    /// The same for a caller who needs permission.
    pub(crate) async fn identity_api(
        &self,
        caller: &Caller,
        request: &Request<'_>,
        request_id: &str,
    ) -> Result<Vec<u8>, ServiceError> {
        let operation = IdentityRequest::from_json(request.body)?;
        let event = self.record_identity_begin(caller, request, &operation, request_id).await?;
        let answered = self.run_identity(caller, operation).await;
        self.record_end(event, answered).await
    }

    async fn run_identity(&self, caller: &Caller, request: IdentityRequest) -> Result<Vec<u8>, ServiceError> {
        let identity = Arc::clone(self.identity()?);
        let asked = match &request {
            IdentityRequest::MakeTemporaryKey { duration_seconds } => {
                let (Principal::User(user), Some(key)) = (&caller.principal, &caller.signed_by) else {
                    let message = "Only a user can make a temporary key, and an access key of the server's file is none";
                    return Err(ServiceError::new(Exception::AccessDenied, message));
                };
                let now = self.amz_date().unix_seconds();
                return Ok(identity.temporary_key(user, key, *duration_seconds, now)?.to_json());
            }
            IdentityRequest::ListUsers {}
            | IdentityRequest::ListGroups {}
            | IdentityRequest::ListPolicies {}
            | IdentityRequest::CheckPolicy { .. } => Action::ReadIdentity,
            _ => Action::ManageIdentity,
        };
        self.permit(caller, asked, || "*".to_owned())?;
        if let IdentityRequest::CheckPolicy { .. } = &request {
            return Ok(self.check_policy(&identity, &request)?.to_json());
        }
        let place = self.place();
        self.ledgers.changes.run(move || Ok(identity.administer(&request, &place, false)?.to_json())).await
    }

    fn check_policy(
        &self,
        identity: &Identity,
        request: &IdentityRequest,
    ) -> Result<IdentityReply, ServiceError> {
        let IdentityRequest::CheckPolicy { user_name, action, resource, source_ip, purge } = request else {
            return Err(ServiceError::new(Exception::InternalFailure, "the request checks nothing"));
        };
        let wrong = |message: String| ServiceError::new(Exception::InvalidParameter, message);
        let users = identity.users()?;
        let user = users.with_name(user_name);
        let user = user.ok_or_else(|| {
            ServiceError::new(Exception::ResourceNotFound, format!("There is no user {user_name}"))
        })?;
        let action =
            Action::from_name(action).ok_or_else(|| wrong(format!("There is no action {action}")))?;
        let source_ip = source_ip.as_deref().map(str::parse).transpose();
        let source_ip = source_ip.map_err(|_| wrong("SourceIp is no address".to_owned()))?;
        let unix_seconds = self.amz_date().unix_seconds();
        let asking = Asking { user: Arc::clone(user), place: self.place(), source_ip, unix_seconds };
        let by = |rule: &Rule| {
            let sid = rule.sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
            format!("statement {}{sid} of the policy {}", rule.statement, rule.policy)
        };
        let decision = asking.decide(action, resource, *purge);
        let explanation = match &decision {
            _ if !user.enabled => format!("The user {user_name} is disabled"),
            Decision::Allowed(rule) => format!("Allowed by {}, and nothing denies it", by(rule)),
            Decision::Denied(rule) => format!("Denied by {}", by(rule)),
            Decision::NotAllowed if user.policies.is_empty() => {
                format!("No policy is attached to {user_name} or to a group of {user_name}")
            }
            Decision::NotAllowed => {
                let names: Vec<&str> = user.policies.iter().map(|(name, _)| name.as_str()).collect();
                format!("No statement of these policies allows it: {}", names.join(", "))
            }
        };
        Ok(IdentityReply::Checked { allowed: user.enabled && decision.is_allowed(), explanation })
    }

    /// Where the resources of this service are.
    pub(crate) fn place(&self) -> Place {
        Place { region: self.config.region.clone(), account: self.config.account.clone() }
    }

    /// A user's request; `None` for an operator, who may do everything.
    fn asking(&self, caller: &Caller) -> Option<Asking> {
        match &caller.principal {
            Principal::Operator => None,
            Principal::User(user) => Some(Asking {
                user: Arc::clone(user),
                place: self.place(),
                source_ip: caller.source_ip,
                unix_seconds: self.amz_date().unix_seconds(),
            }),
        }
    }

    /// Refuses what a caller may not do. An operator may do everything, without any work.
    pub(crate) fn permit(
        &self,
        caller: &Caller,
        action: Action,
        resource: impl FnOnce() -> String,
    ) -> Result<(), ServiceError> {
        self.asking(caller).map_or(Ok(()), |asking| asking.permit(action, &resource()))
    }

    /// Refuses a session on a ledger, or a command in it, that a caller may not have.
    pub(crate) fn permit_commands(&self, caller: &Caller, ledger: &str) -> Result<(), ServiceError> {
        refuse_own(ledger)?;
        self.permit(caller, Action::SendCommand, || self.place().ledger(ledger))
    }

    /// What decides about the tables that a statement touches: nothing for an operator, and nothing in a ledger with the
    /// permissions mode `ALLOW_ALL`.
    pub(crate) fn table_permissions(&self, caller: &Caller, ledger: &Arc<str>) -> Option<Arc<dyn Authorize>> {
        let policies = self.policies_of_tables(caller, ledger);
        if **ledger == *AUDIT_LEDGER { Some(Arc::new(ReadOnly(policies))) } else { policies }
    }

    fn policies_of_tables(&self, caller: &Caller, ledger: &Arc<str>) -> Option<Arc<dyn Authorize>> {
        let asking = self.asking(caller)?;
        if self.ledgers.permissions_mode(ledger) == Some(PermissionsMode::AllowAll) {
            return None;
        }
        Some(Arc::new(TablePermissions { asking, ledger: Arc::clone(ledger) }))
    }

    /// Refuses an operation of the control API that a caller may not do.
    pub(crate) fn permit_control(
        &self,
        caller: &Caller,
        request: &ControlRequest,
    ) -> Result<(), ServiceError> {
        let (action, resource) = asked_by(request, &self.place());
        let named = resource.rsplit_once(":ledger/").or_else(|| resource.rsplit_once(":stream/"));
        named.map_or(Ok(()), |(_, named)| refuse_own(named.split('/').next().unwrap_or(named)))?;
        refuse_changes_of_audit(request)?;
        let Some(asking) = self.asking(caller) else { return Ok(()) };
        asking.permit(action, &resource)?;
        match request {
            ControlRequest::CreateLedger(create) if !create.tags.is_empty() => {
                asking.permit(Action::TagResource, &resource)
            }
            ControlRequest::StreamJournalToKinesis(stream) if !stream.tags.is_empty() => {
                asking.permit(Action::TagResource, &resource)
            }
            _ => Ok(()),
        }
    }

    /// The address that a request came from. Behind a trusted proxy it is the last address in `X-Forwarded-For` that is not a
    /// trusted proxy's, because everything before it may be made up.
    pub(crate) fn source_ip(&self, head: &Request<'_>, sender: &Client) -> Option<IpAddr> {
        let Client::Address(address) = sender else { return None };
        let trusted = &self.config.trusted_proxies;
        let is_proxy = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
        let mut source = address.exact();
        let named = head.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-for"));
        let named: Vec<&str> = named.flat_map(|(_, value)| value.split(',')).map(str::trim).collect();
        for text in named.into_iter().rev() {
            if !is_proxy(source) {
                break;
            }
            source = text.parse().ok()?;
        }
        Some(source)
    }
}

/// Lets statements read and do nothing else. What the user may read, the user's policies say.
struct ReadOnly(Option<Arc<dyn Authorize>>);

impl Authorize for ReadOnly {
    fn allows(&self, action: TableAction, of: Protected<'_>) -> bool {
        matches!(action, TableAction::Select | TableAction::History)
            && self.0.as_ref().is_none_or(|policies| policies.allows(action, of))
    }
}

/// Refuses the ledger that holds the users. Only the service itself opens it.
fn refuse_own(ledger: &str) -> Result<(), ServiceError> {
    if ledger != USERS_LEDGER {
        return Ok(());
    }
    let message = format!("The name {USERS_LEDGER} is reserved for the ledger of the server's users");
    Err(ServiceError::new(Exception::AccessDenied, message))
}

/// The action and the resource of an operation of the control API. ARNs in requests are written as ours, because the server does not
/// compare their region and account.
fn asked_by(request: &ControlRequest, place: &Place) -> (Action, String) {
    use ControlRequest as Request;
    let named = |arn: &str| {
        let resource = arn.splitn(6, ':').nth(5).and_then(|resource| resource.strip_prefix("ledger/"));
        resource.map_or_else(|| arn.to_owned(), |ledger| place.ledger(ledger))
    };
    match request {
        Request::CreateLedger(request) => (Action::CreateLedger, place.ledger(&request.name)),
        Request::DescribeLedger(request) => (Action::DescribeLedger, place.ledger(&request.name)),
        Request::ListLedgers(_) => (Action::ListLedgers, "*".to_owned()),
        Request::UpdateLedger(request) => (Action::UpdateLedger, place.ledger(&request.name)),
        Request::UpdateLedgerPermissionsMode(request) => {
            (Action::UpdateLedgerPermissionsMode, place.ledger(&request.name))
        }
        Request::DeleteLedger(request) => (Action::DeleteLedger, place.ledger(&request.name)),
        Request::TagResource(request) => (Action::TagResource, named(&request.resource_arn)),
        Request::UntagResource(request) => (Action::UntagResource, named(&request.resource_arn)),
        Request::ListTagsForResource(request) => (Action::ListTagsForResource, named(&request.resource_arn)),
        Request::GetDigest(request) => (Action::GetDigest, place.ledger(&request.name)),
        Request::GetBlock(request) => (Action::GetBlock, place.ledger(&request.name)),
        Request::GetRevision(request) => (Action::GetRevision, place.ledger(&request.name)),
        Request::GetConsistencyProof(request) => (Action::GetConsistencyProof, place.ledger(&request.name)),
        Request::ImportJournal(request) => (Action::ImportJournal, place.ledger(&request.name)),
        Request::ExportJournalToS3(request) => (Action::ExportJournalToS3, place.ledger(&request.name)),
        Request::DescribeJournalS3Export(request) => {
            (Action::DescribeJournalS3Export, place.ledger(&request.name))
        }
        Request::ListJournalS3ExportsForLedger(request) => {
            (Action::ListJournalS3ExportsForLedger, place.ledger(&request.name))
        }
        Request::ListJournalS3Exports(_) => (Action::ListJournalS3Exports, "*".to_owned()),
        Request::StreamJournalToKinesis(request) => {
            (Action::StreamJournalToKinesis, place.stream(&request.ledger_name, &request.stream_name))
        }
        Request::DescribeJournalKinesisStream(request) => {
            (Action::DescribeJournalKinesisStream, place.stream(&request.ledger_name, &request.stream_id))
        }
        Request::CancelJournalKinesisStream(request) => {
            (Action::CancelJournalKinesisStream, place.stream(&request.ledger_name, &request.stream_id))
        }
        Request::ListJournalKinesisStreamsForLedger(request) => {
            (Action::ListJournalKinesisStreamsForLedger, place.stream(&request.ledger_name, "*"))
        }
    }
}
