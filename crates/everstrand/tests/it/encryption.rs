//! Encryption at rest: nothing that somebody wrote into an encrypted ledger lies on the disk in clear, and without its
//! keys the ledger cannot be read.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A data folder and the files of two master keys beside it.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> World {
        let world = World { folder: tempfile::tempdir().expect("a folder") };
        for key in ["old.key", "new.key"] {
            let (code, printed) = world.run(None, &["master-key", "new", &world.path(key)]);
            assert_eq!((code, printed.contains("fingerprint")), (0, true), "{printed}");
        }
        fs::create_dir(world.folder.path().join("data")).expect("a folder");
        world
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs the program with one of the master keys, or with none: its exit code and what it printed.
    pub(crate) fn run(&self, key: Option<&str>, arguments: &[&str]) -> (i32, String) {
        self.run_with_input(key, arguments, "")
    }

    fn run_with_input(&self, key: Option<&str>, arguments: &[&str], input: &str) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_everstrand"));
        command.args(arguments).env("EVERSTRAND_DATA", self.data());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(key) = key {
            command.env("EVERSTRAND_MASTER_KEY_FILE", self.path(key));
        }
        let mut child = command.spawn().expect("the program runs");
        child.stdin.take().expect("an input").write_all(input.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("it ends");
        let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.code().expect("an exit code"), printed.into_owned())
    }

    /// What statements on a ledger print.
    fn shell(&self, key: Option<&str>, ledger: &str, statements: &str) -> (i32, String) {
        let data = self.path("data");
        self.run_with_input(key, &["shell", ledger, "--data", &data], statements)
    }

    pub(crate) fn create(&self, key: Option<&str>, ledger: &str) {
        let (code, printed) = self.run(key, &["ledger", "create", ledger, "--data", &self.path("data")]);
        assert_eq!(code, 0, "{printed}");
    }

    /// Fills a ledger with marks that occur nowhere else: in documents, names of fields, tables and indexes, in
    /// statements and their errors; some of it is deleted, replaced and redacted.
    pub(crate) fn fill(&self, key: Option<&str>, ledger: &str) {
        let mut statements =
            String::from("CREATE TABLE TableMark7c1f;\nCREATE INDEX ON TableMark7c1f (FieldMark2b9e);\n");
        for number in 0..300 {
            statements += &format!(
                "INSERT INTO TableMark7c1f VALUE {{'FieldMark2b9e': 'KeyMark83d0-{number}', 'OtherMark51aa': 'ValueMark9e07 \
                 {number}'}};\n"
            );
        }
        statements += "UPDATE TableMark7c1f SET OtherMark51aa = 'LaterMark40fd' WHERE FieldMark2b9e = 'KeyMark83d0-7';\n";
        statements += "DELETE FROM TableMark7c1f WHERE FieldMark2b9e = 'KeyMark83d0-8';\n";
        let (code, printed) = self.shell(key, ledger, &statements);
        assert_eq!(code, 0, "{printed}");
    }

    pub(crate) fn count(&self, key: Option<&str>, ledger: &str) -> (i32, String) {
        self.shell(
            key,
            ledger,
            "SELECT COUNT(*) AS n FROM TableMark7c1f WHERE OtherMark51aa LIKE 'ValueMark9e07%'",
        )
    }
}

/// Eight bytes each of what `fill` writes.
const MARKS: [&str; 6] = ["TableMar", "FieldMar", "KeyMark8", "OtherMar", "ValueMar", "LaterMar"];

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// How many files below a folder hold each mark.
pub(crate) fn shown(folder: &Path) -> BTreeMap<&'static str, usize> {
    let mut shown = BTreeMap::new();
    for file in files(folder) {
        let bytes = fs::read(&file).expect("a file");
        for mark in MARKS {
            if bytes.windows(8).any(|window| window == mark.as_bytes()) {
                *shown.entry(mark).or_default() += 1;
            }
        }
    }
    shown
}

pub(crate) fn key_files(world: &World) -> Vec<PathBuf> {
    let mut keys = files(&world.data().join("keys"));
    keys.sort();
    keys
}

#[test]
fn an_encrypted_ledger_shows_nothing_and_opens_under_its_key_alone() {
    let world = World::new();
    world.create(Some("old.key"), "secret");
    world.create(None, "open");
    world.fill(Some("old.key"), "secret");
    assert_eq!(shown(&world.data()), BTreeMap::new());
    let (code, printed) = world.count(Some("old.key"), "secret");
    assert_eq!((code, printed.contains("{n:298}")), (0, true), "{printed}");
    // A ledger in clear can be used without a key, beside the encrypted one.
    world.fill(None, "open");
    assert_eq!(shown(&world.data()).len(), MARKS.len(), "the search finds what is there");

    let (code, printed) = world.count(None, "secret");
    assert_eq!((code, printed.contains("there is no master key")), (2, true), "{printed}");
    let (code, printed) = world.count(Some("new.key"), "secret");
    assert_eq!(
        (code, printed.contains("is sealed under the master key with the fingerprint")),
        (2, true),
        "{printed}"
    );

    // Commands that read the journal without a server need the key, too.
    let data = world.path("data");
    let (code, printed) = world.run(Some("old.key"), &["audit", &data, "--ledger", "secret"]);
    assert_eq!(code, 0, "{printed}");
    let (code, printed) = world.run(None, &["audit", &data, "--ledger", "secret"]);
    assert_eq!((code, printed.contains("there is no master key")), (2, true), "{printed}");
    let export = world.path("export");
    let (code, printed) = world.run(Some("old.key"), &["export", "secret", "--data", &data, "--to", &export]);
    assert_eq!(code, 0, "{printed}");
    let (code, printed) = world.run(None, &["audit", &export]);
    assert_eq!(code, 0, "{printed}");
}

#[test]
fn a_lost_or_damaged_or_swapped_data_key_is_refused_clearly() {
    let world = World::new();
    world.create(Some("old.key"), "a");
    world.create(Some("old.key"), "b");
    world.fill(Some("old.key"), "a");
    let keys = key_files(&world);
    assert_eq!(keys.len(), 2, "{keys:?}");
    let contents: Vec<Vec<u8>> = keys.iter().map(|key| fs::read(key).expect("a key")).collect();
    let refused = |why: &str| {
        let (code, printed) = world.count(Some("old.key"), "a");
        assert_eq!((code, printed.contains(why)), (2, true), "{why}: {printed}");
    };
    // Each other's.
    fs::write(&keys[0], &contents[1]).expect("written");
    fs::write(&keys[1], &contents[0]).expect("written");
    refused("its data key is damaged, or another ledger's");
    for (key, content) in keys.iter().zip(&contents) {
        fs::write(key, &content[..content.len() - 3]).expect("written");
    }
    refused("is damaged");
    for key in &keys {
        fs::remove_file(key).expect("removed");
    }
    // The journal says that it is encrypted, and nothing is taken for an empty ledger.
    let (code, printed) = world.run(Some("old.key"), &["audit", &world.path("data"), "--ledger", "a"]);
    assert_eq!((code, printed.contains("its data key is gone")), (2, true), "{printed}");
    refused("its data key is gone");
    for (key, content) in keys.iter().zip(&contents) {
        fs::write(key, content).expect("written");
    }
    let (code, printed) = world.count(Some("old.key"), "a");
    assert_eq!((code, printed.contains("{n:298}")), (0, true), "{printed}");
}

#[test]
fn a_ledger_in_clear_is_encrypted_where_it_lies() {
    let world = World::new();
    world.create(None, "ledger");
    world.fill(None, "ledger");
    let data = world.path("data");
    assert_eq!(shown(&world.data()).len(), MARKS.len());
    let (code, before) = world.run(None, &["audit", &data, "--json"]);
    assert_eq!(code, 0, "{before}");
    let (code, printed) = world.run(None, &["encrypt", "ledger"]);
    assert_eq!((code, printed.contains("there is no master key")), (2, true), "{printed}");

    // With a key the folder holds a ledger in clear as before, until it is told otherwise.
    let (code, printed) = world.count(Some("old.key"), "ledger");
    assert_eq!((code, printed.contains("{n:298}")), (0, true), "{printed}");
    let (code, printed) = world.run(Some("old.key"), &["encrypt", "ledger"]);
    assert_eq!((code, printed.contains("ledger ledger is encrypted")), (0, true), "{printed}");
    assert_eq!(shown(&world.data()), BTreeMap::new());
    let (code, after) = world.run(Some("old.key"), &["audit", &data, "--json"]);
    assert_eq!((code, after), (0, before));
    let (code, printed) = world.count(Some("old.key"), "ledger");
    assert_eq!((code, printed.contains("{n:298}")), (0, true), "{printed}");
    assert_eq!(shown(&world.data()), BTreeMap::new());
    // Once more changes nothing.
    assert_eq!(world.run(Some("old.key"), &["encrypt", "ledger"]).0, 0);
}

#[test]
fn another_master_key_takes_over_and_deletion_removes_the_data_key() {
    let world = World::new();
    world.create(Some("old.key"), "ledger");
    world.fill(Some("old.key"), "ledger");
    let new = world.path("new.key");
    let (code, printed) = world.run(Some("old.key"), &["master-key", "replace", "--with", &new]);
    assert_eq!((code, printed.contains("1 data keys are sealed")), (0, true), "{printed}");
    let (code, printed) = world.count(Some("new.key"), "ledger");
    assert_eq!((code, printed.contains("{n:298}")), (0, true), "{printed}");
    let (code, printed) = world.count(Some("old.key"), "ledger");
    assert_eq!((code, printed.contains("is sealed under the master key")), (2, true), "{printed}");
    assert_eq!(key_files(&world).len(), 2, "the older revision is for earlier backups");

    let data = world.path("data");
    let delete = ["ledger", "delete", "ledger", "--confirm", "ledger", "--data", &data];
    let (code, printed) = world.run(Some("new.key"), &delete);
    assert_eq!(code, 0, "{printed}");
    assert_eq!(key_files(&world), Vec::<PathBuf>::new());
}
