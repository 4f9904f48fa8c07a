//! QLDB's PartiQL dialect over any collection of tables.
//!
//! A text becomes an [`ast::Statement`], which becomes a [`plan::Plan`] against the [`tables::Tables`]
//! at hand, which is run.

pub mod ast;
pub mod compare;
pub mod key;
pub mod plan;
pub mod tables;

mod datum;
mod error;
mod eval;
mod execute;
mod held;
mod lexer;
mod number;
mod parser;
mod planner;
mod view;
mod work;

pub use error::{Category, PartiqlError};
pub use execute::{Rows, execute};
pub use held::{Charge, HeldBytes};
pub use parser::parse;
pub use planner::plan;
pub use view::ValueRef;

/// How a statement may use the language, and within which bounds it runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether the constructs are there that QLDB did not have. Without them they are refused with
    /// QLDB's own errors.
    pub extensions: bool,
    /// Whether an unqualified name is the field of whichever row around has it, be it in a nested query
    /// or among several sources, and the names of the outermost query stand for tables. Only the public
    /// conformance suite, which knows none of these rules, wants this.
    pub lenient_names: bool,
    /// How many bytes of rows and values may be held at once, and are: by this statement and by all
    /// others with the same count whose rows are not at their end.
    pub held: HeldBytes,
}

impl Default for Options {
    fn default() -> Options {
        Options { extensions: true, lenient_names: false, held: HeldBytes::default() }
    }
}
