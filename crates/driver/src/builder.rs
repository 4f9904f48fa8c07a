//! The settings of a driver.

use std::sync::Arc;
use std::time::Duration;

use everstrand_protocol::send_command::is_ledger_name;
use everstrand_protocol::signature::Credentials;

use crate::driver::{QldbDriver, Settings};
use crate::error::Error;
use crate::http::{HttpTransport, HttpTransportBuilder};
use crate::pool::PoolSettings;
use crate::retry::{Chance, RetryPolicy};
use crate::transaction::core::LIFETIME;
use crate::transport::Transport;
use crate::unpooled::UnpooledQldbDriver;

/// Sets up a [`QldbDriver`].
#[derive(Debug)]
pub struct QldbDriverBuilder {
    ledger_name: String,
    policy: RetryPolicy,
    pool: PoolSettings,
    read_ahead: usize,
    transaction_lifetime: Duration,
    seed: Option<u64>,
    http: HttpTransportBuilder,
}

impl QldbDriverBuilder {
    pub(crate) fn new(ledger_name: impl Into<String>) -> QldbDriverBuilder {
        QldbDriverBuilder {
            ledger_name: ledger_name.into(),
            policy: RetryPolicy::default(),
            pool: PoolSettings::default(),
            read_ahead: 0,
            transaction_lifetime: LIFETIME,
            seed: None,
            http: HttpTransport::builder(),
        }
    }

    /// How often a closure may run again after its first run; 4 unless set.
    #[must_use]
    pub fn retry_limit(mut self, retry_limit: u32) -> QldbDriverBuilder {
        self.policy.retry_limit = retry_limit;
        self
    }

    /// How often a closure may run again, and after which waits.
    #[must_use]
    pub fn retry_policy(mut self, policy: RetryPolicy) -> QldbDriverBuilder {
        self.policy = policy;
        self
    }

    /// How many sessions the driver keeps, and how long.
    #[must_use]
    pub fn pool(mut self, settings: PoolSettings) -> QldbDriverBuilder {
        self.pool = settings;
        self
    }

    /// The most sessions at the same time, and with that the most transactions; 50 unless set.
    #[must_use]
    pub fn max_concurrent_transactions(mut self, sessions_max: usize) -> QldbDriverBuilder {
        self.pool.sessions_max = sessions_max;
        self
    }

    /// The most pages of a result that are held: the one that is read, and those that a background task has fetched. With
    /// 0, which is the default, a page is fetched when it is needed. 1 is not allowed.
    #[must_use]
    pub fn read_ahead(mut self, pages: usize) -> QldbDriverBuilder {
        self.read_ahead = pages;
        self
    }

    /// How long a transaction may take; 30 seconds unless set. The service decides this; the driver only refuses to send what
    /// comes too late.
    #[must_use]
    pub fn transaction_lifetime(mut self, lifetime: Duration) -> QldbDriverBuilder {
        self.transaction_lifetime = lifetime;
        self
    }

    /// The region, which endpoint and signatures need. If it is not set, it is `AWS_REGION` or `AWS_DEFAULT_REGION`.
    #[must_use]
    pub fn region(self, region: impl Into<String>) -> QldbDriverBuilder {
        let region = region.into();
        self.http(|http| http.region(region))
    }

    /// The URL of the service. If it is not set, it is `AWS_ENDPOINT_URL_QLDB_SESSION`, `AWS_ENDPOINT_URL` or QLDB's own
    /// address in the region.
    #[must_use]
    pub fn endpoint(self, url: impl Into<String>) -> QldbDriverBuilder {
        let url = url.into();
        self.http(|http| http.endpoint(url))
    }

    /// The access key that signs requests. If it is not set, it is `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
    /// `AWS_SESSION_TOKEN`.
    #[must_use]
    pub fn credentials(self, credentials: Credentials) -> QldbDriverBuilder {
        self.http(|http| http.credentials(credentials))
    }

    /// How long to wait for an answer; 60 seconds unless set.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> QldbDriverBuilder {
        self.http(|http| http.timeout(timeout))
    }

    /// Sets what else a [`HttpTransportBuilder`] can: certificates, a proxy, the user agent.
    #[must_use]
    pub fn http(
        mut self,
        set: impl FnOnce(HttpTransportBuilder) -> HttpTransportBuilder,
    ) -> QldbDriverBuilder {
        self.http = set(self.http);
        self
    }

    /// Draws the waits between attempts from this seed, so that they are the same in every run.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> QldbDriverBuilder {
        self.seed = Some(seed);
        self
    }

    /// Makes a driver over HTTP. It connects with its first command. An error says which setting is missing or wrong.
    pub fn build(mut self) -> Result<QldbDriver<HttpTransport>, Error> {
        let transport = std::mem::take(&mut self.http).build()?;
        self.build_over(Arc::new(transport))
    }

    /// Makes a driver over another transport; the settings for HTTP are ignored. An error says which setting is wrong.
    pub fn build_over<T: Transport>(self, transport: Arc<T>) -> Result<QldbDriver<T>, Error> {
        let wrong = |message: &str| Err(Error::Configuration(message.to_owned()));
        if !is_ledger_name(&self.ledger_name) {
            return wrong(&format!("{:?} is not the name of a ledger", self.ledger_name));
        }
        if self.read_ahead == 1 {
            return wrong("read_ahead must be 0 or at least 2: the page being read counts");
        }
        if self.pool.sessions_max == 0 {
            return wrong("sessions_max must be at least 1: a transaction needs a session");
        }
        let settings = Settings {
            policy: self.policy,
            read_ahead: self.read_ahead,
            transaction_lifetime: self.transaction_lifetime,
            chance: Chance::new(self.seed),
        };
        Ok(QldbDriver::new(self.ledger_name, transport, self.pool, settings))
    }

    /// Makes a driver over another transport, which starts a session for each call. It fails as
    /// [`build_over`](QldbDriverBuilder::build_over) does.
    pub fn build_unpooled<T: Transport>(mut self, transport: Arc<T>) -> Result<UnpooledQldbDriver<T>, Error> {
        self.pool = PoolSettings { age_max: Duration::ZERO, sessions_max: usize::MAX, ..self.pool };
        self.build_over(transport).map(UnpooledQldbDriver::new)
    }
}

impl QldbDriver<HttpTransport> {
    /// Begins to set up a driver for a ledger.
    pub fn builder(ledger_name: impl Into<String>) -> QldbDriverBuilder {
        QldbDriverBuilder::new(ledger_name)
    }
}
