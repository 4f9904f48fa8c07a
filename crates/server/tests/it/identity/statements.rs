//! What each statement needs in a ledger with the permissions mode `STANDARD`.

use super::*;

/// Statements on the tables Own (documents with a unique key k) and Other, with the actions on Own that each needs. The user may send
/// commands and nothing else. `*` stands for table/*, `catalog` for the catalog.
const NEEDS: &[(&str, &[&str])] = &[
    ("SELECT * FROM Own", &["PartiQLSelect"]),
    ("SELECT o.k FROM Own AS o WHERE o.k = 1", &["PartiQLSelect"]),
    ("SELECT 1 AS one FROM Own AS o, Own AS p WHERE o.k = p.k", &["PartiQLSelect"]),
    ("SELECT VALUE (SELECT VALUE o.k FROM Own AS o) FROM << 1 >> AS x", &["PartiQLSelect"]),
    ("SELECT x FROM << 1 >> AS x WHERE EXISTS (SELECT 1 FROM Own)", &["PartiQLSelect"]),
    ("WITH w AS (SELECT * FROM Own) SELECT * FROM w", &["PartiQLSelect"]),
    ("SELECT k FROM Own UNION SELECT k FROM Own", &["PartiQLSelect"]),
    ("EXPLAIN SELECT * FROM Own", &["PartiQLSelect"]),
    ("EXPLAIN ANALYZE SELECT * FROM Own", &["PartiQLSelect"]),
    ("SELECT * FROM _ql_committed_Own", &["PartiQLSelect"]),
    ("SELECT * FROM history(Own)", &["PartiQLSelect", "PartiQLHistoryFunction"]),
    ("SELECT * FROM Own AS OF 1", &["PartiQLSelect", "PartiQLHistoryFunction"]),
    ("SELECT * FROM _ql_committed_Own AS OF 2", &["PartiQLSelect", "PartiQLHistoryFunction"]),
    ("SELECT * FROM DIFF(Own, AS OF 1)", &["PartiQLSelect", "PartiQLHistoryFunction"]),
    ("INSERT INTO Own VALUE {'k': 9}", &["PartiQLInsert"]),
    ("INSERT INTO Own << {'k': 9}, {'k': 10} >>", &["PartiQLInsert"]),
    ("EXPLAIN INSERT INTO Own VALUE {'k': 9}", &["PartiQLInsert"]),
    ("INSERT INTO Own VALUE {'k': 1} ON CONFLICT DO NOTHING", &["PartiQLInsert"]),
    (
        "INSERT INTO Own VALUE {'k': 1} ON CONFLICT DO REPLACE",
        &["PartiQLInsert", "PartiQLUpdate", "PartiQLSelect"],
    ),
    ("INSERT INTO Own SELECT 7 AS k FROM Own AS o LIMIT 1", &["PartiQLInsert", "PartiQLSelect"]),
    ("UPDATE Own SET a = 1", &["PartiQLUpdate", "PartiQLSelect"]),
    ("UPDATE Own AS o SET o.a = 1 WHERE o.k = 77", &["PartiQLUpdate", "PartiQLSelect"]),
    ("FROM Own AS o WHERE o.k = 1 SET o.a = 1", &["PartiQLUpdate", "PartiQLSelect"]),
    ("FROM Own AS o WHERE o.k = 1 REMOVE o.a", &["PartiQLUpdate", "PartiQLSelect"]),
    ("FROM Own AS o WHERE o.k = 1 INSERT INTO o VALUE 1 AT 'b'", &["PartiQLUpdate", "PartiQLSelect"]),
    ("DELETE FROM Own AS o WHERE o.k = 77", &["PartiQLDelete", "PartiQLSelect"]),
    ("CREATE INDEX ON Own (b)", &["PartiQLCreateIndex"]),
    ("CREATE INDEX fresh ON Own (b)", &["PartiQLCreateIndex"]),
    ("DROP INDEX named ON Own", &["PartiQLDropIndex"]),
    ("DROP INDEX named", &["PartiQLDropIndex"]),
    ("DROP TABLE Own", &["PartiQLDropTable"]),
    ("CREATE TABLE Fresh", &["*PartiQLCreateTable"]),
    ("CREATE TABLE Fresh WITH (aws_tags = {'a': 'b'})", &["*PartiQLCreateTable", "*TagResource"]),
    ("SELECT * FROM information_schema.user_tables", &["catalogPartiQLSelect"]),
];

#[tokio::test]
async fn each_statement_needs_its_actions_and_each_of_them() {
    let world = world();
    let ids = bank(&world).await;
    let user = world.user("teller", grant(&[], "none")).await;
    for (statement, needs) in NEEDS {
        world.policy("teller", grant(needs, &ids[0])).await;
        assert_eq!(world.run(&user, "bank", statement).await, "ok", "{statement} with {needs:?}");
        for missing in *needs {
            let others: Vec<&str> = needs.iter().copied().filter(|need| need != missing).collect();
            world.policy("teller", grant(&others, &ids[0])).await;
            let message = world.run(&user, "bank", statement).await;
            let hidden =
                message == DENIED || message.contains("There is no index with id named on any table");
            assert!(hidden, "{statement} without {missing}: {message}");
        }
    }
    // The same rights on another table are of no use.
    for (statement, needs) in NEEDS.iter().filter(|(statement, _)| statement.contains("Own")) {
        world.policy("teller", grant(needs, &ids[3])).await;
        let message = world.run(&user, "bank", statement).await;
        assert_ne!(message, "ok", "{statement} with rights on another table");
    }
}

#[tokio::test]
async fn a_forbidden_table_and_a_missing_one_are_answered_alike() {
    let world = world();
    let ids = bank(&world).await;
    let (own, other, dropped) = (&ids[0], &ids[3], &ids[4]);
    let everything_on_own = [
        "PartiQLSelect",
        "PartiQLInsert",
        "PartiQLUpdate",
        "PartiQLDelete",
        "PartiQLHistoryFunction",
        "PartiQLDropTable",
        "PartiQLUndropTable",
        "PartiQLCreateIndex",
        "PartiQLDropIndex",
        "PartiQLRedact",
    ];
    let user = world.user("teller", grant(&everything_on_own, own)).await;
    let nobody = "0".repeat(21) + "1";
    for statement in [
        "SELECT * FROM {}",
        "SELECT * FROM _ql_committed_{}",
        "SELECT * FROM history({})",
        "SELECT * FROM {} AS OF 4",
        "SELECT * FROM DIFF({}, AS OF 1)",
        "SELECT * FROM Own AS o, {} AS p",
        "SELECT * FROM Own AS o WHERE o.k IN (SELECT VALUE p.secret FROM {} AS p)",
        "EXPLAIN SELECT * FROM {}",
        "INSERT INTO {} VALUE {'a': 1}",
        "UPDATE {} SET a = 1",
        "DELETE FROM {}",
        "DROP TABLE {}",
        "CREATE INDEX ON {} (a)",
        "SELECT {} FROM Own AS o, Own AS p",
        "SELECT * FROM Own AS o, Own AS p WHERE {} = 1",
    ] {
        let with = |name: &str| statement.replacen("{}", name, 1);
        let forbidden = world.run(&user, "bank", &with("Other")).await;
        let missing = world.run(&user, "bank", &with("Othes")).await;
        assert_eq!(forbidden, missing.replace("Othes", "Other"), "{statement}");
        assert!(forbidden == DENIED, "{statement}: {forbidden}");
    }
    for statement in ["UNDROP TABLE \"{}\"", "SELECT * FROM history('{}')"] {
        let forbidden = world.run(&user, "bank", &statement.replace("{}", dropped)).await;
        let missing = world.run(&user, "bank", &statement.replace("{}", &nobody)).await;
        assert_eq!(forbidden.replace(dropped, "ID"), missing.replace(&nobody, "ID"), "{statement}");
        assert_ne!(forbidden, "ok");
    }
    let redact = |table: &str| {
        format!("EXEC REDACT_REVISION `{{strandId: \"{nobody}\", sequenceNo: 7}}`, '{table}', '{nobody}'")
    };
    let forbidden = world.run(&user, "bank", &redact(other)).await;
    assert_eq!(
        forbidden.replace(other, "ID"),
        world.run(&user, "bank", &redact(&nobody)).await.replace(&nobody, "ID")
    );
    // A name in another case is not suggested.
    assert!(!world.run(&user, "bank", "SELECT * FROM other").await.contains("Other"));
    assert_eq!(
        world.run(&user, "bank", "DROP TABLE IF EXISTS Other").await,
        "ok",
        "for him it does not exist"
    );
    // Who may read the catalog is told what is missing.
    let mut needs = everything_on_own.to_vec();
    needs.push("catalogPartiQLSelect");
    world.policy("teller", grant(&needs, own)).await;
    assert!(world.run(&user, "bank", "SELECT * FROM Othes").await.contains("No such variable named 'Othes'"));
}

#[tokio::test]
async fn plans_are_shared_and_decisions_are_not() {
    let world = world();
    let ids = bank(&world).await;
    let user = world.user("teller", grant(&[], "none")).await;
    let statement = "SELECT * FROM Own";
    for _ in 0..3 {
        assert_eq!(world.run(&world.administrator, "bank", statement).await, "ok");
    }
    assert_eq!(world.run(&user, "bank", statement).await, DENIED);
    let session = world.session(&user, "bank").await.expect("a session");
    let transaction = world.begin(&user, &session).await;
    for allowed in [false, true, false] {
        let needs: &[&str] = if allowed { &["PartiQLSelect"] } else { &[] };
        world.policy("teller", grant(needs, &ids[0])).await;
        let ran = world.execute(&user, &session, &transaction, statement).await;
        assert_eq!(ran.is_ok(), allowed, "{ran:?}");
    }
    // Without SendCommand the open session is of no use, except to end it.
    world.policy("teller", json!([])).await;
    let (status, name, _) =
        world.execute(&user, &session, &transaction, statement).await.expect_err("denied");
    assert_eq!((status, name.as_str()), (403, "AccessDeniedException"));
    assert!(world.command(&user, json!({"SessionToken": session, "EndSession": {}})).await.is_ok());
}

#[tokio::test]
async fn in_the_mode_allow_all_send_command_suffices() {
    let world = world();
    world.prepare("open", "ALLOW_ALL", &["CREATE TABLE T", "INSERT INTO T VALUE {'a': 1}"]).await;
    let user = world.user("teller", json!([allow(&["qldb:SendCommand"], &[arn("open")])])).await;
    assert_eq!(world.run(&user, "open", "SELECT * FROM T").await, "ok");
    assert!(
        world.run(&user, "open", "SELECT * FROM Nowhere").await.contains("No such variable named 'Nowhere'")
    );
    let body = r#"{"PermissionsMode": "STANDARD"}"#;
    let changed = world.control(&world.administrator, "PATCH", "/ledgers/open/permissions-mode", body).await;
    assert_eq!(changed.status, 200);
    assert_eq!(world.run(&user, "open", "SELECT * FROM T").await, DENIED);
}
