//! The decision: an explicit deny wins; else one statement must allow.

use crate::document::{Effect, Policy};
use crate::request::Request;

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
