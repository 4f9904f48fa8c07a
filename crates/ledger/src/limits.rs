//! How much a ledger allows, and how it behaves. The defaults are QLDB's.

/// Bounds of one ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Distinct documents that one transaction may write.
    pub documents_per_transaction: usize,
    /// Bytes of one document as Ion binary.
    pub document_bytes: usize,
    /// Bytes of all documents that one transaction writes.
    pub transaction_bytes: usize,
    /// Milliseconds that a transaction lives, from its start to its commit.
    pub transaction_millis: u64,
    /// Milliseconds that a session lives, busy or not.
    pub session_millis: u64,
    /// Transactions that may be open at a time.
    pub open_transactions: usize,
    /// Tables that may be active at a time.
    pub active_tables: usize,
    /// Tables, dropped ones included.
    pub tables: usize,
    /// Indexes of one table.
    pub indexes_per_table: usize,
    /// Characters of one statement.
    pub statement_characters: usize,
    /// Statements of one transaction; QLDB names no bound, ours keeps a transaction's memory finite.
    pub statements_per_transaction: usize,
    /// Unfinished results that one transaction may hold.
    pub open_results: usize,
    /// Values of one page.
    pub page_values: usize,
    /// Bytes of one page's values; a page has at least one value.
    pub page_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            documents_per_transaction: 40,
            document_bytes: 128 << 10,
            transaction_bytes: 4 << 20,
            transaction_millis: 30_000,
            session_millis: 15 * 60_000,
            open_transactions: 3000,
            active_tables: 20,
            tables: 40,
            indexes_per_table: 5,
            statement_characters: 100_000,
            statements_per_transaction: 10_000,
            open_results: 100,
            page_values: 200,
            page_bytes: 4 << 20,
        }
    }
}

/// How one ledger behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerOptions {
    /// Its bounds.
    pub limits: Limits,
    /// Whether a transaction that only read writes a block, as QLDB's did.
    pub record_reads: bool,
    /// Whether the language goes beyond QLDB's (`ORDER BY`, `GROUP BY`, unique indexes and more).
    pub extensions: bool,
    /// Bytes and transactions of one group at most.
    pub group_bytes: usize,
    /// Transactions of one group at most.
    pub group_transactions: usize,
    /// Milliseconds between two times that the view is made to survive a loss of power.
    pub persist_millis: u64,
    /// Milliseconds without a write after which the committing thread rests.
    pub idle_millis: u64,
    /// How often the same bytes are sent again while it is unknown whether a slot was written, before
    /// the ledger is closed for writing.
    pub doubt_attempts: u32,
}

impl Default for LedgerOptions {
    fn default() -> LedgerOptions {
        LedgerOptions {
            limits: Limits::default(),
            record_reads: false,
            extensions: true,
            group_bytes: 4 << 20,
            group_transactions: 2000,
            persist_millis: 3000,
            idle_millis: 5000,
            doubt_attempts: 5,
        }
    }
}
