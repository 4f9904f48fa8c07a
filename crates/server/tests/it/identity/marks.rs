//! Nothing that somebody wrote lies in clear in an encrypted place: no piece of eight bytes of any of it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use everstrand_ledger::storage::{MemoryStore, SharedStore};
use everstrand_server::config::AuditLedger;

use super::*;

/// Random names and texts, by what they are used for.
struct Marks(BTreeMap<&'static str, String>);

impl Marks {
    fn new() -> Marks {
        let uses = [
            "table",
            "index",
            "field",
            "nested field",
            "text",
            "clob",
            "list",
            "symbol",
            "changed",
            "deleted",
            "literal",
            "alias",
            "comment",
            "error",
            "user",
            "group",
            "policy",
            "tag of a user",
        ];
        // Knuth's generator: what matters is that no two marks share eight letters.
        let mut state = 17_u64;
        let mut letter = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + u8::try_from((state >> 33) % 26).expect("a letter"))
        };
        Marks(uses.into_iter().map(|what| (what, (0..24).map(|_| letter()).collect())).collect())
    }

    fn of(&self, what: &str) -> &str {
        &self.0[what]
    }

    /// Which of them have a piece of eight bytes in these bytes.
    fn in_bytes<'a>(&'a self, bytes: &[u8]) -> impl Iterator<Item = &'static str> + use<'a> {
        let pieces: HashSet<&[u8]> = self.0.values().flat_map(|mark| mark.as_bytes().windows(8)).collect();
        // Most places are dismissed by their first two bytes, because files have megabytes.
        let mut begins = vec![false; 1 << 16];
        pieces.iter().for_each(|piece| begins[usize::from(piece[0]) << 8 | usize::from(piece[1])] = true);
        let mut found: HashSet<Vec<u8>> = HashSet::new();
        for at in 0..bytes.len().saturating_sub(7) {
            if begins[usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1])]
                && pieces.contains(&bytes[at..at + 8])
            {
                found.insert(bytes[at..at + 8].to_vec());
            }
        }
        let has = move |mark: &str| mark.as_bytes().windows(8).any(|piece| found.contains(piece));
        self.0.iter().filter(move |(_, mark)| has(mark)).map(|(what, _)| *what)
    }
}

/// Writes each mark where it belongs, and closes the service.
async fn write(config: Config, marks: &Marks) {
    let world = world_of(config);
    let of = |what| marks.of(what);
    let (table, index, field) = (of("table"), of("index"), of("field"));
    let clob = format!("`{{{{\"{}\"}}}}`", of("clob"));
    let insert = format!(
        "INSERT INTO {table} << {{'{index}': '{}', '{field}': '{}', 'n': {{'{}': [1, '{}']}}, 'c': {clob}}}, \
         {{'{index}': '{}', 'k': 1}} >>",
        of("text"),
        of("literal"),
        of("nested field"),
        of("list"),
        of("deleted"),
    );
    let statements = [
        format!("CREATE TABLE {table}"),
        format!("CREATE INDEX ON {table} ({index})"),
        insert,
        format!("INSERT INTO {table} VALUE {{'{index}': `{}`, 'k': 2}}", of("symbol")),
        format!("UPDATE {table} SET {field} = '{}' WHERE {index} = '{}'", of("changed"), of("text")),
        format!("DELETE FROM {table} WHERE {index} = '{}' -- {}", of("deleted"), of("comment")),
        format!("SELECT x.k AS {} FROM {table} AS x", of("alias")),
    ];
    world.prepare("bank", "ALLOW_ALL", &statements.each_ref().map(String::as_str)).await;
    assert_ne!(
        world.run(&world.administrator, "bank", &format!("SELECT {}(1) FROM", of("error"))).await,
        "ok"
    );
    world.policy(of("policy"), json!([])).await;
    world.administer(&IdentityRequest::AddGroup { group_name: of("group").to_owned() }).await;
    let (user_name, tag) = (of("user").to_owned(), of("tag of a user").to_owned());
    let tags = std::iter::once(("team".to_owned(), tag)).collect();
    let policies = vec![of("policy").to_owned()];
    let added = IdentityRequest::AddUser { user_name, groups: Vec::new(), policies, tags };
    let _ = credentials(world.administer(&added).await);
    world.service.close();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// All that a store holds.
fn bytes_of(store: &MemoryStore) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, last) in store.names().expect("names") {
        bytes.extend_from_slice(name.as_bytes());
        let chain = store.name(&name).expect("a name");
        let revisions: Vec<_> =
            (0..=last).map(|number| chain.read(number).expect("read").expect("there")).collect();
        let revision = std::str::from_utf8(revisions.last().expect("one")).expect("text").to_owned();
        let revision = everstrand_ion::text::read_one(&revision).expect("Ion");
        let id = revision.get("record").and_then(|record| record.get("ledgerId")?.as_text()).expect("an id");
        let id = id.parse().expect("an id");
        for slots in [store.journal(id), store.keys(id)] {
            bytes.extend(slots.expect("slots").read_many(0, usize::MAX).expect("read").concat());
        }
        bytes.extend(revisions.concat());
    }
    bytes
}

/// In clear the search finds each mark, so that it could find one in an encrypted place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_piece_of_eight_bytes_of_what_was_written_lies_in_an_encrypted_folder_or_store() {
    let marks = Marks::new();
    let folder = tempfile::tempdir().expect("a folder");
    for is_encrypted in [false, true] {
        let settings = |storage| {
            let mut config = Config::new(storage);
            config.master_key = is_encrypted.then(MasterKey::random);
            config.audit_ledger = Some(AuditLedger { data_events: true });
            config.record_reads = true;
            config
        };
        let data = folder.path().join(if is_encrypted { "encrypted" } else { "clear" });
        write(settings(Storage::Folder(data.clone())), &marks).await;
        let in_folder: HashSet<&str> = files(&data)
            .iter()
            .flat_map(|file| marks.in_bytes(&std::fs::read(file).expect("a file")).collect::<Vec<_>>())
            .collect();
        let store = Arc::new(MemoryStore::new());
        write(settings(Storage::Shared { store: Arc::clone(&store) as _, cache: None }), &marks).await;
        let in_store: HashSet<&str> = marks.in_bytes(&bytes_of(&store)).collect();
        for (place, found) in [("folder", in_folder), ("store", in_store)] {
            let wanted: HashSet<&str> = match is_encrypted {
                true => HashSet::new(),
                // A statement that was refused is written nowhere.
                false => marks.0.keys().copied().filter(|what| *what != "error").collect(),
            };
            let missing: Vec<_> = wanted.symmetric_difference(&found).collect();
            assert!(missing.is_empty(), "{place}, encrypted: {is_encrypted}: {missing:?}");
        }
    }
}
