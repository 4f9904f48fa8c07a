//! `everstrand serve`: a server until it is told to stop.

use std::error::Error;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use everstrand_ledger::Limits;
use everstrand_protocol::Exception;
use everstrand_server::config::{AuditLedger, CheckpointPlace, Checkpoints, Config, Storage};
use everstrand_server::{
    AccessKeys, AuditTrail, ClusterKey, Descriptors, Memory, Origin, PeerSettings, Service, http,
};

use crate::{announce, identity, listen, master_key, place, places_of_copies, store, tls};

/// What `serve` may be told.
#[derive(clap::Args)]
#[group(id = "serve")]
#[command(group = clap::ArgGroup::new("audit").args(["audit_log", "audit_ledger"]).multiple(true))]
pub(crate) struct Arguments {
    /// A file with settings in TOML, as in `listen = "127.0.0.1:8182"`: the names of these arguments, and texts, numbers, true or a
    /// list. What is given as an argument or by a variable goes before the file
    #[arg(long, env = "EVERSTRAND_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder that holds the ledgers [default: the variable EVERSTRAND_DATA, else ./everstrand-data]
    #[arg(long, value_name = "DIR", conflicts_with = "in_memory")]
    data: Option<PathBuf>,
    /// Keep ledgers in this store, which other servers may use at the same time: s3://BUCKET/PREFIX or
    /// postgres://USER@HOST/DATABASE. Pass a location with a password in the variable EVERSTRAND_STORE, because other users of
    /// the machine can see the arguments. Credentials and region of an object store come from the usual AWS variables
    #[arg(
        long, env = "EVERSTRAND_STORE", hide_env_values = true, value_name = "LOCATION",
        conflicts_with_all = ["data", "in_memory", "checkpoints"]
    )]
    store: Option<String>,
    #[command(flatten)]
    store_access: store::Access,
    /// Only read the store, and refuse whatever writes. Such a server needs no permission to write, and its reads are as current as
    /// those of the others
    #[arg(long, env = "EVERSTRAND_FOLLOW", requires = "store", conflicts_with_all = ["create_ledger", "record_reads", "audit_ledger"])]
    follow: bool,
    /// The folder for what is computed from the ledgers of a store. It may be lost at any time [default: ./everstrand-cache]
    #[arg(long, env = "EVERSTRAND_CACHE", value_name = "DIR", requires = "store")]
    cache: Option<PathBuf>,
    /// Where to listen: an address or a host name with a port, or a port alone for 127.0.0.1. Port 0 picks a free one
    #[arg(long, env = "EVERSTRAND_LISTEN", value_name = "ADDR:PORT", default_value = "127.0.0.1:8182", value_parser = listen::parse)]
    listen: SocketAddr,
    /// Keep ledgers in memory only; they are gone when the server stops
    #[arg(long)]
    in_memory: bool,
    /// The memory that clients can make the server use. A quarter each is for rows that statements sort and group, for the
    /// cache of views, and for connections; an eighth each for bodies of requests, and for answers that clients have not
    /// read. Without a size it means --in-memory [default: 256MiB]
    #[arg(long, env = "EVERSTRAND_MEMORY", value_name = "SIZE")]
    memory: Option<Option<Memory>>,
    /// Create this ledger at the start, unless it exists (may be repeated)
    #[arg(long, value_name = "NAME")]
    create_ledger: Vec<String>,
    /// Set a limit of every ledger (may be repeated); `--limit help` lists them
    #[arg(long, value_name = "NAME=N")]
    limit: Vec<String>,
    /// Refuse statements that QLDB would have refused: no ORDER BY, GROUP BY, UNIQUE and so on. A ledger with the tag
    /// everstrand:strict follows its tag instead
    #[arg(long)]
    strict: bool,
    /// Write a block for a read-only transaction too, as QLDB did, so that the journal records all statements
    #[arg(long)]
    record_reads: bool,
    /// Publish signed checkpoints of every ledger's digest in this folder, or below this URL with HTTP PUT. A user and
    /// password, or a token, in the URL are sent as the header Authorization. Pass a URL with a secret in the variable
    /// EVERSTRAND_CHECKPOINTS, because other users of the machine can see the arguments
    #[arg(long, env = "EVERSTRAND_CHECKPOINTS", hide_env_values = true, value_name = "DIR|URL")]
    checkpoints: Option<String>,
    /// Seconds between two checkpoints
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u32).range(1..))]
    checkpoint_interval: u32,
    /// Answer only requests that are signed with an access key in this file, which has the format of the AWS tools'
    /// ~/.aws/credentials
    #[arg(long, env = "EVERSTRAND_ACCESS_KEYS", value_name = "FILE")]
    access_keys: Option<PathBuf>,
    /// A file with a secret of 32 bytes or more, the same for all servers over one store, which `openssl rand -hex 32` makes.
    /// With it a server can tell what became of a transaction that began on another server, or before its own restart
    #[arg(long, env = "EVERSTRAND_CLUSTER_KEY", value_name = "FILE")]
    cluster_key: Option<PathBuf>,
    /// The URL at which the other servers over the store reach this one, such as http://10.0.0.5:8182. With it every server takes
    /// the commands of every session, and passes on those of sessions that another server holds
    #[arg(long, env = "EVERSTRAND_ADVERTISE", value_name = "URL", requires_all = ["store", "cluster_key"])]
    advertise: Option<String>,
    /// The certificates (PEM) by which the other servers are known, if their URLs begin with https://
    #[arg(long, env = "EVERSTRAND_PEER_CA", value_name = "FILE", requires = "advertise")]
    peer_ca: Option<PathBuf>,
    /// A host name that requests may ask for, or `*` for any (may be repeated). Without it a server that listens on
    /// loopback answers only requests for localhost and loopback addresses, because a web page can give its own host name
    /// such an address
    #[arg(long, value_name = "NAME")]
    host_name: Vec<String>,
    /// Refuse further requests of a client, who is an access key or else an address, that sends more than this in a second. A
    /// commit, and what else ends a transaction or a session, is never refused for this
    #[arg(long, value_name = "N")]
    requests_per_second: Option<NonZeroU32>,
    /// Record who did what to which ledger in this file, one JSON object a line, in the field names of AWS CloudTrail: operations of
    /// the control API. SIGHUP makes the server open the file by its name again
    #[arg(long, env = "EVERSTRAND_AUDIT_LOG", value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// Record it in the ledger everstrand-audit, which the server creates. Clients can read, verify and audit it, and nobody can
    /// write or delete it. An operation is answered when it stands there
    #[arg(long, env = "EVERSTRAND_AUDIT_LEDGER")]
    audit_ledger: bool,
    /// Record commands of the session API there too, without their statements and parameters
    #[arg(long, requires = "audit")]
    audit_data_events: bool,
    /// With access keys or users: an origin whose web pages may send requests, such as https://app.example (may be repeated). They must be
    /// signed like all others. Pages of other origins are refused
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<Origin>,
    #[command(flatten)]
    tls: tls::Files,
    #[command(flatten)]
    users: identity::serve::Users,
    /// Allow listening on a non-loopback address without TLS, or without users, access keys or certificates of clients
    #[arg(long)]
    insecure_listen: bool,
}

/// How long the server waits for its last checkpoints when it stops.
const CHECKPOINTS_GRACE: Duration = Duration::from_secs(2);
/// How long the server waits for its threads when it stops.
const THREADS_GRACE: Duration = Duration::from_millis(500);

/// Serves until SIGTERM or Ctrl-C.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    if arguments.limit.iter().any(|limit| limit == "help") {
        for (name, value, meaning) in Limits::default().list() {
            println!("{name}={value}\t{meaning}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let access_keys = arguments.access_keys.as_deref().map(read_access_keys).transpose()?;
    let users_are_expected = arguments.users.are_expected(&place::data_folder(arguments.data.as_deref()));
    check_listen(&arguments, users_are_expected)?;
    let tls = arguments.tls.open()?.map(Arc::new);
    if let Some(key) = arguments.tls.key() {
        warn_if_open(key, "key of the certificate");
    }
    let (storage, redaction_refused) = storage(&arguments)?;
    let mut config = Config::new(storage);
    config.memory = arguments.memory.flatten().unwrap_or_default();
    if arguments.listen.ip().is_loopback() || !arguments.host_name.is_empty() {
        config.host_names = Some(arguments.host_name);
    }
    for limit in &arguments.limit {
        config.limits.set(limit)?;
    }
    config.extensions = !arguments.strict;
    config.record_reads = arguments.record_reads;
    config.redaction_refused = redaction_refused;
    config.access_keys = access_keys;
    config.allowed_origins = arguments.allow_origin;
    master_key::configure(&mut config)?;
    config.places_of_copies = Some(places_of_copies::open_with(arguments.store_access.clone()));
    arguments.users.configure(&mut config)?;
    config.requests_per_second = arguments.requests_per_second;
    let audit_trail = arguments.audit_log.as_deref();
    let audit_trail =
        audit_trail.map(|file| AuditTrail::open(file, arguments.audit_data_events)).transpose()?;
    config.audit_trail = audit_trail;
    let data_events = arguments.audit_data_events;
    config.audit_ledger = arguments.audit_ledger.then_some(AuditLedger { data_events });
    config.cluster_key = arguments.cluster_key.as_deref().map(read_cluster_key).transpose()?;
    config.peers = arguments.advertise.map(|url| PeerSettings::new(&url, arguments.peer_ca)).transpose()?;
    let place = arguments.checkpoints.as_deref().filter(|place| !place.is_empty());
    let place = place.map(CheckpointPlace::parse).transpose()?;
    let every = Duration::from_secs(arguments.checkpoint_interval.into());
    config.checkpoints = place.map(|place| Checkpoints::new(place, every));
    let descriptors = Descriptors::of_process(config.memory.connections());
    config.ledgers_open_max = descriptors.ledgers_open_max;
    config.connections_max = descriptors.connections_max;
    config.view_files_max = descriptors.view_files_max;

    let runtime = http::runtime(&config)?;
    let (listen, ledgers) = (arguments.listen, &arguments.create_ledger);
    let serving = serve(config, listen, ledgers, arguments.access_keys, users_are_expected, tls);
    let served = runtime.block_on(serving);
    // Threads that still wait for something do not keep the process alive.
    runtime.shutdown_timeout(THREADS_GRACE);
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Where the ledgers lie, and why data cannot be redacted there, if they cannot.
fn storage(arguments: &Arguments) -> Result<(Storage, Option<String>), Box<dyn Error>> {
    let in_memory = arguments.in_memory || arguments.memory == Some(None);
    let cache = || Some(arguments.cache.clone().unwrap_or_else(|| PathBuf::from("./everstrand-cache")));
    Ok(match (in_memory, &arguments.data, &arguments.store) {
        (true, _, Some(_)) => {
            return Err(
                "--store and --memory without a size exclude each other: the ledgers lie in the store".into(),
            );
        }
        (true, Some(_), None) => {
            return Err("--data and --memory without a size exclude each other: --memory without a size keeps ledgers in \
                        memory, not in a folder"
                .into());
        }
        (true, None, None) => (Storage::Memory, None),
        (false, None, Some(location)) if arguments.follow => {
            let store = arguments.store_access.open_to_follow(location)?;
            (Storage::Followed { store, cache: cache() }, None)
        }
        (false, None, Some(location)) => {
            let served = arguments.store_access.open_to_serve(location)?;
            (Storage::Shared { store: served.store, cache: cache() }, served.redaction_refused)
        }
        // The variable is read here and not by the parser of arguments, so that --in-memory goes before it.
        (false, data, _) => (Storage::Folder(place::data_folder(data.as_deref())), None),
    })
}

/// Refuses to listen where others can reach the server without protection, unless the operator allows it.
fn check_listen(arguments: &Arguments, users_are_expected: bool) -> Result<(), String> {
    let listen = arguments.listen;
    if listen.ip().is_loopback() || arguments.insecure_listen {
        return Ok(());
    }
    let is_open = arguments.access_keys.is_none() && !users_are_expected;
    if is_open && !arguments.tls.demand_certificates() {
        return Err(format!(
            "{listen} is not a loopback address, and requests need no signature, so anybody who reaches it may read and write \
             every ledger. Demand signatures with everstrand init or --access-keys FILE, or allow this with --insecure-listen"
        ));
    }
    if !arguments.tls.are_named() {
        return Err(format!(
            "{listen} is not a loopback address, and over plain HTTP anybody on the way reads what is sent. Speak TLS with \
             --tls-cert FILE --tls-key FILE, or allow this with --insecure-listen"
        ));
    }
    Ok(())
}

fn read_access_keys(file: &Path) -> Result<AccessKeys, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let keys = text.and_then(|text| AccessKeys::parse(&text));
    let keys = keys.map_err(|error| format!("{}: {error}", file.display()))?;
    warn_if_open(file, "access keys");
    Ok(keys)
}

fn read_cluster_key(file: &Path) -> Result<ClusterKey, String> {
    let secret = std::fs::read(file).map_err(|error| error.to_string());
    let key = secret.and_then(|secret| ClusterKey::from_secret(&secret));
    let key = key.map_err(|error| format!("{}: {error}", file.display()))?;
    warn_if_open(file, "cluster key");
    Ok(key)
}

/// Warns if other users may read a file with secrets. It is not refused, because the modes of secrets mounted into a
/// container often cannot be chosen.
fn warn_if_open(file: &Path, secret: &str) {
    #[cfg(unix)]
    if let Ok(metadata) = std::fs::metadata(file)
        && std::os::unix::fs::MetadataExt::mode(&metadata) & 0o077 != 0
    {
        tracing::warn!(
            file = %file.display(), secret,
            "other users of this machine may read this secret; change the mode of the file with chmod 600"
        );
    }
    #[cfg(not(unix))]
    let _ = (file, secret);
}

async fn serve(
    config: Config,
    listen: SocketAddr,
    ledgers: &[String],
    access_keys: Option<PathBuf>,
    users_are_expected: bool,
    tls: Option<Arc<http::Tls>>,
) -> Result<(), Box<dyn Error>> {
    // Catch signals before anything is opened, so that a signal during the replay of a journal stops the server.
    let shutdown = shutdown_signal()?;
    let audit_trail = config.audit_trail.clone();
    let served = announce::Served::of(&config);
    let credentials = access_keys.as_deref().zip(config.access_keys.as_ref());
    let credentials = credentials.map(|(file, keys)| (file.to_owned(), keys.profile().to_owned()));
    let has_origins = !config.allowed_origins.is_empty();
    let exchanges_tokens = config.oidc.is_some();
    let service = Arc::new(Service::open(config)?);
    service.check_users()?;
    let signed_only = credentials.is_some() || service.has_users();
    if exchanges_tokens && !service.has_users() {
        return Err("--oidc-issuer is for servers with users: see everstrand init".into());
    }
    if !signed_only && has_origins {
        return Err(
            "--allow-origin is for servers whose requests are signed: see everstrand init and --access-keys"
                .into(),
        );
    }
    if !listen.ip().is_loopback() && !signed_only && users_are_expected {
        return Err(format!(
            "{listen} is not a loopback address, and there are no users yet: see everstrand init"
        )
        .into());
    }
    reload_on_hangup(Arc::clone(&service), access_keys, tls.clone(), audit_trail.clone())?;
    for name in ledgers {
        match service.create_ledger_unless_it_exists(name) {
            // A ledger whose record cannot be read may have this name. The server serves the other ledgers.
            Err(error) if error.exception == Exception::ResourceInUse => {
                tracing::error!(ledger = name, why = %error.message, "the ledger could not be created");
            }
            created => created?,
        }
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    let server = match tls {
        None => http::Server::bind(Arc::clone(&service), listen).await,
        Some(tls) => http::Server::bind_tls(Arc::clone(&service), listen, tls).await,
    };
    let server = server.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let address = server.address()?;
    warn_of_open_doors(address, scheme, signed_only);
    announce::announce(
        scheme,
        address,
        (&served, &announce::ledgers(&service)),
        credentials.as_ref().map(|(file, profile)| (file.as_path(), profile.as_str())),
        service.has_users(),
    )?;
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), signed_only, "started");
    server.run(shutdown).await;
    tracing::info!("stopping");
    // Publishing runs on a thread that may wait. The ledgers are closed even if it panics or takes too long.
    let publishing = Arc::clone(&service);
    let publishing = tokio::task::spawn_blocking(move || publishing.publish_checkpoints());
    if tokio::time::timeout(CHECKPOINTS_GRACE, publishing).await.is_err() {
        tracing::warn!("the last checkpoints were not published in time; the next start publishes them");
    }
    let closing = move || {
        service.close();
        if let Some(trail) = audit_trail {
            trail.flush();
        }
    };
    let _ = tokio::task::spawn_blocking(closing).await;
    tracing::info!("stopped");
    Ok(())
}

/// Says what stands open to others because the operator allowed it.
fn warn_of_open_doors(address: SocketAddr, scheme: &str, signed_only: bool) {
    if address.ip().is_loopback() {
        return;
    }
    match (scheme, signed_only) {
        ("http", false) => tracing::warn!(
            %address,
            "anybody who reaches this address may read and write every ledger over plain HTTP, because requests need no signature \
             (--insecure-listen); demand signatures with --access-keys FILE, and speak TLS with --tls-cert and --tls-key"
        ),
        ("http", true) => tracing::warn!(
            %address,
            "anybody on the way reads what is sent to this address over plain HTTP (--insecure-listen); speak TLS with --tls-cert \
             and --tls-key"
        ),
        _ => {}
    }
}

/// Reads the files of access keys and of TLS again at each SIGHUP. If one cannot be used, the server keeps what it has.
fn reload_on_hangup(
    service: Arc<Service>,
    access_keys: Option<PathBuf>,
    tls: Option<Arc<http::Tls>>,
    audit_trail: Option<Arc<AuditTrail>>,
) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangup = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                match tls.as_ref().map(|tls| tls.reload()) {
                    Some(Ok(())) => {
                        tracing::info!("SIGHUP: the files of TLS were read again; new connections use them");
                    }
                    Some(Err(error)) => {
                        tracing::error!(%error, "SIGHUP: the files of TLS cannot be used; the server keeps what it has");
                    }
                    None => {}
                }
                if let Some(trail) = audit_trail.clone() {
                    let reopened = tokio::task::spawn_blocking(move || trail.reopen()).await;
                    match reopened.unwrap_or_else(|error| Err(error.to_string())) {
                        Ok(()) => tracing::info!("SIGHUP: the file of the audit trail was opened again"),
                        Err(error) => {
                            tracing::error!(%error, "SIGHUP: the audit trail goes on in the file that it has");
                        }
                    }
                }
                let Some(file) = &access_keys else {
                    tracing::info!("SIGHUP: there is no file of access keys to read again");
                    continue;
                };
                match read_access_keys(file) {
                    Ok(keys) => {
                        service.set_access_keys(keys);
                        tracing::info!(file = %file.display(), "SIGHUP: the access keys were read again");
                    }
                    Err(error) => {
                        tracing::error!(%error, "SIGHUP: the file cannot be used; the access keys stay as they were")
                    }
                }
            }
        });
    }
    #[cfg(not(unix))]
    drop((service, access_keys, tls, audit_trail));
    Ok(())
}

/// A future that is ready at the first SIGTERM or Ctrl-C. The signals are caught from this call on, not from the first poll.
fn shutdown_signal() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
