//! Reads the members of a request's body one by one, so that an error can name the member that is wrong.

use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::{Exception, ServiceError};
use crate::wire;

/// The body of a request.
pub(super) struct Members(Map<String, Value>);

impl Members {
    /// Reads a body. An empty body has no members.
    pub(super) fn from_json(body: &[u8]) -> Result<Members, ServiceError> {
        if body.is_empty() {
            return Ok(Members(Map::new()));
        }
        wire::from_json(body).map(Members)
    }

    /// Takes a member that must be there.
    pub(super) fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, ServiceError> {
        self.optional(name)?.ok_or_else(|| invalid(name, "it is missing"))
    }

    /// Takes a member that may be absent or null.
    pub(super) fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, ServiceError> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                serde_json::from_value(value).map(Some).map_err(|error| invalid(name, &error.to_string()))
            }
        }
    }
}

/// An `InvalidParameterException` that names the parameter.
pub(super) fn invalid(parameter: &str, why: &str) -> ServiceError {
    let message = format!("The parameter {parameter} is not valid: {why}");
    ServiceError::new(Exception::InvalidParameter, message).with_parameter(parameter)
}

/// A time in milliseconds since 1970-01-01T00:00Z. On the wire it is a number of seconds with a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EpochMillis(pub i64);

impl Serialize for EpochMillis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 1000 == 0 {
            return serializer.serialize_i64(self.0 / 1000);
        }
        // Up to 2^53 milliseconds (the year 287396) the quotient prints its three digits exactly.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        serializer.serialize_f64(self.0 as f64 / 1000.0)
    }
}

impl<'de> Deserialize<'de> for EpochMillis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<EpochMillis, D::Error> {
        let millis = (f64::deserialize(deserializer)? * 1000.0).round();
        if !(-9.0e15..=9.0e15).contains(&millis) {
            return Err(de::Error::custom("a time out of range, expected seconds since 1970"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "rounded and in range")]
        Ok(EpochMillis(millis as i64))
    }
}

/// An enum whose variants have names on the wire.
macro_rules! names {
    ($(#[doc = $doc:literal])+ $enum:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $enum {
            $(
                #[doc = concat!("`", $name, "` on the wire.")]
                #[serde(rename = $name)]
                $variant,
            )+
        }

        impl $enum {
            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $($enum::$variant => $name,)+ }
            }
        }
    };
}
pub(super) use names;
