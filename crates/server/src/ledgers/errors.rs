//! The errors of operations on ledgers.

use everstrand_protocol::{Exception, ServiceError};

use super::entry::OpenError;

pub(super) fn not_opened(name: &str, error: OpenError) -> ServiceError {
    match error {
        OpenError::Gone => not_found(name),
        OpenError::Failed(why) => ServiceError::new(
            Exception::ServiceUnavailable,
            format!("The Ledger with name {name} could not be opened: {why}"),
        ),
    }
}

pub(super) fn not_found(name: &str) -> ServiceError {
    ServiceError::new(Exception::ResourceNotFound, format!("The Ledger with name {name} is not found"))
        .with_resource("Ledger", name)
}

pub(super) fn exists_already(name: &str) -> ServiceError {
    ServiceError::new(Exception::ResourceAlreadyExists, format!("Ledger with name {name} already exists"))
        .with_resource("Ledger", name)
}

pub(super) fn unavailable(name: &str, why: &str) -> ServiceError {
    ServiceError::new(Exception::ServiceUnavailable, format!("Ledger {name} could not be written: {why}"))
}

pub(super) fn protected(name: &str) -> ServiceError {
    let message = format!(
        "Preventing deletion of ledger {name} with DeletionProtection enabled; update it to false first"
    );
    ServiceError::new(Exception::ResourcePreconditionNotMet, message).with_resource("Ledger", name)
}
