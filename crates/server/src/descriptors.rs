//! Divides the process's file descriptors between ledgers and connections, because connections must never take the
//! descriptors that journals and views need, and no ledger those of another.

/// Descriptors of neither a ledger nor a connection: the standard streams, the runtime's, the listening socket, files that
/// are open for a moment.
const OTHERS: u64 = 64;

/// The descriptors of an open ledger besides the files of its view's tables. Four are always open: its journal's lock and last
/// segment, its view's lock and log. As many more are for what is open for a moment: an older segment, files that the view's engine
/// writes, another view that is built.
const OF_A_LEDGER: u64 = 8;

/// The least number of files of tables that a view keeps open. A small view has two to eight.
const FILES_OF_A_VIEW_MIN: u64 = 8;

/// The greatest number of files of tables that a view keeps open, if there are descriptors enough.
const FILES_OF_A_VIEW_MAX: u64 = 64;

/// The greatest number of open ledgers, if there are descriptors enough. Each has a thread.
const LEDGERS_OPEN_MAX: u64 = 4096;

/// The limit that is assumed if the system has none.
const UNLIMITED: u64 = 1 << 20;

/// The division of the process's descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// The greatest number of open connections.
    pub connections_max: usize,
    /// The greatest number of open ledgers.
    pub ledgers_open_max: usize,
    /// The greatest number of files of tables that each ledger's view keeps open.
    pub view_files_max: usize,
}

impl Descriptors {
    /// Raises the process's limit as far as the system allows and divides it: at most half for connections, of which no more than
    /// `connections_wanted` are of use, the rest for ledgers.
    pub fn of_process(connections_wanted: usize) -> Descriptors {
        Descriptors::divided(raise_limit(), connections_wanted as u64)
    }

    fn divided(limit: u64, connections_wanted: u64) -> Descriptors {
        let left = limit.saturating_sub(OTHERS);
        let connections = connections_wanted.min(left / 2);
        let files = left - connections;
        let ledgers = (files / (OF_A_LEDGER + FILES_OF_A_VIEW_MIN)).clamp(1, LEDGERS_OPEN_MAX);
        let of_a_view = (files / ledgers).saturating_sub(OF_A_LEDGER);
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).max(1);
        Descriptors {
            connections_max: count(connections),
            ledgers_open_max: count(ledgers),
            view_files_max: count(of_a_view.clamp(FILES_OF_A_VIEW_MIN, FILES_OF_A_VIEW_MAX)),
        }
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
            for wanted in [2048, u64::MAX] {
                let Descriptors { connections_max, ledgers_open_max, view_files_max } =
                    Descriptors::divided(limit, wanted);
                assert!(connections_max >= 1 && ledgers_open_max >= 1 && view_files_max >= 8);
                if limit >= 256 {
                    let of_ledgers = (OF_A_LEDGER + view_files_max as u64) * ledgers_open_max as u64;
                    let all = OTHERS + connections_max as u64 + of_ledgers;
                    assert!(all <= limit, "{limit}: {all}");
                }
            }
        }
        let divided = Descriptors::divided(20_000, 2048);
        assert!(divided.ledgers_open_max >= 1000, "{divided:?}");
        assert_eq!(Descriptors::divided(UNLIMITED, 2048).view_files_max, 64);
    }
}
