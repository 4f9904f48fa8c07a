//! How many files and connections the process may have open at once, and who gets how many: connections must never
//! take the descriptors that journals and views need.

/// Descriptors that are neither a ledger's nor a connection's: the standard streams, the runtime's, the listening
/// socket, files that are open for a moment.
const OTHERS: u64 = 64;

/// What an open ledger takes, usually: its journal's lock and last segment, its view's lock, journal and files.
const OF_A_LEDGER: u64 = 10;

/// The limit where the system names none.
const UNLIMITED: u64 = 1 << 20;

/// How the process's descriptors are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// So many connections fit.
    pub connections_max: usize,
    /// So many ledgers fit.
    pub ledgers_open_max: usize,
}

impl Descriptors {
    /// Raises the process's limit as far as the system lets it, and shares it out: half for files, the rest for
    /// connections.
    pub fn of_process() -> Descriptors {
        Descriptors::shared_out(raise_limit())
    }

    fn shared_out(limit: u64) -> Descriptors {
        let left = limit.saturating_sub(OTHERS);
        let files = left / 2;
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).max(1);
        Descriptors { connections_max: count(left - files), ledgers_open_max: count(files / OF_A_LEDGER) }
    }
}

/// The limit of open descriptors after it was raised.
#[cfg(unix)]
fn raise_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(%error, "the limit of open files could not be raised");
        return current.unwrap_or(UNLIMITED);
    }
    maximum.unwrap_or(UNLIMITED)
}

#[cfg(not(unix))]
fn raise_limit() -> u64 {
    UNLIMITED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_connections_never_need_more_than_there_are() {
        for limit in [0, 64, 100, 1024, 4096, 20_000, UNLIMITED] {
            let Descriptors { connections_max, ledgers_open_max } = Descriptors::shared_out(limit);
            assert!(connections_max >= 1 && ledgers_open_max >= 1);
            if limit >= 256 {
                let all = OTHERS + connections_max as u64 + OF_A_LEDGER * ledgers_open_max as u64;
                assert!(all <= limit, "{limit}: {all}");
            }
        }
        assert!(Descriptors::shared_out(20_000).ledgers_open_max > 900);
    }
}
