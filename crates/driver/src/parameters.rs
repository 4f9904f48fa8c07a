//! The values for each `?` of a statement.

use everstrand_ion::serde::to_document;
use everstrand_ion::{Document, Value};
use serde::Serialize;

use crate::error::Error;

/// Values of any types that serde can serialize, for each `?` of a statement: a `Result` of [`Parameters`]. The error names the
/// number of the value and the field that has no form in Ion.
///
/// ```
/// use everstrand_driver::params;
///
/// let tags = vec!["new", "blue"];
/// let parameters = params!["Ann", 7, tags]?;
/// assert_eq!(parameters[2].to_string(), r#"["new","blue"]"#);
/// # Ok::<(), everstrand_driver::Error>(())
/// ```
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        $crate::parameters::ParameterList::new()$(.with(&$value))*.finish()
    };
}

/// Collects values for [`params!`](crate::params), or for a number of `?` that the program decides.
#[derive(Debug, Default)]
pub struct ParameterList {
    documents: Vec<Document>,
    /// The first error.
    error: Option<Error>,
}

impl ParameterList {
    /// No values.
    pub fn new() -> ParameterList {
        ParameterList::default()
    }

    /// Adds a value.
    #[must_use]
    pub fn with<P: Serialize + ?Sized>(mut self, value: &P) -> ParameterList {
        match to_document(value) {
            Ok(document) => self.documents.push(document),
            Err(error) if self.error.is_none() => {
                self.error = Some(Error::of_parameter(self.documents.len() + 1, &error));
            }
            Err(_) => {}
        }
        self
    }

    /// The values, in order; or the error of the first one that has no form in Ion.
    pub fn finish(self) -> Result<Vec<Document>, Error> {
        self.error.map_or(Ok(self.documents), Err)
    }
}

/// A value for one `?`.
pub trait Parameter {
    /// The value as a document.
    fn into_document(self) -> Document;
}

/// The values for a statement: `()` for none, one value, a tuple, an array, a slice or a vector.
///
/// ```
/// use everstrand_driver::Parameters;
///
/// assert_eq!(().into_documents().len(), 0);
/// assert_eq!("Ann".into_documents()[0].to_string(), "\"Ann\"");
/// assert_eq!(("Ann", 7, None::<i64>).into_documents().len(), 3);
/// ```
pub trait Parameters {
    /// The values as documents, in order.
    fn into_documents(self) -> Vec<Document>;
}

impl Parameter for Document {
    fn into_document(self) -> Document {
        self
    }
}

/// `None` is the value null.
impl<P: Parameter> Parameter for Option<P> {
    fn into_document(self) -> Document {
        self.map_or_else(|| Value::null().into_document(), P::into_document)
    }
}

impl<P: Parameter + Clone> Parameter for &P {
    fn into_document(self) -> Document {
        self.clone().into_document()
    }
}

macro_rules! single {
    ($($type:ty),+) => {
        $(impl Parameters for $type {
            fn into_documents(self) -> Vec<Document> {
                vec![self.into_document()]
            }
        })+
    };
}

macro_rules! values {
    ($($type:ty),+) => {
        $(impl Parameter for $type {
            fn into_document(self) -> Document {
                Document::from(Value::from(self))
            }
        })+
        single!($($type),+);
    };
}

values!(Value, String, &str, bool, f64, i32, i64, u32, u64);
single!(Document, &Document, &Value, &String);

impl<P: Parameter> Parameters for Option<P> {
    fn into_documents(self) -> Vec<Document> {
        vec![self.into_document()]
    }
}

impl Parameters for () {
    fn into_documents(self) -> Vec<Document> {
        Vec::new()
    }
}

impl<P: Parameter> Parameters for Vec<P> {
    fn into_documents(self) -> Vec<Document> {
        self.into_iter().map(P::into_document).collect()
    }
}

impl<P: Parameter, const N: usize> Parameters for [P; N] {
    fn into_documents(self) -> Vec<Document> {
        self.into_iter().map(P::into_document).collect()
    }
}

impl<P: Parameter + Clone> Parameters for &[P] {
    fn into_documents(self) -> Vec<Document> {
        self.iter().cloned().map(P::into_document).collect()
    }
}

impl<P: Parameter + Clone> Parameters for &Vec<P> {
    fn into_documents(self) -> Vec<Document> {
        self.as_slice().into_documents()
    }
}

macro_rules! tuples {
    ($($($name:ident)+;)+) => {
        $(impl<$($name: Parameter),+> Parameters for ($($name,)+) {
            fn into_documents(self) -> Vec<Document> {
                #[expect(non_snake_case, reason = "the type parameters name the elements")]
                let ($($name,)+) = self;
                vec![$($name.into_document()),+]
            }
        })+
    };
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_null_and_takes_its_place() {
        let ion = |parameters: Vec<Document>| -> Vec<Value> {
            parameters.iter().map(|parameter| parameter.root().to_value()).collect()
        };
        assert_eq!(ion((Some("Ann"), None::<i64>).into_documents()), [Value::from("Ann"), Value::null()]);
        assert_eq!(ion(None::<&str>.into_documents()), [Value::null()]);
        assert_eq!(ion(().into_documents()), []);
    }
}
