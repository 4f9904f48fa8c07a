//! What a client does that wants to hurt others, or does not know better. Each attack goes on until it is dropped.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use super::watch::BYSTANDER;
use super::wire::{Session, Wire, command_head};

/// The ledger that the attacker works on.
pub(crate) const ATTACKED: &str = "attacked";
/// Where it comes from.
const FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One attack.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// What `everstrand serve` is told besides.
    pub(crate) serve: &'static [&'static str],
    /// What it needs before.
    pub(crate) prepare: fn(SocketAddr) -> Work<io::Result<()>>,
    pub(crate) attack: fn(SocketAddr) -> Work<()>,
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
    &UNREAD_ANSWERS,
    &LEDGERS,
    &SESSIONS,
    &SORTED_RESULTS,
];

/// Values of gigabytes out of a text of 13 MB that the statement computes itself.
const COMPUTED_TEXTS: Attack = Attack {
    name: "lists, rows and keys of a computed text",
    serve: &[],
    prepare: |address| Box::pin(forty_rows(address)),
    attack: |address| {
        Box::pin(again_and_again(2, move || async move {
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
                run_once(address, &statement).await?;
            }
            Ok(())
        }))
    },
};

/// A pattern that a naive search compares at every place of long texts.
const PATTERNS: Attack = Attack {
    name: "LIKE over long texts in a strict ledger",
    serve: &["--strict"],
    prepare: |address| Box::pin(forty_long_texts(address)),
    attack: |address| {
        Box::pin(again_and_again(4, move || async move {
            let pattern = "a".repeat(8000);
            run_once(address, &format!("SELECT VALUE n FROM t WHERE p LIKE '%{pattern}b'")).await
        }))
    },
};

/// A query within a query within a query, each of which a planner might plan twice.
const NESTED_QUERIES: Attack = Attack {
    name: "queries nested 15 deep, 97 KB",
    serve: &[],
    prepare: |address| Box::pin(forty_rows(address)),
    attack: |address| {
        Box::pin(again_and_again(2, move || async move {
            let mut query = format!("SIZE([{}])", vec!["1"; 47_000].join(","));
            for depth in 1..=15 {
                query = format!(
                    "(SELECT o.a[{query}] AS v FROM t AS y{depth} GROUP BY y{depth}.k AS k{depth} GROUP AS o)"
                );
            }
            run_once(address, &format!("SELECT VALUE {query} FROM t AS y")).await
        }))
    },
};

/// 128 clients, each with a statement that would run for days.
const CROSS_JOINS: Attack = Attack {
    name: "128 cross joins",
    serve: &[],
    prepare: |address| Box::pin(forty_rows(address)),
    attack: |address| Box::pin(again_and_again(128, move || cross_join(address))),
};

/// Clients that give up after a moment, close their connections and try again.
const CROSS_JOINS_BEGUN_AND_LEFT: Attack = Attack {
    name: "64 clients that close their connections during cross joins",
    serve: &[],
    prepare: |address| Box::pin(forty_rows(address)),
    attack: |address| {
        Box::pin(again_and_again(64, move || async move {
            // Dropped, the connection is closed.
            let _ = tokio::time::timeout(Duration::from_millis(500), cross_join(address)).await;
            Ok(())
        }))
    },
};

/// Statements that are just short enough not to be long.
const SHORT_STATEMENTS: Attack = Attack {
    name: "128 clients with statements of some milliseconds",
    serve: &[],
    prepare: |address| Box::pin(forty_rows(address)),
    attack: |address| {
        Box::pin(again_and_again(128, move || async move {
            let mut session = Session::start(FROM, address, ATTACKED).await?;
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
    prepare: |address| Box::pin(forty_rows(address)),
    attack: |address| {
        Box::pin(again_and_again(120, move || async move {
            let mut wire = Wire::connect(FROM, address).await?;
            wire.send(command_head(16 << 20).as_bytes()).await?;
            let part = vec![b' '; 256 << 10];
            for _ in 0..60 {
                wire.send(&part).await?;
            }
            wire.answer().await.map(drop)
        }))
    },
};

/// Pages of 4 MiB that nobody reads.
const UNREAD_ANSWERS: Attack = Attack {
    name: "100 clients that do not read 4 MiB",
    serve: &[],
    prepare: |address| Box::pin(forty_long_texts(address)),
    attack: |address| {
        Box::pin(again_and_again(100, move || async move {
            let mut session = Session::start(FROM, address, ATTACKED).await?;
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
    attack: |address| {
        let numbers = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        Box::pin(again_and_again(16, move || {
            let number = numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async move {
                let mut wire = Wire::connect(FROM, address).await?;
                let (name, mode) = (format!("comes-and-goes-{number}"), "ALLOW_ALL");
                let create = format!(
                    "{{\"Name\":\"{name}\",\"PermissionsMode\":\"{mode}\",\"DeletionProtection\":false}}"
                );
                wire.control("POST", "/ledgers", &create).await?;
                Session::start(FROM, address, &name).await?.run("CREATE TABLE t").await?;
                wire.control("DELETE", &format!("/ledgers/{name}"), "").await.map(drop)
            }
        }))
    },
};

/// All sessions of a server, and all transactions of a ledger.
const SESSIONS: Attack = Attack {
    name: "sessions and transactions without end",
    serve: &[],
    prepare: |address| Box::pin(forty_rows(address)),
    attack: |address| {
        Box::pin(again_and_again(8, move || async move {
            for ledger in [ATTACKED, BYSTANDER] {
                let mut session = Session::start(FROM, address, ledger).await?;
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
    prepare: |address| Box::pin(forty_long_texts(address)),
    attack: |address| {
        Box::pin(again_and_again(25, move || async move {
            let mut session = Session::start(FROM, address, ATTACKED).await?;
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

/// A query that answers a text of 13,107,200 bytes.
fn computed_text() -> String {
    let begin = format!("SELECT VALUE '{}' FROM <<1>>", "a".repeat(400));
    (0..15).fold(begin, |query, _| format!("SELECT VALUE v || v FROM ({query}) AS v"))
}

async fn forty_long_texts(address: SocketAddr) -> io::Result<()> {
    let mut session = Session::start(FROM, address, ATTACKED).await?;
    session.run("CREATE TABLE t").await?;
    let text = "a".repeat(99_000);
    for n in 0..40 {
        session.run(&format!("INSERT INTO t VALUE {{'n': {n}, 'p': '{text}'}}")).await?;
    }
    Ok(())
}

/// Runs a statement in a transaction of its own; whether it is refused is the server's affair.
async fn run_once(address: SocketAddr, statement: &str) -> io::Result<()> {
    let mut session = Session::start(FROM, address, ATTACKED).await?;
    session.begin().await?;
    session.execute(statement).await.map(drop)
}

async fn forty_rows(address: SocketAddr) -> io::Result<()> {
    let mut session = Session::start(FROM, address, ATTACKED).await?;
    session.run("CREATE TABLE t").await?;
    let rows: Vec<String> = (0..40).map(|n| format!("{{'n': {n}}}")).collect();
    session.run(&format!("INSERT INTO t << {} >>", rows.join(", "))).await
}

async fn cross_join(address: SocketAddr) -> io::Result<()> {
    let mut session = Session::start(FROM, address, ATTACKED).await?;
    session.begin().await?;
    session.execute("SELECT COUNT(*) FROM t AS a, t AS b, t AS c, t AS d, t AS e, t AS f, t AS g").await?;
    Ok(())
}

/// So many clients that do something, and do it again when it is done or refused.
async fn again_and_again<F>(clients: usize, work: impl Fn() -> F + Clone + Send + 'static)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let work = work.clone();
        all.spawn(async move {
            loop {
                if work().await.is_err() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        });
    }
    while all.join_next().await.is_some() {}
}
