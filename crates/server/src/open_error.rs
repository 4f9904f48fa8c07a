//! Why a service cannot be opened.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

/// Why a [`Service`](crate::Service) cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceOpenError {
    /// Another process, or another service of this one, has the data folder open. That one must be closed first.
    InUse {
        /// The data folder.
        folder: PathBuf,
        /// Who has it.
        by: &'static str,
    },
    /// This process may not read or write the data folder.
    Denied {
        /// The data folder.
        folder: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The data folder cannot be used for another reason: it is a file, or its disk fails.
    Folder {
        /// The data folder.
        folder: PathBuf,
        /// The reason.
        why: String,
    },
    /// The settings do not fit what is there, a key is missing, or records in the folder are damaged.
    Other(String),
}

impl fmt::Display for ServiceOpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (folder, why) = match self {
            ServiceOpenError::InUse { folder, by } => (folder, *by),
            ServiceOpenError::Denied { folder, why } | ServiceOpenError::Folder { folder, why } => {
                (folder, &**why)
            }
            ServiceOpenError::Other(why) => return formatter.write_str(why),
        };
        write!(formatter, "cannot use the data folder {}: {why}", folder.display())
    }
}

impl Error for ServiceOpenError {}

impl From<String> for ServiceOpenError {
    fn from(why: String) -> ServiceOpenError {
        ServiceOpenError::Other(why)
    }
}

impl From<ServiceOpenError> for String {
    fn from(error: ServiceOpenError) -> String {
        error.to_string()
    }
}
