//! Where a server listens, as an operator writes it: `127.0.0.1:8182`, `[::1]:8182`, `localhost:8182`, `:8182`, `8182`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _};

/// The port that clients expect.
const PORT: u16 = 8182;

/// The address that `text` means. A port alone is one of the loopback address, so that nobody opens a server to the
/// network by leaving something out.
pub(crate) fn parse(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address);
    }
    if let Ok(port) = text.strip_prefix(':').unwrap_or(text).parse::<u16>() {
        return Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    }
    if let Ok(address) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, PORT));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| unknown(text))?),
        None => (text, PORT),
    };
    if host.is_empty() || host.contains(|letter: char| letter.is_whitespace() || "/:@".contains(letter)) {
        return Err(unknown(text));
    }
    let addresses = (host, port).to_socket_addrs().map_err(|error| format!("{host}: {error}"))?;
    // Clients that are told 127.0.0.1 would not find a server that listens on ::1 alone.
    let mut addresses: Vec<SocketAddr> = addresses.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    addresses.first().copied().ok_or_else(|| format!("{host} has no address"))
}

fn unknown(text: &str) -> String {
    format!("{text:?} is no address; write ADDRESS:PORT, NAME:PORT, or a port alone for 127.0.0.1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_a_name_or_a_port_says_where_to_listen() {
        let table = [
            ("127.0.0.1:8182", "127.0.0.1:8182"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("[::1]:9000", "[::1]:9000"),
            ("9000", "127.0.0.1:9000"),
            (":9000", "127.0.0.1:9000"),
            ("0", "127.0.0.1:0"),
            ("127.0.0.2", "127.0.0.2:8182"),
            ("::1", "[::1]:8182"),
            ("[::1]", "[::1]:8182"),
            ("localhost", "127.0.0.1:8182"),
            ("localhost:9000", "127.0.0.1:9000"),
        ];
        for (text, address) in table {
            assert_eq!(parse(text).map(|address| address.to_string()).as_deref(), Ok(address), "{text}");
        }
        for text in ["", ":", "http://localhost:8182", "localhost:", "localhost:99999", "a b:1", "me@here:1"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
