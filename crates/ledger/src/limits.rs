//! The limits of a ledger, and its options. The defaults are QLDB's.

use everstrand_partiql::BufferedBytes;

use crate::loss::Loss;

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
    /// Statements of one transaction. QLDB names no bound; ours bounds a transaction's memory.
    pub statements_per_transaction: usize,
    /// Bytes of all statements of one transaction. This bound is ours, too.
    pub statement_bytes_per_transaction: usize,
    /// Unfinished results that one transaction may hold.
    pub open_results: usize,
    /// Bytes of rows that all results of one transaction buffer to sort, group and join, until they are read to
    /// their end. This bound is ours, too.
    pub buffered_bytes_max: usize,
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
            statement_bytes_per_transaction: 16 << 20,
            open_results: 100,
            buffered_bytes_max: 64 << 20,
            page_values: 200,
            page_bytes: 4 << 20,
        }
    }
}

impl Limits {
    /// All limits by name, each with its value and its meaning.
    pub fn list(&self) -> Vec<(&'static str, u64, &'static str)> {
        let mut limits = self.clone();
        limits.fields().into_iter().map(|(name, value, meaning)| (name, value.get(), meaning)).collect()
    }

    /// Sets a limit by name: `documents-per-transaction=100`.
    pub fn set(&mut self, assignment: &str) -> Result<(), LimitError> {
        let (name, number) =
            assignment.split_once('=').ok_or_else(|| LimitError::Form(assignment.to_owned()))?;
        let number: u64 = number.trim().parse().map_err(|_| LimitError::Form(assignment.to_owned()))?;
        let wanted = match name.trim() {
            // The limit's name until 0.1; scripts may still have it.
            "held-bytes-max" => "buffered-bytes-max",
            name => name,
        };
        let mut fields = self.fields();
        match fields.iter_mut().find(|(name, ..)| *name == wanted) {
            Some((_, value, _)) if number > 0 => value.set(number),
            Some(_) => return Err(LimitError::Form(assignment.to_owned())),
            None => {
                let known = fields.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
                return Err(LimitError::Unknown { name: wanted.to_owned(), known });
            }
        }
        Ok(())
    }

    fn fields(&mut self) -> Vec<(&'static str, Field<'_>, &'static str)> {
        vec![
            (
                "documents-per-transaction",
                Field::Count(&mut self.documents_per_transaction),
                "documents that one transaction may write",
            ),
            ("document-bytes", Field::Count(&mut self.document_bytes), "bytes of one document as Ion binary"),
            (
                "transaction-bytes",
                Field::Count(&mut self.transaction_bytes),
                "bytes of all documents that one transaction writes",
            ),
            (
                "transaction-millis",
                Field::Millis(&mut self.transaction_millis),
                "milliseconds from a transaction's start to its commit",
            ),
            (
                "session-millis",
                Field::Millis(&mut self.session_millis),
                "milliseconds that a session lives, busy or not",
            ),
            (
                "open-transactions",
                Field::Count(&mut self.open_transactions),
                "transactions that may be open at a time",
            ),
            ("active-tables", Field::Count(&mut self.active_tables), "tables that may be active at a time"),
            ("tables", Field::Count(&mut self.tables), "tables, dropped ones included"),
            ("indexes-per-table", Field::Count(&mut self.indexes_per_table), "indexes of one table"),
            (
                "statement-characters",
                Field::Count(&mut self.statement_characters),
                "characters of one statement",
            ),
            (
                "statements-per-transaction",
                Field::Count(&mut self.statements_per_transaction),
                "statements of one transaction",
            ),
            (
                "statement-bytes-per-transaction",
                Field::Count(&mut self.statement_bytes_per_transaction),
                "bytes of the texts of all statements of one transaction",
            ),
            ("open-results", Field::Count(&mut self.open_results), "unfinished results of one transaction"),
            (
                "buffered-bytes-max",
                Field::Count(&mut self.buffered_bytes_max),
                "bytes of rows that the results of one transaction buffer to sort, group and join",
            ),
            ("page-values", Field::Count(&mut self.page_values), "values of one page"),
            ("page-bytes", Field::Count(&mut self.page_bytes), "bytes of one page's values"),
        ]
    }
}

/// A limit that can be read and set by name.
enum Field<'a> {
    Count(&'a mut usize),
    Millis(&'a mut u64),
}

impl Field<'_> {
    fn get(&self) -> u64 {
        match self {
            Field::Count(count) => u64::try_from(**count).unwrap_or(u64::MAX),
            Field::Millis(millis) => **millis,
        }
    }

    fn set(&mut self, number: u64) {
        match self {
            Field::Count(count) => **count = usize::try_from(number).unwrap_or(usize::MAX),
            Field::Millis(millis) => **millis = number,
        }
    }
}

/// What was wrong with the setting of a limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Not a name, an equals sign and a positive whole number.
    #[error("{0:?} does not set a limit; write NAME=N with a whole number greater than 0")]
    Form(String),
    /// No limit of this name.
    #[error("there is no limit {name:?}; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

/// Who drives the committer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Committing {
    /// A thread of the ledger, as long as there is something to write.
    #[default]
    OnThread,
    /// The caller, by [`crate::Ledger::step`]; otherwise no commit is answered. This is for a caller that decides
    /// what happens between two actions of a commit.
    ByCaller,
}

/// How one ledger behaves.
#[derive(Clone, Debug)]
pub struct LedgerOptions {
    /// Its bounds.
    pub limits: Limits,
    /// Counts and bounds the rows that all transactions buffer together; `limits.buffered_bytes_max` bounds one
    /// transaction. Ledgers whose options are clones of one another share the count.
    pub buffered_bytes: BufferedBytes,
    /// Whether a transaction that only read writes a block too, as in QLDB.
    pub record_reads: bool,
    /// Whether the language's extensions beyond QLDB are on (`ORDER BY`, `GROUP BY`, unique indexes and more).
    /// [`Ledger::set_extensions`](crate::Ledger::set_extensions) changes it later.
    pub extensions: bool,
    /// Bytes of one group: no proposal is added to a group that has so many.
    pub group_bytes: usize,
    /// Transactions of one group at most.
    pub group_transactions: usize,
    /// After so many milliseconds with unsaved changes, the view is synced to survive a loss of power.
    pub persist_millis: u64,
    /// Milliseconds without a write after which the committing thread ends.
    pub idle_millis: u64,
    /// How often the same slot is sent while it is unknown whether it was written, before the ledger takes no more
    /// writes.
    pub unknown_outcome_attempts: u32,
    /// Who drives the committer.
    pub committing: Committing,
    /// A loss that the operator knows of: the ledger opens read-only, until the journal has the missing slot again.
    /// Without it, opening fails when the view proves a loss.
    pub known_loss: Option<Loss>,
}

impl Default for LedgerOptions {
    fn default() -> LedgerOptions {
        LedgerOptions {
            limits: Limits::default(),
            buffered_bytes: BufferedBytes::new(512 << 20, "buffered_bytes"),
            record_reads: false,
            extensions: true,
            group_bytes: 4 << 20,
            group_transactions: 2000,
            persist_millis: 3000,
            idle_millis: 5000,
            unknown_outcome_attempts: 5,
            committing: Committing::OnThread,
            known_loss: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_set_by_name() {
        let mut limits = Limits::default();
        for (name, value, _) in limits.list() {
            limits.set(&format!("{name}={}", value + 1)).expect("every listed limit can be set");
        }
        assert_eq!(limits.documents_per_transaction, 41);
        assert_eq!(limits.transaction_millis, 30_001);
        limits.set("held-bytes-max=7").expect("the earlier name of a limit");
        assert_eq!(limits.buffered_bytes_max, 7);
        for wrong in ["tables", "tables=", "tables=-1", "tables=0", "tables=x"] {
            assert_eq!(limits.set(wrong), Err(LimitError::Form(wrong.to_owned())));
        }
        assert!(matches!(limits.set("chairs=1"), Err(LimitError::Unknown { .. })));
    }
}
