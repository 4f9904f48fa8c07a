//! Reads and writes requests.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Command, Limits, PageToken, SendCommandRequest, SessionToken, ValueHolder};
use crate::error::ServiceError;
use crate::wire::{self, Blob, Object};

/// The most parameters of a statement. QLDB allowed a statement 100,000 characters, and each parameter needs a `?`.
/// The limit is checked while the parameters are read, because each takes far more bytes in memory than on the wire.
const PARAMETERS_MAX: usize = 100_000;

impl SendCommandRequest {
    /// Reads and checks a request, with QLDB's limits. See [`SendCommandRequest::from_json_within`].
    pub fn from_json(body: &[u8]) -> Result<SendCommandRequest, ServiceError> {
        SendCommandRequest::from_json_within(body, &Limits::default())
    }

    /// Reads and checks a request, with these limits. Unknown members are ignored, but their texts must be Unicode too.
    ///
    /// A body that is not JSON, or has another structure, is a `SerializationException`. A request that breaks a rule is a
    /// `BadRequestException`, which names the parameter.
    pub fn from_json_within(body: &[u8], limits: &Limits) -> Result<SendCommandRequest, ServiceError> {
        let Object(body): Object<Body> = wire::from_json(body)?;
        let request = body.into_request()?;
        request.validate(limits)?;
        Ok(request)
    }

    /// The request in JSON: the token first, and without blanks.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and blobs always encode")
    }
}

/// The body of a request. In QLDB's model each command is an optional member of it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    session_token: Option<SessionToken>,
    start_session: Option<Object<StartSession>>,
    start_transaction: Option<Object<Empty>>,
    execute_statement: Option<Object<ExecuteStatement>>,
    fetch_page: Option<Object<FetchPage>>,
    commit_transaction: Option<Object<CommitTransaction>>,
    abort_transaction: Option<Object<Empty>>,
    end_session: Option<Object<Empty>>,
}

#[derive(Serialize, Deserialize)]
struct Empty {}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StartSession {
    ledger_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ExecuteStatement {
    transaction_id: Option<String>,
    statement: Option<String>,
    #[serde(default, deserialize_with = "parameters")]
    parameters: Vec<Option<Object<Holder>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FetchPage {
    transaction_id: Option<String>,
    next_page_token: Option<PageToken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CommitTransaction {
    transaction_id: Option<String>,
    commit_digest: Option<Blob>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Holder {
    ion_binary: Option<Blob>,
    ion_text: Option<String>,
}

impl Body {
    fn into_request(self) -> Result<SendCommandRequest, ServiceError> {
        let mut commands = Vec::with_capacity(1);
        if let Some(Object(start)) = self.start_session {
            let ledger_name = required("LedgerName", start.ledger_name)?;
            commands.push(Command::StartSession { ledger_name });
        }
        if self.start_transaction.is_some() {
            commands.push(Command::StartTransaction);
        }
        if let Some(Object(execute)) = self.execute_statement {
            commands.push(execute.into_command()?);
        }
        if let Some(Object(fetch)) = self.fetch_page {
            commands.push(Command::FetchPage {
                transaction_id: required("TransactionId", fetch.transaction_id)?,
                next_page_token: required("NextPageToken", fetch.next_page_token)?,
            });
        }
        if let Some(Object(commit)) = self.commit_transaction {
            commands.push(Command::CommitTransaction {
                transaction_id: required("TransactionId", commit.transaction_id)?,
                commit_digest: required("CommitDigest", commit.commit_digest)?.0,
            });
        }
        if self.abort_transaction.is_some() {
            commands.push(Command::AbortTransaction);
        }
        if self.end_session.is_some() {
            commands.push(Command::EndSession);
        }
        let count = commands.len();
        match (commands.pop(), count) {
            (Some(command), 1) => Ok(SendCommandRequest { session_token: self.session_token, command }),
            _ => Err(ServiceError::bad_request(format!(
                "A request must hold exactly one command, this one holds {count}; send one of StartSession, \
                 StartTransaction, ExecuteStatement, FetchPage, CommitTransaction, AbortTransaction, EndSession"
            ))),
        }
    }
}

impl ExecuteStatement {
    fn into_command(self) -> Result<Command, ServiceError> {
        let parameters = self.parameters.into_iter().enumerate().map(|(index, holder)| {
            match holder.map(|Object(it)| (it.ion_binary, it.ion_text)) {
                Some((Some(Blob(bytes)), None)) => Ok(ValueHolder::IonBinary(bytes)),
                Some((None, Some(text))) => Ok(ValueHolder::IonText(text)),
                _ => Err(ServiceError::bad_request(format!(
                    "The parameter Parameters[{index}] is not valid: it must hold either IonBinary or IonText"
                ))),
            }
        });
        Ok(Command::ExecuteStatement {
            transaction_id: required("TransactionId", self.transaction_id)?,
            statement: required("Statement", self.statement)?,
            parameters: parameters.collect::<Result<_, _>>()?,
        })
    }
}

fn parameters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Option<Object<Holder>>>, D::Error> {
    struct List;
    impl<'de> Visitor<'de> for List {
        type Value = Vec<Option<Object<Holder>>>;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "a list of at most {PARAMETERS_MAX} parameters")
        }
        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut parameters = Vec::new();
            while let Some(parameter) = list.next_element()? {
                if parameters.len() == PARAMETERS_MAX {
                    return Err(de::Error::invalid_length(PARAMETERS_MAX + 1, &self));
                }
                parameters.push(parameter);
            }
            Ok(parameters)
        }
    }
    deserializer.deserialize_any(List)
}

fn required<T>(name: &str, value: Option<T>) -> Result<T, ServiceError> {
    value
        .ok_or_else(|| ServiceError::bad_request(format!("The parameter {name} is not valid: it is missing")))
}

impl Serialize for SendCommandRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        if let Some(token) = &self.session_token {
            members.serialize_entry("SessionToken", token)?;
        }
        match &self.command {
            Command::StartTransaction | Command::AbortTransaction | Command::EndSession => {
                members.serialize_entry(self.command.name(), &Empty {})?;
            }
            command => members.serialize_entry(command.name(), &Members(command))?,
        }
        members.end()
    }
}

/// The members of a command, in the order of QLDB's model.
struct Members<'a>(&'a Command);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        match self.0 {
            Command::StartSession { ledger_name } => members.serialize_entry("LedgerName", ledger_name)?,
            Command::ExecuteStatement { transaction_id, statement, parameters } => {
                members.serialize_entry("TransactionId", transaction_id)?;
                members.serialize_entry("Statement", statement)?;
                members.serialize_entry("Parameters", parameters)?;
            }
            Command::FetchPage { transaction_id, next_page_token } => {
                members.serialize_entry("TransactionId", transaction_id)?;
                members.serialize_entry("NextPageToken", next_page_token)?;
            }
            Command::CommitTransaction { transaction_id, commit_digest } => {
                members.serialize_entry("TransactionId", transaction_id)?;
                members.serialize_entry("CommitDigest", &BlobRef(commit_digest))?;
            }
            Command::StartTransaction | Command::AbortTransaction | Command::EndSession => {}
        }
        members.end()
    }
}

struct BlobRef<'a>(&'a [u8]);

impl Serialize for BlobRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        wire::blob::serialize(self.0, serializer)
    }
}

impl Serialize for ValueHolder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(1))?;
        match self {
            ValueHolder::IonBinary(bytes) => members.serialize_entry("IonBinary", &BlobRef(bytes))?,
            ValueHolder::IonText(text) => members.serialize_entry("IonText", text)?,
        }
        members.end()
    }
}

impl<'de> Deserialize<'de> for ValueHolder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ValueHolder, D::Error> {
        let Object(holder) = Object::<Holder>::deserialize(deserializer)?;
        match (holder.ion_binary, holder.ion_text) {
            // If a service sends both, both are the same value.
            (Some(Blob(bytes)), _) => Ok(ValueHolder::IonBinary(bytes)),
            (None, Some(text)) => Ok(ValueHolder::IonText(text)),
            (None, None) => Err(de::Error::custom("a value must have IonBinary or IonText")),
        }
    }
}
