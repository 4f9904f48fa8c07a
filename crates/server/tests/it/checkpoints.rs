//! Checkpoints at a URL whose web server keeps them, refuses them, hangs, or redirects; and checkpoints in a folder.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use everstrand_journal::{Checkpoint, CheckpointVerifier};
use everstrand_ledger::storage::{DiskSlots, DiskSlotsOptions, FileDisk, FjallView, FjallViewOptions};
use everstrand_ledger::{Environment, Ledger, LedgerOptions, ManualClock, RandomIds, SystemClock};
use everstrand_server::config::{CheckpointPlace, Checkpoints, Config, Storage};
use everstrand_server::{Request, Service, fetch, ledger_folders};

use super::{send, service_and_clock};

const EVERY: Duration = Duration::from_secs(60);
/// Longer than an answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the web server behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    /// It replaces existing files.
    Takes,
    /// It keeps an existing file if the request says so.
    Keeps,
    Fails,
    Forbids,
    Redirects,
    /// It reads the request and does not answer until the client has left.
    Hangs,
}

/// A minimal web server that takes checkpoints.
#[derive(Clone)]
struct Place {
    address: String,
    state: Arc<Mutex<State>>,
}

struct State {
    mood: Mood,
    files: BTreeMap<String, String>,
    /// The newest checkpoint that another server publishes right after we have read the present one.
    overtaking: Option<String>,
    /// The first lines and the headers of all requests.
    requests: Vec<String>,
}

impl Place {
    fn open() -> Place {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let state =
            State { mood: Mood::Takes, files: BTreeMap::new(), overtaking: None, requests: Vec::new() };
        let address = listener.local_addr().expect("an address").to_string();
        let place = Place { address, state: Arc::new(Mutex::new(state)) };
        let serving = place.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let place = serving.clone();
                thread::spawn(move || while place.answer(&stream) {});
            }
        });
        place
    }

    fn set(&self, mood: Mood) {
        self.state.lock().expect("no panic").mood = mood;
    }

    fn files(&self) -> BTreeMap<String, String> {
        self.state.lock().expect("no panic").files.clone()
    }

    /// The requests since the last call.
    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().expect("no panic").requests)
    }

    /// Answers one request. Answers whether the connection stays open.
    fn answer(&self, mut stream: &TcpStream) -> bool {
        let Some((head, body)) = request(stream) else { return false };
        let mut line = head.split(' ');
        let (method, path) = (line.next().unwrap_or_default(), line.next().unwrap_or_default().to_owned());
        let once = head.to_ascii_lowercase().contains("if-none-match: *");
        let demanded = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("if-match: ").map(str::to_owned));
        let mood = {
            let mut state = self.state.lock().expect("no panic");
            state.requests.push(head.clone());
            state.mood
        };
        let respond = |status: &str, more: &str, body: &str| {
            format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{more}\r\n{body}", body.len())
        };
        let response = match (mood, method) {
            (Mood::Hangs, _) => {
                let _ = stream.read(&mut [0]);
                return false;
            }
            (Mood::Fails, _) => respond("500 Internal Server Error", "", "no"),
            (Mood::Forbids, _) => respond("403 Forbidden", "", ""),
            (Mood::Redirects, _) => {
                respond("307 Temporary Redirect", &format!("Location: http://{}/x\r\n", self.address), "")
            }
            (_, "GET") => {
                let found = self.files().get(&path).cloned();
                if path.ends_with("latest.checkpoint") {
                    let mut state = self.state.lock().expect("no panic");
                    if let Some(other) = state.overtaking.take() {
                        state.files.insert(path, other);
                    }
                }
                match (found, mood) {
                    (Some(found), Mood::Keeps) => {
                        respond("200 OK", &format!("ETag: {}\r\n", version(&found)), &found)
                    }
                    (Some(found), _) => respond("200 OK", "", &found),
                    (None, _) => respond("404 Not Found", "", ""),
                }
            }
            (Mood::Keeps, _)
                if once && self.files().contains_key(&path)
                    || demanded.is_some_and(|demanded| {
                        self.files().get(&path).map(|file| version(file)) != Some(demanded)
                    }) =>
            {
                respond("412 Precondition Failed", "", "")
            }
            _ => {
                self.state.lock().expect("no panic").files.insert(path, body);
                respond("201 Created", "", "")
            }
        };
        stream.write_all(response.as_bytes()).is_ok()
    }
}

/// The web server's name for a version of a file.
fn version(content: &str) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("\"{:x}\"", hasher.finish())
}

/// The head and the body of a request.
fn request(mut stream: &TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let mut some = [0; 4096];
        let count = stream.read(&mut some).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&some[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}

/// A service with one ledger that publishes at a URL.
fn publishing(url: &str, patience: Duration) -> (Service, Arc<ManualClock>) {
    let mut config = Config::new(Storage::Memory);
    let place = CheckpointPlace::parse(url).expect("a URL");
    config.checkpoints = Some(Checkpoints { patience, ..Checkpoints::new(place, EVERY) });
    let (service, clock) = service_and_clock(config, 1);
    service.create_ledger_unless_it_exists("signed").expect("a ledger");
    (service, clock)
}

/// One number of the metrics.
fn metric(service: &Service, name: &str) -> Option<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let metrics = runtime.block_on(send(service, "GET", "/metrics", None, b"")).body;
    let metrics = String::from_utf8(metrics).expect("text");
    let line =
        metrics.lines().find_map(|line| line.strip_prefix(&format!("{name}{{LedgerName=\"signed\"}} ")));
    line.map(|number| number.parse().expect("a number"))
}

fn age(service: &Service) -> Option<u64> {
    metric(service, "everstrand_checkpoint_age_milliseconds")
}

/// The status of `GET /ready`. If it is not 200, the answer must name the ledger and the reason.
fn ready(service: &Service) -> u16 {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let request = Request { method: "GET", path: "/ready", query: "", headers: &[], body: b"" };
    let answer = runtime.block_on(service.handle(request));
    let body = String::from_utf8(answer.body).expect("text");
    assert_eq!(body.contains("\"signed\"") && body.contains("checkpoint"), answer.status != 200, "{body}");
    answer.status
}

fn failures(service: &Service) -> Option<u64> {
    metric(service, "everstrand_checkpoint_failures_total")
}

#[test]
fn a_checkpoint_and_its_key_are_put_below_the_url() {
    let place = Place::open();
    let (service, clock) = publishing(&format!("http://me:secret@{}/notary/", place.address), PATIENCE);
    assert_eq!((age(&service), failures(&service)), (None, Some(0)));
    service.publish_checkpoints_on_cadence();
    assert_eq!((age(&service), failures(&service)), (Some(0), Some(0)));

    let files = place.files();
    let names: Vec<&str> = files.keys().map(|path| path.rsplit('/').next().expect("a name")).collect();
    assert_eq!(names, ["00000000000000000000.checkpoint", "key", "latest.checkpoint"], "{files:?}");
    assert!(
        files.keys().all(|path| path.starts_with("/notary/") && path.split('/').count() == 4),
        "{files:?}"
    );
    let [note, key, latest] = [0, 1, 2].map(|at| files.values().nth(at).expect("three files").clone());
    assert_eq!(note, latest);
    let key = CheckpointVerifier::parse(key.trim()).expect("a key");
    assert!(Checkpoint::parse(&note).expect("a checkpoint").is_signed_by(&key));

    let requests = place.requests();
    assert_eq!(requests.len(), 4);
    assert!(
        requests[0].starts_with("GET /notary/") && requests[0].contains("/latest.checkpoint "),
        "{requests:?}"
    );
    for (head, once) in requests[1..].iter().zip([true, true, true]) {
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("put /notary/"), "{head}");
        assert!(head.contains("content-type: text/plain; charset=utf-8"), "{head}");
        assert!(head.contains("authorization: basic bwu6c2vjcmv0"), "{head}");
        assert!(head.contains(&format!("host: {}", place.address)), "{head}");
        assert_eq!(head.contains("if-none-match: *"), once, "{head}");
    }

    // There is no new block, so nothing is sent, and the last checkpoint covers all blocks.
    clock.advance(60_000);
    assert_eq!(age(&service), Some(60_000));
    service.publish_checkpoints_on_cadence();
    assert_eq!((age(&service), place.requests().len()), (Some(0), 0));

    // A published checkpoint can be fetched.
    let path = files.keys().next().expect("a checkpoint");
    assert_eq!(fetch(&format!("http://{}{path}", place.address), None).expect("there"), note.as_bytes());
    let missing = fetch(&format!("http://{}/nothing", place.address), None).expect_err("not there");
    assert!(missing.contains("404"), "{missing}");
}

#[test]
fn a_place_that_refuses_checkpoints_is_counted_and_asked_again() {
    for mood in [Mood::Fails, Mood::Forbids, Mood::Redirects, Mood::Hangs] {
        let place = Place::open();
        place.set(mood);
        let patience = if mood == Mood::Hangs { Duration::from_millis(200) } else { PATIENCE };
        let (service, clock) = publishing(&format!("http://{}", place.address), patience);
        service.publish_checkpoints_on_cadence();
        assert_eq!((age(&service), failures(&service)), (None, Some(1)), "{mood:?}");
        assert_eq!(place.requests().len(), 1, "{mood:?}: the others of this round would fail as well");

        // The service asks again on the next cadence, then on the second and the fourth after that.
        let mut asked = Vec::new();
        for cadence in 1..9 {
            clock.advance(60_000);
            service.publish_checkpoints_on_cadence();
            if !place.requests().is_empty() {
                asked.push(cadence);
            }
        }
        assert_eq!((asked, failures(&service)), (vec![1, 3, 7], Some(4)), "{mood:?}");
        assert!(place.files().is_empty(), "{mood:?}");

        // Stopping the server publishes once more, without regard to the pause.
        place.set(Mood::Takes);
        service.publish_checkpoints();
        for _ in 0..100 {
            // The short patience of this test may be too short for a busy machine.
            if mood == Mood::Hangs && age(&service).is_none() {
                service.publish_checkpoints();
            }
        }
        assert_eq!(age(&service), Some(0), "{mood:?}");
        assert!(mood == Mood::Hangs || failures(&service) == Some(4), "{mood:?}");
        assert_eq!(place.files().len(), 3, "{mood:?}");
    }
}

#[test]
fn a_url_without_a_server_is_a_failure_like_others() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let (service, _clock) = publishing(&format!("http://{address}/x"), PATIENCE);
    service.publish_checkpoints_on_cadence();
    assert_eq!((age(&service), failures(&service)), (None, Some(1)));
}

#[test]
fn a_kept_file_must_have_the_published_content() {
    let place = Place::open();
    place.set(Mood::Keeps);
    let url = format!("http://{}", place.address);
    let (first, _clock) = publishing(&url, PATIENCE);
    first.publish_checkpoints();
    let kept = place.files();
    drop((first, place.requests()));

    // The same ledger with another key: the ids follow from the same seed, but the key is random.
    let (second, _clock) = publishing(&url, PATIENCE);
    second.publish_checkpoints();
    assert_eq!((age(&second), failures(&second)), (None, Some(1)));
    assert_eq!(place.files(), kept);
    let gets = place.requests().iter().filter(|head| head.starts_with("GET ")).count();
    assert_eq!(gets, 1, "it was asked what it has");
}

#[test]
fn publishing_the_same_again_succeeds_if_the_place_keeps_files() {
    let place = Place::open();
    place.set(Mood::Keeps);
    let folder = tempfile::tempdir().expect("a folder");
    let mut kept = None;
    for _ in 0..2 {
        let mut config = Config::new(Storage::Folder(folder.path().to_owned()));
        let at = CheckpointPlace::parse(&format!("http://{}", place.address)).expect("a URL");
        config.checkpoints = Some(Checkpoints::new(at, EVERY));
        let service = Service::open(config).expect("a service");
        service.create_ledger_unless_it_exists("signed").expect("a ledger");
        service.publish_checkpoints();
        assert_eq!(failures(&service), Some(0));
        service.close();
        let files = place.files();
        assert_eq!(kept.get_or_insert_with(|| files.clone()), &files);
    }
}

/// The files below a folder with their content, by their path in it.
fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => files.extend(
                files_below(&path)
                    .into_iter()
                    .map(|(name, content)| (Path::new(&entry.file_name()).join(name), content)),
            ),
            false => {
                drop(files.insert(PathBuf::from(entry.file_name()), std::fs::read(&path).expect("a file")))
            }
        }
    }
    files
}

/// Restores the files of a folder.
fn put_back(folder: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    let _ = std::fs::remove_dir_all(folder);
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, content).expect("written");
    }
}

/// Creates tables in the only ledger of a data folder, each in a block of its own, while no service has it open.
fn create_tables(data: &Path, tables: &[&str]) {
    let folder = ledger_folders(data).expect("a data folder").remove(0).1;
    let disk = FileDisk::create(folder.join("journal")).expect("a folder");
    let slots = DiskSlots::open(Arc::new(disk), DiskSlotsOptions::default()).expect("a journal");
    let view = FjallView::open(folder.join("view"), FjallViewOptions::default()).expect("a view");
    let clock = Arc::new(SystemClock::new());
    let environment = Environment { clock: clock.clone(), ids: Arc::new(RandomIds::new(clock)) };
    let ledger = Ledger::open(Arc::new(slots), Arc::new(view), environment, LedgerOptions::default());
    let ledger = ledger.expect("a ledger");
    for table in tables {
        let mut transaction = ledger.start_transaction().expect("a transaction");
        transaction.execute(&format!("CREATE TABLE {table}"), &[]).expect("a statement");
        transaction.commit_unchecked().wait().expect("committed");
    }
    ledger.close();
}

/// Creates tables in the ledger of a data folder, opens a service over it and publishes. Answers the number of failures, and
/// whether the journal contradicts a published checkpoint.
fn publish_after(data: &Path, place: &str, tables: &[&str]) -> (Option<u64>, Option<u64>) {
    let mut config = Config::new(Storage::Folder(data.to_owned()));
    if !data.exists() {
        let service = Service::open(config.clone()).expect("a service");
        service.create_ledger_unless_it_exists("signed").expect("a ledger");
        service.close();
    }
    create_tables(data, tables);
    config.checkpoints = Some(Checkpoints::new(CheckpointPlace::parse(place).expect("a place"), EVERY));
    let service = Service::open(config).expect("a service");
    service.publish_checkpoints();
    let found = (failures(&service), metric(&service, "everstrand_checkpoint_contradicted"));
    assert_eq!(ready(&service), if found.1 == Some(1) { 503 } else { 200 });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let described = runtime.block_on(send(&service, "GET", "/ledgers/signed", None, b"")).body;
    let described: serde_json::Value = serde_json::from_slice(&described).expect("JSON");
    assert_eq!(described["State"], "ACTIVE", "the state is one of QLDB's");
    assert_eq!(
        described["Impaired"].as_str().is_some_and(|why| why.contains("checkpoint")),
        found.1 == Some(1)
    );
    service.close();
    found
}

#[test]
fn an_older_copy_of_the_data_publishes_nothing_beside_newer_checkpoints() {
    let on_the_web = Place::open();
    let folder = tempfile::tempdir().expect("a folder");
    for place in
        [folder.path().join("places").display().to_string(), format!("http://{}", on_the_web.address)]
    {
        let published = || (files_below(&folder.path().join("places")), on_the_web.files());
        let data = folder.path().join("data");
        let _ = std::fs::remove_dir_all(&data);
        assert_eq!(publish_after(&data, &place, &["a", "b"]), (Some(0), Some(0)), "{place}");
        let older = files_below(&data);
        assert_eq!(publish_after(&data, &place, &["c", "d"]), (Some(0), Some(0)), "{place}");
        let (newer, before) = (files_below(&data), published());

        put_back(&data, &older);
        assert_eq!(publish_after(&data, &place, &[]), (Some(1), Some(1)), "{place}: it is shorter");
        assert_eq!(
            publish_after(&data, &place, &["x", "y"]),
            (Some(1), Some(1)),
            "{place}: as long, and another"
        );
        assert_eq!(publish_after(&data, &place, &["z"]), (Some(1), Some(1)), "{place}: longer, and another");
        assert_eq!(published(), before, "{place}");

        put_back(&data, &newer);
        assert_eq!(publish_after(&data, &place, &["e"]), (Some(0), Some(0)), "{place}");
        assert_ne!(published(), before, "{place}");
    }
}

#[test]
fn a_newest_checkpoint_without_its_second_name_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, place) = (folder.path().join("data"), folder.path().join("places"));
    let at = place.display().to_string();
    publish_after(&data, &at, &["a"]);
    let (older, published) = (files_below(&data), files_below(&place));
    publish_after(&data, &at, &["b"]);
    // A crash between the two writes leaves this.
    let (latest, before) =
        published.iter().find(|(name, _)| name.ends_with("latest.checkpoint")).expect("it");
    std::fs::write(place.join(latest), before).expect("written");
    let before = files_below(&place);
    put_back(&data, &older);
    assert_eq!(publish_after(&data, &at, &[]), (Some(1), Some(1)));
    assert_eq!(files_below(&place), before);
}

/// Two servers have read the same newest checkpoint. The first has published when the second wants to.
#[test]
fn of_two_servers_at_one_place_only_one_publishes() {
    let (web, elsewhere) = (Place::open(), Place::open());
    web.set(Mood::Keeps);
    let at = |place: &Place| format!("http://{}", place.address);
    let folder = tempfile::tempdir().expect("a folder");
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
    let latest = |place: &Place| {
        let found = place.files().into_iter().find(|(path, _)| path.ends_with("latest.checkpoint"));
        found.expect("published").1
    };
    assert_eq!(publish_after(&data, &at(&web), &["a"]), (Some(0), Some(0)));
    put_back(&copy, &files_below(&data));
    // A copy of the folder has the same key, and writes another history.
    assert_eq!(publish_after(&copy, &at(&elsewhere), &["x"]), (Some(0), Some(0)));
    let other = latest(&elsewhere);
    let before = web.files();
    web.state.lock().expect("no panic").overtaking = Some(other.clone());
    assert_eq!(publish_after(&data, &at(&web), &["b"]), (Some(1), Some(1)));
    assert_eq!(latest(&web), other);
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    // The other's file under its number is put there, because that server may have been killed before.
    assert!(names(&web.files()).len() <= names(&before).len() + 1);
    for (path, content) in web.files() {
        let is_known = before.get(&path) == Some(&content) || content == other;
        assert!(is_known, "{path}: nothing of a second history was published");
    }

    // A server of the same history goes on.
    let web = Place::open();
    web.set(Mood::Keeps);
    assert_eq!(publish_after(&copy, &at(&web), &[]), (Some(0), Some(0)));
    assert_eq!(latest(&web), other);
    publish_after(&copy, &at(&elsewhere), &["y"]);
    web.state.lock().expect("no panic").overtaking = Some(latest(&elsewhere));
    assert_eq!(publish_after(&copy, &at(&web), &["z"]), (Some(0), Some(0)));
    assert_ne!(latest(&web), latest(&elsewhere));
    let published = web.files().keys().filter(|path| path.ends_with(".checkpoint")).count();
    assert_eq!(
        published,
        4,
        "each is there under its number, and the last as the newest: {:?}",
        web.files().keys()
    );
}
