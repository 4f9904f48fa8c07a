//! Who sent a request, and what that principal may do.

use core::net::IpAddr;
use std::sync::Arc;

use everstrand_ledger::{Authorize, Protected, TableAction};
use everstrand_policy::{Action, Context, Decision, Place, Request, decide};
use everstrand_protocol::{Exception, ServiceError};

use super::users::KnownUser;

/// Who sent a request.
#[derive(Clone, Debug)]
pub(crate) enum Principal {
    /// A caller that may do everything: in this process, without keys, or with a key of the file of access keys.
    Operator,
    /// A user. Policies say what he may do.
    User(Arc<KnownUser>),
}

/// A user's request: who, from where and when. Its decisions depend on nothing else.
#[derive(Clone)]
pub(crate) struct Asking {
    pub(crate) user: Arc<KnownUser>,
    pub(crate) place: Place,
    pub(crate) source_ip: Option<IpAddr>,
    pub(crate) unix_seconds: i64,
}

/// What a user may do with the tables of a ledger.
pub(crate) struct TablePermissions {
    pub(crate) asking: Asking,
    pub(crate) ledger: Arc<str>,
}

impl Principal {
    /// Sessions and tokens belong to this id. All operators are one principal.
    pub(crate) fn id(&self) -> &str {
        match self {
            Principal::Operator => "",
            Principal::User(user) => &user.id,
        }
    }
}

impl Asking {
    /// Decides whether the user may do this.
    pub(crate) fn decide(&self, action: Action, resource: &str, purge: Option<bool>) -> Decision {
        let context = Context {
            principal_tags: (&self.user.tags).into(),
            source_ip: self.source_ip,
            unix_seconds: self.unix_seconds,
            purge,
        };
        let policies = self.user.policies.iter().map(|(name, policy)| (name.as_str(), &**policy));
        decide(policies, &Request { action, resource, context })
    }

    /// Refuses what the user may not do, with AWS's text.
    pub(crate) fn permit(&self, action: Action, resource: &str) -> Result<(), ServiceError> {
        let why = match self.decide(action, resource, None) {
            Decision::Allowed(_) => return Ok(()),
            Decision::Denied(_) => "with an explicit deny in an identity-based policy",
            Decision::NotAllowed => "because no identity-based policy allows the action",
        };
        let (account, name, action) = (&self.place.account, &self.user.name, action.name());
        let message = format!(
            "User: arn:aws:iam::{account}:user/{name} is not authorized to perform: {action} on resource: {resource} {why}"
        );
        Err(ServiceError::new(Exception::AccessDenied, message))
    }
}

impl Authorize for TablePermissions {
    fn allows(&self, action: TableAction, of: Protected<'_>) -> bool {
        let place = &self.asking.place;
        let resource = match of {
            Protected::Table(id) => place.table(&self.ledger, id),
            Protected::NewTable => place.table(&self.ledger, "*"),
            Protected::Catalog => place.catalog(&self.ledger),
        };
        // A dropped table keeps its data; a dropped index does not.
        let (action, purge) = match action {
            TableAction::Select => (Action::PartiQLSelect, None),
            TableAction::Insert => (Action::PartiQLInsert, None),
            TableAction::Update => (Action::PartiQLUpdate, None),
            TableAction::Delete => (Action::PartiQLDelete, None),
            TableAction::History => (Action::PartiQLHistoryFunction, None),
            TableAction::Redact => (Action::PartiQLRedact, None),
            TableAction::CreateTable => (Action::PartiQLCreateTable, None),
            TableAction::Tag => (Action::TagResource, None),
            TableAction::DropTable => (Action::PartiQLDropTable, Some(false)),
            TableAction::UndropTable => (Action::PartiQLUndropTable, None),
            TableAction::CreateIndex => (Action::PartiQLCreateIndex, None),
            TableAction::DropIndex => (Action::PartiQLDropIndex, Some(true)),
        };
        self.asking.decide(action, &resource, purge).is_allowed()
    }
}
