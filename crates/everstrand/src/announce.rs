//! What `serve` prints when it listens: its address, what it serves, and how clients reach it.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use everstrand_ledger::Limits;
use everstrand_protocol::control::{ControlReply, ControlRequest, ListLedgersRequest};
use everstrand_server::Service;
use everstrand_server::config::{Config, Storage};

use crate::client_variables::{self, Syntax};

/// How many ledgers are named. A server may have thousands.
const NAMES_MAX: u32 = 5;

/// What a server serves, as a person reads it.
pub(crate) struct Served {
    place: String,
    limits: Vec<String>,
}

impl Served {
    /// Notes what the configuration says.
    pub(crate) fn of(config: &Config) -> Served {
        let place = match &config.storage {
            Storage::Memory => "ledgers in memory, gone when the server stops".to_owned(),
            Storage::Folder(folder) => format!("data in {}", folder.display()),
            Storage::Followed { .. } => "ledgers in a store, only read (--follow)".to_owned(),
            Storage::Shared { .. } => "ledgers in a store".to_owned(),
        };
        let usual = Limits::default().list();
        let changed = config.limits.list().into_iter().zip(usual).filter(|(now, usual)| now.1 != usual.1);
        let limits = changed.map(|((name, value, _), _)| format!("{name}={value}")).collect();
        Served { place, limits }
    }

    /// Version, place, ledgers, and the limits that were set.
    fn lines(&self, ledgers: &str) -> String {
        let mut lines = format!("everstrand {}, {}\n{ledgers}\n", env!("CARGO_PKG_VERSION"), self.place);
        if !self.limits.is_empty() {
            lines += &format!("limits: {}\n", self.limits.join(" "));
        }
        lines
    }
}

/// The first ledgers of a server.
pub(crate) fn ledgers(service: &Service) -> String {
    let request = ListLedgersRequest { max_results: Some(NAMES_MAX), next_token: None };
    match service.control(ControlRequest::ListLedgers(request)) {
        Ok(ControlReply::ListLedgers(page)) => {
            let names: Vec<String> = page.ledgers.into_iter().filter_map(|ledger| ledger.name).collect();
            match (names.as_slice(), page.next_token) {
                ([], _) => {
                    "no ledger yet: everstrand ledger create NAME, or serve --create-ledger NAME".to_owned()
                }
                (names, None) => format!("ledgers: {}", names.join(", ")),
                (names, Some(_)) => format!("ledgers: {}, and more", names.join(", ")),
            }
        }
        _ => "the ledgers could not be listed".to_owned(),
    }
}

/// Prints the address. Programs that start the server read the first line; people paste the last ones into a shell.
pub(crate) fn announce(
    scheme: &str,
    address: SocketAddr,
    (served, ledgers): (&Served, &str),
    credentials: Option<(&Path, &str)>,
    has_users: bool,
) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "everstrand listening on {scheme}://{address}")?;
    writeln!(out, "{}", served.lines(ledgers))?;
    writeln!(out, "Point a QLDB driver or the AWS CLI at it:")?;
    let reached = match address.ip() {
        ip if !ip.is_unspecified() => address,
        IpAddr::V4(_) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        IpAddr::V6(_) => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port()),
    };
    for line in client_variables::lines(&format!("{scheme}://{reached}"), credentials, None, Syntax::Sh)? {
        // The usual words for a server that asks for no signature are of no use to a user, who has a key.
        if !(has_users && credentials.is_none() && line.contains("AWS_ACCESS_KEY_ID")) {
            writeln!(out, "  {line}")?;
        }
    }
    if has_users {
        writeln!(
            out,
            "  export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…   # of a user: see everstrand user"
        )?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_names_version_place_ledgers_and_the_limits_that_were_set() {
        let mut config = Config::new(Storage::Folder("here".into()));
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            Served::of(&config).lines("ledgers: a"),
            format!("everstrand {version}, data in here\nledgers: a\n")
        );
        config.limits.set("tables=7").unwrap();
        assert!(Served::of(&config).lines("").ends_with("\nlimits: tables=7\n"));
    }

    #[test]
    fn the_first_ledgers_are_named() {
        let service = Service::open(Config::new(Storage::Memory)).unwrap();
        assert!(ledgers(&service).starts_with("no ledger yet"));
        for name in ["e", "b", "c", "d", "a"] {
            service.create_ledger_unless_it_exists(name).unwrap();
        }
        assert_eq!(ledgers(&service), "ledgers: a, b, c, d, e");
        service.create_ledger_unless_it_exists("f").unwrap();
        assert_eq!(ledgers(&service), "ledgers: a, b, c, d, e, and more");
    }
}
