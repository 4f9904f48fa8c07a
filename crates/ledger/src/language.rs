//! Stands in for the planner until it is there.
use std::sync::Arc;

use everstrand_ion::Document;
use everstrand_partiql::tables::Tables;
use everstrand_partiql::{Options, PartiqlError, ast, plan::Plan};

pub(crate) fn plan(
    _statement: &ast::Statement,
    _parameters: &[Document],
    _tables: &mut dyn Tables,
    _options: &Options,
) -> Result<Plan, PartiqlError> {
    let _: Option<Arc<str>> = None;
    Err(PartiqlError::limit("no planner yet"))
}
