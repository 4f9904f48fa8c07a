//! A view on disk of which every byte is encrypted: the view of a ledger that has a data key.
//!
//! `pages` seals the pages of a file, `database` is the B-tree engine `redb` over them. This file keeps the newest
//! changes in memory and gives them to the engine many at a time, because a B-tree writes whole pages, however little
//! of one has changed. The journal has these changes, so a crash loses none of them.
//!
//! ```text
//! snapshot = newest changes, over changes that are being written, over a snapshot of the database
//! ```

mod database;
mod pages;

use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use everstrand_sealing::SealingKey;

use self::database::{Generation, Tables};
use super::generations;
use super::layer::{Changes, Layer};
use super::views::{Applied, Batch, EachEntry, Keyspace, ViewError, ViewSnapshot, ViewStore, last_changes};

/// How a view uses the machine.
#[derive(Clone, Copy, Debug)]
pub struct SealedViewOptions {
    /// Clear pages that are kept in memory, in bytes.
    pub cache_bytes: usize,
    /// So many bytes of changes are kept in memory before they are written to the file.
    pub unwritten_bytes: usize,
}

impl Default for SealedViewOptions {
    fn default() -> Self {
        SealedViewOptions { cache_bytes: 64 * 1024 * 1024, unwritten_bytes: 32 * 1024 * 1024 }
    }
}

/// An encrypted view in a directory.
pub struct SealedView {
    shared: Arc<Shared>,
    /// Writes to the file while commits go on. It ends when it has written.
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    path: PathBuf,
    key: SealingKey,
    options: SealedViewOptions,
    /// Locked while changes are written to the file. Lock it before `state`.
    writing: Mutex<()>,
    /// Locked for moments. `None` if the view was discarded.
    state: Mutex<Option<State>>,
}

struct State {
    generation: Arc<Generation>,
    /// What the file holds, up to which slot.
    written: Arc<Tables>,
    written_applied: Option<Applied>,
    /// Changes that are being written to the file now.
    leaving: Changes,
    /// Changes after those.
    newest: Changes,
    applied: Option<Applied>,
    /// Why the file could not be written. Nothing more is taken then.
    failure: Option<String>,
}

impl SealedView {
    /// Opens the view in a directory. Begins an empty one if there is none, or if it is damaged, marked as failed, or
    /// sealed under another key. Fails if another process has it open, or if the directory cannot be written.
    pub fn open(
        path: impl Into<PathBuf>,
        key: SealingKey,
        options: SealedViewOptions,
    ) -> Result<SealedView, ViewError> {
        let path = path.into();
        let generation = generations::open_newest(&path, |directory| {
            Generation::open(directory, &key, options.cache_bytes)
        })?;
        SealedView::new(path, key, options, generation)
    }

    fn new(
        path: PathBuf,
        key: SealingKey,
        options: SealedViewOptions,
        generation: Generation,
    ) -> Result<SealedView, ViewError> {
        let state = Mutex::new(Some(State::new(generation)?));
        let shared = Shared { path, key, options, writing: Mutex::new(()), state };
        Ok(SealedView { shared: Arc::new(shared), writer: Mutex::new(None) })
    }

    /// Begins to write the changes that were taken so far, unless a thread is writing.
    fn begin_to_write(&self) -> Result<(), ViewError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.as_ref().is_none_or(JoinHandle::is_finished) {
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("view-writer".into());
            let started = thread.spawn(move || shared.write_out_or_warn());
            *writer = Some(started.map_err(|error| ViewError(format!("no thread can be started: {error}")))?);
        }
        Ok(())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_out_or_warn(&self) {
        if let Err(error) = self.write_out() {
            tracing::warn!(path = %self.path.display(), %error, "the view's changes were not written to files");
        }
    }

    /// Writes all changes that were taken before this call.
    fn write_out(&self) -> Result<(), ViewError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (generation, changes, applied) = {
            let mut state = self.state();
            let state = open(&mut state)?;
            if let Some(failure) = &state.failure {
                return Err(ViewError(failure.clone()));
            }
            let Some(applied) = state.applied.filter(|_| state.applied != state.written_applied) else {
                return Ok(());
            };
            state.leaving = std::mem::take(&mut state.newest);
            (Arc::clone(&state.generation), state.leaving.clone(), applied)
        };
        let written = generation.write(&changes, applied).and_then(|()| generation.snapshot());
        let mut state = self.state();
        // The view may have been wiped meanwhile.
        let Some(state) = state.as_mut().filter(|state| Arc::ptr_eq(&state.generation, &generation)) else {
            return Ok(());
        };
        match written {
            Ok(written) => {
                state.written = Arc::new(written);
                state.written_applied = Some(applied);
                state.leaving = Changes::default();
                Ok(())
            }
            Err(error) => {
                state.failure = Some(error.0.clone());
                Err(error)
            }
        }
    }
}

impl State {
    fn new(generation: Generation) -> Result<State, ViewError> {
        let applied = generation.applied()?;
        Ok(State {
            written: Arc::new(generation.snapshot()?),
            written_applied: applied,
            applied,
            generation: Arc::new(generation),
            leaving: Changes::default(),
            newest: Changes::default(),
            failure: None,
        })
    }
}

impl ViewStore for SealedView {
    fn applied(&self) -> Result<Option<Applied>, ViewError> {
        Ok(open(&mut self.shared.state())?.applied)
    }

    fn commit(&self, batch: &Batch, applied: Applied) -> Result<(), ViewError> {
        let unwritten = {
            let mut state = self.shared.state();
            let state = open(&mut state)?;
            if let Some(failure) = &state.failure {
                return Err(ViewError(failure.clone()));
            }
            last_changes(batch)?.for_each(|change| state.newest.add(change));
            state.applied = Some(applied);
            state.newest.bytes()
        };
        match unwritten / self.shared.options.unwritten_bytes.max(1) {
            0 => Ok(()),
            1 => self.begin_to_write(),
            // The disk is slower than the commits, so they wait for it.
            _ => self.shared.write_out(),
        }
    }

    fn snapshot(&self) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        let mut state = self.shared.state();
        let state = open(&mut state)?;
        let below = Written { tables: Arc::clone(&state.written), generation: Arc::clone(&state.generation) };
        let below = Layer { changes: state.leaving.clone(), below: Arc::new(below) };
        Ok(Box::new(Layer { changes: state.newest.clone(), below: Arc::new(below) }))
    }

    fn persist(&self) -> Result<(), ViewError> {
        self.shared.write_out()
    }

    fn begin_to_persist(&self) -> Result<(), ViewError> {
        self.begin_to_write()
    }

    fn distrust(&self, _why: &str) {
        if let Some(state) = &*self.shared.state() {
            state.generation.distrust();
        }
    }

    fn fresh(&self) -> Result<Option<Arc<dyn ViewStore>>, ViewError> {
        let Shared { path, key, options, .. } = &*self.shared;
        let directory = generations::next(path)?;
        let generation = Generation::open(&directory, key, options.cache_bytes)
            .inspect_err(|_| generations::remove(&directory))?;
        Ok(Some(Arc::new(SealedView::new(path.clone(), key.clone(), *options, generation)?)))
    }

    /// The engine keeps old pages until it writes others over them.
    fn keeps_what_was_removed(&self) -> bool {
        true
    }

    fn unwritten_bytes(&self) -> u64 {
        let state = self.shared.state();
        state.as_ref().map_or(0, |state| (state.newest.bytes() + state.leaving.bytes()) as u64)
    }

    fn write_out(&self) {
        if let Err(error) = self.begin_to_write() {
            tracing::warn!(path = %self.shared.path.display(), %error, "the view's changes were not written to files");
        }
    }

    fn discard(&self) {
        if let Some(state) = self.shared.state().take() {
            state.generation.wipe();
        }
    }

    fn wipe(&self) -> Result<(), ViewError> {
        self.discard();
        let Shared { path, key, options, .. } = &*self.shared;
        let generation = Generation::open(&generations::next(path)?, key, options.cache_bytes)?;
        *self.shared.state() = Some(State::new(generation)?);
        Ok(())
    }
}

impl Drop for SealedView {
    /// What is not written is read from the journal again at the next opening, which costs time and nothing else.
    fn drop(&mut self) {
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        writer.into_iter().for_each(|writer| drop(writer.join()));
        if self.shared.state().is_some() {
            self.shared.write_out_or_warn();
        }
    }
}

/// What the file held at some moment.
struct Written {
    tables: Arc<Tables>,
    generation: Arc<Generation>,
}

impl ViewSnapshot for Written {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        self.generation.run(|| self.tables.get(keyspace, key))
    }

    fn visit(
        &self,
        keyspace: Keyspace,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        descending: bool,
        limit: usize,
        each: &mut EachEntry<'_>,
    ) -> Result<(), ViewError> {
        self.generation.run(|| self.tables.visit(keyspace, (lower, upper), descending, limit, each))?
    }
}

fn open(state: &mut Option<State>) -> Result<&mut State, ViewError> {
    state.as_mut().ok_or_else(|| ViewError("it was discarded".into()))
}
