//! JSON as policies are written in: a member may not occur twice, because readers differ in which of two they take.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value. Members are in the order of the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object: Vec<(String, Json)> = Vec::new();
        while let Some((name, value)) = members.next_entry::<String, Json>()? {
            if object.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format!("the member {name:?} occurs twice")));
            }
            object.push((name, value));
        }
        Ok(Json::Object(object))
    }
}

impl Json {
    /// The members of an object.
    pub(crate) fn members(&self, what: &str) -> Result<&[(String, Json)], String> {
        match self {
            Json::Object(members) => Ok(members),
            _ => Err(format!("{what} is not an object")),
        }
    }

    /// A text.
    pub(crate) fn text(&self, what: &str) -> Result<&str, String> {
        match self {
            Json::Text(text) => Ok(text),
            _ => Err(format!("{what} is not a text")),
        }
    }

    /// The texts of a list that is not empty, or a text alone. A truth value counts as its name where `truths` allows it.
    pub(crate) fn texts(&self, what: &str, truths: bool) -> Result<Vec<&str>, String> {
        let text = |value| match value {
            &Json::Bool(true) if truths => Ok("true"),
            &Json::Bool(false) if truths => Ok("false"),
            Json::Text(text) => Ok(text.as_str()),
            _ => Err(format!("{what} is neither a text nor a list of texts")),
        };
        match self {
            Json::List(values) if values.is_empty() => Err(format!("{what} is empty")),
            Json::List(values) => values.iter().map(text).collect(),
            value => Ok(vec![text(value)?]),
        }
    }
}
