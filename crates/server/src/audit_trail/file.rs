//! The file of an audit trail. One thread writes it, so its lines stand in one order and never within each other.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

/// How many lines may wait to be written.
const WAITING_MAX: usize = 10_000;

/// What the thread is to do.
enum Job {
    /// Writes a line; if it cannot, the line is lost.
    Line(Vec<u8>),
    /// Writes a line and makes it durable, and says whether that worked.
    Durable(Vec<u8>, oneshot::Sender<io::Result<()>>),
    /// Opens the file by its name again.
    Reopen(oneshot::Sender<io::Result<()>>),
}

/// Lines that are appended to a file.
#[derive(Debug)]
pub(super) struct Lines {
    /// `None` while it is dropped.
    jobs: Option<SyncSender<Job>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    path: PathBuf,
    lost: AtomicU64,
    failed: AtomicBool,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Lines, String> {
        let file = open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let (jobs, received) = sync_channel(WAITING_MAX);
        let state = Arc::new(State {
            path: path.to_owned(),
            lost: AtomicU64::new(0),
            failed: AtomicBool::new(false),
        });
        let writer = Writer { file, state: Arc::clone(&state) };
        let thread = std::thread::Builder::new().name("everstrand trail".to_owned());
        let thread = thread.spawn(move || writer.run(&received)).map_err(|error| error.to_string())?;
        Ok(Lines { jobs: Some(jobs), thread: Mutex::new(Some(thread)), state })
    }

    /// Writes a line later. If too many wait, the line is lost.
    pub(super) fn write(&self, line: Vec<u8>) {
        if self.send(Job::Line(line)).is_err() {
            self.state.lose();
        }
    }

    /// Writes a line and makes it durable.
    pub(super) async fn write_durably(&self, line: Vec<u8>) -> io::Result<()> {
        let (done, answer) = oneshot::channel();
        self.send(Job::Durable(line, done))?;
        answer.await.unwrap_or_else(|_| Err(io::Error::other("the thread that writes it has ended")))
    }

    pub(super) fn reopen(&self) -> Result<(), String> {
        let (done, answer) = oneshot::channel();
        let asked = self.send(Job::Reopen(done)).and_then(|()| wait(answer));
        asked.map_err(|error| format!("{}: {error}", self.state.path.display()))
    }

    pub(super) fn flush(&self) {
        let (done, answer) = oneshot::channel();
        // What could not be written was said and counted already.
        let _ = self.send(Job::Durable(Vec::new(), done)).and_then(|()| wait(answer));
    }

    pub(super) fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::Relaxed)
    }

    pub(super) fn is_writable(&self) -> bool {
        !self.state.failed.load(Ordering::Relaxed)
    }

    fn send(&self, job: Job) -> io::Result<()> {
        let jobs = self.jobs.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => io::Error::other("too many lines wait to be written"),
            TrySendError::Disconnected(_) => io::Error::other("the thread that writes it has ended"),
        })
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A thread that panicked has nothing left to write.
            let _ = thread.join();
        }
    }
}

fn wait(answer: oneshot::Receiver<io::Result<()>>) -> io::Result<()> {
    answer.blocking_recv().unwrap_or_else(|_| Err(io::Error::other("the thread that writes it has ended")))
}

impl State {
    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes whether a line could be written, and logs each change.
    fn note(&self, written: &io::Result<()>) {
        let failed = written.is_err();
        if self.failed.swap(failed, Ordering::Relaxed) == failed {
            return;
        }
        let file = self.path.display();
        match written {
            Ok(()) => {
                tracing::info!(%file, lost = self.lost.load(Ordering::Relaxed), "the audit trail is written again")
            }
            Err(error) => tracing::error!(
                %file, %error,
                "the audit trail cannot be written: operations of the control API are refused, and events of the session API are lost"
            ),
        }
    }
}

/// Owns the file, on a thread of its own.
struct Writer {
    file: File,
    state: Arc<State>,
}

impl Writer {
    /// Works until nobody can send jobs any more.
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            match job {
                Job::Line(line) => {
                    let written = self.append(&line);
                    self.state.note(&written);
                    if written.is_err() {
                        self.state.lose();
                    }
                }
                Job::Durable(line, done) => {
                    let written = self.append(&line).and_then(|()| self.file.sync_data());
                    self.state.note(&written);
                    // Nobody may wait any more, because its client has left.
                    let _ = done.send(written);
                }
                Job::Reopen(done) => {
                    let reopened = open(&self.state.path).map(|file| self.file = file);
                    let _ = done.send(reopened);
                }
            }
        }
    }

    /// Appends a whole line or nothing.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if line.is_empty() {
            return Ok(());
        }
        let before = self.file.metadata()?.len();
        let written = self.file.write_all(line);
        if written.is_err() {
            // A part of the line would spoil the next one. A file that cannot be cut, such as a pipe, keeps the part.
            let _ = self.file.set_len(before);
        }
        written
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn lines_go_on_in_a_new_file_after_the_old_one_was_renamed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, renamed) = (folder.path().join("trail"), folder.path().join("trail.1"));
        let lines = Lines::open(&path).expect("opened");
        lines.write(b"one\n".to_vec());
        lines.write_durably(b"two\n".to_vec()).await.expect("written");
        std::fs::rename(&path, &renamed).expect("renamed");
        lines.write_durably(b"three\n".to_vec()).await.expect("written, to the renamed file");
        tokio::task::block_in_place(|| lines.reopen()).expect("opened again");
        lines.write(b"four\n".to_vec());
        drop(lines);
        assert_eq!(std::fs::read_to_string(renamed).expect("read"), "one\ntwo\nthree\n");
        assert_eq!(std::fs::read_to_string(path).expect("read"), "four\n");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn lines_that_cannot_be_written_are_counted_and_refused() {
        let lines = Lines::open(Path::new("/dev/full")).expect("opened");
        assert!(lines.is_writable());
        lines.write(b"one\n".to_vec());
        lines.write_durably(b"two\n".to_vec()).await.expect_err("the device is full");
        assert_eq!((lines.lost(), lines.is_writable()), (1, false));
    }
}
