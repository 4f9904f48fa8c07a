//! Stands in for the parts of the language that have not arrived.
#![expect(missing_docs, unused_variables, reason = "until the language's executor is there")]
use everstrand_ion::Document;
use everstrand_partiql::tables::Tables;
pub(crate) use everstrand_partiql::*;
use std::sync::Arc;
pub(crate) struct Plan;
pub(crate) struct Rows;
pub(crate) fn plan(
    s: &ast::Statement,
    p: &[Document],
    t: &mut dyn Tables,
    o: &Options,
) -> Result<Plan, PartiqlError> {
    unimplemented!()
}
pub(crate) fn execute(plan: Plan, p: Arc<[Document]>, t: &mut dyn Tables) -> Result<Rows, PartiqlError> {
    unimplemented!()
}
impl Rows {
    pub(crate) fn next(&mut self, t: &mut dyn Tables) -> Result<Option<Document>, PartiqlError> {
        unimplemented!()
    }
    pub(crate) fn read_ios(&self) -> u64 {
        0
    }
    pub(crate) fn write_ios(&self) -> u64 {
        0
    }
}
pub(crate) mod key {
    use everstrand_ion::RawValue;
    use std::ops::Bound;
    pub(crate) fn encode(parts: &[Option<RawValue<'_>>]) -> Vec<u8> {
        unimplemented!()
    }
    pub(crate) fn at_path<'a>(document: RawValue<'a>, path: &[String]) -> Option<RawValue<'a>> {
        unimplemented!()
    }
    pub(crate) fn range(range: &everstrand_partiql::tables::KeyRange) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        unimplemented!()
    }
}
