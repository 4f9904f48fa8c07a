//! Runs a plan. Definitions and changes happen at once; a query computes a row when it is asked for one.

use std::sync::Arc;

use everstrand_ion::{Document, StructWriter};

use crate::datum::value_ref::ValueRef;
use crate::error::PartiqlError;
use crate::eval::context::{Context, Execution};
use crate::execute::frame::OuterScope;
use crate::execute::query::QueryState;
use crate::number::EXPONENT_REFUSED;
use crate::plan::{Plan, Statement};
use crate::tables::Tables;

mod access;
mod analyze;
mod combine;
mod definition;
mod dml;
mod edit;
mod filtered;
mod frame;
mod full_join;
mod group;
mod iterate;
mod join;
mod kept;
mod lookup;
mod node;
mod partition;
pub(crate) mod query;
mod scan;
mod sliding;
mod sort;
mod table;
mod window;

/// The result of a statement: rows, some of which may not have been computed yet.
///
/// Rows borrow nothing, so the caller may keep them between the pages of a result and lend them the tables for each
/// page. A query keeps the cursor of the last row that it read, and goes on after it.
#[derive(Debug)]
pub struct Rows {
    execution: Execution,
    parameters: Arc<[Document]>,
    source: RowSource,
}

#[derive(Debug)]
enum RowSource {
    Ready(std::vec::IntoIter<Document>),
    Query {
        plan: Arc<Statement>,
        state: Box<QueryState>,
    },
    /// A query that has failed or ended.
    Over,
}

/// Runs a plan that was made for the same parameters and tables. Definitions and changes are done when this returns. A
/// query has read nothing yet.
pub fn execute(
    plan: Plan,
    parameters: Arc<[Document]>,
    tables: &mut dyn Tables,
) -> Result<Rows, PartiqlError> {
    for (number, parameter) in (1..).zip(&*parameters) {
        if !ValueRef::from(parameter.root()).has_accepted_exponents() {
            return Err(PartiqlError::statement(None, format!("Parameter {number}: {EXPONENT_REFUSED}")));
        }
    }
    let mut execution = Execution::new(tables.now(), &plan.options);
    let source = match &*plan.statement {
        Statement::Query(query) => {
            RowSource::Query { state: Box::new(QueryState::new(query)), plan: Arc::clone(&plan.statement) }
        }
        other => {
            let mut context = Context { tables, execution: &mut execution };
            let outer = OuterScope { enclosing: None, parameters: &parameters };
            RowSource::Ready(at_once(other, &mut context, outer)?.into_iter())
        }
    };
    Ok(Rows { execution, parameters, source })
}

impl Rows {
    /// The next row. After an error there are no more rows.
    pub fn next(&mut self, tables: &mut dyn Tables) -> Result<Option<Document>, PartiqlError> {
        let (plan, state) = match &mut self.source {
            RowSource::Ready(rows) => return Ok(rows.next()),
            RowSource::Over => return Ok(None),
            RowSource::Query { plan, state } => (plan, state),
        };
        let Statement::Query(plan) = &**plan else { return Ok(None) };
        let mut context = Context { tables, execution: &mut self.execution };
        let outer = OuterScope { enclosing: None, parameters: &self.parameters };
        let row = state.next(plan, &mut context, outer);
        let row = row.and_then(|row| row.map(|row| context.document(row)).transpose());
        context.release(0);
        if !matches!(row, Ok(Some(_))) {
            self.source = RowSource::Over;
        }
        row
    }

    /// How many documents have been read so far, as QLDB counts them: a join reads its right side once for each row of
    /// its left side.
    pub fn read_ios(&self) -> u64 {
        self.execution.read_ios
    }

    /// How many documents have been written.
    pub fn write_ios(&self) -> u64 {
        self.execution.write_ios
    }
}

/// Runs any statement but a query, and answers its rows.
fn at_once(
    statement: &Statement,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
) -> Result<Vec<Document>, PartiqlError> {
    Ok(match statement {
        Statement::Query(_) => unreachable!("runs row by row"),
        Statement::Expression(expression) => {
            let value = outer.datum(context, &[], expression)?;
            vec![context.document(value)?]
        }
        Statement::Insert(plan) => dml::insert(plan, context, outer)?,
        Statement::Modify(plan) => dml::modify(plan, context, outer)?,
        Statement::CreateTable { .. }
        | Statement::CreateIndex(_)
        | Statement::DropIndex { .. }
        | Statement::DropTable { .. }
        | Statement::UndropTable { .. } => {
            let table = definition::define(statement, context, outer)?;
            table.iter().map(|table| table_id(table)).collect()
        }
        Statement::Exec { procedure, arguments } => {
            let mut values = Vec::with_capacity(arguments.len());
            for argument in arguments {
                let value = outer.written(context, &[], argument)?;
                values.push(context.tree(value)?);
            }
            match context.tables.procedure(procedure, &values)? {
                Some(rows) => rows.iter().map(Document::from).collect(),
                None => {
                    let text = format!("No such stored procedure: {procedure}");
                    return Err(PartiqlError::evaluator(None, text));
                }
            }
        }
        Statement::Explain(rows) => rows.iter().map(Document::from).collect(),
        Statement::Analyze(analyze) => analyze::analyze(analyze, at_once, context, outer)?,
    })
}

fn table_id(id: &str) -> Document {
    let mut writer = StructWriter::new();
    writer.text("tableId", id);
    writer.finish()
}
