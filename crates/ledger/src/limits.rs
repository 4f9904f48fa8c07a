//! The limits of a ledger, and its options. The defaults are QLDB's.

use everstrand_partiql::BufferedBytes;

use crate::loss::Loss;

/// Defines [`Limits`] in one table: the name for users, the field, its default, and what it bounds.
macro_rules! limits {
    ($($name:literal $field:ident: $type:ty = $default:expr, $meaning:literal;)+) => {
        /// Bounds of one ledger.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = concat!("At most so many ", $meaning, ".")] pub $field: $type,)+
        }

        impl Default for Limits {
            fn default() -> Limits {
                Limits { $($field: $default,)+ }
            }
        }

        impl Limits {
            /// Each limit with its name and its meaning.
            fn fields(&mut self) -> Vec<(&'static str, &mut dyn Bound, &'static str)> {
                vec![$(($name, &mut self.$field, $meaning),)+]
            }
        }
    };
}

// QLDB names no bound on statements, their bytes and buffered bytes. Ours bound a transaction's memory.
limits! {
    "documents-per-transaction" documents_per_transaction: usize = 40, "documents that one transaction may write";
    "document-bytes" document_bytes: usize = 128 << 10, "bytes of one document as Ion binary";
    "transaction-bytes" transaction_bytes: usize = 4 << 20, "bytes of all documents that one transaction writes";
    "transaction-millis" transaction_millis: u64 = 30_000, "milliseconds from a transaction's start to its commit";
    "session-millis" session_millis: u64 = 15 * 60_000, "milliseconds that a session lives, busy or not";
    "open-transactions" open_transactions: usize = 3000, "transactions that may be open at a time";
    "active-tables" active_tables: usize = 20, "tables that may be active at a time";
    "tables" tables: usize = 40, "tables, dropped ones included";
    "indexes-per-table" indexes_per_table: usize = 5, "indexes of one table";
    "statement-characters" statement_characters: usize = 100_000, "characters of one statement";
    "statements-per-transaction" statements_per_transaction: usize = 10_000, "statements of one transaction";
    "statement-bytes-per-transaction" statement_bytes_per_transaction: usize = 16 << 20,
        "bytes of the texts of all statements of one transaction";
    "open-results" open_results: usize = 100, "unfinished results of one transaction";
    "buffered-bytes-max" buffered_bytes_max: usize = 64 << 20,
        "bytes of rows that the results of one transaction buffer to sort, group and join";
    "page-values" page_values: usize = 200, "values of one page";
    "page-bytes" page_bytes: usize = 4 << 20, "bytes of one page's values, of which it has at least one";
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
}

/// A limit that is read and set as a number.
trait Bound {
    fn get(&self) -> u64;
    fn set(&mut self, number: u64);
}

impl Bound for usize {
    fn get(&self) -> u64 {
        u64::try_from(*self).unwrap_or(u64::MAX)
    }

    fn set(&mut self, number: u64) {
        *self = usize::try_from(number).unwrap_or(usize::MAX);
    }
}

impl Bound for u64 {
    fn get(&self) -> u64 {
        *self
    }

    fn set(&mut self, number: u64) {
        *self = number;
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
    /// Counts and bounds the rows that all transactions buffer together, and what open transactions have read and
    /// written beyond some 32 KiB each; `limits.buffered_bytes_max` bounds the rows of one transaction. Ledgers whose options are clones of one another share the count.
    pub buffered_bytes: BufferedBytes,
    /// Counts and bounds the plans of statements that are kept to be used again, shared in the same way.
    pub plan_bytes: BufferedBytes,
    /// Whether a transaction that only read writes a block too, as in QLDB.
    pub record_reads: bool,
    /// Whether the language's extensions beyond QLDB are on (`ORDER BY`, `GROUP BY`, unique indexes and more).
    /// [`Ledger::set_extensions`](crate::Ledger::set_extensions) changes it later.
    pub extensions: bool,
    /// If set, a redaction is refused with this reason before it is committed, because the journal's store cannot replace a
    /// slot.
    pub redaction_refused: Option<String>,
    /// If set, this process only follows the journal, which other processes write: statements that write are refused with
    /// this reason, and nothing is written into the journal's store.
    pub follows: Option<String>,
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
    /// Whether other processes may write to the journal. Then [`Ledger::read_barrier`](crate::Ledger::read_barrier)
    /// asks the store.
    pub is_shared: bool,
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
            plan_bytes: BufferedBytes::new(64 << 20, "plan_bytes"),
            record_reads: false,
            extensions: true,
            redaction_refused: None,
            follows: None,
            group_bytes: 4 << 20,
            group_transactions: 2000,
            persist_millis: 3000,
            idle_millis: 5000,
            unknown_outcome_attempts: 5,
            is_shared: false,
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
