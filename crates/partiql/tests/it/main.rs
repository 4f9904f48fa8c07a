//! The language from outside: texts in, trees, plans and rows out.

mod depth;
mod keys;
mod memory;
mod parser;
mod planner;
mod statements;
mod values;
