//! The class `Transaction`: statements with Python values, committed together or not at all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand::Service;
use everstrand::ion::Document;
use everstrand::journal::{CommitDigest, statement_digest};
use everstrand::protocol::send_command::{
    Command, Page, Reply, SendCommandRequest, SessionToken, ValueHolder,
};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::service::raised;
use crate::{values, waiting};

/// An open transaction in a session of its own.
#[pyclass(frozen, module = "everstrand._native")]
pub(crate) struct Transaction {
    service: Arc<Service>,
    token: SessionToken,
    id: String,
    /// What the statements so far add up to; `None` once the transaction is over.
    digest: Mutex<Option<CommitDigest>>,
}

impl Transaction {
    pub(crate) fn start(py: Python<'_>, service: &Arc<Service>, ledger_name: &str) -> PyResult<Transaction> {
        let command = Command::StartSession { ledger_name: ledger_name.to_owned() };
        let Reply::StartSession(session) = send(py, service, None, command)? else {
            return Err(unexpected());
        };
        let token = session.session_token;
        let Reply::StartTransaction(started) = send(py, service, Some(&token), Command::StartTransaction)?
        else {
            return Err(unexpected());
        };
        let digest = Mutex::new(Some(CommitDigest::from_text(&started.transaction_id)));
        Ok(Transaction { service: Arc::clone(service), token, id: started.transaction_id, digest })
    }

    fn send(&self, py: Python<'_>, command: Command) -> PyResult<Reply> {
        send(py, &self.service, Some(&self.token), command)
    }

    fn digest(&self) -> MutexGuard<'_, Option<CommitDigest>> {
        self.digest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Transaction {
    /// The id of the transaction.
    #[getter]
    fn id(&self) -> &str {
        &self.id
    }

    /// Runs a statement with a value for each `?`. Answers all rows: as Python values, or each as bytes of binary Ion.
    #[pyo3(signature = (statement, parameters, *, as_ion=false))]
    fn execute<'py>(
        &self,
        py: Python<'py>,
        statement: &str,
        parameters: &Bound<'py, PyTuple>,
        as_ion: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        let parameters: Vec<Document> =
            parameters.iter().map(|value| values::document_of(&value)).collect::<PyResult<_>>()?;
        match self.digest().as_mut() {
            Some(digest) => digest.add(statement_digest(statement, &parameters)),
            None => return Err(PyRuntimeError::new_err("the transaction is over")),
        }
        let holders = parameters.iter().map(|value| ValueHolder::IonBinary(value.as_bytes().to_vec()));
        let command = Command::ExecuteStatement {
            transaction_id: self.id.clone(),
            statement: statement.to_owned(),
            parameters: holders.collect(),
        };
        let Reply::ExecuteStatement(result) = self.send(py, command)? else { return Err(unexpected()) };
        let rows = PyList::empty(py);
        add_rows(&rows, &result.first_page, as_ion)?;
        let mut next = result.first_page.next_page_token;
        while let Some(next_page_token) = next {
            let command = Command::FetchPage { transaction_id: self.id.clone(), next_page_token };
            let Reply::FetchPage(result) = self.send(py, command)? else { return Err(unexpected()) };
            add_rows(&rows, &result.page, as_ion)?;
            next = result.page.next_page_token;
        }
        Ok(rows)
    }

    /// Commits the transaction. When this returns, its block is durable.
    fn commit(&self, py: Python<'_>) -> PyResult<()> {
        let Some(digest) = self.digest().take() else {
            return Err(PyRuntimeError::new_err("the transaction is over"));
        };
        let commit_digest = digest.value().as_bytes().to_vec();
        let command = Command::CommitTransaction { transaction_id: self.id.clone(), commit_digest };
        let committed = self.send(py, command);
        self.send(py, Command::EndSession).and(committed).map(drop)
    }

    /// Rolls the transaction back, unless it is over.
    fn abort(&self, py: Python<'_>) -> PyResult<()> {
        if self.digest().take().is_some() {
            self.send(py, Command::EndSession)?;
        }
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.digest().take().is_some() {
            let request =
                SendCommandRequest { session_token: Some(self.token.clone()), command: Command::EndSession };
            // Nobody waits for this answer. Ending a session waits for nothing either.
            let _ = pollster::block_on(self.service.send_command(request));
        }
    }
}

fn send(
    py: Python<'_>,
    service: &Service,
    token: Option<&SessionToken>,
    command: Command,
) -> PyResult<Reply> {
    let request = SendCommandRequest { session_token: token.cloned(), command };
    waiting::send(py, service, request)?.map_err(|error| raised(py, &error))
}

fn add_rows(rows: &Bound<'_, PyList>, page: &Page, as_ion: bool) -> PyResult<()> {
    let py = rows.py();
    for holder in &page.values {
        let ValueHolder::IonBinary(bytes) = holder else { return Err(unexpected()) };
        if as_ion {
            rows.append(PyBytes::new(py, bytes))?;
        } else {
            let row =
                Document::from_binary(bytes).map_err(|error| PyValueError::new_err(error.to_string()))?;
            rows.append(values::to_python(py, &row.to_value())?)?;
        }
    }
    Ok(())
}

fn unexpected() -> PyErr {
    PyRuntimeError::new_err("the engine answered another command")
}
