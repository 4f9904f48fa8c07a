//! The language from outside: texts in, trees, plans and rows out.

mod parser;
