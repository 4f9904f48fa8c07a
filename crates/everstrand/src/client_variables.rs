//! The environment variables that point QLDB's drivers and the AWS CLI at a server.

use std::path::Path;

/// How a shell sets a variable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Syntax {
    /// `export NAME=VALUE`: sh, bash, zsh
    #[default]
    Sh,
    /// `set -gx NAME VALUE`
    Fish,
    /// `$env:NAME = "VALUE"`
    Powershell,
}

/// Credentials in a file: its path and the profile in it.
pub(crate) type CredentialsFile<'a> = (&'a Path, &'a str);

/// The lines that a user pastes into a shell. Without a file of credentials the server takes any, and the AWS SDKs insist
/// on having some.
pub(crate) fn lines(
    endpoint: &str,
    credentials: Option<CredentialsFile<'_>>,
    ca: Option<&Path>,
    syntax: Syntax,
) -> std::io::Result<Vec<String>> {
    let mut lines = vec![
        syntax.set(&[("AWS_ENDPOINT_URL_QLDB", endpoint), ("AWS_ENDPOINT_URL_QLDB_SESSION", endpoint)]),
        // Some SDKs read one name of the region, some the other.
        syntax.set(&[("AWS_REGION", "us-east-1"), ("AWS_DEFAULT_REGION", "us-east-1")]),
    ];
    match credentials {
        None => {
            lines.push(syntax.set(&[("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")]));
        }
        Some((file, profile)) => {
            // SDKs prefer keys in variables to those of the file, and the file's secrets are not for a terminal.
            let file = std::path::absolute(file)?.display().to_string();
            lines.push(syntax.unset(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]));
            lines.push(syntax.set(&[("AWS_SHARED_CREDENTIALS_FILE", &file), ("AWS_PROFILE", profile)]));
        }
    }
    if let Some(file) = ca {
        let file = std::path::absolute(file)?.display().to_string();
        // The SDK for JavaScript leaves the choice of certificates to Node.js.
        lines.push(syntax.set(&[("AWS_CA_BUNDLE", &file), ("NODE_EXTRA_CA_CERTS", &file)]));
    }
    Ok(lines)
}

impl Syntax {
    fn set(self, variables: &[(&str, &str)]) -> String {
        let each = |write: fn(&str, &str) -> String| {
            variables.iter().map(|(name, value)| write(name, value)).collect::<Vec<_>>()
        };
        match self {
            Syntax::Sh => {
                format!("export {}", each(|name, value| format!("{name}={}", quoted(value))).join(" "))
            }
            Syntax::Fish => each(|name, value| format!("set -gx {name} {}", fish_quoted(value))).join("; "),
            Syntax::Powershell => {
                each(|name, value| format!("$env:{name} = '{}'", value.replace('\'', "''"))).join("; ")
            }
        }
    }

    fn unset(self, names: &[&str]) -> String {
        let each =
            |prefix: &str| names.iter().map(|name| format!("{prefix}{name}")).collect::<Vec<_>>().join("; ");
        match self {
            Syntax::Sh => format!("unset {}", names.join(" ")),
            Syntax::Fish => each("set -e "),
            Syntax::Powershell => {
                let each = names.iter().map(|name| format!("Remove-Item Env:{name} -ErrorAction Ignore"));
                each.collect::<Vec<_>>().join("; ")
            }
        }
    }
}

fn is_plain(word: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-+,:@%".contains(character);
    !word.is_empty() && word.chars().all(plain)
}

/// A word that a POSIX shell takes literally.
fn quoted(word: &str) -> String {
    if is_plain(word) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// A word that fish takes literally: within its quotes a backslash escapes a quote or a backslash.
fn fish_quoted(word: &str) -> String {
    if is_plain(word) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_takes_a_value_literally() {
        let file = Path::new("/home/ann o'neil/keys");
        let written = |syntax| {
            lines("http://[::1]:8182", Some((file, "default")), Some(Path::new("/ca.pem")), syntax)
                .expect("lines")
        };
        assert_eq!(
            written(Syntax::Sh),
            [
                "export AWS_ENDPOINT_URL_QLDB='http://[::1]:8182' AWS_ENDPOINT_URL_QLDB_SESSION='http://[::1]:8182'",
                "export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1",
                "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
                "export AWS_SHARED_CREDENTIALS_FILE='/home/ann o'\\''neil/keys' AWS_PROFILE=default",
                "export AWS_CA_BUNDLE=/ca.pem NODE_EXTRA_CA_CERTS=/ca.pem",
            ]
        );
        assert_eq!(
            written(Syntax::Fish)[3],
            "set -gx AWS_SHARED_CREDENTIALS_FILE '/home/ann o\\'neil/keys'; set -gx AWS_PROFILE default"
        );
        assert_eq!(
            written(Syntax::Powershell)[3],
            "$env:AWS_SHARED_CREDENTIALS_FILE = '/home/ann o''neil/keys'; $env:AWS_PROFILE = 'default'"
        );
    }
}
