//! A long journal of small blocks: proofs, audit, opening after each kind of stop, and a rebuild of the view.

use std::io::{BufRead, BufReader};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use everstrand_ion::{Document, Struct, Value};
use everstrand_journal::{Auditor, FormatError, Slot, audit_slots};
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::{DiskSlots, FileDisk};
use everstrand_ledger::{CommitFuture, Ledger, Limits};
use everstrand_testkit::Random;

use crate::Arguments;
use crate::ledgers::{Opened, define, raised_limits};
use crate::machine::{copy_folder, folder_bytes, forget_cached, processor_time};
use crate::measure::Failure;
use crate::report::Report;

const PROOFS: usize = 10_000;
const WRITERS: u64 = 64;

/// Measures a journal of `arguments.blocks` blocks, and the audit of one with forty documents a block. If the ledger is
/// given, only the former.
pub(crate) fn journal(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    if let Some(folder) = &arguments.ledger {
        return small_blocks(folder, arguments, report);
    }
    for _ in 0..arguments.rounds {
        let folder = arguments.scratch()?;
        let started = Instant::now();
        let opened = Opened::open(folder.path(), Limits::default())?;
        define(&opened.ledger, &["CREATE TABLE Vehicle"])?;
        report.time("new ledger, to its first table", started.elapsed());
    }
    let folder = arguments.scratch()?;
    small_blocks(folder.path(), arguments, report)?;

    let folder = arguments.scratch()?;
    let opened = Opened::open(folder.path(), raised_limits())?;
    define(&opened.ledger, &["CREATE TABLE Vehicle"])?;
    write_blocks(&opened.ledger, 0, arguments.blocks / 40, 40, 1)?;
    opened.ledger.close();
    for _ in 0..arguments.rounds {
        audit(folder.path(), "audit, 40 documents a block", report)?;
    }
    Ok(())
}

/// Measures opening after each kind of stop, proofs, a rebuild of the view, and audit, with one document a block.
fn small_blocks(folder: &Path, arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    for _ in 0..arguments.rounds {
        write_and_kill(folder, arguments, arguments.blocks)?;
        open_and_prove(folder, "open after SIGKILL, to the first answer", report)?;
        open_and_prove(folder, "open after a clean end, to the first answer", report)?;
        lose_power(folder, arguments, report)?;
        open_and_prove(folder, "open after a loss of power, to the first answer", report)?;
    }
    let mut blocks = 0;
    for _ in 0..arguments.rounds {
        std::fs::remove_dir_all(folder.join("view"))?;
        let (started, before) = (Instant::now(), processor_time());
        let opened = Opened::open(folder, Limits::default())?;
        let (elapsed, processor) = (started.elapsed(), processor_time() - before);
        blocks = blocks_of(&opened.ledger);
        report.number("view built anew", "blocks/s", blocks as f64 / elapsed.as_secs_f64());
        let each = processor.as_secs_f64() * 1e6 / blocks as f64;
        report.number("processor time of a block when the view is built anew", "µs", each);
        opened.ledger.close();
    }
    let bytes = folder_bytes(folder) as f64 / blocks as f64;
    report.number("journal and view of a block with one document", "bytes", bytes);
    for _ in 0..arguments.rounds {
        audit(folder, "audit, 1 document a block", report)?;
    }
    Ok(())
}

/// The child: writes this many blocks, says so, and writes on until it is killed.
pub(crate) fn write_until_killed(folder: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let opened = Opened::open(folder, raised_limits())?;
    let mut next = blocks_of(&opened.ledger);
    if next == 1 {
        define(&opened.ledger, &["CREATE TABLE Vehicle"])?;
        next += 1;
    }
    write_blocks(&opened.ledger, next, arguments.blocks.saturating_sub(next), 1, arguments.in_flight)?;
    println!("written");
    write_blocks(&opened.ledger, next.max(arguments.blocks), u64::MAX / 2, 1, arguments.in_flight)
}

/// Lets a child write this many blocks, and kills it while it writes on.
fn write_and_kill(folder: &Path, arguments: &Arguments, blocks: u64) -> Result<(), Failure> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--write-until-killed")
        .arg(folder)
        .args(["--blocks", &blocks.to_string(), "--in-flight", &arguments.in_flight.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("the child has no output")?).read_line(&mut line)?;
    // Longer than the time between two times that a view is saved.
    std::thread::sleep(Duration::from_secs(4));
    child.kill()?;
    child.wait()?;
    if line.trim() == "written" { Ok(()) } else { Err("the child ended early".into()) }
}

/// Measures opening after the worst that a loss of power leaves: the whole journal, because it was synced, with the view
/// as it was last saved, and nothing of both in memory. The writer before it was killed after four seconds, which is
/// longer than the time between two saves of the view.
fn lose_power(folder: &Path, arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let (view, saved) = (folder.join("view"), folder.join("view-when-saved"));
    let before = {
        let opened = Opened::open(folder, Limits::default())?;
        blocks_of(&opened.ledger)
    };
    copy_folder(&view, &saved)?;
    write_and_kill(folder, arguments, before)?;
    std::fs::remove_dir_all(&view)?;
    std::fs::rename(&saved, &view)?;
    forget_cached(folder)?;
    let slots = DiskSlots::open_read_only(Arc::new(FileDisk::read_only(folder.join("journal"))?))?;
    let last =
        slots.tip_hint()?.and_then(|last| slots.read(last).transpose()).ok_or("an empty journal")??;
    let after = Slot::decode(last)?.frontier().size();
    report.number(
        "blocks that the saved view lacks after a loss of power",
        "blocks",
        (after - before) as f64,
    );
    Ok(())
}

fn blocks_of(ledger: &Ledger) -> u64 {
    ledger.digest().digest_tip_address.sequence_no + 1
}

/// Writes blocks of small documents, about a hundred bytes each. Several writers each have this many commits under way.
fn write_blocks(
    ledger: &Ledger,
    first: u64,
    blocks: u64,
    documents: u64,
    in_flight: u64,
) -> Result<(), Failure> {
    let next = AtomicU64::new(first);
    let end = first + blocks;
    let commit = |block: u64| -> Result<CommitFuture, Failure> {
        let list: Vec<Value> = (0..documents).map(|number| small(block * documents + number)).collect();
        let mut transaction = ledger.start_transaction()?;
        transaction.execute("INSERT INTO Vehicle ?", &[Document::from(&Value::from(list))])?;
        Ok(transaction.commit_unchecked())
    };
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                scope.spawn(|| -> Result<(), Failure> {
                    loop {
                        let from = next.fetch_add(in_flight, Ordering::Relaxed);
                        if from >= end {
                            return Ok(());
                        }
                        let commits: Result<Vec<_>, _> =
                            (from..end.min(from + in_flight)).map(commit).collect();
                        commits?.into_iter().try_for_each(|commit| commit.wait().map(drop))?;
                    }
                })
            })
            .collect();
        writers.into_iter().try_for_each(|writer| writer.join().expect("a writer does not panic"))
    })
}

fn small(number: u64) -> Value {
    Value::from(Struct::from_iter([
        ("vin", Value::from(format!("{number:022}"))),
        ("owner", Value::from("Somebody with a name")),
        ("year", Value::from(2024i64)),
        ("active", Value::from(true)),
    ]))
}

fn open_and_prove(folder: &Path, what: &str, report: &mut Report) -> Result<(), Failure> {
    let started = Instant::now();
    let opened = Opened::open(folder, Limits::default())?;
    let mut transaction = opened.ledger.start_transaction()?;
    let page = transaction.execute("SELECT * FROM Vehicle LIMIT 1", &[])?;
    report.time(what, started.elapsed());
    if page.values.len() != 1 {
        return Err("the ledger is empty after it was opened".into());
    }
    prove(&opened.ledger, report)?;
    opened.ledger.close();
    Ok(())
}

/// Proofs of random blocks, read from the view, each folded to the digest.
fn prove(ledger: &Ledger, report: &mut Report) -> Result<(), Failure> {
    let digest = ledger.digest();
    let tip = digest.digest_tip_address.sequence_no;
    let mut random = Random::new(tip);
    let (mut times, mut proofs) = (Vec::new(), Vec::new());
    for _ in 0..PROOFS {
        let block = random.below(tip + 1);
        let started = Instant::now();
        let proof = ledger.block_proof(block, tip)?;
        times.push(started.elapsed());
        if proofs.len() < 1000 {
            let leaf = ledger.block(block)?.ok_or("a block is missing")?.hash();
            proofs.push((leaf, proof));
        }
    }
    times.sort_unstable();
    let microseconds = |place: usize| times[place].as_secs_f64() * 1e6;
    report.number("proof of a block, p50", "µs", microseconds(times.len() / 2));
    report.number("proof of a block, p99", "µs", microseconds(times.len() * 99 / 100));
    let started = Instant::now();
    let verified = proofs.iter().filter(|(leaf, proof)| proof.fold(*leaf) == digest.digest).count();
    report.number(
        "verification of a proof",
        "µs",
        started.elapsed().as_secs_f64() * 1e6 / proofs.len() as f64,
    );
    if verified != proofs.len() {
        return Err(format!("{} proofs do not verify", proofs.len() - verified).into());
    }
    let longest = proofs.iter().map(|(_, proof)| proof.nodes.len()).max().unwrap_or(0);
    report.number("longest proof", "bytes", longest as f64 * 32.0);
    Ok(())
}

/// Computes every hash of the journal again, on all cores.
fn audit(folder: &Path, what: &str, report: &mut Report) -> Result<(), Failure> {
    let disk = FileDisk::read_only(folder.join("journal"))?;
    let slots = DiskSlots::open_read_only(Arc::new(disk))?;
    let mut auditor = Auditor::default();
    let mut found = 0;
    let started = Instant::now();
    let workers = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    audit_slots(
        &mut auditor,
        Stored { slots, next: 0, batch: Vec::new().into_iter() },
        workers,
        |_, deviations| {
            found += deviations.len();
        },
    );
    let elapsed = started.elapsed().as_secs_f64();
    let (summary, missing) = auditor.finish();
    if found + missing.len() > 0 {
        return Err("the audit found deviations".into());
    }
    report.number(what, "revisions/s on all cores", summary.revisions as f64 / elapsed);
    Ok(())
}

/// The slots of a journal, in order.
struct Stored {
    slots: DiskSlots,
    next: u64,
    batch: std::vec::IntoIter<Vec<u8>>,
}

impl Iterator for Stored {
    type Item = Result<Vec<u8>, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.batch.len() == 0 {
            let batch = self.slots.read_many(self.next, 4 << 20).expect("the journal can be read");
            self.next += batch.len() as u64;
            self.batch = batch.into_iter();
        }
        self.batch.next().map(Ok)
    }
}
