//! Divides the process's file descriptors between ledgers and connections, because connections must never take the
//! descriptors that journals and views need.

/// Descriptors of neither a ledger nor a connection: the standard streams, the runtime's, the listening socket, files that
/// are open for a moment.
const OTHERS: u64 = 64;

/// The usual number of an open ledger: its journal's lock and last segment, its view's lock, journal and files.
const OF_A_LEDGER: u64 = 10;

/// The limit that is assumed if the system has none.
const UNLIMITED: u64 = 1 << 20;

/// The division of the process's descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// The greatest number of open connections.
    pub connections_max: usize,
    /// The greatest number of open ledgers.
    pub ledgers_open_max: usize,
}

impl Descriptors {
    /// Raises the process's limit as far as the system allows and divides it: half for files, the rest for connections.
    pub fn of_process() -> Descriptors {
        Descriptors::divided(raise_limit())
    }

    fn divided(limit: u64) -> Descriptors {
        let left = limit.saturating_sub(OTHERS);
        let files = left / 2;
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).max(1);
        Descriptors { connections_max: count(left - files), ledgers_open_max: count(files / OF_A_LEDGER) }
    }
}

/// Raises the limit of open descriptors, and answers the limit that holds now.
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
            let Descriptors { connections_max, ledgers_open_max } = Descriptors::divided(limit);
            assert!(connections_max >= 1 && ledgers_open_max >= 1);
            if limit >= 256 {
                let all = OTHERS + connections_max as u64 + OF_A_LEDGER * ledgers_open_max as u64;
                assert!(all <= limit, "{limit}: {all}");
            }
        }
        assert!(Descriptors::divided(20_000).ledgers_open_max > 900);
    }
}
