//! The lengths and patterns of the session API. The official clients check minimum lengths only.

use super::{Command, SendCommandRequest, ValueHolder};
use crate::error::ServiceError;
use crate::wire::length_within;

/// The greatest sizes that a service accepts. The defaults are QLDB's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most characters of a statement.
    pub statement_characters_max: usize,
    /// The most bytes of a parameter in Ion binary.
    pub ion_binary_bytes_max: usize,
    /// The most characters of a parameter in Ion text.
    pub ion_text_characters_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            statement_characters_max: 100_000,
            ion_binary_bytes_max: 131_072,
            ion_text_characters_max: 1_048_576,
        }
    }
}

impl SendCommandRequest {
    /// Checks lengths and patterns. The error, a `BadRequestException`, names the parameter.
    pub fn validate(&self, limits: &Limits) -> Result<(), ServiceError> {
        match &self.session_token {
            Some(token) if is_token(token.as_str()) => {}
            // QLDB's own text, because people search for it.
            Some(_) => return Err(ServiceError::bad_request("The parameter SessionToken is not valid")),
            None if matches!(self.command, Command::StartSession { .. }) => {}
            None => return Err(invalid("SessionToken", "it is missing")),
        }
        match &self.command {
            Command::StartSession { ledger_name } => check_ledger_name("LedgerName", ledger_name)?,
            Command::StartTransaction | Command::AbortTransaction | Command::EndSession => {}
            Command::ExecuteStatement { transaction_id, statement, parameters } => {
                check_transaction_id(transaction_id)?;
                if !length_within(statement, 1, limits.statement_characters_max) {
                    let rule = format!("it must have 1 to {} characters", limits.statement_characters_max);
                    return Err(invalid("Statement", &rule));
                }
                for (index, parameter) in parameters.iter().enumerate() {
                    check_parameter(index, parameter, limits)?;
                }
            }
            Command::FetchPage { transaction_id, next_page_token } => {
                check_transaction_id(transaction_id)?;
                if !is_token(next_page_token.as_str()) {
                    return Err(ServiceError::bad_request("The parameter NextPageToken is not valid"));
                }
            }
            // The length of the digest is not checked, because the ledger compares the digest with its own anyway.
            Command::CommitTransaction { transaction_id, .. } => check_transaction_id(transaction_id)?,
        }
        Ok(())
    }
}

/// Whether a text may be the name of a ledger or of a stream: 1 to 32 ASCII letters, digits and hyphens; not only digits;
/// no hyphen at an end, and no two in a row.
pub fn is_ledger_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.bytes().all(|byte| byte.is_ascii_digit())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

/// Whether a text has the form of a token: of a session, a page or a list.
pub(crate) fn is_token(text: &str) -> bool {
    (4..=1024).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'/' | b'='))
}

/// Whether a text has the form of an id: of a transaction, a document, an export or a stream.
pub(crate) fn is_unique_id(text: &str) -> bool {
    text.len() == 22 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn check_ledger_name(parameter: &str, name: &str) -> Result<(), ServiceError> {
    if is_ledger_name(name) {
        return Ok(());
    }
    Err(invalid(
        parameter,
        "a ledger's name has 1 to 32 letters, digits and single hyphens, none of them at an end, and not digits \
         alone",
    ))
}

fn check_transaction_id(id: &str) -> Result<(), ServiceError> {
    if is_unique_id(id) {
        return Ok(());
    }
    Err(invalid("TransactionId", "it must have 22 letters, digits or hyphens"))
}

fn check_parameter(index: usize, parameter: &ValueHolder, limits: &Limits) -> Result<(), ServiceError> {
    let (form, within, max, unit) = match parameter {
        ValueHolder::IonBinary(bytes) => {
            let max = limits.ion_binary_bytes_max;
            ("IonBinary", (1..=max).contains(&bytes.len()), max, "bytes")
        }
        ValueHolder::IonText(text) => {
            let max = limits.ion_text_characters_max;
            ("IonText", length_within(text, 1, max), max, "characters")
        }
    };
    if within {
        return Ok(());
    }
    Err(invalid(&format!("Parameters[{index}]"), &format!("its {form} must have 1 to {max} {unit}")))
}

fn invalid(parameter: &str, why: &str) -> ServiceError {
    ServiceError::bad_request(format!("The parameter {parameter} is not valid: {why}"))
}
