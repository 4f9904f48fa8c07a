//! Sessions and transactions: the commit digest, and the order of commands.

use std::sync::Arc;

use everstrand_driver::{
    Command, CommitTransactionResult, Error, Exception, Hash, QldbSession, Reply, StartTransactionResult,
    Transport, TransportError, Value,
};
use everstrand_driver::{SendCommandRequest, SendCommandResponse};
use everstrand_testkit::scripted::{Answer, ScriptedTransport};

async fn session() -> (Arc<ScriptedTransport>, QldbSession<ScriptedTransport>) {
    let transport = Arc::new(ScriptedTransport::new());
    let session = QldbSession::start("my-ledger", Arc::clone(&transport)).await.unwrap();
    (transport, session)
}

fn with_id(id: &str) -> Answer {
    Answer::reply(Reply::StartTransaction(StartTransactionResult {
        transaction_id: id.into(),
        timing_information: None,
        other: Default::default(),
    }))
}

fn ion(text: &str) -> Value {
    everstrand_ion::text::read_one(text).unwrap()
}

/// Commit digests that pyqldb 3.2.4 and the Node.js driver 3.1.0 sent.
#[tokio::test]
async fn the_digest_is_the_official_drivers() {
    let tables = "SELECT VALUE name FROM information_schema.user_tables WHERE status = 'ACTIVE'";
    let insert = ("INSERT INTO People ?", vec![ion("{name:\"Ann\",age:42}")]);
    let select = (
        "SELECT * FROM People WHERE age = ? AND name IN (?, ?)",
        vec![ion("42"), ion("\"Ann\""), ion("\"Bob\"")],
    );
    let all = [
        "null",
        "null.struct",
        "annotation::0.1",
        "0.2e0",
        "2016-12-20T05:23:43.000000-00:00",
        "{{aGVsbG8=}}",
        "{{\"clob\"}}",
        "(cons 1 2)",
        "[1,2]",
        "abc",
        "{b:2,a:[1,{c:true}]}",
        "-7",
        "1.10",
    ];
    type Said<'a> = Vec<(&'a str, Vec<Value>)>;
    let cases: Vec<(&str, Said<'_>, &str)> = vec![
        ("Dl1CXmwIOkQ8Vv9bBGIXV3", vec![], "F1NIRQ08OVWVLOG8MPj0mMSq28Qi2KjGTXUcgslurAc="),
        ("Dl1CXmwIOkQ8Vv9bBGIXV3", vec![(tables, vec![])], "eT29FXcHCkWDFK1SK6C6h8SXP1gz/tPJBCRXH1FiOn8="),
        ("Dl1CXmwIOkQ8Vv9bBGIXV3", vec![insert.clone()], "5PJQ9QWYR8Pm+7dbE5CrpnnBEFVM+wMfo0T0ITZ98L8="),
        (
            "Dl1CXmwIOkQ8Vv9bBGIXV3",
            vec![insert.clone(), select.clone()],
            "pVA0NEmClDbx7gGaC0+3uPxrPmX3/q06wq6sq3L1NKQ=",
        ),
        ("Dl1CXmwIOkQ8Vv9bBGIXV3", vec![select, insert], "puw4IySxFgPESFkDD1ocjdGqjBJRvZOPvJZ3ljG9Kfo="),
        (
            "KWBzGfCGeAoAeb8hZBRv1V",
            all.iter().map(|text| ("X ?", vec![ion(text)])).collect(),
            "D3oUPGe7XHfH0joI8MS9lj0wMYq/DqVJg7CWEmeZ2SU=",
        ),
        (
            "KWBzGfCGeAoAeb8hZBRv1V",
            vec![("SELECT 'żółw ☃ 🔒' FROM \"T\"", vec![])],
            "9n8sjeqhG/97uVkKCo80NW3OzfTX6jmzTXBAPxu9VOU=",
        ),
        (
            "HgXAkLjAtV0HQ4lNYdzX60",
            vec![("nullvals", vec![])],
            "s1ZhWK8N4M8xWuCP625xqPpdBCBDB9JS5NvyeLO/CkE=",
        ),
    ];
    for (id, said, digest) in cases {
        let (transport, mut session) = session().await;
        transport.on("StartTransaction", with_id(id));
        let transaction = session.start_transaction().await.unwrap();
        for (statement, parameters) in said {
            transaction.execute(statement, parameters).await.unwrap();
        }
        let expected = Hash::from_base64(digest).unwrap();
        assert_eq!(transaction.commit_digest().await, expected);
        transaction.commit().await.unwrap();
        let sent = transport.sent();
        let Command::CommitTransaction { commit_digest, .. } = &sent.last().unwrap().command else {
            panic!()
        };
        assert_eq!(commit_digest, expected.as_bytes());
    }
}

/// The vector of a transaction that went on after a statement had failed.
#[tokio::test]
async fn a_failed_statement_counts_in_the_digest_and_leaves_the_transaction_open() {
    let (transport, mut session) = session().await;
    transport.on("StartTransaction", with_id("HgXAkLjAtV0HQ4lNYdzX60"));
    transport.on("ExecuteStatement", Answer::fails(Exception::BadRequest, "x"));
    let transaction = session.start_transaction().await.unwrap();
    let error = transaction.execute("ERR |400|BadRequestException|x", ()).await.unwrap_err();
    assert!(error.is_bad_request());
    transaction.execute("INSERT INTO T ?", ion("{a:1,b:\"x\"}")).await.unwrap();
    let result = transaction.commit().await.unwrap();
    let expected = Hash::from_base64("bAUp5x7XXZDOMVIM5FfBSChAfCE1IARLJuBdqD2bj+U=").unwrap();
    assert_eq!(result.commit_digest, expected);
}

/// A statement that was never sent does not count, because the service does not know it.
#[tokio::test]
async fn a_statement_that_was_not_sent_can_be_sent_again() {
    for (answer, counts) in [(Answer::NotSent, false), (Answer::Lost, true)] {
        let (transport, mut session) = session().await;
        transport.on("ExecuteStatement", answer);
        let transaction = session.start_transaction().await.unwrap();
        let before = transaction.commit_digest().await;
        transaction.execute("INSERT INTO t ?", 1).await.unwrap_err();
        assert_eq!(transaction.commit_digest().await != before, counts);
    }
}

#[tokio::test]
async fn an_answer_with_another_digest_or_id_is_an_error() {
    for (id, digest) in [("0000000000000000000001", vec![0; 32]), ("another", vec![])] {
        let (transport, mut session) = session().await;
        let result = CommitTransactionResult {
            transaction_id: id.into(),
            commit_digest: digest,
            timing_information: None,
            consumed_ios: None,
            other: Default::default(),
        };
        transport.on("CommitTransaction", Answer::reply(Reply::CommitTransaction(result)));
        let transaction = session.start_transaction().await.unwrap();
        let error = transaction.commit().await.unwrap_err();
        assert!(matches!(error, Error::CommitDigestMismatch { .. }) && !error.is_retriable());
    }
}

/// The compiler refuses commands after a commit. After a statement whose future was dropped, the client does: nobody knows
/// whether the service ran it.
#[tokio::test]
async fn what_is_over_takes_no_commands() {
    let (transport, mut session) = session().await;
    let transaction = session.start_transaction().await.unwrap();
    let sent = transport.sent().len();
    transport.on("ExecuteStatement", Answer::Never);
    let statement = transaction.execute("SELECT 1", ());
    assert!(tokio::time::timeout(std::time::Duration::from_millis(5), statement).await.is_err());
    let id = transaction.id().to_owned();
    let error = transaction.execute("SELECT 1", ()).await.map(drop).unwrap_err();
    assert!(matches!(error, Error::TransactionOver { .. }), "{error}");
    let error = transaction.commit().await.map(drop).unwrap_err();
    assert!(matches!(error, Error::TransactionOver { .. }), "{error}");
    assert_eq!(error.transaction_id(), Some(&*id));
    assert_eq!(transport.sent().len(), sent + 1);
    // The service may have an open transaction, which is aborted before the next one.
    session.start_transaction().await.unwrap().commit().await.unwrap();
    assert_eq!(
        transport.commands()[sent + 1..],
        ["AbortTransaction", "StartTransaction", "CommitTransaction"]
    );
}

#[tokio::test]
async fn one_transaction_at_a_time_and_abandoned_ones_are_aborted() {
    let (transport, mut session) = session().await;
    let transaction = session.start_transaction().await.unwrap();
    let error = session.start_transaction().await.unwrap_err();
    assert!(matches!(error, Error::TransactionInProgress { .. }), "{error}");
    drop(transaction);
    let transaction = session.start_transaction().await.unwrap();
    transaction.abort().await.unwrap();
    let _open = session.start_transaction().await.unwrap();
    session.close().await;
    assert_eq!(
        transport.commands(),
        [
            "StartSession",
            "StartTransaction",
            "AbortTransaction",
            "StartTransaction",
            "AbortTransaction",
            "StartTransaction",
            "EndSession"
        ]
    );
}

/// The service may have an open transaction that this client does not know. It is aborted, because the service might refuse
/// another one.
#[tokio::test]
async fn what_may_be_open_is_aborted_before_the_next_transaction() {
    for (lost, abort) in [("StartTransaction", 2), ("CommitTransaction", 3), ("AbortTransaction", 3)] {
        let (transport, mut session) = session().await;
        transport.on(lost, Answer::Lost);
        match (lost, session.start_transaction().await) {
            ("StartTransaction", started) => drop(started.unwrap_err()),
            ("CommitTransaction", started) => drop(started.unwrap().commit().await.unwrap_err()),
            (_, started) => drop(started.unwrap().abort().await.unwrap_err()),
        }
        session.start_transaction().await.unwrap().commit().await.unwrap();
        let _open = session.start_transaction().await.unwrap();
        assert_eq!(
            transport.commands()[abort..],
            ["AbortTransaction", "StartTransaction", "CommitTransaction", "StartTransaction"],
            "{lost}"
        );
    }
}

#[tokio::test]
async fn one_statement_alone() {
    let (transport, mut session) = session().await;
    transport.on("ExecuteStatement", crate::first_page([1], Some("more")));
    transport.on("FetchPage", crate::further_page([2], None));
    let rows = session.execute("SELECT VALUE a FROM t WHERE b = ?", 1).await.unwrap();
    assert_eq!(rows.len(), 2);
    transport.on("ExecuteStatement", Answer::fails(Exception::BadRequest, "x"));
    session.execute("nonsense", ()).await.unwrap_err();
    session.execute("SELECT VALUE a FROM t", ()).await.unwrap();
    assert_eq!(
        transport.commands()[1..].join(" "),
        "StartTransaction ExecuteStatement FetchPage CommitTransaction StartTransaction ExecuteStatement \
         AbortTransaction StartTransaction ExecuteStatement CommitTransaction"
    );
}

/// Statements that run at the same time are sent one after the other, in the order of the commit digest.
#[tokio::test(flavor = "multi_thread")]
async fn statements_at_once_keep_the_order_of_the_digest() {
    struct Slow(ScriptedTransport, tokio::sync::Semaphore);
    impl Transport for Slow {
        async fn send_command(
            &self,
            request: SendCommandRequest,
        ) -> Result<SendCommandResponse, TransportError> {
            let _alone = self.1.try_acquire().expect("one command at a time");
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            self.0.send_command(request).await
        }
    }
    let transport = Arc::new(Slow(ScriptedTransport::new(), tokio::sync::Semaphore::new(1)));
    let mut session = QldbSession::start("l", Arc::clone(&transport)).await.unwrap();
    let transaction = Arc::new(session.start_transaction().await.unwrap());
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let transaction = transaction.clone();
            tokio::spawn(
                async move { transaction.execute(&format!("statement {number}"), ()).await.map(drop) },
            )
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let committed = Arc::into_inner(transaction).unwrap().commit().await.unwrap();
    let mut expected = everstrand_driver::CommitDigest::from_text(&committed.transaction_id);
    for request in transport.0.sent() {
        if let Command::ExecuteStatement { statement, .. } = request.command {
            expected.add(everstrand_journal::statement_digest(&statement, &[]));
        }
    }
    assert_eq!(committed.commit_digest, expected.value());
}
