//! How much memory a session takes while it is idle, and with a transaction open. Linux only.
//!
//! `cargo run --release -p everstrand-server --example session_memory`

use std::error::Error;

use everstrand_protocol::{Command, Reply, SendCommandRequest, SessionToken};
use everstrand_server::Service;
use everstrand_server::config::{Config, Storage};

const SESSIONS: usize = 50_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = Config::new(Storage::Memory);
    config.limits.open_transactions = SESSIONS;
    let service = Service::open(config)?;
    service.create_ledger_unless_it_exists("memory")?;
    run(&service, &["CREATE TABLE t"]).await?;
    run(&service, &["CREATE INDEX ON t (n)", "INSERT INTO t VALUE {'n': 1}"]).await?;

    let mut tokens = Vec::with_capacity(SESSIONS);
    let before = resident_bytes()?;
    for _ in 0..SESSIONS {
        tokens.push(start(&service).await?);
    }
    let idle = resident_bytes()?;
    for token in &tokens {
        begin(&service, token).await?;
    }
    let open = resident_bytes()?;
    println!(
        "{} bytes a session that is idle (its token at the client included)",
        (idle - before) / SESSIONS
    );
    println!("{} bytes more with a transaction that has read and written nothing", (open - idle) / SESSIONS);
    Ok(())
}

async fn start(service: &Service) -> Result<SessionToken, Box<dyn Error>> {
    let command = Command::StartSession { ledger_name: "memory".to_owned() };
    match service.send_command(SendCommandRequest { session_token: None, command }).await? {
        Reply::StartSession(result) => Ok(result.session_token),
        other => Err(format!("{} instead of a session", other.name()).into()),
    }
}

async fn begin(service: &Service, token: &SessionToken) -> Result<String, Box<dyn Error>> {
    let request =
        SendCommandRequest { session_token: Some(token.clone()), command: Command::StartTransaction };
    match service.send_command(request).await? {
        Reply::StartTransaction(result) => Ok(result.transaction_id),
        other => Err(format!("{} instead of a transaction", other.name()).into()),
    }
}

/// Runs statements in a transaction of their own.
async fn run(service: &Service, statements: &[&str]) -> Result<(), Box<dyn Error>> {
    let token = start(service).await?;
    let transaction_id = begin(service, &token).await?;
    let mut digest = everstrand_journal::CommitDigest::from_text(&transaction_id);
    for statement in statements {
        digest.add(everstrand_journal::statement_digest(statement, &[]));
        let command = Command::ExecuteStatement {
            transaction_id: transaction_id.clone(),
            statement: (*statement).to_owned(),
            parameters: Vec::new(),
        };
        service.send_command(SendCommandRequest { session_token: Some(token.clone()), command }).await?;
    }
    let commit_digest = digest.value().as_bytes().to_vec();
    let command = Command::CommitTransaction { transaction_id, commit_digest };
    service.send_command(SendCommandRequest { session_token: Some(token), command }).await?;
    Ok(())
}

fn resident_bytes() -> Result<usize, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kibibytes: usize = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024)
}
