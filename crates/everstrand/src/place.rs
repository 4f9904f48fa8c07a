//! Where the ledgers of a command are: behind a server, or in a data folder that no server has open.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use everstrand_driver::HttpTransport;
use everstrand_journal::Digest;
use everstrand_protocol::control::{ControlReply, ControlRequest, DescribeLedgerRequest, ListLedgersRequest};
use everstrand_server::Service;
use everstrand_server::config::{Config, Storage};

use crate::remote::{self, Certificates};
use crate::store::Access;
use crate::{master_key, places_of_copies};

/// The data folder of a server and of the commands that work on its folder: the one that is named, else the one that the
/// server's variable names.
pub(crate) fn data_folder(named: Option<&Path>) -> PathBuf {
    let named = named.map(Path::to_owned).or_else(|| std::env::var_os("EVERSTRAND_DATA").map(PathBuf::from));
    named.unwrap_or_else(|| PathBuf::from("./everstrand-data"))
}

/// Where the ledgers are.
#[derive(Clone)]
pub(crate) enum Place {
    /// Behind a server.
    Server(Arc<HttpTransport>),
    /// In a data folder.
    Folder(Arc<Service>),
}

impl Place {
    /// The folder if one is named, else the server.
    pub(crate) fn open(
        data: Option<&Path>,
        endpoint: Option<&str>,
        certificates: &Certificates,
    ) -> Result<Place, Box<dyn Error>> {
        match data {
            Some(folder) => {
                // Opening a service creates a missing data folder. Here a missing folder is most likely a mistyped one.
                if !folder.is_dir() {
                    return Err(format!("there is no folder {}", folder.display()).into());
                }
                let mut config = Config::new(Storage::Folder(folder.to_owned()));
                master_key::configure(&mut config)?;
                config.places_of_copies = Some(places_of_copies::open_with(Access::default()));
                let service = Service::open(config)?;
                Ok(Place::Folder(Arc::new(service)))
            }
            None => {
                let endpoint = remote::endpoint(endpoint);
                Ok(Place::Server(Arc::new(certificates.transport(&endpoint)?)))
            }
        }
    }

    /// Runs one operation of the control API.
    pub(crate) async fn control(&self, request: ControlRequest) -> Result<ControlReply, Box<dyn Error>> {
        match self {
            Place::Server(transport) => Ok(transport.control(&request).await?),
            Place::Folder(service) => {
                let service = Arc::clone(service);
                let work = tokio::task::spawn_blocking(move || service.control(request));
                Ok(work.await?.map_err(|error| error.message)?)
            }
        }
    }

    /// The present digest of a ledger.
    pub(crate) async fn digest(&self, ledger: &str) -> Result<Digest, Box<dyn Error>> {
        remote::digest_in(self.control(remote::digest_request(ledger)).await?)
    }

    /// The names of all ledgers that are not being deleted.
    pub(crate) async fn ledgers(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let (mut names, mut next_token) = (Vec::new(), None);
        loop {
            let request = ListLedgersRequest { max_results: Some(100), next_token };
            let ControlReply::ListLedgers(page) = self.control(ControlRequest::ListLedgers(request)).await?
            else {
                return Err("the server answered another request than ListLedgers".into());
            };
            names.extend(page.ledgers.into_iter().filter_map(|ledger| ledger.name));
            next_token = page.next_token;
            if next_token.is_none() {
                return Ok(names);
            }
        }
    }

    /// What a ledger was restored from, if it was.
    pub(crate) async fn restored_from(&self, ledger: &str) -> Option<String> {
        let request = ControlRequest::DescribeLedger(DescribeLedgerRequest { name: ledger.to_owned() });
        match self.control(request).await {
            Ok(ControlReply::DescribeLedger(described)) => described.restored_from,
            _ => None,
        }
    }

    /// Closes the ledgers of a folder.
    pub(crate) fn close(&self) {
        if let Place::Folder(service) = self {
            service.close();
        }
    }
}
