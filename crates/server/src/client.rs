//! Who the client is: the owner of the access key that signed a request, once the signature is checked; before that, and where nobody
//! signs, the address that the request came from.
//!
//! A signature covers the body, so it can be checked only when the body has arrived. Until then a request counts for its address,
//! because anybody can name a key. A connection is the exception: if the request before was signed with a key, the next one that names
//! the same key counts for that key from its head on. So clients at one address do not share the bounds of an address for long.

use core::net::IpAddr;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use everstrand_protocol::signature::{Authorization, SigningKey};

use crate::identity::permissions::Principal;
use crate::request::ACCESS_KEY_ID;

/// The sender of a request. Bounds for each client use it to tell clients apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// A caller in this process. It has no bounds of its own.
    InProcess,
    /// A machine by its address.
    Address(Address),
    /// The owner of an access key of the server's file, from any address. Only a checked signature shows it.
    AccessKey(Arc<str>),
    /// Another server over the same store, which passes a client's request on. Only a checked signature shows it.
    Peer,
    /// A user, with any key and from any address. Only a checked signature shows it.
    User(Arc<str>),
}

/// The address of a machine. Addresses of one IPv6 network of 64 bits are equal, because a machine can have any address in it.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    network: IpAddr,
    exact: IpAddr,
}

impl Address {
    /// The address itself.
    pub fn exact(&self) -> IpAddr {
        self.exact
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Address) -> bool {
        self.network == other.network
    }
}

impl Eq for Address {}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.network.hash(state);
    }
}

impl Client {
    /// The client at an address.
    pub fn at(address: IpAddr) -> Client {
        let exact = address.to_canonical();
        let network = match exact {
            IpAddr::V6(address) if !address.is_loopback() => {
                IpAddr::V6((u128::from(address) >> 64 << 64).into())
            }
            address => address,
        };
        Client::Address(Address { network, exact })
    }
}

impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Client::InProcess => formatter.write_str("this process"),
            Client::Peer => formatter.write_str("another server"),
            Client::Address(address) => address.network.fmt(formatter),
            Client::AccessKey(id) => write!(formatter, "access key {id}"),
            Client::User(name) => write!(formatter, "user {name}"),
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

/// A client whose signature is checked, if it must sign, and that waits for an answer.
#[derive(Clone)]
pub struct Caller {
    pub(crate) client: Client,
    /// Whose permissions count.
    pub(crate) principal: Principal,
    /// The id of the key that signed the request, if a user did.
    pub(crate) signed_by: Option<Arc<str>>,
    /// The address that a user's request came from.
    pub(crate) source_ip: Option<IpAddr>,
    /// The address that the request came from; `None` for a caller in this process.
    pub(crate) peer: Option<IpAddr>,
    /// Tells whether the caller has left while its statement runs. `None` for a caller in this process, which leaves by dropping
    /// the future.
    pub(crate) presence: Option<Arc<dyn Presence>>,
}

impl Caller {
    /// A caller in this process.
    pub(crate) const IN_PROCESS: Caller = Caller::operator(Client::InProcess);

    /// A client that may do everything.
    pub(crate) const fn operator(client: Client) -> Caller {
        Caller {
            client,
            principal: Principal::Operator,
            signed_by: None,
            source_ip: None,
            peer: None,
            presence: None,
        }
    }

    /// The same, at this address.
    #[must_use]
    pub fn at(mut self, peer: IpAddr) -> Caller {
        self.peer = Some(peer.to_canonical());
        self
    }

    /// The same, with the means to see whether the client leaves.
    #[must_use]
    pub fn with_presence(mut self, presence: Arc<dyn Presence>) -> Caller {
        self.presence = Some(presence);
        self
    }
}

/// A request whose head was accepted, and whose body may be read.
pub struct Admission {
    /// Where the request came from.
    pub(crate) sender: Client,
    /// The access key that the head names, and what checks the signature. `None` if nothing has to be signed.
    pub(crate) claim: Option<Claim>,
}

/// The claim of a request's head that a key has signed the request.
pub(crate) struct Claim {
    pub(crate) authorization: Authorization,
    pub(crate) key: SigningKey,
    /// Whose key it is.
    pub(crate) principal: Principal,
    /// The address that a user's request came from.
    pub(crate) source_ip: Option<IpAddr>,
}

impl Claim {
    /// The client that sent the request if the claim is true.
    pub(crate) fn client(&self) -> Client {
        match &self.principal {
            Principal::Operator if self.authorization.access_key_id == ACCESS_KEY_ID => Client::Peer,
            Principal::Operator => Client::AccessKey(Arc::from(self.authorization.access_key_id.as_str())),
            Principal::User(user) => Client::User(Arc::clone(&user.name)),
        }
    }
}

impl Admission {
    /// The client that the request counts for until its signature is checked. `before` is the client of the connection's last request.
    pub(crate) fn client_so_far(&self, before: &Client) -> Client {
        let claimed = self.claim.as_ref().map(Claim::client);
        claimed.filter(|claimed| claimed == before).unwrap_or_else(|| self.sender.clone())
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
