//! The decision: an explicit deny wins; else one statement must allow.

use core::net::IpAddr;
use std::collections::BTreeMap;

use crate::action::Action;
use crate::document::{Effect, Policy};

/// A request, as policies see it.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What it asks for.
    pub action: Action,
    /// The ARN of the resource that it asks for, or `*` if the action has none.
    pub resource: &'a str,
    /// What conditions ask about.
    pub context: Context<'a>,
}

/// What conditions ask about.
#[derive(Clone, Debug, Default)]
pub struct Context<'a> {
    /// `aws:PrincipalTag/…`: the tags of the user.
    pub principal_tags: Tags<'a>,
    /// `aws:SourceIp`: the address that the request came from, if it came from one.
    pub source_ip: Option<IpAddr>,
    /// `aws:CurrentTime`, in seconds since 1970.
    pub unix_seconds: i64,
    /// `qldb:Purge`, for actions that drop something.
    pub purge: Option<bool>,
}

/// Tags by their keys, or none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tags<'a>(Option<&'a BTreeMap<String, String>>);

impl<'a> From<&'a BTreeMap<String, String>> for Tags<'a> {
    fn from(tags: &'a BTreeMap<String, String>) -> Tags<'a> {
        Tags(Some(tags))
    }
}

impl<'a> Tags<'a> {
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'a String, &'a String)> {
        self.0.into_iter().flatten()
    }
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This rule allows it, and none denies it.
    Allowed(Rule),
    /// This rule denies it.
    Denied(Rule),
    /// No rule allows it.
    NotAllowed,
}

/// The statement that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The name of its policy.
    pub policy: String,
    /// Its number in the policy, counted from 1.
    pub statement: usize,
    /// Its Sid, if it has one.
    pub sid: Option<String>,
}

impl Decision {
    /// Whether the request may go on.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Decision::Allowed(_))
    }
}

/// Decides on a request under policies with names.
pub fn decide<'p>(
    policies: impl IntoIterator<Item = (&'p str, &'p Policy)>,
    request: &Request<'_>,
) -> Decision {
    let mut allowed = None;
    for (name, policy) in policies {
        for (number, statement) in (1..).zip(policy.statements()) {
            // A statement that allows adds nothing when another one has allowed.
            if (statement.effect() == Effect::Allow && allowed.is_some()) || !statement.applies(request) {
                continue;
            }
            match statement.effect() {
                Effect::Deny => return Decision::Denied(rule(name, number, statement.sid())),
                Effect::Allow => allowed = Some((name, number, statement.sid())),
            }
        }
    }
    allowed.map_or(Decision::NotAllowed, |(name, number, sid)| Decision::Allowed(rule(name, number, sid)))
}

fn rule(policy: &str, statement: usize, sid: Option<&str>) -> Rule {
    Rule { policy: policy.to_owned(), statement, sid: sid.map(str::to_owned) }
}
