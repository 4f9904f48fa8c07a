//! Policy × request × decision, and policies that are refused. Both tables were written by hand before the evaluator.

use std::collections::BTreeMap;
use std::net::IpAddr;

use everstrand_policy::{Action, Context, Decision, Place, Policy, Request, decide};

fn place() -> Place {
    Place { region: "us-east-1".to_owned(), account: "000000000000".to_owned() }
}

/// The lines of a table without comments, with their numbers.
fn lines(table: &'static str) -> impl Iterator<Item = (usize, &'static str)> {
    let numbered = (1..).zip(table.lines().map(str::trim));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn arn(resource: &str) -> String {
    let parts: Vec<&str> = resource.split('/').collect();
    match parts[..] {
        ["*"] => "*".to_owned(),
        ["L", ledger] => place().ledger(ledger),
        ["T", ledger, table] => place().table(ledger, table),
        ["C", ledger] => place().catalog(ledger),
        ["S", ledger, stream] => place().stream(ledger, stream),
        _ => panic!("{resource} is no resource"),
    }
}

/// Seconds since 1970 of a time in the table. `date` prints the days in the comment below.
fn seconds(time: &str) -> i64 {
    let (day, time) = time.strip_suffix('Z').and_then(|time| time.split_once('T')).expect("a time");
    let clock: Vec<i64> = time.split(':').map(|part| part.parse().expect("a number")).collect();
    // for day in 2026-06-15 …; do date -ud $day +%s; done
    let midnight = match day {
        "2026-06-15" => 1_781_481_600,
        "2026-06-16" => 1_781_568_000,
        "2026-06-17" => 1_781_654_400,
        "2026-06-20" => 1_781_913_600,
        "2026-06-30" => 1_782_777_600,
        "2026-07-01" => 1_782_864_000,
        "2027-01-01" => 1_798_761_600,
        _ => panic!("{day} has no line here"),
    };
    midnight + clock[0] * 3600 + clock[1] * 60 + clock[2]
}

#[test]
fn every_row_is_decided_as_it_says() {
    let mut policies: BTreeMap<&str, Policy> = BTreeMap::new();
    let (mut rows, mut wrong) = (0, Vec::new());
    for (number, line) in lines(include_str!("decisions.txt")) {
        if let Some(definition) = line.strip_prefix("policy ") {
            let (name, text) = definition.split_once(' ').expect("a name and a policy");
            let policy = Policy::parse(text).unwrap_or_else(|error| panic!("line {number}: {error}"));
            assert!(policies.insert(name, policy).is_none(), "line {number}: {name} occurs twice");
            continue;
        }
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [expected, names, action, resource, settings] = columns[..] else {
            panic!("line {number} has not five columns");
        };
        let (mut tags, mut source_ip, mut purge) = (BTreeMap::new(), None, None);
        let mut unix_seconds = seconds("2026-06-15T12:00:00Z");
        for setting in settings.split_whitespace() {
            let (key, value) = setting.split_once('=').expect("KEY=VALUE");
            match key {
                "ip" => source_ip = Some(value.parse::<IpAddr>().expect("an address")),
                "purge" => purge = Some(value == "true"),
                "time" => unix_seconds = seconds(value),
                _ => drop(tags.insert(key.strip_prefix("tag:").expect("a tag").to_owned(), value.to_owned())),
            }
        }
        let action = Action::ALL.iter().find(|known| known.name() == action).expect("an action");
        let context = Context { principal_tags: (&tags).into(), source_ip, unix_seconds, purge };
        let request = Request { action: *action, resource: &arn(resource), context };
        let named = names.split('+').filter(|name| *name != "-");
        let decided = decide(named.map(|name| (name, &policies[name])), &request);
        let seen = match &decided {
            Decision::Allowed(_) => "allow",
            Decision::Denied(_) => "deny",
            Decision::NotAllowed => "none",
        };
        rows += 1;
        if seen != expected {
            wrong.push(format!("line {number}: {line}\n  but {decided:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} rows differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows >= 200, "{rows} rows");
}

#[test]
fn what_is_not_understood_is_refused_and_named() {
    let mut rows = 0;
    for (number, line) in lines(include_str!("refused.txt")) {
        let (part, text) = line.split_once(" | ").expect("two columns");
        let error = Policy::parse(text).expect_err(&format!("line {number} is accepted"));
        assert!(error.contains(part), "line {number}: {error}");
        rows += 1;
    }
    assert!(rows >= 70, "{rows} rows");
    let long = format!(r#"{{"Statement":[]{}}}"#, " ".repeat(everstrand_policy::POLICY_BYTES_MAX));
    assert!(Policy::parse(&long).expect_err("long").contains("longer than"));
    let deep = format!(r#"{{"Statement":{}}}"#, "[".repeat(5000));
    assert!(Policy::parse(&deep).expect_err("deep").contains("not JSON"));
}

#[test]
fn a_policy_of_another_place_is_noticed() {
    let check = |resource: &str| {
        let text =
            format!(r#"{{"Statement":{{"Effect":"Deny","Action":"*","Resource":["*","{resource}"]}}}}"#);
        Policy::parse(&text).expect("a policy").check_place(&place())
    };
    for here in
        ["arn:aws:qldb:us-east-1:000000000000:ledger/a", "arn:*:qldb:*:*:ledger/a", "arn:aws:qldb:us-*:0*:*"]
    {
        assert_eq!(check(here), Ok(()), "{here}");
    }
    for elsewhere in [
        "arn:aws:qldb:eu-west-1:000000000000:ledger/a",
        "arn:aws:qldb:us-east-1:1*:*",
        "arn:aws-cn:qldb:*:*:*",
    ] {
        assert!(check(elsewhere).expect_err(elsewhere).contains("no ARN of this server"));
    }
}

#[test]
fn the_decision_names_the_rule() {
    let allow = Policy::parse(r#"{"Statement":{"Sid":"All","Effect":"Allow","Action":"*","Resource":"*"}}"#);
    let deny = Policy::parse(
        r#"{"Statement":[{"Effect":"Allow","Action":"qldb:GetBlock","Resource":"*"},
            {"Effect":"Deny","Action":"qldb:GetDigest","Resource":"*"}]}"#,
    );
    let (allow, deny) = (allow.expect("a policy"), deny.expect("a policy"));
    let decided = |action| {
        let request = Request { action, resource: &place().ledger("bank"), context: Context::default() };
        decide([("first", &allow), ("second", &deny)], &request)
    };
    let Decision::Denied(rule) = decided(Action::GetDigest) else { panic!("it is denied") };
    assert_eq!((rule.policy.as_str(), rule.statement, rule.sid), ("second", 2, None));
    let Decision::Allowed(rule) = decided(Action::GetBlock) else { panic!("it is allowed") };
    assert_eq!((rule.policy.as_str(), rule.statement, rule.sid.as_deref()), ("first", 1, Some("All")));
}
