//! How QLDB showed a journal to others: its exports, and what JSON made of a block.

pub mod export;
mod export_writer;
pub mod json;
pub(crate) mod written_bytes;

pub use export_writer::{ExportObject, ExportWriter};
