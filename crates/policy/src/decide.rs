//! The decision: an explicit deny wins; else one statement must allow.

use crate::action::Action;
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

/// When policies allow something, whatever requests there will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// At all times and from everywhere: no condition limits what allows it, and nothing ever denies it.
    pub always: bool,
    /// Perhaps: under the right conditions something allows it, and nothing denies it whatever the conditions are.
    pub sometimes: bool,
}

/// When policies allow an action on a resource.
pub fn reach<'p>(policies: impl IntoIterator<Item = &'p Policy>, action: Action, resource: &str) -> Reach {
    // What allows and what denies, without a condition and with one.
    let (mut allows, mut denies) = ([false; 2], [false; 2]);
    for statement in policies.into_iter().flat_map(Policy::statements) {
        if statement.concerns(action, resource) {
            let found = if statement.effect() == Effect::Allow { &mut allows } else { &mut denies };
            found[usize::from(statement.has_conditions())] = true;
        }
    }
    Reach { always: allows[0] && denies == [false; 2], sometimes: allows != [false; 2] && !denies[0] }
}

fn rule(policy: &str, statement: usize, sid: Option<&str>) -> Rule {
    Rule { policy: policy.to_owned(), statement, sid: sid.map(str::to_owned) }
}
