//! Writes an export, file by file. The caller puts the files where they belong.

use everstrand_ion::Timestamp;

use crate::format::{FormatError, JournalBlock};
use crate::hashing::UniqueId;
use crate::qldb::export::{
    OutputFormat, StartedManifest, catalog_entry, catalog_key, completed_manifest, completed_manifest_key,
    data_object_key, started_manifest_key,
};

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportObject {
    /// Its key: the export's prefix, folders and the file's name.
    pub key: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Gathers blocks into the files of an export.
///
/// Write [`ExportWriter::started`] first, then what [`ExportWriter::push`] returns, then what [`ExportWriter::finish`]
/// returns.
#[derive(Debug)]
pub struct ExportWriter {
    manifest: StartedManifest,
    strand_id: UniqueId,
    requested: Timestamp,
    format: OutputFormat,
    object_bytes_max: usize,
    object: Vec<u8>,
    range: Option<(u64, u64)>,
    keys: Vec<String>,
    catalog: Vec<u8>,
}

impl ExportWriter {
    /// Begins an export of this strand, which was requested at this time. A data object ends with the block that brings it
    /// to `object_bytes_max` bytes. The prefix in the manifest must be empty or end with `/`.
    pub fn new(
        manifest: StartedManifest,
        strand_id: UniqueId,
        requested: Timestamp,
        object_bytes_max: usize,
    ) -> ExportWriter {
        ExportWriter {
            format: manifest.output_format.unwrap_or(OutputFormat::IonText),
            manifest,
            strand_id,
            requested,
            object_bytes_max,
            object: Vec::new(),
            range: None,
            keys: Vec::new(),
            catalog: Vec::new(),
        }
    }

    /// The started manifest, which is the first file.
    pub fn started(&self) -> ExportObject {
        let mut bytes = Vec::new();
        self.format.write(&self.manifest.to_ion(), &mut bytes);
        ExportObject { key: started_manifest_key(&self.manifest.prefix, &self.manifest.export_id), bytes }
    }

    /// Adds the next block. Returns a data object if one is full. An error means that the block cannot be read.
    pub fn push(&mut self, block: &JournalBlock) -> Result<Option<ExportObject>, FormatError> {
        let block_no = block.address().sequence_no;
        self.format.write(&block.to_ion()?, &mut self.object);
        self.range = Some(self.range.map_or((block_no, block_no), |(first, _)| (first, block_no)));
        let changes = block.catalog_changes()?.unwrap_or_default();
        if !changes.is_empty() {
            OutputFormat::IonText.write(&catalog_entry(block_no, &changes), &mut self.catalog);
        }
        Ok(if self.object.len() >= self.object_bytes_max { self.data_object() } else { None })
    }

    /// The last files, in the order in which they must be written. The completed manifest comes last, because it says that
    /// all other files are there.
    pub fn finish(mut self) -> Vec<ExportObject> {
        let mut objects: Vec<ExportObject> = self.data_object().into_iter().collect();
        let StartedManifest { prefix, export_id, .. } = &self.manifest;
        let key = catalog_key(prefix, export_id, self.strand_id);
        objects.push(ExportObject { key, bytes: self.catalog });
        let key = completed_manifest_key(prefix, export_id, self.strand_id);
        let mut bytes = Vec::new();
        self.format.write(&completed_manifest(&self.keys), &mut bytes);
        objects.push(ExportObject { key, bytes });
        objects
    }

    fn data_object(&mut self) -> Option<ExportObject> {
        let range = self.range.take()?;
        let key = data_object_key(&self.manifest.prefix, &self.requested, self.strand_id, range, self.format);
        self.keys.push(key.clone());
        Some(ExportObject { key, bytes: std::mem::take(&mut self.object) })
    }
}
