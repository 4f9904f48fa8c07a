//! What the principal of a statement may do, and what he may know.

use everstrand_partiql::plan::{TableUse, UseKind};

use super::scope::Scope;
use crate::authorize::{Authorize, Protected, TableAction};
use crate::error::LedgerError;
use crate::state::catalog::Table;

impl Scope<'_> {
    /// Refuses the statement unless it may do this.
    pub(super) fn require(&self, action: TableAction, of: Protected<'_>) -> Result<(), LedgerError> {
        if !action.only_reads() {
            self.may_write()?;
        }
        match self.authorize {
            Some(authorize) if !authorize.allows(action, of) => Err(denied()),
            _ => Ok(()),
        }
    }

    /// Refuses a statement that writes where nothing is written.
    pub(super) fn may_write(&self) -> Result<(), LedgerError> {
        match &self.core.options.follows {
            Some(why) => Err(LedgerError::bad_request(format!("The statement cannot write: {why}"))),
            None => Ok(()),
        }
    }

    /// Refuses the statement unless it may do this with a table.
    pub(super) fn require_on(&self, action: TableAction, table: &Table) -> Result<(), LedgerError> {
        self.require(action, Protected::Table(&table.id_text))
    }

    /// Refuses a plan unless it may do everything that it does with tables.
    pub(super) fn require_all(&self, uses: &[TableUse]) -> Result<(), LedgerError> {
        if self.authorize.is_none() && self.core.options.follows.is_none() {
            return Ok(());
        }
        uses.iter().try_for_each(|TableUse { table_id, kind }| {
            let table = Protected::Table(table_id);
            match kind {
                UseKind::Read => self.require(TableAction::Select, table),
                UseKind::ReadPast => self.require(TableAction::History, table),
                UseKind::ReadCatalog => self.require(TableAction::Select, Protected::Catalog),
                UseKind::Insert => self.require(TableAction::Insert, table),
                UseKind::Update => self.require(TableAction::Update, table),
                UseKind::Delete => self.require(TableAction::Delete, table),
            }
        })
    }

    /// Whether the statement may read a table.
    pub(super) fn may_read(&self, table_id: &str) -> bool {
        self.authorize
            .is_none_or(|authorize| authorize.allows(TableAction::Select, Protected::Table(table_id)))
    }

    /// Whether a table exists for the statement: it may do something with it.
    pub(super) fn is_visible(&self, table: &Table) -> bool {
        self.authorize.is_none_or(|authorize| may_see(authorize, &table.id_text))
    }
}

fn may_see(authorize: &dyn Authorize, table_id: &str) -> bool {
    let mut actions = TableAction::ON_TABLES.iter();
    actions.any(|action| authorize.allows(*action, Protected::Table(table_id)))
}

/// The answer to a statement of a principal. That a name is unknown is told only to who may read the catalog. Others get the same
/// answer whether a table is missing or forbidden.
pub(super) fn told<T>(
    authorize: Option<&dyn Authorize>,
    answer: Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    match (authorize, answer) {
        (Some(authorize), Err(LedgerError::BadRequest { code: Some("432"), message }))
            if message.contains("No such variable")
                && !authorize.allows(TableAction::Select, Protected::Catalog) =>
        {
            Err(denied())
        }
        (_, answer) => answer,
    }
}

/// The text, as far as it is known, is QLDB's.
fn denied() -> LedgerError {
    LedgerError::bad_request(
        "Access denied. Unable to run the statement due to insufficient permissions or an improper variable reference",
    )
}
