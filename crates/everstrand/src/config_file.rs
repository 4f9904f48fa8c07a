//! The file of `serve --config FILE`: settings in TOML, under the names of the arguments.
//!
//! Each setting is `name = value`, where the value is a text, a whole number, true or false, or a list of these; there are no sections.
//! What is given as an argument or by a variable goes before the file. The settings become arguments, so that there is one place that
//! knows what they mean.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Settings whose variables the parser of arguments does not know.
const VARIABLES: [(&str, &str); 2] = [("data", "EVERSTRAND_DATA"), ("log", "EVERSTRAND_LOG")];

/// Where ledgers lie: who names one place leaves out those of the file.
const PLACES: [(&str, &str); 3] = [("data", "data"), ("store", "store"), ("in-memory", "in_memory")];

/// What a file with settings consists of.
const SYNTAX: &str = "a setting is name = value, in TOML: a \"text\", a whole number, true, false, or a list of these; it is set once";

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
    let line = |place: usize| 1 + text[..place].matches('\n').count();
    let table = DeTable::parse(text).map_err(|error| {
        let place = error.span().map_or(0, |span| span.start.min(text.trim_end().len()));
        format!("line {}: {}; {SYNTAX}", line(place), error.message().replace('\n', ", "))
    })?;
    let mut settings: Vec<_> = table.get_ref().iter().collect();
    settings.sort_by_key(|(name, _)| name.span().start);
    let mut arguments = Vec::new();
    for (key, value) in settings {
        let name = key.get_ref().as_ref();
        let because = |why: String| format!("line {}: {why}", line(key.span().start));
        let argument = known.get_arguments().find(|argument| argument.get_long() == Some(name));
        let Some(argument) = argument.filter(|argument| argument.get_id() != "config") else {
            return Err(because(format!("serve has no setting {name}; everstrand serve --help lists them")));
        };
        let place = PLACES.iter().any(|(place, _)| *place == name);
        let place_is_given = || PLACES.iter().any(|(name, id)| is_given(given, name, id));
        if is_given(given, name, argument.get_id().as_str()) || place && place_is_given() {
            continue;
        }
        let values = match value.get_ref() {
            DeValue::Array(values) => values.iter().map(Spanned::get_ref).collect(),
            single => vec![single],
        };
        let takes_value = argument.get_action().takes_values();
        for value in values {
            arguments.extend(one_argument(name, value, takes_value).map_err(because)?);
        }
    }
    Ok(arguments)
}

/// A setting with one value, as an argument; none if it is switched off.
fn one_argument(name: &str, value: &DeValue<'_>, takes_value: bool) -> Result<Option<String>, String> {
    let number = match value {
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    };
    match (value, number, takes_value) {
        (DeValue::Boolean(true), ..) => Ok(Some(format!("--{name}"))),
        (DeValue::Boolean(false), ..) => Ok(None),
        (DeValue::String(text), _, true) => Ok(Some(format!("--{name}={text}"))),
        (_, Some(number), true) => Ok(Some(format!("--{name}={number}"))),
        (_, _, true) => Err(format!("{name} needs a text, a whole number or a list of these")),
        (_, _, false) => Err(format!("{name} is either true or false")),
    }
}

/// Whether a setting was given as an argument or by a variable.
fn is_given(given: &ArgMatches, name: &str, id: &str) -> bool {
    let source = given.try_contains_id(id).ok().and_then(|_| given.value_source(id));
    let by_variable =
        VARIABLES.iter().any(|(setting, variable)| *setting == name && std::env::var_os(variable).is_some());
    by_variable || matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
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
        assert_eq!(
            of("limit = [ # both\r\n  'tables=2',\r\n  \"indexes-per-table=1\",\r\n]\r\nlisten = 9_000", &[])
                .unwrap(),
            ["--limit=tables=2", "--limit=indexes-per-table=1", "--listen=9000"]
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
            ("listen = -1", "line 1: listen needs a text"),
            ("listen = 99999999999999999999", "line 1: listen needs a text"),
            ("limit = [[\"tables=2\"]]", "line 1: limit needs a text"),
            ("listen = 2026-12-01", "line 1: listen needs a text"),
            ("listen = {}", "line 1: listen needs a text"),
            ("strict = true\nlisten.port = 1", "line 2: listen needs a text"),
            ("[listen]\nport = 1", "line 1: listen needs a text"),
            ("\n[server]", "line 2: serve has no setting server"),
        ] {
            let error = of(text, &[]).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_no_toml_is_named_with_its_line() {
        for (text, line) in [
            ("listen = 1 2", 1),
            ("listen", 1),
            ("strict = true\nlisten = yes\n", 2),
            ("listen = \"open\nstrict = true", 1),
            ("strict = true\nlimit = [\"tables=2\",\n\n", 2),
            ("listen = 1\n\nlisten = 2", 3),
            ("strict = true\r\nlisten = 1 # comment\r\nlimit = \"\\q\"\r\n", 3),
            ("# \u{1}", 1),
        ] {
            let error = of(text, &[]).unwrap_err();
            assert!(error.starts_with(&format!("line {line}: ")), "{text}: {error}");
            assert!(error.ends_with(SYNTAX) && !error.contains('\n'), "{text}: {error}");
        }
    }
}
