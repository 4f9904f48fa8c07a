//! What administrators are kept from, keys that are sealed again, and the bound of voids.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// Nobody can take the last administrator away while the server runs, not the administrator either. Offline it can be forced. Which
/// changes count stands in the table of `crates/server/src/identity/administrators.rs`.
#[tokio::test]
async fn the_last_administrator_stays_unless_somebody_forces_it_offline() {
    let world = world();
    let user_name = || "admin".to_owned();
    for request in [
        IdentityRequest::RemoveUser { user_name: user_name() },
        IdentityRequest::EnableUser { user_name: user_name(), enabled: false },
        IdentityRequest::SetAttached {
            policy_name: "administrator".to_owned(),
            to: PolicyOwner::User(user_name()),
            attached: false,
        },
    ] {
        let refused = error(&world.post(&world.administrator, ADMINISTER, &request.to_json()).await);
        assert_eq!((refused.0, refused.1.as_str()), (409, "ResourceInUseException"), "{request:?}");
        assert!(refused.2.contains("Give another enabled user a policy"), "{}", refused.2);
        world.service.administer(&request).expect_err("nor in this process without force");
    }
    world.administer(&IdentityRequest::ListUsers {}).await;
    let second = world.user("second", json!([allow(&["everstrand:*"], &["*".to_owned()])])).await;
    let remove = IdentityRequest::RemoveUser { user_name: user_name() };
    assert_eq!(world.post(&second, ADMINISTER, &remove.to_json()).await.status, 200, "there is another one");
    let remove = IdentityRequest::RemoveUser { user_name: "second".to_owned() };
    assert_eq!(world.post(&second, ADMINISTER, &remove.to_json()).await.status, 409);
    world.service.administer_without_guard(&remove).expect("forced");
}

/// The secrets of users are sealed again under another key, also after an attempt that ended half-way, and temporary keys end.
#[test]
fn secrets_are_sealed_under_another_key_and_users_keep_theirs() {
    let folder = tempfile::tempdir().expect("a folder");
    let (old, new, third) = (MasterKey::random(), MasterKey::random(), MasterKey::random());
    let open = |users_key: Option<&MasterKey>| {
        let mut config = Config::new(Storage::Folder(folder.path().to_owned()));
        config.users_key = users_key.cloned();
        Service::open(config)
    };
    let close = |service: Service| service.close();
    let service = open(Some(&old)).expect("a service");
    assert_eq!(service.seal_users_again(&old, &new), Ok(0), "there are no users");
    service
        .create_users("admin", Some(("ADMIN".to_owned(), "a secret of the operator".to_owned())))
        .expect("made");
    let ann = IdentityRequest::AddUser {
        user_name: "ann".to_owned(),
        groups: Vec::new(),
        policies: Vec::new(),
        tags: Default::default(),
    };
    service.administer(&ann).expect("a user");
    close(service);

    let service = open(None).expect("without the key, as the command does");
    let wrong = service.seal_users_again(&third, &new).expect_err("neither key is theirs");
    assert!(wrong.contains("sealed under neither of the two keys"), "{wrong}");
    assert_eq!(service.seal_users_again(&old, &new), Ok(2));
    assert_eq!(
        service.seal_users_again(&old, &new),
        Ok(2),
        "once more, after a crash before the file was renamed"
    );
    close(service);
    assert!(open(Some(&old)).err().expect("the old key").to_string().contains("cannot be opened"));
    let service = open(Some(&new)).expect("the new key");
    let IdentityReply::Users { users } = service.administer(&IdentityRequest::ListUsers {}).expect("users")
    else {
        panic!()
    };
    assert_eq!(users.len(), 2);
    // The secret is the same one: a request that is signed with it is admitted.
    let by = Credentials {
        access_key_id: "ADMIN".to_owned(),
        secret_access_key: "a secret of the operator".to_owned(),
        session_token: None,
    };
    let parts = SignedParts {
        method: "GET",
        path: "/ledgers",
        query: "",
        headers: &[("Host", "localhost")],
        body: b"",
    };
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let date = AmzDate::from_unix_seconds(i64::try_from(now).expect("small"));
    let signed = Signer::new(by, "eu-central-1").sign(&parts, date);
    let mut headers = vec![("Host", "localhost")];
    headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
    let request = Request { method: "GET", path: "/ledgers", query: "", headers: &headers, body: b"" };
    let admission = service.admit(&request, Client::InProcess).expect("admitted");
    service.verify(admission, &request).expect("verified");
    close(service);
}

/// A question that may take a void takes a place in the journal for ever, so a user may ask ten in a second. What is known is answered
/// always, and a commit stays open instead of being refused.
#[tokio::test]
async fn a_user_may_have_ten_transactions_voided_in_a_second() {
    let world = world_of(Config::new(Storage::Shared { store: Arc::new(MemoryStore::new()), cache: None }));
    world.prepare("bank", "ALLOW_ALL", &[]).await;
    let ann = world.user("ann", json!([allow(&["qldb:SendCommand"], &[arn("bank")])])).await;
    let bob = world.user("bob", json!([allow(&["qldb:SendCommand"], &[arn("bank")])])).await;
    let sessions =
        [world.session(&ann, "bank").await.expect("hers"), world.session(&bob, "bank").await.expect("his")];
    // Nobody has begun these; whoever knows the ledger can make such ids.
    let id = |number: u8| everstrand_journal::UniqueId::from_bytes([number; 16]).to_string();
    let ask = async |by: &Credentials, session: &str, number: u8| {
        let asked = json!({ "SessionToken": session, "TransactionId": id(number) }).to_string();
        world.post(by, OUTCOME, asked.as_bytes()).await
    };
    for number in 1..=10 {
        assert_eq!(json(&ask(&ann, &sessions[0], number).await)["Outcome"], "NEVER", "{number}");
    }
    let (status, name, message) = error(&ask(&ann, &sessions[0], 11).await);
    assert_eq!((status, name.as_str()), (503, "RateExceededException"), "{message}");
    assert_eq!(json(&ask(&ann, &sessions[0], 10).await)["Outcome"], "NEVER", "it is known");
    let commit = json!({ "TransactionId": id(12), "CommitDigest": STANDARD.encode([0; 32]) });
    world.command(&ann, json!({ "SessionToken": sessions[0], "EndSession": {} })).await.expect("an end");
    let commit = json!({ "SessionToken": sessions[0], "CommitTransaction": commit });
    let (_, name, message) = world.command(&ann, commit.clone()).await.expect_err("not now");
    assert_eq!(name, "CommitOutcomeUnknownException", "{message}");
    assert_eq!(json(&ask(&bob, &sessions[1], 13).await)["Outcome"], "NEVER", "another user");
    world.clock.advance(100);
    assert_eq!(world.command(&ann, commit).await.expect_err("void").1, "OccConflictException");
    assert_eq!(ask(&ann, &sessions[0], 14).await.status, 503, "the next one comes after another tenth");
}
