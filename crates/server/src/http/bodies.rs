//! Reads the bodies of requests, within bounds for the size of one, for the time that it takes, and for the memory of all.

use std::time::Duration;

use everstrand_protocol::{Exception, ServiceError};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Incoming};

use crate::budget::{Budget, Share};
use crate::client::Client;

/// The largest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bodies up to this size take no room from the budget, because each connection has that much memory anyway.
const SMALL_BODY_BYTES: usize = 8 * 1024;
/// How long a client may take to send a body.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a large body waits for room.
const ROOM_TIMEOUT: Duration = Duration::from_secs(10);

/// The memory of all bodies.
pub(crate) struct Bodies(Budget);

/// A body. It takes room until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct ReadBody {
    pub(crate) bytes: Vec<u8>,
    _share: Option<Share>,
}

impl Bodies {
    /// No bodies yet. All of them take at most `bytes_max`, those of one client half of that, or one body of the greatest size.
    pub(crate) fn new(bytes_max: usize) -> Bodies {
        Bodies(Budget::new(bytes_max, (bytes_max / 2).max(BODY_BYTES_MAX)))
    }

    /// Waits for room and then for the whole body. Refuses a body that is too large or too slow.
    pub(crate) async fn read(&self, client: &Client, body: Incoming) -> Result<ReadBody, ServiceError> {
        // A declared length that is too large is refused before the body is read.
        if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return Err(too_large());
        }
        // A body without a declared length may become as large as any, so it takes room for the greatest size.
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

/// Reads a body to its end. The buffer grows with the bytes that have arrived, so a client that declares a large body and sends
/// nothing takes no memory.
async fn collect(mut body: Incoming, length: usize) -> Result<Vec<u8>, ServiceError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame: Result<Bytes, _> = match frame {
            Ok(frame) => frame.into_data().map_err(drop),
            Err(_) => {
                return Err(ServiceError::new(Exception::Validation, "the request's body could not be read"));
            }
        };
        // A frame without data holds trailers, which are ignored.
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
    let message = "the server has no memory left for this request, because it is reading other large ones; try again later";
    ServiceError::new(Exception::CapacityExceeded, message)
}
