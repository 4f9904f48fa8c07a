//! `everstrand shell` in a pseudo-terminal: what a person sees who types.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use expectrl::Session;
use expectrl::session::OsSession;

/// Most of it is for busy machines.
const PATIENCE: Duration = Duration::from_secs(30);

struct Terminal {
    session: OsSession,
    /// What was printed, without the sequences that move the cursor and colour the text.
    seen: String,
    /// How much of it was expected already.
    expected: usize,
}

impl Terminal {
    /// A shell on a new ledger, or on the ledger of an earlier shell in the same folder.
    fn open(folder: &Path) -> Terminal {
        let data = folder.join("data");
        std::fs::create_dir_all(&data).expect("a folder");
        let program = || Command::new(env!("CARGO_BIN_EXE_everstrand"));
        let _ = program().args(["ledger", "create", "typed", "--data"]).arg(&data).output().expect("started");
        let mut shell = program();
        shell.args(["shell", "typed", "--data"]).arg(&data);
        shell.env("XDG_STATE_HOME", folder.join("state")).env("TERM", "xterm-256color").env("PAGER", "cat");
        let mut session = Session::spawn(shell).expect("started");
        session.get_process_mut().set_window_size(100, 40).expect("a size");
        let mut terminal = Terminal { session, seen: String::new(), expected: 0 };
        terminal.expect("typed > ");
        terminal
    }

    fn keys(&mut self, keys: &str) {
        self.session.write_all(keys.as_bytes()).expect("typed");
        self.session.flush().expect("typed");
    }

    /// Types a line, then waits for a text in what is printed from now on.
    fn line(&mut self, line: &str, expected: &str) {
        self.keys(line);
        self.keys("\r");
        self.expect(expected);
    }

    /// Waits until a text is printed, and goes on behind it.
    fn expect(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.seen[self.expected..].contains(text) {
            assert!(begun.elapsed() < PATIENCE, "no {text:?} in {:?}", &self.seen[self.expected..]);
            if !self.read() {
                sleep(Duration::from_millis(10));
            }
        }
        self.expected += self.seen[self.expected..].find(text).unwrap_or(0) + text.len();
    }

    /// Reads what is there, and answers the editor's question where the cursor is.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let Ok(read @ 1..) = self.session.try_read(&mut bytes) else { return false };
        let text = String::from_utf8_lossy(&bytes[..read]);
        if text.contains("\x1b[6n") {
            self.keys("\x1b[1;1R");
        }
        let mut rest = &*text;
        while let Some((plain, sequence)) = rest.split_once('\x1b') {
            self.seen.push_str(plain);
            let end = match sequence.strip_prefix('[') {
                Some(inner) => {
                    1 + inner
                        .find(|letter: char| ('@'..='~').contains(&letter))
                        .map_or(inner.len(), |at| at + 1)
                }
                None => sequence.len().min(1),
            };
            rest = &sequence[end..];
        }
        self.seen.push_str(rest);
        true
    }
}

#[test]
fn rows_are_a_table_and_names_are_completed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut terminal = Terminal::open(folder.path());
    terminal.line("CREATE TABLE Vehicle;", "-- 1 row, 0 read IOs");
    terminal.expect("typed > ");
    // A statement of two lines. Enter goes on while the semicolon is missing.
    terminal.line("INSERT INTO Vehicle", "-> ");
    terminal.line("<<{'VIN': '日本', 'n': 1}, {'VIN': 'ab', 'n': 22}>>;", "-- 2 rows");
    terminal.expect("typed > ");
    terminal.keys("SELECT VIN, n FROM Veh");
    terminal.expect("Veh");
    terminal.keys("\t");
    terminal.expect("Vehicle ");
    terminal.line("ORDER BY n;", " VIN  | n\r\n------+----\r\n 日本 |  1\r\n ab   | 22\r\n-- 2 rows");
    terminal.line("\\format json", "typed > ");
    terminal.line("SELECT n FROM Vehicle WHERE n = 1;", "{\"n\":1}\r\n");
    terminal.line("\\x", "typed > ");
    terminal.line("SELECT VIN FROM Vehicle WHERE n = 22;", "-[ 1 ]--------------------\r\nVIN | ab\r\n");
}

#[test]
fn the_history_keeps_whole_statements_over_shells() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut terminal = Terminal::open(folder.path());
    terminal.line("SELECT 41", "-> ");
    terminal.line("+ 1 AS answer;", "     42");
    terminal.expect("typed > ");
    drop(terminal);
    let mut terminal = Terminal::open(folder.path());
    terminal.keys("\x1b[A");
    terminal.expect("+ 1 AS answer;");
    terminal.line("", "     42");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let history = std::fs::metadata(folder.path().join("state/everstrand/history")).expect("a history");
        assert_eq!(history.permissions().mode() & 0o077, 0);
    }
}

#[test]
fn lines_that_are_pasted_without_marks_all_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut terminal = Terminal::open(folder.path());
    terminal.keys("SELECT 1 AS one;\rSELECT 2 AS two;\rSELECT 3 AS three;\r");
    for row in [" one\r\n-----\r\n   1", " two\r\n-----\r\n   2", " three\r\n-------\r\n     3"] {
        terminal.expect(row);
    }
    // Pasted with marks, as terminals do: nothing runs before Enter, and an error stops the rest.
    terminal.keys("\x1b[200~SELECT 4 AS four;\nSELECT * FROM Nothing;\nSELECT 5 AS five;\x1b[201~");
    terminal.line("", " four\r\n------\r\n    4");
    terminal.expect("  SELECT * FROM Nothing\r\n                ^");
    terminal.expect("-- 1 of the statements were not run");
}

#[test]
fn after_a_lost_transaction_nothing_runs_until_the_user_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut terminal = Terminal::open(folder.path());
    terminal.line("CREATE TABLE Vehicle;", "-- 1 row");
    terminal.line(
        "INSERT INTO Vehicle <<{'n': 1}, {'n': 2}, {'n': 3}, {'n': 4}, {'n': 5}, {'n': 6}, {'n': 7}>>;",
        "-- 7 rows",
    );
    terminal.line("begin", " s*> ");
    terminal.line("INSERT INTO Vehicle {'n': 8};", "-- 1 row");
    // Ctrl-C stops a statement that would run for ever, and with it the transaction.
    let product = (0..12).map(|number| format!("Vehicle AS v{number}")).collect::<Vec<_>>().join(", ");
    terminal.keys(&format!("SELECT COUNT(*) FROM {product};\r"));
    sleep(Duration::from_millis(1500));
    terminal.keys("\x03");
    terminal.expect("its transaction was rolled back");
    terminal.expect("typed !> ");
    terminal.line("INSERT INTO Vehicle {'n': 9};", "nothing of it was committed. Type abort");
    terminal.expect("typed !> ");
    terminal.line("abort", "typed > ");
    terminal.line("SELECT COUNT(*) AS documents FROM Vehicle;", "         7");
}
