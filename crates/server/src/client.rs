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

/// A request whose head was found in order. Its signature covers the body, and is checked when that is there.
#[derive(Debug)]
pub struct Admission {
    pub(crate) client: Client,
    pub(crate) signed: Option<(Authorization, SigningKey)>,
}

impl Admission {
    /// Who sends the request, before its signature is checked.
    pub fn client(&self) -> &Client {
        &self.client
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
