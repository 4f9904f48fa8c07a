//! `--report FILE.md` of `audit` and `verify`: what was checked and what was found, for the files of whoever was not there.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use everstrand_ion::Timestamp;
use everstrand_ledger::{Clock as _, SystemClock};

/// A report that is being written. The file is made at once, so that a long audit does not end with a file that cannot be written.
pub(crate) struct ReportFile {
    path: PathBuf,
    file: File,
    text: String,
}

/// The words that a report uses, for who has only the report.
const WORDS: &str = "\
## Words

- A **block** is what one transaction wrote. Blocks are numbered from 0 and chained: the hash of each depends on the one before.
- The **strand** is the chain of one ledger.
- A **revision** is one version of one document.
- A **digest** is 32 bytes that stand for all blocks up to one, its *tip*. It proves something about the past if it was saved then,
  where the operator of the ledger could not change it.
- A **proof** is the hashes that lead from a revision or a block to a digest.
- A **deviation** is a place where the journal is not what its hashes or a digest say. Its check says which rule is broken.
- **Unchecked**, or **skipped**, is what could not be compared. It is neither right nor wrong.

The documentation of Everstrand has more in `docs/verifying.md`, \"How to read a report\".
";

impl ReportFile {
    /// Makes the file. An error says why it cannot be written.
    pub(crate) fn create(path: &Path, title: &str) -> Result<ReportFile, String> {
        let file = File::create(path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        let now = Timestamp::from_unix_millis(SystemClock::new().unix_millis());
        let version = env!("CARGO_PKG_VERSION");
        let text = format!(
            "# {title}\n\nWritten {now} by everstrand {version}, by the clock of the machine that checked.\n\n"
        );
        Ok(ReportFile { path: path.to_owned(), file, text })
    }

    /// The answer, in one line.
    pub(crate) fn verdict(&mut self, verdict: &str) {
        self.text.push_str(&format!("**{}**\n\n", one_line(verdict)));
    }

    /// A paragraph.
    pub(crate) fn note(&mut self, note: &str) {
        self.text.push_str(&format!("{}\n\n", one_line(note)));
    }

    /// A table under a heading; nothing if it has no rows.
    pub(crate) fn table<const N: usize>(&mut self, heading: &str, columns: [&str; N], rows: &[[String; N]]) {
        if rows.is_empty() {
            return;
        }
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        self.text.push_str(&format!("## {heading}\n\n"));
        self.text.push_str(&line(columns.map(str::to_owned).to_vec()));
        self.text.push_str(&line(vec!["---".to_owned(); N]));
        for row in rows {
            self.text.push_str(&line(row.iter().map(|cell| one_line(cell)).collect()));
        }
        self.text.push('\n');
    }

    /// Writes the report. An error says why it was not written.
    pub(crate) fn finish(mut self) -> Result<(), String> {
        self.text.push_str(WORDS);
        let written = self.file.write_all(self.text.as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }
}

/// A text that stays what it is in a line and in a cell of a table: evidence may hold any name, and Markdown would show some of them
/// as something else.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' => line.push(' '),
            '|' | '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' => line.extend(['\\', letter]),
            letter => line.push(letter),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name in the evidence cannot add a row, a heading, a link or a verdict to the report.
    #[test]
    fn evidence_does_not_write_the_report() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.md");
        let mut report = ReportFile::create(&path, "Title").expect("made");
        report.table(
            "Facts",
            ["fact", "value"],
            &[["name".to_owned(), "a | b\n\n# **verified** <b>".to_owned()]],
        );
        report.table::<2>("Empty", ["a", "b"], &[]);
        report.finish().expect("written");
        let text = std::fs::read_to_string(path).expect("the report");
        assert!(text.contains("| name | a \\| b  \\# \\*\\*verified\\*\\* \\<b\\> |\n"), "{text}");
        assert!(!text.contains("Empty"));
        assert!(ReportFile::create(&folder.path().join("none/report.md"), "Title").is_err());
    }
}
