//! Networks of addresses.

use core::net::{IpAddr, Ipv6Addr};
use core::str::FromStr;

/// Addresses with the same first bits, such as `203.0.113.0/24`. An address alone is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    is_v4: bool,
    bits: u128,
    mask: u128,
}

impl Network {
    /// Whether an address lies in it. An IPv4 address that is written as an IPv6 one counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (is_v4, bits) = bits(address.to_canonical());
        is_v4 == self.is_v4 && bits & self.mask == self.bits
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let wrong = || format!("{text:?} is not an address or a network such as 203.0.113.0/24");
        let (address, length) = match text.split_once('/') {
            None => (text, None),
            Some((address, length)) => (address, Some(length)),
        };
        let (is_v4, bits) = bits(address.parse().map_err(|_| wrong())?);
        let width: u32 = if is_v4 { 32 } else { 128 };
        let is_number = |length: &str| {
            (1..=3).contains(&length.len()) && length.bytes().all(|byte| byte.is_ascii_digit())
        };
        let length = match length {
            None => width,
            Some(length) if is_number(length) => length.parse().map_err(|_| wrong())?,
            Some(_) => return Err(wrong()),
        };
        if length > width {
            return Err(wrong());
        }
        // An IPv4 address stands in the last 32 bits.
        let mask = u128::MAX.checked_shl(width - length).unwrap_or(0);
        Ok(Network { is_v4, bits: bits & mask, mask })
    }
}

fn bits(address: IpAddr) -> (bool, u128) {
    match address {
        IpAddr::V4(address) => (true, u32::from(address).into()),
        IpAddr::V6(address) => (false, Ipv6Addr::into(address)),
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
