//! Policies as they are written and stored.

use crate::action::{Action, Actions};
use crate::condition::Condition;
use crate::json::Json;
use crate::request::Request;
use crate::resource::{Place, Resources};

/// The greatest length of a policy's text.
pub const POLICY_BYTES_MAX: usize = 16 << 10;

/// A policy, ready to decide.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    statements: Vec<Statement>,
}

/// Whether a statement allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies, whatever else allows.
    Deny,
}

/// A statement of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    sid: Option<String>,
    effect: Effect,
    actions: Actions,
    resources: Vec<Resources>,
    /// Whether the statement is about all resources but these.
    is_about_others: bool,
    conditions: Vec<Condition>,
}

impl Policy {
    /// Reads a policy. The error says what is wrong, and where. A member, an operator, a key or an action that this crate does not
    /// know is an error, too.
    pub fn parse(text: &str) -> Result<Policy, String> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(format!("the policy is longer than {POLICY_BYTES_MAX} bytes"));
        }
        let json: Json = serde_json::from_str(text).map_err(|error| {
            let error = error.to_string();
            if error.contains("occurs twice") { error } else { format!("the policy is not JSON: {error}") }
        })?;
        let mut statements = None;
        for (name, value) in json.members("the policy")? {
            match name.as_str() {
                "Version" => {
                    let version = value.text("Version")?;
                    if !["2012-10-17", "2008-10-17"].contains(&version) {
                        return Err(format!("Version: {version:?} is neither 2012-10-17 nor 2008-10-17"));
                    }
                }
                "Id" => drop(value.text("Id")?),
                "Statement" => statements = Some(parse_statements(value)?),
                _ => return Err(format!("the policy: there is no member {name:?}")),
            }
        }
        let statements: Vec<Statement> = statements.ok_or("the policy: Statement is missing")?;
        for (number, statement) in statements.iter().enumerate() {
            if let Some(sid) = &statement.sid
                && statements[..number].iter().any(|before| before.sid.as_ref() == Some(sid))
            {
                return Err(format!("two statements have the Sid {sid:?}"));
            }
        }
        Ok(Policy { statements })
    }

    /// The policy that denies everything.
    pub fn deny_all() -> Policy {
        let document = r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
        Policy::parse(document).expect("the text above is a policy")
    }

    /// Refuses a policy that names a resource which a place cannot have, because its author believes that it protects something.
    pub fn check_place(&self, place: &Place) -> Result<(), String> {
        let named = self.statements.iter().flat_map(|statement| &statement.resources);
        named.filter_map(|resources| resources.miss(place)).next().map_or(Ok(()), Err)
    }

    /// Its statements.
    pub(crate) fn statements(&self) -> &[Statement] {
        &self.statements
    }
}

fn parse_statements(value: &Json) -> Result<Vec<Statement>, String> {
    let statements = match value {
        Json::Object(_) => std::slice::from_ref(value),
        Json::List(statements) => statements,
        _ => return Err("Statement is neither an object nor a list".to_owned()),
    };
    let numbered = (1..).zip(statements);
    numbered.map(|(number, statement)| Statement::parse(statement, &format!("statement {number}"))).collect()
}

impl Statement {
    fn parse(value: &Json, place: &str) -> Result<Statement, String> {
        let members = value.members(place)?;
        let sid = members.iter().find(|(name, _)| name == "Sid").map(|(_, sid)| sid);
        let sid = sid.map(|sid| sid.text("Sid")).transpose().map_err(|error| format!("{place}: {error}"))?;
        let place = match sid {
            Some(sid) if !sid.is_empty() => format!("{place} ({sid})"),
            _ => place.to_owned(),
        };
        Statement::of_members(members, sid).map_err(|error| format!("{place}: {error}"))
    }

    fn of_members(members: &[(String, Json)], sid: Option<&str>) -> Result<Statement, String> {
        const NAMES: &[&str] =
            &["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
        if let Some((name, _)) = members.iter().find(|(name, _)| !NAMES.contains(&name.as_str())) {
            return Err(format!("there is no member {name:?}"));
        }
        let member = |wanted: &str| members.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        if let Some(sid) = sid
            && !sid.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return Err(format!("Sid: {sid:?} is not of letters and digits"));
        }
        let effect = match member("Effect").ok_or("Effect is missing")?.text("Effect")? {
            "Allow" => Effect::Allow,
            "Deny" => Effect::Deny,
            other => return Err(format!("Effect: {other:?} is neither Allow nor Deny")),
        };
        // One of two members of which exactly one must be there.
        let either = |name: &'static str, other: &'static str| match (member(name), member(other)) {
            (Some(value), None) => Ok((name, value, false)),
            (None, Some(value)) => Ok((other, value, true)),
            (None, None) => Err(format!("it needs {name} or {other}")),
            (Some(_), Some(_)) => Err(format!("{name} and {other} exclude each other")),
        };
        let (name, value, is_about_other_actions) = either("Action", "NotAction")?;
        let mut actions = Actions::default();
        for text in value.texts(name, false)? {
            actions = actions.or(Actions::parse(text).map_err(|error| format!("{name}: {error}"))?);
        }
        let actions = if is_about_other_actions { actions.others() } else { actions };
        let (name, value, is_about_others) = either("Resource", "NotResource")?;
        let parse = |text: &str| Resources::parse(text).map_err(|error| format!("{name}: {error}"));
        let resources = value.texts(name, false)?.into_iter().map(parse).collect::<Result<_, _>>()?;
        let conditions = member("Condition").map_or(Ok(Vec::new()), Condition::parse_all)?;
        let sid = sid.filter(|sid| !sid.is_empty()).map(str::to_owned);
        Ok(Statement { sid, effect, actions, resources, is_about_others, conditions })
    }

    /// Its name, if it has one.
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// Whether it allows or denies.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    pub(crate) fn is_about(&self, action: Action) -> bool {
        self.actions.contains(action)
    }

    /// Whether the statement is about an action on a resource, under its conditions.
    pub(crate) fn concerns(&self, action: Action, resource: &str) -> bool {
        self.is_about(action)
            && self.resources.iter().any(|resources| resources.contain(resource)) != self.is_about_others
    }

    pub(crate) fn has_conditions(&self) -> bool {
        !self.conditions.is_empty()
    }

    /// Whether the statement is about a request.
    pub(crate) fn applies(&self, request: &Request<'_>) -> bool {
        self.concerns(request.action, request.resource)
            && self.conditions.iter().all(|condition| condition.holds(&request.context))
    }
}
