//! The master key: 32 random bytes that never lie among the data. It seals the keys that do.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use crate::key::SealingKey;

/// The key of a server, of which all others follow or by which they are sealed.
#[derive(Clone, Debug)]
pub struct MasterKey(SealingKey);

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file or the command failed.
    #[error("the master key cannot be read from {from}: {error}")]
    Io {
        /// A file's path or a command.
        from: String,
        /// What the machine said.
        error: io::Error,
    },
    /// What was read is no key.
    #[error(
        "{from} holds no master key: it must be 64 hexadecimal digits, as `openssl rand -hex 32` prints them"
    )]
    NoKey {
        /// A file's path, a variable or a command.
        from: String,
    },
    /// Other users of the machine can read the file.
    #[error("the master key in {path} can be read by other users of this machine; run: chmod 600 {path}")]
    Readable {
        /// The file's path.
        path: String,
    },
    /// The command did not end well.
    #[error("the command for the master key ended with {status}: {command}")]
    Command {
        /// The command.
        command: String,
        /// How it ended.
        status: String,
    },
}

impl MasterKey {
    /// A new key, which nobody else has.
    pub fn random() -> MasterKey {
        MasterKey(SealingKey::random())
    }

    /// The key in a file of 64 hexadecimal digits that no other user can read.
    pub fn from_file(path: &Path) -> Result<MasterKey, MasterKeyError> {
        let from = path.display().to_string();
        let io = |error| MasterKeyError::Io { from: from.clone(), error };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            if fs::metadata(path).map_err(io)?.permissions().mode() & 0o077 != 0 {
                return Err(MasterKeyError::Readable { path: from });
            }
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(io)?);
        parse(&text).ok_or(MasterKeyError::NoKey { from })
    }

    /// The key in a file. If there is no file, a new key is written to it with the mode 0600. Of several processes that
    /// do this at once, one writes the key and all answer it.
    pub fn from_file_or_new(path: &Path) -> Result<MasterKey, MasterKeyError> {
        match MasterKey::from_file(path) {
            Err(MasterKeyError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        let io = |error| MasterKeyError::Io { from: path.display().to_string(), error };
        // The key appears under its name as a whole, so that nobody reads half of it.
        let key = MasterKey::random();
        let temporary = path.with_extension(format!("{}.new", key.fingerprint()));
        let created = write_new(&temporary, &key).and_then(|()| fs::hard_link(&temporary, path));
        let _ = fs::remove_file(&temporary);
        match created {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io(error)),
            _ => {}
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        }
        MasterKey::from_file(path)
    }

    /// The key in 64 hexadecimal digits, for example an environment variable's value. `from` names where they stand.
    pub fn from_text(text: &str, from: &str) -> Result<MasterKey, MasterKeyError> {
        parse(text).ok_or_else(|| MasterKeyError::NoKey { from: from.into() })
    }

    /// The key that a command prints. The shell runs it, and what it writes to standard error is shown.
    pub fn from_command(command: &str) -> Result<MasterKey, MasterKeyError> {
        let mut shell = Command::new("sh");
        let run = shell.args(["-c", command]).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = run.map_err(|error| MasterKeyError::Io { from: format!("`{command}`"), error })?;
        if !output.status.success() {
            return Err(MasterKeyError::Command {
                command: command.into(),
                status: output.status.to_string(),
            });
        }
        let text = Zeroizing::new(output.stdout);
        let key = std::str::from_utf8(&text).ok().and_then(parse);
        key.ok_or_else(|| MasterKeyError::NoKey { from: format!("what `{command}` prints") })
    }

    /// The key for one purpose that follows from this one, for example `users`.
    pub fn key_for(&self, purpose: &str) -> SealingKey {
        self.0.derive(purpose)
    }

    /// Eight bytes in hexadecimal digits that tell one master key from another and betray neither.
    pub fn fingerprint(&self) -> String {
        hexadecimal(&self.0.derive("a fingerprint").as_bytes()[..8])
    }
}

fn write_new(path: &Path, key: &MasterKey) -> io::Result<()> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.write(true).create_new(true).open(path)?;
    let text = Zeroizing::new(hexadecimal(key.0.as_bytes()) + "\n");
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn parse(text: &str) -> Option<MasterKey> {
    let digits = text.trim();
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(MasterKey(SealingKey::from_bytes(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_once_and_read_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let all: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| MasterKey::from_file_or_new(&path).unwrap().fingerprint()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.iter().all(|each| *each == all[0]), "{all:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(MasterKey::from_file(&path), Err(MasterKeyError::Readable { .. })));
        }
    }

    #[test]
    fn a_key_is_64_digits_and_nothing_else() {
        let digits = "0f".repeat(32);
        let key = MasterKey::from_text(&format!("{digits}\n"), "here").unwrap();
        assert_eq!(
            key.fingerprint(),
            MasterKey::from_text(&digits.to_uppercase(), "here").unwrap().fingerprint()
        );
        for wrong in
            ["", "0f", &digits[1..], &format!("{digits}0"), &digits.replace('f', "g"), &"+1".repeat(32)]
        {
            let error = MasterKey::from_text(wrong, "EVERSTRAND_MASTER_KEY").unwrap_err();
            assert!(error.to_string().starts_with("EVERSTRAND_MASTER_KEY holds no master key"), "{error}");
        }
    }

    #[test]
    fn a_command_prints_the_key_or_is_named_in_the_error() {
        let digits = "0f".repeat(32);
        let key = MasterKey::from_command(&format!("echo {digits}")).unwrap();
        assert_eq!(key.fingerprint(), MasterKey::from_text(&digits, "").unwrap().fingerprint());
        assert!(matches!(MasterKey::from_command("exit 3"), Err(MasterKeyError::Command { .. })));
        assert!(matches!(MasterKey::from_command("echo no"), Err(MasterKeyError::NoKey { .. })));
    }

    #[test]
    fn nothing_prints_the_key() {
        let key = MasterKey::from_text(&"0f".repeat(32), "").unwrap();
        assert_eq!(format!("{key:?}"), "MasterKey(SealingKey(secret))");
    }
}
