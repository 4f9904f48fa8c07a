//! Resolves DIFF, a source whose rows are what changed in a table between two moments.

use everstrand_ion::{Data, Value};

use super::Planner;
use crate::ast::{self, Identifier};
use crate::error::PartiqlError;
use crate::position::Position;
use crate::tables::{AsOf, HistoryTable, Source};

impl<'a> Planner<'a> {
    /// `DIFF(table, AS OF start [, AS OF end])`. The table is a name or the string of an id.
    pub(super) fn diff(
        &mut self,
        arguments: &'a [ast::Expression],
        as_of: Position,
        position: Position,
    ) -> Result<(Source, Identifier), PartiqlError> {
        self.diff_is_known(as_of)?;
        // The moments may be parameters. The plan holds their values and so cannot be used again.
        self.sources = None;
        let (table, moments) = arguments.split_first().expect("the parser makes no DIFF without a table");
        let (name, table) = match table {
            ast::Expression::Variable(ast::Variable { name, local: false }) => {
                (name.clone(), HistoryTable::Name(&name.name))
            }
            ast::Expression::Literal { value: Value { data: Data::String(id), .. }, .. } => {
                let name = Identifier { name: id.clone(), position, is_quoted: false };
                (name, HistoryTable::Id(id))
            }
            _ => {
                return Err(PartiqlError::refused(
                    position,
                    "DIFF's first argument is the name of a table or the string of its id",
                ));
            }
        };
        let mut resolved = Vec::with_capacity(moments.len());
        for moment in moments {
            // A parameter that was not given is reported at the end.
            resolved.push(self.moment(moment, position)?.unwrap_or(AsOf::Block(0)));
        }
        let mut resolved = resolved.into_iter();
        let start = resolved.next().unwrap_or(AsOf::Block(0));
        let source = self.tables.diff(table, start, resolved.next())?;
        Ok((source.ok_or_else(|| self.no_such_variable(&name))?, name))
    }

    /// The error of DIFF that is no source.
    pub(super) fn misplaced_diff(&self, as_of: Position, position: Position) -> PartiqlError {
        let refused = || {
            PartiqlError::refused(position, "DIFF(…, AS OF …) is a source of rows and may only stand in FROM")
        };
        self.diff_is_known(as_of).err().unwrap_or_else(refused)
    }

    fn diff_is_known(&self, as_of: Position) -> Result<(), PartiqlError> {
        self.extension(as_of, "unexpected keyword found, AS : as", "Unexpected keyword")
    }
}
