//! The bytes of a block.
//!
//! All numbers are little-endian.
//!
//! ```text
//! frame: the block's hash and a checksum cover it
//!    0   3  magic "EVB"
//!    3   5  version "pre-1"
//!    8   1  kind: 1 genesis, 2 transaction (3 is a foreign block, see `foreign_block.rs`)
//!    9   1  flags: bit 0 redactions
//!   10   2  zero
//!   12   4  F, length of the frame
//!   16   8  block number            \
//!   24  16  strand id                \
//!   40   8  block timestamp, ms       > sealing writes these
//!   48  32  previous block hash      /   zero in the first block
//!   80  32  block hash              /
//!  112  16  transaction id
//!  128   8  transaction time, ms; zero where there are no revisions
//!  136   4  number of statements
//!  140   4  number of catalog changes
//!  144   4  number of tables
//!  148   4  number of revisions
//!  152      statements  { start time 8, digest 32, length 4, text }
//!           changes     { length 4, Ion binary }
//!           tables      { table id 16, length 4, name }, in the order in which the revisions first name them
//!           revisions   { document id 16, version 8, hash 32, table 4, n 4, statements 4 × n }
//!           redactions  n 4, { block number 8, strand id 16, table id 16, document id 16, version 8 } × n;
//!                       only where flag bit 0 is set
//!  F-4   4  CRC-32C of the frame before
//!
//! data region: the documents; a redaction replaces bytes here only
//!    F   4  D, length of the region
//!  F+4      revisions   { kind 1, then  1 data: length 4, Ion binary
//!                                       2 deleted: nothing
//!                                       3 redacted: hash 32 }
//! F+D-4  4  CRC-32C of the region before
//! ```

use crate::format::frame::{Reader, VERSION, Writer, to_u32, to_usize};
use crate::format::{BlockKind, FormatError, StoredData, StoredRevision, StoredStatement};
use crate::hashing::transaction_info::TableName;
use crate::hashing::{BlockAddress, Hash, RedactedRevision, UniqueId};

pub(crate) const MAGIC: [u8; 3] = *b"EVB";
pub(crate) const FLAG_REDACTIONS: u8 = 1;
pub(crate) const AT_KIND: usize = 8;
pub(crate) const AT_FRAME_LENGTH: usize = 12;
pub(crate) const AT_BLOCK_NO: usize = 16;
pub(crate) const AT_TIMESTAMP: usize = 40;
pub(crate) const AT_PREVIOUS_HASH: usize = 48;
pub(crate) const AT_HASH: usize = 80;
pub(crate) const AT_TRANSACTION_ID: usize = 112;
pub(crate) const AT_TRANSACTION_TIME: usize = 128;
pub(crate) const KIND_FOREIGN: u8 = 3;
const AT_STATEMENTS: usize = 152;
const KIND_GENESIS: u8 = 1;
const KIND_TRANSACTION: u8 = 2;
const DATA: u8 = 1;
const DELETED: u8 = 2;
const REDACTED: u8 = 3;

/// The places of a block's parts, in bytes from its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) kind: BlockKind,
    pub(crate) parts: Parts,
    pub(crate) data: usize,
    pub(crate) end: usize,
}

/// The places of a frame's parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) statements: Part,
    pub(crate) changes: Part,
    pub(crate) tables: Part,
    pub(crate) revisions: Part,
    pub(crate) redactions: Part,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) count: usize,
    pub(crate) at: usize,
}

/// Walks through a block and checks everything but its hashes.
pub(crate) fn layout(bytes: &[u8]) -> Result<Layout, FormatError> {
    let (kind, frame_length) = frame(bytes)?;
    let kind = match kind {
        KIND_GENESIS => BlockKind::Genesis,
        KIND_TRANSACTION => BlockKind::Transaction,
        other => {
            return Err(FormatError::new(
                format!("kind {other} is not a kind of a ledger's own blocks"),
                AT_KIND,
            ));
        }
    };
    let parts = parts(&bytes[..frame_length - 4])?;
    nothing_uncovered(bytes, kind, &parts)?;
    let end = data_region(bytes, frame_length, parts.revisions.count)?;
    Ok(Layout { kind, parts, data: frame_length, end })
}

/// Checks fields that the hash of this kind of block does not cover. They must be zero, because otherwise somebody
/// could change them unnoticed.
fn nothing_uncovered(bytes: &[u8], kind: BlockKind, parts: &Parts) -> Result<(), FormatError> {
    let is_zero = |at: usize, length: usize| bytes[at..at + length].iter().all(|byte| *byte == 0);
    if parts.revisions.count == 0 && !is_zero(AT_TRANSACTION_TIME, 8) {
        return Err(FormatError::new(
            "a block without revisions has a transaction time",
            AT_TRANSACTION_TIME,
        ));
    }
    if kind == BlockKind::Transaction {
        return Ok(());
    }
    if !is_zero(AT_PREVIOUS_HASH, Hash::LENGTH) {
        return Err(FormatError::new("the first block names a block before", AT_PREVIOUS_HASH));
    }
    if parts.statements.count + parts.revisions.count + parts.redactions.count > 0 {
        return Err(FormatError::new("the first block holds a transaction", AT_STATEMENTS));
    }
    Ok(())
}

/// Walks through a frame; `frame` ends before the checksum.
pub(crate) fn parts(frame: &[u8]) -> Result<Parts, FormatError> {
    let flags = Reader::at(frame, AT_KIND + 1).u8()?;
    if flags & !FLAG_REDACTIONS != 0 {
        return Err(FormatError::new("a flag is set that this version does not know", AT_KIND + 1));
    }
    let mut counts = Reader::at(frame, AT_TRANSACTION_TIME + 8);
    let mut reader = Reader::at(frame, AT_STATEMENTS);
    let statements = part(&mut reader, counts.u32()?, |reader| read_statement(reader).map(drop))?;
    let changes = part(&mut reader, counts.u32()?, |reader| reader.bytes().map(drop))?;
    let tables = part(&mut reader, counts.u32()?, |reader| read_table(reader).map(drop))?;
    // The tables must stand in the order in which the revisions first name them. So a revision may name one of those
    // before, or the next one.
    let mut named = 0;
    let revisions = part(&mut reader, counts.u32()?, |reader| {
        let at = reader.position();
        let table = read_revision_frame(reader)?.table;
        named = named.max(table.saturating_add(1).min(named + 1));
        if table < named {
            Ok(())
        } else {
            Err(FormatError::new(
                "the tables do not stand in the order in which the revisions first name them",
                at,
            ))
        }
    })?;
    if named != tables.count {
        return Err(FormatError::new("the tables are not those that the revisions name", tables.at));
    }
    let redaction_count = if flags & FLAG_REDACTIONS == 0 { 0 } else { reader.u32()? };
    let redactions = part(&mut reader, redaction_count, |reader| read_redaction(reader).map(drop))?;
    if reader.remaining() > 0 {
        return Err(FormatError::new("bytes follow the last part of the frame", reader.position()));
    }
    Ok(Parts { statements, changes, tables, revisions, redactions })
}

/// Checks the head that all kinds of blocks have, and the frame's checksum. Returns the kind and the frame's length.
pub(crate) fn frame(bytes: &[u8]) -> Result<(u8, usize), FormatError> {
    let mut reader = Reader::new(bytes);
    reader.expect(&MAGIC, "a block")?;
    reader.expect(&VERSION, "a block of a version that this program reads")?;
    let kind = reader.u8()?;
    reader.u8()?;
    reader.expect(&[0; 2], "a block: its reserved bytes are not zero")?;
    let length = frame_length(bytes)?;
    let mut end = Reader::new(bytes);
    end.take(length - 4)?;
    end.checksum_since(0, "a block")?;
    Ok((kind, length))
}

/// The length that a frame states for itself. It is at least that of the shortest frame.
fn frame_length(bytes: &[u8]) -> Result<usize, FormatError> {
    let length = to_usize(Reader::at(bytes, AT_FRAME_LENGTH).u32()?);
    if length < AT_TRANSACTION_ID + 4 {
        return Err(FormatError::new("the frame is too short for a block", AT_FRAME_LENGTH));
    }
    Ok(length)
}

/// The length of the block at the start of these bytes, from its two length fields alone. It is never zero, so a slot
/// cannot hold more blocks than its bytes allow, even if its head claims more.
pub(crate) fn encoded_length(bytes: &[u8]) -> Result<usize, FormatError> {
    let frame_length = frame_length(bytes)?;
    let data_length = to_usize(Reader::at(bytes, frame_length).u32()?);
    frame_length
        .checked_add(data_length)
        .ok_or_else(|| FormatError::new("the block has no end", AT_FRAME_LENGTH))
}

fn data_region(bytes: &[u8], start: usize, revisions: usize) -> Result<usize, FormatError> {
    let mut reader = Reader::at(bytes, start);
    let length = to_usize(reader.u32()?);
    for _ in 0..revisions {
        read_data(&mut reader)?;
    }
    reader.checksum_since(start, "a block's documents")?;
    if reader.position() - start != length {
        return Err(FormatError::new("the documents do not fill their region", start));
    }
    Ok(reader.position())
}

fn part<'a>(
    reader: &mut Reader<'a>,
    count: u32,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<(), FormatError>,
) -> Result<Part, FormatError> {
    let part = Part { count: to_usize(count), at: reader.position() };
    for _ in 0..count {
        read(reader)?;
    }
    Ok(part)
}

pub(crate) fn read_statement<'a>(reader: &mut Reader<'a>) -> Result<StoredStatement<'a>, FormatError> {
    let start_time = reader.i64()?;
    let statement_digest = reader.hash()?;
    Ok(StoredStatement { statement: reader.text()?, start_time, statement_digest })
}

pub(crate) fn read_table<'a>(reader: &mut Reader<'a>) -> Result<TableName<'a>, FormatError> {
    Ok(TableName { id: reader.id()?, name: reader.text()? })
}

/// Reads a revision from its two places, the frame and the data region; `tables` are those of the block.
pub(crate) fn read_revision<'a>(
    frame: &mut Reader<'a>,
    data: &mut Reader<'a>,
    tables: &[TableName<'a>],
) -> Result<StoredRevision<'a>, FormatError> {
    let revision = read_revision_frame(frame)?;
    let table = tables.get(revision.table);
    let table = table.ok_or_else(|| FormatError::new("a revision names no table", frame.position()))?;
    Ok(StoredRevision {
        document_id: revision.document_id,
        version: revision.version,
        hash: revision.hash,
        table_id: table.id,
        table_name: table.name,
        data: read_data(data)?,
        statements: revision.statements,
    })
}

/// A revision without its data.
pub(crate) struct RevisionFrame<'a> {
    pub(crate) document_id: UniqueId,
    pub(crate) version: u64,
    pub(crate) hash: Hash,
    /// The number of its table among the block's tables.
    pub(crate) table: usize,
    pub(crate) statements: &'a [u8],
}

pub(crate) fn read_revision_frame<'a>(reader: &mut Reader<'a>) -> Result<RevisionFrame<'a>, FormatError> {
    let document_id = reader.id()?;
    let version = reader.u64()?;
    let hash = reader.hash()?;
    let table = to_usize(reader.u32()?);
    let count = to_usize(reader.u32()?);
    let statements = reader.take(count.saturating_mul(4))?;
    Ok(RevisionFrame { document_id, version, hash, table, statements })
}

fn read_data<'a>(reader: &mut Reader<'a>) -> Result<StoredData<'a>, FormatError> {
    let at = reader.position();
    match reader.u8()? {
        DATA => Ok(StoredData::Data(reader.bytes()?)),
        DELETED => Ok(StoredData::Deleted),
        REDACTED => Ok(StoredData::Redacted(reader.hash()?)),
        other => Err(FormatError::new(format!("a revision's data is of the unknown kind {other}"), at)),
    }
}

/// Appends the data region.
pub(crate) fn write_data<'a>(
    bytes: &mut Vec<u8>,
    revisions: impl Iterator<Item = Result<StoredData<'a>, FormatError>>,
) -> Result<(), FormatError> {
    let start = bytes.len();
    bytes.put_u32(0);
    for data in revisions {
        match data? {
            StoredData::Data(document) => {
                bytes.push(DATA);
                bytes.put_bytes(document)?;
            }
            StoredData::Deleted => bytes.push(DELETED),
            StoredData::Redacted(hash) => {
                bytes.push(REDACTED);
                bytes.extend_from_slice(&hash.0);
            }
        }
    }
    let length = to_u32(bytes.len() - start + 4)?;
    bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
    bytes.put_checksum_since(start);
    Ok(())
}

pub(crate) fn read_redaction(reader: &mut Reader<'_>) -> Result<RedactedRevision, FormatError> {
    let sequence_no = reader.u64()?;
    let block_address = BlockAddress { sequence_no, strand_id: reader.id()? };
    Ok(RedactedRevision {
        block_address,
        table_id: reader.id()?,
        document_id: reader.id()?,
        version: reader.u64()?,
    })
}

pub(crate) fn write_redaction(bytes: &mut Vec<u8>, redacted: &RedactedRevision) {
    bytes.put_u64(redacted.block_address.sequence_no);
    bytes.extend_from_slice(redacted.block_address.strand_id.as_bytes());
    bytes.extend_from_slice(redacted.table_id.as_bytes());
    bytes.extend_from_slice(redacted.document_id.as_bytes());
    bytes.put_u64(redacted.version);
}

/// Appends the head, up to the transaction id. The fields that sealing writes are zero.
pub(crate) fn write_head(bytes: &mut Vec<u8>, kind: BlockKind, flags: u8) {
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION);
    bytes.push(match kind {
        BlockKind::Genesis => KIND_GENESIS,
        BlockKind::Transaction => KIND_TRANSACTION,
    });
    bytes.push(flags);
    bytes.resize(AT_TRANSACTION_ID, 0);
}
