//! The hash of `transactionInfo`, taken from the bytes of a block without building the struct.

use crate::format::FormatError;
use crate::format::block_layout::{Parts, read_revision_frame, read_statement, read_table};
use crate::format::frame::Reader;
use crate::format::stored::statement_numbers;
use crate::hashing::Hash;
use crate::hashing::struct_hash::{StructHash, blob, id, list, text, timestamp, uint};

/// The hash of `transactionInfo`, from a block's frame. Documents of one table that the same statements touched
/// share a value, which is serialized once.
pub(crate) fn transaction_info_hash(frame: &[u8], parts: &Parts) -> Result<Hash, FormatError> {
    let mut part = StructHash::default();
    let mut statements = Vec::new();
    let mut reader = Reader::at(frame, parts.statements.at);
    for _ in 0..parts.statements.count {
        let statement = read_statement(&mut reader)?;
        part.field("statement", |out| text(statement.statement, out));
        part.field("startTime", |out| timestamp(statement.start_time, out));
        part.field("statementDigest", |out| blob(&statement.statement_digest.0, out));
        part.write(&mut statements);
    }
    let mut info = StructHash::default();
    info.field("statements", |out| list(out, |out| out.extend_from_slice(&statements)));
    if parts.revisions.count > 0 {
        let mut documents = documents_hash(frame, parts, part)?;
        info.field("documents", |out| documents.write(out));
    }
    Ok(info.finish())
}

fn documents_hash(frame: &[u8], parts: &Parts, mut part: StructHash) -> Result<StructHash, FormatError> {
    let mut reader = Reader::at(frame, parts.tables.at);
    let tables = (0..parts.tables.count).map(|_| read_table(&mut reader)).collect::<Result<Vec<_>, _>>()?;
    let mut documents = StructHash::default();
    let mut last: Option<(usize, &[u8])> = None;
    let mut value = Vec::new();
    let mut reader = Reader::at(frame, parts.revisions.at);
    for _ in 0..parts.revisions.count {
        let revision = read_revision_frame(&mut reader)?;
        if last != Some((revision.table, revision.statements)) {
            last = Some((revision.table, revision.statements));
            part.field("tableName", |out| text(tables[revision.table].name, out));
            part.field("tableId", |out| id(tables[revision.table].id, out));
            part.field("statements", |out| {
                list(out, |out| {
                    statement_numbers(revision.statements).for_each(|number| uint(number.into(), out))
                });
            });
            value.clear();
            part.write(&mut value);
        }
        let name = revision.document_id.to_text();
        let name = std::str::from_utf8(&name).expect("letters and digits");
        documents.field(name, |out| out.extend_from_slice(&value));
    }
    Ok(documents)
}
