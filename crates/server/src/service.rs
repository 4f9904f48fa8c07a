//! The server without sockets: the parts of an HTTP request in, the parts of its answer out.

use std::sync::{Arc, RwLock};

use everstrand_journal::UniqueId;
use everstrand_ledger::{
    Clock, Environment, HeldBytes, Ids, Importer, Ledger, LedgerOptions, Loss, RandomIds, SystemClock,
};
use everstrand_protocol::control::{self, ControlReply, ControlRequest, PermissionsMode, Tags};
use everstrand_protocol::error::{ERROR_TYPE_HEADER, REQUEST_ID_HEADER};
use everstrand_protocol::{Exception, Reply, ServiceError, ValueHolder, send_command};

use crate::access_keys::AccessKeys;
use crate::checkpoints::{Due, Published};
use crate::client::{Admission, Caller, Client};
use crate::config::{Config, Storage};
use crate::control::Control;
use crate::ledgers::{Known, Ledgers, Settings};
use crate::request::{Request, Response, Route};
use crate::requests::Requests;
use crate::scheduler::Scheduler;
use crate::sessions::Sessions;

/// So many closed ledgers are opened in a round of checkpoints, to publish one of each.
const OPENED_TO_PUBLISH: usize = 32;

/// Ledgers and the sessions on them, behind QLDB's two APIs.
pub struct Service {
    pub(crate) config: Config,
    pub(crate) ledgers: Arc<Ledgers>,
    pub(crate) sessions: Sessions,
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) published: Arc<Published>,
    /// Those of the configuration, until others take their place.
    pub(crate) access_keys: RwLock<Option<Arc<AccessKeys>>>,
    pub(crate) requests: Requests,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
}

impl Service {
    /// Finds every ledger of the configured storage, with the machine's clock and random ids. A ledger is opened when
    /// it is first asked for.
    pub fn open(config: Config) -> Result<Service, String> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let ids = Arc::new(RandomIds::new(Arc::clone(&clock)));
        Service::open_in(config, Environment { clock, ids })
    }

    /// Finds every ledger of the configured storage in a world of the caller's.
    pub fn open_in(config: Config, environment: Environment) -> Result<Service, String> {
        Ok(Service {
            ledgers: Arc::new(Ledgers::find(settings(&config), environment.clone())?),
            sessions: Sessions::new(config.sessions_max),
            scheduler: Arc::new(Scheduler::new(config.concurrency, Arc::clone(&environment.clock))),
            published: Arc::default(),
            access_keys: RwLock::new(config.access_keys.clone().map(Arc::new)),
            requests: Requests::default(),
            clock: environment.clock,
            ids: environment.ids,
            config,
        })
    }

    /// Creates a ledger of this name, as an operator does at the start of the program.
    pub fn create_ledger_unless_it_exists(&self, name: &str) -> Result<(), ServiceError> {
        check_name(name)?;
        match self.ledgers.create(name, PermissionsMode::AllowAll, false, Tags::new()) {
            Err(error) if error.exception == Exception::ResourceAlreadyExists => Ok(()),
            other => other.map(drop),
        }
    }

    /// Creates a ledger whose journal begins with blocks that another one made: `write_blocks` pushes them. When it
    /// fails there is no such ledger.
    pub fn import_ledger(
        &self,
        name: &str,
        write_blocks: &mut dyn FnMut(&mut Importer<'_>) -> Result<(), String>,
    ) -> Result<(), ServiceError> {
        check_name(name)?;
        self.ledgers.import(name, write_blocks).map(drop)
    }

    /// Serves a ledger that the caller has opened, over slots and a view of the caller's.
    pub fn serve_ledger(&self, name: &str, ledger: Ledger) -> Result<(), ServiceError> {
        self.ledgers.take_up_open(name, ledger)
    }

    /// An id for a request, of the form that QLDB's requests had.
    pub fn next_request_id(&self) -> String {
        self.ids.next().to_string()
    }

    /// Answers one request of a caller in this process. Every answer carries a request id; clients call the one of
    /// StartSession the session's id.
    pub async fn handle(&self, request: Request<'_>) -> Response {
        match self.admit(&request, Client::InProcess) {
            Ok(admission) => self.answer(admission, request).await,
            Err(error) => self.refuse(&Client::InProcess, &request, error),
        }
    }

    /// Answers a request that was [admitted](Service::admit) and has its body now.
    pub async fn answer(&self, admission: Admission, request: Request<'_>) -> Response {
        let begin = self.clock.monotonic_millis();
        let Admission { caller, signed } = admission;
        let client = &caller.client;
        if let Some((authorization, key)) = signed
            && let Err(error) = authorization.check(&request.signed_parts(), &key, self.amz_date())
        {
            return self.refuse(client, &request, error);
        }
        let (operation, answered) = match request.route() {
            Route::Health => ("Health", Ok((200, br#"{"status":"ok"}"#.to_vec()))),
            Route::Ready => ("Ready", Ok(self.ready())),
            Route::Metrics => ("Metrics", Ok((200, self.metrics().into_bytes()))),
            Route::Session => {
                let mut operation = "SendCommand";
                let answered = self.session_api(&caller, &request, &mut operation).await;
                (operation, answered.map(|body| (200, body)))
            }
            Route::Control => ("Control", self.control_api(&request).await.map(|body| (200, body))),
        };
        self.finish(client, &request, operation, begin, answered)
    }

    /// Answers a request with an error, such as one whose body could not be read.
    pub fn refuse(&self, client: &Client, request: &Request<'_>, error: ServiceError) -> Response {
        self.finish(client, request, "Refused", self.clock.monotonic_millis(), Err(error))
    }

    fn finish(
        &self,
        client: &Client,
        request: &Request<'_>,
        operation: &'static str,
        begin: u64,
        answered: Result<(u16, Vec<u8>), ServiceError>,
    ) -> Response {
        let mut headers = self.headers(request);
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

    fn headers(&self, request: &Request<'_>) -> Vec<(&'static str, String)> {
        let content_type = match request.route() {
            Route::Metrics => "text/plain; version=0.0.4",
            Route::Session => send_command::CONTENT_TYPE,
            Route::Health | Route::Ready | Route::Control => control::CONTENT_TYPE,
        };
        vec![(REQUEST_ID_HEADER, self.next_request_id()), ("Content-Type", content_type.to_owned())]
    }

    /// Runs a command, and says which as soon as that is known.
    async fn session_api(
        &self,
        caller: &Caller,
        request: &Request<'_>,
        operation: &mut &'static str,
    ) -> Result<Vec<u8>, ServiceError> {
        let unknown = |message: String| Err(ServiceError::new(Exception::UnknownOperation, message));
        let expected = send_command::TARGET;
        match (request.method, request.path, request.targets().as_slice()) {
            ("POST", "/", [target]) if *target == expected => {
                let request = self.read_command(&caller.client, request.body).await?;
                *operation = request.command.name();
                let (reply, place) = self.valid_command(caller, request).await?;
                Ok(Scheduler::write(place, bytes_of(&reply), || reply.to_json()))
            }
            ("POST", "/", []) => {
                unknown(format!("The header X-Amz-Target is missing; the session API wants {expected}"))
            }
            ("POST", "/", [other]) => {
                unknown(format!("There is no operation {other}; the session API has {expected}"))
            }
            ("POST", "/", _) => unknown("The header X-Amz-Target is there more than once".to_owned()),
            (method, path, _) => {
                unknown(format!("The header X-Amz-Target belongs to POST /, and this is {method} {path}"))
            }
        }
    }

    /// Runs an operation of the control API on a thread that may wait.
    async fn control_api(&self, request: &Request<'_>) -> Result<Vec<u8>, ServiceError> {
        let method = request.method_but_for_the_body();
        let request = ControlRequest::from_http(method, request.path, request.query, request.body)?;
        let control = self.control_of_ledgers();
        if Control::is_in_memory(&request) {
            return Ok(control.run(request)?.to_json());
        }
        // Opened first, and held: a journal that is being replayed keeps no thread waiting.
        let _open = match Control::reads(&request) {
            Some(ledger) => Some(self.ledgers.open(ledger).await?),
            None => None,
        };
        let workers = if _open.is_some() { &self.ledgers.files } else { &self.ledgers.changes };
        workers.run(move || Ok(control.run(request)?.to_json())).await
    }

    /// Runs one operation of the control API. Waits for files, and for a ledger that is being opened: to be called on
    /// a thread that may, and not on a runtime's own.
    pub fn control(&self, request: ControlRequest) -> Result<ControlReply, ServiceError> {
        self.control_of_ledgers().run(request)
    }

    fn control_of_ledgers(&self) -> Control {
        Control {
            ledgers: Arc::clone(&self.ledgers),
            region: self.config.region.clone(),
            account: self.config.account.clone(),
        }
    }

    /// Clears away what has expired, and has the next part of what nobody asks for done: ledgers that are not used are
    /// closed, journals are checked. To be called about once a second; does not wait.
    pub fn sweep(&self) {
        self.sessions.sweep(self.clock.monotonic_millis());
        let (published, publishes) = (Arc::clone(&self.published), self.config.checkpoints.is_some());
        self.ledgers.keep_up(move |digest| !publishes || published.covers(digest));
    }

    /// Lets a ledger go on, for writing too, without the blocks that are missing from its journal. Answers what they
    /// were.
    pub fn accept_loss(&self, name: &str) -> Result<Loss, ServiceError> {
        self.ledgers.accept_loss(name)
    }

    /// How often checkpoints are to be published; never where no place is configured.
    pub fn checkpoint_interval(&self) -> Option<std::time::Duration> {
        self.config.checkpoints.as_ref().map(|checkpoints| checkpoints.every)
    }

    /// Publishes a signed checkpoint of every ledger that has new blocks, where a place is configured. Waits for
    /// files and for the place's answers: to be called on a thread that may, and not on a runtime's own.
    pub fn publish_checkpoints(&self) {
        if let Some(to) = &self.config.checkpoints {
            self.published.publish(to, self.due_checkpoints(), self.clock.monotonic_millis());
        }
    }

    /// Why no checkpoint of a ledger could be published the last time that it was tried; nothing where it could.
    pub fn checkpoint_problem(&self, strand_id: UniqueId) -> Option<String> {
        self.published.problem(strand_id)
    }

    /// The same as often as [`Service::checkpoint_interval`] says: does nothing while another call is still at it,
    /// and leaves a place that fails in peace for a while.
    pub fn publish_checkpoints_on_cadence(&self) {
        if let Some(to) = &self.config.checkpoints {
            let now = self.clock.monotonic_millis();
            self.published.publish_on_cadence(to, || self.due_checkpoints(), now);
        }
    }

    /// All that are open, and some of those that are closed and were not published since the server started.
    fn due_checkpoints(&self) -> Vec<Due> {
        let now = self.clock.monotonic_millis();
        let mut opened = 0;
        let due = |known: Known| {
            let ledger = match known.ledger {
                Some(ledger) => ledger,
                None if known.digest.is_none_or(|digest| self.published.covers_still(&digest, now)) => {
                    return None;
                }
                None if opened == OPENED_TO_PUBLISH => return None,
                None => {
                    opened += 1;
                    self.ledgers.open_here(&known.name).ok()?
                }
            };
            let seed = self.ledgers.checkpoint_seed(&known.name);
            Some(Due { name: known.name, ledger, seed })
        };
        self.ledgers.all().into_iter().filter_map(due).collect()
    }

    /// Ends the statements that run long, and begins none any more; commits that are under way go on.
    pub fn stop_statements(&self) {
        self.scheduler.close();
    }

    /// Rolls back what is open and closes every ledger. When this returns, the data folder can be opened again, in this
    /// process too.
    pub fn close(&self) {
        self.stop_statements();
        self.sessions.clear();
        self.ledgers.close();
    }
}

/// What the configuration says about the ledgers.
fn settings(config: &Config) -> Settings {
    Settings {
        folder: match &config.storage {
            Storage::Memory => None,
            Storage::Folder(folder) => Some(folder.clone()),
        },
        ledger: LedgerOptions {
            limits: config.limits.clone(),
            extensions: config.extensions,
            record_reads: config.record_reads,
            held_bytes: HeldBytes::new(config.memory.held_rows(), "--memory"),
            ..LedgerOptions::default()
        },
        cache_bytes: config.memory.caches() as u64,
        idle_millis: u64::try_from(config.ledger_idle.as_millis()).unwrap_or(u64::MAX),
        open_max: config.ledgers_open_max,
    }
}

/// How many bytes the values of an answer have.
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

fn check_name(name: &str) -> Result<(), ServiceError> {
    if send_command::is_ledger_name(name) {
        return Ok(());
    }
    Err(ServiceError::bad_request(format!(
        "{name:?} is no name for a ledger: 1 to 32 letters, digits and hyphens, not only digits, \
         no hyphen at either end or twice in a row"
    )))
}
