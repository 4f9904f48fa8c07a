//! The exceptions of the session API for the errors of ledgers.

use everstrand_ledger::{DuplicateKey, LedgerError};
use everstrand_protocol::{Exception, ServiceError};

/// The exception of the session API for a ledger's error.
pub(crate) fn service_error(error: LedgerError) -> ServiceError {
    let text = error.to_string();
    let is_busy = matches!(error, LedgerError::Busy(_));
    let exception = match error {
        LedgerError::BadRequest { code, .. } => {
            let refused = ServiceError::bad_request(text);
            return match code {
                Some(code) => refused.with_code(code),
                None => refused,
            };
        }
        LedgerError::DuplicateKey(duplicate) => {
            let DuplicateKey { table, index, key, .. } = *duplicate;
            let duplicate = everstrand_protocol::DuplicateKey { table, index, key };
            return ServiceError::bad_request(text)
                .with_code(DuplicateKey::CODE)
                .with_duplicate_key(duplicate);
        }
        LedgerError::DigestMismatch => return ServiceError::bad_request(text).with_code("412"),
        LedgerError::NoOpenTransaction => return ServiceError::bad_request(text).with_code("405"),
        // Not an exception after which drivers try again, because the client itself stopped the statement.
        LedgerError::TransactionAlreadyOpen | LedgerError::InvalidPageToken | LedgerError::Interrupted => {
            Exception::BadRequest
        }
        LedgerError::OccConflict { .. } => Exception::OccConflict,
        LedgerError::TransactionExpired { .. }
        | LedgerError::SessionExpired { .. }
        | LedgerError::NoSuchSession
        | LedgerError::Sealed(_)
        | LedgerError::Closed => Exception::InvalidSession,
        LedgerError::LimitExceeded(_) => Exception::LimitExceeded,
        // Drivers try again after it, with longer and longer pauses.
        LedgerError::Busy(_) => Exception::CapacityExceeded,
        // Of all answers with status 503, only this one says for certain that nothing was committed.
        LedgerError::Unavailable(_) => Exception::CapacityExceeded,
        LedgerError::Damaged(_) | LedgerError::BlocksMissing(_) => Exception::ServiceUnavailable,
        LedgerError::OutcomeUnknown(_) => Exception::CommitOutcomeUnknown,
        LedgerError::View(_) | LedgerError::Internal(_) => Exception::InternalFailure,
    };
    if exception.http_status() >= 500 && !is_busy {
        tracing::error!(error = %text, "a command failed in the ledger");
    }
    ServiceError::new(exception, text)
}
