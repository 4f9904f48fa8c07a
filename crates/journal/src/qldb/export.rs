//! The layout of an exported journal: names of files, manifests, data objects.
//!
//! ```text
//! <prefix>/<exportId>.started.manifest                       what was asked for
//! <prefix>/<exportId>.<strandId>.completed.manifest          {keys: [...]}, the data objects in order
//! <prefix>/yyyy/mm/dd/hh/<strandId>.<first>-<last>.<ext>     blocks, one after the other
//! <prefix>/<exportId>.<strandId>.catalogue.ion               the catalog changes, by block
//! ```
//!
//! The layout is QLDB's, but for the last file, which is ours.
//!
//! The first bytes of a file tell which of the three formats it has. Its name does not, because it is not known how QLDB
//! named binary exports. This module reads and writes no files: it takes and returns their names and their bytes.

use std::collections::BTreeMap;

use everstrand_ion::{Data, Document, Struct, Timestamp, Value, binary, text};

use crate::format::FormatError;
use crate::hashing::{CatalogChange, UniqueId};
use crate::qldb::json::{recover_block, to_json};

/// The format of an export's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// Ion text, one block a line.
    IonText,
    /// Ion binary, one block after the other.
    IonBinary,
    /// JSON Lines. The types of values are lost; [`crate::json`] tries to find them again.
    Json,
}

impl OutputFormat {
    /// The name in QLDB's control API.
    pub fn name(self) -> &'static str {
        match self {
            OutputFormat::IonText => "ION_TEXT",
            OutputFormat::IonBinary => "ION_BINARY",
            OutputFormat::Json => "JSON",
        }
    }

    /// The format with this name in QLDB's control API.
    pub fn from_name(name: &str) -> Option<OutputFormat> {
        [OutputFormat::IonText, OutputFormat::IonBinary, OutputFormat::Json]
            .into_iter()
            .find(|format| format.name() == name)
    }

    /// The format of a file, from its first bytes.
    pub fn detect(bytes: &[u8]) -> OutputFormat {
        if bytes.starts_with(&binary::VERSION_MARKER) {
            return OutputFormat::IonBinary;
        }
        let mut significant = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
        match (significant.next(), significant.next()) {
            (Some(b'{'), Some(b'"')) => OutputFormat::Json,
            _ => OutputFormat::IonText,
        }
    }

    /// Appends a value in this format.
    pub fn write(self, value: &Value, out: &mut Vec<u8>) {
        match self {
            OutputFormat::IonText => out.extend_from_slice(text::write(value).as_bytes()),
            OutputFormat::IonBinary => return out.extend_from_slice(&binary::write(value)),
            OutputFormat::Json => out.extend_from_slice(to_json(value).as_bytes()),
        }
        out.push(b'\n');
    }

    fn extension(self) -> &'static str {
        match self {
            OutputFormat::IonText | OutputFormat::IonBinary => "ion",
            OutputFormat::Json => "json",
        }
    }
}

/// The started manifest, which is written first: what was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct StartedManifest {
    /// The name of the ledger.
    pub ledger_name: String,
    /// The id of the export.
    pub export_id: String,
    /// The export begins with the blocks of this time.
    pub inclusive_start_time: Timestamp,
    /// The export ends before the blocks of this time.
    pub exclusive_end_time: Timestamp,
    /// The name of the bucket that QLDB wrote to.
    pub bucket: String,
    /// The prefix of all keys in the bucket.
    pub prefix: String,
    /// How the objects are encrypted: `NO_ENCRYPTION`, `SSE_S3` or `SSE_KMS`.
    pub object_encryption_type: String,
    /// The format of the files; `None` if the request did not name one.
    pub output_format: Option<OutputFormat>,
}

impl StartedManifest {
    /// The content of the manifest.
    pub fn to_ion(&self) -> Value {
        let mut fields = Struct::default();
        fields.push("ledgerName", self.ledger_name.as_str());
        fields.push("exportId", self.export_id.as_str());
        fields.push("inclusiveStartTime", self.inclusive_start_time.clone());
        fields.push("exclusiveEndTime", self.exclusive_end_time.clone());
        fields.push("bucket", self.bucket.as_str());
        fields.push("prefix", self.prefix.as_str());
        fields.push("objectEncryptionType", self.object_encryption_type.as_str());
        if let Some(format) = self.output_format {
            fields.push("outputFormat", format.name());
        }
        fields.into()
    }

    /// Reads a manifest of any format. An error means that a field is absent or of another type.
    pub fn read(bytes: &[u8]) -> Result<StartedManifest, FormatError> {
        let value = read_value(bytes)?;
        let missing =
            |name: &str| FormatError::new(format!("the manifest has no {name} of the right type"), 0);
        let text = |name: &str| {
            value.get(name).and_then(Value::as_text).map(str::to_owned).ok_or_else(|| missing(name))
        };
        let time = |name: &str| match value.get(name).map(|time| &time.data) {
            Some(Data::Timestamp(time)) => Ok(time.clone()),
            Some(Data::String(time)) => time.parse().map_err(|_| missing(name)),
            _ => Err(missing(name)),
        };
        Ok(StartedManifest {
            ledger_name: text("ledgerName")?,
            export_id: text("exportId")?,
            inclusive_start_time: time("inclusiveStartTime")?,
            exclusive_end_time: time("exclusiveEndTime")?,
            bucket: text("bucket")?,
            prefix: text("prefix")?,
            object_encryption_type: text("objectEncryptionType")?,
            output_format: text("outputFormat").ok().and_then(|name| OutputFormat::from_name(&name)),
        })
    }
}

/// The content of a completed manifest: the keys of the data objects, in order.
pub fn completed_manifest(keys: &[String]) -> Value {
    let keys: Vec<Value> = keys.iter().map(|key| key.as_str().into()).collect();
    Struct::from_iter([("keys", Value::from(keys))]).into()
}

/// The keys in a completed manifest of any format. An error means that it has no list of keys.
pub fn read_completed_manifest(bytes: &[u8]) -> Result<Vec<String>, FormatError> {
    let value = read_value(bytes)?;
    let keys = value.get("keys").and_then(Value::as_sequence);
    let keys = keys
        .map(|keys| keys.iter().map(|key| key.as_text().map(str::to_owned)).collect::<Option<Vec<String>>>());
    keys.flatten().ok_or_else(|| FormatError::new("the manifest has no list of keys", 0))
}

/// The key of the started manifest. A prefix that is not empty ends with `/`.
pub fn started_manifest_key(prefix: &str, export_id: &str) -> String {
    format!("{prefix}{export_id}.started.manifest")
}

/// The key of the completed manifest.
pub fn completed_manifest_key(prefix: &str, export_id: &str, strand_id: UniqueId) -> String {
    format!("{prefix}{export_id}.{strand_id}.completed.manifest")
}

/// The key of the file with the catalog changes. Files that are already written are spelt so: it cannot be renamed.
pub fn catalog_key(prefix: &str, export_id: &str, strand_id: UniqueId) -> String {
    format!("{prefix}{export_id}.{strand_id}.catalogue.ion")
}

/// The key of the data object with the blocks from `first` to `last`, of an export that was requested at this time.
pub fn data_object_key(
    prefix: &str,
    requested: &Timestamp,
    strand_id: UniqueId,
    (first, last): (u64, u64),
    format: OutputFormat,
) -> String {
    let time = requested.utc_fields();
    let (year, month, day, hour) = (time.year, time.month, time.day, time.hour);
    let extension = format.extension();
    format!("{prefix}{year:04}/{month:02}/{day:02}/{hour:02}/{strand_id}.{first}-{last}.{extension}")
}

/// The entry of the catalog file for a block that changed the catalog.
pub fn catalog_entry(block_no: u64, changes: &[CatalogChange]) -> Value {
    Struct::from_iter([
        ("sequenceNo", Value::from(block_no)),
        ("changes", CatalogChange::list_to_ion(changes)),
    ])
    .into()
}

/// Reads a catalog file: the catalog changes, by block number. An error means that an entry is of another form.
pub fn read_catalog(bytes: &[u8]) -> Result<BTreeMap<u64, Vec<CatalogChange>>, FormatError> {
    let mut catalog = BTreeMap::new();
    for value in text::Reader::new(utf8(bytes)?) {
        let value = value.map_err(|error| FormatError::new(error.message, error.offset))?;
        let invalid = || FormatError::new("an entry of the catalog file is not {sequenceNo, changes}", 0);
        let block_no =
            value.get("sequenceNo").and_then(Value::as_i64).and_then(|number| number.try_into().ok());
        let changes = CatalogChange::list_from_ion(value.get("changes").ok_or_else(invalid)?)
            .map_err(|error| FormatError::new(error.to_string(), 0))?;
        catalog.insert(block_no.ok_or_else(invalid)?, changes);
    }
    Ok(catalog)
}

/// The names of an export's files, by what the files are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportFiles {
    /// Started manifests.
    pub started: Vec<String>,
    /// Completed manifests.
    pub completed: Vec<String>,
    /// Data objects, in the order of their blocks.
    pub data: Vec<DataObject>,
    /// Catalog files.
    pub catalogs: Vec<String>,
    /// Files with a proof that AWS's migration kit wrote.
    pub proofs: Vec<String>,
}

/// A data object, a file of blocks, as its name describes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DataObject {
    /// The id of the strand.
    pub strand_id: UniqueId,
    /// The number of its first block.
    pub first: u64,
    /// The number of its last block.
    pub last: u64,
    /// The name of the file.
    pub name: String,
}

impl ExportFiles {
    /// Sorts names by what the files are, and drops the names of other files.
    pub fn sort(names: impl IntoIterator<Item = String>) -> ExportFiles {
        let mut files = ExportFiles::default();
        for name in names {
            if name.ends_with(".proofs.json") {
                files.proofs.push(name);
            } else if name.ends_with(".started.manifest") {
                files.started.push(name);
            } else if name.ends_with(".completed.manifest") {
                files.completed.push(name);
            } else if name.ends_with(".catalogue.ion") {
                files.catalogs.push(name);
            } else if let Some(object) = data_object(&name) {
                files.data.push(object);
            }
        }
        files.data.sort();
        files
    }

    /// The keys of a completed manifest for which there is no file. The folders in keys and names are not compared, because
    /// people move exports.
    pub fn missing<'a>(&self, keys: &'a [String]) -> Vec<&'a str> {
        let found = |key: &str| {
            let key = data_object(key);
            key.is_some_and(|key| {
                self.data.iter().any(|data| {
                    (data.strand_id, data.first, data.last) == (key.strand_id, key.first, key.last)
                })
            })
        };
        keys.iter().map(String::as_str).filter(|key| !found(key)).collect()
    }
}

/// A block from an export.
#[derive(Clone, Debug)]
pub struct ExportedBlock {
    /// The block. If it came as JSON, its types were found again as far as possible.
    pub value: Document,
    /// The line that it came as, if that was JSON.
    pub source: Option<String>,
}

/// The blocks of a data object of any format, one by one. The iterator ends after an error.
pub fn read_blocks(
    bytes: &[u8],
) -> Result<Box<dyn Iterator<Item = Result<ExportedBlock, FormatError>> + '_>, FormatError> {
    Ok(match OutputFormat::detect(bytes) {
        OutputFormat::IonBinary => {
            let values =
                binary::read_all(bytes).map_err(|error| FormatError::new(error.message, error.offset))?;
            Box::new(
                values
                    .into_iter()
                    .map(|value| Ok(ExportedBlock { value: Document::from(&value), source: None })),
            )
        }
        OutputFormat::IonText => Box::new(text::Reader::new(utf8(bytes)?).map(|value| {
            let value = value.map_err(|error| FormatError::new(error.message, error.offset))?;
            Ok(ExportedBlock { value: Document::from(&value), source: None })
        })),
        OutputFormat::Json => {
            let text = utf8(bytes)?;
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            Box::new(lines.map(move |line| {
                let offset = line.as_ptr().addr() - text.as_ptr().addr();
                let value = text::read_one(line)
                    .map_err(|error| FormatError::new(error.message, offset + error.offset))?;
                let value = Document::from(&recover_block(&value));
                Ok(ExportedBlock { value, source: Some(line.to_owned()) })
            }))
        }
    })
}

/// Reads the one value in a file of any format.
pub(crate) fn read_value(bytes: &[u8]) -> Result<Value, FormatError> {
    let value = match OutputFormat::detect(bytes) {
        OutputFormat::IonBinary => binary::read_one(bytes),
        OutputFormat::IonText | OutputFormat::Json => text::read_one(utf8(bytes)?),
    };
    value.map_err(|error| FormatError::new(error.message, error.offset))
}

fn utf8(bytes: &[u8]) -> Result<&str, FormatError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| FormatError::new("the text is not UTF-8", error.valid_up_to()))
}

/// `…/<strandId>.<first>-<last>.<ext>`.
fn data_object(name: &str) -> Option<DataObject> {
    let file = name.rsplit('/').next()?;
    let mut parts = file.split('.');
    let strand_id = parts.next()?.parse().ok()?;
    let (first, last) = parts.next()?.split_once('-')?;
    parts.next()?;
    if parts.next().is_some() {
        return None;
    }
    Some(DataObject {
        strand_id,
        first: first.parse().ok()?,
        last: last.parse().ok()?,
        name: name.to_owned(),
    })
}
