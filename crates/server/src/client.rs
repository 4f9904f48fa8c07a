//! Who sends requests, and that one was let in.

use core::net::IpAddr;
use std::fmt;
use std::sync::Arc;

use everstrand_protocol::signature::{Authorization, SigningKey};

/// Who sends a request, as far as bounds tell clients apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// A caller in the same process; bounds of a client do not hold for it.
    InProcess,
    /// A machine; of the sixth version of IP its network, because a machine has as many addresses as it likes there.
    Address(IpAddr),
    /// Who holds an access key, wherever it is.
    AccessKey(Arc<str>),
}

impl Client {
    /// The client at an address.
    pub fn at(address: IpAddr) -> Client {
        Client::Address(match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                IpAddr::V6((u128::from(address) >> 64 << 64).into())
            }
            address => address,
        })
    }
}

impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Client::InProcess => formatter.write_str("this process"),
            Client::Address(address) => address.fmt(formatter),
            Client::AccessKey(id) => write!(formatter, "access key {id}"),
        }
    }
}

/// Tells whether a client still waits for its answer.
///
/// A statement runs on the thread that read its request. Nobody polls the connection meanwhile, so the statement itself
/// asks from time to time.
pub trait Presence: Send + Sync {
    /// Whether the client has left, so that nobody will read an answer.
    fn is_gone(&self) -> bool;
}

/// Who waits for an answer.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) client: Client,
    /// Where the caller can leave while its statement runs. A caller in this process leaves by dropping the future.
    pub(crate) presence: Option<Arc<dyn Presence>>,
}

impl Caller {
    /// A caller in this process.
    pub(crate) const IN_PROCESS: Caller = Caller { client: Client::InProcess, presence: None };
}

/// A request whose head was found in order. Its signature covers the body, and is checked when that is there.
pub struct Admission {
    pub(crate) caller: Caller,
    pub(crate) signed: Option<(Authorization, SigningKey)>,
}

impl Admission {
    /// Lets the client in, before its signature is checked.
    pub(crate) fn of(client: Client, signed: Option<(Authorization, SigningKey)>) -> Admission {
        Admission { caller: Caller { client, presence: None }, signed }
    }

    /// The same, where the server can see that the client leaves.
    #[must_use]
    pub fn from_connection(mut self, presence: Arc<dyn Presence>) -> Admission {
        self.caller.presence = Some(presence);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_the_sixth_version_is_one_client() {
        let at = |text: &str| Client::at(text.parse().expect("an address"));
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("10.0.0.1"), at("10.0.0.2"));
    }
}
