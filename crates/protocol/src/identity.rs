//! `EverstrandIdentity.Administer`: users, groups, policies and keys of a server. QLDB left them to IAM.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::ServiceError;
use crate::wire::from_json;

/// The value of the header `X-Amz-Target`.
pub const TARGET: &str = "EverstrandIdentity.Administer";

/// The value of the header `X-Amz-Target` of [`ExchangeToken`], which needs no signature.
pub const EXCHANGE_TARGET: &str = "EverstrandIdentity.ExchangeToken";

/// What is done with users, groups, policies and keys. A name has 1 to 64 letters, digits and characters of `+=,.@_-`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "Operation", rename_all_fields = "PascalCase", deny_unknown_fields)]
pub enum IdentityRequest {
    /// Adds a user with a first key. Answers [`IdentityReply::Key`].
    AddUser {
        /// The name of the user.
        user_name: String,
        /// The groups that the user is in.
        #[serde(default)]
        groups: Vec<String>,
        /// The policies that are attached to the user.
        #[serde(default)]
        policies: Vec<String>,
        /// What `aws:PrincipalTag/…` asks about.
        #[serde(default)]
        tags: BTreeMap<String, String>,
    },
    /// Removes a user and the user's keys.
    RemoveUser {
        /// The name of the user.
        user_name: String,
    },
    /// Lets a user's keys sign requests, or not.
    EnableUser {
        /// The name of the user.
        user_name: String,
        /// Whether they may.
        enabled: bool,
    },
    /// Replaces the tags of a user.
    TagUser {
        /// The name of the user.
        user_name: String,
        /// All tags from now on.
        tags: BTreeMap<String, String>,
    },
    /// Makes a new key of a user. Answers [`IdentityReply::Key`].
    RotateKey {
        /// The name of the user.
        user_name: String,
        /// Whether the key before the new one stays valid, until the next rotation. All others are removed.
        #[serde(default)]
        keep_last: bool,
    },
    /// Lists the users. Answers [`IdentityReply::Users`].
    ListUsers {},
    /// Adds a group.
    AddGroup {
        /// The name of the group.
        group_name: String,
    },
    /// Removes a group. Its users stay.
    RemoveGroup {
        /// The name of the group.
        group_name: String,
    },
    /// Puts a user in a group, or takes the user out.
    SetMember {
        /// The name of the group.
        group_name: String,
        /// The name of the user.
        user_name: String,
        /// Whether the user is in the group from now on.
        member: bool,
    },
    /// Lists the groups. Answers [`IdentityReply::Groups`].
    ListGroups {},
    /// Stores a policy, in place of the one with its name.
    PutPolicy {
        /// The name of the policy.
        policy_name: String,
        /// The policy in IAM's language.
        document: String,
    },
    /// Removes a policy that is attached to nothing.
    RemovePolicy {
        /// The name of the policy.
        policy_name: String,
    },
    /// Lists the policies with their documents. Answers [`IdentityReply::Policies`].
    ListPolicies {},
    /// Attaches a policy to a user or a group, or detaches it.
    SetAttached {
        /// The name of the policy.
        policy_name: String,
        /// To whom.
        to: PolicyOwner,
        /// Whether it is attached from now on.
        attached: bool,
    },
    /// Tells what a user may do, and which rule says so. Answers [`IdentityReply::Checked`].
    CheckPolicy {
        /// The name of the user.
        user_name: String,
        /// The action, such as `qldb:SendCommand`.
        action: String,
        /// The ARN of the resource, or `*`.
        resource: String,
        /// The address that the user comes from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source_ip: Option<String>,
        /// Whether the statement purges, for actions that drop something.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purge: Option<bool>,
    },
    /// Makes a temporary key of the user who signed the request. Answers [`IdentityReply::TemporaryKey`].
    MakeTemporaryKey {
        /// How long the key is valid, 900 to 43,200 seconds.
        duration_seconds: u32,
    },
}

/// Exchanges a token of OpenID Connect for a temporary key of the user whom the token names. Answers
/// [`IdentityReply::TemporaryKey`]. The token is the proof, so the request is not signed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ExchangeToken {
    /// The token, in its compact form.
    pub token: String,
    /// How long the key is valid, 900 to 43,200 seconds.
    pub duration_seconds: u32,
}

/// To whom a policy is attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyOwner {
    /// The user with this name.
    User(String),
    /// The group with this name.
    Group(String),
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "PascalCase")]
pub enum IdentityReply {
    /// It is done.
    Done {},
    /// A new key. The secret is shown once.
    Key {
        /// Whose key it is.
        user_name: String,
        /// The id of the key, which is no secret.
        access_key_id: String,
        /// The secret.
        secret_access_key: String,
    },
    /// A temporary key.
    TemporaryKey {
        /// The id of the key.
        access_key_id: String,
        /// The secret.
        secret_access_key: String,
        /// What stands in the header `X-Amz-Security-Token` of each request.
        session_token: String,
        /// When the key ends, such as `2026-11-30T12:00:00Z`.
        expiration: String,
    },
    /// All users.
    Users {
        /// In the order of their names.
        users: Vec<UserSummary>,
    },
    /// All groups.
    Groups {
        /// In the order of their names.
        groups: Vec<GroupSummary>,
    },
    /// All policies.
    Policies {
        /// In the order of their names.
        policies: Vec<PolicySummary>,
    },
    /// What a user may do.
    Checked {
        /// Whether the user may.
        allowed: bool,
        /// Which rule says so.
        explanation: String,
    },
}

/// A user without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserSummary {
    /// The name.
    pub user_name: String,
    /// Whether the user's keys may sign requests.
    pub enabled: bool,
    /// The groups that the user is in.
    pub groups: Vec<String>,
    /// The policies that are attached to the user.
    pub policies: Vec<String>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// The ids of the keys, the oldest first.
    pub access_key_ids: Vec<String>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupSummary {
    /// The name.
    pub group_name: String,
    /// The policies that are attached to the group.
    pub policies: Vec<String>,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicySummary {
    /// The name.
    pub policy_name: String,
    /// The policy in IAM's language.
    pub document: String,
}

impl IdentityRequest {
    /// The body of the request.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are always JSON")
    }

    /// Reads the body of a request.
    pub fn from_json(body: &[u8]) -> Result<IdentityRequest, ServiceError> {
        from_json(body)
    }
}

impl ExchangeToken {
    /// The body of the request.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are always JSON")
    }

    /// Reads the body of a request.
    pub fn from_json(body: &[u8]) -> Result<ExchangeToken, ServiceError> {
        from_json(body)
    }
}

/// Without the token, which is a secret.
impl fmt::Debug for ExchangeToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = &self.duration_seconds;
        formatter.debug_struct("ExchangeToken").field("duration_seconds", seconds).finish_non_exhaustive()
    }
}

impl IdentityReply {
    /// The body of the answer.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are always JSON")
    }

    /// Reads the body of an answer.
    pub fn from_json(body: &[u8]) -> Result<IdentityReply, serde_json::Error> {
        serde_json::from_slice(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_they_are_written() {
        for request in [
            IdentityRequest::ListUsers {},
            IdentityRequest::AddUser {
                user_name: "ann".to_owned(),
                groups: vec!["tellers".to_owned()],
                policies: Vec::new(),
                tags: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
            },
            IdentityRequest::SetAttached {
                policy_name: "p".to_owned(),
                to: PolicyOwner::Group("tellers".to_owned()),
                attached: true,
            },
        ] {
            assert_eq!(IdentityRequest::from_json(&request.to_json()), Ok(request));
        }
        let unknown = br#"{"Operation":"RemoveUser","UserName":"ann","Force":true}"#;
        assert!(IdentityRequest::from_json(unknown).is_err(), "a member that nobody heeds is refused");
        assert!(IdentityRequest::from_json(br#"{"Operation":"Become"}"#).is_err());
    }
}
