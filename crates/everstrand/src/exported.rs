//! Reads the folder of an export, for `audit` and `import`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use everstrand_journal::export::{
    DataObject, ExportFiles, ExportedBlock, read_catalog, read_completed_manifest,
};
use everstrand_journal::{CatalogChange, CheckedBlock, FormatError, UniqueId, check_foreign};

/// The number of blocks that are checked together.
pub(crate) const BATCH_BLOCKS: usize = 4096;

/// An exported journal.
pub(crate) struct ExportFolder {
    folder: PathBuf,
    files: ExportFiles,
    /// The catalog changes by block, if the export has the file with them.
    catalog: BTreeMap<u64, Vec<CatalogChange>>,
}

impl ExportFolder {
    /// Finds an export's files below a folder.
    pub(crate) fn open(folder: &Path) -> Result<ExportFolder, Box<dyn Error>> {
        let files = ExportFiles::sort(file_names(folder)?);
        if files.data.is_empty() {
            return Err(format!("{} holds neither a ledger nor an exported journal", folder.display()).into());
        }
        let mut catalog = BTreeMap::new();
        for file in &files.catalogs {
            catalog.extend(read_catalog(&fs::read(folder.join(file))?)?);
        }
        Ok(ExportFolder { folder: folder.to_owned(), files, catalog })
    }

    /// Takes one file of an export for the whole, whatever its name is.
    pub(crate) fn of_file(path: &Path) -> Result<ExportFolder, Box<dyn Error>> {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut files = ExportFiles::sort([name.clone()]);
        if files.data.is_empty() {
            if files != ExportFiles::default() {
                return Err(
                    format!("{} is a part of an export, but it holds no blocks", path.display()).into()
                );
            }
            let unknown = DataObject { strand_id: UniqueId::default(), first: 0, last: u64::MAX, name };
            files.data.push(unknown);
        }
        Ok(ExportFolder { folder, files, catalog: BTreeMap::new() })
    }

    /// The bytes of all files of blocks.
    pub(crate) fn bytes(&self) -> u64 {
        let bytes =
            |object: &DataObject| fs::metadata(self.folder.join(&object.name)).map_or(0, |found| found.len());
        self.files.data.iter().map(bytes).sum()
    }

    /// The files that the completed manifests name but the folder does not have.
    pub(crate) fn missing(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let mut missing = Vec::new();
        for manifest in &self.files.completed {
            let keys = read_completed_manifest(&fs::read(self.folder.join(manifest))?)?;
            missing.extend(self.files.missing(&keys).into_iter().map(str::to_owned));
        }
        Ok(missing)
    }

    /// Whether an export in the folder was begun but not completed.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.files.completed.len() < self.files.started.len()
    }

    /// The files of blocks, in the order of their blocks.
    pub(crate) fn objects(&self) -> &[DataObject] {
        &self.files.data
    }

    /// The content of a file of blocks.
    pub(crate) fn read(&self, object: &DataObject) -> Result<Vec<u8>, String> {
        let path = self.folder.join(&object.name);
        fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    }

    /// Whether the export names the catalog changes of its blocks, as exports made here do.
    pub(crate) fn names_catalog(&self) -> bool {
        !self.catalog.is_empty()
    }

    /// The catalog changes of a block, if the export names them.
    pub(crate) fn catalog_changes(&self, block: &ExportedBlock) -> Option<&[CatalogChange]> {
        let number = block.value.root().get("blockAddress")?.get("sequenceNo")?.as_i64()?;
        self.catalog.get(&u64::try_from(number).ok()?).map(Vec::as_slice)
    }

    /// Computes all hashes of a block.
    pub(crate) fn check(&self, block: &ExportedBlock) -> Result<CheckedBlock, FormatError> {
        check_foreign(block.value.root(), self.catalog_changes(block))
    }
}

/// The names of all files below a folder, relative to it.
fn file_names(folder: &Path) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let cannot = |error: std::io::Error| format!("cannot read {}: {error}", next.display());
        for entry in fs::read_dir(&next).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(folder) {
                names.push(name.to_string_lossy().into_owned());
            }
        }
    }
    Ok(names)
}
