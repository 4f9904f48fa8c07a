//! Results in pages: the first comes with the statement, the rest by tokens.

use everstrand_ion::Document;
use everstrand_partiql::Rows;

/// Some values of a statement's result, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The values.
    pub values: Vec<Document>,
    /// Fetches the next page, once; absent on the last.
    pub next_page_token: Option<String>,
    /// How many documents were read for this page.
    pub read_ios: u64,
    /// How many documents and index entries were written for this page.
    pub write_ios: u64,
}

/// A result of which a page was given and more is to come.
pub(crate) struct OpenResult {
    /// Fetches the next page.
    pub(crate) token: String,
    /// Which statement of the transaction; its rows see what was written before it.
    pub(crate) statement: u32,
    pub(crate) rows: Rows,
    /// The first value of the next page, which told that there is one.
    pub(crate) ahead: Document,
    /// What earlier pages told of the rows' reads and writes.
    pub(crate) reported_ios: (u64, u64),
}
