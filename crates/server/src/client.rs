//! The client that sends a request, and the admission of a request.

use core::net::IpAddr;
use std::fmt;
use std::sync::Arc;

use everstrand_protocol::signature::{Authorization, SigningKey};

/// The sender of a request. Bounds for each client use it to tell clients apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// A caller in this process. It has no bounds of its own.
    InProcess,
    /// A machine by its address. An IPv6 address stands for its /64 network, because a machine can have any address in it.
    Address(IpAddr),
    /// The owner of an access key, from any address.
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

/// A client that waits for an answer.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) client: Client,
    /// Tells whether the caller has left while its statement runs. `None` for a caller in this process, which leaves by dropping
    /// the future.
    pub(crate) presence: Option<Arc<dyn Presence>>,
}

impl Caller {
    /// A caller in this process.
    pub(crate) const IN_PROCESS: Caller = Caller { client: Client::InProcess, presence: None };
}

/// A request whose head was accepted. Its signature is checked when the body has arrived, because the signature covers the body.
pub struct Admission {
    pub(crate) caller: Caller,
    pub(crate) signed: Option<(Authorization, SigningKey)>,
}

impl Admission {
    /// Admits a client's request. Its signature, if any, is still unchecked.
    pub(crate) fn of(client: Client, signed: Option<(Authorization, SigningKey)>) -> Admission {
        Admission { caller: Caller { client, presence: None }, signed }
    }

    /// The same, with the means to see whether the client leaves.
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
    fn an_ipv6_network_is_one_client() {
        let at = |text: &str| Client::at(text.parse().expect("an address"));
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("10.0.0.1"), at("10.0.0.2"));
    }
}
