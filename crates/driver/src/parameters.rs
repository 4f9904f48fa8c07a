//! Values for the `?` of a statement.

use everstrand_ion::{Data, Document, Int, Value};

/// One value for a `?`.
pub trait Parameter {
    /// The value, encoded.
    fn into_document(self) -> Document;
}

/// The values for a statement: `()` for none, one value alone, a tuple, an array, a slice or a vector.
pub trait Parameters {
    /// The values, encoded, in order.
    fn into_documents(self) -> Vec<Document>;
}

impl Parameter for Document {
    fn into_document(self) -> Document {
        self
    }
}

impl Parameter for Value {
    fn into_document(self) -> Document {
        Document::from(&self)
    }
}

impl Parameter for String {
    fn into_document(self) -> Document {
        Value::new(Data::String(self)).into_document()
    }
}

impl Parameter for &str {
    fn into_document(self) -> Document {
        self.to_owned().into_document()
    }
}

impl Parameter for bool {
    fn into_document(self) -> Document {
        Value::new(Data::Bool(self)).into_document()
    }
}

impl Parameter for f64 {
    fn into_document(self) -> Document {
        Value::new(Data::Float(self)).into_document()
    }
}

/// `None` is NULL.
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

macro_rules! ints {
    ($($int:ty),+) => {
        $(impl Parameter for $int {
            fn into_document(self) -> Document {
                Value::new(Data::Int(Int::from(self))).into_document()
            }
        }
        single!($int);)+
    };
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

ints!(i32, i64, u32, u64);
single!(Document, Value, String, &str, bool, f64, &Document, &Value, &String);

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
