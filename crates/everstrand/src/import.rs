//! `everstrand import`: creates a ledger that begins with an exported journal. It computes every hash again and compares saved
//! digests, and loads nothing if one of them deviates. The ledger is created in a data folder, in a store or by a running server.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use everstrand::InProcess;
use everstrand_journal::export::{DataObject, read_blocks};
use everstrand_journal::{Auditor, ForeignBlock, FormatError, SavedDigest, on_all_cores};
use everstrand_ledger::{Ids, Importer, RandomIds, SystemClock};
use everstrand_server::Service;
use everstrand_server::config::{Config, Storage};

use crate::audit::report::{Form, Report};
use crate::audit::saved_digests;
use crate::exported::{BATCH_BLOCKS, ExportFolder};
use crate::exported_indexes::ExportedIndexes;
use crate::import_endpoint::RemoteJournal;
use crate::remote::Certificates;
use crate::store::Access;
use crate::{master_key, place};

/// The arguments of `import`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The new ledger's name
    ledger: String,
    /// The folder of a complete export, from QLDB or from here
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
    /// The data folder of the server, which must not be running [default: the variable EVERSTRAND_DATA, else ./everstrand-data]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["store", "endpoint"])]
    data: Option<PathBuf>,
    /// Let this running server create the ledger instead
    #[arg(long, value_name = "URL", conflicts_with = "store")]
    endpoint: Option<String>,
    #[command(flatten)]
    certificates: Certificates,
    /// The store for the new ledger: s3://BUCKET/PREFIX or postgres://USER@HOST/DATABASE. Servers may be running on it: they find the
    /// ledger when somebody asks for it
    #[arg(long, value_name = "LOCATION")]
    store: Option<String>,
    #[command(flatten)]
    access: Access,
    /// A file or URL with a digest, or with a signed checkpoint, that the journal must continue (may be repeated)
    #[arg(long, value_name = "FILE|URL")]
    digest: Vec<String>,
    /// Load the journal although a hash in it does not match its content; the deviations stay in the ledger
    #[arg(long)]
    accept_deviations: bool,
}

/// Loads, prints the deviations, and exits with 0 (loaded), 1 (deviations, nothing was loaded) or 2 (unusable input).
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let digests = saved_digests(&arguments.digest, &[], &arguments.certificates)?;
    let export = ExportFolder::open(&arguments.from)?;
    check_whole(&export)?;
    let mut loading = Loading {
        export,
        digests,
        indexes: ExportedIndexes::default(),
        report: Report::new(Form::Text),
        accept_deviations: arguments.accept_deviations,
        deviates: false,
    };
    let loaded = match &arguments.endpoint {
        Some(endpoint) => into_server(arguments, endpoint, &mut loading),
        None => into_place(arguments, &mut loading),
    };
    match loaded {
        Ok(created) => {
            println!("ledger {} begins with this journal", arguments.ledger);
            created.map_err(|error| format!("its indexes were not created: {error}"))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(_) if loading.deviates => {
            eprintln!(
                "everstrand: the journal deviates, and nothing was loaded (--accept-deviations loads it)"
            );
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(error),
    }
}

/// What became of the journal, and then of its indexes.
type Loaded = Result<Result<(), Box<dyn Error>>, Box<dyn Error>>;

/// Creates the ledger in a data folder or in a store.
fn into_place(arguments: &Arguments, loading: &mut Loading) -> Loaded {
    let mut config = Config::new(match &arguments.store {
        Some(location) => Storage::Shared { store: arguments.access.open(location)?, cache: None },
        None => Storage::Folder(place::data_folder(arguments.data.as_deref())),
    });
    master_key::configure(&mut config)?;
    let service = Arc::new(Service::open(config)?);
    let mut failure = None;
    let loaded = service.import_ledger(&arguments.ledger, &mut |importer| {
        loading.run(importer).map_err(|error| failure.insert(error.to_string()).clone())
    });
    let created = loaded
        .map(|()| loading.indexes.create(InProcess::new(Arc::clone(&service)), &arguments.ledger))
        .map_err(|error| failure.unwrap_or(error.message).into());
    service.close();
    created
}

/// Lets a running server create the ledger.
fn into_server(arguments: &Arguments, endpoint: &str, loading: &mut Loading) -> Loaded {
    let deviations = arguments.accept_deviations;
    let journal = RemoteJournal::begin(endpoint, &arguments.certificates, &arguments.ledger, deviations)?;
    let writer = RandomIds::new(Arc::new(SystemClock::new())).next();
    let mut load = || -> Result<(), Box<dyn Error>> {
        let mut importer = Importer::new(&journal, writer)?;
        loading.run(&mut importer)?;
        journal.finish(&importer.finish()?.ok_or("there are no blocks to import")?)
    };
    if let Err(error) = load() {
        journal.abandon();
        return Err(error);
    }
    Ok(loading.indexes.create(journal.into_transport(), &arguments.ledger))
}

/// Refuses, before anything is written, an export that is certainly not a whole journal.
fn check_whole(export: &ExportFolder) -> Result<(), Box<dyn Error>> {
    if export.is_unfinished() {
        return Err(
            "an export in the folder was begun and not completed: it has no completed manifest".into()
        );
    }
    if let Some(key) = export.missing()?.first() {
        return Err(format!("the completed manifest names {key}, but the folder has no such file").into());
    }
    let strand = |object: &DataObject| object.strand_id;
    let [first, .., last] = export.objects() else {
        return Ok(());
    };
    if strand(first) != strand(last) {
        let (first, last) = (strand(first), strand(last));
        return Err(format!("the folder holds exports of two journals, {first} and {last}: keep one").into());
    }
    Ok(())
}

/// A journal on its way into a ledger.
struct Loading {
    export: ExportFolder,
    digests: Vec<SavedDigest>,
    /// The indexes by the texts of statements, for an export that does not name its indexes.
    indexes: ExportedIndexes,
    report: Report,
    accept_deviations: bool,
    deviates: bool,
}

impl Loading {
    fn run(&mut self, importer: &mut Importer<'_>) -> Result<(), Box<dyn Error>> {
        let mut auditor = Auditor::new(std::mem::take(&mut self.digests));
        let mut next = 0;
        self.report.expect(self.export.bytes());
        for object in self.export.objects() {
            let bytes = self.export.read(object)?;
            self.report.advance(bytes.len() as u64, bytes.len());
            let mut blocks =
                read_blocks(&bytes).map_err(|error| format!("{}: {error}", object.name))?.peekable();
            while blocks.peek().is_some() {
                let batch: Vec<_> = blocks.by_ref().take(BATCH_BLOCKS).collect();
                let checked = on_all_cores(batch, |block| {
                    let block = block?;
                    let checked = self.export.check(&block)?;
                    let catalog = self.export.catalog_changes(&block);
                    let block = ForeignBlock::new(block.value, block.source.as_deref(), catalog)?;
                    Ok::<_, FormatError>((checked, block))
                });
                for block in checked {
                    let (checked, block) = block.map_err(|error| format!("{}: {error}", object.name))?;
                    // The folder may hold several exports whose times overlap.
                    if checked.address.sequence_no < next {
                        continue;
                    }
                    next = checked.address.sequence_no + 1;
                    if !self.export.names_catalog() {
                        self.indexes.note(checked.address.sequence_no, block.value().root());
                    }
                    self.report.block(&checked)?;
                    let found = auditor.block(checked);
                    self.report.deviations(&found)?;
                    self.deviates |= !found.is_empty();
                    if !self.deviates || self.accept_deviations {
                        importer.push(block)?;
                    }
                }
            }
        }
        let (summary, missing) = auditor.finish();
        self.report.deviations(&missing)?;
        self.report.summary(&summary)?;
        self.deviates |= !missing.is_empty();
        if self.deviates && !self.accept_deviations {
            return Err("the journal deviates".into());
        }
        Ok(())
    }
}
