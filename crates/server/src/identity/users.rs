//! The users as requests meet them: by their keys, with their policies ready to decide.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everstrand_policy::Policy;
use everstrand_sealing::SealingKey;

use super::directory::Directory;

/// The tag with the name that an issuer of OpenID Connect has for a user.
const SUBJECT_TAG: &str = "oidc-subject";

/// A user with everything that decides about the user's requests.
#[derive(Debug)]
pub(crate) struct KnownUser {
    pub(crate) name: Arc<str>,
    pub(crate) id: Arc<str>,
    pub(crate) enabled: bool,
    pub(crate) tags: BTreeMap<String, String>,
    /// The user's own policies and those of the user's groups, with their names.
    pub(crate) policies: Vec<(String, Arc<Policy>)>,
    /// The ids of the keys that are valid.
    pub(crate) keys: Vec<String>,
}

/// All users.
#[derive(Default)]
pub(crate) struct Users {
    by_id: HashMap<Arc<str>, Arc<KnownUser>>,
    by_key: HashMap<String, (Arc<KnownUser>, String)>,
}

impl Users {
    /// Opens the secrets and compiles the policies.
    pub(crate) fn new(directory: &Directory, secrets: &SealingKey) -> Result<Users, String> {
        let nothing = Arc::new(Policy::deny_all());
        let compiled: HashMap<&str, Arc<Policy>> = directory
            .policies
            .iter()
            .map(|(name, policy)| {
                let compiled = Policy::parse(&policy.document).map(Arc::new).unwrap_or_else(|error| {
                    // A newer version of this program may have stored it. What it denies is not known here.
                    tracing::error!(policy = name, %error, "a stored policy is not understood, so it denies everything");
                    Arc::clone(&nothing)
                });
                (name.as_str(), compiled)
            })
            .collect();
        let mut users = Users::default();
        for (name, user) in &directory.users {
            let of_groups = user
                .groups
                .iter()
                .filter_map(|group| directory.groups.get(group))
                .flat_map(|group| &group.policies);
            let policies = user.policies.iter().chain(of_groups);
            let policies = policies.map(|name| {
                (name.clone(), compiled.get(name.as_str()).cloned().unwrap_or_else(|| Arc::clone(&nothing)))
            });
            let known = Arc::new(KnownUser {
                name: name.as_str().into(),
                id: user.id.as_str().into(),
                enabled: user.enabled,
                tags: user.tags.clone(),
                policies: policies.collect(),
                keys: user.keys.iter().map(|key| key.id.clone()).collect(),
            });
            for key in &user.keys {
                let sealed =
                    STANDARD.decode(&key.secret).map_err(|error| format!("the key {}: {error}", key.id))?;
                let secret = secrets.open(&of_secret(&user.id, &key.id), &sealed);
                let secret = secret.map_err(|_| {
                    format!("the secret of the key {} of the user {name} cannot be opened: is this the key of these users?", key.id)
                })?;
                let secret =
                    String::from_utf8(secret).map_err(|_| format!("the secret of {} is no text", key.id))?;
                users.by_key.insert(key.id.clone(), (Arc::clone(&known), secret));
            }
            users.by_id.insert(Arc::clone(&known.id), known);
        }
        Ok(users)
    }

    /// The user with an id.
    pub(crate) fn with_id(&self, id: &str) -> Option<&Arc<KnownUser>> {
        self.by_id.get(id)
    }

    /// The user with a name.
    pub(crate) fn with_name(&self, name: &str) -> Option<&Arc<KnownUser>> {
        self.by_id.values().find(|user| &*user.name == name)
    }

    /// The user with a name that an issuer of OpenID Connect uses: the user's own name, else the value of the tag
    /// [`SUBJECT_TAG`], for issuers whose names are none of ours. What two users have means neither.
    pub(crate) fn with_subject(&self, subject: &str) -> Option<&Arc<KnownUser>> {
        let tagged = |user: &&Arc<KnownUser>| user.tags.get(SUBJECT_TAG).is_some_and(|tag| tag == subject);
        self.with_name(subject).or_else(|| {
            let mut found = self.by_id.values().filter(tagged);
            found.next().filter(|_| found.next().is_none())
        })
    }

    /// The user and the secret of a key.
    pub(crate) fn with_key(&self, key: &str) -> Option<&(Arc<KnownUser>, String)> {
        self.by_key.get(key)
    }
}

/// What a sealed secret belongs to.
pub(crate) fn of_secret(user_id: &str, key_id: &str) -> Vec<u8> {
    format!("secret access key {key_id} of user {user_id}").into_bytes()
}
