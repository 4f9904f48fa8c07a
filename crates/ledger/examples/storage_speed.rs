//! How fast the stores are on this machine, each beside the least that any store would have to do.
//!
//! `cargo run --release -p everstrand-ledger --example storage_speed [DIRECTORY]`

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::ops::Bound;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::views::{Applied, Batch, Keyspace, ViewStore};
use everstrand_ledger::storage::{
    DiskSlots, DiskSlotsOptions, FileDisk, FjallView, FjallViewOptions, MemoryView, SealedView,
    SealedViewOptions,
};
use everstrand_testkit::contract::body;
use everstrand_testkit::redb_view::{RedbView, RedbViewOptions};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Each measurement alternates between the contestants this often, and the medians are shown.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1000);
const RECORD_BYTES: usize = 1200;

fn main() -> Outcome<()> {
    let directory = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = directory.join(format!("everstrand-storage-speed-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let outcome = measure(&directory);
    fs::remove_dir_all(&directory)?;
    outcome
}

fn measure(directory: &Path) -> Outcome<()> {
    for records in [1, 10, 100] {
        creates(directory, records)?;
    }
    replay(directory)?;
    views("memory", &MemoryView::new())?;
    views("fjall", &FjallView::open(directory.join("fjall"), FjallViewOptions::default())?)?;
    let key = everstrand_sealing::SealingKey::random();
    views("sealed", &SealedView::open(directory.join("sealed"), key, SealedViewOptions::default())?)?;
    views("redb", &RedbView::open(directory.join("redb/view"), RedbViewOptions::default())?)?;
    let start = Instant::now();
    drop(FjallView::open(directory.join("fresh"), FjallViewOptions::default())?);
    println!("fjall: a fresh view opens and closes in {:.1?}", start.elapsed());
    let start = Instant::now();
    drop(FjallView::open(directory.join("fjall"), FjallViewOptions::default())?);
    println!("fjall: the view above opens and closes in {:.1?}", start.elapsed());
    Ok(())
}

/// Slots of several records each, against writing the same bytes at once into a file filled with zeros.
fn creates(directory: &Path, records: usize) -> Outcome<()> {
    let bytes = body(0, 0, &vec![7; RECORD_BYTES * records - 32]);
    let bare_path = directory.join("bare");
    let bare_bytes = 256 << 20;
    fs::write(&bare_path, vec![0; bare_bytes])?;
    let bare = OpenOptions::new().write(true).open(&bare_path)?;
    bare.sync_all()?;
    let path = directory.join(format!("creates-{records}"));
    let store = open(&path)?;
    let (mut offset, mut slot) = (0, 0);
    let (mut bare_rates, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare_rates.push(rate(|| {
            if offset + bytes.len() as u64 > bare_bytes as u64 {
                offset = 0;
            }
            bare.write_all_at(&bytes, offset)?;
            bare.sync_data()?;
            offset += bytes.len() as u64;
            Ok(())
        })?);
        rates.push(rate(|| {
            store.create(slot, &bytes)?;
            slot += 1;
            Ok(())
        })?);
    }
    let (bare, ours) = (median(&mut bare_rates), median(&mut rates));
    println!(
        "create: {records} records of {RECORD_BYTES} B a slot: {:.0} slots/s, {:.0} records/s; bare: {bare:.0} slots/s; ratio {:.2}",
        ours,
        ours * records as f64,
        ours / bare
    );
    fs::remove_file(bare_path)?;
    drop(store);
    fs::remove_dir_all(path)?;
    Ok(())
}

/// Opening and reading a journal of small slots.
fn replay(directory: &Path) -> Outcome<()> {
    let path = directory.join("replay");
    let slots = 30_000;
    let store = open(&path)?;
    let bytes = body(0, 0, &[7; 300]);
    for slot in 0..slots {
        store.create(slot, &bytes)?;
    }
    drop(store);
    let start = Instant::now();
    let store = open(&path)?;
    let opened = start.elapsed();
    let start = Instant::now();
    let (mut read, mut repeated) = (0, 0);
    while start.elapsed() < ROUND {
        let many = store.read_many(read, 4 << 20)?;
        read = if many.is_empty() { 0 } else { read + many.len() as u64 };
        repeated += many.len();
    }
    println!(
        "replay: {slots} slots of 332 B open in {opened:.1?}; {:.2} M slots/s read in order",
        repeated as f64 / start.elapsed().as_secs_f64() / 1e6
    );
    let mut slot = 0;
    let each = rate(|| {
        slot = (slot + 7919) % slots;
        store.read(slot).map(drop).map_err(Into::into)
    })?;
    println!("replay: {each:.0} slots/s read one by one");
    Ok(())
}

/// Small commits as the engine makes them: a document and what points to it.
fn views(name: &str, view: &dyn ViewStore) -> Outcome<()> {
    let mut slot = 0_u64;
    let mut commit = |documents: u64| -> Outcome<()> {
        let mut batch = Batch::default();
        for document in 0..documents {
            let number = slot * documents + document;
            batch.put(
                Keyspace::Ids,
                number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes(),
                number.to_be_bytes(),
            );
            batch.put(Keyspace::Documents, number.to_be_bytes(), [7; 350]);
            batch.put(
                Keyspace::Indexes,
                [number.swap_bytes().to_be_bytes(), number.to_be_bytes()].concat(),
                [],
            );
        }
        batch.put(Keyspace::Blocks, slot.to_be_bytes(), [1; 24]);
        view.commit(&batch, Applied { slot, link: [0; 32] })?;
        view.snapshot()?;
        slot += 1;
        Ok(())
    };
    let (mut single, mut grouped) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        single.push(rate(|| commit(1))?);
        grouped.push(rate(|| commit(50))? * 50.0);
    }
    let snapshot = view.snapshot()?;
    let documents = slot;
    let mut number = 0;
    let gets = rate(|| {
        number = (number + 7919) % documents;
        snapshot.get(Keyspace::Documents, &number.to_be_bytes())?;
        Ok(())
    })?;
    let scans = rate(|| {
        number = (number + 7919) % documents;
        let from = number.to_be_bytes();
        snapshot.range(Keyspace::Documents, Bound::Included(&from), Bound::Unbounded, false, 100)?;
        Ok(())
    })?;
    println!(
        "{name}: {:.0} commits/s of one document, {:.0} documents/s in commits of 50, {gets:.0} gets/s, {scans:.0} ranges of 100/s",
        median(&mut single),
        median(&mut grouped)
    );
    Ok(())
}

fn open(path: &Path) -> Outcome<DiskSlots> {
    Ok(DiskSlots::open(Arc::new(FileDisk::create(path)?), DiskSlotsOptions::default())?)
}

/// How often a second something can be done.
fn rate(mut run: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < ROUND {
        run()?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
