//! A report on the structure of a journal's blocks, which holds no data and may be given away.
//!
//! Some of QLDB's rules were never published and can only be seen in real journals. A line of the report describes one
//! block: numbers, positions, and the rule that its hashes follow. It has no document, table, statement, time or
//! hash.

use everstrand_ion::{Struct, Value};

use crate::evidence::{BlockShape, CheckedBlock, DELETE_RULES};

/// A question about QLDB's journals that some blocks answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OpenQuestion {
    /// How is the hash of a deleted revision computed?
    DeletedRevisionHash,
    /// What is in block 0?
    FirstBlock,
    /// Which entries does a transaction have that only read?
    ReadOnlyBlock,
    /// Which entries does a transaction have that changed the catalog?
    CatalogBlock,
    /// Which entries does a redaction have?
    RedactionBlock,
    /// Which blocks have no `transactionInfo`?
    BlockWithoutTransactionInfo,
    /// Which entries are empty?
    EmptyEntries,
}

impl OpenQuestion {
    /// The name of the question in a report.
    pub fn name(self) -> &'static str {
        match self {
            OpenQuestion::DeletedRevisionHash => "deleted-revision-hash",
            OpenQuestion::FirstBlock => "first-block",
            OpenQuestion::ReadOnlyBlock => "read-only-block",
            // Spelt so because reports that were already sent are.
            OpenQuestion::CatalogBlock => "catalogue-block",
            OpenQuestion::RedactionBlock => "redaction-block",
            OpenQuestion::BlockWithoutTransactionInfo => "block-without-transaction-info",
            OpenQuestion::EmptyEntries => "empty-entries",
        }
    }
}

/// The questions that a block answers. A block that Everstrand made answers none.
pub fn answers(checked: &CheckedBlock) -> Vec<OpenQuestion> {
    let shape = &checked.shape;
    if shape.made_here {
        return Vec::new();
    }
    let user_revisions =
        shape.revisions_with_data + shape.revisions_redacted + shape.deletes_by_rule.iter().sum::<usize>();
    let all = [
        (OpenQuestion::DeletedRevisionHash, shape.deletes_by_rule.iter().sum::<usize>() > 0),
        (OpenQuestion::FirstBlock, checked.address.sequence_no == 0),
        (
            OpenQuestion::ReadOnlyBlock,
            shape.transaction_info && user_revisions + shape.revisions_hash_only == 0,
        ),
        (OpenQuestion::CatalogBlock, shape.revisions_hash_only > 0),
        (OpenQuestion::RedactionBlock, shape.redaction_info),
        (OpenQuestion::BlockWithoutTransactionInfo, !shape.transaction_info),
        (OpenQuestion::EmptyEntries, shape.empty_entries > 0),
    ];
    all.into_iter().filter_map(|(question, answered)| answered.then_some(question)).collect()
}

/// The line of the report about one block.
pub fn describe(checked: &CheckedBlock) -> Value {
    let BlockShape {
        entries,
        empty_entries,
        revisions_root_at,
        transaction_info_at,
        redaction_info_at,
        transaction_info,
        redaction_info,
        documents,
        statements,
        revisions_with_data,
        revisions_hash_only,
        revisions_redacted,
        deletes_by_rule,
        made_here: _,
    } = &checked.shape;
    let count = |number: &usize| Value::from(u64::try_from(*number).unwrap_or(u64::MAX));
    let mut fields = Struct::default();
    fields.push("block", checked.address.sequence_no);
    fields.push("entries", count(entries));
    fields.push("emptyEntries", count(empty_entries));
    for (name, position) in [
        ("revisionsRootAt", revisions_root_at),
        ("transactionInfoAt", transaction_info_at),
        ("redactionInfoAt", redaction_info_at),
    ] {
        if let Some(position) = position {
            fields.push(name, count(position));
        }
    }
    fields.push("transactionInfo", *transaction_info);
    fields.push("redactionInfo", *redaction_info);
    fields.push("documents", *documents);
    fields.push("statements", count(statements));
    fields.push("revisionsWithData", count(revisions_with_data));
    fields.push("revisionsHashOnly", count(revisions_hash_only));
    fields.push("revisionsRedacted", count(revisions_redacted));
    let rules = DELETE_RULES.iter().copied().chain(["none of these"]).zip(deletes_by_rule);
    let deletes: Struct =
        rules.filter(|(_, deletes)| **deletes > 0).map(|(rule, deletes)| (rule, count(deletes))).collect();
    if !deletes.is_empty() {
        fields.push("deletes", deletes);
    }
    let failed: Vec<Value> =
        checked.deviations.iter().map(|deviation| deviation.check.to_string().into()).collect();
    if !failed.is_empty() {
        fields.push("failed", failed);
    }
    let answered: Vec<Value> = answers(checked).into_iter().map(|question| question.name().into()).collect();
    if !answered.is_empty() {
        fields.push("answers", answered);
    }
    fields.into()
}
