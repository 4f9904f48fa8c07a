//! The exceptions of the session API for the errors of ledgers.

use everstrand_ledger::{Changed, DuplicateKey, LedgerError};
use everstrand_protocol::{Conflict, ConflictKind, Exception, ServiceError};

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
        LedgerError::OccConflict { what, block } => {
            let conflict = conflict(what, block);
            return ServiceError::new(Exception::OccConflict, text).with_conflict(conflict);
        }
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

/// What a conflict was about.
fn conflict(what: Changed, block: Option<u64>) -> Conflict {
    let about = |changed| Conflict { changed, block, ..Conflict::default() };
    let of_table = |changed, table: &str| Conflict { table: Some(table.to_owned()), ..about(changed) };
    match what {
        Changed::Document { id, table } => Conflict {
            document_id: Some(id.to_string()),
            table: table.map(|table| table.to_string()),
            ..about(ConflictKind::Document)
        },
        Changed::ScannedTable { table } => of_table(ConflictKind::ScannedTable, &table),
        Changed::History { table } => of_table(ConflictKind::History, &table),
        Changed::IndexKey { table, index } => Conflict {
            table: table.map(|table| table.to_string()),
            index: Some(index).filter(|index| !index.is_empty()),
            ..about(ConflictKind::IndexKey)
        },
        Changed::Definition { table } => of_table(ConflictKind::Definition, &table),
        Changed::Catalog => about(ConflictKind::Catalog),
        Changed::LastBlock => about(ConflictKind::LastBlock),
        Changed::Void => about(ConflictKind::Void),
        _ => about(ConflictKind::Other),
    }
}
