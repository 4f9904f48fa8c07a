//! QLDB's PartiQL dialect over any collection of tables.
//!
//! A text becomes an [`ast::Statement`], which becomes a [`plan::Plan`] against the [`tables::Tables`]
//! at hand, which is run.

pub mod ast;
pub mod compare;
pub mod expression;
pub mod key;
pub mod plan;
pub mod tables;

mod datum;
mod error;
mod eval;
mod execute;
mod held;
mod keywords;
mod lexer;
mod number;
mod options;
mod parser;
mod planner;
mod position;
mod value_ref;
mod work;

pub use error::{Category, PartiqlError};
pub use execute::{Rows, execute};
pub use held::{Charge, HeldBytes};
pub use options::Options;
pub use parser::parse;
pub use planner::plan;
pub use value_ref::ValueRef;
