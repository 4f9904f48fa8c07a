//! The pages of a database in a file, each sealed by itself.
//!
//! ```text
//! offset          size
//!      0             8  magic "evpages\n"
//!      8             8  format "pre-1", filled with zeros
//!     16            16  random: the file's id, which each page is sealed with
//!     32             8  how many pages the file has, little-endian
//!     40          4056  zeros
//!   4096   4096+40 · n  pages 0, 1, 2, …: nonce, ciphertext, tag; all zeros where no page was ever written
//! ```
//!
//! A page is sealed together with the file's id and its number, so that no page can be taken for another.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use everstrand_sealing::{SEALED_BYTES_MORE, SealingKey};
use redb::StorageBackend;

use crate::storage::disk::{DiskFile, read_full_at, write_all_at};
use crate::storage::file::RealFile;

const MAGIC: &[u8; 8] = b"evpages\n";
const FORMAT: &[u8; 8] = b"pre-1\0\0\0";
const HEADER_BYTES: usize = 4096;
const AT_PAGES: u64 = 32;
const PAGE_BYTES: usize = 4096;
const SEALED_PAGE_BYTES: usize = PAGE_BYTES + SEALED_BYTES_MORE;

/// A file of sealed pages, which shows its reader a file of clear ones.
pub(super) struct SealedPages {
    file: RealFile,
    key: SealingKey,
    id: [u8; 16],
    /// How many clear bytes the file shows. Locked while it is changed.
    length: Mutex<u64>,
}

impl Drop for SealedPages {
    fn drop(&mut self) {
        self.file.unlock();
    }
}

impl SealedPages {
    /// Opens a file, or begins it. Fails with `WouldBlock` if another process has it open.
    pub(super) fn open(path: &Path, key: &SealingKey) -> io::Result<SealedPages> {
        let file = RealFile::open_or_create(path)?;
        file.lock()?;
        let length = file.length()?;
        let (id, pages) = if length == 0 { (begin(&file)?, 0) } else { read_header(&file)? };
        // The engine panics if the file is shorter than its own pages say.
        if pages
            .checked_mul(SEALED_PAGE_BYTES as u64)
            .is_none_or(|bytes| bytes > length.saturating_sub(HEADER_BYTES as u64))
        {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the view's file was cut"));
        }
        Ok(SealedPages { file, key: key.clone(), id, length: Mutex::new(pages * PAGE_BYTES as u64) })
    }

    fn length(&self) -> MutexGuard<'_, u64> {
        self.length.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn associated(&self, page: u64) -> [u8; 24] {
        let mut associated = [0; 24];
        associated[..16].copy_from_slice(&self.id);
        associated[16..].copy_from_slice(&page.to_le_bytes());
        associated
    }

    /// Shows `visit` the clear bytes of some pages, one page after another.
    fn read_pages(&self, first: u64, count: usize, mut visit: impl FnMut(usize, &[u8])) -> io::Result<()> {
        let mut sealed = vec![0; count * SEALED_PAGE_BYTES];
        // What lies behind the file's end was never written and is zero.
        read_full_at(&self.file, offset_of(first), &mut sealed)?;
        for (at, sealed) in sealed.chunks_exact(SEALED_PAGE_BYTES).enumerate() {
            if sealed.iter().all(|byte| *byte == 0) {
                visit(at, &[0; PAGE_BYTES]);
                continue;
            }
            let page = first + at as u64;
            let clear = self.key.open(&self.associated(page), sealed).map_err(|error| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("page {page} of the view cannot be opened: {error}"),
                )
            })?;
            visit(at, &clear);
        }
        Ok(())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset + out.len() as u64 > *self.length() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "behind the end of the view's pages"));
        }
        let (first, within, count) = extent(offset, out.len());
        self.read_pages(first, count, |at, clear| {
            // Where the page begins in `out`, if it began before `out` does.
            let start = (at * PAGE_BYTES).saturating_sub(within);
            let from = if at == 0 { within } else { 0 };
            let length = (PAGE_BYTES - from).min(out.len() - start);
            out[start..start + length].copy_from_slice(&clear[from..from + length]);
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let (first, within, count) = extent(offset, bytes.len());
        let mut clear = vec![0; count * PAGE_BYTES];
        // A page of which only a part is written keeps the rest.
        if within != 0 || bytes.len() != clear.len() {
            self.read_pages(first, count, |at, page| {
                clear[at * PAGE_BYTES..(at + 1) * PAGE_BYTES].copy_from_slice(page);
            })?;
        }
        clear[within..within + bytes.len()].copy_from_slice(bytes);
        let mut sealed = Vec::with_capacity(count * SEALED_PAGE_BYTES);
        for (at, page) in clear.chunks_exact(PAGE_BYTES).enumerate() {
            self.key.seal_into(&self.associated(first + at as u64), page, &mut sealed);
        }
        write_all_at(&self.file, offset_of(first), &sealed)
    }
}

impl StorageBackend for SealedPages {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(*self.length())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.read_at(offset, out)
    }

    fn set_len(&self, length: u64) -> Result<(), io::Error> {
        let pages = length.div_ceil(PAGE_BYTES as u64);
        let mut shown = self.length();
        // The file is never shorter than its header says, whenever the process dies.
        if pages * PAGE_BYTES as u64 > *shown {
            self.file.set_length(offset_of(pages))?;
        }
        write_all_at(&self.file, AT_PAGES, &pages.to_le_bytes())?;
        self.file.set_length(offset_of(pages))?;
        *shown = pages * PAGE_BYTES as u64;
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.write_at(offset, data)
    }
}

impl std::fmt::Debug for SealedPages {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SealedPages").field("length", &*self.length()).finish_non_exhaustive()
    }
}

fn offset_of(page: u64) -> u64 {
    HEADER_BYTES as u64 + page * SEALED_PAGE_BYTES as u64
}

/// The first page of so many bytes, where they begin in it, and how many pages they touch.
fn extent(offset: u64, length: usize) -> (u64, usize, usize) {
    let within = usize::try_from(offset % PAGE_BYTES as u64).expect("less than a page");
    (offset / PAGE_BYTES as u64, within, (within + length).div_ceil(PAGE_BYTES))
}

fn begin(file: &RealFile) -> io::Result<[u8; 16]> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| io::Error::other(error.to_string()))?;
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..16].copy_from_slice(FORMAT);
    header[16..32].copy_from_slice(&id);
    write_all_at(file, 0, &header)?;
    Ok(id)
}

/// The file's id, and how many pages it has.
fn read_header(file: &RealFile) -> io::Result<([u8; 16], u64)> {
    let mut header = [0; HEADER_BYTES];
    let read = read_full_at(file, 0, &mut header)?;
    let invalid = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    match (&header[..8] == MAGIC, &header[8..16] == FORMAT) {
        _ if read < header.len() => invalid("the view's file is too short"),
        (false, _) => invalid("the view's file does not begin as one"),
        (true, false) => invalid("the view's file has another format than this program's"),
        (true, true) => {
            let pages = u64::from_le_bytes(header[32..40].try_into().expect("8 bytes"));
            Ok((header[16..32].try_into().expect("16 bytes"), pages))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pages(path: &Path) -> SealedPages {
        SealedPages::open(path, &SealingKey::from_bytes(&[7; 32])).unwrap()
    }

    proptest! {
        #[test]
        fn they_show_the_file_that_was_written(
            writes in prop::collection::vec((0..60_000_u64, 1..9000_usize, any::<u8>()), 1..12),
            reads in prop::collection::vec((0..70_000_u64, 0..9000_usize), 12),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("pages");
            let shown = pages(&path);
            let mut model = vec![0; 17 * PAGE_BYTES];
            shown.set_len(model.len() as u64).unwrap();
            for (offset, length, byte) in writes {
                let bytes: Vec<u8> = (0..length).map(|at| byte.wrapping_add(at.to_le_bytes()[0])).collect();
                let at = usize::try_from(offset).unwrap();
                model[at..at + length].copy_from_slice(&bytes);
                StorageBackend::write(&shown, offset, &bytes).unwrap();
            }
            drop(shown);
            let shown = pages(&path);
            prop_assert_eq!(StorageBackend::len(&shown).unwrap(), model.len() as u64);
            for (offset, length) in reads {
                let mut out = vec![0; length];
                let read = StorageBackend::read(&shown, offset, &mut out);
                let at = usize::try_from(offset).unwrap();
                match model.get(at..at + length) {
                    Some(expected) => { read.unwrap(); prop_assert_eq!(&out, expected); }
                    None => prop_assert!(read.is_err()),
                }
            }
            shown.set_len(PAGE_BYTES as u64).unwrap();
            shown.set_len(3 * PAGE_BYTES as u64).unwrap();
            let mut out = vec![1; 3 * PAGE_BYTES];
            StorageBackend::read(&shown, 0, &mut out).unwrap();
            prop_assert_eq!(&out[..PAGE_BYTES], &model[..PAGE_BYTES]);
            prop_assert!(out[PAGE_BYTES..].iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn a_page_opens_in_its_place_of_its_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        for (path, byte) in [(&a, 1), (&b, 2)] {
            let shown = pages(path);
            shown.set_len(2 * PAGE_BYTES as u64).unwrap();
            StorageBackend::write(&shown, 0, &[byte; 2 * PAGE_BYTES]).unwrap();
        }
        let read = |path: &Path, page: usize| {
            StorageBackend::read(&pages(path), (page * PAGE_BYTES) as u64, &mut [0; PAGE_BYTES])
        };
        let written = std::fs::read(&a).unwrap();
        let (first, second) = (HEADER_BYTES, HEADER_BYTES + SEALED_PAGE_BYTES);
        let mut moved = written.clone();
        moved.copy_within(first..second, second);
        std::fs::write(&a, &moved).unwrap();
        assert!(read(&a, 0).is_ok());
        assert!(read(&a, 1).is_err(), "a page of another place was opened");
        let mut foreign = std::fs::read(&b).unwrap();
        foreign[second..].copy_from_slice(&written[second..]);
        std::fs::write(&b, &foreign).unwrap();
        assert!(read(&b, 1).is_err(), "a page of another file was opened");
    }
}
