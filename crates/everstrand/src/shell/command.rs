//! The shell's own words, beside statements.

use super::output::Format;
use super::spelling::meant;

/// What the shell prints when it is asked for help.
pub(super) const HELP: &str = r"A PartiQL statement ends with a semicolon and may have several lines. Each runs in a transaction of its own, unless
you open one. Ctrl-C drops the typed text, or stops the running statement.

  begin, commit, abort    open a transaction for the statements that follow, commit it, roll it back
  \d [TABLE]              list the active tables, or describe one       (also: tables, .tables)
  \d+ TABLE               describe it with its number of documents and its last block
  \history TABLE ID       all revisions of a document
  \tail TABLE [N]         the N latest revisions, 10 if not said
  \digest                 the ledger's present digest, as `everstrand verify` reads it
  \verify ID              verify the latest revision of a document against the ledger's present digest
  \explain STATEMENT      how a statement would be executed; \explain analyze STATEMENT runs it, also a change
  \edit                   open the last statement in the editor that VISUAL or EDITOR names, and put it at the prompt
  \watch [SECONDS]        run the last statement again and again until Ctrl-C, every 2 seconds if not said
  \format FORM            print rows as table, ion, json, csv or expanded
  \x                      switch between table and expanded, which prints one field a line
  \o [FILE]               print rows into a file; without a name on the terminal again
  \i FILE                 run the statements in a file
  \timing                 say how long statements take, or no longer
  \l                      list the ledgers
  \c LEDGER               go on with another ledger                     (also: use LEDGER)
  \?, help                show this text
  \q, quit                leave (so does the end of the input)";

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Command {
    Statement(String),
    Begin,
    Commit,
    Abort,
    Tables,
    Describe { table: String, more: bool },
    History { table: String, id: String },
    Tail { table: String, count: u32 },
    Digest,
    Verify { id: String },
    Edit,
    Watch { seconds: u32 },
    Format(Format),
    Expanded,
    Output(Option<String>),
    Include(String),
    Timing,
    Ledgers,
    Connect { ledger: String },
    Help,
    Quit,
}

/// Words that stand alone on a line and need no semicolon.
const WORDS: [&str; 10] =
    ["begin", "start", "commit", "abort", "rollback", "tables", "help", "quit", "exit", ".tables"];

/// The words that begin with a backslash, as the help names them.
pub(super) const META: [&str; 18] = [
    "\\c",
    "\\d",
    "\\d+",
    "\\digest",
    "\\edit",
    "\\explain",
    "\\format",
    "\\history",
    "\\i",
    "\\l",
    "\\o",
    "\\q",
    "\\tail",
    "\\timing",
    "\\verify",
    "\\watch",
    "\\x",
    "\\?",
];

/// The words that a statement begins with, and those that stand alone.
const BEGINNINGS: [&str; 19] = [
    "SELECT", "INSERT", "UPDATE", "DELETE", "FROM", "CREATE", "DROP", "UNDROP", "EXEC", "EXPLAIN", "begin",
    "commit", "abort", "rollback", "tables", "help", "quit", "exit", "use",
];

/// What a statement may have been meant to begin with, if it begins with no word that could.
pub(super) fn meant_beginning(statement: &str) -> Option<&'static str> {
    let first = statement.split(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default();
    let is_known = BEGINNINGS.iter().any(|word| word.eq_ignore_ascii_case(first));
    if is_known { None } else { meant(first, BEGINNINGS) }
}

/// The ledger of a line `use LEDGER`.
fn used(line: &str) -> Option<&str> {
    let (first, ledger) = line.trim_end_matches(';').trim().split_once(char::is_whitespace)?;
    let ledger = ledger.trim();
    (first.eq_ignore_ascii_case("use") && !ledger.contains(char::is_whitespace)).then_some(ledger)
}

/// Whether this line, where a statement may begin, is a command of the shell and complete.
pub(super) fn is_word(line: &str) -> bool {
    let line = line.trim();
    let is_dotted = line.strip_prefix('.').is_some_and(|rest| rest.starts_with(char::is_alphabetic));
    line.starts_with('\\')
        || is_dotted
        || used(line).is_some()
        || WORDS.contains(&line.to_ascii_lowercase().as_str())
}

impl Command {
    /// The command that a text means. An error says how it is written.
    pub(super) fn parse(text: &str) -> Result<Command, String> {
        let text = text.trim();
        let Some(word) = text.strip_prefix('\\').or_else(|| text.strip_prefix('.')) else {
            if let Some(ledger) = used(text) {
                return Ok(Command::Connect { ledger: ledger.to_owned() });
            }
            return Ok(match text.to_ascii_lowercase().as_str() {
                "begin" | "start" => Command::Begin,
                "commit" => Command::Commit,
                "abort" | "rollback" => Command::Abort,
                "tables" => Command::Tables,
                "help" => Command::Help,
                "quit" | "exit" => Command::Quit,
                _ => Command::Statement(text.to_owned()),
            });
        };
        let word = word.trim_end_matches(';').trim_end();
        let (name, rest) = word.split_once(char::is_whitespace).unwrap_or((word, ""));
        let rest = rest.trim();
        let words: Vec<&str> = rest.split_whitespace().collect();
        match (name, &words[..]) {
            ("?" | "h" | "help", _) => Ok(Command::Help),
            ("q" | "quit" | "exit", []) => Ok(Command::Quit),
            ("l" | "ledgers", []) => Ok(Command::Ledgers),
            ("c" | "connect", [ledger]) => Ok(Command::Connect { ledger: (*ledger).to_owned() }),
            ("d" | "dt" | "d+" | "tables", []) => Ok(Command::Tables),
            ("d" | "schema", [table]) => Ok(Command::Describe { table: (*table).to_owned(), more: false }),
            ("d+", [table]) => Ok(Command::Describe { table: (*table).to_owned(), more: true }),
            ("history", [table, id]) => Ok(Command::History { table: (*table).to_owned(), id: unquoted(id) }),
            ("tail", [table]) => Ok(Command::Tail { table: (*table).to_owned(), count: 10 }),
            ("tail", [table, count]) => {
                let count = count.parse().map_err(|_| format!("{count:?} is no number of revisions"))?;
                Ok(Command::Tail { table: (*table).to_owned(), count })
            }
            ("digest", []) => Ok(Command::Digest),
            ("verify", [id]) => Ok(Command::Verify { id: unquoted(id) }),
            ("explain", [_, ..]) => Ok(Command::Statement(format!("EXPLAIN {rest}"))),
            ("e" | "edit", []) => Ok(Command::Edit),
            ("watch", []) => Ok(Command::Watch { seconds: 2 }),
            ("watch", [seconds]) => match seconds.parse() {
                Ok(seconds @ 1..) => Ok(Command::Watch { seconds }),
                _ => Err(format!("{seconds:?} is no number of seconds from 1 on")),
            },
            ("format", [form]) => form.parse().map(Command::Format),
            ("x", []) => Ok(Command::Expanded),
            ("o", []) => Ok(Command::Output(None)),
            ("o", [_, ..]) => Ok(Command::Output(Some(rest.to_owned()))),
            ("i", [_, ..]) => Ok(Command::Include(rest.to_owned())),
            ("timing", _) => Ok(Command::Timing),
            _ => Err(match meant(&format!("\\{name}"), META) {
                Some(word) if word[1..] != *name => {
                    format!("the shell does not know {text:?}; did you mean {word}? \\? lists what it knows")
                }
                _ => format!("the shell does not know {text:?}; \\? lists what it knows"),
            }),
        }
    }
}

impl Command {
    /// The queries that answer a word which asks for tables or revisions.
    pub(super) fn queries(&self) -> Vec<String> {
        const TABLES: &str = "SELECT VALUE name FROM information_schema.user_tables WHERE status = 'ACTIVE'";
        match self {
            Command::Tables => vec![TABLES.to_owned()],
            Command::Describe { table, more } => {
                let mut queries = vec![format!(
                    "SELECT name, tableId, status, indexes FROM information_schema.user_tables WHERE name = {}",
                    literal(table)
                )];
                if *more {
                    let (documents, committed) = (name(table), committed(table));
                    queries.push(format!("SELECT COUNT(*) AS documents FROM {documents}"));
                    queries.push(format!(
                        "SELECT MAX(c.blockAddress.sequenceNo) AS lastBlock FROM {committed} AS c"
                    ));
                }
                queries
            }
            Command::History { table, id } => {
                let (table, id) = (name(table), literal(id));
                vec![format!("SELECT * FROM history({table}) AS h WHERE h.metadata.id = {id}")]
            }
            Command::Tail { table, count } => vec![format!(
                "SELECT c.blockAddress.sequenceNo AS block, c.metadata.txTime AS txTime, c.metadata.id AS id, \
                 c.metadata.version AS version, c.data AS data FROM {} AS c \
                 ORDER BY c.blockAddress.sequenceNo DESC LIMIT {count}",
                committed(table)
            )],
            _ => Vec::new(),
        }
    }
}

/// A text as a literal of PartiQL.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name as PartiQL takes any name.
fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The committed view of a table.
fn committed(table: &str) -> String {
    name(&format!("_ql_committed_{table}"))
}

fn unquoted(id: &str) -> String {
    id.trim_matches(['\'', '"']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_statements_are_told_apart() {
        let table = |name: &str, more| Command::Describe { table: name.to_owned(), more };
        for (text, expected) in [
            ("begin", Command::Begin),
            ("ROLLBACK", Command::Abort),
            ("\\d", Command::Tables),
            (".tables", Command::Tables),
            ("\\d Car", table("Car", false)),
            ("\\d+ Car;", table("Car", true)),
            ("\\tail Car 3", Command::Tail { table: "Car".to_owned(), count: 3 }),
            ("\\history Car 'A1'", Command::History { table: "Car".to_owned(), id: "A1".to_owned() }),
            ("\\explain SELECT * FROM Car;", Command::Statement("EXPLAIN SELECT * FROM Car".to_owned())),
            ("\\explain analyze SELECT 1", Command::Statement("EXPLAIN analyze SELECT 1".to_owned())),
            ("\\c my-ledger", Command::Connect { ledger: "my-ledger".to_owned() }),
            ("use my-ledger;", Command::Connect { ledger: "my-ledger".to_owned() }),
            ("use a b", Command::Statement("use a b".to_owned())),
            ("\\format json", Command::Format(Format::Json)),
            ("\\o a file.txt", Command::Output(Some("a file.txt".to_owned()))),
            ("SELECT 1", Command::Statement("SELECT 1".to_owned())),
        ] {
            assert_eq!(Command::parse(text), Ok(expected), "{text}");
        }
        for text in
            ["\\nonsense", "\\d a b", "\\tail", "\\tail Car many", "\\format xml", ".dump", "\\watch 0"]
        {
            assert!(Command::parse(text).is_err(), "{text}");
        }
        assert!(
            Command::parse("\\hitsory Car A").is_err_and(|error| error.contains("did you mean \\history?"))
        );
        assert_eq!(meant_beginning("SELEC * FROM Car"), Some("SELECT"));
        assert_eq!(meant_beginning("comit"), Some("commit"));
        assert_eq!(meant_beginning("select * FROM Car"), None);
        assert_eq!(meant_beginning("(SELECT 1)"), None);
        assert!(is_word("\\d") && is_word(" .help ") && is_word("Commit") && is_word("use L"));
        assert!(!is_word("begin;") && !is_word(".5 + 1") && !is_word("SELECT"));
    }
}
