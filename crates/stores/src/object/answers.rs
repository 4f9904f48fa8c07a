//! What an object store's refusal means for a slot. Only what certainly did not happen may be called so.

use std::error::Error as _;

use everstrand_ledger::storage::slots::{Created, SlotError};
use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};

/// A create that was not answered with success.
pub(super) fn not_created(error: &Error) -> Result<Created, SlotError> {
    match error {
        // Something on the way may have sent the request twice, so this may be our own object. The client library also
        // answers this for 409, after which the key may be free. The committer reads the slot in either case.
        Error::AlreadyExists { .. } | Error::Precondition { .. } => Ok(Created::Exists),
        error => Err(not_written(error)),
    }
}

/// A replacement that was not answered with success.
pub(super) fn not_replaced(slot: u64, error: &Error) -> SlotError {
    match error {
        Error::Precondition { .. } | Error::AlreadyExists { .. } | Error::NotFound { .. } => {
            // A repeated request meets the tag of its own success, so this does not prove that nothing happened.
            SlotError::Unknown(format!("slot {slot} has changed since it was read"))
        }
        error => not_written(error),
    }
}

/// A read that was answered neither with bytes nor with their absence.
pub(super) fn not_read(slot: u64, error: &Error) -> SlotError {
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => SlotError::Denied(format!(
            "slot {slot} could not be read. If it does not exist, the store answers 403 instead of 404 to a client \
             that may not list the bucket: grant ListBucket. {}",
            chain(error)
        )),
        error => SlotError::NotSent(format!("slot {slot} could not be read: {}", chain(error))),
    }
}

fn not_written(error: &Error) -> SlotError {
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => SlotError::Denied(chain(error)),
        Error::InvalidPath { .. } | Error::NotImplemented { .. } | Error::NotSupported { .. } => {
            SlotError::Denied(chain(error))
        }
        error if was_never_sent(error) => SlotError::NotSent(chain(error)),
        error => SlotError::Unknown(chain(error)),
    }
}

/// Whether no connection was made, so that no byte of the request can have arrived.
fn was_never_sent(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(http) = error.downcast_ref::<HttpError>() {
            return http.kind() == HttpErrorKind::Connect;
        }
        cause = error.source();
    }
    false
}

/// An error with its causes, which the library's own texts leave out in part.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
