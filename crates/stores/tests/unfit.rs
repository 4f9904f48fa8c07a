//! Object stores that must never keep a journal, and what the probe says of them.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use everstrand_stores::probe::{Need, Report, probe_objects};
use everstrand_stores::{Location, ObjectStoreOptions, RequestThreads};

/// What is wrong with a store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unfit {
    /// Every create is answered with success.
    EveryCreatorWins,
    /// Who may not list is told 403 of a missing key.
    MissingIsForbidden,
}

/// As much of S3 as the probe asks for.
struct Store {
    unfit: Unfit,
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
}

/// Status and body.
type Answer = (&'static str, Vec<u8>);

impl Store {
    fn answer(&self, method: &str, target: &str, creates: bool, body: Vec<u8>) -> Answer {
        let (key, query) = target.split_once('?').unwrap_or((target, ""));
        let mut objects = self.objects.lock().unwrap();
        match method {
            "PUT" if creates && objects.contains_key(key) && self.unfit != Unfit::EveryCreatorWins => {
                ("412 Precondition Failed", Vec::new())
            }
            "PUT" => {
                objects.insert(key.to_owned(), body);
                ("200 OK", Vec::new())
            }
            "DELETE" => {
                objects.remove(key);
                ("204 No Content", Vec::new())
            }
            _ if query.contains("list-type=2") => {
                let mut listed = String::from("<ListBucketResult><IsTruncated>false</IsTruncated>");
                for (key, bytes) in objects.iter() {
                    let key = key.trim_start_matches("/bucket/");
                    write!(
                        listed,
                        "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>\"e\"</ETag>\
                         <Size>{}</Size></Contents>",
                        bytes.len()
                    )
                    .unwrap();
                }
                ("200 OK", (listed + "</ListBucketResult>").into_bytes())
            }
            _ => match objects.get(key) {
                Some(bytes) => ("200 OK", bytes.clone()),
                None if self.unfit == Unfit::MissingIsForbidden => ("403 Forbidden", Vec::new()),
                None => ("404 Not Found", Vec::new()),
            },
        }
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut requests = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        loop {
            let mut lines = Vec::new();
            loop {
                let mut line = String::new();
                if requests.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                match line.trim_end() {
                    "" => break,
                    line => lines.push(line.to_owned()),
                }
            }
            let header = |wanted: &str| {
                let headers = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
                headers.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value).next()
            };
            let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            requests.read_exact(&mut body)?;
            let mut words = lines[0].split(' ');
            let (method, target) = (words.next().unwrap(), words.next().unwrap());
            let (status, answer) = self.answer(method, target, header("if-none-match").is_some(), body);
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"e\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n",
                answer.len()
            )?;
            if method != "HEAD" {
                stream.write_all(&answer)?;
            }
        }
    }
}

fn probe(unfit: Unfit) -> Report {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let store = Arc::new(Store { unfit, objects: Mutex::default() });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let store = Arc::clone(&store);
            thread::spawn(move || drop(store.serve(stream)));
        }
    });
    let place = "s3://bucket/ledgers".parse();
    let Ok(Location::Objects(place)) = place else { panic!("{place:?}") };
    let access_key = Some(("any".to_owned(), "any".to_owned()));
    let options = ObjectStoreOptions { endpoint: Some(endpoint), access_key, region: None };
    probe_objects(&place, &place.open(&options).unwrap(), &RequestThreads::start().unwrap()).unwrap()
}

#[test]
fn f31_a_store_in_which_every_creator_wins_is_refused_with_the_evidence() {
    let report = probe(Unfit::EveryCreatorWins);
    assert!(!report.is_fit_for(Need::Journal), "{report}");
    let report = report.to_string();
    assert!(report.contains("16 of 16 won") && report.contains("both won"), "{report}");
}

#[test]
fn f32_a_store_that_answers_403_for_a_missing_key_is_refused_with_what_to_grant() {
    let report = probe(Unfit::MissingIsForbidden);
    assert!(!report.is_fit_for(Need::Journal), "{report}");
    let report = report.to_string();
    assert!(
        report.contains("403: grant ListBucket") && report.contains("holds    of 16 creators"),
        "{report}"
    );
}
