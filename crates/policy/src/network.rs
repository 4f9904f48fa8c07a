//! Networks of addresses.

use core::net::IpAddr;
use core::str::FromStr;

use ipnet::IpNet;

/// Addresses with the same first bits, such as `203.0.113.0/24`. An address alone is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether an address lies in it. An IPv4 address that is written as an IPv6 one counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let network = match text.parse() {
            Ok::<IpAddr, _>(address) => Some(IpNet::from(address)),
            Err(_) => text.parse().ok(),
        };
        let network = network.map(|network: IpNet| Network(network.trunc()));
        network.ok_or_else(|| format!("{text:?} is not an address or a network such as 203.0.113.0/24"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_with_its_first_bits() {
        let contains = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        assert!(contains("0.0.0.0/0", "255.255.255.255") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("::/0", "ffff::") && !contains("::/0", "::ffff:1.2.3.4"));
        assert!(contains("1.2.3.4/31", "1.2.3.5") && !contains("1.2.3.4/31", "1.2.3.6"));
        assert!(contains("1.2.3.4", "1.2.3.4") && !contains("1.2.3.4/32", "1.2.3.5"));
        assert!(
            contains("2001:db8::/33", "2001:db8:7fff::1") && !contains("2001:db8::/33", "2001:db8:8000::")
        );
        for wrong in
            ["", "/", "1.2.3.4/", "1.2.3.4/33", "::/129", "1.2.3.4/-1", "1.2.3.4/0x1", "a/1", "1.2.3.4/8/8"]
        {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
