//! Paths without a ledger: Ion, the wire's JSON, signatures.

use everstrand_ion::{Document, text};
use everstrand_protocol::signature::{AmzDate, Authorization, Credentials, SERVICE, SignedParts, Signer};
use everstrand_protocol::{
    Command, ExecuteStatementResult, IoUsage, Page, Reply, SendCommandRequest, SessionToken,
    TimingInformation, ValueHolder,
};

use crate::Failure;
use crate::counted::Operation;
use crate::data::{parameter, registration, vin};

pub(crate) const REGION: &str = "us-east-1";
/// A moment in 2024.
pub(crate) const UNIX_SECONDS: i64 = 1_717_171_717;

/// Documents that are read from text, written as binary Ion and hashed.
pub(crate) fn ion() -> Result<Operation, Failure> {
    let texts: Vec<String> = (0..10).map(|number| registration(number).to_string()).collect();
    let mut next = texts.into_iter().cycle();
    Ok(Box::new(move || {
        let value = text::read_one(&next.next().unwrap_or_default())?;
        let document = Document::from_binary(Document::from(&value).as_bytes())?;
        differs(&document.ion_hash(), &[0; 32])
    }))
}

/// A statement with its parameters, and its answer: each is written by one end and read by the other.
pub(crate) fn wire() -> Result<Operation, Failure> {
    let mut number: u64 = 0;
    Ok(Box::new(move || {
        number += 1;
        let sent = request(vec![parameter(number.cast_signed()), parameter(vin(number))]);
        let received = SendCommandRequest::from_json_within(&sent.to_json(), &Default::default())?;
        if received != sent {
            return Err("the request was not read as it was written".into());
        }
        let value = ValueHolder::IonBinary(Document::from(&registration(number % 10)).as_bytes().to_vec());
        let reply = Reply::ExecuteStatement(ExecuteStatementResult {
            first_page: Page::new(vec![value], None),
            timing_information: Some(TimingInformation::of_milliseconds(1)),
            consumed_ios: Some(IoUsage::new(2, 0)),
            other: Default::default(),
        });
        match Reply::from_json(&reply.to_json()) {
            Ok(read) if read == reply => Ok(()),
            _ => Err("the answer was not read as it was written".into()),
        }
    }))
}

fn request(parameters: Vec<Document>) -> SendCommandRequest {
    let holders = parameters.iter().map(|value| ValueHolder::IonBinary(value.as_bytes().to_vec()));
    SendCommandRequest {
        session_token: Some(SessionToken::new("4o7XSkQV0S9Fh3ZcVtWbyt3fTOkRKSMlEwHmNbpHjqQ=")),
        command: Command::ExecuteStatement {
            transaction_id: "FLj8oQUPpcR3yHGNfLxVUa".to_owned(),
            statement: "UPDATE Registration SET Mileage = ? WHERE VIN = ?".to_owned(),
            parameters: holders.collect(),
        },
    }
}

/// Who signs in all paths.
pub(crate) fn credentials() -> Credentials {
    Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: None,
    }
}

/// The headers of a client's request, without its signature.
pub(crate) const HEADERS: [(&str, &str); 3] = [
    ("content-type", "application/x-amz-json-1.0"),
    ("host", "127.0.0.1:8182"),
    ("x-amz-target", "QLDBSession.SendCommand"),
];

/// A body of a common size, signed by the client and checked by the server.
pub(crate) fn signature() -> Result<Operation, Failure> {
    let signer = Signer::new(credentials(), REGION);
    let body = request(vec![parameter(1i64), parameter(vin(1))]).to_json();
    let mut second = UNIX_SECONDS;
    Ok(Box::new(move || {
        second += 1;
        let now = AmzDate::from_unix_seconds(second);
        let parts = SignedParts { method: "POST", path: "/", query: "", headers: &HEADERS, body: &body };
        let signed = signer.sign(&parts, now);
        let mut headers = HEADERS.to_vec();
        headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        let authorization = Authorization::from_headers(&headers)?;
        if authorization.service != SERVICE {
            return Err("the signature is for another service".into());
        }
        let key = authorization.signing_key(&credentials().secret_access_key);
        authorization.check(&SignedParts { headers: &headers, ..parts }, &key, now)?;
        Ok(())
    }))
}

/// Uses what was computed, so that no compiler leaves it out.
pub(crate) fn differs<T: PartialEq>(value: &T, other: &T) -> Result<(), Failure> {
    if value == other { Err("two values are equal that must not be".into()) } else { Ok(()) }
}
