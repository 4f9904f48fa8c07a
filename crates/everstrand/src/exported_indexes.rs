//! The indexes of a journal that QLDB exported. Its blocks do not name indexes, but they hold the texts of the statements that
//! created them. The import runs these statements again in the new ledger.

use std::error::Error;
use std::sync::Arc;

use everstrand_driver::{QldbDriver, Transport};
use everstrand_ion::RawValue;
use everstrand_partiql::ast::{Identifier, Statement};
use everstrand_partiql::parse;

/// The indexes after the blocks so far, as far as the texts of statements show.
#[derive(Default)]
pub(crate) struct ExportedIndexes {
    found: Vec<Index>,
    /// Blocks with a DROP INDEX. The statement names an index id, and the blocks do not say which index has it.
    drops: Vec<u64>,
}

struct Index {
    table: String,
    /// The paths, each a list of fields.
    paths: Vec<Vec<String>>,
    unique: bool,
    /// The block with the CREATE INDEX statement.
    block: u64,
}

impl ExportedIndexes {
    /// Reads the statements of the next block.
    pub(crate) fn note(&mut self, block: u64, value: RawValue<'_>) {
        let info = value.get("transactionInfo").and_then(|info| info.get("statements"));
        for statement in info.into_iter().flat_map(RawValue::items) {
            let text = statement.get("statement").and_then(RawValue::as_text).unwrap_or_default();
            let lower = text.to_ascii_lowercase();
            // Most statements are queries and need no parsing. A statement that cannot be parsed had no effect in QLDB.
            if (lower.contains("index") || lower.contains("drop"))
                && let Ok(statement) = parse(text)
            {
                self.take(block, statement);
            }
        }
    }

    fn take(&mut self, block: u64, statement: Statement) {
        match statement {
            Statement::CreateIndex { table, paths, unique, .. } => {
                let name = |step: Identifier| step.name;
                let paths = paths.into_iter().map(|path| path.into_iter().map(name).collect()).collect();
                let index = Index { table: table.name, paths, unique, block };
                self.found.retain(|known| known.table != index.table || known.paths != index.paths);
                self.found.push(index);
            }
            Statement::DropIndex { .. } => self.drops.push(block),
            // A later table with the same name has no indexes.
            Statement::DropTable { name, .. } => self.found.retain(|index| index.table != name.name),
            _ => {}
        }
    }

    /// Creates the indexes in the loaded ledger and prints each. A refused statement is printed too; the journal stays loaded.
    pub(crate) fn create<T: Transport>(&self, transport: T, ledger: &str) -> Result<(), Box<dyn Error>> {
        if self.found.is_empty() && self.drops.is_empty() {
            return Ok(());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let driver = QldbDriver::builder(ledger).build_over(Arc::new(transport))?;
        for index in &self.found {
            let statement = &index.statement();
            let created = runtime.block_on(driver.execute(|transaction| async move {
                transaction.execute(statement, ()).await?.fetch_all().await
            }));
            match created {
                Ok(_) => println!("index      {statement}, as a statement in block {} did", index.block),
                Err(error) => {
                    eprintln!(
                        "everstrand: block {} has {statement}, which this ledger refuses: {error}",
                        index.block
                    );
                }
            }
        }
        if !self.drops.is_empty() {
            eprintln!(
                "everstrand: an index was dropped in block {:?}, and QLDB's blocks do not say which. See \
                 information_schema.user_tables, and drop the indexes that should not exist",
                self.drops
            );
        }
        runtime.block_on(driver.close());
        Ok(())
    }
}

impl Index {
    fn statement(&self) -> String {
        let quoted = |name: &String| format!("\"{}\"", name.replace('"', "\"\""));
        let path = |path: &Vec<String>| path.iter().map(quoted).collect::<Vec<_>>().join(".");
        let paths = self.paths.iter().map(path).collect::<Vec<_>>().join(", ");
        let unique = if self.unique { "UNIQUE " } else { "" };
        format!("CREATE {unique}INDEX ON {} ({paths})", quoted(&self.table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use everstrand_ion::{Document, text};

    #[test]
    fn what_is_left_of_the_statements_of_a_journal() {
        let mut indexes = ExportedIndexes::default();
        for (block, statement) in (0u64..).zip([
            "create index on Person (GovId)",
            "CREATE INDEX ON \\\"Person\\\" (\\\"First Name\\\")",
            "CREATE INDEX ON Gone (a)",
            "SELECT * FROM Person AS p WHERE p.note = 'drop index'",
            "CREATE INDEX ON Person (GovId)",
            "DROP TABLE Gone",
            "DROP INDEX \\\"4tPW3fUhaVhDinRgKRLhGU\\\" ON Person WITH (purge = true)",
            "no statement with an index",
        ]) {
            let value = format!("{{transactionInfo:{{statements:[{{statement:\"{statement}\"}}]}}}}");
            let value = Document::from(&text::read_one(&value).expect("Ion"));
            indexes.note(block, value.root());
        }
        let left: Vec<String> = indexes.found.iter().map(Index::statement).collect();
        assert_eq!(
            left,
            ["CREATE INDEX ON \"Person\" (\"First Name\")", "CREATE INDEX ON \"Person\" (\"GovId\")"]
        );
        assert_eq!(indexes.drops, [6]);
    }
}
