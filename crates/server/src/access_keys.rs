//! The access keys of a server that answers only signed requests.

use std::collections::HashMap;
use std::fmt;

use everstrand_protocol::signature::{Authorization, Credentials};
use everstrand_protocol::{Exception, ServiceError};

/// A profile of the file, while the file is read.
struct Section<'a> {
    line: usize,
    name: &'a str,
    settings: HashMap<String, &'a str>,
}

/// Access keys by their ids.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKeys {
    by_id: HashMap<String, Credentials>,
    /// The name of a profile that has a key. A name without a space is preferred, because all tools read it alike.
    profile: String,
}

impl AccessKeys {
    /// Reads keys from a text in the format of the AWS tools' `~/.aws/credentials`. Below each `[name]` stand
    /// `aws_access_key_id`, `aws_secret_access_key` and optionally `aws_session_token`, in any case. Other settings,
    /// profiles without a key and lines that begin with `#` or `;` are ignored.
    pub fn parse(text: &str) -> Result<AccessKeys, String> {
        let mut by_id = HashMap::new();
        let mut profiles: Vec<String> = Vec::new();
        let mut section: Option<Section<'_>> = None;
        let mut finish = |section: Option<Section<'_>>| {
            let Some(Section { line, name: profile, settings }) = section else {
                return Ok(());
            };
            let setting = |name: &str| {
                settings.get(name).filter(|value| !value.is_empty()).map(|value| (*value).to_owned())
            };
            let is_key = |name: &&str| setting(name).is_some();
            if !["aws_access_key_id", "aws_secret_access_key"].iter().any(is_key) {
                return Ok(());
            }
            profiles.push(profile.to_owned());
            let required =
                |name: &str| setting(name).ok_or_else(|| format!("the profile in line {line} has no {name}"));
            let credentials = Credentials {
                access_key_id: required("aws_access_key_id")?,
                secret_access_key: required("aws_secret_access_key")?,
                session_token: setting("aws_session_token"),
            };
            match by_id.insert(credentials.access_key_id.clone(), credentials) {
                None => Ok(()),
                Some(twice) => Err(format!("the access key {} occurs twice", twice.access_key_id)),
            }
        };
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if line.starts_with('[') && line.ends_with(']') {
                let name = line[1..line.len() - 1].trim();
                finish(section.replace(Section { line: number, name, settings: HashMap::new() }))?;
                continue;
            }
            let (name, value) = line.split_once('=').ok_or_else(|| {
                // The error does not repeat the line, because the line may be a secret.
                format!("line {number} is neither a [profile] nor a setting nor a comment")
            })?;
            let section =
                section.as_mut().ok_or_else(|| format!("line {number} stands before the first [profile]"))?;
            let name = name.trim().to_ascii_lowercase();
            // Nobody can tell which of the two values is meant. If the second was to replace the first, the first key would
            // stay valid unnoticed.
            if section.settings.insert(name, value.trim()).is_some() {
                return Err(format!("line {number} sets a name that its profile has set already"));
            }
        }
        finish(section)?;
        let alike = profiles.iter().find(|name| !name.contains(' ')).or(profiles.first());
        match alike {
            None => Err("there is no access key in it, so nobody could sign a request".to_owned()),
            Some(profile) => Ok(AccessKeys { by_id, profile: profile.clone() }),
        }
    }

    /// The name of a profile that has a key.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// The secret of the key that a request names.
    pub(crate) fn secret_of(&self, authorization: &Authorization) -> Option<&str> {
        let known = self.by_id.get(&authorization.access_key_id)?;
        (known.session_token == authorization.session_token).then_some(&known.secret_access_key)
    }
}

/// The answer to a key that is not known.
pub(crate) fn unrecognized() -> ServiceError {
    let message = "The security token included in the request is invalid.";
    ServiceError::new(Exception::UnrecognizedClient, message)
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.by_id.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_that_of_the_aws_tools() {
        let keys = AccessKeys::parse(
            "# who may\n[default]\naws_access_key_id = ONE\naws_secret_access_key=a=b/c+d\naws_session_token=\nregion = us-east-1\n\
             \n[profile other]\n  AWS_SECRET_ACCESS_KEY = two\n  Aws_Access_Key_Id = TWO\n  aws_session_token = t\n\
             [by-role]\nrole_arn = arn:aws:iam::1:role/r\n",
        )
        .expect("two keys");
        let one = &keys.by_id["ONE"];
        assert_eq!((&*one.secret_access_key, &one.session_token), ("a=b/c+d", &None));
        assert_eq!(keys.by_id["TWO"].session_token.as_deref(), Some("t"));
        assert_eq!((keys.by_id.len(), keys.profile()), (2, "default"));
        assert!(!format!("{keys:?}").contains("two"), "no secret is printed");
    }

    #[test]
    fn errors_never_repeat_a_secret() {
        for (text, wrong) in [
            ("", "there is no access key"),
            ("[default]\nhunter2", "line 2 is neither a [profile]"),
            ("aws_access_key_id = A", "line 1 stands before the first [profile]"),
            ("[a]\naws_access_key_id = A", "the profile in line 1 has no aws_secret_access_key"),
            ("[a]\naws_access_key_id = A\naws_secret_access_key =", "has no aws_secret_access_key"),
            ("[a]\nrole_arn = r", "there is no access key"),
            (
                "[a]\naws_access_key_id=A\naws_secret_access_key=hunter2\nAWS_SECRET_ACCESS_KEY=hunter2",
                "line 4 sets a name that its profile has set already",
            ),
            (
                "[a]\naws_access_key_id=A\naws_secret_access_key=hunter2\n[b]\naws_access_key_id=A\n\
                 aws_secret_access_key=hunter2",
                "the access key A occurs twice",
            ),
        ] {
            let error = AccessKeys::parse(text).expect_err(text);
            assert!(error.contains(wrong) && !error.contains("hunter2"), "{error}");
        }
    }
}
