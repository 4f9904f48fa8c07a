//! A second evaluator, which follows the words of IAM's documentation over the JSON text itself, and random policies.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use everstrand_policy::{Action, Context, Decision, Policy, Request, decide};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Whether a text matches a pattern with wildcards.
fn like(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return text.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    match first {
        '*' => (0..=text.len()).any(|at| text.is_char_boundary(at) && like(rest, &text[at..])),
        _ => text.chars().next().is_some_and(|character| {
            (first == '?' || first == character) && like(rest, &text[character.len_utf8()..])
        }),
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().map(|value| value.as_str().expect("a text")).collect(),
        value => vec![value.as_str().expect("a text")],
    }
}

fn resource_matches(pattern: &str, resource: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let parts = |text: &str| -> Vec<String> { text.splitn(6, ':').map(str::to_owned).collect() };
    let (patterns, parts) = (parts(pattern), parts(resource));
    patterns.len() == parts.len() && patterns.iter().zip(&parts).all(|(pattern, part)| like(pattern, part))
}

fn condition_holds(
    operator: &str,
    key: &str,
    values: &Value,
    context: &Context<'_>,
    tags: &BTreeMap<String, String>,
) -> bool {
    let (base, if_exists) = match operator.strip_suffix("IfExists") {
        Some(base) => (base, true),
        None => (operator, false),
    };
    let found = match key {
        "aws:SourceIp" => context.source_ip.map(|address| address.to_string()),
        "aws:CurrentTime" => Some(context.unix_seconds.to_string()),
        "qldb:Purge" => context.purge.map(|purge| purge.to_string()),
        tag => tags.get(tag.strip_prefix("aws:PrincipalTag/").expect("a tag")).cloned(),
    };
    let values = texts(values);
    if base == "Null" {
        return values.iter().any(|value| (*value == "true") == found.is_none());
    }
    let negated = base.contains("Not");
    let Some(found): Option<String> = found else { return if_exists || negated };
    let network = |value: &str| {
        let (address, length) = value.split_once('/').expect("a network");
        let first = |address: &str| {
            let bits = u32::from(address.parse::<Ipv4Addr>().expect("an address"));
            format!("{bits:032b}")[..length.parse::<usize>().expect("a length")].to_owned()
        };
        first(address) == first(&found)
    };
    let number = |text: &str| text.parse::<i64>().expect("seconds");
    let one = |value: &&str| match base.replace("Not", "").as_str() {
        "StringEquals" | "Bool" => **value == found,
        "StringEqualsIgnoreCase" => value.eq_ignore_ascii_case(&found),
        "StringLike" => like(value, &found),
        "IpAddress" => network(value),
        "DateEquals" => number(&found) == number(value),
        "DateLessThan" => number(&found) < number(value),
        "DateLessThanEquals" => number(&found) <= number(value),
        "DateGreaterThan" => number(&found) > number(value),
        "DateGreaterThanEquals" => number(&found) >= number(value),
        other => panic!("{other}"),
    };
    values.iter().any(one) != negated
}

fn applies(statement: &Value, request: &Request<'_>, tags: &BTreeMap<String, String>) -> bool {
    let named = |name: &str, matches: &dyn Fn(&str) -> bool| {
        let any = |value: &Value| texts(value).into_iter().any(matches);
        statement.get(name).map(any).unwrap_or_else(|| !any(&statement[format!("Not{name}").as_str()]))
    };
    let name = request.action.name().to_lowercase();
    named("Action", &|pattern| like(&pattern.to_lowercase(), &name))
        && named("Resource", &|pattern| resource_matches(pattern, request.resource))
        && statement["Condition"].as_object().into_iter().flatten().all(|(operator, keys)| {
            let mut keys = keys.as_object().expect("keys").iter();
            keys.all(|(key, values)| condition_holds(operator, key, values, &request.context, tags))
        })
}

fn naive(policies: &[Value], request: &Request<'_>, tags: &BTreeMap<String, String>) -> &'static str {
    let statements = policies.iter().flat_map(|policy| policy["Statement"].as_array().expect("a list"));
    let applying: Vec<&Value> = statements.filter(|statement| applies(statement, request, tags)).collect();
    if applying.iter().any(|statement| statement["Effect"] == "Deny") {
        "deny"
    } else if applying.is_empty() {
        "none"
    } else {
        "allow"
    }
}

fn some_of(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::collection::vec(prop::sample::select(values), 1..3).prop_map(|values| json!(values))
}

fn condition() -> impl Strategy<Value = (&'static str, &'static str, Value)> {
    let tag = || prop::sample::select(&["aws:PrincipalTag/a", "aws:PrincipalTag/b"][..]);
    let texts = &[
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
        "StringEqualsIfExists",
        "StringNotLikeIfExists",
        "StringLikeIfExists",
    ][..];
    let dates = &[
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
    ][..];
    prop_oneof![
        (prop::sample::select(texts), tag(), some_of(&["x", "X", "y", "x*", "?", ""])),
        (
            prop::sample::select(
                &["IpAddress", "NotIpAddress", "IpAddressIfExists", "NotIpAddressIfExists"][..]
            ),
            Just("aws:SourceIp"),
            some_of(&["10.0.0.0/8", "10.1.0.0/16", "10.1.0.3/32", "0.0.0.0/0", "192.0.2.0/25"]),
        ),
        (
            prop::sample::select(dates),
            Just("aws:CurrentTime"),
            some_of(&["1000000099", "1000000100", "1000000101"])
        ),
        (
            prop::sample::select(&["Bool", "BoolIfExists"][..]),
            Just("qldb:Purge"),
            some_of(&["true", "false"])
        ),
        (Just("Null"), tag(), some_of(&["true", "false"])),
        (Just("Null"), Just("aws:SourceIp"), some_of(&["true", "false"])),
    ]
}

fn statement() -> impl Strategy<Value = Value> {
    let action = some_of(&[
        "*",
        "qldb:*",
        "qldb:Get*",
        "QLDB:getdigest",
        "qldb:PartiQL*",
        "qldb:PartiQL??????",
        "everstrand:*",
    ]);
    let resource = some_of(&[
        "*",
        "arn:aws:qldb:us-east-1:1:ledger/a",
        "arn:aws:qldb:us-east-1:1:ledger/a*",
        "arn:aws:qldb:*:?:ledger/*/table/T",
        "arn:aws:qldb:us-east-1:1:ledger/a/information_schema/user_tables",
        "arn:aws:qldb:us-east-1:1:ledger/?",
    ]);
    let conditions = prop::collection::vec(condition(), 0..3);
    (prop::bool::weighted(0.7), action, any::<bool>(), resource, any::<bool>(), conditions).prop_map(
        |(allow, action, not_action, resource, not_resource, conditions)| {
            let mut statement = json!({"Effect": if allow { "Allow" } else { "Deny" }});
            statement[if not_action { "NotAction" } else { "Action" }] = action;
            statement[if not_resource { "NotResource" } else { "Resource" }] = resource;
            for (operator, key, values) in conditions {
                statement["Condition"][operator][key] = values;
            }
            statement
        },
    )
}

fn policy() -> impl Strategy<Value = Value> {
    prop::collection::vec(statement(), 0..4).prop_map(|statements| json!({"Statement": statements}))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn both_evaluators_agree(
        policies in prop::collection::vec(policy(), 0..3),
        action in prop::sample::select(Action::ALL),
        resource in prop::sample::select(&[
            "*",
            "arn:aws:qldb:us-east-1:1:ledger/a",
            "arn:aws:qldb:us-east-1:1:ledger/b",
            "arn:aws:qldb:us-east-1:1:ledger/ab/table/T",
            "arn:aws:qldb:us-east-1:1:ledger/a/table/T",
            "arn:aws:qldb:us-east-1:1:ledger/a/table/*",
            "arn:aws:qldb:us-east-1:1:ledger/a/information_schema/user_tables",
        ][..]),
        tags in prop::collection::btree_map("[ab]", prop::sample::select(&["x", "X", "y", "xy", ""][..]), 0..3),
        source_ip in prop::option::of(prop::sample::select(&["10.1.0.3", "10.2.0.3", "192.0.2.127", "192.0.2.128"][..])),
        purge in prop::option::of(any::<bool>()),
        unix_seconds in 1_000_000_098..1_000_000_103_i64,
    ) {
        let tags: BTreeMap<String, String> = tags.into_iter().map(|(key, value)| (key, value.to_owned())).collect();
        let source_ip = source_ip.map(|address| address.parse::<IpAddr>().expect("an address"));
        let context = Context { principal_tags: (&tags).into(), source_ip, unix_seconds, purge };
        let request = Request { action, resource, context };
        let parsed: Vec<Policy> = policies.iter().map(|policy| Policy::parse(&policy.to_string()).expect("a policy")).collect();
        let seen = match decide(parsed.iter().map(|policy| ("p", policy)), &request) {
            Decision::Allowed(_) => "allow",
            Decision::Denied(_) => "deny",
            Decision::NotAllowed => "none",
        };
        prop_assert_eq!(seen, naive(&policies, &request, &tags));
    }
}
