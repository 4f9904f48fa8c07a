//! `everstrand health`: asks a server whether it runs, for the health check of a container and for scripts.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use crate::remote;

/// How long the server may take to accept a connection, and to send or take each part.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Ask a server whether it runs: the exit code is 0 if it does, 1 if it does not
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The server [default: the one that AWS_ENDPOINT_URL_QLDB_SESSION or AWS_ENDPOINT_URL_QLDB names, else
    /// http://127.0.0.1:8182]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Ask whether every ledger is fully usable, not only whether the server runs
    #[arg(long)]
    ready: bool,
}

/// Asks once, and prints what the server answered.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let endpoint = remote::endpoint(arguments.endpoint.as_deref());
    let path = if arguments.ready { "/ready" } else { "/health" };
    let authority = authority(&endpoint)?;
    match ask(&authority, path) {
        Ok((200, body)) => {
            println!("{body}");
            Ok(ExitCode::SUCCESS)
        }
        Ok((status, body)) => {
            eprintln!("everstrand: {endpoint}{path} answered with status {status}: {body}");
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            eprintln!("everstrand: {endpoint} does not answer: {error}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Host and port of an `http://` URL.
fn authority(endpoint: &str) -> Result<String, String> {
    let rest = endpoint.strip_prefix("http://").ok_or_else(|| {
        format!("{endpoint} is not an http:// URL; a server of its own speaks plain HTTP only")
    })?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Ok(if has_port { authority.to_owned() } else { format!("{authority}:80") })
}

/// Sends one GET request. Answers the status and the body.
fn ask(authority: &str, path: &str) -> Result<(u16, String), Box<dyn Error>> {
    let address = authority.to_socket_addrs()?.next().ok_or("the host has no address")?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer is not HTTP")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or("the answer has no status")?, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::authority;

    #[test]
    fn an_endpoint_names_host_and_port() {
        assert_eq!(authority("http://127.0.0.1:8182").as_deref(), Ok("127.0.0.1:8182"));
        assert_eq!(authority("http://[::1]:8182/").as_deref(), Ok("[::1]:8182"));
        assert_eq!(authority("http://[::1]").as_deref(), Ok("[::1]:80"));
        assert_eq!(authority("http://ledger/").as_deref(), Ok("ledger:80"));
        assert!(authority("https://ledger").is_err());
    }
}
