//! The bodies of requests: how long one may be, how long it may take, and how much all of them may take together.

use std::time::Duration;

use everstrand_protocol::{Exception, ServiceError};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Incoming};

use crate::budget::{Budget, Share};
use crate::client::Client;

/// The largest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What is read without asking for room, because each connection has so much anyway.
const SMALL_BODY_BYTES: usize = 8 * 1024;
/// How long a client may take to send a body.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a large body waits for room.
const ROOM_TIMEOUT: Duration = Duration::from_secs(10);

/// Bodies that are read, all of them together.
pub(crate) struct Bodies(Budget);

/// A body, and the room that it takes until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct ReadBody {
    pub(crate) bytes: Vec<u8>,
    _share: Option<Share>,
}

impl Bodies {
    /// None yet, and never more bytes than these, half of them one client's.
    pub(crate) fn new(bytes_max: usize) -> Bodies {
        Bodies(Budget::new(bytes_max, (bytes_max / 2).max(BODY_BYTES_MAX)))
    }

    /// Waits for room and then for the whole body, unless it is too large or too slow.
    pub(crate) async fn read(&self, client: &Client, body: Incoming) -> Result<ReadBody, ServiceError> {
        // Where its length is declared, one that is too large is refused without being waited for.
        if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return Err(too_large());
        }
        // Without a declared length it may become as large as any.
        let length = body.size_hint().upper().and_then(|length| usize::try_from(length).ok());
        let length = length.unwrap_or(BODY_BYTES_MAX);
        let share = match length <= SMALL_BODY_BYTES {
            true => None,
            false => match tokio::time::timeout(ROOM_TIMEOUT, self.0.take(client, length)).await {
                Ok(share) => share,
                Err(_) => return Err(no_room()),
            },
        };
        match tokio::time::timeout(READ_TIMEOUT, collect(body, length)).await {
            Ok(bytes) => Ok(ReadBody { bytes: bytes?, _share: share }),
            Err(_) => {
                Err(ServiceError::new(Exception::Validation, "the request's body did not arrive in time")
                    .with_http_status(408))
            }
        }
    }
}

/// Reads a body to its end, in one piece. What has arrived is in memory, and nothing before it has.
async fn collect(mut body: Incoming, length: usize) -> Result<Vec<u8>, ServiceError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame: Result<Bytes, _> = match frame {
            Ok(frame) => frame.into_data().map_err(drop),
            Err(_) => {
                return Err(ServiceError::new(Exception::Validation, "the request's body could not be read"));
            }
        };
        // Trailers mean nothing here.
        let Ok(chunk) = frame else { continue };
        if bytes.len() + chunk.len() > length {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn too_large() -> ServiceError {
    ServiceError::new(Exception::RequestEntityTooLarge, "the request's body is larger than 16 MiB")
}

fn no_room() -> ServiceError {
    let message =
        "the server is reading as many large requests as it has memory for; send this one again later";
    ServiceError::new(Exception::CapacityExceeded, message)
}
