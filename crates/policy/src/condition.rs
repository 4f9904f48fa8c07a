//! Conditions: an operator, a key of the request's context, and values.

use crate::date;
use crate::json::Json;
use crate::network::Network;
use crate::pattern::Pattern;
use crate::request::Context;

/// One key under one operator. All conditions of a statement must hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    key: Key,
    test: Test,
    /// Whether none of the values may match, instead of one of them.
    is_negated: bool,
    /// Whether the condition holds if the request has no such key.
    if_exists: bool,
}

/// A key of the context. The tag's key is in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    PrincipalTag(String),
    SourceIp,
    CurrentTime,
    Purge,
}

/// What an operator does with the values.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    Equals(Vec<String>),
    /// The values are in lower case.
    EqualsIgnoreCase(Vec<String>),
    Like(Vec<Pattern>),
    Networks(Vec<Network>),
    /// Milliseconds since 1970.
    Dates(Comparison, Vec<i64>),
    Bool(Vec<bool>),
    /// Whether the key is absent.
    Null(Vec<bool>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The kinds of operators, by the keys that they are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equals,
    EqualsIgnoreCase,
    Like,
    Ip,
    Date(Comparison),
    Bool,
    Null,
}

/// A key's value in a request.
enum Value<'a> {
    Text(&'a str),
    Address(core::net::IpAddr),
    Millis(i64),
    Bool(bool),
}

impl Condition {
    /// The member `Condition` of a statement.
    pub(crate) fn parse_all(block: &Json) -> Result<Vec<Condition>, String> {
        let mut conditions = Vec::new();
        for (name, keys) in block.members("Condition")? {
            let in_condition = |error: String| format!("Condition: {error}");
            let (operator, is_negated, if_exists) = operator(name).map_err(in_condition)?;
            let keys = keys.members(name).map_err(in_condition)?;
            if keys.is_empty() {
                return Err(format!("Condition: {name} has no key"));
            }
            let mut seen: Vec<Key> = Vec::new();
            for (key_name, values) in keys {
                let key = Key::parse(key_name).map_err(in_condition)?;
                if seen.contains(&key) {
                    return Err(format!("Condition: the key {key_name:?} occurs twice under {name}"));
                }
                seen.push(key.clone());
                let test = test(name, operator, &key, key_name, values).map_err(in_condition)?;
                conditions.push(Condition { key, test, is_negated, if_exists });
            }
        }
        Ok(conditions)
    }

    pub(crate) fn holds(&self, context: &Context<'_>) -> bool {
        let value = self.key.value(context);
        if let Test::Null(absent) = &self.test {
            return absent.contains(&value.is_none());
        }
        match value {
            None => self.if_exists || self.is_negated,
            Some(value) => self.test.matches(&value) != self.is_negated,
        }
    }
}

/// The operator of a name, whether it is negated, and whether its condition holds without the key.
fn operator(name: &str) -> Result<(Operator, bool, bool), String> {
    let (base, if_exists) = match name.strip_suffix("IfExists") {
        Some(base) => (base, true),
        None => (name, false),
    };
    let (operator, is_negated) = match base {
        "StringEquals" => (Operator::Equals, false),
        "StringNotEquals" => (Operator::Equals, true),
        "StringEqualsIgnoreCase" => (Operator::EqualsIgnoreCase, false),
        "StringNotEqualsIgnoreCase" => (Operator::EqualsIgnoreCase, true),
        "StringLike" => (Operator::Like, false),
        "StringNotLike" => (Operator::Like, true),
        "IpAddress" => (Operator::Ip, false),
        "NotIpAddress" => (Operator::Ip, true),
        "DateEquals" => (Operator::Date(Comparison::Equal), false),
        "DateNotEquals" => (Operator::Date(Comparison::Equal), true),
        "DateLessThan" => (Operator::Date(Comparison::Less), false),
        "DateLessThanEquals" => (Operator::Date(Comparison::LessOrEqual), false),
        "DateGreaterThan" => (Operator::Date(Comparison::Greater), false),
        "DateGreaterThanEquals" => (Operator::Date(Comparison::GreaterOrEqual), false),
        "Bool" => (Operator::Bool, false),
        "Null" if !if_exists => (Operator::Null, false),
        _ => return Err(format!("the operator {name:?} is not built")),
    };
    Ok((operator, is_negated, if_exists))
}

impl Key {
    /// The names of keys, and of tags in them, are the same in upper and lower case.
    fn parse(name: &str) -> Result<Key, String> {
        const TAG: &str = "aws:principaltag/";
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            "aws:sourceip" => return Ok(Key::SourceIp),
            "aws:currenttime" => return Ok(Key::CurrentTime),
            "qldb:purge" => return Ok(Key::Purge),
            _ => {}
        }
        match lower.strip_prefix(TAG) {
            Some(tag) if !tag.is_empty() && !tag.contains("${") => Ok(Key::PrincipalTag(tag.to_owned())),
            _ => Err(format!("the key {name:?} is not built")),
        }
    }

    fn value<'c>(&self, context: &Context<'c>) -> Option<Value<'c>> {
        match self {
            Key::PrincipalTag(key) => {
                let mut tags = context.principal_tags.iter();
                tags.find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| Value::Text(value))
            }
            Key::SourceIp => context.source_ip.map(Value::Address),
            Key::CurrentTime => Some(Value::Millis(context.unix_seconds.saturating_mul(1000))),
            Key::Purge => context.purge.map(Value::Bool),
        }
    }
}

fn test(
    operator_name: &str,
    operator: Operator,
    key: &Key,
    key_name: &str,
    values: &Json,
) -> Result<Test, String> {
    let truths = matches!(operator, Operator::Bool | Operator::Null) || *key == Key::Purge;
    let fits = match key {
        Key::PrincipalTag(_) => {
            matches!(operator, Operator::Equals | Operator::EqualsIgnoreCase | Operator::Like)
        }
        Key::SourceIp => operator == Operator::Ip,
        Key::CurrentTime => matches!(operator, Operator::Date(_)),
        Key::Purge => matches!(operator, Operator::Bool | Operator::Equals | Operator::EqualsIgnoreCase),
    };
    if !fits && operator != Operator::Null {
        return Err(format!("{operator_name} is not for {key_name}"));
    }
    let texts = values.texts(key_name, truths)?;
    if let Some(text) = texts.iter().find(|text| text.contains("${")) {
        return Err(format!("{text:?}: policy variables are not built"));
    }
    Ok(match operator {
        Operator::Null => Test::Null(all(&texts, truth)?),
        _ if *key == Key::Purge => Test::Bool(all(&texts, truth)?),
        Operator::Bool => Test::Bool(all(&texts, truth)?),
        Operator::Equals => Test::Equals(texts.into_iter().map(str::to_owned).collect()),
        Operator::EqualsIgnoreCase => {
            Test::EqualsIgnoreCase(texts.into_iter().map(str::to_lowercase).collect())
        }
        Operator::Like => Test::Like(texts.into_iter().map(Pattern::new).collect()),
        Operator::Ip => Test::Networks(all(&texts, str::parse)?),
        Operator::Date(comparison) => {
            let date = |text: &str| {
                let wrong = || format!("{text:?} is not a date such as 2026-12-31T23:59:59Z");
                date::parse(text).ok_or_else(wrong)
            };
            Test::Dates(comparison, all(&texts, date)?)
        }
    })
}

fn all<T>(texts: &[&str], parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    texts.iter().map(|text| parse(text)).collect()
}

fn truth(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

impl Test {
    /// Whether one of the values matches. A value of another kind than the key's does not; parsing refuses such conditions.
    fn matches(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Test::Equals(values), Value::Text(text)) => values.iter().any(|value| value == text),
            (Test::EqualsIgnoreCase(values), Value::Text(text)) => values.contains(&text.to_lowercase()),
            (Test::Like(values), Value::Text(text)) => values.iter().any(|value| value.matches(text)),
            (Test::Networks(values), Value::Address(address)) => {
                values.iter().any(|network| network.contains(*address))
            }
            (Test::Dates(comparison, values), Value::Millis(now)) => {
                values.iter().any(|value| comparison.holds(*now, *value))
            }
            (Test::Bool(values), Value::Bool(value)) => values.contains(value),
            _ => false,
        }
    }
}

impl Comparison {
    fn holds(self, now: i64, value: i64) -> bool {
        match self {
            Comparison::Equal => now == value,
            Comparison::Less => now < value,
            Comparison::LessOrEqual => now <= value,
            Comparison::Greater => now > value,
            Comparison::GreaterOrEqual => now >= value,
        }
    }
}
