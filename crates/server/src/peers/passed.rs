//! What one server passes on to another: for whom, and what comes back.

use core::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everstrand_protocol::{Exception, ServiceError};
use serde::{Deserialize, Serialize};

use crate::client::{Caller, Client};
use crate::identity::Identity;
use crate::identity::permissions::Principal;
use crate::request::Request;

/// The header with the id of the holder's start.
pub(super) const HOLDER_HEADER: &str = "x-amz-everstrand-holder";
/// The header with the client's [`PassedCaller`].
pub(super) const CALLER_HEADER: &str = "x-amz-everstrand-caller";

/// A caller, as far as the holder has to know it: for bounds, permissions and the audit trail.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PassedCaller {
    client: PassedClient,
    /// The id of the user whose permissions count. Without one, the caller may do everything.
    user: Option<String>,
    signed_by: Option<String>,
    source_ip: Option<IpAddr>,
    peer: Option<IpAddr>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
enum PassedClient {
    InProcess,
    Address(IpAddr),
    AccessKey(String),
    User(String),
}

impl PassedCaller {
    pub(super) fn of(caller: &Caller) -> PassedCaller {
        PassedCaller {
            client: match &caller.client {
                Client::InProcess | Client::Peer => PassedClient::InProcess,
                Client::Address(address) => PassedClient::Address(address.exact()),
                Client::AccessKey(id) => PassedClient::AccessKey(id.to_string()),
                Client::User(name) => PassedClient::User(name.to_string()),
            },
            user: match &caller.principal {
                Principal::Operator => None,
                Principal::User(user) => Some(user.id.to_string()),
            },
            signed_by: caller.signed_by.as_deref().map(str::to_owned),
            source_ip: caller.source_ip,
            peer: caller.peer,
        }
    }

    pub(super) fn to_header(&self) -> String {
        STANDARD.encode(serde_json::to_vec(self).expect("texts are always JSON"))
    }

    fn from_header(header: &str) -> Option<PassedCaller> {
        serde_json::from_slice(&STANDARD.decode(header).ok()?).ok()
    }

    /// The caller of a request that another server passed on. The user must be one of this server's, too.
    pub(crate) fn caller(request: &Request<'_>, identity: Option<&Identity>) -> Result<Caller, ServiceError> {
        let passed = request.header(CALLER_HEADER).and_then(PassedCaller::from_header);
        let passed = passed.ok_or_else(|| {
            ServiceError::bad_request(format!("The header {CALLER_HEADER} does not name a caller"))
        })?;
        let principal = match (&passed.user, identity) {
            (None, _) => Principal::Operator,
            (Some(id), Some(identity)) => Principal::User(identity.user_with_id(id)?),
            (Some(_), None) => {
                let message = "This server has no users, but another one passed a user's request on";
                return Err(ServiceError::new(Exception::ServiceUnavailable, message));
            }
        };
        Ok(Caller {
            client: match passed.client {
                PassedClient::InProcess => Client::InProcess,
                PassedClient::Address(address) => Client::at(address),
                PassedClient::AccessKey(id) => Client::AccessKey(id.into()),
                PassedClient::User(name) => Client::User(name.into()),
            },
            principal,
            signed_by: passed.signed_by.map(Into::into),
            source_ip: passed.source_ip,
            peer: passed.peer,
            presence: None,
        })
    }
}

/// What ends the body of an answer that counts. At the end, because the body of a page is long and need not be moved then.
const ANSWER: u8 = 0;
const ERROR: u8 = 1;

/// The body in which a holder answers that it ran a command.
pub(crate) fn write_answer(answered: Result<Vec<u8>, ServiceError>) -> Vec<u8> {
    match answered {
        Ok(mut body) => {
            body.push(ANSWER);
            body
        }
        Err(error) => {
            let mut body = error.to_json();
            body.extend(error.http_status().to_be_bytes());
            body.push(ERROR);
            body
        }
    }
}

/// What a holder answered. `None` if the body is not of a holder.
pub(super) fn read_answer(mut body: Vec<u8>) -> Option<Result<Vec<u8>, ServiceError>> {
    match body.pop()? {
        ANSWER => Some(Ok(body)),
        ERROR => {
            let (json, status) = body.split_last_chunk::<2>()?;
            let status = u16::from_be_bytes(*status);
            Some(Err(ServiceError::from_response(status, None, None, json)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_and_answers_read_as_they_were_written() {
        let caller = PassedCaller {
            client: PassedClient::Address([10, 0, 0, 1].into()),
            user: Some("id".to_owned()),
            signed_by: Some("AKID".to_owned()),
            source_ip: Some([10, 0, 0, 1].into()),
            peer: None,
        };
        assert_eq!(PassedCaller::from_header(&caller.to_header()), Some(caller));
        assert_eq!(PassedCaller::from_header("?"), None);

        let error = ServiceError::bad_request("no").with_code("412").with_parameter("p");
        for answer in [Ok(b"{}".to_vec()), Ok(Vec::new()), Err(error.with_http_status(418))] {
            let read = read_answer(write_answer(answer.clone())).expect("an answer");
            assert_eq!(
                read.as_ref().map_err(ServiceError::to_json),
                answer.as_ref().map_err(ServiceError::to_json)
            );
            assert_eq!(
                read.map_err(|error| error.http_status()),
                answer.map_err(|error| error.http_status())
            );
        }
        for body in [&b""[..], b"\x02", b"\x00\x01"] {
            assert!(read_answer(body.to_vec()).is_none());
        }
    }
}
