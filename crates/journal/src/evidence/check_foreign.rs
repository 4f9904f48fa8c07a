//! Checks a block in QLDB's shape, from an export, a stream or an answer to GetBlock.
//!
//! A hash may stand anywhere among the entries, because QLDB promised neither their number nor their order. Two entries
//! of QLDB's blocks cover metadata that nobody outside AWS can compute. The checks go on after a finding, from the
//! revisions up to the whole block.

use everstrand_ion::{IonType, RawValue, Value, ion_hash};

use crate::evidence::{BlockShape, Check, CheckedBlock, Deviation};
use crate::format::{FormatError, Place};
use crate::hashing::entries::{catalog_hash, position_hash};
use crate::hashing::{BlockAddress, CatalogChange, Hash, UniqueId, dot, join, root};

/// The rules by which the hash of a deleted revision may be computed. It is not known which one QLDB used.
///
/// Everstrand's blocks follow the first.
pub const DELETE_RULES: [&str; 5] = [
    "H(metadata)",
    "dot(SHA-256 of nothing, H(metadata))",
    "dot(H(null), H(metadata))",
    "dot(H(null.struct), H(metadata))",
    "dot(H({}), H(metadata))",
];

/// Computes all hashes of a block in QLDB's shape again. `catalog` are its catalog changes, which are known only for
/// blocks that Everstrand made; with them the position hash and the catalog hash are checked too.
///
/// An error means that the address, the time or a hash of the block is absent, so that it has no place in a chain.
pub fn check_foreign(
    block: RawValue<'_>,
    catalog: Option<&[CatalogChange]>,
) -> Result<CheckedBlock, FormatError> {
    let Place { address, timestamp, previous_hash, hash } = Place::of(block)?;
    let entries = block.get("entriesHashList").and_then(|list| list.items().map(Hash::from_ion).collect());
    let entries: Vec<Option<Hash>> = entries.ok_or_else(|| {
        FormatError::new("the block has no entriesHashList of the right type".to_owned(), 0)
    })?;
    let mut checking = Checking { address, entries, deviations: Vec::new(), shape: BlockShape::default() };
    let revision_hashes = checking.revisions(block);
    checking.root_of_revisions(block, &revision_hashes);
    checking.infos(block);
    if let Some(catalog) = catalog {
        checking.system_hashes(block, timestamp, catalog);
    }
    checking.hashes_of_the_block(block, hash, previous_hash);
    Ok(CheckedBlock {
        address,
        hash,
        previous_hash,
        timestamp,
        transaction_id: block.get("transactionId").and_then(RawValue::as_text).and_then(|id| id.parse().ok()),
        revisions: u64::try_from(revision_hashes.len() - checking.shape.revisions_hash_only)
            .unwrap_or(u64::MAX),
        deviations: checking.deviations,
        shape: checking.shape,
    })
}

/// Whether the hash of a revision in QLDB's shape is that of its data and metadata; the error says what is wrong. `None`
/// if the revision shows only its hash.
pub fn check_revision(revision: RawValue<'_>) -> Option<Result<(), String>> {
    let (data, data_hash) = (revision.get("data"), revision.get("dataHash"));
    let Some(metadata) = revision.get("metadata") else {
        // The hash covers the metadata too, so without them it cannot vouch for the data.
        return data
            .or(data_hash)
            .map(|_| Err("shows data but no metadata, so its hash cannot be checked".to_owned()));
    };
    let Some(hash) = revision.get("hash").and_then(Hash::from_ion).flatten() else {
        return Some(Err("the revision has no hash of 32 bytes".to_owned()));
    };
    let metadata_hash = Hash(metadata.ion_hash());
    let data_hash = match (data, data_hash) {
        (Some(data), _) => Some(Hash(data.ion_hash())),
        (None, Some(data_hash)) => match Hash::from_ion(data_hash).flatten() {
            Some(data_hash) => Some(data_hash),
            None => return Some(Err("dataHash is no hash of 32 bytes".to_owned())),
        },
        (None, None) => None,
    };
    let matches = match data_hash {
        Some(data_hash) => dot(data_hash, metadata_hash) == hash,
        None => delete_rule(hash, metadata_hash).is_some(),
    };
    Some(if matches { Ok(()) } else { Err("does not match data and metadata".to_owned()) })
}

/// The rule of [`DELETE_RULES`] that the hash of a deleted revision follows; `None` if it follows none of them.
fn delete_rule(hash: Hash, metadata_hash: Hash) -> Option<usize> {
    let ion = |value: Value| Hash(ion_hash(&value));
    let nothing = Hash(<sha2::Sha256 as sha2::Digest>::digest([]).into());
    let candidates = [
        metadata_hash,
        dot(nothing, metadata_hash),
        dot(ion(Value::null()), metadata_hash),
        dot(ion(Value::new(everstrand_ion::Data::Null(IonType::Struct))), metadata_hash),
        dot(ion(everstrand_ion::Struct::default().into()), metadata_hash),
    ];
    candidates.iter().position(|candidate| *candidate == hash)
}

struct Checking {
    address: BlockAddress,
    entries: Vec<Option<Hash>>,
    deviations: Vec<Deviation>,
    shape: BlockShape,
}

impl Checking {
    fn report(&mut self, check: Check, detail: impl Into<String>) {
        self.deviations.push(Deviation::new(Some(self.address.sequence_no), check, detail));
    }

    /// Checks each revision, and returns the hashes of all of them in order.
    fn revisions(&mut self, block: RawValue<'_>) -> Vec<Option<Hash>> {
        let transaction_id = block.get("transactionId").and_then(RawValue::as_text);
        let mut hashes = Vec::new();
        let revisions = revisions_of(block).into_iter().flat_map(RawValue::items);
        for (index, revision) in revisions.enumerate() {
            let hash = revision.get("hash").and_then(Hash::from_ion).flatten();
            hashes.push(hash);
            let Some(hash) = hash else {
                self.report(Check::RevisionHash, format!("revisions[{index}] has no hash of 32 bytes"));
                continue;
            };
            let metadata = revision.get("metadata");
            if let Some(Err(problem)) = check_revision(revision) {
                let id = metadata.and_then(|metadata| metadata.get("id")?.as_text()).unwrap_or("?");
                self.report(Check::RevisionHash, format!("revisions[{index}] of document {id} {problem}"));
            }
            let Some(metadata) = metadata else {
                self.shape.revisions_hash_only += 1;
                continue;
            };
            let address =
                revision.get("blockAddress").map(|address| BlockAddress::try_from(&address.to_value()));
            if address.is_some_and(|address| address.as_ref() != Ok(&self.address)) {
                self.report(Check::RevisionAddress, format!("revisions[{index}] names another block"));
            }
            if metadata.get("txId").and_then(RawValue::as_text) != transaction_id {
                self.report(Check::RevisionAddress, format!("revisions[{index}] names another transaction"));
            }
            match (revision.get("data"), revision.get("dataHash")) {
                (Some(_), _) => self.shape.revisions_with_data += 1,
                (None, Some(_)) => self.shape.revisions_redacted += 1,
                (None, None) => {
                    let rule = delete_rule(hash, Hash(metadata.ion_hash()));
                    self.shape.deletes_by_rule[rule.unwrap_or(DELETE_RULES.len())] += 1;
                }
            }
        }
        hashes
    }

    fn root_of_revisions(&mut self, block: RawValue<'_>, hashes: &[Option<Hash>]) {
        let root = root(hashes);
        if hashes.is_empty() {
            let documents = block.get("transactionInfo").and_then(|info| info.get("documents"));
            if documents.is_some_and(|documents| documents.fields().next().is_some()) {
                let detail = "transactionInfo names documents, but there are no revisions (which is right only if \
                    the transaction deleted all documents that it inserted)";
                self.report(Check::RevisionsRoot, detail);
            }
            return;
        }
        self.shape.revisions_root_at = self.find(root);
        if self.shape.revisions_root_at.is_none() {
            self.report(Check::RevisionsRoot, "the root of the revisions is not in entriesHashList");
        }
    }

    fn infos(&mut self, block: RawValue<'_>) {
        self.shape.entries = self.entries.len();
        self.shape.empty_entries = self.entries.iter().filter(|entry| entry.is_none()).count();
        if let Some(info) = block.get("transactionInfo") {
            self.shape.transaction_info = true;
            self.shape.documents = info.get("documents").is_some();
            self.shape.statements = info.get("statements").map_or(0, |statements| statements.items().count());
            self.shape.transaction_info_at = self.find(Some(Hash(info.ion_hash())));
            if self.shape.transaction_info_at.is_none() {
                self.report(Check::TransactionInfo, "the hash of transactionInfo is not in entriesHashList");
            }
        }
        if let Some(info) = block.get("redactionInfo") {
            self.shape.redaction_info = true;
            self.shape.redaction_info_at = self.find(Some(Hash(info.ion_hash())));
            if self.shape.redaction_info_at.is_none() {
                self.report(Check::RedactionInfo, "the hash of redactionInfo is not in entriesHashList");
            }
        }
    }

    fn system_hashes(&mut self, block: RawValue<'_>, timestamp: i64, catalog: &[CatalogChange]) {
        let id =
            block.get("transactionId").and_then(RawValue::as_text).and_then(|id| id.parse::<UniqueId>().ok());
        let position = id.map(|id| position_hash(self.address, id, timestamp));
        if position.is_none() || self.entries.first().copied().flatten() != position {
            self.report(
                Check::SystemHashes,
                "the first entry is not the hash of address, transaction and time",
            );
        }
        if self.entries.get(2).copied().flatten() != Some(catalog_hash(catalog)) {
            self.report(Check::SystemHashes, "the third entry is not the hash of the catalog changes");
        }
        let revisions = revisions_of(block).into_iter().flat_map(RawValue::items);
        let shown = revisions.filter_map(|revision| revision.get("hash").and_then(Hash::from_ion).flatten());
        let changes: Vec<Hash> = catalog.iter().map(CatalogChange::hash).collect();
        if shown.take(changes.len()).collect::<Vec<Hash>>() != changes {
            self.report(Check::SystemHashes, "the first revisions are not those of the catalog changes");
        }
        self.shape.made_here = true;
    }

    fn hashes_of_the_block(&mut self, block: RawValue<'_>, hash: Hash, previous_hash: Option<Hash>) {
        let entries_hash = root(&self.entries);
        if block.get("entriesHash").and_then(Hash::from_ion) != Some(entries_hash) {
            self.report(Check::EntriesHash, "is not the root of entriesHashList");
        }
        let stated = block.get("entriesHash").and_then(Hash::from_ion).flatten();
        if join(stated, previous_hash) != Some(hash) {
            self.report(Check::BlockHash, "does not join entriesHash and previousBlockHash");
        }
    }

    fn find(&self, hash: Option<Hash>) -> Option<usize> {
        self.entries.iter().position(|entry| *entry == hash)
    }
}

/// The revisions of a block; a record of a stream calls them `revisionSummaries`.
fn revisions_of(block: RawValue<'_>) -> Option<RawValue<'_>> {
    block.get("revisions").or_else(|| block.get("revisionSummaries"))
}
