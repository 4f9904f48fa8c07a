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
        Terminal::open_with(folder, &[])
    }

    /// The same with more variables.
    fn open_with(folder: &Path, variables: &[(&str, &str)]) -> Terminal {
        let data = folder.join("data");
        std::fs::create_dir_all(&data).expect("a folder");
        let program = || Command::new(env!("CARGO_BIN_EXE_everstrand"));
        let _ = program().args(["ledger", "create", "typed", "--data"]).arg(&data).output().expect("started");
        let mut shell = program();
        shell.args(["shell", "typed", "--data"]).arg(&data);
        shell.envs(variables.iter().copied());
        Terminal::start(shell, folder)
    }

    /// A shell of a terminal with 100 columns and 40 lines.
    fn start(mut shell: Command, folder: &Path) -> Terminal {
        shell.env("XDG_STATE_HOME", folder.join("state")).env("TERM", "xterm-256color").env("PAGER", "cat");
        let mut session = Session::spawn(shell).expect("started");
        session.get_process_mut().set_window_size(100, 40).expect("a size");
        let mut terminal = Terminal { session, seen: String::new(), expected: 0 };
        terminal.expect("typed > ");
        terminal
    }

    /// Pulls the window to another size, of which the kernel tells the shell.
    fn resize(&mut self, columns: u16, lines: u16) {
        self.session.get_process_mut().set_window_size(columns, lines).expect("a size");
        // Nobody types while the window moves: the shell asks where the cursor is now.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(700) {
            if !self.read() {
                sleep(Duration::from_millis(10));
            }
        }
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

/// A transaction that takes longer than the server allows is lost, and what is typed after it does not run alone.
#[test]
fn after_an_expiry_nothing_runs_until_the_user_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = everstrand::server::config::Config::new(everstrand::server::config::Storage::Memory);
    config.limits.set("transaction-millis=1500").expect("a limit");
    let service = std::sync::Arc::new(everstrand::Service::open(config).expect("a service"));
    service.create_ledger_unless_it_exists("typed").expect("a ledger");
    let address = (std::net::Ipv4Addr::LOCALHOST, 0).into();
    let endpoint = everstrand::testing::Endpoint::start(service.clone(), address).expect("a free port");
    let mut shell = Command::new(env!("CARGO_BIN_EXE_everstrand"));
    shell.args(["shell", "typed", "--endpoint", &endpoint.url()]);
    let mut terminal = Terminal::start(shell, folder.path());
    terminal.line("CREATE TABLE Account;", "-- 1 row");
    terminal.line("begin", " s*> ");
    terminal.line("INSERT INTO Account {'debit': 5};", "-- 1 row");
    sleep(Duration::from_millis(2500));
    terminal.line("INSERT INTO Account {'debit': 6};", "has expired");
    terminal.expect("typed !> ");
    terminal.line("INSERT INTO Account {'credit': 5};", "nothing of it was committed. Type abort");
    terminal.line("commit", "nothing of it was committed");
    terminal.expect("typed > ");
    terminal.line("SELECT COUNT(*) AS bookings FROM Account;", "        0");
    drop(terminal);
    drop(endpoint);
    service.close();
}

#[test]
fn the_last_statement_is_edited_and_runs_when_the_user_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let editor = folder.path().join("my editor.sh");
    let script = "#!/bin/sh\nsed -e \"s/$1/$2/\" \"$3\" > \"$3.new\" && mv \"$3.new\" \"$3\"\n";
    std::fs::write(&editor, script).expect("an editor");
    // An editor's name may have spaces, and arguments behind it.
    let named = format!("sh '{}' 41 42", editor.display());
    let temporary = folder.path().join("temporary");
    std::fs::create_dir(&temporary).expect("a folder");
    let temporary_name = temporary.display().to_string();
    let variables = |editor| [("EDITOR", editor), ("VISUAL", ""), ("TMPDIR", &*temporary_name)];
    let mut terminal = Terminal::open_with(folder.path(), &variables(&named));
    terminal.line("SELECT 41 AS answer;", "     41");
    terminal.expect("typed > ");
    terminal.line("\\edit", "SELECT 42 AS answer;");
    terminal.keys("\r");
    terminal.expect("     42");
    terminal.expect("typed > ");
    drop(terminal);
    let mut terminal = Terminal::open_with(folder.path(), &variables("false"));
    terminal.line("SELECT 1 AS one;", "   1");
    terminal.line("\\edit", "the statement stays as it was");
    assert_eq!(std::fs::read_dir(&temporary).expect("a folder").count(), 0, "no statement is left in a file");
}

/// A window that gets narrow shows rows field by field, and what is being typed goes on over more lines.
#[test]
fn the_window_may_change_its_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut terminal = Terminal::open(folder.path());
    let row = "SELECT 'a long text' AS first, 'another long text' AS second FROM <<1>> AS x;";
    terminal.line(row, " first       | second");
    terminal.expect("typed > ");
    terminal.resize(30, 20);
    terminal.line(row, "-[ 1 ]");
    terminal.expect("first  | a long text\r\n");
    terminal.expect("typed > ");
    // In the middle of a statement.
    terminal.keys("SELECT 'before and ");
    terminal.resize(100, 40);
    terminal.line("after' AS text FROM <<1>> AS x;", " text\r\n------------------\r\n before and after\r\n");
}

/// Letters that take two columns, or none, are typed, deleted, printed and pointed at in their columns.
#[test]
fn letters_have_their_width() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut terminal = Terminal::open(folder.path());
    // One key deletes one letter, however many bytes and columns it has.
    terminal.line("SELECT '日本x\x7f\x7f語' AS word, 1 AS n;", " word | n\r\n------+---\r\n 日語 | 1\r\n");
    terminal.expect("typed > ");
    terminal.line("SELECT 'e\u{301}' AS word, 1 AS n;", " word | n\r\n------+---\r\n e\u{301}    | 1\r\n");
    terminal.expect("typed > ");
    terminal.line("CREATE TABLE Person;", "-- 1 row");
    terminal.expect("typed > ");
    // Who misspells a table hears which there are.
    terminal.keys("SELECT '日本' FROM Nothing;\r");
    terminal.expect("; tables: Person");
    terminal.expect("  SELECT '日本' FROM Nothing\r\n                     ^");
}

/// Tab knows the ledgers, and the prompt says which one is asked.
#[test]
fn names_of_ledgers_are_completed() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).expect("a folder");
    let create = ["ledger", "create", "vehicle-registration", "--data"];
    let created = Command::new(env!("CARGO_BIN_EXE_everstrand")).args(create).arg(&data).output();
    assert!(created.expect("started").status.success());
    let mut terminal = Terminal::open(folder.path());
    terminal.keys("\\c veh\t");
    terminal.expect("vehicle-registration ");
    terminal.line("", "vehicle-registration > ");
    terminal.line("CREATE TABLE Vehicle;", "-- 1 row");
    terminal.expect("vehicle-registration > ");
    terminal.keys("use ty\t");
    terminal.expect("typed ");
    terminal.line("", "typed > ");
    // The tables of the other ledger are not this one's.
    terminal.line("SELEC 1;", "did you mean SELECT?");
}

/// Who loads a file sees how much of it is in.
#[test]
fn a_load_shows_its_progress() {
    let ledger = everstrand::testing::ledger();
    let endpoint = ledger.endpoint();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lines.json");
    let lines: String = (0..2_000).map(|number| format!("{{\"k\": {number}}}\n")).collect();
    std::fs::write(&file, lines).expect("written");
    let mut load = Command::new(env!("CARGO_BIN_EXE_everstrand"));
    load.args(["load", everstrand::testing::LEDGER_NAME, "T"]).arg(&file).arg("--create");
    load.args(["--endpoint", &endpoint.url()]);
    let session = Session::spawn(load).expect("started");
    let mut terminal = Terminal { session, seen: String::new(), expected: 0 };
    terminal.expect(" refused, ");
    terminal.expect("[");
    terminal.expect(" %");
    terminal.expect("2000 inserted, 0 were there, 0 refused");
}
