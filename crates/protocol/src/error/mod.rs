//! The exceptions of both APIs: name, HTTP status, body, and how a client finds the name again.
//!
//! Official clients disagree about where an exception's name stands. botocore reads only the body's
//! `__type`; the JavaScript and Java clients prefer the header `x-amzn-ErrorType`, and without it the JavaScript
//! client mistakes QLDB's own member `Code` for the name. So an answer carries both, and `Code` only as text.
//!
//! Go's clients are another matter: those that QLDB's users had took `Code` for the name, and programs compare with
//! it (`412`: the table is there already). The last of them prefers the header where there is one. So it is left out
//! of answers with a `Code` to clients of that name; [`ServiceError::header`] decides.

#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// The header that names the exception.
pub const ERROR_TYPE_HEADER: &str = "x-amzn-ErrorType";
/// The header that every answer carries; clients take the one of StartSession as the session's id.
pub const REQUEST_ID_HEADER: &str = "x-amzn-RequestId";

macro_rules! exceptions {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $status:literal;)+) => {
        /// What went wrong, by the name that stands on the wire.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Exception {
            $($(#[doc = $doc])+ $variant,)+
            /// A name that this crate does not know, as a client met it.
            Other(String),
        }

        impl Exception {
            /// All exceptions that have a name here.
            pub const KNOWN: &[Exception] = &[$(Exception::$variant),+];

            /// The name on the wire.
            pub fn name(&self) -> &str {
                match self {
                    $(Exception::$variant => $name,)+
                    Exception::Other(name) => name,
                }
            }

            /// The exception of this name.
            pub fn from_name(name: &str) -> Exception {
                match name {
                    $($name => Exception::$variant,)+
                    _ => Exception::Other(name.to_owned()),
                }
            }

            /// The HTTP status that goes with it unless the answer says otherwise.
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
    /// The request or the statement is wrong; sending it again will not help.
    BadRequest = "BadRequestException", 400;
    /// The session is unknown, ended or expired, or its transaction has expired.
    InvalidSession = "InvalidSessionException", 400;
    /// Another transaction changed what this one has read.
    OccConflict = "OccConflictException", 400;
    /// Too many requests in a short time.
    RateExceeded = "RateExceededException", 400;
    /// A quota is used up: sessions of a ledger, ledgers of an account.
    LimitExceeded = "LimitExceededException", 400;
    /// The service has no room at the moment.
    CapacityExceeded = "CapacityExceededException", 503;
    /// The service failed.
    InternalFailure = "InternalFailure", 500;
    /// The service, or the ledger, cannot answer at the moment.
    ServiceUnavailable = "ServiceUnavailable", 503;
    /// Control API: a parameter is wrong.
    InvalidParameter = "InvalidParameterException", 400;
    /// Control API: no ledger, export or stream of this name.
    ResourceNotFound = "ResourceNotFoundException", 404;
    /// Control API: the name is taken.
    ResourceAlreadyExists = "ResourceAlreadyExistsException", 409;
    /// Control API: the ledger is being created or deleted.
    ResourceInUse = "ResourceInUseException", 409;
    /// Control API: the ledger is in a state that forbids the operation.
    ResourcePreconditionNotMet = "ResourcePreconditionNotMetException", 412;
    /// The body is no JSON, or JSON of another shape.
    Serialization = "SerializationException", 400;
    /// No operation stands behind this target or path.
    UnknownOperation = "UnknownOperationException", 400;
    /// A value breaks a rule of the model.
    Validation = "ValidationException", 400;
    /// The caller may not do this.
    AccessDenied = "AccessDeniedException", 403;
    /// No signature where one is needed.
    MissingAuthenticationToken = "MissingAuthenticationTokenException", 403;
    /// A signature that lacks a part.
    IncompleteSignature = "IncompleteSignatureException", 403;
    /// The access key or the session token is not known.
    UnrecognizedClient = "UnrecognizedClientException", 403;
    /// The signature does not match, or its time is off.
    InvalidSignature = "InvalidSignatureException", 403;
    /// Temporary credentials that have expired.
    ExpiredToken = "ExpiredTokenException", 403;
    /// The body is larger than the service takes.
    RequestEntityTooLarge = "RequestEntityTooLargeException", 413;
}

/// An exception on its way: what the service answers, what the client gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// Which exception.
    pub exception: Exception,
    /// What happened, where, and what to do.
    pub message: String,
    /// QLDB's number of the error, such as `412` for a table that exists; a text by its nature.
    pub code: Option<String>,
    /// What the control API adds.
    pub resource: Option<Box<Resource>>,
    /// The request that failed, where a response told it.
    pub request_id: Option<String>,
    http_status: Option<u16>,
}

/// The members that exceptions of the control API carry besides the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// `ledger`, `table`, …
    pub resource_type: Option<String>,
    /// The name or id that was asked for.
    pub resource_name: Option<String>,
    /// The parameter that is wrong.
    pub parameter_name: Option<String>,
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
        }
    }

    /// A `BadRequestException`.
    pub fn bad_request(message: impl Into<String>) -> ServiceError {
        ServiceError::new(Exception::BadRequest, message)
    }

    /// Adds QLDB's number of the error.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> ServiceError {
        self.code = Some(code.into());
        self
    }

    /// Names the resource of a control operation.
    #[must_use]
    pub fn with_resource(mut self, kind: impl Into<String>, name: impl Into<String>) -> ServiceError {
        let resource = self.resource.get_or_insert_default();
        resource.resource_type = Some(kind.into());
        resource.resource_name = Some(name.into());
        self
    }

    /// Names the wrong parameter of a control operation.
    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>) -> ServiceError {
        self.resource.get_or_insert_default().parameter_name = Some(name.into());
        self
    }

    /// Answers with another status than the exception's own: throttling as 503, for example, which
    /// the official drivers retry.
    #[must_use]
    pub fn with_http_status(mut self, status: u16) -> ServiceError {
        self.http_status = Some(status);
        self
    }

    /// The HTTP status of the answer.
    pub fn http_status(&self) -> u16 {
        self.http_status.unwrap_or_else(|| self.exception.http_status())
    }

    /// The value of [`ERROR_TYPE_HEADER`] for a client that names itself `user_agent`; `None` where the header is to
    /// be left out.
    pub fn header(&self, user_agent: &str) -> Option<&str> {
        let takes_the_code = self.code.is_some() && user_agent.contains("aws-sdk-go-v2");
        (!takes_the_code).then(|| self.exception.name())
    }

    /// The body of the answer.
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
            resource_type: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            resource_name: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            parameter_name: Option<&'a str>,
        }
        let resource = self.resource.as_deref();
        let body = Body {
            exception: self.exception.name(),
            message: &self.message,
            code: self.code.as_deref(),
            resource_type: resource.and_then(|it| it.resource_type.as_deref()),
            resource_name: resource.and_then(|it| it.resource_name.as_deref()),
            parameter_name: resource.and_then(|it| it.parameter_name.as_deref()),
        };
        serde_json::to_vec(&body).expect("texts always encode")
    }

    /// What a client makes of an answer whose status is not 200: the header names the exception, else
    /// the body's `__type`, else its `code`, else the status.
    pub fn from_response(
        status: u16,
        error_type: Option<&str>,
        request_id: Option<&str>,
        body: &[u8],
    ) -> ServiceError {
        // A proxy's page is no JSON; its status still says something.
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
        ServiceError {
            exception,
            message: text(&["Message", "message", "errorMessage"]).unwrap_or_default(),
            code: text(&["Code"]),
            resource: (resource != Resource::default()).then(|| Box::new(resource)),
            request_id: request_id.map(str::to_owned),
            http_status: Some(status),
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

/// The name without a namespace before it and without an address behind it:
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
