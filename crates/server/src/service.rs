//! The server without sockets: the parts of an HTTP request in, the parts of its answer out.

use std::sync::Arc;

use everstrand_ledger::{Clock, Environment, Ids, Importer, Ledger, RandomIds, SystemClock};
use everstrand_protocol::control::{self, ControlRequest, PermissionsMode, Tags};
use everstrand_protocol::error::{ERROR_TYPE_HEADER, REQUEST_ID_HEADER};
use everstrand_protocol::signature::AmzDate;
use everstrand_protocol::{Exception, SendCommandRequest, ServiceError, send_command};

use crate::checkpoints::{Due, Published};
use crate::config::Config;
use crate::ledgers::Ledgers;
use crate::sessions::Sessions;

/// A request as a socket, or a test, hands it over.
pub struct Request<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path as it stands in the request line, percent-encoded.
    pub path: &'a str,
    /// The query without its question mark; empty when there is none.
    pub query: &'a str,
    /// Names, in whatever case, and values of the headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The value of a header; of the first of that name.
    fn header(&self, name: &str) -> Option<&'a str> {
        let mut headers = self.headers.iter();
        headers.find(|header| header.0.eq_ignore_ascii_case(name)).map(|header| header.1)
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Headers; the length of the body is left to whoever sends it.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Ledgers and the sessions on them, behind QLDB's two APIs.
pub struct Service {
    pub(crate) config: Config,
    pub(crate) ledgers: Ledgers,
    pub(crate) sessions: Sessions,
    pub(crate) published: Published,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
}

impl Service {
    /// Opens every ledger of the configured storage, with the machine's clock and random ids.
    pub fn open(config: Config) -> Result<Service, String> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let ids = Arc::new(RandomIds::new(Arc::clone(&clock)));
        Service::open_in(config, Environment { clock, ids })
    }

    /// Opens every ledger of the configured storage in a world of the caller's.
    pub fn open_in(config: Config, environment: Environment) -> Result<Service, String> {
        Ok(Service {
            ledgers: Ledgers::open_all(&config, environment.clone())?,
            sessions: Sessions::new(config.sessions_max),
            published: Published::default(),
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

    /// Answers one request. Every answer carries a request id; clients call the one of StartSession the
    /// session's id.
    pub async fn handle(&self, request: Request<'_>) -> Response {
        let target = request.header("x-amz-target");
        match (request.method, request.path, target) {
            ("GET", "/health", _) => self.answer(control::CONTENT_TYPE, Ok(br#"{"status":"ok"}"#.to_vec())),
            ("GET", "/metrics", _) => {
                self.answer("text/plain; version=0.0.4", Ok(self.metrics().into_bytes()))
            }
            ("POST", "/", _) | (_, _, Some(_)) => {
                let answered = match self.authenticate(&request) {
                    Ok(()) => self.session_api(target, request.body).await,
                    Err(error) => Err(error),
                };
                self.answer(send_command::CONTENT_TYPE, answered)
            }
            _ => {
                let answered = self.authenticate(&request).and_then(|()| self.control_api(&request));
                self.answer(control::CONTENT_TYPE, answered)
            }
        }
    }

    /// Answers a request that could not even be read.
    pub fn refuse(&self, error: ServiceError) -> Response {
        self.answer(send_command::CONTENT_TYPE, Err(error))
    }

    fn answer(&self, content_type: &str, answered: Result<Vec<u8>, ServiceError>) -> Response {
        let mut headers =
            vec![(REQUEST_ID_HEADER, self.next_request_id()), ("Content-Type", content_type.to_owned())];
        match answered {
            Ok(body) => Response { status: 200, headers, body },
            Err(error) => {
                headers.push((ERROR_TYPE_HEADER, error.exception.name().to_owned()));
                Response { status: error.http_status(), headers, body: error.to_json() }
            }
        }
    }

    /// Whether the request may be answered. Where nobody has to sign, whoever reaches the server may do everything;
    /// the pages that somebody looks at in a browser on the same machine are not to be among them.
    fn authenticate(&self, request: &Request<'_>) -> Result<(), ServiceError> {
        if let Some(keys) = &self.config.access_keys {
            return keys
                .check(request, AmzDate::from_unix_seconds(self.clock.unix_millis().div_euclid(1000)));
        }
        let site = request.header("sec-fetch-site").filter(|site| *site != "none");
        match request.header("origin").or(site) {
            None => Ok(()),
            Some(_) => Err(ServiceError::new(
                Exception::AccessDenied,
                "A web page has sent this, and without access keys any page could: see everstrand serve --access-keys",
            )),
        }
    }

    async fn session_api(&self, target: Option<&str>, body: &[u8]) -> Result<Vec<u8>, ServiceError> {
        match target {
            Some(send_command::TARGET) => {
                let request = SendCommandRequest::from_json_within(body, &self.wire_limits())?;
                Ok(self.valid_command(request).await?.to_json())
            }
            Some(other) => Err(ServiceError::new(
                Exception::UnknownOperation,
                format!("There is no operation {other}; the session API has {}", send_command::TARGET),
            )),
            None => Err(ServiceError::new(
                Exception::UnknownOperation,
                format!("The header X-Amz-Target is missing; the session API wants {}", send_command::TARGET),
            )),
        }
    }

    fn control_api(&self, request: &Request<'_>) -> Result<Vec<u8>, ServiceError> {
        let request = ControlRequest::from_http(request.method, request.path, request.query, request.body)?;
        Ok(self.control(request)?.to_json())
    }

    /// Clears away what has expired; to be called about once a second.
    pub fn sweep(&self) {
        self.sessions.sweep(self.clock.monotonic_millis());
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

    /// The same as often as [`Service::checkpoint_interval`] says: does nothing while another call is still at it,
    /// and leaves a place that fails in peace for a while.
    pub fn publish_checkpoints_on_cadence(&self) {
        if let Some(to) = &self.config.checkpoints {
            let now = self.clock.monotonic_millis();
            self.published.publish_on_cadence(to, || self.due_checkpoints(), now);
        }
    }

    fn due_checkpoints(&self) -> Vec<Due> {
        let due = |(name, ledger): (String, Ledger)| {
            let seed = self.ledgers.checkpoint_seed(&name);
            Due { name, digest: ledger.digest(), seed }
        };
        self.ledgers.opened().into_iter().map(due).collect()
    }

    /// Rolls back what is open and closes every ledger.
    pub fn close(&self) {
        self.sessions.clear();
        self.ledgers.close();
    }
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
