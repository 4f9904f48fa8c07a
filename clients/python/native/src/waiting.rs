//! A Python thread that waits for the engine.

use std::sync::{Arc, Mutex, PoisonError};

use everstrand::Service;
use everstrand::protocol::{Reply, SendCommandRequest, ServiceError};
use everstrand::server::Presence;
use pyo3::prelude::*;

/// Tells the engine whether the thread still waits. A signal, such as that of Ctrl-C, ends the wait.
#[derive(Default)]
struct Waiting(Mutex<Option<PyErr>>);

impl Presence for Waiting {
    fn is_gone(&self) -> bool {
        let mut raised = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if raised.is_none() {
            *raised = Python::attach(|py| py.check_signals()).err();
        }
        raised.is_some()
    }
}

/// Runs a command on this thread, with the interpreter's lock released. The outer error is what a signal's handler raised.
pub(crate) fn send(
    py: Python<'_>,
    service: &Service,
    request: SendCommandRequest,
) -> PyResult<Result<Reply, ServiceError>> {
    let waiting = Arc::new(Waiting::default());
    let presence = Arc::clone(&waiting) as Arc<dyn Presence>;
    let answer = py.detach(|| pollster::block_on(service.send_command_here(request, presence)));
    match waiting.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(raised) => Err(raised),
        None => Ok(answer),
    }
}
