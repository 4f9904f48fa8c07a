//! A small key management service with AWS KMS' JSON API. It checks signatures, binds ciphertexts to their context, and fails on demand.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use everstrand_protocol::signature::{AmzDate, Authorization, Credentials, SignedParts};
use everstrand_sealing::SealingKey;
use everstrand_server::{KmsClient, KmsEndpoint, KmsKeys};
use serde_json::{Value, json};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const REGION: &str = "eu-central-1";

/// What the service does instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Every request for this key is denied.
    Denied,
    /// The status 500.
    Broken,
    /// A proxy's page.
    Proxy,
    /// It says nothing.
    Silent,
    /// It sends the head of an answer, and the body byte by byte.
    Slow,
}

struct World {
    /// Each key's state.
    states: BTreeMap<String, &'static str>,
    secret: SealingKey,
    fault: Fault,
    /// The operations that were asked for.
    asked: Vec<String>,
    /// Every plaintext that was sealed.
    plaintexts: Vec<Vec<u8>>,
}

#[derive(Clone)]
pub(super) struct KeyService {
    pub(super) url: String,
    world: Arc<Mutex<World>>,
}

pub(super) fn arn(key: &str) -> String {
    format!("arn:aws:kms:{REGION}:111122223333:key/{key}")
}

impl KeyService {
    /// A service with the keys `one` and `two`, and the alias `alias/first` for the first of them.
    pub(super) fn start() -> KeyService {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let states = ["one", "two"].map(|key| (arn(key), "Enabled"));
        let world = World {
            states: BTreeMap::from(states),
            secret: SealingKey::random(),
            fault: Fault::None,
            asked: Vec::new(),
            plaintexts: Vec::new(),
        };
        let service = KeyService { url, world: Arc::new(Mutex::new(world)) };
        let serving = service.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                thread::spawn(move || serving.serve(&stream));
            }
        });
        service
    }

    /// The keys of this service, asked for every few milliseconds.
    pub(super) fn keys(&self, grace: Duration) -> Arc<KmsKeys> {
        Arc::new(KmsKeys::new(self.client(SECRET), Duration::from_millis(20), grace))
    }

    pub(super) fn client(&self, secret: &str) -> KmsClient {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: secret.to_owned(),
            session_token: Some("a token".to_owned()),
        };
        let endpoint = KmsEndpoint::parse(&self.url).expect("an endpoint");
        KmsClient::new(endpoint, REGION, credentials).with_patience(Duration::from_millis(400))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no panic")
    }

    pub(super) fn fail(&self, fault: Fault) {
        self.world().fault = fault;
    }

    pub(super) fn set_state(&self, key: &str, state: &'static str) {
        self.world().states.insert(arn(key), state);
    }

    pub(super) fn asked(&self, operation: &str) -> usize {
        self.world().asked.iter().filter(|asked| *asked == operation).count()
    }

    /// Every data key that was sealed.
    pub(super) fn plaintexts(&self) -> Vec<Vec<u8>> {
        self.world().plaintexts.clone()
    }

    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some((headers, body)) = request(&mut reader) {
            let fault = self.world().fault;
            let (status, answer) = match fault {
                Fault::Silent => {
                    thread::sleep(Duration::from_secs(2));
                    return;
                }
                Fault::Broken => (500, json!({"__type": "KMSInternalException"}).to_string()),
                Fault::Proxy => (403, "<html>no</html>".to_owned()),
                Fault::Denied => {
                    (400, json!({"__type": "AccessDeniedException", "Message": "not you"}).to_string())
                }
                Fault::None | Fault::Slow => match self.answer(&headers, &body) {
                    Ok(answer) => (200, answer.to_string()),
                    Err(code) => (400, json!({"__type": format!("com.amazonaws.kms#{code}")}).to_string()),
                },
            };
            let mut stream = stream;
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            if stream.write_all(head.as_bytes()).is_err() {
                return;
            }
            for piece in answer.as_bytes().chunks(if fault == Fault::Slow { 1 } else { usize::MAX }) {
                if stream.write_all(piece).is_err() {
                    return;
                }
                if fault == Fault::Slow {
                    thread::sleep(Duration::from_millis(100));
                }
            }
        }
    }

    fn answer(&self, headers: &[(String, String)], body: &[u8]) -> Result<Value, &'static str> {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let parts = SignedParts { method: "POST", path: "/", query: "", headers: &headers, body };
        let signed =
            Authorization::from_headers(&headers).map_err(|_| "MissingAuthenticationTokenException")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
        let now = AmzDate::from_unix_seconds(i64::try_from(now).expect("a time"));
        let scope = (signed.service.as_str(), signed.region.as_str(), signed.session_token.as_deref());
        if scope != ("kms", REGION, Some("a token"))
            || signed.check(&parts, &signed.signing_key(SECRET), now).is_err()
        {
            return Err("InvalidSignatureException");
        }
        let target = headers.iter().find(|header| header.0 == "x-amz-target").expect("a target").1;
        let operation = target.strip_prefix("TrentService.").expect("a KMS operation").to_owned();
        let request: Value = serde_json::from_slice(body).expect("JSON");
        let mut world = self.world();
        world.asked.push(operation.clone());
        let named = request["KeyId"].as_str().expect("a key");
        let key = match named {
            "alias/first" => arn("one"),
            named if named.starts_with("arn:") => named.to_owned(),
            named => arn(named),
        };
        let state = *world.states.get(&key).ok_or("NotFoundException")?;
        if operation == "DescribeKey" {
            let metadata = json!({
                "Arn": key, "KeyState": state, "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT",
            });
            return Ok(json!({"KeyMetadata": metadata}));
        }
        match state {
            "Enabled" => {}
            "Disabled" => return Err("DisabledException"),
            _ => return Err("KMSInvalidStateException"),
        }
        let bytes = |name: &str| STANDARD.decode(request[name].as_str().expect("a blob")).expect("Base64");
        let context = format!("{key} {}", request["EncryptionContext"]);
        match operation.as_str() {
            "Encrypt" => {
                let plaintext = bytes("Plaintext");
                let sealed = world.secret.seal(context.as_bytes(), &plaintext);
                world.plaintexts.push(plaintext);
                Ok(json!({"CiphertextBlob": STANDARD.encode(sealed), "KeyId": key}))
            }
            "Decrypt" => {
                let opened = world.secret.open(context.as_bytes(), &bytes("CiphertextBlob"));
                let opened = opened.map_err(|_| "InvalidCiphertextException")?;
                Ok(json!({"Plaintext": STANDARD.encode(opened), "KeyId": key}))
            }
            other => panic!("{other} is not asked for"),
        }
    }
}

type Headers = Vec<(String, String)>;

/// The headers and the body of the next request.
fn request(reader: &mut BufReader<&TcpStream>) -> Option<(Headers, Vec<u8>)> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    assert_eq!(line.trim_end(), "POST / HTTP/1.1");
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|header| header.0 == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((headers, body))
}
