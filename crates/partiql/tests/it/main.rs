//! The language from outside: texts in, trees, plans and rows out.

mod keys;
mod memory;
mod parser;
mod statements;
mod values;
