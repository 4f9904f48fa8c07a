#!/usr/bin/env bash
# fjall 3.1.13: a value that was removed stays in the folder, after major_compact and after closing.
#
# One would expect: after remove and a full compaction ("major"), the old value is gone from the disk, as after VACUUM or compact in other engines.
# What happens: the compaction rewrites the tables. The journal, in which each write was logged, is rotated only beyond 64,000,000 bytes and when a flush runs; its interface has no call for it. The value can be read from the file with grep.
# Why it matters: erasing a person's data, or redacting a revision, is a promise about bytes on the disk. A small database keeps them for months.
# Instead: copy what remains into a new database and delete the old folder.
# Source: fjall's documentation of Keyspace::major_compact; src/journal/ and src/worker_pool.rs, where a journal is rotated by its size.
. "$(dirname "$0")/lib.sh"
rust_with 'fjall = "=3.1.13"'
cat >main.rs <<'END'
use fjall::{Database, KeyspaceCreateOptions, PersistMode};

fn main() -> fjall::Result<()> {
    for round in 0..2 {
        let database = Database::builder("database").open()?;
        let people = database.keyspace("people", KeyspaceCreateOptions::default)?;
        if round == 0 {
            people.insert("ann", "the-secret-of-ann")?;
            database.persist(PersistMode::SyncAll)?;
        } else {
            people.remove("ann")?;
            database.persist(PersistMode::SyncAll)?;
            people.rotate_memtable_and_wait()?;
            people.major_compact()?;
            database.persist(PersistMode::SyncAll)?;
            println!("{:?}", people.get("ann")?);
        }
    }
    Ok(())
}
END
seen=$(rust_run)
expect "the value after remove and major_compact; files that still have it" 'None
database/N.jnl' "$seen
$(grep -rl the-secret-of-ann database | sed 's/[0-9]\+/N/g' | sort -u)"
