//! Writes an export of blocks made here, object by object. Where the objects go is somebody else's matter.

use everstrand_ion::Timestamp;

use crate::format::{FormatError, JournalBlock};
use crate::hashing::UniqueId;
use crate::qldb::export::{
    OutputFormat, StartedManifest, catalog_entry, catalog_key, completed_manifest, completed_manifest_key,
    data_object_key, started_manifest_key,
};

/// A file of an export: its key, which ends with its name, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportObject {
    /// Where it belongs, the export's prefix included.
    pub key: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Gathers blocks into data objects.
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
    /// An export of this strand, asked for at this time. A data object ends with the block that brings it to
    /// `object_bytes_max` bytes. A prefix in the manifest that is not empty ends with `/`.
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

    /// The manifest that is written before all else.
    pub fn started(&self) -> ExportObject {
        let mut bytes = Vec::new();
        self.format.write(&self.manifest.to_ion(), &mut bytes);
        ExportObject { key: started_manifest_key(&self.manifest.prefix, &self.manifest.export_id), bytes }
    }

    /// Takes in the next block; yields a data object when one is full.
    pub fn push(&mut self, block: &JournalBlock) -> Result<Option<ExportObject>, FormatError> {
        let number = block.address().sequence_no;
        self.format.write(&block.to_ion()?, &mut self.object);
        self.range = Some(self.range.map_or((number, number), |(first, _)| (first, number)));
        let changes = block.catalog_changes()?.unwrap_or_default();
        if !changes.is_empty() {
            OutputFormat::IonText.write(&catalog_entry(number, &changes), &mut self.catalog);
        }
        Ok(if self.object.len() >= self.object_bytes_max { self.data_object() } else { None })
    }

    /// The last objects, in the order in which they are to be written: the completed manifest at the end says
    /// that all others are there.
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
