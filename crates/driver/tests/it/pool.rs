//! The pool: who waits, who gets what, and what becomes of sessions. At the end, a model of it under random operations.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstrand_driver::{
    Command, Error, Exception, ExecuteOptions, PoolSettings, QldbDriver, RetryPolicy, SendCommandRequest,
    SendCommandResponse, Transaction, TransactionOutcome, Transport, TransportError,
};
use everstrand_protocol::ServiceError;
use everstrand_testkit::Random;
use everstrand_testkit::scripted::{Answer, ScriptedTransport};

type Driver = QldbDriver<ScriptedTransport>;

fn driver(settings: PoolSettings) -> (Arc<ScriptedTransport>, Driver) {
    let transport = Arc::new(ScriptedTransport::new());
    let policy = RetryPolicy { wait_base: Duration::from_micros(10), ..RetryPolicy::default() };
    let builder = QldbDriver::builder("my-ledger").retry_policy(policy).pool(settings).seed(1);
    (Arc::clone(&transport), builder.build_over(transport).unwrap())
}

fn count(transport: &ScriptedTransport, name: &str) -> usize {
    transport.commands().iter().filter(|command| **command == name).count()
}

async fn insert(transaction: Transaction<ScriptedTransport>) -> Result<(), Error> {
    transaction.execute("INSERT INTO t ?", 1).await.map(drop)
}

/// At the bound a caller waits, as long as it wants to, and then learns why.
#[tokio::test(start_paused = true)]
async fn at_the_bound_callers_wait() {
    let two = PoolSettings { sessions_max: 2, acquire_timeout: Duration::from_secs(9), ..Default::default() };
    let (transport, driver) = driver(two);
    let first = driver.begin().await.unwrap();
    let second = driver.begin().await.unwrap();
    let begun = tokio::time::Instant::now();
    let error = driver.begin().await.map(drop).unwrap_err();
    assert!(matches!(error, Error::PoolTimeout { sessions_max: 2, .. }), "{error}");
    assert_eq!(begun.elapsed().as_secs(), 9);
    let waits = tokio::spawn({
        let driver = driver.clone();
        async move { driver.execute(insert).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    first.commit().await.unwrap();
    waits.await.unwrap().unwrap();
    second.abort().await.unwrap();
    assert_eq!(count(&transport, "StartSession"), 2);
    let metrics = driver.metrics();
    assert_eq!((metrics.sessions_in_use, metrics.sessions_idle), (0, 2));
    assert_eq!((metrics.waits, metrics.wait_timeouts), (2, 1));
    let at_once = PoolSettings { sessions_max: 1, acquire_timeout: Duration::ZERO, ..Default::default() };
    let (_, driver) = self::driver(at_once);
    let _first = driver.begin().await.unwrap();
    assert!(matches!(driver.begin().await, Err(Error::PoolTimeout { .. })));
}

/// B6, B7: however often sessions die, and however often none can be started, the bound stays what it was.
#[tokio::test]
async fn b6_b7_permits_neither_grow_nor_vanish() {
    let two = PoolSettings { sessions_max: 2, acquire_timeout: Duration::ZERO, ..Default::default() };
    let (transport, driver) = driver(two);
    let dead = || Answer::fails(Exception::InvalidSession, "No such session");
    for _ in 0..5 {
        transport.on("ExecuteStatement", dead());
        driver.execute(insert).await.unwrap();
    }
    for _ in 0..5 {
        transport.on("StartTransaction", dead());
        transport.on("StartSession", Answer::fails(Exception::BadRequest, "the ledger is gone"));
        assert!(driver.execute(insert).await.unwrap_err().is_bad_request());
        driver.execute(insert).await.unwrap();
    }
    let _both = (driver.begin().await.unwrap(), driver.begin().await.unwrap());
    assert!(matches!(driver.begin().await, Err(Error::PoolTimeout { .. })));
}

fn tokens(transport: &ScriptedTransport) -> Vec<String> {
    let started = transport.sent().into_iter().filter(|request| request.command.name() == "StartTransaction");
    started.map(|request| request.session_token.unwrap().as_str().to_owned()).collect()
}

/// The session that was used last is used first, so that the others can be ended.
#[tokio::test]
async fn the_last_session_is_the_first() {
    let (transport, driver) = driver(PoolSettings::default());
    let transactions = (driver.begin().await.unwrap(), driver.begin().await.unwrap());
    transactions.1.abort().await.unwrap();
    transactions.0.abort().await.unwrap();
    driver.execute(insert).await.unwrap();
    let tokens = tokens(&transport);
    assert_eq!(tokens[2], tokens[0]);
    assert_ne!(tokens[2], tokens[1]);
}

/// Sessions end when nobody uses them, and when they are old. The minimum is kept until it is old.
#[tokio::test(start_paused = true)]
async fn old_and_unused_sessions_end() {
    let settings = PoolSettings { idle_min: 1, ..Default::default() };
    let (transport, driver) = driver(settings);
    driver.warm_up().await.unwrap();
    assert_eq!(transport.commands(), ["StartSession"]);
    let transactions = (driver.begin().await.unwrap(), driver.begin().await.unwrap());
    transactions.0.abort().await.unwrap();
    transactions.1.abort().await.unwrap();
    assert_eq!(driver.metrics().sessions_idle, 2);
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert_eq!((driver.metrics().sessions_idle, count(&transport, "EndSession")), (1, 1));
    tokio::time::sleep(Duration::from_secs(400)).await;
    assert_eq!((driver.metrics().sessions_idle, count(&transport, "EndSession")), (0, 2));
    // A session that gets old while it is in use is not used again.
    let transaction = driver.begin().await.unwrap();
    tokio::time::sleep(Duration::from_secs(601)).await;
    transaction.abort().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(count(&transport, "EndSession"), 3);
}

/// B9, B12: a shutdown lets transactions finish, then aborts the rest, and ends every session. Nobody panics.
#[tokio::test(start_paused = true)]
async fn b9_b12_a_shutdown_leaves_no_session() {
    let (transport, driver) = driver(PoolSettings { sessions_max: 3, ..Default::default() });
    driver.execute(insert).await.unwrap();
    let slow = tokio::spawn({
        let driver = driver.clone();
        async move {
            driver
                .execute(|transaction| async move {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    insert(transaction).await
                })
                .await
        }
    });
    let stuck = driver.begin().await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let report = driver.shutdown(Duration::from_secs(5)).await;
    slow.await.unwrap().unwrap();
    assert_eq!(
        (report.aborted, report.unanswered),
        (1, 0),
        "the stuck one is ended, though somebody holds it"
    );
    assert_eq!(count(&transport, "EndSession"), count(&transport, "StartSession"));
    let commands = transport.commands();
    let last_commit = commands.iter().rposition(|command| *command == "CommitTransaction");
    let first_end = commands.iter().position(|command| *command == "EndSession");
    assert!(first_end > last_commit, "a session was ended while its transaction could finish: {commands:?}");
    assert!(matches!(driver.begin().await, Err(Error::DriverClosed)));
    assert!(matches!(driver.execute(insert).await, Err(Error::DriverClosed)));
    drop(stuck);
    assert_eq!(driver.metrics().sessions_in_use, 0);
}

/// B16: after 30 seconds nothing is sent any more but the abort.
#[tokio::test(start_paused = true)]
async fn b16_an_expired_transaction_sends_nothing() {
    let (transport, driver) = driver(PoolSettings::default());
    let transaction = driver.begin().await.unwrap();
    assert_eq!(transaction.time_left(), Duration::from_secs(30));
    tokio::time::sleep(Duration::from_secs(29)).await;
    transaction.execute("s", ()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let sent = transport.sent().len();
    let error = transaction.execute("s", ()).await.map(drop).unwrap_err();
    assert!(error.is_transaction_expired() && !error.is_retriable(), "{error}");
    assert!(transaction.commit().await.unwrap_err().is_transaction_expired());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(transport.commands()[sent..], ["AbortTransaction"]);
    // The same in a closure: it does not run again.
    let late = driver.execute(|transaction| async move {
        tokio::time::sleep(Duration::from_secs(31)).await;
        insert(transaction).await
    });
    assert!(late.await.unwrap_err().is_transaction_expired());
}

/// All runs and waits have one deadline, the policy decides the wait, and the program hears of each retry.
#[tokio::test(start_paused = true)]
async fn a_policy_has_a_deadline_a_wait_and_a_listener() {
    let (transport, driver) = driver(PoolSettings::default());
    for _ in 0..9 {
        transport.on("CommitTransaction", Answer::fails(Exception::OccConflict, "OCC"));
    }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&heard);
    let policy = RetryPolicy {
        retry_limit: 99,
        deadline: Some(Duration::from_secs(5)),
        backoff: Some(Arc::new(|context| Duration::from_secs(context.retry.into()))),
        on_retry: Some(Arc::new(move |context| {
            listener.lock().unwrap().push((context.retry, context.kind.name(), context.wait.as_secs()));
        })),
        ..RetryPolicy::default()
    };
    let options = ExecuteOptions { retry: Some(policy), ..ExecuteOptions::default() };
    assert!(driver.execute_with(options, insert).await.unwrap_err().is_occ_conflict());
    // 1 s and 2 s are less than 5 s, and 3 s more are not.
    assert_eq!(*heard.lock().unwrap(), [(1, "conflict", 1), (2, "conflict", 2)]);
}

/// B5: a service that knows what became of a transaction is asked, and then nothing is unknown.
#[tokio::test(start_paused = true)]
async fn b5_the_outcome_is_asked_for() {
    for (outcomes, runs) in [
        (vec![TransactionOutcome::Committed], 1),
        (vec![TransactionOutcome::Undecided, TransactionOutcome::ReadOnly], 1),
        (vec![TransactionOutcome::Undecided, TransactionOutcome::Never], 2),
    ] {
        let (transport, driver) = driver(PoolSettings::default());
        transport.on("CommitTransaction", Answer::Lost);
        for outcome in &outcomes {
            transport.on_outcome(*outcome);
        }
        driver.execute(insert).await.unwrap();
        assert_eq!(count(&transport, "CommitTransaction"), runs, "{outcomes:?}");
    }
    let (transport, driver) = driver(PoolSettings::default());
    transport.on("CommitTransaction", Answer::Lost);
    for _ in 0..20 {
        transport.on_outcome(TransactionOutcome::Undecided);
    }
    let error = driver.execute(insert).await.unwrap_err();
    assert!(matches!(error, Error::CommitOutcomeUnknown { .. }), "{error}");
}

/// What a service would know: which sessions there are, and which have an open transaction. It panics if a client does what
/// no service would allow. Each answer takes a few turns of the runtime, so that a future can be dropped before and after the
/// service has acted.
struct World {
    state: Mutex<WorldState>,
    sessions_max: usize,
    /// How many percent of the commands fail.
    faults: u32,
}

struct WorldState {
    random: Random,
    next: u64,
    sessions: HashMap<String, Option<String>>,
    commits: u64,
}

/// How often a task waits before and after the service acts.
async fn turns(count: u64) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

impl World {
    fn new(seed: u64, sessions_max: usize, faults: u32) -> World {
        let state = WorldState { random: Random::new(seed), next: 0, sessions: HashMap::new(), commits: 0 };
        World { state: Mutex::new(state), sessions_max, faults }
    }

    fn chance(&self, bound: u64) -> u64 {
        self.state.lock().unwrap().random.below(bound)
    }

    fn act(&self, request: &SendCommandRequest) -> Result<everstrand_driver::Reply, ServiceError> {
        use everstrand_driver::Reply;
        let usual = ScriptedTransport::new();
        let mut state = self.state.lock().unwrap();
        state.next += 1;
        let id = format!("{:022}", state.next);
        let token = request.session_token.as_ref().map(|token| token.as_str().to_owned());
        let gone = || ServiceError::new(Exception::InvalidSession, "No such session");
        let reply = match &request.command {
            Command::StartSession { .. } => {
                state.sessions.insert(id.clone(), None);
                Reply::StartSession(everstrand_driver::StartSessionResult {
                    session_token: id.into(),
                    timing_information: None,
                    other: Default::default(),
                })
            }
            Command::StartTransaction => {
                let open = state.sessions.get_mut(&token.unwrap()).ok_or_else(gone)?;
                assert!(open.is_none(), "a session was used again with an open transaction");
                *open = Some(id.clone());
                Reply::StartTransaction(everstrand_driver::StartTransactionResult {
                    transaction_id: id,
                    timing_information: None,
                    other: Default::default(),
                })
            }
            Command::CommitTransaction { transaction_id, commit_digest } => {
                let open = state.sessions.get_mut(&token.unwrap()).ok_or_else(gone)?;
                if open.as_ref() != Some(transaction_id) {
                    return Err(ServiceError::bad_request("No open transaction"));
                }
                *open = None;
                state.commits += 1;
                Reply::CommitTransaction(everstrand_driver::CommitTransactionResult {
                    transaction_id: transaction_id.clone(),
                    commit_digest: commit_digest.clone(),
                    timing_information: None,
                    consumed_ios: None,
                    other: Default::default(),
                })
            }
            Command::AbortTransaction => {
                *state.sessions.get_mut(&token.unwrap()).ok_or_else(gone)? = None;
                usual.usual_reply(&request.command)
            }
            Command::EndSession => {
                state.sessions.remove(&token.unwrap()).ok_or_else(gone)?;
                usual.usual_reply(&request.command)
            }
            Command::ExecuteStatement { transaction_id, .. } | Command::FetchPage { transaction_id, .. } => {
                let open = state.sessions.get(&token.unwrap()).ok_or_else(gone)?;
                if open.as_ref() != Some(transaction_id) {
                    return Err(ServiceError::bad_request("No open transaction"));
                }
                usual.usual_reply(&request.command)
            }
        };
        Ok(reply)
    }
}

impl Transport for World {
    async fn send_command(&self, request: SendCommandRequest) -> Result<SendCommandResponse, TransportError> {
        turns(self.chance(3)).await;
        let fault = if self.chance(100) < self.faults.into() { self.chance(6) } else { 6 };
        match fault {
            0 => return Err(TransportError::NotSent("a fault".into())),
            1 => {
                let token = request.session_token.as_ref().map(|token| token.as_str().to_owned());
                if let Some(token) = token {
                    self.state.lock().unwrap().sessions.remove(&token);
                }
            }
            2 => return Err(ServiceError::new(Exception::CapacityExceeded, "").into()),
            3 if matches!(request.command, Command::CommitTransaction { .. }) => {
                if let Some(token) = &request.session_token
                    && let Some(open) = self.state.lock().unwrap().sessions.get_mut(token.as_str())
                {
                    *open = None;
                }
                return Err(ServiceError::new(Exception::OccConflict, "OCC").into());
            }
            _ => {}
        }
        let reply = self.act(&request);
        turns(self.chance(3)).await;
        if fault == 4 {
            return Err(TransportError::Lost("a fault".into()));
        }
        Ok(SendCommandResponse { request_id: None, reply: reply? })
    }
}

/// Polls a future this often, without a wait between, and drops it if it is not ready by then.
async fn at_most<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    for _ in 0..polls {
        let once = std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context)));
        if let std::task::Poll::Ready(output) = once.await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

fn world_driver(seed: u64, faults: u32) -> (Arc<World>, QldbDriver<World>) {
    let world = Arc::new(World::new(seed, 3, faults));
    let policy = RetryPolicy { wait_base: Duration::from_micros(1), retry_limit: 2, ..Default::default() };
    let settings = PoolSettings {
        sessions_max: world.sessions_max,
        acquire_timeout: Duration::from_secs(1),
        age_max: Duration::from_secs(20),
        ..Default::default()
    };
    let builder = QldbDriver::builder("l").retry_policy(policy).pool(settings).seed(seed);
    let driver = builder.build_over(Arc::clone(&world)).unwrap();
    (world, driver)
}

/// Every future of a transaction is dropped at every await: afterwards the pool is whole, and the service has no transaction
/// that nobody ends.
#[tokio::test(start_paused = true)]
async fn a_future_may_be_dropped_at_every_await() {
    let mut finished = 0;
    for polls in 0..80 {
        for seed in 0..8 {
            let (world, driver) = world_driver(seed, 0);
            let mut all = Vec::new();
            let closure = driver.execute(|transaction| async move {
                transaction.execute("INSERT INTO t ?", 1).await?;
                transaction.execute("SELECT 1", ()).await?.fetch_all().await
            });
            let ran = at_most(polls, async { closure.await.map(drop) });
            all.push(ran.await);
            let explicit = async {
                let transaction = driver.begin().await?;
                transaction.execute("SELECT 1", ()).await?;
                transaction.commit().await.map(drop)
            };
            all.push(at_most(polls, explicit).await);
            finished += all.iter().flatten().filter(|result| result.is_ok()).count();
            assert!(all.into_iter().flatten().all(|result| result.is_ok()), "nothing fails by itself");
            // The background aborts and ends what was dropped.
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(driver.metrics().sessions_in_use, 0, "polls {polls}, seed {seed}");
            let open = world.state.lock().unwrap().sessions.values().flatten().count();
            assert_eq!(open, 0, "polls {polls}, seed {seed}");
            for _ in 0..world.sessions_max {
                driver
                    .execute(async |transaction| transaction.execute("s", ()).await.map(drop))
                    .await
                    .unwrap();
            }
            let report = driver.shutdown(Duration::from_secs(1)).await;
            assert_eq!(report, Default::default());
            assert_eq!(world.state.lock().unwrap().sessions.len(), 0, "a session is left");
        }
    }
    assert!(finished > 100, "only {finished} were not dropped");
}

/// Random transactions, faults and cancellations against the world above. A session is never used with another's
/// transaction, the bound holds, every permit comes back, and who was told that a commit succeeded is right.
#[tokio::test(start_paused = true)]
async fn the_pool_keeps_its_promises_under_random_operations() {
    let mut steps = 0;
    for seed in 0..25 {
        let (world, driver) = world_driver(seed, 12);
        let mut tasks = Vec::new();
        for task in 0..8 {
            let driver = driver.clone();
            tasks.push(tokio::spawn(async move {
                let mut random = Random::new(seed * 100 + task);
                let mut committed = 0;
                for _ in 0..160 {
                    let polls = (random.below(4) == 0).then(|| random.below(40));
                    let statements = random.below(3);
                    let how = random.below(4);
                    let operation = async {
                        if how == 0 {
                            let transaction = driver.begin().await?;
                            for _ in 0..statements {
                                transaction.execute("s", ()).await?;
                            }
                            if statements == 2 {
                                // Dropped with its transaction open.
                                return Ok(0);
                            }
                            return transaction.commit().await.map(|_| 1);
                        }
                        driver
                            .execute(|transaction| async move {
                                for _ in 0..statements {
                                    transaction.execute("s", ()).await?;
                                }
                                match how {
                                    1 => transaction.abort().await.map(|()| 0),
                                    _ => Ok::<u64, Error>(1),
                                }
                            })
                            .await
                    };
                    let outcome = match polls {
                        Some(polls) => at_most(polls, operation).await,
                        None => Some(operation.await),
                    };
                    if let Some(Ok(count)) = outcome {
                        committed += count;
                    }
                    assert!(
                        driver.metrics().sessions_in_use <= 3 + 8,
                        "only those being ended are beyond the bound"
                    );
                }
                committed
            }));
        }
        let mut committed = 0;
        for task in tasks {
            committed += task.await.unwrap();
        }
        assert!(committed <= world.state.lock().unwrap().commits, "who was told of a commit is right");
        assert!(committed > 300, "{committed}");
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(driver.metrics().sessions_in_use, 0, "seed {seed}");
        // All permits are back: the bound can be reached, and no more than that.
        let mut all = Vec::new();
        while all.len() < world.sessions_max {
            if let Ok(transaction) = driver.begin().await {
                all.push(transaction);
            }
        }
        assert!(matches!(driver.begin().await, Err(Error::PoolTimeout { .. })), "seed {seed}");
        steps += world.state.lock().unwrap().next;
    }
    assert!(steps >= 100_000, "only {steps} steps");
}
