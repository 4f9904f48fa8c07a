//! The speed of light: how fast commits could be on this machine if only the unavoidable were done.
//!
//! A client reads the version of one of the documents and hashes what a ledger hashes. Then, one at a time, its
//! version is checked, a block hash is chained and the record goes to the end of one log. A client
//! that finds nobody writing writes all pending records and syncs once. There is no language, encoding, view or history.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use everstrand_testkit::Random;

use sha2::{Digest, Sha256};

use crate::measure::{self, Failure, Sample, Turn};

/// About what a block of ours takes with its document.
const RECORD_BYTES: usize = 700;
const DOCUMENTS: u64 = 100_000;
/// A full log is overwritten from its start. Its zeros are written ahead, as a journal's are.
const LOG_BYTES: usize = 64 << 20;

struct Log {
    file: File,
    line: Mutex<Line>,
    synced: Condvar,
}

struct Line {
    versions: Vec<u64>,
    block_hash: [u8; 32],
    pending: Vec<u8>,
    /// The number of the last record in `pending`, and of the last durable one.
    last: u64,
    durable: u64,
    end: u64,
    writing: bool,
}

/// Durable commits of so many clients.
pub(crate) fn measure(folder: &Path, clients: u64, time: Duration) -> Result<Sample, Failure> {
    let path = folder.join("speed-of-light");
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
    file.write_all_at(&vec![0; LOG_BYTES], 0)?;
    file.sync_all()?;
    let versions = vec![0; usize::try_from(DOCUMENTS)?];
    let line = Line {
        versions,
        block_hash: [0; 32],
        pending: Vec::new(),
        last: 0,
        durable: 0,
        end: 0,
        writing: false,
    };
    let log = Log { file, line: Mutex::new(line), synced: Condvar::new() };
    let sample = measure::run(clients, time, |client| Ok(Random::new(client)), |random| log.commit(random))?;
    std::fs::remove_file(path)?;
    Ok(sample)
}

impl Log {
    fn commit(&self, random: &mut Random) -> Result<Turn, Failure> {
        let document = usize::try_from(random.below(DOCUMENTS))?;
        let version = self.lock().versions[document];
        let mut record = vec![0x5A; RECORD_BYTES];
        record[..8].copy_from_slice(&version.to_le_bytes());
        let data = Sha256::digest(&record[..350]);
        let revision = Sha256::digest(data);
        let entries = Sha256::digest(revision);
        record[8..40].copy_from_slice(&entries);

        let mut line = self.lock();
        if line.versions[document] != version {
            return Ok(Turn::Conflict);
        }
        line.versions[document] += 1;
        let chained = Sha256::new().chain_update(line.block_hash).chain_update(entries).finalize();
        line.block_hash = chained.into();
        record[40..72].copy_from_slice(&chained);
        line.pending.extend_from_slice(&record);
        line.last += 1;
        let own = line.last;
        while line.durable < own {
            if line.writing {
                line = self.synced.wait(line).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            line.writing = true;
            let (bytes, last) = (std::mem::take(&mut line.pending), line.last);
            if line.end + bytes.len() as u64 > LOG_BYTES as u64 {
                line.end = 0;
            }
            let end = line.end;
            line.end += bytes.len() as u64;
            drop(line);
            self.file.write_all_at(&bytes, end)?;
            self.file.sync_data()?;
            line = self.lock();
            line.writing = false;
            line.durable = last;
            self.synced.notify_all();
        }
        Ok(Turn::Done)
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
