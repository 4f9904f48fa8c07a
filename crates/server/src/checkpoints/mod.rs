//! Signed checkpoints, published to a second place on a cadence.
//!
//! A journal whose end was cut off is a shorter journal without a fault; only a digest that its operator cannot
//! take back shows what is missing. So every ledger has a key, and whoever configures a folder (one that is copied
//! away, or belongs to somebody else) finds its digests there, signed:
//!
//! ```text
//! FOLDER/<strandId>/key                              the public key, to be kept by those who will verify
//! FOLDER/<strandId>/<20 digits of sequenceNo>.checkpoint   one for each published tip, never replaced
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use everstrand_journal::{Checkpoint, CheckpointSigner, UniqueId, origin};
use everstrand_ledger::Ledger;

/// What was published last of each ledger.
#[derive(Default)]
pub(crate) struct Published {
    by_strand: Mutex<BTreeMap<UniqueId, Last>>,
}

#[derive(Clone, Copy)]
struct Last {
    tip: u64,
    /// When the newest checkpoint was known to cover all blocks, on the monotonic clock.
    at_millis: u64,
}

impl Published {
    /// Publishes a checkpoint of a ledger unless the last one covers all its blocks already.
    pub(crate) fn publish(
        &self,
        folder: &Path,
        ledger: &Ledger,
        seed: &[u8; 32],
        now: u64,
    ) -> Result<(), String> {
        let digest = ledger.digest();
        let tip = digest.digest_tip_address;
        let is_new = self.last(tip.strand_id).is_none_or(|last| last.tip != tip.sequence_no);
        if is_new {
            let signer = CheckpointSigner::from_seed(&origin(tip.strand_id), seed)
                .map_err(|error| error.to_string())?;
            let note = Checkpoint::new(digest).signed(&signer).to_note();
            let folder = folder.join(tip.strand_id.to_string());
            write_once(&folder, "key", &format!("{}\n", signer.verifier()))?;
            write_once(&folder, &format!("{:020}.checkpoint", tip.sequence_no), &note)?;
        }
        let last = Last { tip: tip.sequence_no, at_millis: now };
        self.by_strand.lock().unwrap_or_else(PoisonError::into_inner).insert(tip.strand_id, last);
        Ok(())
    }

    /// Milliseconds since the last checkpoint of a ledger covered all that it had.
    pub(crate) fn age_millis(&self, strand_id: UniqueId, now: u64) -> Option<u64> {
        self.last(strand_id).map(|last| now.saturating_sub(last.at_millis))
    }

    fn last(&self, strand_id: UniqueId) -> Option<Last> {
        self.by_strand.lock().unwrap_or_else(PoisonError::into_inner).get(&strand_id).copied()
    }
}

/// Writes a file that nobody will change: whole and durable, or not at all. One that is there with other content is
/// an error: another ledger, or another key, claims to be this one.
fn write_once(folder: &Path, name: &str, content: &str) -> Result<(), String> {
    let path = folder.join(name);
    let cannot = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    match fs::read_to_string(&path) {
        Ok(found) if found == content => return Ok(()),
        Ok(_) => return Err(format!("{} is there already and says something else", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(cannot(error)),
    }
    fs::create_dir_all(folder).map_err(cannot)?;
    let temporary: PathBuf = folder.join(format!("{name}.new"));
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(cannot)
}
