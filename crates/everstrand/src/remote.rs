//! What is asked of a server beside its sessions.

use std::error::Error;

use everstrand_driver::HttpTransport;
use everstrand_ion::text;
use everstrand_journal::{BlockAddress, Digest, Hash};
use everstrand_protocol::control::{ControlReply, ControlRequest, GetDigestRequest};

/// The digest of a ledger as it stands.
pub(crate) async fn digest(transport: &HttpTransport, ledger: &str) -> Result<Digest, Box<dyn Error>> {
    let request = ControlRequest::GetDigest(GetDigestRequest { name: ledger.to_owned() });
    let ControlReply::GetDigest(found) = transport.control(&request).await? else {
        return Err("the server answered another request than GetDigest".into());
    };
    let tip = text::read_one(&found.digest_tip_address.text)?;
    Ok(Digest {
        digest: Hash::from_slice(&found.digest).ok_or("the server's digest does not have 32 bytes")?,
        digest_tip_address: BlockAddress::try_from(&tip)?,
    })
}
