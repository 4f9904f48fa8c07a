//! What a client does that wants to hurt others, or does not know better. Each attack goes on until it is dropped.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use super::wire::Session;

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
pub(crate) const ATTACKS: &[&Attack] = &[&CROSS_JOINS, &CROSS_JOINS_BEGUN_AND_LEFT, &SHORT_STATEMENTS];

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
