//! Makes a plan of a syntax tree: resolves names to slots and sources, checks each condition where that is
//! cheapest, and chooses how the rows of each table are reached.
//!
//! Names are resolved by QLDB's rules, which the tests number N1 to N12. Error texts are QLDB's too.

mod access;
mod definition;
mod diff;
mod estimate;
mod expression;
mod fields;
mod from;
mod function;
mod groups;
mod hash;
mod hints;
mod index_union;
mod insert;
mod items;
mod join;
mod kept;
#[cfg(feature = "lenient-names")]
mod lenient;
mod modify;
mod names;
mod nested;
mod order;
mod pushed;
mod query;
mod scope;
mod set_operation;
mod shape;
mod size;
mod using;
mod window;
mod with;

use std::sync::Arc;

use everstrand_ion::{Document, Value};

use crate::ast;
use crate::error::{Category, PartiqlError};
use crate::options::Options;
use crate::plan::premises::Premises;
use crate::plan::{self, Expression, InsertPlan, Insertion, Plan, TableUse, UseKind};
use crate::position::Position;
use crate::tables::{AsOf, FieldNames, OnConflict, Source, SourceKind, Tables};

use access::Lookups;
use scope::{CommonTable, Scope};
use size::Sizes;

/// How many expressions may be resolved again for one statement. An expression is resolved again where a clause
/// names an item of the select list. Items that name each other could otherwise multiply without end.
const REPEATED_MAX: usize = 100_000;

/// How much work the planning of one statement may take, which is some 0.3 s. An ordinary statement of 100,000
/// characters takes a thirtieth of it. One that looks for each of thousands of names among thousands of others
/// reaches it.
const WORK_MAX: usize = 30_000_000;

/// After how much work the planner asks whether to stop, which is some milliseconds.
const WORK_BETWEEN_INTERRUPTS: usize = 200_000;

/// The work of comparing two expressions that are much alike.
const COMPARISON: usize = 8;

/// The work of resolving one expression without its parts.
const EXPRESSION: usize = 16;

/// Resolves all names against the tables and decides how the statement runs. It changes nothing.
pub fn plan<'a>(
    statement: &'a ast::Statement,
    parameters: &'a [Document],
    tables: &'a mut dyn Tables,
    options: &'a Options,
) -> Result<Plan, PartiqlError> {
    let mut planner = Planner {
        parameters,
        tables,
        options,
        scopes: Vec::new(),
        common: Vec::new(),
        parameters_seen: 0,
        sources: Some(Vec::new()),
        sizes: Sizes::default(),
        estimates: false,
        stops_early: false,
        fields: Vec::new(),
        uses: Vec::new(),
        hints: Vec::new(),
        repeating: 0,
        repeated: 0,
        worked: 0,
    };
    let statement = planner.statement(statement)?;
    let expected = planner.parameters_seen;
    if expected != parameters.len() {
        return Err(PartiqlError::statement(
            None,
            format!("Query expects {expected} parameters, but statement has {}", parameters.len()),
        ));
    }
    let sizes = planner.sizes.into_known();
    let fields = planner.fields;
    let premises =
        planner.sources.map(|sources| Arc::new(Premises { sources, sizes, fields, parameters: expected }));
    Ok(Plan {
        statement: Arc::new(statement),
        options: options.clone(),
        hints: planner.hints.into(),
        uses: planner.uses.into(),
        premises,
    })
}

/// The state of one call of [`plan`].
struct Planner<'a> {
    parameters: &'a [Document],
    tables: &'a mut dyn Tables,
    options: &'a Options,
    /// The query levels around the expression that is being resolved, the outermost first.
    scopes: Vec<Scope<'a>>,
    /// The queries that WITH names and that may be named here, the innermost last.
    common: Vec<CommonTable<'a>>,
    /// How many parameters the statement has, as far as the planner has seen it.
    parameters_seen: usize,
    /// The names of tables that were asked for, and the sources found. `None` once something was asked that depends on
    /// more than the catalog.
    sources: Option<Vec<(Box<str>, Option<Source>)>>,
    /// The sizes of tables that were asked for.
    sizes: Sizes,
    /// Whether estimates are needed.
    estimates: bool,
    /// Whether the next query ends with its first row, so that the order of its rows decides which conditions are asked.
    stops_early: bool,
    /// The tables whose fields were asked for, and the answers.
    fields: Vec<(Source, Option<FieldNames>)>,
    /// What the statement does with tables, as far as the planner has seen it.
    uses: Vec<TableUse>,
    /// Hints to the author: what the statement may have been meant to say.
    hints: Vec<String>,
    /// How much work was done so far.
    worked: usize,
    /// Within how many expressions that are resolved again the planner is now.
    repeating: usize,
    /// How many expressions have been resolved again.
    repeated: usize,
}

impl<'a> Planner<'a> {
    fn statement(&mut self, statement: &'a ast::Statement) -> Result<plan::Statement, PartiqlError> {
        Ok(match statement {
            ast::Statement::CreateTable { .. }
            | ast::Statement::CreateIndex { .. }
            | ast::Statement::DropIndex { .. }
            | ast::Statement::DropTable { .. }
            | ast::Statement::UndropTable { .. } => self.definition(statement)?,
            ast::Statement::Insert { target, insertion, on_conflict } => {
                plan::Statement::Insert(self.insert(target, insertion, *on_conflict)?)
            }
            ast::Statement::Modify(modify) => plan::Statement::Modify(Box::new(self.modify(modify)?)),
            ast::Statement::Exec { procedure, arguments } => plan::Statement::Exec {
                procedure: procedure.name.clone(),
                arguments: self.expressions(arguments)?,
            },
            ast::Statement::Query(ast::Expression::Query(query)) => match query.as_pivot() {
                Some(_) => plan::Statement::Expression(self.nested_query(query)?),
                None => plan::Statement::Query(self.query(query)?),
            },
            // A bare word. Of all bare expressions this is the one of which QLDB's answer was recorded.
            ast::Statement::Query(ast::Expression::Variable(variable)) if !self.options.extensions => {
                let Position { line, column } = variable.name.position;
                let text = format!("Unsupported PartiQL Statement, Errors at:\nline {line}, column {column}");
                return Err(PartiqlError::statement(None, text));
            }
            ast::Statement::Query(expression) => {
                if !self.options.extensions {
                    return Err(PartiqlError::located(
                        Category::Parser,
                        None,
                        "unexpected term found",
                        "Expected a SELECT, DML or DDL statement",
                    ));
                }
                plan::Statement::Expression(self.expression(expression)?)
            }
            ast::Statement::Explain { statement, analyze, position } => {
                match analyze {
                    None => self.extension(
                        *position,
                        "unexpected token found, IDENTIFIER : explain",
                        "Unexpected term",
                    )?,
                    Some(word) => self.extension(
                        word.position,
                        &format!("unexpected token found, IDENTIFIER : {}", word.name),
                        "Unexpected token after expression",
                    )?,
                }
                self.estimates = true;
                let explained = self.statement(statement)?;
                self.hints_of_fields(&explained)?;
                match analyze {
                    None => plan::Statement::Explain(plan::explain::explain(&explained, &self.hints)),
                    Some(_) => plan::Statement::Analyze(Box::new(plan::Analyze {
                        statement: explained,
                        hints: self.hints.clone(),
                    })),
                }
            }
        })
    }

    /// Looks up the name of a table, and notes the answer as a premise of the plan.
    fn source(&mut self, name: &str, as_of: Option<AsOf>) -> Result<Option<Source>, PartiqlError> {
        if as_of.is_some() {
            self.sources = None;
        }
        let source = self.tables.source(name, as_of)?;
        if let Some(sources) = &mut self.sources {
            sources.push((name.into(), source.clone()));
        }
        Ok(source)
    }

    /// Notes what the statement does with a table.
    fn uses(&mut self, table: &Source, kind: UseKind) {
        let table_use = TableUse { table_id: Arc::clone(&table.table_id), kind };
        if !self.uses.contains(&table_use) {
            self.uses.push(table_use);
        }
    }

    /// Notes that the statement reads a source.
    fn uses_rows(&mut self, source: &Source) {
        match (&source.kind, &source.as_of) {
            (SourceKind::UserTables, _) => self.uses(source, UseKind::ReadCatalog),
            (SourceKind::User | SourceKind::Committed, None) => self.uses(source, UseKind::Read),
            // A new kind of source counts as the past too, because that needs more.
            _ => {
                self.uses(source, UseKind::Read);
                self.uses(source, UseKind::ReadPast);
            }
        }
    }

    fn insert(
        &mut self,
        target: &'a ast::SimplePath,
        insertion: &'a ast::Insertion,
        on_conflict: Option<ast::ConflictAction>,
    ) -> Result<InsertPlan, PartiqlError> {
        let on_conflict = match on_conflict {
            None => OnConflict::Refuse,
            Some(action) => {
                self.extension(
                    action.position,
                    "unexpected token found, KEYWORD : on",
                    "Unexpected token after expression",
                )?;
                if action.replace { OnConflict::DoReplace } else { OnConflict::DoNothing }
            }
        };
        let name = &target.root;
        let table = self.source(&name.name, None)?;
        let table = writable(table.ok_or_else(|| self.no_such_variable(name))?, name)?;
        self.uses(&table, UseKind::Insert);
        if on_conflict == OnConflict::DoReplace {
            self.uses(&table, UseKind::Update);
            self.uses(&table, UseKind::Read);
        }
        if !target.steps.is_empty() {
            return Err(PartiqlError::refused(
                name.position,
                "INSERT INTO as a statement of its own takes a table; use FROM or UPDATE to insert into a document",
            ));
        }
        let insertion = match insertion {
            ast::Insertion::One { at: Some(_), .. } => {
                return Err(PartiqlError::refused(
                    name.position,
                    "AT has no meaning when a document is inserted into a table",
                ));
            }
            ast::Insertion::One { value, at: None } => Insertion::One(self.expression(value)?),
            each => Insertion::Each(self.inserted(each)?),
        };
        Ok(InsertPlan { table, name: name.name.clone(), insertion, on_conflict })
    }

    /// Resolves an expression that was resolved before. [`REPEATED_MAX`] bounds how many.
    fn again<T>(
        &mut self,
        resolve: impl FnOnce(&mut Self) -> Result<T, PartiqlError>,
    ) -> Result<T, PartiqlError> {
        self.repeating += 1;
        let result = resolve(self);
        self.repeating -= 1;
        result
    }

    /// Counts an expression that is about to be resolved.
    fn step(&mut self) -> Result<(), PartiqlError> {
        self.work(EXPRESSION)?;
        self.repeated += usize::from(self.repeating > 0);
        if self.repeated <= REPEATED_MAX {
            return Ok(());
        }
        Err(PartiqlError::limit(
            "ORDER BY, HAVING and GROUP BY name items that name further items, so often that the plan would be too \
             large; write the fields instead of the names of items",
        ))
    }

    /// Counts work about to be done, now and then asks whether to stop, and refuses a statement that takes too much.
    /// The comparison of two names is one unit.
    fn work(&mut self, units: usize) -> Result<(), PartiqlError> {
        let before = self.worked;
        self.worked = before.saturating_add(units);
        if self.worked > WORK_MAX {
            return Err(PartiqlError::limit(
                "It would take too long to plan the statement, because it names too many things among too many \
                 others; give it fewer sources, items, keys or aggregates, or split it",
            ));
        }
        if before / WORK_BETWEEN_INTERRUPTS != self.worked / WORK_BETWEEN_INTERRUPTS {
            self.tables.interrupted()?;
        }
        Ok(())
    }

    /// The lookups for which an index may be used.
    fn lookups(&self) -> Lookups {
        if self.options.extensions { Lookups::All } else { Lookups::Equalities }
    }

    /// Refuses a construct that QLDB did not have, unless extensions are on.
    fn extension(&self, position: Position, found: &str, kind: &str) -> Result<(), PartiqlError> {
        if self.options.extensions { Ok(()) } else { Err(PartiqlError::parser(position, found, kind)) }
    }

    /// Refuses what QLDB's grammar did not have, unless extensions are on.
    fn extended(&self, extension: Option<&ast::Extension>) -> Result<(), PartiqlError> {
        match extension {
            Some(ast::Extension { position, found, kind }) => self.extension(*position, found, kind),
            None => Ok(()),
        }
    }

    /// The value of a literal or a parameter. `None` for any other expression, and for a parameter that was not
    /// given, which [`plan`] reports at the end.
    fn constant(&mut self, expression: &'a ast::Expression) -> Result<Option<Value>, PartiqlError> {
        Ok(match self.expression(expression)? {
            Expression::Literal { value, .. } => Some(value),
            Expression::Parameter { index, .. } => self.parameters.get(index).map(Document::to_value),
            _ => None,
        })
    }
}

/// N7 and N8: the error of a table where no table may be named.
fn global_access_is_illegal(name: &ast::Identifier) -> PartiqlError {
    PartiqlError::located(
        Category::Semantic,
        Some(name.position),
        format_args!("Global variable access is illegal in this context, variable name: '{}'", name.name),
        "Global variable access is illegal in this context",
    )
}

/// The source, unless it is one that DML cannot change.
fn writable(source: Source, name: &ast::Identifier) -> Result<Source, PartiqlError> {
    if source.kind == SourceKind::User && source.as_of.is_none() {
        return Ok(source);
    }
    Err(PartiqlError::refused(
        name.position,
        format_args!("DML statements are only supported in the user view of a table, not on '{}'", name.name),
    ))
}
