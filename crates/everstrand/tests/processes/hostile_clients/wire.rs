//! A client that says what it likes: HTTP by hand, from an address of its choice, signed with a key of its choice.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use everstrand_journal::{CommitDigest, statement_digest};
use everstrand_protocol::signature::{AmzDate, Credentials, SignedParts, Signer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client: where it comes from, how it signs, and the server that it talks to.
#[derive(Clone)]
pub(crate) struct Client {
    from: Ipv4Addr,
    to: SocketAddr,
    signer: Option<Arc<Signer>>,
}

impl Client {
    /// A client that does not sign.
    pub(crate) fn at(from: Ipv4Addr, to: SocketAddr) -> Client {
        Client { from, to, signer: None }
    }

    /// A client with an access key, at the address where all of them are.
    pub(crate) fn with_key(id: &str, to: SocketAddr) -> Client {
        let credentials = Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: secret_of(id),
            session_token: None,
        };
        let signer = Some(Arc::new(Signer::new(credentials, "us-east-1")));
        Client { from: Ipv4Addr::LOCALHOST, to, signer }
    }

    /// The head of a request of the session API that says to have so many bytes.
    pub(crate) fn command_head(&self, body: &[u8], length: usize) -> String {
        let headers =
            [("X-Amz-Target", "QLDBSession.SendCommand"), ("Content-Type", "application/x-amz-json-1.0")];
        self.head("POST", "/", &headers, body, length)
    }

    fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8], length: usize) -> String {
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain([("Host", "localhost")]).collect();
        let mut head = format!("{method} {path} HTTP/1.1\r\nContent-Length: {length}\r\n");
        let mut add = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        headers.iter().for_each(|(name, value)| add(name, value));
        if let Some(signer) = &self.signer {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            let now = AmzDate::from_unix_seconds(i64::try_from(now).unwrap_or(0));
            let parts = SignedParts { method, path, query: "", headers: &headers, body };
            signer.sign(&parts, now).iter().for_each(|(name, value)| add(name, value));
        }
        head.push_str("\r\n");
        head
    }
}

/// The secret of a key in the file of access keys.
pub(crate) fn secret_of(id: &str) -> String {
    format!("secret-of-{id}")
}

/// One connection.
pub(crate) struct Wire {
    client: Client,
    stream: TcpStream,
    received: Vec<u8>,
}

/// The status of an answer, and its body.
pub(crate) type Answer = (u16, String);

impl Wire {
    pub(crate) async fn connect(client: &Client) -> io::Result<Wire> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((client.from, 0)))?;
        let stream = socket.connect(client.to).await?;
        Ok(Wire { client: client.clone(), stream, received: Vec::new() })
    }

    /// Sends bytes, without waiting for anything.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a request of the session API.
    pub(crate) async fn send_command(&mut self, body: &str) -> io::Result<()> {
        let head = self.client.command_head(body.as_bytes(), body.len());
        self.send(format!("{head}{body}").as_bytes()).await
    }

    /// Sends a request of the session API and waits for the answer.
    pub(crate) async fn command(&mut self, body: &str) -> io::Result<Answer> {
        self.send_command(body).await?;
        self.answer().await
    }

    /// Sends a request of the control API and waits for the answer.
    pub(crate) async fn control(&mut self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        let headers = [("Content-Type", "application/json")];
        let head = self.client.head(method, path, &headers, body.as_bytes(), body.len());
        self.send(format!("{head}{body}").as_bytes()).await?;
        self.answer().await
    }

    /// Waits for the next answer.
    pub(crate) async fn answer(&mut self) -> io::Result<Answer> {
        match tokio::time::timeout(PATIENCE, self.read_answer()).await {
            Ok(answer) => answer,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer")),
        }
    }

    async fn read_answer(&mut self) -> io::Result<Answer> {
        let head_end = loop {
            match self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => self.receive().await?,
            }
        };
        let head = String::from_utf8_lossy(&self.received[..head_end]).into_owned();
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{what} in {head}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, length)| length.trim().parse::<usize>().ok());
        let (status, length) = (status.ok_or_else(|| wrong("no status"))?, length.unwrap_or(0));
        while self.received.len() < head_end + length {
            self.receive().await?;
        }
        let body = String::from_utf8_lossy(&self.received[head_end..head_end + length]).into_owned();
        self.received.drain(..head_end + length);
        Ok((status, body))
    }

    async fn receive(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")),
            _ => Ok(()),
        }
    }
}

/// A session, perhaps with an open transaction, on a connection of its own.
pub(crate) struct Session {
    pub(crate) wire: Wire,
    token: String,
    transaction_id: String,
    digest: CommitDigest,
}

impl Session {
    pub(crate) async fn start(client: &Client, ledger: &str) -> io::Result<Session> {
        let mut wire = Wire::connect(client).await?;
        let started = wire.command(&format!("{{\"StartSession\":{{\"LedgerName\":\"{ledger}\"}}}}")).await?;
        let token = member(&started, "SessionToken")?;
        Ok(Session { wire, token, transaction_id: String::new(), digest: CommitDigest::from_text("") })
    }

    /// Another session in place of this one, which is left as it is, over the same connection.
    pub(crate) async fn another(&mut self, ledger: &str) -> io::Result<()> {
        let started = format!("{{\"StartSession\":{{\"LedgerName\":\"{ledger}\"}}}}");
        self.token = member(&self.wire.command(&started).await?, "SessionToken")?;
        Ok(())
    }

    pub(crate) async fn begin(&mut self) -> io::Result<()> {
        let begun = self.wire.command(&self.with_token("\"StartTransaction\":{}")).await?;
        self.transaction_id = member(&begun, "TransactionId")?;
        self.digest = CommitDigest::from_text(&self.transaction_id);
        Ok(())
    }

    /// The body that runs a statement, which has no quotation marks of JSON in it.
    pub(crate) fn statement(&mut self, statement: &str) -> String {
        self.digest.add(statement_digest(statement, &[]));
        let id = &self.transaction_id;
        self.with_token(&format!(
            "\"ExecuteStatement\":{{\"TransactionId\":\"{id}\",\"Statement\":\"{statement}\"}}"
        ))
    }

    pub(crate) async fn execute(&mut self, statement: &str) -> io::Result<Answer> {
        let body = self.statement(statement);
        self.wire.command(&body).await
    }

    /// Runs a statement with parameters, in a transaction that will not be committed.
    pub(crate) async fn execute_with(&mut self, statement: &str, parameters: &str) -> io::Result<Answer> {
        let id = &self.transaction_id;
        let body = self.with_token(&format!(
            "\"ExecuteStatement\":{{\"TransactionId\":\"{id}\",\"Statement\":\"{statement}\",\"Parameters\":[{parameters}]}}"
        ));
        self.wire.command(&body).await
    }

    pub(crate) async fn commit(&mut self) -> io::Result<Answer> {
        let digest = base64(self.digest.value().as_bytes());
        let id = &self.transaction_id;
        let body = self.with_token(&format!(
            "\"CommitTransaction\":{{\"TransactionId\":\"{id}\",\"CommitDigest\":\"{digest}\"}}"
        ));
        self.wire.command(&body).await
    }

    /// Runs one statement in a transaction of its own, which must succeed.
    pub(crate) async fn run(&mut self, statement: &str) -> io::Result<()> {
        self.begin().await?;
        for answer in [self.execute(statement).await?, self.commit().await?] {
            if answer.0 != 200 {
                return Err(io::Error::other(format!("{}: {}", answer.0, answer.1)));
            }
        }
        Ok(())
    }

    fn with_token(&self, command: &str) -> String {
        format!("{{\"SessionToken\":\"{}\",{command}}}", self.token)
    }
}

/// The text of a member in an answer of status 200.
fn member((status, body): &Answer, name: &str) -> io::Result<String> {
    let begin = format!("\"{name}\":\"");
    let text = body.split_once(&begin).and_then(|(_, rest)| rest.split('"').next());
    match (status, text) {
        (200, Some(text)) => Ok(text.to_owned()),
        _ => Err(io::Error::other(format!("{status}: {body}"))),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = char::from(DIGITS[bits >> (18 - 6 * place) & 63]);
            text.push(if place <= chunk.len() { digit } else { '=' });
        }
    }
    text
}
