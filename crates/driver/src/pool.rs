//! The sessions of a driver: how many there are, who has one, and when one ends.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

use crate::error::Error;
use crate::runtime::{self, Instant, in_background, to_the_end, within};
use crate::session_client::SessionClient;
use crate::transport::Transport;

/// Settings of a driver's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// The most sessions at the same time, and with that the most transactions; 50 unless set.
    pub sessions_max: usize,
    /// How long a caller waits for a session while all are in use; 30 seconds unless set. With zero it fails at once.
    pub acquire_timeout: Duration,
    /// The age at which a session is not used again; 10 minutes unless set. Services end sessions after about 15.
    pub age_max: Duration,
    /// How long a session may lie unused before it is ended; 5 minutes unless set.
    pub idle_max: Duration,
    /// How many unused sessions are kept even longer, up to `age_max`, and how many
    /// [`QldbDriver::warm_up`](crate::QldbDriver::warm_up) starts; 0 unless set.
    pub idle_min: usize,
}

impl Default for PoolSettings {
    fn default() -> PoolSettings {
        PoolSettings {
            sessions_max: 50,
            acquire_timeout: Duration::from_secs(30),
            age_max: Duration::from_secs(600),
            idle_max: Duration::from_secs(300),
            idle_min: 0,
        }
    }
}

/// What the sessions of a driver do, and what became of its transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriverMetrics {
    /// Sessions that are in use, or are being started or ended.
    pub sessions_in_use: usize,
    /// Sessions that lie unused.
    pub sessions_idle: usize,
    /// Sessions that were started.
    pub sessions_started: u64,
    /// Sessions that were not used again, because of their age, their idleness, or the state they were in.
    pub sessions_discarded: u64,
    /// How often a caller waited for a session.
    pub waits: u64,
    /// How often a caller waited in vain.
    pub wait_timeouts: u64,
    /// Transactions that were committed.
    pub commits: u64,
    /// Runs that ended with a conflict.
    pub conflicts: u64,
    /// Runs that followed another one of the same call.
    pub retries: u64,
    /// Transactions whose outcome is unknown.
    pub outcomes_unknown: u64,
}

/// What [`QldbDriver::shutdown`](crate::QldbDriver::shutdown) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shutdown {
    /// Sessions that were ended while they were in use, because the deadline had come. Their transactions were aborted.
    pub aborted: usize,
    /// Sessions that did not answer to their end. The service ends them later.
    pub unanswered: usize,
}

/// How long closing and a shutdown wait for the service to end sessions.
const END_MAX: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Pool<T: Transport> {
    ledger_name: String,
    transport: Arc<T>,
    settings: PoolSettings,
    permits: Arc<Semaphore>,
    state: Mutex<State<T>>,
    /// Told when a session is not in use any more.
    freed: Notify,
    pub(crate) counters: Counters,
}

#[derive(Debug)]
struct State<T: Transport> {
    /// Sessions without a transaction. The one that was used last is used first.
    idle: Vec<Idle<T>>,
    /// The sessions that somebody has, so that a shutdown finds them.
    in_use: HashMap<u64, Weak<SessionClient<T>>>,
    next_key: u64,
    closed: bool,
    /// Whether a task ends the sessions that lie unused for too long.
    is_swept: bool,
}

#[derive(Debug)]
struct Idle<T: Transport> {
    client: Arc<SessionClient<T>>,
    begun: Instant,
    since: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    started: AtomicU64,
    discarded: AtomicU64,
    waits: AtomicU64,
    wait_timeouts: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) conflicts: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) outcomes_unknown: AtomicU64,
}

/// A session that somebody uses. Dropping it returns the session if it is reusable, and else ends it.
#[derive(Debug)]
pub(crate) struct Lease<T: Transport> {
    pool: Arc<Pool<T>>,
    client: Arc<SessionClient<T>>,
    key: u64,
    begun: Instant,
    /// Whether the session certainly has no transaction.
    pub(crate) reusable: bool,
    permit: Option<OwnedSemaphorePermit>,
}

impl<T: Transport> Pool<T> {
    pub(crate) fn new(ledger_name: String, transport: Arc<T>, settings: PoolSettings) -> Pool<T> {
        let permits = Arc::new(Semaphore::new(settings.sessions_max.min(Semaphore::MAX_PERMITS)));
        let state =
            State { idle: Vec::new(), in_use: HashMap::new(), next_key: 0, closed: false, is_swept: false };
        Pool {
            ledger_name,
            transport,
            settings,
            permits,
            state: Mutex::new(state),
            freed: Notify::new(),
            counters: Counters::default(),
        }
    }

    pub(crate) fn ledger_name(&self) -> &str {
        &self.ledger_name
    }

    pub(crate) fn transport(&self) -> &Arc<T> {
        &self.transport
    }

    pub(crate) fn settings(&self) -> &PoolSettings {
        &self.settings
    }

    /// A session: the one that was used last, or a new one.
    pub(crate) async fn acquire(self: &Arc<Self>, new: bool) -> Result<Lease<T>, Error> {
        let permit = self.permit().await?;
        let reused = if new { None } else { self.take_idle()? };
        if let Some(Idle { client, begun, .. }) = reused {
            return self.lend(client, begun, permit);
        }
        let begun = runtime::now();
        // If the caller leaves, the session is started all the same, because the request may be under way. Then nobody takes it,
        // and dropping it ends it.
        let starting = SessionClient::start_session(self.ledger_name.clone(), Arc::clone(&self.transport));
        let client = to_the_end(starting).await.ok_or(Error::DriverClosed)??;
        self.counters.started.fetch_add(1, Ordering::Relaxed);
        self.lend(Arc::new(client), begun, permit)
    }

    /// Starts sessions until this number lies unused, or no more are allowed.
    pub(crate) async fn warm_up(self: &Arc<Self>, sessions: usize) -> Result<(), Error> {
        let mut leases = Vec::new();
        while leases.len() < sessions && self.permits.available_permits() > 0 {
            let mut lease = self.acquire(false).await?;
            lease.reusable = true;
            leases.push(lease);
        }
        Ok(())
    }

    /// Lends no session any more, and ends those that lie unused. A session in use ends when it is returned.
    pub(crate) async fn close(&self) {
        let idle = {
            let mut state = self.state();
            state.closed = true;
            std::mem::take(&mut state.idle)
        };
        self.permits.close();
        end_all(idle.into_iter().map(|idle| idle.client).collect()).await;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Closes the pool, waits until all sessions are returned, at most this long, and then ends those that are not.
    pub(crate) async fn shutdown(&self, wait: Duration) -> Shutdown {
        let begun = runtime::now();
        self.close().await;
        let left = wait.saturating_sub(runtime::now().duration_since(begun));
        if within(left, self.all_returned()).await.is_some() {
            return Shutdown::default();
        }
        let in_use: Vec<_> = self.state().in_use.values().filter_map(Weak::upgrade).collect();
        let aborted = in_use.len();
        let ended = end_all(in_use).await;
        Shutdown { aborted, unanswered: aborted - ended }
    }

    pub(crate) fn metrics(&self) -> DriverMetrics {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (sessions_in_use, sessions_idle) = {
            let state = self.state();
            (state.in_use.len(), state.idle.len())
        };
        DriverMetrics {
            sessions_in_use,
            sessions_idle,
            sessions_started: count(&self.counters.started),
            sessions_discarded: count(&self.counters.discarded),
            waits: count(&self.counters.waits),
            wait_timeouts: count(&self.counters.wait_timeouts),
            commits: count(&self.counters.commits),
            conflicts: count(&self.counters.conflicts),
            retries: count(&self.counters.retries),
            outcomes_unknown: count(&self.counters.outcomes_unknown),
        }
    }

    async fn all_returned(&self) {
        loop {
            // Asked for before the look, so that no return between them is missed.
            let freed = self.freed.notified();
            if self.state().in_use.is_empty() {
                return;
            }
            freed.await;
        }
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let PoolSettings { sessions_max, acquire_timeout: waited, .. } = self.settings;
        self.counters.waits.fetch_add(1, Ordering::Relaxed);
        match within(waited, Arc::clone(&self.permits).acquire_owned()).await {
            Some(Ok(permit)) => Ok(permit),
            Some(Err(_)) => Err(Error::DriverClosed),
            None => {
                self.counters.wait_timeouts.fetch_add(1, Ordering::Relaxed);
                Err(Error::PoolTimeout { waited, sessions_max })
            }
        }
    }

    fn take_idle(&self) -> Result<Option<Idle<T>>, Error> {
        self.sweep();
        let mut state = self.state();
        if state.closed { Err(Error::DriverClosed) } else { Ok(state.idle.pop()) }
    }

    fn lend(
        self: &Arc<Self>,
        client: Arc<SessionClient<T>>,
        begun: Instant,
        permit: OwnedSemaphorePermit,
    ) -> Result<Lease<T>, Error> {
        let key = {
            let mut state = self.state();
            if state.closed {
                // Dropping the client ends the session.
                drop(state);
                return Err(Error::DriverClosed);
            }
            state.next_key += 1;
            let key = state.next_key;
            state.in_use.insert(key, Arc::downgrade(&client));
            key
        };
        Ok(Lease { pool: Arc::clone(self), client, key, begun, reusable: false, permit: Some(permit) })
    }

    /// Takes a session back.
    fn take_back(self: &Arc<Self>, key: u64, client: Arc<SessionClient<T>>, begun: Instant, reusable: bool) {
        let since = runtime::now();
        let young = since.duration_since(begun) < self.settings.age_max;
        let kept = {
            let mut state = self.state();
            let keep = reusable && young && !state.closed && !client.is_ended();
            if keep {
                state.in_use.remove(&key);
                state.idle.push(Idle { client: Arc::clone(&client), begun, since });
            }
            keep
        };
        if kept {
            self.freed.notify_waiters();
            self.start_sweeping();
            return;
        }
        self.counters.discarded.fetch_add(1, Ordering::Relaxed);
        if client.is_ended() {
            self.forget(key);
            return;
        }
        // The session stays in the list until it has ended, so that a shutdown waits for it. Without a runtime the task is
        // dropped at once, and the guard in it takes the session off the list all the same.
        let entry = Entry { pool: Arc::clone(self), key };
        in_background(async move {
            client.end_or_log().await;
            drop(entry);
        });
    }

    fn forget(&self, key: u64) {
        self.state().in_use.remove(&key);
        self.freed.notify_waiters();
    }

    /// Ends the sessions that are too old, or have lain unused for too long. Returns when the next one will be; `None` if
    /// there is none.
    fn sweep(&self) -> Option<Instant> {
        let now = runtime::now();
        let mut ended = Vec::new();
        let next = {
            let mut state = self.state();
            let PoolSettings { age_max, idle_max, idle_min, .. } = self.settings;
            // The longest unused are in front.
            let mut at = 0;
            while at < state.idle.len() {
                let idle = &state.idle[at];
                let is_old = now.duration_since(idle.begun) >= age_max;
                let is_unused = now.duration_since(idle.since) >= idle_max && state.idle.len() > idle_min;
                if is_old || is_unused {
                    ended.push(state.idle.remove(at));
                } else {
                    at += 1;
                }
            }
            let keeps = state.idle.len() <= idle_min;
            let ends = |idle: &Idle<T>| {
                let of_age = idle.begun + age_max;
                if keeps { of_age } else { of_age.min(idle.since + idle_max) }
            };
            state.idle.iter().map(ends).min()
        };
        self.counters.discarded.fetch_add(ended.len() as u64, Ordering::Relaxed);
        // Dropping a client ends its session in the background.
        drop(ended);
        next
    }

    /// Lets a task end the sessions that nobody uses, unless one does so already.
    fn start_sweeping(self: &Arc<Self>) {
        {
            let mut state = self.state();
            if state.is_swept || tokio::runtime::Handle::try_current().is_err() {
                return;
            }
            state.is_swept = true;
        }
        let pool = Arc::downgrade(self);
        in_background(async move {
            loop {
                let Some(next) = pool.upgrade().and_then(|pool| pool.sweep_or_stop()) else { return };
                let wait = next.saturating_duration_since(runtime::now()).max(Duration::from_millis(10));
                runtime::sleep(wait).await;
            }
        });
    }

    fn sweep_or_stop(&self) -> Option<Instant> {
        let next = self.sweep();
        let mut state = self.state();
        if next.is_none() && state.idle.is_empty() {
            state.is_swept = false;
            return None;
        }
        Some(next.unwrap_or_else(|| runtime::now() + self.settings.idle_max))
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends sessions at the same time. Returns how many were ended within the time that this may take; the others are ended in the
/// background.
async fn end_all<T: Transport>(clients: Vec<Arc<SessionClient<T>>>) -> usize {
    let (sender, mut ends) = mpsc::unbounded_channel();
    for client in clients {
        let sender = sender.clone();
        in_background(async move {
            client.end_or_log().await;
            // Nobody counts any more if the time is over.
            let _ = sender.send(());
        });
    }
    drop(sender);
    let mut ended = 0;
    let count = async {
        while ends.recv().await.is_some() {
            ended += 1;
        }
    };
    within(END_MAX, count).await;
    ended
}

/// The entry of a session that is being ended.
struct Entry<T: Transport> {
    pool: Arc<Pool<T>>,
    key: u64,
}

impl<T: Transport> Drop for Entry<T> {
    fn drop(&mut self) {
        self.pool.forget(self.key);
    }
}

impl<T: Transport> Lease<T> {
    pub(crate) fn client(&self) -> &Arc<SessionClient<T>> {
        &self.client
    }

    /// Gives the session back, and returns its pool.
    pub(crate) fn into_pool(self) -> Arc<Pool<T>> {
        Arc::clone(&self.pool)
    }

    /// Notes what the error of a command says about the session. A service that refused the command has kept the session as
    /// it was. After other errors its state is not known.
    pub(crate) fn note(&mut self, error: &Error) {
        self.reusable = error.service().is_some_and(|error| error.http_status() < 500);
    }
}

impl<T: Transport> Drop for Lease<T> {
    fn drop(&mut self) {
        let client = Arc::clone(&self.client);
        self.pool.take_back(self.key, client, self.begun, self.reusable);
        // After the session is back, so that who waits for the permit finds it.
        drop(self.permit.take());
    }
}
