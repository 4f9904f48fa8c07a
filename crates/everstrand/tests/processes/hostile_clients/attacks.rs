//! What a client does that wants to hurt others, or does not know better. Each attack goes on until it is dropped.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::watch::BYSTANDER;
use super::wire::{Client, Session, Wire};

/// The ledger that the attacker works on.
pub(crate) const ATTACKED: &str = "attacked";

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One attack.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// What `everstrand serve` is told besides.
    pub(crate) serve: &'static [&'static str],
    /// What it needs before.
    pub(crate) prepare: fn(Client) -> Work<io::Result<()>>,
    pub(crate) attack: fn(Client) -> Work<()>,
}

/// All of them.
pub(crate) const ATTACKS: &[&Attack] = &[
    &COMPUTED_TEXTS,
    &PATTERNS,
    &NESTED_QUERIES,
    &CROSS_JOINS,
    &CROSS_JOINS_BEGUN_AND_LEFT,
    &SHORT_STATEMENTS,
    &HALF_BODIES,
    &WHOLE_BODIES,
    &UNREAD_ANSWERS,
    &LEDGERS,
    &SESSIONS,
    &SORTED_RESULTS,
    &OPEN_WRITES,
    &PLANS,
    &UNWRITTEN_VIEWS,
];

/// Values of gigabytes out of a text of 13 MB that the statement computes itself.
const COMPUTED_TEXTS: Attack = Attack {
    name: "lists, rows and keys of a computed text",
    serve: &[],
    prepare: |attacker| Box::pin(forty_rows(attacker)),
    attack: |attacker| {
        Box::pin(again_and_again(2, attacker, |attacker| async move {
            let text = computed_text();
            let many = |item: &str| vec![item; 400].join(", ");
            let fields: Vec<String> = (0..400).map(|n| format!("'a{n}': x")).collect();
            for statement in [
                format!("SELECT VALUE SIZE(<<{}>>) FROM ({text}) AS x", many("x")),
                format!("SELECT VALUE [{}] FROM ({text}) AS x", many("x")),
                format!("SELECT VALUE {{{}}} FROM ({text}) AS x", fields.join(", ")),
                format!("SELECT VALUE 1 FROM ({text}) AS x ORDER BY {}", many("x || 'a'")),
                format!("INSERT INTO t (SELECT VALUE {{'a': [{}]}} FROM ({text}) AS x)", many("x")),
            ] {
                run_once(&attacker, &statement).await?;
            }
            Ok(())
        }))
    },
};

/// A pattern that a naive search compares at every place of long texts.
const PATTERNS: Attack = Attack {
    name: "LIKE over long texts in a strict ledger",
    serve: &["--strict"],
    prepare: |attacker| Box::pin(forty_long_texts(attacker)),
    attack: |attacker| {
        Box::pin(again_and_again(4, attacker, |attacker| async move {
            let pattern = "a".repeat(8000);
            run_once(&attacker, &format!("SELECT VALUE n FROM t WHERE p LIKE '%{pattern}b'")).await
        }))
    },
};

/// A query within a query within a query, each of which a planner might plan twice.
const NESTED_QUERIES: Attack = Attack {
    name: "queries nested 15 deep, 97 KB",
    serve: &[],
    prepare: |attacker| Box::pin(forty_rows(attacker)),
    attack: |attacker| {
        Box::pin(again_and_again(2, attacker, |attacker| async move {
            let mut query = format!("SIZE([{}])", vec!["1"; 47_000].join(","));
            for depth in 1..=15 {
                query = format!(
                    "(SELECT o.a[{query}] AS v FROM t AS y{depth} GROUP BY y{depth}.k AS k{depth} GROUP AS o)"
                );
            }
            run_once(&attacker, &format!("SELECT VALUE {query} FROM t AS y")).await
        }))
    },
};

/// 128 clients, each with a statement that would run for days.
const CROSS_JOINS: Attack = Attack {
    name: "128 cross joins",
    serve: &[],
    prepare: |attacker| Box::pin(forty_rows(attacker)),
    attack: |attacker| Box::pin(again_and_again(128, attacker, cross_join)),
};

/// Clients that give up after a moment, close their connections and try again.
const CROSS_JOINS_BEGUN_AND_LEFT: Attack = Attack {
    name: "64 clients that close their connections during cross joins",
    serve: &[],
    prepare: |attacker| Box::pin(forty_rows(attacker)),
    attack: |attacker| {
        Box::pin(again_and_again(64, attacker, |attacker| async move {
            // Dropped, the connection is closed.
            let _ = tokio::time::timeout(Duration::from_millis(500), cross_join(attacker.clone())).await;
            Ok(())
        }))
    },
};

/// Statements that are just short enough not to be long.
const SHORT_STATEMENTS: Attack = Attack {
    name: "128 clients with statements of some milliseconds",
    serve: &[],
    prepare: |attacker| Box::pin(forty_rows(attacker)),
    attack: |attacker| {
        Box::pin(again_and_again(128, attacker, |attacker| async move {
            let mut session = Session::start(&attacker, ATTACKED).await?;
            loop {
                session.run("SELECT COUNT(*) FROM t AS a, t AS b, t AS c WHERE a.n + b.n > c.n").await?;
            }
        }))
    },
};

/// Bodies that are sent almost to their end.
const HALF_BODIES: Attack = Attack {
    name: "120 connections that send 15 of 16 MiB",
    serve: &[],
    prepare: |attacker| Box::pin(forty_rows(attacker)),
    attack: |attacker| {
        Box::pin(again_and_again(120, attacker, |attacker| async move {
            let mut wire = Wire::connect(&attacker).await?;
            wire.send(attacker.command_head(b"", 16 << 20).as_bytes()).await?;
            let part = vec![b' '; 256 << 10];
            for _ in 0..60 {
                wire.send(&part).await?;
            }
            wire.answer().await.map(drop)
        }))
    },
};

/// Bodies of the greatest size, each of another kind, sent to their end again and again.
const WHOLE_BODIES: Attack = Attack {
    name: "40 clients that send whole bodies of 16 MiB",
    serve: &[],
    prepare: |attacker| Box::pin(forty_rows(attacker)),
    attack: |attacker| {
        let requests: Arc<Vec<Vec<u8>>> = Arc::new(
            whole_bodies()
                .into_iter()
                .map(|body| {
                    let head = attacker.command_head(&body, body.len());
                    [head.into_bytes(), body].concat()
                })
                .collect(),
        );
        Box::pin(again_and_again(40, attacker, move |attacker| {
            let requests = Arc::clone(&requests);
            async move {
                let mut wire = Wire::connect(&attacker).await?;
                for request in &*requests {
                    wire.send(request).await?;
                    wire.answer().await?;
                }
                Ok(())
            }
        }))
    },
};

/// Pages of 4 MiB that nobody reads.
const UNREAD_ANSWERS: Attack = Attack {
    name: "100 clients that do not read 4 MiB",
    serve: &[],
    prepare: |attacker| Box::pin(forty_long_texts(attacker)),
    attack: |attacker| {
        Box::pin(again_and_again(100, attacker, |attacker| async move {
            let mut session = Session::start(&attacker, ATTACKED).await?;
            session.begin().await?;
            let body = session.statement("SELECT * FROM t");
            session.wire.send_command(&body).await?;
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(())
        }))
    },
};

/// Ledgers that come and go, each with files of its own.
const LEDGERS: Attack = Attack {
    name: "16 clients that create and delete ledgers",
    serve: &[],
    prepare: |_| Box::pin(async { Ok(()) }),
    attack: |attacker| {
        let numbers = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        Box::pin(again_and_again(16, attacker, move |attacker| {
            let number = numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async move {
                let mut wire = Wire::connect(&attacker).await?;
                let (name, mode) = (format!("comes-and-goes-{number}"), "ALLOW_ALL");
                let create = format!(
                    "{{\"Name\":\"{name}\",\"PermissionsMode\":\"{mode}\",\"DeletionProtection\":false}}"
                );
                wire.control("POST", "/ledgers", &create).await?;
                Session::start(&attacker, &name).await?.run("CREATE TABLE t").await?;
                wire.control("DELETE", &format!("/ledgers/{name}"), "").await.map(drop)
            }
        }))
    },
};

/// All sessions of a server, and all transactions of a ledger.
const SESSIONS: Attack = Attack {
    name: "sessions and transactions without end",
    serve: &[],
    prepare: |attacker| Box::pin(forty_rows(attacker)),
    attack: |attacker| {
        Box::pin(again_and_again(8, attacker, |attacker| async move {
            for ledger in [ATTACKED, BYSTANDER] {
                let mut session = Session::start(&attacker, ledger).await?;
                for _ in 0..500 {
                    if session.begin().await.is_err() {
                        break;
                    }
                    session.another(ledger).await?;
                }
            }
            Ok(())
        }))
    },
};

/// Results that are begun and left.
const SORTED_RESULTS: Attack = Attack {
    name: "25 transactions with sorted results of 40 MiB",
    serve: &[],
    prepare: |attacker| Box::pin(forty_long_texts(attacker)),
    attack: |attacker| {
        Box::pin(again_and_again(25, attacker, |attacker| async move {
            let mut session = Session::start(&attacker, ATTACKED).await?;
            session.begin().await?;
            let ten = "<<1, 2, 3, 4, 5, 6, 7, 8, 9, 10>>";
            let sorted = format!("SELECT VALUE t.p || 'x' FROM t AS t, {ten} AS b ORDER BY b, t.n");
            let (status, answer) = session.execute(&sorted).await?;
            if status != 200 {
                return Err(io::Error::other(answer));
            }
            tokio::time::sleep(Duration::from_secs(25)).await;
            Ok(())
        }))
    },
};

/// Transactions that have written as much as they may, and are left open.
const OPEN_WRITES: Attack = Attack {
    name: "transactions of 4 MiB that are left open",
    serve: &[],
    prepare: |attacker| Box::pin(forty_rows(attacker)),
    attack: |attacker| {
        Box::pin(again_and_again(20, attacker, |attacker| async move {
            let (statement, parameters) = insert_of_4_mib();
            let mut session = Session::start(&attacker, ATTACKED).await?;
            loop {
                session.begin().await?;
                let (status, answer) = session.execute_with(&statement, &parameters).await?;
                if status != 200 {
                    return Err(io::Error::other(answer));
                }
                session.another(ATTACKED).await?;
            }
        }))
    },
};

/// How many ledgers the attacker has.
const LEDGERS_OF_ITS_OWN: usize = 15;

/// Statements that come once each, in many ledgers, as if they were to come again.
const PLANS: Attack = Attack {
    name: "500 statements of 2,000 characters in each of 15 ledgers",
    serve: &[],
    prepare: |attacker| Box::pin(ledgers_of_its_own(attacker)),
    attack: |attacker| {
        Box::pin(in_ledgers_of_its_own(attacker, |mut session| async move {
            let operands = "a,".repeat(950);
            for number in 0.. {
                session.begin().await?;
                session.execute(&format!("SELECT {number} FROM <<0>> AS a WHERE a IN ({operands}a)")).await?;
                session.commit().await?;
            }
            Ok(())
        }))
    },
};

/// Writes to many ledgers, each of whose views keeps changes in memory.
const UNWRITTEN_VIEWS: Attack = Attack {
    name: "writes of 4 MiB in 15 ledgers",
    serve: &[],
    prepare: |attacker| Box::pin(ledgers_of_its_own(attacker)),
    attack: |attacker| {
        Box::pin(in_ledgers_of_its_own(attacker, |mut session| async move {
            // Documents that are written as literals need no digest of parameters.
            let text = "a".repeat(90_000);
            loop {
                session.begin().await?;
                for _ in 0..40 {
                    session.execute(&format!("INSERT INTO t {{'p': '{text}'}}")).await?;
                }
                session.commit().await?;
            }
        }))
    },
};

async fn ledgers_of_its_own(attacker: Client) -> io::Result<()> {
    let mut wire = Wire::connect(&attacker).await?;
    for number in 0..LEDGERS_OF_ITS_OWN {
        let create = format!(
            "{{\"Name\":\"own-{number}\",\"PermissionsMode\":\"ALLOW_ALL\",\"DeletionProtection\":false}}"
        );
        wire.control("POST", "/ledgers", &create).await?;
        Session::start(&attacker, &format!("own-{number}")).await?.run("CREATE TABLE t").await?;
    }
    Ok(())
}

/// One client in each ledger of the attacker.
async fn in_ledgers_of_its_own<F>(attacker: Client, work: impl Fn(Session) -> F + Clone + Send + 'static)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let numbers = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    again_and_again(LEDGERS_OF_ITS_OWN, attacker, move |attacker| {
        let number = numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % LEDGERS_OF_ITS_OWN;
        let work = work.clone();
        async move {
            let session = Session::start(&attacker, &format!("own-{number}")).await?;
            work(session).await
        }
    })
    .await;
}

/// A statement that inserts 40 documents, and its parameters in JSON.
fn insert_of_4_mib() -> (String, String) {
    let document = format!("{{\"IonText\":\"{{p:'{}'}}\"}}", "a".repeat(99_000));
    (format!("INSERT INTO t << {} >>", vec!["?"; 40].join(", ")), vec![document; 40].join(","))
}

/// Bodies of 16 MiB: blanks, a member that nobody knows with millions of lists, as many parameters as are allowed and more, one long
/// text, and one long blob.
fn whole_bodies() -> Vec<Vec<u8>> {
    const BYTES: usize = 16 << 20;
    let filled = |begin: &str, part: &str, end: &str| {
        let parts = (BYTES - begin.len() - end.len() - 2) / part.len();
        [begin, &part.repeat(parts), end].concat().into_bytes()
    };
    let execute = |parameters: &str, part: &str, end: &str| {
        let begin = "{\"SessionToken\":\"0\",\"ExecuteStatement\":{\"TransactionId\":\"0\",\"Statement\":\"0\",\"Parameters\":[";
        filled(&format!("{begin}{parameters}"), part, end)
    };
    vec![
        filled("{", " ", "}"),
        filled("{\"x\":[0", ",[]", "]}"),
        filled("{\"x\":\"", "\\ud83d\\ude00", "\"}"),
        execute("{\"IonText\":\"1\"}", ",{\"IonText\":\"1\"}", "]}}"),
        execute("{\"IonText\":\"", "[],", "\"}]}}"),
        execute("{\"IonBinary\":\"", "4AEA", "\"}]}}"),
    ]
}

/// A query that answers a text of 13,107,200 bytes.
fn computed_text() -> String {
    let begin = format!("SELECT VALUE '{}' FROM <<1>>", "a".repeat(400));
    (0..15).fold(begin, |query, _| format!("SELECT VALUE v || v FROM ({query}) AS v"))
}

async fn forty_long_texts(attacker: Client) -> io::Result<()> {
    let mut session = Session::start(&attacker, ATTACKED).await?;
    session.run("CREATE TABLE t").await?;
    let text = "a".repeat(99_000);
    for n in 0..40 {
        session.run(&format!("INSERT INTO t VALUE {{'n': {n}, 'p': '{text}'}}")).await?;
    }
    Ok(())
}

/// Runs a statement in a transaction of its own; whether it is refused is the server's affair.
async fn run_once(attacker: &Client, statement: &str) -> io::Result<()> {
    let mut session = Session::start(attacker, ATTACKED).await?;
    session.begin().await?;
    session.execute(statement).await.map(drop)
}

async fn forty_rows(attacker: Client) -> io::Result<()> {
    let mut session = Session::start(&attacker, ATTACKED).await?;
    session.run("CREATE TABLE t").await?;
    let rows: Vec<String> = (0..40).map(|n| format!("{{'n': {n}}}")).collect();
    session.run(&format!("INSERT INTO t << {} >>", rows.join(", "))).await
}

async fn cross_join(attacker: Client) -> io::Result<()> {
    let mut session = Session::start(&attacker, ATTACKED).await?;
    session.begin().await?;
    session.execute("SELECT COUNT(*) FROM t AS a, t AS b, t AS c, t AS d, t AS e, t AS f, t AS g").await?;
    Ok(())
}

/// So many clients that do something, and do it again when it is done or refused.
async fn again_and_again<F>(
    clients: usize,
    attacker: Client,
    work: impl Fn(Client) -> F + Clone + Send + 'static,
) where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (work, attacker) = (work.clone(), attacker.clone());
        all.spawn(async move {
            loop {
                if work(attacker.clone()).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        });
    }
    while all.join_next().await.is_some() {}
}
