//! Requests, as policies see them.

use core::net::IpAddr;
use std::collections::BTreeMap;

use crate::action::Action;

/// A request, as policies see it.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What it asks for.
    pub action: Action,
    /// The ARN of the resource that it asks for, or `*` if the action has none.
    pub resource: &'a str,
    /// What conditions ask about.
    pub context: Context<'a>,
}

/// What conditions ask about.
#[derive(Clone, Debug, Default)]
pub struct Context<'a> {
    /// `aws:PrincipalTag/…`: the tags of the user.
    pub principal_tags: Tags<'a>,
    /// `aws:SourceIp`: the address that the request came from, if it came from one.
    pub source_ip: Option<IpAddr>,
    /// `aws:CurrentTime`, in seconds since 1970.
    pub unix_seconds: i64,
    /// `qldb:Purge`, for actions that drop something.
    pub purge: Option<bool>,
}

/// Tags by their keys, or none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tags<'a>(Option<&'a BTreeMap<String, String>>);

impl<'a> From<&'a BTreeMap<String, String>> for Tags<'a> {
    fn from(tags: &'a BTreeMap<String, String>) -> Tags<'a> {
        Tags(Some(tags))
    }
}

impl<'a> Tags<'a> {
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'a String, &'a String)> {
        self.0.into_iter().flatten()
    }
}
