//! The server without sockets: it takes the parts of an HTTP request and answers with the parts of an HTTP response.

use std::sync::{Arc, OnceLock, RwLock};

use everstrand_ion::Value;
use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::{Clock, Environment, Ids, Importer, Ledger, Loss, RandomIds, SystemClock};
use everstrand_protocol::control::{self, ControlReply, ControlRequest, PermissionsMode, Tags};
use everstrand_protocol::error::{ERROR_TYPE_HEADER, REQUEST_ID_HEADER};
use everstrand_protocol::{
    Command, Exception, Reply, SendCommandRequest, ServiceError, ValueHolder, outcome, send_command,
};
use everstrand_sealing::MasterKey;

use crate::access_keys::AccessKeys;
use crate::audit_ledger;
use crate::audit_trail::AuditTrail;
use crate::checkpoints::{Due, Published};
use crate::client::{Caller, Client};
use crate::config::Config;
use crate::control::Control;
use crate::identity::Identity;
use crate::imports::Imports;
use crate::ledgers::settings::Settings;
use crate::ledgers::{LedgerOverview, Ledgers, random_seed};
use crate::open_error::ServiceOpenError;
use crate::own_ledgers::{AUDIT_LEDGER, USERS_LEDGER, refuse_audit_ledger, refuse_changes_of_audit};
use crate::peers::Peers;
use crate::rates::{EXCHANGES_PER_SECOND, Rates, VOIDS_PER_SECOND};
use crate::record::{Record, check_name};
use crate::request::{PassedOn, Request, Response, Route};
use crate::requests::Requests;
use crate::scheduler::Scheduler;
use crate::sessions::Sessions;
use crate::tokens::{ClusterKey, Holder, Tokens};

/// The greatest number of closed ledgers that one round of checkpoints opens.
const OPENED_TO_PUBLISH: usize = 32;

/// Ledgers and the sessions on them, behind QLDB's two APIs.
pub struct Service {
    pub(crate) config: Config,
    pub(crate) ledgers: Arc<Ledgers>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) tokens: Tokens,
    /// The other servers over the same store, if sessions may be used on any of them.
    pub(crate) peers: Option<Arc<Peers>>,
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) published: Arc<Published>,
    imports: Arc<Imports>,
    /// The keys of the configuration, until [`Service::set_access_keys`] replaces them.
    pub(crate) access_keys: RwLock<Option<Arc<AccessKeys>>>,
    /// The users, if there are any.
    pub(crate) identity: OnceLock<Arc<Identity>>,
    /// Whether there are users, but not the key of their secrets. Then only callers in this process are answered.
    pub(crate) users_are_locked: bool,
    pub(crate) requests: Requests,
    /// Where it is recorded who did what: the file of the configuration, the ledger of audit trails, or both.
    pub(crate) trails: Vec<Arc<AuditTrail>>,
    rates: Rates,
    /// How often each client may ask for an outcome that takes a void.
    pub(crate) voids: Rates,
    /// How often each client may send a token of OpenID Connect.
    pub(crate) exchanges: Rates,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
}

/// The answer to `GET /`: for somebody who opens the address in a browser. It shows nothing of this server.
const WHAT_THIS_IS: &str = "\
This is Everstrand, a ledger database that is compatible with Amazon QLDB.

It has no pages for browsers. QLDB's drivers, the AWS CLI and `everstrand shell LEDGER --endpoint URL` work with this address;
`everstrand env --endpoint URL` prints the environment variables that they need.

GET /health   whether the server runs
GET /ready    whether every ledger can be used, and why one cannot
GET /metrics  numbers, in the text format of Prometheus
";

impl Service {
    /// Finds every ledger of the configured storage, with the machine's clock and random ids. A ledger is opened when
    /// it is first asked for.
    pub fn open(config: Config) -> Result<Service, ServiceOpenError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let ids = Arc::new(RandomIds::new(Arc::clone(&clock)));
        Service::open_in(config, Environment { clock, ids })
    }

    /// Finds every ledger of the configured storage, with a clock and ids of the caller's.
    pub fn open_in(config: Config, environment: Environment) -> Result<Service, ServiceOpenError> {
        let cluster_key = match &config.cluster_key {
            Some(key) => key.clone(),
            None => ClusterKey::of_random(random_seed()?),
        };
        let own_start = UniqueId::from_bytes(random_seed()?[..16].try_into().expect("a seed has more bytes"));
        let peers = config.peers.as_ref().map(|settings| Peers::new(settings, own_start, &cluster_key));
        let holder = config.peers.as_ref().map(|it| Holder { start: own_start, url: it.url.clone() });
        let ledgers = Arc::new(Ledgers::find(Settings::of(&config), environment.clone())?);
        let mut trails: Vec<Arc<AuditTrail>> = config.audit_trail.iter().cloned().collect();
        if let Some(audit) = config.audit_ledger {
            ledgers.create_if_missing(AUDIT_LEDGER).map_err(|error| error.message)?;
            trails.push(audit_ledger::open(Arc::clone(&ledgers), audit.data_events)?);
        }
        let service = Service {
            tokens: Tokens::new(&cluster_key, holder.as_ref()),
            peers: peers.transpose()?.map(Arc::new),
            users_are_locked: config.users_key.is_none() && ledgers.has(USERS_LEDGER),
            ledgers,
            sessions: Arc::new(Sessions::new(config.sessions_max)),
            scheduler: Arc::new(Scheduler::new(config.concurrency, Arc::clone(&environment.clock))),
            published: Arc::default(),
            imports: Arc::new(Imports::new(Arc::clone(&environment.ids))),
            access_keys: RwLock::new(config.access_keys.clone().map(Arc::new)),
            identity: OnceLock::new(),
            requests: Requests::default(),
            trails,
            rates: Rates::new(config.requests_per_second),
            voids: Rates::new(Some(VOIDS_PER_SECOND)),
            exchanges: Rates::new(Some(EXCHANGES_PER_SECOND)),
            clock: environment.clock,
            ids: environment.ids,
            config,
        };
        if service.users_are_locked {
            tracing::debug!(
                "there are users, and without the key of their secrets nobody is answered over the network"
            );
        } else if service.ledgers.has(USERS_LEDGER) {
            let _ = service.identity.set(Arc::new(service.open_identity()?));
        }
        Ok(service)
    }

    /// Creates a ledger unless one has this name. The program calls this at its start; clients use the control API.
    pub fn create_ledger_unless_it_exists(&self, name: &str) -> Result<(), ServiceError> {
        check_name(name)?;
        refuse_audit_ledger(name)?;
        match self.ledgers.create(name, PermissionsMode::AllowAll, false, Tags::new(), None) {
            Err(error) if error.exception == Exception::ResourceAlreadyExists => Ok(()),
            other => other.map(drop),
        }
    }

    /// Creates a ledger whose journal begins with the blocks of another ledger, which `write_blocks` pushes. If that fails, no ledger
    /// is created.
    pub fn import_ledger(
        &self,
        name: &str,
        write_blocks: &mut dyn FnMut(&mut Importer<'_>) -> Result<(), String>,
    ) -> Result<(), ServiceError> {
        check_name(name)?;
        refuse_audit_ledger(name)?;
        self.ledgers.import(name, write_blocks).map(drop)
    }

    /// Creates a ledger that begins with the slots of another one, which `write_slots` writes with a fork behind them.
    /// `copied` is the record that a copy has of that ledger, and `restored_from` says what it was. If `write_slots` fails,
    /// no ledger is created. Waits for the disk.
    pub fn restore_ledger(
        &self,
        name: &str,
        copied: &Value,
        restored_from: &str,
        write_slots: &mut dyn FnMut(&dyn SlotStore) -> Result<(), String>,
    ) -> Result<(), ServiceError> {
        check_name(name)?;
        self.ledgers.restore(name, Record::from_ion(copied), restored_from, write_slots).map(drop)
    }

    /// Serves a ledger that the caller has opened over its own stores.
    pub fn serve_ledger(&self, name: &str, ledger: Ledger) -> Result<(), ServiceError> {
        self.ledgers.serve_open(name, ledger)
    }

    /// A new request id, in the form of QLDB's.
    pub fn next_request_id(&self) -> String {
        self.ids.next().to_string()
    }

    /// Answers one request of a caller in this process. Every answer has a request id. Clients take the request id of StartSession
    /// for the session's id.
    pub async fn handle(&self, request: Request<'_>) -> Response {
        let verified =
            self.admit(&request, Client::InProcess).and_then(|admission| self.verify(admission, &request));
        match verified {
            Ok(caller) => self.answer(&caller, request).await,
            Err(error) => self.refuse(&Client::InProcess, &request, error),
        }
    }

    /// Answers a request whose signature was [checked](Service::verify).
    ///
    /// The future of a request is moved several times before it runs. What few requests do is boxed on the way, because it would
    /// make the futures of all requests larger.
    pub async fn answer(&self, caller: &Caller, request: Request<'_>) -> Response {
        let begin = self.clock.monotonic_millis();
        let (client, request_id) = (&caller.client, self.next_request_id());
        let (operation, answered) = match request.route() {
            Route::Root => ("Root", Ok((200, WHAT_THIS_IS.into()))),
            Route::Health => ("Health", Ok((200, br#"{"status":"ok"}"#.to_vec()))),
            Route::Ready => ("Ready", Ok(self.ready())),
            Route::Metrics => ("Metrics", Ok((200, self.metrics().into_bytes()))),
            Route::Session => {
                let mut operation = "SendCommand";
                let answered = self.session_api(caller, &request, &request_id, &mut operation).await;
                (operation, answered.map(|body| (200, body)))
            }
            Route::Exchange => {
                let answered = Box::pin(self.exchange_token(caller, &request, &request_id)).await;
                ("ExchangeToken", answered.map(|body| (200, body)))
            }
            Route::Control => {
                let answered = Box::pin(self.control_api(caller, &request, &request_id)).await;
                ("Control", answered.map(|body| (200, body)))
            }
        };
        self.finish(client, &request, request_id, (operation, begin), answered)
    }

    /// Answers a request with this error, for example because its body could not be read.
    pub fn refuse(&self, client: &Client, request: &Request<'_>, error: ServiceError) -> Response {
        let begin = self.clock.monotonic_millis();
        self.finish(client, request, self.next_request_id(), ("Refused", begin), Err(error))
    }

    fn finish(
        &self,
        client: &Client,
        request: &Request<'_>,
        request_id: String,
        (operation, begin): (&'static str, u64),
        answered: Result<(u16, Vec<u8>), ServiceError>,
    ) -> Response {
        let mut headers = self.headers(request, request_id);
        let millis = self.clock.monotonic_millis().saturating_sub(begin);
        let status = answered.as_ref().map(|(status, _)| *status);
        self.requests.note(client, request, operation, millis, status, &headers[0].1);
        match answered {
            Ok((status, body)) => Response { status, headers, body },
            Err(error) => {
                if let Some(name) = error.header(request.header("user-agent").unwrap_or("")) {
                    headers.push((ERROR_TYPE_HEADER, name.to_owned()));
                }
                Response { status: error.http_status(), headers, body: error.to_json() }
            }
        }
    }

    fn headers(&self, request: &Request<'_>, request_id: String) -> Vec<(&'static str, String)> {
        let content_type = match request.route() {
            Route::Root => "text/plain",
            Route::Metrics => "text/plain; version=0.0.4",
            Route::Session | Route::Exchange => send_command::CONTENT_TYPE,
            Route::Health | Route::Ready | Route::Control => control::CONTENT_TYPE,
        };
        let mut headers = vec![(REQUEST_ID_HEADER, request_id), ("Content-Type", content_type.to_owned())];
        headers.extend(self.origins().headers(request));
        headers
    }

    /// Runs a command. Sets `operation` to the command's name as soon as the request is parsed.
    async fn session_api(
        &self,
        caller: &Caller,
        request: &Request<'_>,
        request_id: &str,
        operation: &mut &'static str,
    ) -> Result<Vec<u8>, ServiceError> {
        let unknown = |message: String| Err(ServiceError::new(Exception::UnknownOperation, message));
        let expected = send_command::TARGET;
        let mut targets = request.targets();
        match (request.method, request.path, (targets.next(), targets.next())) {
            ("POST", "/", (Some(target), None)) if target == expected => {
                let command = self.read_command(&caller.client, request.body).await?;
                *operation = command.command.name();
                let now = self.clock.monotonic_millis();
                self.rates.take_for(&caller.client, &command.command, now)?;
                let passed = match command.command {
                    Command::CommitTransaction { .. } => PassedOn::Commit,
                    _ => PassedOn::Command,
                };
                if let Some(token) = &command.session_token
                    && let Some(holder) = self.other_holder(caller, token)
                    && let Some(answered) = Box::pin(self.pass(caller, request, &holder, passed)).await
                {
                    return answered;
                }
                self.run_command(caller, request, command, request_id).await
            }
            ("POST", "/", (Some(target), None)) if target == outcome::TARGET => {
                *operation = "GetTransactionOutcome";
                Box::pin(self.outcome_of_anybody(caller, request)).await
            }
            ("POST", "/", (Some(target), None)) if caller.client == Client::Peer => {
                *operation = "PassedOn";
                Box::pin(self.held_session(caller, request, target, request_id)).await
            }
            ("POST", "/", (Some(target), None)) if target == everstrand_protocol::identity::TARGET => {
                *operation = "Administer";
                Box::pin(self.identity_api(caller, request, request_id)).await
            }
            ("POST", "/", (None, _)) => {
                unknown(format!("The header X-Amz-Target is missing; the session API needs {expected}"))
            }
            ("POST", "/", (Some(other), None)) => unknown(format!(
                "There is no operation {other}; the session API has {expected} and, of ours, {}",
                outcome::TARGET
            )),
            ("POST", "/", _) => unknown("The header X-Amz-Target occurs more than once".to_owned()),
            (method, path, _) => unknown(format!(
                "The header X-Amz-Target belongs to POST /, but this request is {method} {path}"
            )),
        }
    }

    /// Runs a command on a session of this server, and records it.
    pub(crate) async fn run_command(
        &self,
        caller: &Caller,
        request: &Request<'_>,
        command: SendCommandRequest,
        request_id: &str,
    ) -> Result<Vec<u8>, ServiceError> {
        let event = self.command_event(caller, request, &command, request_id);
        let ran = self.valid_command(caller, command).await;
        if let Some(event) = event {
            self.record_command(event, ran.as_ref().err());
        }
        let (reply, permit) = ran?;
        Ok(Scheduler::write(permit, bytes_of(&reply), || reply.to_json()))
    }

    /// Runs an operation of the control API on a thread that may wait.
    async fn control_api(
        &self,
        caller: &Caller,
        request: &Request<'_>,
        request_id: &str,
    ) -> Result<Vec<u8>, ServiceError> {
        let method = request.effective_method();
        let operation = ControlRequest::from_http(method, request.path, request.query, request.body)?;
        self.rates.take(&caller.client, self.clock.monotonic_millis())?;
        let event = self.record_begin(caller, request, &operation, request_id).await?;
        let answered = self.run_control(caller, operation).await;
        self.record_end(event, answered).await
    }

    async fn run_control(&self, caller: &Caller, request: ControlRequest) -> Result<Vec<u8>, ServiceError> {
        self.permit_control(caller, &request)?;
        let control = self.control_of_ledgers();
        if control.is_in_memory(&request) {
            return Ok(control.run(request)?.to_json());
        }
        // Open the ledger first and hold it, so that no worker thread blocks while a journal is replayed.
        let _open = match Control::ledger_read_by(&request) {
            Some(ledger) => Some(self.ledgers.open(ledger).await?),
            None => None,
        };
        let workers = match &request {
            ControlRequest::ImportJournal(_) => &self.imports.requests,
            _ if _open.is_some() => &self.ledgers.files,
            _ => &self.ledgers.changes,
        };
        workers.run(move || Ok(control.run(request)?.to_json())).await
    }

    /// Runs one operation of the control API. This blocks the thread while it waits for files or for a ledger that is being opened, so
    /// do not call it on a runtime's own thread.
    pub fn control(&self, request: ControlRequest) -> Result<ControlReply, ServiceError> {
        refuse_changes_of_audit(&request)?;
        self.control_of_ledgers().run(request)
    }

    fn control_of_ledgers(&self) -> Control {
        Control {
            ledgers: Arc::clone(&self.ledgers),
            published: Arc::clone(&self.published),
            imports: Arc::clone(&self.imports),
            place: self.place(),
        }
    }

    /// Forgets what is expired, and starts the next part of the background work. To be called about once a second. Does not block.
    pub fn sweep(&self) {
        self.sessions.sweep(self.clock.monotonic_millis());
        self.start_reading_users();
        let (published, publishes) = (Arc::clone(&self.published), self.config.checkpoints.is_some());
        let sessions = Arc::clone(&self.sessions);
        self.ledgers.start_watching_keys(move |ledger| sessions.end_those_of(ledger));
        self.ledgers.start_upkeep(move |digest| !publishes || published.covers(digest));
    }

    /// Accepts that blocks are missing from a ledger's journal, so that the ledger takes writes again. Answers the accepted loss.
    pub fn accept_loss(&self, name: &str) -> Result<Loss, ServiceError> {
        self.ledgers.accept_loss(name)
    }

    /// Encrypts everything that the data folder holds of a ledger. `progress` is told the number of slots that are encrypted, and of
    /// all. A call that was interrupted leaves a ledger that can be used, and the next call goes on.
    pub fn encrypt(&self, name: &str, progress: &mut dyn FnMut(u64, u64)) -> Result<(), ServiceError> {
        self.ledgers.encrypt(name, progress)
    }

    /// Seals the data keys of all ledgers under another master key. Answers how many there were to seal.
    pub fn seal_keys_again(&self, master_key: &MasterKey) -> Result<usize, String> {
        self.ledgers.seal_keys_again(master_key)
    }

    /// The time between two rounds of checkpoints; `None` if none are published.
    pub fn checkpoint_interval(&self) -> Option<std::time::Duration> {
        self.config.checkpoints.as_ref().map(|checkpoints| checkpoints.every)
    }

    /// Publishes a signed checkpoint of every ledger that has new blocks, if a place is configured. This blocks the thread while it
    /// waits for files and for the place's answers, so do not call it on a runtime's own thread.
    pub fn publish_checkpoints(&self) {
        if let Some(to) = &self.config.checkpoints {
            self.published.publish(to, self.due_checkpoints(), self.clock.monotonic_millis());
        }
    }

    /// Why the last attempt to publish a checkpoint of a ledger failed; `None` if it succeeded.
    pub fn checkpoint_problem(&self, strand_id: UniqueId) -> Option<String> {
        self.published.problem(strand_id)
    }

    /// The same, to be called every [`Service::checkpoint_interval`]. Does nothing while another call is publishing, or while it
    /// pauses after a failure.
    pub fn publish_checkpoints_on_cadence(&self) {
        if let Some(to) = &self.config.checkpoints {
            let now = self.clock.monotonic_millis();
            self.published.publish_on_cadence(to, || self.due_checkpoints(), now);
        }
    }

    /// The open ledgers, and some closed ones whose last digest was not published since the server started.
    fn due_checkpoints(&self) -> Vec<Due> {
        let now = self.clock.monotonic_millis();
        let mut opened = 0;
        let due = |known: LedgerOverview| {
            let ledger = match known.ledger {
                Some(ledger) => ledger,
                None if known.digest.is_none_or(|digest| self.published.still_covers(&digest, now)) => {
                    return None;
                }
                None if opened == OPENED_TO_PUBLISH => return None,
                None => {
                    opened += 1;
                    self.ledgers.open_blocking(&known.name).ok()?
                }
            };
            let seed = self.ledgers.checkpoint_seed(&known.name);
            Some(Due { name: known.name, ledger, seed })
        };
        self.ledgers.all().into_iter().filter_map(due).collect()
    }

    /// Stops long statements and refuses new ones. Commits under way are finished.
    pub fn stop_statements(&self) {
        self.scheduler.close();
    }

    /// Rolls open transactions back and closes every ledger. When this returns, the data folder can be opened again, also in this
    /// process.
    pub fn close(&self) {
        self.stop_statements();
        self.sessions.clear();
        self.imports.close();
        self.trails.iter().for_each(|trail| trail.flush());
        self.ledgers.close();
    }
}

/// The bytes of the values in an answer.
fn bytes_of(reply: &Reply) -> usize {
    let page = match reply {
        Reply::ExecuteStatement(result) => &result.first_page,
        Reply::FetchPage(result) => &result.page,
        _ => return 0,
    };
    let bytes = |value: &ValueHolder| match value {
        ValueHolder::IonBinary(bytes) => bytes.len(),
        ValueHolder::IonText(text) => text.len(),
    };
    page.values.iter().map(bytes).sum()
}
