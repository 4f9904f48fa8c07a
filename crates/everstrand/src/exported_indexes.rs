//! The indexes of an exported journal whose blocks do not name them, as QLDB's do not: only the texts of the
//! statements that created them are there. They are created anew in the ledger, by statements of its own.

use std::error::Error;
use std::sync::Arc;

use everstrand::{InProcess, QldbDriver};
use everstrand_ion::RawValue;
use everstrand_partiql::ast::{Identifier, Statement};
use everstrand_partiql::parse;
use everstrand_server::Service;

/// The indexes that there are after the blocks so far, as far as statements tell.
#[derive(Default)]
pub(crate) struct ExportedIndexes {
    found: Vec<Index>,
    /// Blocks with a DROP INDEX: it names an id, and nobody knows of which index.
    drops: Vec<u64>,
}

struct Index {
    table: String,
    /// Its paths, each from field to field.
    paths: Vec<Vec<String>>,
    unique: bool,
    /// The block with the statement.
    block: u64,
}

impl ExportedIndexes {
    /// Takes in the statements of the next block.
    pub(crate) fn note(&mut self, block: u64, value: RawValue<'_>) {
        let info = value.get("transactionInfo").and_then(|info| info.get("statements"));
        for statement in info.into_iter().flat_map(RawValue::items) {
            let text = statement.get("statement").and_then(RawValue::as_text).unwrap_or_default();
            let lower = text.to_ascii_lowercase();
            // Most statements are queries and need not be parsed; one that does not parse did nothing either.
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
            // A table that gets the name again has no indexes.
            Statement::DropTable { name } => self.found.retain(|index| index.table != name.name),
            _ => {}
        }
    }

    /// Creates them in the ledger that was loaded, and prints each. What is refused is printed, too: the journal is
    /// loaded all the same.
    pub(crate) fn create(&self, service: &Arc<Service>, ledger: &str) -> Result<(), Box<dyn Error>> {
        if self.found.is_empty() && self.drops.is_empty() {
            return Ok(());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let driver = QldbDriver::builder(ledger).build_over(Arc::new(InProcess::new(Arc::clone(service))))?;
        for index in &self.found {
            let statement = &index.statement();
            let created = runtime.block_on(driver.execute(|transaction| async move {
                transaction.execute(statement, ()).await?.fetch_all().await
            }));
            match created {
                Ok(_) => println!("index      {statement}, as a statement in block {} did", index.block),
                Err(error) => {
                    eprintln!(
                        "everstrand: block {} has {statement}, which is refused here: {error}",
                        index.block
                    );
                }
            }
        }
        if !self.drops.is_empty() {
            eprintln!(
                "everstrand: an index was dropped in block {:?}. QLDB's blocks do not say which: see \
                 information_schema.user_tables, and DROP INDEX what is too much",
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
