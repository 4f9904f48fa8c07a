//! QLDB's PartiQL dialect over any collection of tables.

pub mod tables;

pub mod ast;
