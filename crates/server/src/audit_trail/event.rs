//! An event as a line of JSON. Its fields are those of AWS CloudTrail's records
//! (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>).

use everstrand_ion::Timestamp;
use everstrand_journal::UniqueId;
use everstrand_policy::Place;
use everstrand_protocol::ServiceError;
use everstrand_protocol::control::ControlRequest;
use everstrand_protocol::identity::IdentityRequest;
use serde_json::{Map, Value, json};

use crate::client::{Caller, Client};
use crate::own_ledgers::AUDIT_LEDGER;

/// The version of the records' form.
const VERSION: &str = "1.11";
/// The longest that a line repeats of the header `User-Agent`, in characters.
const USER_AGENT_CHARACTERS_MAX: usize = 256;

/// The request that an event is about.
pub(crate) struct Asked<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) user_agent: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) unix_millis: i64,
}

/// What somebody asked for, and later what became of it.
#[derive(Clone)]
pub(crate) struct Event {
    record: Map<String, Value>,
    /// Whether the operation changes a ledger or its settings.
    pub(crate) changes: bool,
    /// Whether it is about the ledger of audit trails.
    pub(crate) is_of_trail: bool,
}

impl Event {
    /// An operation of the control API.
    pub(crate) fn control(place: &Place, asked: &Asked<'_>, operation: &ControlRequest) -> Event {
        let (ledger, parameters) = parameters(operation);
        let name = operation.name();
        let changes = !["Get", "List", "Describe"].iter().any(|reading| name.starts_with(reading));
        Event::new(place, asked, name, Value::Object(parameters), ledger.as_deref(), changes, true)
    }

    /// A command of the session API. `ledger` is known unless the token is not genuine.
    pub(crate) fn command(
        place: &Place,
        asked: &Asked<'_>,
        command: &str,
        ledger: Option<&str>,
        transaction: Option<&str>,
    ) -> Event {
        let mut parameters = Map::new();
        parameters.insert("command".to_owned(), command.into());
        parameters.extend(ledger.map(|ledger| ("ledgerName".to_owned(), ledger.into())));
        parameters.extend(transaction.map(|id| ("transactionId".to_owned(), id.into())));
        let changes = !matches!(command, "FetchPage");
        Event::new(place, asked, "SendCommand", Value::Object(parameters), ledger, changes, false)
    }

    /// An operation on users, groups and policies. A request for one holds no secret.
    pub(crate) fn identity(place: &Place, asked: &Asked<'_>, operation: &IdentityRequest) -> Event {
        let mut parameters = with_lower_case_names(&operation.to_json());
        let name = parameters.remove("operation").and_then(|name| name.as_str().map(str::to_owned));
        let name = name.unwrap_or_default();
        let changes = !["List", "Check", "Make"].iter().any(|reading| name.starts_with(reading));
        Event::new(place, asked, &name, Value::Object(parameters), None, changes, true)
    }

    /// An exchange of a token of OpenID Connect. The token is no part of it.
    pub(crate) fn exchange(place: &Place, asked: &Asked<'_>, issuer: &str, duration_seconds: u32) -> Event {
        let parameters = json!({ "issuer": issuer, "durationSeconds": duration_seconds });
        Event::new(place, asked, "ExchangeToken", parameters, None, false, true)
    }

    /// The same, once it is known who has proved to be whom, and with the key that was made.
    pub(crate) fn for_user(mut self, user: &str, access_key_id: &str, expiration: &str) -> Event {
        let issuer = self.record["requestParameters"]["issuer"].clone();
        let account = self.record["recipientAccountId"].clone();
        let identity = json!({
            "type": "WebIdentityUser", "principalId": user, "accountId": account, "userName": user, "identityProvider": issuer,
        });
        self.record.insert("userIdentity".to_owned(), identity);
        let made = json!({ "credentials": { "accessKeyId": access_key_id, "expiration": expiration } });
        self.record.insert("responseElements".to_owned(), made);
        self
    }

    fn new(
        place: &Place,
        asked: &Asked<'_>,
        name: &str,
        parameters: Value,
        ledger: Option<&str>,
        changes: bool,
        is_control: bool,
    ) -> Event {
        let account = &place.account;
        let (source, category) = match is_control {
            true => ("qldb.amazonaws.com", "Management"),
            false => ("qldbsession.amazonaws.com", "Data"),
        };
        let user_agent: String = asked.user_agent.chars().take(USER_AGENT_CHARACTERS_MAX).collect();
        let mut record = json!({
            "eventVersion": VERSION,
            "userIdentity": identity(asked.caller, account),
            "eventTime": Timestamp::from_unix_millis(asked.unix_millis).to_string(),
            "eventSource": source,
            "eventName": name,
            "awsRegion": place.region,
            "sourceIPAddress": asked.caller.peer.map_or("in-process".to_owned(), |peer| peer.to_string()),
            "userAgent": user_agent,
            "requestParameters": parameters,
            "responseElements": null,
            "requestID": asked.request_id,
            "readOnly": !changes,
            "eventType": "AwsApiCall",
            "managementEvent": is_control,
            "recipientAccountId": account,
            "eventCategory": category,
        });
        if let Some(ledger) = ledger {
            let arn = place.ledger(ledger);
            record["resources"] = json!([{ "ARN": arn, "accountId": account, "type": "AWS::QLDB::Ledger" }]);
        }
        let record = match record {
            Value::Object(record) => record,
            _ => Map::new(),
        };
        Event { record, changes, is_of_trail: ledger == Some(AUDIT_LEDGER) }
    }

    /// The line that says that a change begins. It has the request id of the line that says what became of it.
    pub(crate) fn begun(&self, id: UniqueId) -> Vec<u8> {
        let mut event = self.clone();
        event.record.insert("additionalEventData".to_owned(), json!({ "stage": "begun" }));
        event.line(id)
    }

    /// The line that says what became of it. An error of the session API is named by its code alone, because its text may repeat a
    /// part of a statement.
    pub(crate) fn ended(mut self, id: UniqueId, error: Option<&ServiceError>, with_message: bool) -> Vec<u8> {
        if let Some(error) = error {
            self.record.insert("errorCode".to_owned(), error.exception.name().into());
            if with_message {
                self.record.insert("errorMessage".to_owned(), error.message.as_str().into());
            }
        }
        self.line(id)
    }

    fn line(mut self, id: UniqueId) -> Vec<u8> {
        self.record.insert("eventID".to_owned(), uuid(id).into());
        let mut line = Value::Object(self.record).to_string().into_bytes();
        line.push(b'\n');
        line
    }
}

/// Who asked: the owner of an access key, or nobody whom a signature shows.
fn identity(caller: &Caller, account: &str) -> Value {
    match &caller.client {
        Client::AccessKey(id) => {
            json!({ "type": "IAMUser", "principalId": &**id, "accountId": account, "accessKeyId": &**id })
        }
        Client::User(name) => json!({
            "type": "IAMUser", "principalId": &**name, "accountId": account, "accessKeyId": caller.signed_by.as_deref(),
            "userName": &**name,
        }),
        Client::Address(_) | Client::InProcess | Client::Peer => {
            json!({ "type": "Unknown", "accountId": account })
        }
    }
}

/// The ledger of an operation, if it has one, and its parameters. Tokens of pages and blocks are left out.
fn parameters(operation: &ControlRequest) -> (Option<String>, Map<String, Value>) {
    use ControlRequest as R;
    let ledger = match operation {
        R::CreateLedger(it) => Some(&it.name),
        R::DescribeLedger(it) => Some(&it.name),
        R::UpdateLedger(it) => Some(&it.name),
        R::UpdateLedgerPermissionsMode(it) => Some(&it.name),
        R::DeleteLedger(it) => Some(&it.name),
        R::GetDigest(it) => Some(&it.name),
        R::GetBlock(it) => Some(&it.name),
        R::GetRevision(it) => Some(&it.name),
        R::GetConsistencyProof(it) => Some(&it.name),
        R::ImportJournal(it) => Some(&it.name),
        _ => None,
    };
    let resource = match operation {
        R::TagResource(it) => Some(&it.resource_arn),
        R::UntagResource(it) => Some(&it.resource_arn),
        R::ListTagsForResource(it) => Some(&it.resource_arn),
        _ => None,
    };
    let http = operation.to_http();
    let mut parameters = with_lower_case_names(&http.body);
    parameters.remove("nextToken");
    parameters.remove("blocks");
    parameters.extend(ledger.map(|name| ("name".to_owned(), name.as_str().into())));
    parameters.extend(resource.map(|arn| ("resourceArn".to_owned(), arn.as_str().into())));
    if let R::UntagResource(it) = operation {
        parameters.insert("tagKeys".to_owned(), json!(it.tag_keys));
    }
    if ledger.is_none() && resource.is_none() {
        parameters.insert("path".to_owned(), http.path.into());
    }
    let of_resource = resource.and_then(|arn| arn.rsplit_once("ledger/")).map(|(_, name)| name.to_owned());
    (ledger.cloned().or(of_resource), parameters)
}

/// The members of a JSON object; each name begins with a small letter, as in CloudTrail.
fn with_lower_case_names(json: &[u8]) -> Map<String, Value> {
    let members: Map<String, Value> = serde_json::from_slice(json).unwrap_or_default();
    members.into_iter().map(|(name, value)| (name[..1].to_ascii_lowercase() + &name[1..], value)).collect()
}

/// The id of an event in the form that CloudTrail's ids have.
fn uuid(id: UniqueId) -> String {
    let hex: String = id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
