//! Requests and results of the session API as boto3 has them: dictionaries, with bytes where JSON has base64.

use everstrand::protocol::send_command::{
    Command, IoUsage, Page, PageToken, Reply, SendCommandRequest, SessionToken, TimingInformation,
    ValueHolder,
};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

/// The request in a dictionary; `None` if it is not exactly of the modelled form. Then the caller lets botocore say what is wrong.
pub(crate) fn request_of(dictionary: &Bound<'_, PyDict>) -> Option<SendCommandRequest> {
    let (mut session_token, mut command) = (None, None);
    for (name, value) in dictionary.iter() {
        let name = name.cast_into::<PyString>().ok()?;
        let name = name.to_str().ok()?;
        if name == "SessionToken" {
            session_token = Some(SessionToken::from(text(&value)?));
        } else if command.replace(command_of(name, value.cast::<PyDict>().ok()?)?).is_some() {
            return None;
        }
    }
    Some(SendCommandRequest { session_token, command: command? })
}

fn command_of(name: &str, members: &Bound<'_, PyDict>) -> Option<Command> {
    let get = |name: &str| members.get_item(name).ok().flatten();
    let (command, known) = match name {
        "StartSession" => (Command::StartSession { ledger_name: text(&get("LedgerName")?)? }, 1),
        "StartTransaction" => (Command::StartTransaction, 0),
        "ExecuteStatement" => {
            let parameters = get("Parameters");
            let known = 2 + usize::from(parameters.is_some());
            let parameters = parameters.map_or(Some(Vec::new()), |list| holders(&list))?;
            let transaction_id = text(&get("TransactionId")?)?;
            let statement = text(&get("Statement")?)?;
            (Command::ExecuteStatement { transaction_id, statement, parameters }, known)
        }
        "FetchPage" => {
            let next_page_token = PageToken::from(text(&get("NextPageToken")?)?);
            (Command::FetchPage { transaction_id: text(&get("TransactionId")?)?, next_page_token }, 2)
        }
        "CommitTransaction" => {
            let commit_digest = get("CommitDigest")?.cast::<PyBytes>().ok()?.as_bytes().to_vec();
            (Command::CommitTransaction { transaction_id: text(&get("TransactionId")?)?, commit_digest }, 2)
        }
        "AbortTransaction" => (Command::AbortTransaction, 0),
        "EndSession" => (Command::EndSession, 0),
        _ => return None,
    };
    (members.len() == known).then_some(command)
}

/// A text that is not empty.
fn text(value: &Bound<'_, PyAny>) -> Option<String> {
    let text = value.cast::<PyString>().ok()?.to_str().ok()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn holders(list: &Bound<'_, PyAny>) -> Option<Vec<ValueHolder>> {
    if let Ok(list) = list.cast::<PyList>() {
        return list.iter().map(|holder| holder_of(&holder)).collect();
    }
    list.cast::<PyTuple>().ok()?.iter().map(|holder| holder_of(&holder)).collect()
}

fn holder_of(holder: &Bound<'_, PyAny>) -> Option<ValueHolder> {
    let holder = holder.cast::<PyDict>().ok()?;
    if holder.len() != 1 {
        return None;
    }
    if let Some(binary) = holder.get_item(intern!(holder.py(), "IonBinary")).ok()? {
        let bytes = binary.cast::<PyBytes>().ok()?.as_bytes();
        return (!bytes.is_empty()).then(|| ValueHolder::IonBinary(bytes.to_vec()));
    }
    text(&holder.get_item(intern!(holder.py(), "IonText")).ok()??).map(ValueHolder::IonText)
}

/// A reply as boto3 returns it.
pub(crate) fn reply_to_python<'py>(
    py: Python<'py>,
    reply: &Reply,
    request_id: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let result = PyDict::new(py);
    let timing = match reply {
        Reply::StartSession(part) => {
            result.set_item(intern!(py, "SessionToken"), part.session_token.as_str())?;
            &part.timing_information
        }
        Reply::StartTransaction(part) => {
            result.set_item(intern!(py, "TransactionId"), &part.transaction_id)?;
            &part.timing_information
        }
        Reply::ExecuteStatement(part) => {
            result.set_item(intern!(py, "FirstPage"), page(py, &part.first_page)?)?;
            set_usage(&result, &part.consumed_ios)?;
            &part.timing_information
        }
        Reply::FetchPage(part) => {
            result.set_item(intern!(py, "Page"), page(py, &part.page)?)?;
            set_usage(&result, &part.consumed_ios)?;
            &part.timing_information
        }
        Reply::CommitTransaction(part) => {
            result.set_item(intern!(py, "TransactionId"), &part.transaction_id)?;
            result.set_item(intern!(py, "CommitDigest"), PyBytes::new(py, &part.commit_digest))?;
            set_usage(&result, &part.consumed_ios)?;
            &part.timing_information
        }
        Reply::AbortTransaction(part) => &part.timing_information,
        Reply::EndSession(part) => &part.timing_information,
    };
    if let Some(TimingInformation { processing_time_milliseconds, .. }) = timing {
        let millis = PyDict::new(py);
        millis.set_item(intern!(py, "ProcessingTimeMilliseconds"), processing_time_milliseconds)?;
        result.set_item(intern!(py, "TimingInformation"), millis)?;
    }
    let headers = PyDict::new(py);
    headers.set_item(intern!(py, "x-amzn-requestid"), request_id)?;
    headers.set_item(intern!(py, "content-type"), intern!(py, "application/x-amz-json-1.0"))?;
    let metadata = PyDict::new(py);
    metadata.set_item(intern!(py, "RequestId"), request_id)?;
    metadata.set_item(intern!(py, "HTTPStatusCode"), 200)?;
    metadata.set_item(intern!(py, "HTTPHeaders"), headers)?;
    metadata.set_item(intern!(py, "RetryAttempts"), 0)?;
    let answer = PyDict::new(py);
    answer.set_item(reply.name(), result)?;
    answer.set_item(intern!(py, "ResponseMetadata"), metadata)?;
    Ok(answer)
}

fn page<'py>(py: Python<'py>, page: &Page) -> PyResult<Bound<'py, PyDict>> {
    let values = PyList::empty(py);
    for value in &page.values {
        let holder = PyDict::new(py);
        match value {
            ValueHolder::IonBinary(bytes) => {
                holder.set_item(intern!(py, "IonBinary"), PyBytes::new(py, bytes))?
            }
            ValueHolder::IonText(text) => holder.set_item(intern!(py, "IonText"), text)?,
        }
        values.append(holder)?;
    }
    let dictionary = PyDict::new(py);
    dictionary.set_item(intern!(py, "Values"), values)?;
    if let Some(token) = &page.next_page_token {
        dictionary.set_item(intern!(py, "NextPageToken"), token.as_str())?;
    }
    Ok(dictionary)
}

fn set_usage(result: &Bound<'_, PyDict>, usage: &Option<IoUsage>) -> PyResult<()> {
    let py = result.py();
    let Some(usage) = usage else { return Ok(()) };
    let numbers = PyDict::new(py);
    numbers.set_item(intern!(py, "ReadIOs"), usage.read_ios)?;
    numbers.set_item(intern!(py, "WriteIOs"), usage.write_ios)?;
    result.set_item(intern!(py, "ConsumedIOs"), numbers)
}
