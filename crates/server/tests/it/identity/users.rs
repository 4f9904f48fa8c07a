//! The users themselves: operations, sessions, keys, groups, and servers that share them.

use super::*;

#[tokio::test]
async fn control_operations_need_their_actions_and_a_denial_comes_before_anything_is_looked_up() {
    let world = world();
    world.prepare("bank", "STANDARD", &[]).await;
    let user = world.user("auditor", json!([])).await;
    let id = "0".repeat(22);
    let block = r#"{"BlockAddress": {"IonText": "{strandId: \"0000000000000000000000\", sequenceNo: 0}"}}"#;
    let proof = r#"{"OldDigestTipAddress": {"IonText": "{}"}, "DigestTipAddress": {"IonText": "{}"}}"#;
    let revision = format!(
        r#"{{"BlockAddress": {{"IonText": "{{strandId: \"{id}\", sequenceNo: 0}}"}}, "DocumentId": "{id}"}}"#
    );
    let tags = "/tags/arn%3Aaws%3Aqldb%3Aeu-west-1%3A123456789012%3Aledger%2Fbank";
    for (action, method, path, body) in [
        ("CreateLedger", "POST", "/ledgers", r#"{"Name": "bank", "PermissionsMode": "STANDARD"}"#),
        ("DescribeLedger", "GET", "/ledgers/bank", ""),
        ("ListLedgers", "GET", "/ledgers", ""),
        ("UpdateLedger", "PATCH", "/ledgers/bank", "{}"),
        (
            "UpdateLedgerPermissionsMode",
            "PATCH",
            "/ledgers/bank/permissions-mode",
            r#"{"PermissionsMode": "STANDARD"}"#,
        ),
        ("GetDigest", "POST", "/ledgers/bank/digest", ""),
        ("GetBlock", "POST", "/ledgers/bank/block", block),
        ("GetRevision", "POST", "/ledgers/bank/revision", &revision),
        ("GetConsistencyProof", "POST", "/ledgers/bank/consistency-proof", proof),
        ("ImportJournal", "POST", "/ledgers/bank/import", r#"{"Step": "BEGIN"}"#),
        ("TagResource", "POST", tags, r#"{"Tags": {"a": "b"}}"#),
        ("ListTagsForResource", "GET", tags, ""),
        ("ListJournalS3Exports", "GET", "/journal-s3-exports", ""),
        ("ListJournalS3ExportsForLedger", "GET", "/ledgers/bank/journal-s3-exports", ""),
        ("ListJournalKinesisStreamsForLedger", "GET", "/ledgers/bank/journal-kinesis-streams", ""),
        ("DeleteLedger", "DELETE", "/ledgers/bank", ""),
    ] {
        world.policy("auditor", json!([allow(&["qldb:*"], &[arn("other"), arn("other/*")])])).await;
        let (status, name, message) = error(&world.control(&user, method, path, body).await);
        assert_eq!((status, name.as_str()), (403, "AccessDeniedException"), "{action}: {message}");
        assert!(
            message
                .contains(&format!("user/auditor is not authorized to perform: qldb:{action} on resource: ")),
            "{message}"
        );
        world.policy("auditor", json!([allow(&[&format!("qldb:{action}")], &["*".to_owned()])])).await;
        let answer = world.control(&user, method, path, body).await;
        let denied = answer.status == 403 || String::from_utf8_lossy(&answer.body).contains("not authorized");
        assert!(!denied, "{action}: {}", String::from_utf8_lossy(&answer.body));
    }
    let denied = |ledger: &'static str| {
        let world = &world;
        let user = &user;
        async move { world.session(user, ledger).await.expect_err("denied").2.replace(ledger, "LEDGER") }
    };
    world.policy("auditor", json!([])).await;
    assert_eq!(denied("bank").await, denied("nowhere").await);
}

#[tokio::test]
async fn sessions_and_outcomes_answer_only_their_principal() {
    let world = world();
    let ids = bank(&world).await;
    let ann = world.user("ann", grant(&["PartiQLSelect"], &ids[0])).await;
    let bob = world.user("bob", grant(&["PartiQLSelect"], &ids[0])).await;
    let session = world.session(&ann, "bank").await.expect("a session");
    let transaction = world.begin(&ann, &session).await;
    for other in [&bob, &world.administrator] {
        let refused = world.execute(other, &session, &transaction, "SELECT * FROM Own").await;
        assert_eq!(refused.expect_err("not his").2, "No such session");
        let ended = world.command(other, json!({"SessionToken": session, "EndSession": {}})).await;
        assert_eq!(ended.expect_err("not his").2, "No such session");
    }
    let asked = json!({"SessionToken": session, "TransactionId": transaction}).to_string();
    let refused = error(&world.post(&bob, OUTCOME, asked.as_bytes()).await);
    assert_eq!(refused.2, "No such session");
    world.policy("bob", json!([allow(&["qldb:GetTransactionOutcome"], &[arn("bank")])])).await;
    assert_eq!(world.post(&bob, OUTCOME, asked.as_bytes()).await.status, 200, "it is an action of its own");
    assert!(world.execute(&ann, &session, &transaction, "SELECT * FROM Own").await.is_ok(), "hers");
    // A new key of the same user is the same principal.
    let rotate = IdentityRequest::RotateKey { user_name: "ann".to_owned(), keep_last: false };
    let new = credentials(world.administer(&rotate).await);
    let refused = world.execute(&ann, &session, &transaction, "SELECT * FROM Own").await;
    assert_eq!(refused.expect_err("the old key is gone").1, "UnrecognizedClientException");
    assert!(world.execute(&new, &session, &transaction, "SELECT * FROM Own").await.is_ok());
}

/// The token with another first character. A letter that is merely looked for may not be in a token at all.
fn with_another_start(token: &str) -> String {
    let first = if token.starts_with('A') { 'B' } else { 'A' };
    format!("{first}{}", &token[1..])
}

#[tokio::test]
async fn temporary_keys_end_with_their_time_their_user_and_their_maker() {
    let world = world();
    let ids = bank(&world).await;
    let ann = world.user("ann", grant(&["PartiQLSelect"], &ids[0])).await;
    let make = IdentityRequest::MakeTemporaryKey { duration_seconds: 900 };
    let temporary = |by: Credentials| {
        let (world, make) = (&world, &make);
        async move {
            let made = world.post(&by, ADMINISTER, &make.to_json()).await;
            IdentityReply::from_json(&made.body).map(credentials).map_err(|_| error(&made))
        }
    };
    let lent = temporary(ann.clone()).await.expect("a temporary key");
    assert_eq!(world.run(&lent, "bank", "SELECT * FROM Own").await, "ok");
    assert!(temporary(lent.clone()).await.expect_err("no more of it").2.contains("cannot make another one"));
    let changed =
        Credentials { session_token: lent.session_token.as_deref().map(with_another_start), ..lent.clone() };
    let refused = |by: Credentials| {
        let world = &world;
        async move { world.session(&by, "bank").await.expect_err("refused").1 }
    };
    assert_eq!(refused(changed).await, "UnrecognizedClientException");
    let without = Credentials { session_token: None, ..lent.clone() };
    assert_eq!(refused(without).await, "UnrecognizedClientException");
    let other_secret = Credentials { secret_access_key: "x".to_owned(), ..lent.clone() };
    assert_eq!(refused(other_secret).await, "InvalidSignatureException");

    let enable = |enabled| IdentityRequest::EnableUser { user_name: "ann".to_owned(), enabled };
    world.administer(&enable(false)).await;
    assert_eq!(refused(lent.clone()).await, "UnrecognizedClientException");
    world.administer(&enable(true)).await;
    assert!(world.session(&lent, "bank").await.is_ok());
    let rotate = IdentityRequest::RotateKey { user_name: "ann".to_owned(), keep_last: true };
    let ann = credentials(world.administer(&rotate).await);
    assert!(world.session(&lent, "bank").await.is_ok(), "its maker is still valid");
    let rotate = IdentityRequest::RotateKey { user_name: "ann".to_owned(), keep_last: false };
    let new = credentials(world.administer(&rotate).await);
    assert_eq!(refused(lent).await, "UnrecognizedClientException");
    assert_eq!(refused(ann).await, "UnrecognizedClientException");

    let lent = temporary(new.clone()).await.expect("a temporary key");
    world.clock.advance(899_000);
    assert!(world.session(&lent, "bank").await.is_ok());
    world.clock.advance(1000);
    assert_eq!(refused(lent).await, "ExpiredTokenException");
    let lent = temporary(new.clone()).await.expect("a temporary key");
    world.administer(&IdentityRequest::RemoveUser { user_name: "ann".to_owned() }).await;
    assert_eq!(refused(lent).await, "UnrecognizedClientException");
    assert_eq!(refused(new).await, "UnrecognizedClientException");
    // A new user of the old name is another one.
    let request = IdentityRequest::AddUser {
        user_name: "ann".to_owned(),
        groups: Vec::new(),
        policies: vec!["ann".to_owned()],
        tags: Default::default(),
    };
    let again = credentials(world.administer(&request).await);
    assert!(world.session(&again, "bank").await.is_ok());
}

#[tokio::test]
async fn groups_tags_and_addresses_decide_too() {
    let world = world();
    world.prepare("bank", "ALLOW_ALL", &[]).await;
    let conditions = json!({
        "StringEquals": {"aws:PrincipalTag/team": "blue"},
        "IpAddress": {"aws:SourceIp": "203.0.113.0/24"},
    });
    let statement = json!({
        "Effect": "Allow", "Action": "qldb:SendCommand", "Resource": arn("bank"), "Condition": conditions,
    });
    world.policy("office", json!([statement])).await;
    world.administer(&IdentityRequest::AddGroup { group_name: "tellers".to_owned() }).await;
    let attach = IdentityRequest::SetAttached {
        policy_name: "office".to_owned(),
        to: PolicyOwner::Group("tellers".to_owned()),
        attached: true,
    };
    world.administer(&attach).await;
    let request = IdentityRequest::AddUser {
        user_name: "ann".to_owned(),
        groups: vec!["tellers".to_owned()],
        policies: Vec::new(),
        tags: [("Team".to_owned(), "blue".to_owned())].into(),
    };
    let ann = credentials(world.administer(&request).await);
    let status = |sender: &'static str, forwarded: &'static [&'static str]| {
        let (world, ann) = (&world, &ann);
        async move {
            let body = br#"{"StartSession": {"LedgerName": "bank"}}"#;
            let mut headers = vec![("X-Amz-Target", SEND.to_owned())];
            headers = world.sign(ann, "POST", "/", headers, body);
            headers.extend(forwarded.iter().map(|value| ("X-Forwarded-For", (*value).to_owned())));
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let request = Request { method: "POST", path: "/", query: "", headers: &headers, body };
            let sender = Client::at(sender.parse().expect("an address"));
            let admitted = world.service.admit(&request, sender).expect("admitted");
            let caller = world.service.verify(admitted, &request).expect("signed");
            world.service.answer(&caller, request).await.status
        }
    };
    assert_eq!(status("203.0.113.7", &[]).await, 200);
    assert_eq!(status("203.0.114.7", &[]).await, 403);
    assert_eq!(status("203.0.114.7", &["203.0.113.7"]).await, 403, "nobody believes him");
    assert_eq!(status("10.1.1.1", &["203.0.113.7"]).await, 200, "the proxy is trusted");
    assert_eq!(
        status("10.1.1.1", &["203.0.113.7, 198.51.100.1"]).await,
        403,
        "the first part may be made up"
    );
    assert_eq!(status("10.1.1.1", &["198.51.100.1, 203.0.113.7, 10.2.2.2"]).await, 200, "a chain of proxies");
    assert_eq!(status("10.1.1.1", &["198.51.100.1", "203.0.113.7"]).await, 200, "two headers are one list");
    assert_eq!(status("10.1.1.1", &["nonsense"]).await, 403);
    world
        .administer(&IdentityRequest::TagUser { user_name: "ann".to_owned(), tags: Default::default() })
        .await;
    assert_eq!(status("203.0.113.7", &[]).await, 403, "the tag is gone");
}

#[tokio::test]
async fn only_who_may_manages_users_and_the_ledger_of_users_is_nobody_s() {
    let world = world();
    let user = world.user("ann", json!([allow(&["qldb:*"], &["*".to_owned()])])).await;
    for request in [
        IdentityRequest::ListUsers {},
        IdentityRequest::RemoveUser { user_name: "admin".to_owned() },
        IdentityRequest::RotateKey { user_name: "admin".to_owned(), keep_last: true },
    ] {
        let (status, name, _) = error(&world.post(&user, ADMINISTER, &request.to_json()).await);
        assert_eq!((status, name.as_str()), (403, "AccessDeniedException"), "qldb:* is not enough");
    }
    for by in [&user, &world.administrator] {
        let name = "everstrand-identity";
        assert_eq!(world.session(by, name).await.expect_err("reserved").0, 403);
        for (method, path) in [
            ("GET", "/ledgers/everstrand-identity"),
            ("DELETE", "/ledgers/everstrand-identity"),
            ("POST", "/ledgers/everstrand-identity/digest"),
        ] {
            assert_eq!(world.control(by, method, path, "").await.status, 403, "{method} {path}");
        }
        let listed = world.control(by, "GET", "/ledgers", "").await;
        assert!(!String::from_utf8_lossy(&listed.body).contains(name));
    }
    let bad = IdentityRequest::PutPolicy {
        policy_name: "bad".to_owned(),
        document: r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#.to_owned(),
    };
    let (status, _, message) = error(&world.post(&world.administrator, ADMINISTER, &bad.to_json()).await);
    assert_eq!(status, 400);
    assert!(message.contains("statement 1: Action: \"s3:*\" is of another service"), "{message}");
    let check = IdentityRequest::CheckPolicy {
        user_name: "ann".to_owned(),
        action: "qldb:sendcommand".to_owned(),
        resource: arn("bank"),
        source_ip: None,
        purge: None,
    };
    let IdentityReply::Checked { allowed, explanation } = world.administer(&check).await else { panic!() };
    assert!(allowed && explanation.contains("statement 1 of the policy ann"), "{explanation}");
    assert!(world.service.create_users("second", None).is_err(), "there is an administrator already");
}

#[tokio::test]
async fn a_presigned_request_is_refused_with_the_reason() {
    let world = world();
    let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Signature=00";
    let request = Request { method: "POST", path: "/", query, headers: &[], body: b"{}" };
    let (status, name, message) = error(&world.service.handle(request).await);
    assert_eq!((status, name.as_str()), (403, "MissingAuthenticationTokenException"));
    assert!(message.contains("in the header Authorization only"), "{message}");
}

#[test]
fn users_outlive_a_restart_under_their_key_and_under_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = MasterKey::random();
    let open = |users_key: Option<MasterKey>| {
        let mut config = Config::new(Storage::Folder(folder.path().to_owned()));
        config.users_key = users_key;
        Service::open(config)
    };
    let service = open(Some(key.clone())).expect("a service");
    assert!(!service.has_users());
    let given = Some(("ADMIN".to_owned(), "a secret of the operator".to_owned()));
    service.create_users("admin", given).expect("an administrator");
    service.close();
    drop(service);

    let service = open(Some(key)).expect("a service");
    let IdentityReply::Users { users } = service.administer(&IdentityRequest::ListUsers {}).expect("users")
    else {
        panic!()
    };
    assert_eq!(users[0].access_key_ids, ["ADMIN"]);
    service.close();
    drop(service);
    let wrong = open(Some(MasterKey::random())).err().expect("the wrong key");
    assert!(wrong.to_string().contains("cannot be opened: is this the key of these users?"), "{wrong}");
    let locked = open(None).expect("commands that need no users");
    assert!(locked.check_users().expect_err("no key").contains("--users-key"));
    let request = Request { method: "GET", path: "/ledgers", query: "", headers: &[], body: b"" };
    let refused =
        locked.admit(&request, Client::at([127, 0, 0, 1].into())).err().expect("nobody is answered");
    assert_eq!(refused.exception.http_status(), 503);
    locked.close();
    // No file of the folder shows the secret.
    let mut folders = vec![folder.path().to_owned()];
    while let Some(path) = folders.pop() {
        for entry in std::fs::read_dir(path).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("a file");
                let found = bytes.windows(24).any(|window| window == b"a secret of the operator");
                assert!(!found, "{} holds the secret", path.display());
            }
        }
    }
}

/// Two servers over one store share their users. One that could not read them for five seconds answers no user.
#[test]
fn servers_over_one_store_share_users_and_refuse_them_when_they_cannot_read() {
    let store = Arc::new(MemoryStore::new());
    let key = MasterKey::random();
    let open = |seed: u64| {
        let store = Arc::clone(&store) as _;
        let mut config = Config::new(Storage::Shared { store, cache: None });
        config.users_key = Some(key.clone());
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let environment = Environment { clock: clock.clone(), ids: Arc::new(SeededIds::new(seed)) };
        (Service::open_in(config, environment).expect("a service"), clock)
    };
    let (first, _) = open(1);
    let administrator = credentials(first.create_users("admin", None).expect("an administrator"));
    let (second, clock) = open(2);
    let asked = |by: &Credentials| {
        let parts =
            SignedParts { method: "GET", path: "/ledgers", query: "", headers: &[("Host", "h")], body: b"" };
        let now = everstrand_ledger::Clock::unix_millis(&*clock).div_euclid(1000);
        let mut headers = vec![("Host", "h".to_owned())];
        headers.extend(Signer::new(by.clone(), "eu-central-1").sign(&parts, AmzDate::from_unix_seconds(now)));
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = Request { method: "GET", path: "/ledgers", query: "", headers: &headers, body: b"" };
        let admitted = second.admit(&request, Client::at([127, 0, 0, 1].into()));
        admitted.map(drop).map_err(|error| error.exception.name().to_owned())
    };
    assert_eq!(asked(&administrator), Ok(()));
    let add = IdentityRequest::AddUser {
        user_name: "ann".to_owned(),
        groups: Vec::new(),
        policies: Vec::new(),
        tags: Default::default(),
    };
    let ann = credentials(first.administer(&add).expect("a user"));
    assert_eq!(asked(&ann), Err("UnrecognizedClientException".to_owned()), "it has not read her yet");
    // Whether what `wanted` says becomes true, while the background work runs as in a server.
    let becomes = |wanted: &dyn Fn() -> bool| {
        let mut tries = (0..500).map(|_| {
            second.sweep();
            std::thread::sleep(std::time::Duration::from_millis(10));
            wanted()
        });
        tries.any(|is_so| is_so)
    };
    assert!(becomes(&|| asked(&ann) == Ok(())), "it reads again");
    first.administer(&IdentityRequest::RemoveUser { user_name: "ann".to_owned() }).expect("removed");
    assert!(becomes(&|| asked(&ann).is_err()), "it reads again");

    clock.advance(5000);
    assert_eq!(asked(&administrator), Ok(()), "read five seconds ago");
    clock.advance(1);
    assert_eq!(asked(&administrator), Err("ServiceUnavailable".to_owned()), "read too long ago");
    assert!(becomes(&|| asked(&administrator) == Ok(())), "it has read again");
}
