//! What a program trusts of a ledger: one digest, which only ever moves forward by proof.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use everstrand_ion::{Document, text};
use everstrand_journal::evidence::{Evidence, Input, Role};
use everstrand_journal::tree::verify_consistency;
use everstrand_journal::{BlockAddress, Digest, check_revision};

use crate::driver::QldbDriver;
use crate::error::Error;
use crate::transport::{ControlTransport, Transport};
use crate::verification::{not_verified, verify};

/// The last digest of a ledger that was verified. Each newer one must come with the proof that its journal begins with the
/// journal of this one, so that a service which changes the past is found out.
///
/// The first digest is believed, because there is nothing to compare it with; [`Trust::of`] begins with a digest that the
/// program has from elsewhere.
#[derive(Debug)]
pub struct Trust {
    digest: Option<Digest>,
    file: Option<PathBuf>,
}

impl Trust {
    /// Trust that lasts as long as this value. It believes the first digest.
    pub fn new() -> Trust {
        Trust { digest: None, file: None }
    }

    /// Trust in a digest that the program has from elsewhere.
    pub fn of(digest: Digest) -> Trust {
        Trust { digest: Some(digest), file: None }
    }

    /// Trust that a file remembers. A missing file is made when the first digest is believed. An error means that the file
    /// cannot be read, or holds no digest.
    pub fn in_file(file: impl Into<PathBuf>) -> Result<Trust, Error> {
        let file = file.into();
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Trust { digest: None, file: Some(file) });
            }
            Err(error) => return Err(cannot("read", &file, error)),
        };
        let name = file.display().to_string();
        let read = Evidence::read(&[Input { name: &name, role: Role::Digest, bytes: &bytes }]);
        let digest = read.map_err(|error| cannot("use", &file, error))?.whole_digest();
        let digest =
            digest.ok_or_else(|| cannot("use", &file, "it has no digest with the address of its tip"))?;
        Ok(Trust { digest: Some(digest), file: Some(file) })
    }

    /// The last digest that was verified; `None` before the first.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// Asks for the present digest, verifies that its journal continues the one that is trusted, and remembers it.
    ///
    /// [`Error::NotVerified`] means that it does not, or that the service gave no proof: somebody has changed the past, or this
    /// is another ledger. Then the old digest stays.
    pub async fn advance<T: Transport + ControlTransport>(
        &mut self,
        driver: &QldbDriver<T>,
    ) -> Result<Digest, Error> {
        let new = driver.get_digest().await?;
        if let Some(old) = self.digest {
            let (old_tip, new_tip) = (old.digest_tip_address, new.digest_tip_address);
            if old_tip.strand_id != new_tip.strand_id {
                return Err(not_verified("this is the digest of another ledger"));
            }
            if new_tip.sequence_no < old_tip.sequence_no {
                return Err(not_verified(format!(
                    "the journal ends with block {}, and block {} was trusted: blocks are missing",
                    new_tip.sequence_no, old_tip.sequence_no
                )));
            }
            let nodes = match new_tip.sequence_no == old_tip.sequence_no {
                true => Vec::new(),
                false => driver.get_consistency_proof(old_tip, new_tip).await?.nodes,
            };
            if !verify_consistency(&old, &new, &nodes) {
                return Err(not_verified(format!(
                    "the journal up to block {} is not the beginning of that up to block {}",
                    old_tip.sequence_no, new_tip.sequence_no
                )));
            }
        }
        self.remember(new)?;
        Ok(new)
    }

    /// Verifies what a query returned: a row of the committed view `_ql_committed_TABLE`, or of `history(TABLE)`, with all its
    /// fields. The digest advances if the row is newer.
    ///
    /// [`Error::NotVerified`] means that the row is not what the journal holds.
    pub async fn verify_row<T: Transport + ControlTransport>(
        &mut self,
        driver: &QldbDriver<T>,
        row: &Document,
    ) -> Result<(), Error> {
        let root = row.root();
        match check_revision(root) {
            Some(Ok(())) => {}
            Some(Err(why)) => return Err(not_verified(why)),
            None => {
                return Err(not_verified(
                    "the row is no revision: select * from a committed view or a history",
                ));
            }
        }
        let address = root.get("blockAddress").ok_or_else(|| not_verified("the row has no blockAddress"))?;
        let address = BlockAddress::try_from(&address.to_value()).map_err(not_verified)?;
        let id = root.get("metadata").and_then(|metadata| metadata.get("id")).and_then(|id| id.as_text());
        let id = id.ok_or_else(|| not_verified("the row has no metadata.id"))?;
        let digest = match self.digest {
            Some(digest) if digest.digest_tip_address.sequence_no >= address.sequence_no => digest,
            _ => self.advance(driver).await?,
        };
        let proven = driver.get_revision(address, id, Some(digest.digest_tip_address)).await?;
        verify(&proven, &digest)?;
        // The hash covers data and metadata, and both were compared with it.
        if proven.document.root().get("hash").map(|hash| hash.to_value())
            != root.get("hash").map(|hash| hash.to_value())
        {
            return Err(not_verified("the journal has another revision of this document in this block"));
        }
        Ok(())
    }

    /// Writes the digest so that the file holds the old one or the new one, whatever happens.
    fn remember(&mut self, digest: Digest) -> Result<(), Error> {
        if let Some(file) = &self.file
            && self.digest != Some(digest)
        {
            let mut beside = file.clone().into_os_string();
            beside.push(".new");
            let beside = PathBuf::from(beside);
            let write = || {
                let mut new = std::fs::File::create(&beside)?;
                new.write_all((text::write_pretty(&digest.to_ion()) + "\n").as_bytes())?;
                new.sync_all()?;
                std::fs::rename(&beside, file)
            };
            write().map_err(|error| cannot("write", file, error))?;
        }
        self.digest = Some(digest);
        Ok(())
    }
}

impl Default for Trust {
    fn default() -> Trust {
        Trust::new()
    }
}

fn cannot(what: &str, file: &Path, why: impl std::fmt::Display) -> Error {
    Error::Configuration(format!("cannot {what} {}: {why}", file.display()))
}
