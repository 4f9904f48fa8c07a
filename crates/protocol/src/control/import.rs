//! ImportJournal: creates a ledger whose journal begins with the blocks of another one, which the client sends in parts.

use serde::{Deserialize, Serialize};

use super::members::{Members, invalid};
use super::verification::IonText;
use crate::error::ServiceError;
use crate::wire::{self, Blob};

/// One step of an import. QLDB did not have this operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportJournalRequest {
    /// The name of the new ledger.
    #[serde(skip)]
    pub name: String,
    /// What is to be done.
    #[serde(flatten)]
    pub step: ImportStep,
}

/// The steps of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "Step", rename_all = "UPPERCASE", rename_all_fields = "PascalCase")]
pub enum ImportStep {
    /// Takes the name for the new ledger. The answer has the id of the import.
    Begin {
        /// Whether blocks are loaded although hashes in them do not match their content.
        accept_deviations: bool,
    },
    /// The next blocks.
    Blocks {
        /// The id of the import.
        import_id: String,
        /// The number of this part, from 0 on.
        part: u64,
        /// The blocks, in the form of a slot.
        #[serde(with = "wire::blob")]
        blocks: Vec<u8>,
    },
    /// All blocks were sent. The ledger is active when this is answered.
    Finish {
        /// The id of the import.
        import_id: String,
        /// The digest of the blocks that the client sent, 32 bytes.
        #[serde(with = "wire::blob")]
        digest: Vec<u8>,
        /// The address of the last block.
        digest_tip_address: IonText,
    },
    /// Gives the import up: there will be no ledger.
    Abandon {
        /// The id of the import.
        import_id: String,
    },
}

/// The answer to ImportJournal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImportJournalResult {
    /// The id of the import.
    pub import_id: String,
}

/// Reads a request.
pub(super) fn import_journal(name: String, body: &[u8]) -> Result<ImportJournalRequest, ServiceError> {
    let mut members = Members::from_json(body)?;
    let step: String = members.required("Step")?;
    let step = match step.as_str() {
        "BEGIN" => {
            ImportStep::Begin { accept_deviations: members.optional("AcceptDeviations")?.unwrap_or_default() }
        }
        "BLOCKS" => ImportStep::Blocks {
            import_id: members.required("ImportId")?,
            part: members.required("Part")?,
            blocks: members.required::<Blob>("Blocks")?.0,
        },
        "FINISH" => ImportStep::Finish {
            import_id: members.required("ImportId")?,
            digest: members.required::<Blob>("Digest")?.0,
            digest_tip_address: members.required("DigestTipAddress")?,
        },
        "ABANDON" => ImportStep::Abandon { import_id: members.required("ImportId")? },
        _ => return Err(invalid("Step", "it is none of BEGIN, BLOCKS, FINISH, ABANDON")),
    };
    Ok(ImportJournalRequest { name, step })
}
