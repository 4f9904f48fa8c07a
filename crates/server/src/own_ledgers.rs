//! The ledgers that belong to the service itself, and what nobody may do with them.

use everstrand_protocol::control::ControlRequest;
use everstrand_protocol::{Exception, ServiceError};

/// The ledger that holds the users of the server. Clients can neither open nor list it.
pub(crate) const USERS_LEDGER: &str = "everstrand-identity";

/// The ledger that holds the audit trail, if the operator wants one. Clients can read it and not write it.
pub(crate) const AUDIT_LEDGER: &str = "everstrand-audit";

/// Refuses what would create, change or delete the ledger of the audit trail, whoever asks.
pub(crate) fn refuse_changes_of_audit(request: &ControlRequest) -> Result<(), ServiceError> {
    use ControlRequest as R;
    match request {
        R::CreateLedger(it) => refuse_audit_ledger(&it.name),
        R::UpdateLedger(it) => refuse_audit_ledger(&it.name),
        R::UpdateLedgerPermissionsMode(it) => refuse_audit_ledger(&it.name),
        R::DeleteLedger(it) => refuse_audit_ledger(&it.name),
        R::ImportJournal(it) => refuse_audit_ledger(&it.name),
        R::TagResource(it) => refuse_audit_ledger(of_arn(&it.resource_arn)),
        R::UntagResource(it) => refuse_audit_ledger(of_arn(&it.resource_arn)),
        _ => Ok(()),
    }
}

/// The ledger of an ARN.
fn of_arn(arn: &str) -> &str {
    arn.rsplit_once("ledger/").map_or(arn, |(_, name)| name)
}

/// Refuses the name of the ledger of the audit trail.
pub(crate) fn refuse_audit_ledger(ledger: &str) -> Result<(), ServiceError> {
    if ledger != AUDIT_LEDGER {
        return Ok(());
    }
    let message = format!(
        "The name {AUDIT_LEDGER} is reserved for the audit trail, which only the server itself changes"
    );
    Err(ServiceError::new(Exception::AccessDenied, message))
}
