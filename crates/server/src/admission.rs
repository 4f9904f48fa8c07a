//! Admits or refuses a request: first by its head alone, before any of its body is read, then by its signature.

use core::net::IpAddr;
use std::sync::{Arc, PoisonError};

use everstrand_protocol::signature::{AmzDate, Authorization, SERVICE};
use everstrand_protocol::{Exception, ServiceError};

use crate::access_keys::{AccessKeys, unrecognized};
use crate::client::{Admission, Caller, Claim, Client};
use crate::identity::Identity;
use crate::identity::permissions::Principal;
use crate::origins::Origins;
use crate::request::{ACCESS_KEY_ID, Request, Route};
use crate::service::Service;

impl Service {
    /// Admits a request with this head, or refuses it.
    ///
    /// Without access keys, anybody who reaches the server may do everything. That must not include the web pages in a browser on
    /// the same machine, so this also refuses what only a browser sends.
    pub fn admit(&self, head: &Request<'_>, sender: Client) -> Result<Admission, ServiceError> {
        if let (Some(names), Some(host)) = (&self.config.host_names, head.header("host")) {
            check_host(names, host)?;
        }
        if head.is_open_to_all() {
            return Ok(Admission { sender, claim: None });
        }
        if self.users_are_locked && sender != Client::InProcess {
            let message = "This server has users but not the key of their secrets, so it answers nobody";
            return Err(ServiceError::new(Exception::ServiceUnavailable, message));
        }
        if head.is_passed_on() && self.peers.is_some() {
            return Ok(Admission { sender, claim: Some(self.peer_claim(head)?) });
        }
        if head.route() == Route::Exchange {
            // The token is the proof. What is admitted here is answered by this route alone.
            self.origins().check(head)?;
            return Ok(Admission { sender, claim: None });
        }
        let (keys, identity) = (self.access_keys(), self.identity.get());
        if keys.is_some() || identity.is_some() {
            self.origins().check(head)?;
            let claim = self.claim(head, &sender, keys.as_deref(), identity.map(|identity| &**identity))?;
            return Ok(Admission { sender, claim: Some(claim) });
        }
        let site = head.header("sec-fetch-site").filter(|site| *site != "none");
        match head.header("origin").or(site) {
            None => Ok(Admission { sender, claim: None }),
            Some(_) => Err(ServiceError::new(
                Exception::AccessDenied,
                "A web page sent this request. Without access keys any page could, so it is refused: see everstrand serve \
                 --access-keys",
            )),
        }
    }

    /// The headers of the answer to a browser that asks whether a page may send a request. `None` if the request is no such question,
    /// or the page may not.
    pub fn preflight(&self, head: &Request<'_>) -> Option<Vec<(&'static str, String)>> {
        if self.access_keys().is_none() && self.identity.get().is_none() {
            return None;
        }
        self.origins().preflight(head)
    }

    pub(crate) fn origins(&self) -> Origins<'_> {
        Origins(&self.config.allowed_origins)
    }

    /// Checks what the head alone shows of a signature: the key must be one of the server's file or of a user, and the date recent.
    fn claim(
        &self,
        head: &Request<'_>,
        sender: &Client,
        keys: Option<&AccessKeys>,
        identity: Option<&Identity>,
    ) -> Result<Claim, ServiceError> {
        if head.header("authorization").is_none() && is_presigned(head.query) {
            let message =
                "The signature stands in the query; this service takes it in the header Authorization only";
            return Err(ServiceError::new(Exception::MissingAuthenticationToken, message));
        }
        let authorization = Authorization::from_headers(head.headers)?;
        let now = self.amz_date();
        if authorization.access_key_id == ACCESS_KEY_ID {
            return Err(unrecognized());
        }
        let (principal, key) = match (keys.and_then(|keys| keys.secret_of(&authorization)), identity) {
            (Some(secret), _) => (Principal::Operator, authorization.signing_key(secret)),
            (None, Some(identity)) => {
                let (user, secret) = identity.user_of(&authorization, now.unix_seconds())?;
                (Principal::User(user), authorization.signing_key(&secret))
            }
            (None, None) => return Err(unrecognized()),
        };
        if authorization.service != SERVICE {
            let message = format!("Credential should be scoped to correct service: '{SERVICE}'.");
            return Err(ServiceError::new(Exception::InvalidSignature, message));
        }
        authorization.check_head(head.headers, now)?;
        let source_ip = match principal {
            Principal::Operator => None,
            Principal::User(_) => self.source_ip(head, sender),
        };
        Ok(Claim { authorization, key, principal, source_ip })
    }

    /// Checks the signature of a request that was [admitted](Service::admit) and whose body has arrived.
    pub fn verify(&self, admission: Admission, request: &Request<'_>) -> Result<Caller, ServiceError> {
        let Admission { sender, claim } = admission;
        let Some(claim) = claim else { return Ok(Caller::operator(sender)) };
        claim.authorization.check(&request.signed_parts(), &claim.key, self.amz_date())?;
        let client = claim.client();
        let Claim { authorization, principal, source_ip, .. } = claim;
        let signed_by = matches!(principal, Principal::User(_)).then(|| authorization.access_key_id.into());
        Ok(Caller { client, principal, signed_by, source_ip, peer: None, presence: None })
    }

    /// Replaces the access keys whose requests are answered, from the next request on.
    pub fn set_access_keys(&self, keys: AccessKeys) {
        *self.access_keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
    }

    fn access_keys(&self) -> Option<Arc<AccessKeys>> {
        self.access_keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn amz_date(&self) -> AmzDate {
        AmzDate::from_unix_seconds(self.clock.unix_millis().div_euclid(1000))
    }
}

/// Whether a query holds a signature, as a presigned URL does.
fn is_presigned(query: &str) -> bool {
    let mut names = query.split('&').filter_map(|pair| pair.split('=').next());
    names.any(|name| name.eq_ignore_ascii_case("x-amz-signature"))
}

/// Refuses a request for a foreign host name. A web page can give its own host name the address of this machine; then the browser
/// sees one origin and sends no header `Origin`. But the page's host name is still in the header `Host`.
fn check_host(names: &[String], host: &str) -> Result<(), ServiceError> {
    let name = host_name(host);
    if is_loopback(name) || names.iter().any(|known| known == "*" || known.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    Err(ServiceError::new(
        Exception::AccessDenied,
        format!(
            "The request asks for the host {name:?}, but this server answers only for localhost; if the name is yours, start the \
             server with --host-name {name}"
        ),
    ))
}

/// The name in the header `Host`, without the port.
fn host_name(host: &str) -> &str {
    match (host.strip_prefix('['), host.rsplit_once(':')) {
        (Some(address), _) => address.split(']').next().unwrap_or(address),
        (None, Some((name, _))) => name,
        (None, None) => host,
    }
}

fn is_loopback(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let named = name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"));
    named || name.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_many_names() {
        for host in
            ["localhost", "LOCALHOST:8182", "app.localhost", "127.0.0.1:80", "127.9.9.9", "[::1]:80", "[::1]"]
        {
            assert!(is_loopback(host_name(host)), "{host}");
        }
        for host in [
            "evil.example:80",
            "localhost.evil.example",
            "10.0.0.1",
            "",
            "[::2]:80",
            "127.0.0.1.evil.example",
        ] {
            assert!(!is_loopback(host_name(host)), "{host}");
            assert!(check_host(&[], host).is_err());
        }
        assert!(check_host(&["Ledger.example".to_owned()], "ledger.example:80").is_ok());
        assert!(check_host(&["*".to_owned()], "evil.example").is_ok());
    }
}
