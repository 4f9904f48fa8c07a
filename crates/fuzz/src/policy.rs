//! Policies: any text is read or refused, and what was read decides on every action without a panic.

use everstrand_policy::{Action, Context, Decision, Place, Policy, Request, decide};

/// Any bytes as the text of a policy. White space around it changes nothing, and beside a policy that denies everything it
/// allows nothing.
pub fn policy(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(policy) = Policy::parse(text) else { return };
    if text.len() < everstrand_policy::POLICY_BYTES_MAX - 2 {
        assert_eq!(Policy::parse(&format!(" {text}\n")).as_ref(), Ok(&policy));
    }
    let deny = r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    let deny = Policy::parse(deny).expect("a policy");
    let place = Place { region: "us-east-1".to_owned(), account: "000000000000".to_owned() };
    let _ = policy.check_place(&place);
    for resource in ["*", &place.ledger("bank"), &place.table("bank", "Id1"), &place.stream("bank", "s")] {
        for action in Action::ALL {
            let context =
                Context { source_ip: "192.0.2.1".parse().ok(), purge: Some(true), ..Context::default() };
            let request = Request { action: *action, resource, context };
            let _ = decide([("p", &policy)], &request);
            assert!(matches!(decide([("p", &policy), ("deny", &deny)], &request), Decision::Denied(_)));
        }
    }
}
