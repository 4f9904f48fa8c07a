//! The exceptions of both APIs: their names, HTTP statuses and bodies.
//!
//! The official clients look for an exception's name in different places. botocore reads only `__type` in the body. The
//! JavaScript and Java clients prefer the header `x-amzn-ErrorType`; without it, the JavaScript client mistakes QLDB's
//! member `Code` for the name. Therefore an answer has both `__type` and the header, and `Code` is always a text.
//!
//! The Go clients of QLDB's time take `Code` for the name, and programs compare with it: `412` means that the table
//! exists. The last of these clients prefers the header if there is one. Therefore [`ServiceError::header`] leaves the
//! header out of answers with a `Code` to Go clients.

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The header that names the exception.
pub const ERROR_TYPE_HEADER: &str = "x-amzn-ErrorType";
/// What the `User-Agent` of the AWS SDK for Go v2 contains. Some answers to it differ.
pub const SDK_FOR_GO: &str = "aws-sdk-go-v2";
/// The header with the id of the request, which every answer has. Clients use that of StartSession as the session's id.
pub const REQUEST_ID_HEADER: &str = "x-amzn-RequestId";

macro_rules! exceptions {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $status:literal;)+) => {
        /// The exceptions of both APIs.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Exception {
            $($(#[doc = $doc])+ $variant,)+
            /// An exception whose name this crate does not know; a client may meet one.
            Other(String),
        }

        impl Exception {
            /// All exceptions whose names this crate knows.
            #[cfg(test)]
            const KNOWN: &[Exception] = &[$(Exception::$variant),+];

            /// The name on the wire.
            pub fn name(&self) -> &str {
                match self {
                    $(Exception::$variant => $name,)+
                    Exception::Other(name) => name,
                }
            }

            /// The exception with this name.
            pub fn from_name(name: &str) -> Exception {
                match name {
                    $($name => Exception::$variant,)+
                    _ => Exception::Other(name.to_owned()),
                }
            }

            /// The HTTP status of the exception, unless an answer has another one.
            pub fn http_status(&self) -> u16 {
                match self {
                    $(Exception::$variant => $status,)+
                    Exception::Other(_) => 400,
                }
            }
        }
    };
}

exceptions! {
    /// The request or the statement is wrong. Sending it again will not help.
    BadRequest = "BadRequestException", 400;
    /// The session is unknown, ended or expired, or its transaction has expired.
    InvalidSession = "InvalidSessionException", 400;
    /// Another transaction changed what this one has read.
    OccConflict = "OccConflictException", 400;
    /// Too many requests in a short time.
    RateExceeded = "RateExceededException", 400;
    /// A quota is used up, such as the sessions of a ledger.
    LimitExceeded = "LimitExceededException", 400;
    /// The service is overloaded at the moment.
    CapacityExceeded = "CapacityExceededException", 503;
    /// Nobody knows whether the transaction was committed. Ours: official clients raise an exception whose name they do not
    /// know, and do not run the transaction again, as they do after status 500.
    CommitOutcomeUnknown = "CommitOutcomeUnknownException", 400;
    /// The service failed.
    InternalFailure = "InternalFailure", 500;
    /// The service or the ledger is not available at the moment.
    ServiceUnavailable = "ServiceUnavailable", 503;
    /// Control API: a parameter is wrong.
    InvalidParameter = "InvalidParameterException", 400;
    /// Control API: there is no ledger, export or stream with this name.
    ResourceNotFound = "ResourceNotFoundException", 404;
    /// Control API: the name is taken.
    ResourceAlreadyExists = "ResourceAlreadyExistsException", 409;
    /// Control API: the ledger is being created or deleted.
    ResourceInUse = "ResourceInUseException", 409;
    /// Control API: the ledger is in a state that forbids the operation.
    ResourcePreconditionNotMet = "ResourcePreconditionNotMetException", 412;
    /// The body is not JSON, or has another structure.
    Serialization = "SerializationException", 400;
    /// There is no operation with this target or path.
    UnknownOperation = "UnknownOperationException", 400;
    /// A value breaks a rule of the model.
    Validation = "ValidationException", 400;
    /// The caller has no permission.
    AccessDenied = "AccessDeniedException", 403;
    /// The request has no signature, but needs one.
    MissingAuthenticationToken = "MissingAuthenticationTokenException", 403;
    /// A part of the signature is missing.
    IncompleteSignature = "IncompleteSignatureException", 403;
    /// The access key or the session token is not known.
    UnrecognizedClient = "UnrecognizedClientException", 403;
    /// The signature does not match the request, or its time is too far from the server's.
    InvalidSignature = "InvalidSignatureException", 403;
    /// The temporary credentials have expired.
    ExpiredToken = "ExpiredTokenException", 403;
    /// The body exceeds the service's limit.
    RequestEntityTooLarge = "RequestEntityTooLargeException", 413;
}

/// An exception with its message, as a service sends it and a client receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// The exception.
    pub exception: Exception,
    /// The message: what happened, where, and what to do.
    pub message: String,
    /// QLDB's number of the error, as a text: `412` means that the table exists.
    pub code: Option<String>,
    /// The resource that the exception is about, in the control API.
    pub resource: Option<Box<Resource>>,
    /// The id of the request that failed, if the answer had one.
    pub request_id: Option<String>,
    http_status: Option<u16>,
    subject: Option<Box<Subject>>,
}

/// What some exceptions are about, in members that QLDB did not have.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    DuplicateKey(DuplicateKey),
    Conflict(Conflict),
}

/// The members that exceptions of the control API have besides the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// The kind of the resource: `ledger`, `table`, …
    pub resource_type: Option<String>,
    /// The name or the id of the resource.
    pub resource_name: Option<String>,
    /// The name of the parameter that is wrong.
    pub parameter_name: Option<String>,
}

/// The members of the exception of a statement that would give two documents the same key in a unique index. QLDB had
/// no such index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DuplicateKey {
    /// The name of the table.
    pub table: String,
    /// The name of the index, or its paths as `[a, b.c]` if it has none.
    pub index: String,
    /// The values of the key, as a list in Ion text. A long one is left out.
    pub key: Option<String>,
}

/// What a transaction read and another one changed, as a member of an `OccConflictException`. It names tables, documents
/// and indexes, and has no data of documents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Conflict {
    /// What was changed.
    pub changed: ConflictKind,
    /// The name of the table, if one can be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The paths of the index, as in `[a, b.c]`, if a key of an index was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The id of the document, if one can be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_id: Option<String>,
    /// The sequence number of the block that changed it, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<u64>,
}

/// What was changed under a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ConflictKind {
    /// A document that the transaction read.
    Document,
    /// A document of a table that the transaction scanned, because no index served its query.
    ScannedTable,
    /// The superseded revisions of a table.
    History,
    /// A key of an index that the transaction looked up.
    IndexKey,
    /// The definition of a table or of one of its indexes.
    Definition,
    /// The catalog, which the transaction read as a whole.
    Catalog,
    /// Which block is the last.
    LastBlock,
    /// The transaction itself: somebody asked for its outcome, and was told that it will never be committed.
    Void,
    /// Something that the service no longer remembers, or that this program does not know.
    #[default]
    #[serde(other)]
    Other,
}

impl ServiceError {
    /// An exception with a message.
    pub fn new(exception: Exception, message: impl Into<String>) -> ServiceError {
        ServiceError {
            exception,
            message: message.into(),
            code: None,
            resource: None,
            request_id: None,
            http_status: None,
            subject: None,
        }
    }

    /// A `BadRequestException` with a message.
    pub fn bad_request(message: impl Into<String>) -> ServiceError {
        ServiceError::new(Exception::BadRequest, message)
    }

    /// Adds QLDB's number of the error.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> ServiceError {
        self.code = Some(code.into());
        self
    }

    /// Adds the key that another document has already.
    #[must_use]
    pub fn with_duplicate_key(mut self, duplicate: DuplicateKey) -> ServiceError {
        self.subject = Some(Box::new(Subject::DuplicateKey(duplicate)));
        self
    }

    /// Adds what a conflict is about.
    #[must_use]
    pub fn with_conflict(mut self, conflict: Conflict) -> ServiceError {
        self.subject = Some(Box::new(Subject::Conflict(conflict)));
        self
    }

    /// The key that another document has already, if that is why a statement was refused.
    pub fn duplicate_key(&self) -> Option<&DuplicateKey> {
        match self.subject.as_deref() {
            Some(Subject::DuplicateKey(duplicate)) => Some(duplicate),
            _ => None,
        }
    }

    /// What an `OccConflictException` is about, if the service said it.
    pub fn conflict(&self) -> Option<&Conflict> {
        match self.subject.as_deref() {
            Some(Subject::Conflict(conflict)) => Some(conflict),
            _ => None,
        }
    }

    /// Adds the resource that a control operation is about.
    #[must_use]
    pub fn with_resource(mut self, kind: impl Into<String>, name: impl Into<String>) -> ServiceError {
        let resource = self.resource.get_or_insert_default();
        resource.resource_type = Some(kind.into());
        resource.resource_name = Some(name.into());
        self
    }

    /// Adds the name of the parameter that is wrong.
    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>) -> ServiceError {
        self.resource.get_or_insert_default().parameter_name = Some(name.into());
        self
    }

    /// Sets another HTTP status than the exception's own. Throttling, for example, is answered with 503, because the
    /// official drivers then try again.
    #[must_use]
    pub fn with_http_status(mut self, status: u16) -> ServiceError {
        self.http_status = Some(status);
        self
    }

    /// The HTTP status of the answer.
    pub fn http_status(&self) -> u16 {
        self.http_status.unwrap_or_else(|| self.exception.http_status())
    }

    /// The value of [`ERROR_TYPE_HEADER`] for a client with this `User-Agent`; `None` if the answer must not have the
    /// header, see [the module](self).
    pub fn header(&self, user_agent: &str) -> Option<&str> {
        let takes_the_code = self.code.is_some() && user_agent.contains(SDK_FOR_GO);
        (!takes_the_code).then(|| self.exception.name())
    }

    /// The body of the answer, in JSON.
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body<'a> {
            #[serde(rename = "__type")]
            exception: &'a str,
            message: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            code: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            table: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            index: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            key: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            conflict: Option<&'a Conflict>,
            #[serde(skip_serializing_if = "Option::is_none")]
            resource_type: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            resource_name: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            parameter_name: Option<&'a str>,
        }
        let resource = self.resource.as_deref();
        let duplicate = self.duplicate_key();
        let body = Body {
            exception: self.exception.name(),
            message: &self.message,
            code: self.code.as_deref(),
            table: duplicate.map(|it| it.table.as_str()),
            index: duplicate.map(|it| it.index.as_str()),
            key: duplicate.and_then(|it| it.key.as_deref()),
            conflict: self.conflict(),
            resource_type: resource.and_then(|it| it.resource_type.as_deref()),
            resource_name: resource.and_then(|it| it.resource_name.as_deref()),
            parameter_name: resource.and_then(|it| it.parameter_name.as_deref()),
        };
        serde_json::to_vec(&body).expect("texts always encode")
    }

    /// Reads an answer whose status is not 200. The exception's name is in the header, else in `__type` of the body, else
    /// in `code`; else the status tells the exception.
    pub fn from_response(
        status: u16,
        error_type: Option<&str>,
        request_id: Option<&str>,
        body: &[u8],
    ) -> ServiceError {
        // A proxy's answer is not JSON, but its status tells something.
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |names: &[&str]| {
            names.iter().find_map(|name| match body.get(name)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
        };
        let exception = error_type
            .and_then(bare_name)
            .or_else(|| text(&["__type"]).as_deref().and_then(bare_name))
            .or_else(|| text(&["code"]).as_deref().and_then(bare_name))
            .unwrap_or_else(|| from_status(status));
        let resource = Resource {
            resource_type: text(&["ResourceType"]),
            resource_name: text(&["ResourceName"]),
            parameter_name: text(&["ParameterName"]),
        };
        let conflict = body.get("Conflict").and_then(|conflict| Conflict::deserialize(conflict).ok());
        let duplicate = text(&["Table"])
            .zip(text(&["Index"]))
            .map(|(table, index)| Subject::DuplicateKey(DuplicateKey { table, index, key: text(&["Key"]) }));
        ServiceError {
            exception,
            message: text(&["Message", "message", "errorMessage"]).unwrap_or_default(),
            code: text(&["Code"]),
            resource: (resource != Resource::default()).then(|| Box::new(resource)),
            request_id: request_id.map(str::to_owned),
            http_status: Some(status),
            subject: conflict.map(Subject::Conflict).or(duplicate).map(Box::new),
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.exception.name())?;
        if let Some(code) = &self.code {
            write!(formatter, " ({code})")?;
        }
        if !self.message.is_empty() {
            write!(formatter, ": {}", self.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ServiceError {}

/// The exception whose name stands between a namespace and an address, which may be absent:
/// `com.amazonaws.qldbsession#BadRequestException:http://…`.
fn bare_name(text: &str) -> Option<Exception> {
    let name = text.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default().trim();
    (!name.is_empty()).then(|| Exception::from_name(name))
}

fn from_status(status: u16) -> Exception {
    match status {
        413 => Exception::RequestEntityTooLarge,
        401 | 403 => Exception::AccessDenied,
        503 => Exception::ServiceUnavailable,
        500..=599 => Exception::InternalFailure,
        _ => Exception::Other(format!("HTTP {status}")),
    }
}
