//! The users, groups and policies as the journal holds them: one entry for each, whose body is JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// All users, groups and policies, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// The documents of policies.
    pub(crate) policies: BTreeMap<String, Policy>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    /// An id that is never used again. Sessions and temporary keys belong to it, not to the name.
    pub(crate) id: String,
    pub(crate) enabled: bool,
    pub(crate) groups: BTreeSet<String>,
    pub(crate) policies: BTreeSet<String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// The oldest first.
    pub(crate) keys: Vec<Key>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) id: String,
    /// The sealed secret, in Base64. It is not a hash, because a signature is computed with the secret.
    pub(crate) secret: String,
    pub(crate) created_millis: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) policies: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub(crate) document: String,
}

/// The kind and the name of an entry.
pub(crate) type EntryName = (String, String);

const USER: &str = "user";
const GROUP: &str = "group";
const POLICY: &str = "policy";

impl Directory {
    /// The entries with their bodies.
    pub(crate) fn entries(&self) -> BTreeMap<EntryName, String> {
        fn of<'d, T: Serialize>(
            kind: &'d str,
            entries: &'d BTreeMap<String, T>,
        ) -> impl Iterator<Item = (EntryName, String)> + 'd {
            entries.iter().map(move |(name, entry)| {
                let body = serde_json::to_string(entry).expect("texts are always JSON");
                ((kind.to_owned(), name.clone()), body)
            })
        }
        of(USER, &self.users).chain(of(GROUP, &self.groups)).chain(of(POLICY, &self.policies)).collect()
    }

    /// Adds an entry that [`Directory::entries`] gave.
    pub(crate) fn add(&mut self, kind: &str, name: String, body: &str) -> Result<(), String> {
        fn put<T: DeserializeOwned>(
            entries: &mut BTreeMap<String, T>,
            kind: &str,
            name: String,
            body: &str,
        ) -> Result<(), String> {
            let entry = serde_json::from_str(body).map_err(|error| format!("the {kind} {name}: {error}"))?;
            entries.insert(name, entry);
            Ok(())
        }
        match kind {
            USER => put(&mut self.users, kind, name, body),
            GROUP => put(&mut self.groups, kind, name, body),
            POLICY => put(&mut self.policies, kind, name, body),
            other => Err(format!("there is an entry of the unknown kind {other}")),
        }
    }
}
