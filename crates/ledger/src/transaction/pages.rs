//! Pages of results: the first page comes with the statement, each further one by a page token.

use everstrand_ion::Document;
use everstrand_partiql::Rows;

/// Some values of a statement's result, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The values.
    pub values: Vec<Document>,
    /// Fetches the next page, once. Absent on the last page.
    pub next_page_token: Option<String>,
    /// How many documents were read for this page.
    pub read_ios: u64,
    /// How many documents and index entries were written for this page.
    pub write_ios: u64,
}

/// A result of which more pages are to be fetched.
pub(crate) struct OpenResult {
    /// Fetches the next page.
    pub(crate) token: String,
    /// The number of its statement. Its rows see what earlier statements wrote.
    pub(crate) statement: u32,
    pub(crate) rows: Rows,
    /// The first value of the next page. It was read to see whether there is a next page.
    pub(crate) ahead: Document,
    /// The reads and writes that earlier pages have reported.
    pub(crate) reported_ios: (u64, u64),
}
