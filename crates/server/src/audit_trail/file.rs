//! The file of an audit trail.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::lines::Sink;

/// A file to which lines are appended.
pub(super) struct Appended {
    path: PathBuf,
    file: File,
}

impl Appended {
    pub(super) fn open(path: &Path) -> Result<Appended, String> {
        let file = open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Appended { path: path.to_owned(), file })
    }
}

impl Sink for Appended {
    /// Appends whole lines or nothing.
    fn write(&mut self, lines: &[Vec<u8>], durably: bool) -> io::Result<()> {
        if lines.iter().all(Vec::is_empty) {
            return if durably { self.file.sync_data() } else { Ok(()) };
        }
        let before = self.file.metadata()?.len();
        let written = self.file.write_all(&lines.concat());
        if written.is_err() {
            // A part of a line would spoil the next one. A file that cannot be cut, such as a pipe, keeps the part.
            let _ = self.file.set_len(before);
        }
        written?;
        if durably { self.file.sync_data() } else { Ok(()) }
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = open(&self.path)?;
        Ok(())
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
    use super::super::lines::Lines;
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn lines_go_on_in_a_new_file_after_the_old_one_was_renamed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, renamed) = (folder.path().join("trail"), folder.path().join("trail.1"));
        let lines =
            Lines::start(path.display().to_string(), Box::new(Appended::open(&path).expect("opened")))
                .expect("started");
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
        let lines = Lines::start(
            "full".to_owned(),
            Box::new(Appended::open(Path::new("/dev/full")).expect("opened")),
        )
        .expect("started");
        assert!(lines.is_writable());
        lines.write(b"one\n".to_vec());
        lines.write_durably(b"two\n".to_vec()).await.expect_err("the device is full");
        assert_eq!((lines.lost(), lines.is_writable()), (1, false));
    }

    /// A place that takes no line with an x, and says so of all lines that come with it.
    struct Fussy(std::sync::mpsc::Sender<Vec<u8>>);

    impl Sink for Fussy {
        fn write(&mut self, lines: &[Vec<u8>], _durably: bool) -> io::Result<()> {
            if lines.iter().any(|line| line.contains(&b'x')) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            lines.iter().for_each(|line| self.0.send(line.clone()).expect("sent"));
            Ok(())
        }

        fn reopen(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_line_that_does_not_fit_takes_no_other_with_it() {
        let (sent, written) = std::sync::mpsc::channel();
        let lines = Lines::start("fussy".to_owned(), Box::new(Fussy(sent))).expect("started");
        for number in 0..400 {
            lines.write(if number % 7 == 0 { b"x".to_vec() } else { b"a".to_vec() });
        }
        lines.write_durably(b"last".to_vec()).await.expect("written");
        assert_eq!((written.try_iter().count(), lines.lost()), (400 - 58 + 1, 58));
    }
}
