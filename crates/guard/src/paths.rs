//! The hot paths: what each does, how often, and how many parts one operation has.

use crate::counted::{self, Allocated, Operation};
use crate::{Failure, engine, formats, service};

/// One hot path.
pub(crate) struct Path {
    /// Its name in the baseline.
    pub(crate) name: &'static str,
    /// What one of the counted parts is.
    pub(crate) what: &'static str,
    /// Operations before the counting starts, so that plans and tables are kept.
    before: u32,
    /// Operations that are counted.
    times: u32,
    /// How many of what is reported one operation does.
    parts: u32,
    prepare: fn() -> Result<Operation, Failure>,
}

impl Path {
    /// Runs the path and counts what one part allocates.
    pub(crate) fn run(&self) -> Result<Allocated, Failure> {
        let mut operation = (self.prepare)()?;
        (0..self.before).try_for_each(|_| operation())?;
        counted::allocated(&mut operation, self.times, self.parts)
    }

    /// The instructions of one part, of all that were counted.
    pub(crate) fn each(&self, instructions: u64) -> u64 {
        instructions / u64::from(self.times) / u64::from(self.parts)
    }
}

/// All of them.
pub(crate) const PATHS: &[Path] = &[
    Path {
        name: "ion",
        what: "a document of eleven fields: read from text, made binary, hashed",
        before: 20,
        times: 200,
        parts: 1,
        prepare: formats::ion,
    },
    Path {
        name: "wire",
        what: "an ExecuteStatement with two parameters and its answer with one document, written and read by both ends",
        before: 20,
        times: 200,
        parts: 1,
        prepare: formats::wire,
    },
    Path {
        name: "signature",
        what: "a request signed and its signature checked",
        before: 20,
        times: 100,
        parts: 1,
        prepare: formats::signature,
    },
    Path {
        name: "new-statement",
        what: "a point read whose text was never seen: parsed, planned, run, validated",
        before: 20,
        times: 200,
        parts: 1,
        prepare: engine::new_statement,
    },
    Path {
        name: "point-read",
        what: "a point read by index with a plan that is kept",
        before: 20,
        times: 500,
        parts: 1,
        prepare: engine::point_read,
    },
    Path {
        name: "read-modify-write",
        what: "a document looked up, changed and committed, in a group of its own",
        before: 20,
        times: 200,
        parts: 1,
        prepare: engine::read_modify_write,
    },
    Path {
        name: "group-of-16",
        what: "one of sixteen read-modify-writes that commit in one group",
        before: 2,
        times: 20,
        parts: 16,
        prepare: engine::group_of_sixteen,
    },
    Path {
        name: "insert-of-40",
        what: "one of forty documents inserted in a transaction, with two indexes",
        before: 1,
        times: 10,
        parts: 40,
        prepare: engine::insert_of_forty,
    },
    Path {
        name: "scan",
        what: "a document of a table that is read whole, and a field of it compared",
        before: 1,
        times: 4,
        parts: engine::DOCUMENTS,
        prepare: engine::scan,
    },
    Path {
        name: "group-by",
        what: "a document of a table that is grouped by one field and summed up by another",
        before: 1,
        times: 4,
        parts: engine::DOCUMENTS,
        prepare: engine::group_by,
    },
    Path {
        name: "order-by",
        what: "a document of a table that is sorted by a field without an index",
        before: 1,
        times: 4,
        parts: engine::DOCUMENTS,
        prepare: engine::order_by,
    },
    Path {
        name: "proof",
        what: "a block among five hundred read, its proof made and verified",
        before: 20,
        times: 200,
        parts: 1,
        prepare: engine::proof,
    },
    Path {
        name: "replay",
        what: "a block of a journal that is read into an empty view",
        before: 1,
        times: 3,
        parts: engine::BLOCKS,
        prepare: engine::replay,
    },
    Path {
        name: "service",
        what: "a read-modify-write as the server's four commands: signatures checked, JSON to JSON, without a socket",
        before: 10,
        times: 100,
        parts: 1,
        prepare: service::read_modify_write,
    },
];
