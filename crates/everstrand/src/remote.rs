//! Requests to a server's control API.

use std::error::Error;
use std::path::PathBuf;

use everstrand_driver::{HttpTransport, HttpTransportBuilder};
use everstrand_ion::{Document, text};
use everstrand_journal::{BlockAddress, Digest, Hash};
use everstrand_protocol::control::{ControlReply, ControlRequest, GetBlockRequest, GetDigestRequest};

/// The endpoint if neither an argument nor a variable names one.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:8182";

/// The endpoint that the arguments name; else the one that a variable of the AWS SDKs names (a server prints such variables when
/// it starts); else the server on this machine.
pub(crate) fn endpoint(named: Option<&str>) -> String {
    let variables = ["AWS_ENDPOINT_URL_QLDB_SESSION", "AWS_ENDPOINT_URL_QLDB", "AWS_ENDPOINT_URL"];
    let set = |name| std::env::var(name).ok().filter(|url| !url.is_empty());
    let named = named.map(str::to_owned).or_else(|| variables.into_iter().find_map(set));
    named.unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned())
}

/// Whose certificates a command trusts at an endpoint with `https`, and which one it shows.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Certificates {
    /// For an endpoint or another URL with https: a file of certificates in PEM that are trusted, instead of the public ones [default: the
    /// variable AWS_CA_BUNDLE]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// For a server that demands certificates of clients: a file with one in PEM
    #[arg(long, global = true, value_name = "FILE")]
    client_cert: Option<PathBuf>,
    /// The key of --client-cert
    #[arg(long, global = true, value_name = "FILE")]
    client_key: Option<PathBuf>,
}

impl Certificates {
    /// No certificate to show, and the certificates in this file to trust.
    pub(crate) fn of(ca: Option<PathBuf>) -> Certificates {
        Certificates { ca, ..Certificates::default() }
    }

    /// The file of certificates to trust, if one is named.
    pub(crate) fn authorities(&self) -> Option<PathBuf> {
        let of_variable = || std::env::var_os("AWS_CA_BUNDLE").filter(|file| !file.is_empty());
        self.ca.clone().or_else(|| of_variable().map(PathBuf::from))
    }

    /// A way to the server at an endpoint.
    pub(crate) fn transport(&self, endpoint: &str) -> Result<HttpTransport, Box<dyn Error>> {
        Ok(self.transport_builder(endpoint)?.build()?)
    }

    /// The same, before its other settings are made.
    pub(crate) fn transport_builder(&self, endpoint: &str) -> Result<HttpTransportBuilder, Box<dyn Error>> {
        let mut transport = HttpTransport::builder().endpoint(endpoint);
        if let Some(ca) = &self.ca {
            transport = transport.certificates(ca);
        }
        match (&self.client_cert, &self.client_key) {
            (Some(certificate), Some(key)) => Ok(transport.client_certificate(certificate, key)),
            (None, None) => Ok(transport),
            _ => Err("--client-cert and --client-key need each other".into()),
        }
    }
}

/// A block of a ledger, in QLDB's form.
pub(crate) async fn block(
    transport: &HttpTransport,
    ledger: &str,
    address: BlockAddress,
) -> Result<Document, Box<dyn Error>> {
    let request = ControlRequest::GetBlock(GetBlockRequest {
        name: ledger.to_owned(),
        block_address: text::write(&address.to_ion()).into(),
        digest_tip_address: None,
    });
    let ControlReply::GetBlock(found) = transport.control(&request).await? else {
        return Err("the server answered another request than GetBlock".into());
    };
    Ok(Document::from(&text::read_one(&found.block.text)?))
}

/// The present digest of a ledger.
pub(crate) async fn digest(transport: &HttpTransport, ledger: &str) -> Result<Digest, Box<dyn Error>> {
    digest_in(transport.control(&digest_request(ledger)).await?)
}

/// Asks for the present digest of a ledger.
pub(crate) fn digest_request(ledger: &str) -> ControlRequest {
    ControlRequest::GetDigest(GetDigestRequest { name: ledger.to_owned() })
}

/// The digest in the answer to [`digest_request`].
pub(crate) fn digest_in(reply: ControlReply) -> Result<Digest, Box<dyn Error>> {
    let ControlReply::GetDigest(found) = reply else {
        return Err("the server answered another request than GetDigest".into());
    };
    let tip = text::read_one(&found.digest_tip_address.text)?;
    Ok(Digest {
        digest: Hash::from_slice(&found.digest).ok_or("the server's digest does not have 32 bytes")?,
        digest_tip_address: BlockAddress::try_from(&tip)?,
    })
}
