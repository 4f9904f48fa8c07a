//! Nothing that only the client and the ledger should know stands in a log, however much is logged: no parameter, no text of a
//! statement, no token of a session, no secret of an access key. Not of the driver, not of the server, not of the program's commands.

use std::io::{BufRead as _, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use everstrand::driver::{
    Credentials, CredentialsFuture, CredentialsSource, Error, HttpTransport, QldbDriver, SessionClient,
};
use everstrand::ion::{Data, Value};
use everstrand::testing;
use tracing_subscriber::fmt::format::FmtSpan;

/// Values that no log may hold. Each is unlike anything else.
const PARAMETER: &str = "parameter-4uXq9zT1";
const LITERAL: &str = "literal-8sWb3kY7";
const SECRET: &str = "secret-2pVn6mR5";
const KEY_TOKEN: &str = "keytoken-5dGh1jL0";

/// Panics if the text has one of these values, as it is, in hexadecimal, as a list of bytes, or in base64 at any offset.
fn holds_none(what: &str, log: &str, values: &[&str]) {
    for value in values {
        let bytes = value.as_bytes();
        let mut forms = vec![
            (*value).to_owned(),
            bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", "),
        ];
        forms.extend((0..3).map(|offset| {
            let shifted = [&[0; 3][..offset], bytes].concat();
            let text = BASE64_STANDARD.encode(shifted);
            // The first and the last letters depend on what stands beside the value.
            text[4..text.len() - 4].to_owned()
        }));
        for form in forms {
            if let Some(at) = log.find(&form) {
                let around: String = log[..at].lines().last().unwrap_or_default().to_owned();
                panic!("the log of {what} has {value}, as {form}, behind {around:?}");
            }
        }
    }
}

/// Where a log goes.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

/// A source of credentials that first gives a key of this many seconds, and then fails.
#[derive(Debug)]
struct Once(u64, Mutex<bool>);

impl CredentialsSource for Once {
    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(async {
            if std::mem::replace(&mut *self.1.lock().expect("no panic"), true) {
                return Err(format!("no key; the last was {SECRET}").into());
            }
            let credentials = Credentials {
                access_key_id: "AKID".to_owned(),
                secret_access_key: SECRET.to_owned(),
                session_token: Some(KEY_TOKEN.to_owned()),
            };
            let expires = Some(std::time::SystemTime::now() + Duration::from_secs(self.0));
            Ok(everstrand::driver::TemporaryCredentials { credentials, expires })
        })
    }
}

/// What a driver meets: rows, errors that quote values, conflicts, transactions that are dropped, keys that expire, a server that is gone.
async fn work(driver: &QldbDriver<HttpTransport>) -> Result<(), Error> {
    let insert = |statement: &'static str| {
        driver.execute(move |transaction| async move {
            let blob = Value::from(Data::Blob(PARAMETER.as_bytes().to_vec()));
            transaction.execute(statement, (PARAMETER, blob)).await.map(drop)
        })
    };
    driver.execute_statement("CREATE TABLE T", ()).await?;
    driver.execute_statement("CREATE UNIQUE INDEX ON T (k)", ()).await?;
    insert("INSERT INTO T {'k': ?, 'bytes': ?, 'text': 'literal-8sWb3kY7'}").await?;
    // Errors that quote values.
    insert("INSERT INTO T {'k': ?, 'bytes': ?}").await.expect_err("the key is there");
    driver.execute_statement("SELECT 'literal-8sWb3kY7' FROM Nothing", ()).await.expect_err("no such table");
    driver.execute_statement("SELEC 'literal-8sWb3kY7'", ()).await.expect_err("no statement");
    driver.execute_statement("SELECT CAST('literal-8sWb3kY7' AS INT) FROM T", ()).await.map(drop).ok();
    // A conflict, whose text may say what it is about.
    let loser = driver.begin().await?;
    loser.execute("UPDATE T SET n = 1 WHERE k = ?", PARAMETER).await?;
    driver.execute_statement("UPDATE T SET n = 2 WHERE k = ?", PARAMETER).await?;
    loser.commit().await.expect_err("a conflict");
    drop(driver.begin().await?.execute("DELETE FROM T WHERE k = ?", PARAMETER).await?);
    let rows = driver.execute_statement("SELECT * FROM T WHERE k = ?", PARAMETER).await?;
    assert_eq!(rows.len(), 1);
    Ok(())
}

/// In a process of its own, because `tracing` remembers which places log, and other tests reach the same places without a log.
#[test]
fn of_the_driver() {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    let output =
        command.args(["--exact", "logs::of_the_driver_alone", "--ignored"]).output().expect("started");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}

#[tokio::test]
#[ignore = "of_the_driver runs it in a process of its own"]
async fn of_the_driver_alone() {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
    let subscriber = subscriber.with_writer(move || writer.clone()).with_span_events(FmtSpan::FULL).finish();
    // The server has threads of its own, and its log is looked at below.
    let guard = tracing::subscriber::set_default(subscriber);

    let ledger = testing::ledger();
    let endpoint = ledger.endpoint();
    let transport = |seconds| {
        let builder = HttpTransport::builder().endpoint(endpoint.url()).region("r");
        let source = Arc::new(Once(seconds, Mutex::new(false)));
        Arc::new(builder.credentials_from(source).build().expect("valid"))
    };
    let driver = |transport| {
        let builder = QldbDriver::builder(testing::LEDGER_NAME).retry_limit(1);
        builder.build_over(transport).expect("valid")
    };
    let lasting = driver(transport(3600));
    work(&lasting).await.expect("no error");
    let session = lasting.get_session().await.expect("a session");
    let token = session.session_client().token().as_str().to_owned();
    // The key expires, and its source fails, first while the key is still valid.
    let expiring = driver(transport(4));
    let select = || expiring.execute_statement("SELECT * FROM T WHERE k = ?", PARAMETER);
    select().await.expect("a key");
    tokio::time::sleep(Duration::from_millis(3100)).await;
    select().await.expect("a key");
    tokio::time::sleep(Duration::from_millis(1000)).await;
    select().await.expect_err("no key");
    drop(session);
    // A server that is gone.
    drop(endpoint);
    let builder = HttpTransport::builder().endpoint("http://127.0.0.1:1").region("r");
    let gone = driver(Arc::new(builder.build().expect("valid")));
    gone.execute_statement("SELECT ?", PARAMETER).await.expect_err("nobody listens");
    drop(guard);

    let log = buffer.text();
    for word in ["committed", "failed", "trying again", "could not be renewed"] {
        assert!(log.contains(word), "the log is not as talkative as it can be: it lacks {word}: {log:.2000}");
    }
    holds_none("the driver", &log, &[PARAMETER, LITERAL, SECRET, KEY_TOKEN, &token]);
}

/// A server that logs all that it can into a file.
struct Server {
    child: Child,
    url: String,
    /// Open, so that the server can go on printing.
    _stdout: BufReader<std::process::ChildStdout>,
}

impl Server {
    fn start(folder: &Path) -> Server {
        let keys = folder.join("keys");
        std::fs::write(
            &keys,
            format!("[default]\naws_access_key_id = AKID\naws_secret_access_key = {SECRET}\n"),
        )
        .expect("written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o600)).expect("its own");
        }
        let log = std::fs::File::create(folder.join("server.log")).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_everstrand"));
        command.args(["serve", "--in-memory", "--listen", "127.0.0.1:0", "--log", "trace"]);
        command.args(["--create-ledger", testing::LEDGER_NAME, "--access-keys"]).arg(&keys);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("started");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        stdout.read_line(&mut line).expect("a line");
        let at = line.find("http://").unwrap_or_else(|| panic!("no URL in {line:?}"));
        let url = line[at..].split_whitespace().next().unwrap_or_default().to_owned();
        Server { child, url, _stdout: stdout }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_server_the_shell_and_the_loader() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path());
    let credentials = |secret: &str| Credentials {
        access_key_id: "AKID".to_owned(),
        secret_access_key: secret.to_owned(),
        session_token: None,
    };
    let over = |secret: &str| {
        let builder =
            HttpTransport::builder().endpoint(&server.url).region("r").credentials(credentials(secret));
        Arc::new(builder.build().expect("valid"))
    };
    let driver = QldbDriver::builder(testing::LEDGER_NAME).build_over(over(SECRET)).expect("valid");
    work(&driver).await.expect("no error");
    let session = SessionClient::start_session(testing::LEDGER_NAME, over(SECRET)).await.expect("a session");
    let token = session.token().as_str().to_owned();
    session.start_transaction().await.expect("a transaction");
    session.close().await;
    let denied = QldbDriver::builder(testing::LEDGER_NAME).build_over(over("another")).expect("valid");
    denied.execute_statement("SELECT ?", PARAMETER).await.expect_err("a wrong signature");

    let program = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_everstrand"));
        command.args(arguments).args(["--endpoint", &server.url, "--log", "trace"]);
        command.env("AWS_ACCESS_KEY_ID", "AKID").env("AWS_SECRET_ACCESS_KEY", SECRET);
        let output = command.env("AWS_REGION", "r").output().expect("started");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let shell = program(&[
        "shell",
        testing::LEDGER_NAME,
        "-c",
        "begin\nSELECT 'literal-8sWb3kY7' AS x FROM T;\ncommit\n",
        "-c",
        "SELECT 'literal-8sWb3kY7' FROM Nothing;",
    ]);
    let file = folder.path().join("lines.json");
    std::fs::write(&file, format!("{{\"k\": \"{LITERAL}\"}}\n{{\"k\": \"{LITERAL}\"}}\nno {LITERAL}\n"))
        .expect("written");
    let load = program(&["load", testing::LEDGER_NAME, "T", &file.display().to_string()]);
    let url = server.url.clone();
    drop(server);
    let server = std::fs::read_to_string(folder.path().join("server.log")).expect("a log");

    assert!(server.contains("answered"), "the server logs all: {server:.500} {url}");
    holds_none("the server", &server, &[PARAMETER, LITERAL, SECRET, &token]);
    for (what, printed) in [("the shell", shell), ("the loader", load)] {
        // Beside the log the command tells its user what is wrong with the statement or the line.
        let is_log = |line: &&str| {
            ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].iter().any(|level| line.contains(level))
        };
        let log: Vec<&str> = printed.lines().filter(is_log).collect();
        assert!(log.len() > 3, "{what} logs all: {printed:.500}");
        holds_none(what, &log.join("\n"), &[PARAMETER, LITERAL, SECRET]);
    }
}
