//! How EXPLAIN shows the access to the rows of a table.

use super::{Explainer, Row, paths_text};
use crate::plan::{AccessPlan, IndexAccess, Kept, KeyRangePlan, Keys, Node, Scan};
use crate::tables::{AsOf, Index, SourceKind};

impl Explainer<'_> {
    pub(super) fn scan(&mut self, scan: &Scan, depth: usize) {
        let Scan { source, name, access, .. } = scan;
        let at = self.rows.len();
        self.row(depth, "", "");
        let (operation, detail, reads) = self.access(access, name, depth + 1);
        // The past does not change, so that reading it conflicts with nobody. A history does: it gets new revisions.
        let reads = match (&source.kind, &source.as_of) {
            (_, Some(_)) | (SourceKind::Diff { end: Some(_), .. }, _) => "nothing that can change".to_owned(),
            (SourceKind::UserTables, None) => "the catalog".to_owned(),
            _ => reads,
        };
        let row = &mut self.rows[at];
        // The documents that changed are found in the blocks, and the table is not read.
        row.operation = match (&source.kind, access) {
            (SourceKind::Diff { .. }, AccessPlan::Scan) => "Changed documents".to_owned(),
            _ => operation,
        };
        let firsts = if scan.firsts { ", the first of each key" } else { "" };
        row.detail = format!("{}{detail}{firsts}", shown(scan));
        row.reads = reads;
        row.estimate = scan.estimate;
    }

    /// The parts of indexes that stand in for the rows of a scan.
    pub(super) fn kept(&mut self, kept: &[Kept], input: &Node, depth: usize) {
        let Node::Scan(scan) = input.below_filter() else { return };
        for kept in kept {
            let (operation, access) = match kept {
                Kept::Rows => continue,
                Kept::Keys(access) => ("Keys of index", access),
                Kept::DifferentKeys(access) => ("Different keys of index", access),
                Kept::End(end) => ("First of index", &end.access),
            };
            let (_, detail, reads) = self.access(access, &scan.name, depth + 1);
            let AccessPlan::Index(access) = access else { continue };
            let is_end = matches!(kept, Kept::End(_));
            self.rows.push(Row {
                detail: format!("{}{detail}", shown(scan)),
                reads: match is_end {
                    true => format!("that key of {} {}", scan.name, paths_text(&access.index.paths)),
                    false => reads,
                },
                estimate: is_end.then_some(1),
                ..Row::new(depth, operation)
            });
        }
    }

    /// How rows are reached: the operation, its detail, and what the transaction reads.
    fn access(&mut self, access: &AccessPlan, table: &str, depth: usize) -> (String, String, String) {
        match access {
            AccessPlan::Scan => ("Scan".to_owned(), String::new(), format!("all of {table}")),
            AccessPlan::Documents(keys) => {
                let keys = self.keys(keys, depth);
                (
                    "Document lookup".to_owned(),
                    format!(" by id {keys}"),
                    format!("those documents of {table}"),
                )
            }
            AccessPlan::Index(access) => {
                let (detail, is_range) = self.index_access(access, depth);
                let operation = if is_range { "Index range" } else { "Index lookup" };
                let operation =
                    if access.index.unique { format!("{operation} (unique)") } else { operation.to_owned() };
                let what = if is_range { "that range" } else { "those keys" };
                (operation, detail, format!("{what} of {table} {}", paths_text(&access.index.paths)))
            }
            AccessPlan::Union(accesses) => {
                let (mut details, mut reads) = (Vec::new(), Vec::new());
                for access in accesses {
                    let (_, detail, read) = self.access(access, table, depth);
                    details.push(detail);
                    reads.push(read);
                }
                ("Index union".to_owned(), details.join(" OR"), reads.join(" and "))
            }
        }
    }

    /// The keys and the range of an index as text, and whether a range is read.
    fn index_access(&mut self, access: &IndexAccess, depth: usize) -> (String, bool) {
        let IndexAccess { index: Index { paths, .. }, equal, range, order } = access;
        let mut texts = Vec::new();
        for (path, keys) in paths.iter().zip(equal) {
            texts.push(format!("{} {}", path.join("."), self.keys(keys, depth)));
        }
        let next = paths.get(equal.len()).map(|path| path.join("."));
        let mut is_range = true;
        match range {
            KeyRangePlan::All => is_range = equal.is_empty(),
            KeyRangePlan::Between { lower, upper } => {
                for (bound, operator) in [(lower, '>'), (upper, '<')] {
                    if let Some((value, inclusive)) = bound {
                        let operator = format!("{operator}{}", if *inclusive { "=" } else { "" });
                        let value = self.text(value, depth);
                        texts.push(format!("{} {operator} {value}", next.as_deref().unwrap_or_default()));
                    }
                }
            }
            KeyRangePlan::Like { pattern, .. } => {
                let pattern = self.text(pattern, depth);
                texts.push(format!("{} LIKE {pattern}", next.as_deref().unwrap_or_default()));
            }
            KeyRangePlan::Unknown => texts.push(format!("{} IS NULL", next.as_deref().unwrap_or_default())),
            KeyRangePlan::Known => texts.push(format!("{} IS NOT NULL", next.as_deref().unwrap_or_default())),
        }
        let mut detail = format!(" by {}", paths_text(paths));
        if !texts.is_empty() {
            detail = format!("{detail} where {}", texts.join(" AND "));
        }
        if let Some(order) = order {
            let direction = if order.descending { " DESC" } else { "" };
            let nulls = if order.nulls_first { " NULLS FIRST" } else { " NULLS LAST" };
            detail = format!("{detail} in order{direction}{nulls}");
        }
        (detail, is_range)
    }

    fn keys(&mut self, keys: &Keys, depth: usize) -> String {
        match keys {
            Keys::One(key) => format!("= {}", self.text(key, depth)),
            Keys::AnyOf(items) => {
                let items: Vec<String> = items.iter().map(|item| self.text(item, depth)).collect();
                format!("IN ({})", items.join(", "))
            }
            Keys::Each(collection) => format!("IN {}", self.text(collection, depth)),
        }
    }
}

/// The source of a scan, as the statement has it.
fn shown(scan: &Scan) -> String {
    let Scan { source, name, alias, .. } = scan;
    let mut shown = name.clone();
    match &source.as_of {
        Some(AsOf::Timestamp(timestamp)) => shown = format!("{shown} AS OF {timestamp}"),
        Some(AsOf::Block(block)) => shown = format!("{shown} AS OF {block}"),
        None => {}
    }
    if **alias != **name {
        shown = format!("{shown} AS {alias}");
    }
    shown
}
