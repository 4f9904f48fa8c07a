//! The engine in the process of a Python interpreter.
//!
//! [`service::Service`] answers the session API with dictionaries, as boto3 has them, and any request as HTTP parts.
//! [`transaction::Transaction`] runs statements with Python values. While the engine works, the interpreter's lock is released, and a
//! statement runs on the thread that asked for it.

mod command;
mod service;
mod transaction;
mod values;
mod waiting;

/// The native part of the package `everstrand`.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use super::service::{Endpoint, Service, verify};
    #[pymodule_export]
    use super::transaction::Transaction;
    #[pymodule_export]
    use super::values::encode;
}
