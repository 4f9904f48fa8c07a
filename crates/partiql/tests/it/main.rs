//! The language from outside: texts in, trees, plans and rows out.

mod bounds;
mod combined;
mod depth;
mod joins;
mod keys;
mod memory;
mod model;
mod numbers;
mod parser;
mod planner;
mod print;
mod rows;
mod splice;
mod statements;
mod types;
mod values;
