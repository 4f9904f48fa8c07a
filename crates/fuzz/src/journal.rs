//! The readers of what others wrote: slots, blocks, exports, evidence, checkpoints.

use std::sync::Arc;

use everstrand_journal::evidence::{Input, Role};
use everstrand_journal::export::{
    ExportFiles, StartedManifest, read_blocks, read_catalog, read_completed_manifest,
};
use everstrand_journal::hashes_only::describe;
use everstrand_journal::{
    Addition, Auditor, Block, Checkpoint, CheckpointVerifier, ForeignBlock, Slot, check_foreign, check_slot,
    verify_files,
};

/// Any bytes as an addition, as a slot and as a block, with checksums repaired so that more than they is tested.
pub fn journal_slot(bytes: &[u8]) {
    if let Ok(addition) = Addition::decode(bytes) {
        assert_eq!(addition.encode().as_deref(), Ok(bytes), "an addition is written as it was read");
    }
    for bytes in [bytes.to_vec(), repaired(bytes.to_vec())] {
        if let Ok(slot) = Slot::decode(bytes.clone()) {
            assert_eq!(slot.encode().as_deref(), Ok(&bytes[..]), "a slot is written as it was read");
            let checked = check_slot(&slot);
            Auditor::default().checked_slot(&slot, checked);
            let _ = slot.redacted(&[(slot.header().first_block_no, Default::default())]);
        }
        let end = bytes.len();
        if let Ok(block) = Block::decode(Arc::new(bytes), 0, end) {
            let _ = (block.to_ion(), block.entries_hash_list(), block.redactions().count());
            for revision in block.revisions() {
                let _ = (block.revision(&revision), block.revision_path(revision.document_id));
            }
        }
    }
}

/// Any bytes as a file that somebody saved.
pub fn journal_evidence(bytes: &[u8]) {
    for role in [Role::Any, Role::Digest, Role::Proof, Role::Revision, Role::Block] {
        let _ = verify_files(&[Input { name: "file", role, bytes }], &[]);
    }
}

/// Any bytes as a part of an export.
pub fn journal_export(bytes: &[u8]) {
    let _ = (StartedManifest::read(bytes), read_completed_manifest(bytes), read_catalog(bytes));
    for block in read_blocks(bytes).into_iter().flatten().flatten() {
        if let Ok(checked) = check_foreign(block.value.root(), Some(&[])) {
            let _ = describe(&checked);
            Auditor::default().block(checked);
        }
        let _ = ForeignBlock::new(block.value, block.source.as_deref(), Some(&[]));
    }
    if let Ok(names) = std::str::from_utf8(bytes) {
        let _ = ExportFiles::sort(names.lines().map(str::to_owned));
    }
}

/// Any text as a checkpoint and as a key.
pub fn journal_checkpoint(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(Checkpoint::parse(&checkpoint.to_note()), Ok(checkpoint));
    }
    if let Ok(verifier) = CheckpointVerifier::parse(text) {
        assert_eq!(CheckpointVerifier::parse(&verifier.to_string()), Ok(verifier));
    }
}

/// The bytes with the checksums of a block that begins them, where they have the lengths for it.
fn repaired(mut bytes: Vec<u8>) -> Vec<u8> {
    let length = |bytes: &[u8], at: usize| {
        let length = bytes.get(at..at.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()
    };
    let frame = length(&bytes, 12);
    let data = frame.and_then(|frame| frame.checked_add(length(&bytes, frame)?));
    let mut start = 0;
    for end in [frame, data].into_iter().flatten() {
        if let Some(part) = bytes.get_mut(start..end).filter(|part| part.len() >= 4) {
            let (part, checksum) = part.split_at_mut(part.len() - 4);
            checksum.copy_from_slice(&crc32c::crc32c(part).to_le_bytes());
        }
        start = end;
    }
    bytes
}
