//! QLDB's PartiQL dialect over any collection of tables.
//!
//! [`parse`] makes a syntax tree of a text ([`ast::Statement`]). [`plan`](plan()) resolves its names against the
//! tables at hand and decides how it runs ([`plan::Plan`]). [`execute`] runs the plan and answers its [`Rows`]. The
//! tables may be any that implement [`tables::Tables`]:
//!
//! ```
//! use everstrand_ion::{Document, Timestamp, Value, text};
//! use everstrand_partiql::tables::{Access, AsOf, Cursor, Row, Source, SourceKind, Tables, TablesError};
//! use everstrand_partiql::{Options, execute, parse, plan};
//!
//! /// One table, `city`, that can only be read.
//! struct Cities(Vec<Document>);
//!
//! impl Tables for Cities {
//!     fn source(&mut self, name: &str, _as_of: Option<AsOf>) -> Result<Option<Source>, TablesError> {
//!         let kind = SourceKind::User;
//!         Ok((name == "city").then(|| Source { kind, table_id: name.into(), indexes: [].into(), as_of: None }))
//!     }
//!
//!     fn rows(
//!         &mut self,
//!         _: &Source,
//!         _: &Access,
//!         after: Option<&Cursor>,
//!         limit: usize,
//!     ) -> Result<Vec<Row>, TablesError> {
//!         let first = after.map_or(0, |Cursor(place)| place[0] + 1);
//!         let rows = (first..).zip(&self.0[usize::from(first)..]).take(limit);
//!         Ok(rows.map(|(at, city)| Row { id: None, value: city.clone(), cursor: Cursor(vec![at]) }).collect())
//!     }
//!
//!     fn now(&self) -> Timestamp {
//!         Timestamp::from_unix_millis(0)
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut cities = Cities(Vec::new());
//! for city in ["{name: \"Linz\", rivers: [\"Donau\"]}", "{name: \"Graz\", rivers: [\"Mur\"]}"] {
//!     cities.0.push(Document::from(&text::read_one(city)?));
//! }
//!
//! let statement = parse("SELECT c.name, r AS river FROM city AS c, @c.rivers AS r WHERE c.name = ?")?;
//! let parameters = [Document::from(&Value::from("Graz"))];
//! let plan = plan(&statement, &parameters, &mut cities, &Options::default())?;
//! let mut rows = execute(plan, parameters.into(), &mut cities)?;
//!
//! let row = rows.next(&mut cities)?.ok_or("a row")?;
//! assert_eq!(row.to_value().to_string(), "{name:\"Graz\",river:\"Mur\"}");
//! assert!(rows.next(&mut cities)?.is_none());
//! # Ok(())
//! # }
//! ```

pub mod ast;
pub mod compare;
pub mod expression;
pub mod key;
pub mod plan;
pub mod tables;

mod buffered_bytes;
mod datum;
mod error;
mod eval;
mod execute;
mod hash_table;
mod keywords;
mod lexer;
mod meters;
mod number;
mod options;
mod parser;
mod planner;
mod position;
mod work;

pub use buffered_bytes::{BufferedBytes, Charge};
pub use datum::value_ref::ValueRef;
pub use error::{Category, PartiqlError};
pub use execute::{Rows, execute};
pub use options::Options;
pub use parser::parse;
pub use planner::plan;
