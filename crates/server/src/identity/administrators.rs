//! The guard for the last administrator. A change after which nobody may administer users any more is refused, because only somebody
//! with the data folder could undo it.

use everstrand_policy::{Action, Context, Policy, Request, decide, reach};
use everstrand_protocol::{Exception, ServiceError};

use super::directory::{Directory, User};

/// Whether somebody may administer users: at all times, under the right conditions, or at this time from this machine.
type Somebody = [bool; 3];

/// Refuses a change that takes the last administrator away, in any of the three senses.
pub(super) fn check(before: &Directory, after: &Directory, unix_seconds: i64) -> Result<(), ServiceError> {
    let (before, after) = (somebody(before, unix_seconds), somebody(after, unix_seconds));
    if before.iter().zip(after).all(|(before, after)| after || !before) {
        return Ok(());
    }
    let message = "Nobody could administer users after this change. Give another enabled user a policy that allows \
                   everstrand:ManageIdentity first; or stop the server and make the change with --data DIR --force";
    Err(ServiceError::new(Exception::ResourceInUse, message))
}

fn somebody(directory: &Directory, unix_seconds: i64) -> Somebody {
    let enabled = directory.users.values().filter(|user| user.enabled && !user.keys.is_empty());
    enabled.fold([false; 3], |known, user| {
        let of_user = administers(directory, user, unix_seconds);
        std::array::from_fn(|sense| known[sense] || of_user[sense])
    })
}

fn administers(directory: &Directory, user: &User, unix_seconds: i64) -> Somebody {
    let groups = user.groups.iter().filter_map(|group| directory.groups.get(group));
    let names = user.policies.iter().chain(groups.flat_map(|group| &group.policies));
    // As in `users`: what is missing or not understood denies everything.
    let policy = |name: &String| {
        let stored = directory.policies.get(name);
        stored.and_then(|stored| Policy::parse(&stored.document).ok()).unwrap_or_else(Policy::deny_all)
    };
    let policies: Vec<Policy> = names.map(policy).collect();
    let (action, resource) = (Action::ManageIdentity, "*");
    let reach = reach(&policies, action, resource);
    let principal_tags = (&user.tags).into();
    let context = Context { principal_tags, source_ip: None, unix_seconds, purge: None };
    let now = decide(policies.iter().map(|policy| ("", policy)), &Request { action, resource, context });
    [reach.always, reach.sometimes, now.is_allowed()]
}

#[cfg(test)]
mod tests {
    use super::super::directory::{Group, Key, Policy as Stored};
    use super::*;

    const ADMINISTER: &str = r#"{"Effect":"Allow","Action":"everstrand:ManageIdentity","Resource":"*"}"#;
    const LOOK: &str = r#"{"Effect":"Allow","Action":"everstrand:ReadIdentity","Resource":"*"}"#;
    const NEVER: &str = r#"{"Effect":"Deny","Action":"everstrand:*","Resource":"*"}"#;
    const AT_HOME: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}"#;
    const NOT_ABROAD: &str = r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}"#;
    const TEAM: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"operators"}}}"#;

    /// Ann, Bob and a group of nobody, with one policy for each of the texts above.
    fn directory() -> Directory {
        let mut directory = Directory::default();
        let texts = [
            ("administer", ADMINISTER),
            ("look", LOOK),
            ("never", NEVER),
            ("at-home", AT_HOME),
            ("not-abroad", NOT_ABROAD),
            ("team", TEAM),
        ];
        for (name, text) in texts {
            let document = format!(r#"{{"Version":"2012-10-17","Statement":{text}}}"#);
            Policy::parse(&document).expect(name);
            directory.policies.insert(name.to_owned(), Stored { document });
        }
        for name in ["ann", "bob"] {
            let key = Key { id: name.to_owned(), secret: String::new(), created_millis: 0 };
            let user = User {
                id: name.to_owned(),
                enabled: true,
                groups: Default::default(),
                policies: ["look".to_owned()].into(),
                tags: Default::default(),
                keys: vec![key],
            };
            directory.users.insert(name.to_owned(), user);
        }
        directory.groups.insert("operators".to_owned(), Group::default());
        directory
    }

    /// The directory with policies of Ann, of Bob and of the group, in which Ann is if the group has policies.
    fn with(ann: &[&str], bob: &[&str], group: &[&str]) -> Directory {
        let mut directory = directory();
        for (name, policies) in [("ann", ann), ("bob", bob)] {
            let user = directory.users.get_mut(name).expect("a user");
            user.policies.extend(policies.iter().map(|name| (*name).to_owned()));
        }
        let operators = directory.groups.get_mut("operators").expect("a group");
        operators.policies.extend(group.iter().map(|name| (*name).to_owned()));
        if !group.is_empty() {
            directory.users.get_mut("ann").expect("Ann").groups.insert("operators".to_owned());
        }
        directory
    }

    type Change<'c> = &'c dyn Fn(&mut Directory);

    fn changed(mut directory: Directory, change: impl FnOnce(&mut Directory)) -> Directory {
        change(&mut directory);
        directory
    }

    #[test]
    fn the_last_administrator_cannot_go() {
        let ann = || with(&["administer"], &[], &[]);
        let both = || with(&["administer"], &["administer"], &[]);
        let group = || with(&[], &[], &["administer"]);
        let home = || with(&["at-home"], &[], &[]);
        let team = || {
            changed(with(&["team"], &[], &[]), |it| {
                let tags = &mut it.users.get_mut("ann").expect("Ann").tags;
                tags.insert("team".to_owned(), "operators".to_owned());
            })
        };
        let remove = |it: &mut Directory| drop(it.users.remove("ann"));
        let disable = |it: &mut Directory| it.users.get_mut("ann").expect("Ann").enabled = false;
        let detach = |it: &mut Directory| it.users.get_mut("ann").expect("Ann").policies.clear();
        let deny = |it: &mut Directory| {
            it.users.get_mut("ann").expect("Ann").policies.insert("never".to_owned());
        };
        let limit = |it: &mut Directory| {
            it.users.get_mut("ann").expect("Ann").policies.insert("not-abroad".to_owned());
        };
        let leave = |it: &mut Directory| it.users.get_mut("ann").expect("Ann").groups.clear();
        let dissolve = |it: &mut Directory| drop(it.groups.remove("operators"));
        let weaken = |it: &mut Directory| {
            let look = it.policies["look"].clone();
            it.policies.insert("administer".to_owned(), look);
        };
        let untag = |it: &mut Directory| it.users.get_mut("ann").expect("Ann").tags.clear();
        let other = |it: &mut Directory| drop(it.users.remove("bob"));
        #[rustfmt::skip]
        let rows: &[(&str, Directory, Change<'_>, bool)] = &[
            ("she is removed", ann(), &remove, false),
            ("she is disabled", ann(), &disable, false),
            ("her policy is detached", ann(), &detach, false),
            ("a policy denies it to her", ann(), &deny, false),
            ("a policy limits where she may do it", ann(), &limit, false),
            ("her policy is replaced by a weaker one", ann(), &weaken, false),
            ("she leaves the group", group(), &leave, false),
            ("the group goes", group(), &dissolve, false),
            ("she has it under a condition and is removed", home(), &remove, false),
            ("she has it by her tag and loses it", team(), &untag, false),
            ("another user goes", ann(), &other, true),
            ("two have it and one is removed", both(), &remove, true),
            ("two have it and one is disabled", both(), &disable, true),
            ("two have it and the policy of both is weakened", both(), &weaken, false),
            ("nobody has it, so nobody loses it", with(&[], &[], &[]), &remove, true),
        ];
        let wrong = rows.iter().filter(|(_, before, change, is_allowed)| {
            check(before, &changed(before.clone(), change), 0).is_ok() != *is_allowed
        });
        let wrong: Vec<&str> = wrong.map(|(what, ..)| *what).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        let disabled = changed(both(), |it| it.users.get_mut("bob").expect("Bob").enabled = false);
        let after = changed(disabled.clone(), remove);
        check(&disabled, &after, 0).expect_err("the other one is disabled");
        let text = check(&ann(), &changed(ann(), remove), 0).expect_err("refused").message;
        assert!(text.contains("everstrand:ManageIdentity") && text.contains("--data DIR --force"), "{text}");
    }
}
