//! What each request of the administrator does to the users, groups and policies.

use std::collections::BTreeSet;

use everstrand_policy::{Place, Policy as Compiled};
use everstrand_protocol::identity::{
    GroupSummary, IdentityReply, IdentityRequest, PolicyOwner, PolicySummary, UserSummary,
};
use everstrand_protocol::{Exception, ServiceError};

use super::directory::{Directory, Group, Key, Policy, User};

/// How many characters a name may have.
const NAME_MAX: usize = 64;
/// A user has two keys at most, so that a new one can be spread before the old one ends.
const KEYS_MAX: usize = 2;
const TAGS_MAX: usize = 50;

/// Where new ids and keys come from.
pub(crate) trait NewKeys {
    /// An id that nobody has.
    fn user_id(&mut self) -> String;
    /// A key for the user with an id, and its secret.
    fn key(&mut self, user_id: &str) -> Result<(Key, String), ServiceError>;
}

/// Applies a request that changes or lists something. `CheckPolicy` and `MakeTemporaryKey` do neither.
pub(crate) fn apply(
    directory: &mut Directory,
    request: &IdentityRequest,
    place: &Place,
    new_keys: &mut dyn NewKeys,
) -> Result<IdentityReply, ServiceError> {
    let applied = match apply_to_users(directory, request, new_keys)? {
        None => apply_to_groups(directory, request)?,
        applied => applied,
    };
    match applied {
        None => apply_to_policies(directory, request, place),
        Some(reply) => Ok(reply),
    }
}

/// The answer to a request about users; `None` to another one.
fn apply_to_users(
    directory: &mut Directory,
    request: &IdentityRequest,
    new_keys: &mut dyn NewKeys,
) -> Result<Option<IdentityReply>, ServiceError> {
    use IdentityRequest as Request;
    match request {
        Request::AddUser { user_name, groups, policies, tags } => {
            check_name(user_name, "user")?;
            check_tags(tags)?;
            if directory.users.contains_key(user_name) {
                return Err(exists("user", user_name));
            }
            groups.iter().try_for_each(|name| directory.group(name).map(drop))?;
            policies.iter().try_for_each(|name| directory.has_policy(name))?;
            let id = new_keys.user_id();
            let (key, secret) = new_keys.key(&id)?;
            let reply = key_reply(user_name, &key, secret);
            let user = User {
                id,
                enabled: true,
                groups: groups.iter().cloned().collect(),
                policies: policies.iter().cloned().collect(),
                tags: tags.clone(),
                keys: vec![key],
            };
            directory.users.insert(user_name.clone(), user);
            return Ok(Some(reply));
        }
        Request::RemoveUser { user_name } => {
            directory.user(user_name)?;
            directory.users.remove(user_name);
        }
        Request::EnableUser { user_name, enabled } => directory.user(user_name)?.enabled = *enabled,
        Request::TagUser { user_name, tags } => {
            check_tags(tags)?;
            directory.user(user_name)?.tags = tags.clone();
        }
        Request::RotateKey { user_name, keep_last } => {
            let user = directory.user(user_name)?;
            let (key, secret) = new_keys.key(&user.id)?;
            let kept = if *keep_last { KEYS_MAX - 1 } else { 0 };
            user.keys.drain(..user.keys.len().saturating_sub(kept));
            let reply = key_reply(user_name, &key, secret);
            user.keys.push(key);
            return Ok(Some(reply));
        }
        Request::ListUsers {} => {
            return Ok(Some(IdentityReply::Users { users: directory.user_summaries() }));
        }
        _ => return Ok(None),
    }
    Ok(Some(IdentityReply::Done {}))
}

/// The answer to a request about groups; `None` to another one.
fn apply_to_groups(
    directory: &mut Directory,
    request: &IdentityRequest,
) -> Result<Option<IdentityReply>, ServiceError> {
    use IdentityRequest as Request;
    match request {
        Request::AddGroup { group_name } => {
            check_name(group_name, "group")?;
            if directory.groups.contains_key(group_name) {
                return Err(exists("group", group_name));
            }
            directory.groups.insert(group_name.clone(), Group::default());
        }
        Request::RemoveGroup { group_name } => {
            directory.group(group_name)?;
            directory.groups.remove(group_name);
            for user in directory.users.values_mut() {
                user.groups.remove(group_name);
            }
        }
        Request::SetMember { group_name, user_name, member } => {
            directory.group(group_name)?;
            set(&mut directory.user(user_name)?.groups, group_name, *member);
        }
        Request::ListGroups {} => {
            let summary = |(name, group): (&String, &Group)| GroupSummary {
                group_name: name.clone(),
                policies: group.policies.iter().cloned().collect(),
            };
            let groups = directory.groups.iter().map(summary).collect();
            return Ok(Some(IdentityReply::Groups { groups }));
        }
        _ => return Ok(None),
    }
    Ok(Some(IdentityReply::Done {}))
}

/// The answer to a request about policies.
fn apply_to_policies(
    directory: &mut Directory,
    request: &IdentityRequest,
    place: &Place,
) -> Result<IdentityReply, ServiceError> {
    use IdentityRequest as Request;
    match request {
        Request::PutPolicy { policy_name, document } => {
            check_name(policy_name, "policy")?;
            let compiled = Compiled::parse(document).map_err(invalid)?;
            compiled.check_place(place).map_err(invalid)?;
            directory.policies.insert(policy_name.clone(), Policy { document: document.clone() });
        }
        Request::RemovePolicy { policy_name } => {
            directory.has_policy(policy_name)?;
            if let Some(owner) = directory.owner_of(policy_name) {
                let message = format!("The policy {policy_name} is attached to {owner}; detach it first");
                return Err(ServiceError::new(Exception::ResourceInUse, message));
            }
            directory.policies.remove(policy_name);
        }
        Request::ListPolicies {} => {
            let summary = |(name, policy): (&String, &Policy)| PolicySummary {
                policy_name: name.clone(),
                document: policy.document.clone(),
            };
            let policies = directory.policies.iter().map(summary).collect();
            return Ok(IdentityReply::Policies { policies });
        }
        Request::SetAttached { policy_name, to, attached } => {
            directory.has_policy(policy_name)?;
            let policies = match to {
                PolicyOwner::User(name) => &mut directory.user(name)?.policies,
                PolicyOwner::Group(name) => &mut directory.group(name)?.policies,
            };
            set(policies, policy_name, *attached);
        }
        _ => return Err(ServiceError::new(Exception::InternalFailure, "the request changes nothing")),
    }
    Ok(IdentityReply::Done {})
}

impl Directory {
    fn user(&mut self, name: &str) -> Result<&mut User, ServiceError> {
        self.users.get_mut(name).ok_or_else(|| missing("user", name))
    }

    fn group(&mut self, name: &str) -> Result<&mut Group, ServiceError> {
        self.groups.get_mut(name).ok_or_else(|| missing("group", name))
    }

    fn has_policy(&self, name: &str) -> Result<(), ServiceError> {
        self.policies.contains_key(name).then_some(()).ok_or_else(|| missing("policy", name))
    }

    fn owner_of(&self, policy: &str) -> Option<String> {
        let users = self.users.iter().filter(|(_, user)| user.policies.contains(policy));
        let groups = self.groups.iter().filter(|(_, group)| group.policies.contains(policy));
        let users = users.map(|(name, _)| format!("the user {name}"));
        users.chain(groups.map(|(name, _)| format!("the group {name}"))).next()
    }

    fn user_summaries(&self) -> Vec<UserSummary> {
        let summary = |(name, user): (&String, &User)| UserSummary {
            user_name: name.clone(),
            enabled: user.enabled,
            groups: user.groups.iter().cloned().collect(),
            policies: user.policies.iter().cloned().collect(),
            tags: user.tags.clone(),
            access_key_ids: user.keys.iter().map(|key| key.id.clone()).collect(),
        };
        self.users.iter().map(summary).collect()
    }
}

fn set(names: &mut BTreeSet<String>, name: &str, is_in: bool) {
    if is_in {
        names.insert(name.to_owned());
    } else {
        names.remove(name);
    }
}

fn key_reply(user_name: &str, key: &Key, secret_access_key: String) -> IdentityReply {
    IdentityReply::Key { user_name: user_name.to_owned(), access_key_id: key.id.clone(), secret_access_key }
}

fn check_name(name: &str, what: &str) -> Result<(), ServiceError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    if (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(is_allowed) {
        return Ok(());
    }
    Err(invalid(format!(
        "{name:?} is no name for a {what}: 1 to {NAME_MAX} letters, digits and characters of +=,.@_-"
    )))
}

/// Keys of tags are the same in upper and lower case, as in policies.
fn check_tags(tags: &std::collections::BTreeMap<String, String>) -> Result<(), ServiceError> {
    let keys: BTreeSet<String> = tags.keys().map(|key| key.to_ascii_lowercase()).collect();
    if keys.len() < tags.len() {
        return Err(invalid("two tags have the same key, because upper and lower case are the same"));
    }
    let fits = |(key, value): (&String, &String)| (1..=128).contains(&key.len()) && value.len() <= 256;
    if tags.len() > TAGS_MAX || !tags.iter().all(fits) {
        return Err(invalid(format!(
            "a user has at most {TAGS_MAX} tags, with keys of 1 to 128 and values of at most 256 bytes"
        )));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new(Exception::InvalidParameter, message)
}

fn missing(what: &str, name: &str) -> ServiceError {
    ServiceError::new(Exception::ResourceNotFound, format!("There is no {what} {name}"))
}

fn exists(what: &str, name: &str) -> ServiceError {
    ServiceError::new(Exception::ResourceAlreadyExists, format!("There is a {what} {name} already"))
}
