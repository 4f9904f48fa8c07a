//! `\edit`: the last statement in the program that `VISUAL` or `EDITOR` names.

use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lets the user edit a text, and returns what it is then. An error says that there is no such program, or that it failed; then nothing
/// was changed.
pub(super) fn edit(text: &str) -> Result<String, Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("everstrand-{}.sql", std::process::id()));
    let made = Made(path);
    let mut file = made.create()?;
    file.write_all(text.as_bytes())?;
    if !text.is_empty() {
        // Without the semicolon Enter would begin another line.
        file.write_all(if text.ends_with(';') { b"\n" } else { b";\n" })?;
    }
    drop(file);
    let named = ["VISUAL", "EDITOR"].into_iter().filter_map(std::env::var_os).find(|name| !name.is_empty());
    let editor = named.unwrap_or_else(|| OsString::from(if cfg!(windows) { "notepad" } else { "vi" }));
    let status = command(&editor, &made.0).status();
    let status = status.map_err(|error| format!("{} cannot be started: {error}", editor.display()))?;
    if !status.success() {
        return Err(format!("{} failed: {status}; the statement stays as it was", editor.display()).into());
    }
    Ok(fs::read_to_string(&made.0)?.trim_end().to_owned())
}

/// `EDITOR` may have arguments, which only a shell can split as its user means them.
fn command(editor: &OsString, file: &Path) -> Command {
    if cfg!(windows) {
        let mut command = Command::new(editor);
        command.arg(file);
        return command;
    }
    let mut script = editor.clone();
    script.push(" \"$1\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg("sh").arg(file);
    command
}

/// A file that is removed when it is dropped. Statements may hold data, so only its owner may read it.
struct Made(PathBuf);

impl Made {
    fn create(&self) -> std::io::Result<File> {
        // What an earlier shell with this number left behind is not written to: it may be a link to another file.
        let _ = fs::remove_file(&self.0);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.0)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
