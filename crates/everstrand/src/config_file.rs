//! The file of `serve --config FILE`: settings under the names of the arguments, in a small part of TOML.
//!
//! Each line is `name = value`, where the value is a text in double quotes, a whole number, true or false, or a list of these in one
//! line. What is given as an argument or by a variable goes before the file. The settings become arguments, so that there is one place
//! that knows what they mean.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use serde_json::Value;

/// Settings whose variables the parser of arguments does not know.
const VARIABLES: [(&str, &str); 2] = [("data", "EVERSTRAND_DATA"), ("log", "EVERSTRAND_LOG")];

/// Where ledgers lie: who names one place leaves out those of the file.
const PLACES: [(&str, &str); 3] = [("data", "data"), ("store", "store"), ("in-memory", "in_memory")];

/// The arguments that the program was given, and behind them those of the file that they name.
pub(crate) fn with_arguments_of_file(
    mut command: Command,
    given: Vec<OsString>,
) -> Result<Vec<OsString>, String> {
    let matches = command.clone().get_matches_from(&given);
    let serve = match matches.subcommand() {
        Some(("serve", serve)) => serve,
        Some(_) => return Ok(given),
        None => &matches,
    };
    let Some(file) = serve.get_one::<PathBuf>("config") else { return Ok(given) };
    command.build();
    let known = command.find_subcommand("serve").unwrap_or(&command);
    let because = |error: String| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| because(error.to_string()))?;
    let added = arguments(&text, known, serve).map_err(because)?;
    warn_of_secrets(file, &text);
    Ok(given.into_iter().chain(added.into_iter().map(OsString::from)).collect())
}

/// The settings in a file, as arguments of `serve`, but for those that were given otherwise.
fn arguments(text: &str, known: &Command, given: &ArgMatches) -> Result<Vec<String>, String> {
    let mut arguments = Vec::new();
    let mut seen = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let because = |why: String| format!("line {number}: {why}");
        let Some((name, value)) = setting(line).map_err(because)? else { continue };
        let argument = known.get_arguments().find(|argument| argument.get_long() == Some(name));
        let Some(argument) = argument.filter(|argument| argument.get_id() != "config") else {
            return Err(because(format!("serve has no setting {name}; everstrand serve --help lists them")));
        };
        if seen.contains(&name) {
            return Err(because(format!(
                "{name} is set twice; several values stand in one list: [\"a\", \"b\"]"
            )));
        }
        seen.push(name);
        let place = PLACES.iter().any(|(place, _)| *place == name);
        let place_is_given = || PLACES.iter().any(|(name, id)| is_given(given, name, id));
        if is_given(given, name, argument.get_id().as_str()) || place && place_is_given() {
            continue;
        }
        let values = match value {
            Value::Array(values) => values,
            single => vec![single],
        };
        let takes_value = argument.get_action().takes_values();
        for value in values {
            match (value, takes_value) {
                (Value::Bool(true), _) => arguments.push(format!("--{name}")),
                (Value::Bool(false), _) => {}
                (Value::String(text), true) => arguments.push(format!("--{name}={text}")),
                (Value::Number(number), true) if number.is_u64() => {
                    arguments.push(format!("--{name}={number}"))
                }
                (_, true) => return Err(because(format!("{name} needs a text, a whole number or a list"))),
                (_, false) => return Err(because(format!("{name} is either true or false"))),
            }
        }
    }
    Ok(arguments)
}

/// Whether a setting was given as an argument or by a variable.
fn is_given(given: &ArgMatches, name: &str, id: &str) -> bool {
    let source = given.try_contains_id(id).ok().and_then(|_| given.value_source(id));
    let by_variable =
        VARIABLES.iter().any(|(setting, variable)| *setting == name && std::env::var_os(variable).is_some());
    by_variable || matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

/// The name and the value in a line, unless it is empty or a comment.
fn setting(line: &str) -> Result<Option<(&str, Value)>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, rest) = line.split_once('=').ok_or("this is not name = value")?;
    // Texts, numbers and lists in one line are written in JSON as in TOML.
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let value = match values.next() {
        Some(Ok(value)) if !value.is_object() && !value.is_null() => value,
        _ => {
            return Err(
                "a value is \"a text\", a whole number, true, false, or a list of these in one line".into()
            );
        }
    };
    let behind = rest.get(values.byte_offset()..).unwrap_or_default().trim_start();
    if !(behind.is_empty() || behind.starts_with('#')) {
        return Err(format!("nothing may stand behind the value, but there is {behind}"));
    }
    Ok(Some((name.trim(), value)))
}

/// Warns if others may read a file that has a location with a user, and maybe a password, in it. The log has not begun yet.
fn warn_of_secrets(file: &Path, text: &str) {
    #[cfg(unix)]
    if text.lines().any(|line| line.contains("://") && line.contains('@'))
        && std::fs::metadata(file)
            .is_ok_and(|metadata| std::os::unix::fs::MetadataExt::mode(&metadata) & 0o077 != 0)
    {
        eprintln!(
            "everstrand: other users of this machine may read {}, where a location with a user stands; change the mode of the file with \
             chmod 600",
            file.display()
        );
    }
    #[cfg(not(unix))]
    let _ = (file, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        let serve = Command::new("serve")
            .arg(clap::Arg::new("config").long("config").value_parser(clap::value_parser!(PathBuf)))
            .arg(clap::Arg::new("listen").long("listen").default_value("8182"))
            .arg(clap::Arg::new("store").long("store"))
            .arg(clap::Arg::new("in_memory").long("in-memory").action(clap::ArgAction::SetTrue))
            .arg(clap::Arg::new("strict").long("strict").action(clap::ArgAction::SetTrue))
            .arg(clap::Arg::new("limit").long("limit").action(clap::ArgAction::Append));
        Command::new("everstrand").subcommand(serve)
    }

    fn of(text: &str, given: &[&str]) -> Result<Vec<String>, String> {
        let mut command = command();
        let matches = command.clone().get_matches_from([&["everstrand", "serve"], given].concat());
        command.build();
        arguments(
            text,
            command.find_subcommand("serve").unwrap(),
            matches.subcommand_matches("serve").unwrap(),
        )
    }

    #[test]
    fn settings_become_arguments() {
        let text = "# a server\n\nlisten = \"0.0.0.0:8182\"  # everywhere\nstrict = true\nlimit = [\"tables=2\", \"indexes-per-table=1\"]\n";
        let expected =
            ["--listen=0.0.0.0:8182", "--strict", "--limit=tables=2", "--limit=indexes-per-table=1"];
        assert_eq!(of(text, &[]).unwrap(), expected);
        assert_eq!(of("listen = 9000\nstrict = false", &[]).unwrap(), ["--listen=9000"]);
        assert_eq!(
            of("listen = \"a \\\"quoted\\\" = text\"", &[]).unwrap(),
            ["--listen=a \"quoted\" = text"]
        );
    }

    #[test]
    fn an_argument_goes_before_the_file() {
        let text = "listen = 9000\nlimit = [\"tables=2\"]";
        assert_eq!(of(text, &["--listen", "1", "--limit", "tables=3"]).unwrap(), [""; 0]);
        assert_eq!(of(text, &["--limit", "tables=3"]).unwrap(), ["--listen=9000"]);
        let place = "store = \"s3://bucket\"\nstrict = true";
        assert_eq!(of(place, &[]).unwrap(), ["--store=s3://bucket", "--strict"]);
        assert_eq!(of(place, &["--in-memory"]).unwrap(), ["--strict"]);
    }

    #[test]
    fn what_is_no_setting_is_named_with_its_line() {
        for (text, expected) in [
            ("listen = 1\nlisen = 2", "line 2: serve has no setting lisen"),
            ("config = \"other\"", "line 1: serve has no setting config"),
            ("strict = \"yes\"", "line 1: strict is either true or false"),
            ("listen = 1.5", "line 1: listen needs a text"),
            ("listen = 'single'", "line 1: a value is"),
            ("listen = {}", "line 1: a value is"),
            ("listen = 1 2", "line 1: nothing may stand behind the value"),
            ("[server]", "line 1: this is not name = value"),
            ("listen = 1\nlisten = 2", "line 2: listen is set twice"),
        ] {
            let error = of(text, &[]).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
