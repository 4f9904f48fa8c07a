//! The forms in which QLDB handed out a journal: exports, and blocks in JSON.

pub mod export;
mod export_writer;
pub mod json;
pub(crate) mod written_bytes;

pub use export_writer::{ExportObject, ExportWriter};
