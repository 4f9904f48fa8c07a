//! Copies of encrypted ledgers: what they show, who can read them, and what becomes of their keys.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::encryption::{World, files, shown};

/// The commands on copies, with a world's places.
struct Commands(World);

impl Commands {
    fn with_ledger() -> Commands {
        let world = World::new();
        world.create(Some("old.key"), "ledger");
        world.fill(Some("old.key"), "ledger");
        Commands(world)
    }

    fn backup(&self, key: Option<&str>, place: &str) -> (i32, String) {
        let (data, place) = (self.0.path("data"), self.0.path(place));
        self.0.run(key, &["backup", "ledger", "--data", &data, "--to", &place])
    }

    fn verify(&self, key: Option<&str>, place: &str) -> (i32, String) {
        self.0.run(key, &["backup", "verify", &self.0.path(place)])
    }

    /// The files with the data keys of a place.
    fn keys_in(&self, place: &str) -> Vec<PathBuf> {
        let folder = self.0.folder().join(place).join("keys");
        if folder.exists() { files(&folder) } else { Vec::new() }
    }

    /// Deletes the ledger: what the command printed.
    fn delete(&self) -> String {
        let data = self.0.path("data");
        let delete = ["ledger", "delete", "ledger", "--confirm", "ledger", "--data", &data];
        let (code, printed) = self.0.run(Some("old.key"), &delete);
        assert_eq!(code, 0, "{printed}");
        printed
    }
}

fn assert_says((code, printed): &(i32, String), expected: i32, part: &str) {
    assert_eq!((*code, printed.contains(part)), (expected, true), "{part}: {printed}");
}

#[test]
fn a_copy_shows_nothing_and_is_verified_drilled_copied_and_restored_under_the_master_key_alone() {
    let commands = Commands::with_ledger();
    let world = &commands.0;
    assert_says(&commands.backup(None, "copies"), 2, "there is no master key");
    assert_says(&commands.backup(Some("old.key"), "copies"), 0, "ledger ledger: copied");
    assert_says(&commands.backup(Some("old.key"), "copies"), 0, "copied 0 slots");
    assert_eq!(shown(&world.folder().join("copies")), BTreeMap::new());
    assert_eq!(commands.keys_in("copies").len(), 1);
    let (copies, other) = (world.path("copies"), world.path("other"));
    assert_says(&world.run(None, &["backup", "list", &copies]), 0, "encrypted");
    assert_says(&commands.verify(Some("old.key"), "copies"), 0, "whole: it opens up to");
    assert_says(&commands.verify(None, "copies"), 2, "there is no master key");
    assert_says(&commands.verify(Some("new.key"), "copies"), 2, "is sealed under the master key");
    assert_says(&world.run(Some("old.key"), &["drill", &copies]), 0, "was restored up to block");
    assert_says(&world.run(None, &["drill", &copies]), 1, "there is no master key");
    assert_says(&world.run(Some("old.key"), &["copy", &copies, &other]), 0, "digest");
    assert_says(&world.run(None, &["copy", &copies, &other]), 2, "there is no master key");
    assert_eq!(shown(&world.folder().join("other")), BTreeMap::new());

    // The restored ledger has a data key of its own. Without the other folder the copy is enough.
    let data = world.path("data");
    let restore = ["restore", &other, "ledger", "--data", &data, "--as", "again"];
    assert_says(&world.run(None, &restore), 2, "there is no master key");
    assert_says(&world.run(Some("old.key"), &restore), 0, "ledger again is ledger");
    assert_eq!(shown(&world.data()), BTreeMap::new());
    commands.delete();
    assert_says(&world.count(Some("old.key"), "again"), 0, "{n:298}");
}

#[test]
fn a_lost_a_swapped_and_a_truncated_data_key_of_a_copy_are_refused() {
    let commands = Commands::with_ledger();
    let world = &commands.0;
    assert_eq!(commands.backup(Some("old.key"), "copies").0, 0);
    world.create(Some("old.key"), "other");
    let data = world.path("data");
    let backup_other = ["backup", "other", "--data", &data, "--to", &world.path("elsewhere")];
    assert_eq!(world.run(Some("old.key"), &backup_other).0, 0);
    let (own, others) = (commands.keys_in("copies").remove(0), commands.keys_in("elsewhere").remove(0));
    let (bytes, swapped) = (fs::read(&own).expect("a key"), fs::read(&others).expect("a key"));
    let refused = |why: &str| {
        assert_says(&commands.verify(Some("old.key"), "copies"), 2, why);
        let restore = ["restore", &world.path("copies"), "ledger", "--data", &data, "--as", "again"];
        assert_says(&world.run(Some("old.key"), &restore), 2, why);
    };
    let not_gone_on_with = || {
        let why = "is another one than the ledger's";
        assert_says(&commands.backup(Some("old.key"), "copies"), 1, why);
    };
    fs::write(&own, &swapped).expect("written");
    refused("its data key is damaged, or another ledger's");
    not_gone_on_with();
    fs::write(&own, &bytes[..bytes.len() - 9]).expect("written");
    refused("its data key is damaged");
    not_gone_on_with();
    fs::remove_file(&own).expect("removed");
    refused("its data key is gone");
    // As long as there is the ledger, its key comes back with the next run.
    assert_says(&commands.backup(Some("old.key"), "copies"), 0, "copied 0 slots");
    assert_says(&commands.verify(Some("old.key"), "copies"), 0, "whole");
}

#[test]
fn another_master_key_reaches_the_copies_with_the_next_run() {
    let commands = Commands::with_ledger();
    let world = &commands.0;
    assert_eq!(commands.backup(Some("old.key"), "copies").0, 0);
    let new = world.path("new.key");
    let replace = ["master-key", "replace", "--with", &new, "--data", &world.path("data")];
    assert_eq!(world.run(Some("old.key"), &replace).0, 0);
    assert_says(&commands.verify(Some("old.key"), "copies"), 0, "whole");
    assert_says(&commands.backup(Some("new.key"), "copies"), 0, "copied 0 slots");
    assert_says(&commands.verify(Some("new.key"), "copies"), 0, "whole");
    assert_eq!(commands.keys_in("copies").len(), 2);
}

#[test]
fn a_deletion_removes_the_keys_of_copies_that_it_reaches_and_names_the_others() {
    let commands = Commands::with_ledger();
    let world = &commands.0;
    assert_eq!(commands.backup(Some("old.key"), "copies").0, 0);
    assert_eq!(commands.backup(Some("old.key"), "away").0, 0);
    let (away, elsewhere) = (world.folder().join("away"), world.folder().join("elsewhere"));
    fs::rename(&away, &elsewhere).expect("moved");
    let said = commands.delete();
    assert!(said.contains("still holds its data key") && said.contains(&world.path("away")), "{said}");
    assert!(!away.exists(), "a place that is away is not made again");
    assert_eq!(commands.keys_in("copies"), Vec::<PathBuf>::new());
    assert_says(&commands.verify(Some("old.key"), "copies"), 2, "its data key is gone");

    // The copy that was away can be read, until its key is removed by hand.
    assert_says(&commands.verify(Some("old.key"), "elsewhere"), 0, "whole");
    let place = world.path("elsewhere");
    assert_says(&world.run(None, &["backup", "shred", &place, "ledger"]), 0, "removed the data key of copy");
    assert_says(&commands.verify(Some("old.key"), "elsewhere"), 2, "its data key is gone");
    assert_says(&world.run(None, &["backup", "shred", &place, "nobody"]), 2, "no copy of a ledger nobody");
}

/// Pruning removes a copy with its key, and a copy from before the ledger was encrypted is not gone on with.
#[test]
fn a_ledger_that_became_encrypted_gets_another_copy() {
    let world = World::new();
    world.create(None, "ledger");
    world.fill(None, "ledger");
    let commands = Commands(world);
    let world = &commands.0;
    assert_eq!(commands.backup(None, "copies").0, 0);
    assert_eq!(world.run(Some("old.key"), &["encrypt", "ledger"]).0, 0);
    assert_says(&commands.backup(Some("old.key"), "copies"), 0, "Another copy is begun");
    let place = world.path("copies");
    assert_says(&world.run(None, &["backup", "prune", &place, "--keep", "1"]), 0, "removed copy");
    assert_eq!(shown(&world.folder().join("copies")), BTreeMap::new());
    assert_eq!(commands.keys_in("copies").len(), 1);
    assert_says(&commands.backup(Some("old.key"), "copies"), 0, "copied 0 slots");
    assert_eq!(
        world
            .run(
                Some("old.key"),
                &["backup", "ledger", "--new", "--data", &world.path("data"), "--to", &place]
            )
            .0,
        0
    );
    assert_says(&world.run(None, &["backup", "prune", &place, "--keep", "1"]), 0, "removed copy");
    assert_eq!(commands.keys_in("copies").len(), 1);
}
